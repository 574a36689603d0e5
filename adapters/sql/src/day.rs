//! The days of channels.

use async_trait::async_trait;
use domain::channel::ChannelId;
use domain::coverage::Interval;
use domain::day::{Day, DayCounts, DayStats, PAGE};
use domain::message::MessageId;
use ports::day::{ChannelTotals, DayRepository};
use ports::error::StoreError;
use tracing::instrument;

use crate::columns::{Columns, ValueError};
use crate::parameters;
use crate::session::{FromRow, Session};
use crate::unit::SqlUnit;
use crate::values;

/// The statements of a store.
pub trait DayStatements: Session {
    /// Finds a day.
    const FIND: &'static str;
    /// Lists the days of a channel between two days.
    const LIST: &'static str;
    /// Counts the messages of a channel by month, each with its first day.
    const MONTHS: &'static str;
    /// Finds the last day with messages before a day.
    const PREVIOUS: &'static str;
    /// Finds the first day with messages after a day.
    const NEXT: &'static str;
    /// Adds up the days of a channel.
    const TOTALS: &'static str;

    /// Returns the first messages of the pages that begin in an interval: those before which a multiple of
    /// [`PAGE`] messages come, `before` of them outside the interval.
    fn page_starts(
        &mut self,
        channel: ChannelId,
        interval: Interval,
        before: u64,
    ) -> impl Future<Output = Result<Vec<MessageId>, StoreError>> + Send;
}

impl FromRow for DayStats {
    const TABLE: &'static str = "channel_days";

    fn from_row(row: &mut impl Columns) -> Result<Self, StoreError> {
        Ok(Self { day: day(row, "day")?, counts: counts(row)?, changed_at: row.time("changed_at")? })
    }
}

impl FromRow for ChannelTotals {
    const TABLE: &'static str = "channel_days";

    fn from_row(row: &mut impl Columns) -> Result<Self, StoreError> {
        let channel = ChannelId(row.uuid("channel_id")?);
        Ok(Self { channel, counts: counts(row)?, changed_at: row.time("changed_at")? })
    }
}

/// A day alone.
struct OnlyDay(Day);

impl FromRow for OnlyDay {
    const TABLE: &'static str = "channel_days";

    fn from_row(row: &mut impl Columns) -> Result<Self, StoreError> {
        day(row, "day").map(Self)
    }
}

/// The first day of a month, with the number of the month's messages.
struct MonthRow(Day, u64);

impl FromRow for MonthRow {
    const TABLE: &'static str = "channel_days";

    fn from_row(row: &mut impl Columns) -> Result<Self, StoreError> {
        Ok(Self(day(row, "first_day")?, row.number("messages")?))
    }
}

fn day(row: &mut impl Columns, column: &'static str) -> Result<Day, StoreError> {
    let number: u32 = row.number(column)?;
    Day::from_number(number).ok_or_else(|| row.corrupt("day", ValueError::Number(number.into())))
}

fn counts(row: &mut impl Columns) -> Result<DayCounts, StoreError> {
    Ok(DayCounts {
        messages: row.number("messages")?,
        by_people: row.number("by_people")?,
        text_bytes: row.number("text_bytes")?,
    })
}

/// Returns the remainders that number the messages of an interval, from 1, at which pages begin: `:page` and
/// `:remainder` of the statements.
#[must_use]
pub const fn page_remainder(before: u64) -> (u64, u64) {
    // The message with number 1 begins a page if a multiple of the page's size comes before it.
    (PAGE, (1 + PAGE - before % PAGE) % PAGE)
}

#[async_trait]
impl<U: DayStatements> DayRepository for SqlUnit<U> {
    #[instrument(name = "db.day.find", level = "debug", skip_all, err(level = "trace"))]
    async fn find(&mut self, channel: ChannelId, day: Day) -> Result<Option<DayStats>, StoreError> {
        let parameters = parameters! { "channel_id" => channel.0, "day" => day.number() };
        self.0.select_one(U::FIND, parameters).await
    }

    #[instrument(name = "db.day.list", level = "debug", skip_all, err(level = "trace"))]
    async fn list(&mut self, channel: ChannelId, first: Day, last: Day) -> Result<Vec<DayStats>, StoreError> {
        let parameters = parameters! { "channel_id" => channel.0, "first" => first.number(), "last" => last.number() };
        self.0.select(U::LIST, parameters).await
    }

    #[instrument(name = "db.day.months", level = "debug", skip_all, err(level = "trace"))]
    async fn months(&mut self, channel: ChannelId) -> Result<Vec<(Day, u64)>, StoreError> {
        let rows: Vec<MonthRow> = self.0.select(U::MONTHS, parameters! { "channel_id" => channel.0 }).await?;
        Ok(rows.into_iter().map(|MonthRow(first, messages)| (first, messages)).collect())
    }

    #[instrument(name = "db.day.neighbours", level = "debug", skip_all, err(level = "trace"))]
    async fn neighbours(&mut self, channel: ChannelId, day: Day) -> Result<(Option<Day>, Option<Day>), StoreError> {
        let parameters = || parameters! { "channel_id" => channel.0, "day" => day.number() };
        let previous = self.0.select_one(U::PREVIOUS, parameters()).await?;
        let next = self.0.select_one(U::NEXT, parameters()).await?;
        Ok((previous.map(|OnlyDay(day)| day), next.map(|OnlyDay(day)| day)))
    }

    #[instrument(name = "db.day.page_starts", level = "debug", skip_all, err(level = "trace"))]
    async fn page_starts(
        &mut self,
        channel: ChannelId,
        interval: Interval,
        before: u64,
    ) -> Result<Vec<MessageId>, StoreError> {
        self.0.page_starts(channel, interval, before).await
    }

    #[instrument(name = "db.day.totals", level = "debug", skip_all, err(level = "trace"))]
    async fn totals(&mut self, channels: &[ChannelId]) -> Result<Vec<ChannelTotals>, StoreError> {
        let keys = channels.iter().map(|channel| values![channel.0]).collect();
        let mut totals: Vec<ChannelTotals> = self.0.select_each(U::TOTALS, None, keys).await?;
        // A store may repeat a key.
        totals.sort_unstable_by_key(|totals| totals.channel);
        totals.dedup_by_key(|totals| totals.channel);
        Ok(totals)
    }
}
