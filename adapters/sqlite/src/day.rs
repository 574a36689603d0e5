//! The days of channels.

use adapter_sql::columns::Columns;
use adapter_sql::day::{DayStatements, page_remainder};
use adapter_sql::message::shown_sql;
use adapter_sql::sql;
use domain::channel::ChannelId;
use domain::coverage::Interval;
use domain::message::MessageId;
use domain::page::DayPlan;
use ports::error::StoreError;
use rusqlite::{Connection, named_params};

use crate::error::store_error;
use crate::row::{Text, execute, millis, number, query};
use crate::unit::Unit;

/// Numbers the messages that are shown to readers; [`shown_sql`] fills in their types.
const PAGE_STARTS: &str = r"
    SELECT message_id
    FROM (
        SELECT message_id, ROW_NUMBER() OVER (ORDER BY message_id) AS number
        FROM messages
        WHERE channel_id = :channel_id
            AND message_id BETWEEN :low AND :high
            AND deleted_at IS NULL
            AND kind IN (:shown)
    )
    WHERE number % :page = :remainder
    ORDER BY message_id
";

const ADD: &str = sql! {r"
    INSERT INTO channel_days (channel_id, {day})
    VALUES (:channel_id, {:day})
    ON CONFLICT (channel_id, day) DO UPDATE
    SET messages = channel_days.messages + excluded.messages,
        by_people = channel_days.by_people + excluded.by_people,
        text_bytes = channel_days.text_bytes + excluded.text_bytes,
        changed_at = MAX(channel_days.changed_at, excluded.changed_at)
"};

/// Adds changes to the days of a channel.
pub(crate) fn add(connection: &Connection, channel: ChannelId, days: &[DayPlan]) -> Result<(), StoreError> {
    for plan in days {
        let [messages, by_people, text_bytes] = plan.growth();
        let parameters = named_params! {
            ":channel_id": Text(channel.0),
            ":day": plan.day.number(),
            ":messages": messages,
            ":by_people": by_people,
            ":text_bytes": text_bytes,
            ":changed_at": millis(plan.changed_at),
        };
        execute(connection, ADD, parameters).map_err(store_error)?;
    }
    Ok(())
}

impl DayStatements for Unit {
    const FIND: &'static str = sql! {r"
        SELECT {day}
        FROM channel_days
        WHERE channel_id = :channel_id
            AND day = :day
    "};

    const LIST: &'static str = sql! {r"
        SELECT {day}
        FROM channel_days
        WHERE channel_id = :channel_id
            AND day BETWEEN :first AND :last
        ORDER BY day
    "};

    const MONTHS: &'static str = r"
        SELECT MIN(day) AS first_day, SUM(messages) AS messages
        FROM channel_days
        WHERE channel_id = :channel_id
            AND messages > 0
        GROUP BY day / 100
        ORDER BY first_day
    ";

    const PREVIOUS: &'static str = r"
        SELECT day
        FROM channel_days
        WHERE channel_id = :channel_id
            AND day < :day
            AND messages > 0
        ORDER BY day DESC
        LIMIT 1
    ";

    const NEXT: &'static str = r"
        SELECT day
        FROM channel_days
        WHERE channel_id = :channel_id
            AND day > :day
            AND messages > 0
        ORDER BY day
        LIMIT 1
    ";

    const TOTALS: &'static str = r"
        SELECT channel_id, SUM(messages) AS messages, SUM(by_people) AS by_people, SUM(text_bytes) AS text_bytes,
            MAX(changed_at) AS changed_at
        FROM channel_days
        WHERE channel_id = :channel_id
        GROUP BY channel_id
    ";

    async fn page_starts(
        &mut self,
        channel: ChannelId,
        interval: Interval,
        before: u64,
    ) -> Result<Vec<MessageId>, StoreError> {
        let (page, remainder) = page_remainder(before);
        self.run(move |connection| {
            let parameters = named_params! {
                ":channel_id": Text(channel.0),
                ":low": number(interval.low()),
                ":high": number(interval.high()),
                ":page": page.cast_signed(),
                ":remainder": remainder.cast_signed(),
            };
            query(connection, "messages", &shown_sql(PAGE_STARTS), parameters, |row| row.id("message_id"))
        })
        .await
    }
}
