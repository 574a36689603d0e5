//! The days of channels.

use adapter_sql::columns::Columns;
use adapter_sql::day::{DayStatements, page_remainder};
use adapter_sql::message::shown_sql;
use adapter_sql::sql;
use domain::channel::ChannelId;
use domain::coverage::Interval;
use domain::message::MessageId;
use domain::page::DayPlan;
use mysql_async::{Params, Value, params};
use ports::error::StoreError;

use crate::batch::with_rows;
use crate::row::{datetime, of};
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
    ) AS numbered
    WHERE number % :page = :remainder
    ORDER BY message_id
";

const ADD: &str = sql! {r"
    INSERT INTO channel_days (channel_id, {day})
    VALUES
"};

const ADD_TAIL: &str = r"
    ON DUPLICATE KEY UPDATE
        messages = messages + VALUES(messages), by_people = by_people + VALUES(by_people),
        text_bytes = text_bytes + VALUES(text_bytes), changed_at = GREATEST(changed_at, VALUES(changed_at))
";

impl Unit {
    /// Adds changes to the days of a channel, with the next statement or with the commit.
    pub(crate) fn add_to_days(&mut self, channel: ChannelId, days: &[DayPlan]) {
        let row = |plan: &DayPlan| -> [Value; 6] {
            let [messages, by_people, text_bytes] = plan.growth().map(Value::from);
            let day = plan.day.number().into();
            [channel.to_string().into(), day, messages, by_people, text_bytes, datetime(plan.changed_at)]
        };
        let rows: Vec<_> = days.iter().map(row).collect();
        if !rows.is_empty() {
            self.defer(&with_rows(ADD, &rows, ADD_TAIL), &Params::Empty);
        }
    }
}

impl DayStatements for Unit {
    const FIND: &'static str = sql! {r"
        SELECT {day}
        FROM channel_days
        WHERE channel_id = :channel_id
            AND day = :day
    "};

    const LIST: &'static str = sql! {r"
        SELECT /*+ ORDER_INDEX(channel_days, PRIMARY) */
            {day}
        FROM channel_days
        WHERE channel_id = :channel_id
            AND day BETWEEN :first AND :last
        ORDER BY day
    "};

    const MONTHS: &'static str = r"
        SELECT MIN(day) AS first_day, CAST(SUM(messages) AS SIGNED) AS messages
        FROM channel_days
        WHERE channel_id = :channel_id
            AND messages > 0
        GROUP BY day DIV 100
        ORDER BY first_day
    ";

    const PREVIOUS: &'static str = r"
        SELECT /*+ ORDER_INDEX(channel_days, PRIMARY) */
            day
        FROM channel_days
        WHERE channel_id = :channel_id
            AND day < :day
            AND messages > 0
        ORDER BY day DESC
        LIMIT 1
    ";

    const NEXT: &'static str = r"
        SELECT /*+ ORDER_INDEX(channel_days, PRIMARY) */
            day
        FROM channel_days
        WHERE channel_id = :channel_id
            AND day > :day
            AND messages > 0
        ORDER BY day
        LIMIT 1
    ";

    const TOTALS: &'static str = r"
        SELECT channel_id, CAST(SUM(messages) AS SIGNED) AS messages, CAST(SUM(by_people) AS SIGNED) AS by_people,
            CAST(SUM(text_bytes) AS SIGNED) AS text_bytes, MAX(changed_at) AS changed_at
        FROM channel_days
        WHERE channel_id IN (…)
        GROUP BY channel_id
    ";

    async fn page_starts(
        &mut self,
        channel: ChannelId,
        interval: Interval,
        before: u64,
    ) -> Result<Vec<MessageId>, StoreError> {
        let (page, remainder) = page_remainder(before);
        let parameters = params! {
            "channel_id" => channel.to_string(),
            "low" => interval.low().get(),
            "high" => interval.high().get(),
            "page" => page,
            "remainder" => remainder,
        };
        self.rows(&shown_sql(PAGE_STARTS), parameters, of("messages", |row| row.id("message_id"))).await
    }
}
