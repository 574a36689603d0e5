//! Days and months of channels, in UTC. The page of a day has the same address for ever.
//!
//! The day of a message is that of its id, so that the messages of a day are an interval of ids.

use std::fmt;
use std::str::FromStr;

use jiff::ToSpan;
use jiff::civil::Date;

use crate::coverage::Interval;
use crate::message::{Message, MessageId};
use crate::snowflake::DISCORD_EPOCH_MS;
use crate::timestamp::Timestamp;

/// The number of messages on a page of a day or of a thread.
pub const PAGE: u64 = 200;

/// The fewest messages and bytes of text that make a day worth a place in a search engine, and the fewest bytes of a thread
/// that has no reply.
const THIN: (u64, u64, u64) = (3, 200, 120);

/// A day, from 2015-01-01 to the last one that an id can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(Date);

/// A month with at least one [`Day`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(Date);

/// A text that is not a day or month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseDayError {
    /// It is not a day.
    #[error("expected a day such as 2026-03-01")]
    Day,
    /// It is not a month.
    #[error("expected a month such as 2026-03")]
    Month,
}

impl Day {
    /// Returns the day of a message.
    #[must_use]
    pub fn of(id: MessageId) -> Self {
        Self(id.created_at().civil().date())
    }

    fn new(date: Date) -> Option<Self> {
        (Self::of(MessageId::MIN).0..=Self::of(MessageId::MAX).0).contains(&date).then_some(Self(date))
    }

    /// Returns the day with this [number](Day::number).
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        let (year, month, day) = (number / 10_000, number / 100 % 100, number % 100);
        let date = Date::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?);
        date.ok().and_then(Self::new)
    }

    /// Returns the decimal number `YYYYMMDD`.
    #[must_use]
    pub fn number(self) -> u32 {
        let part = |part: i8| u32::from(part.unsigned_abs());
        u32::from(self.0.year().unsigned_abs()) * 10_000 + part(self.0.month()) * 100 + part(self.0.day())
    }

    /// Returns when it begins.
    #[must_use]
    pub fn start(self) -> Timestamp {
        let days = self.0.since(jiff::civil::date(2015, 1, 1)).expect("two dates have a difference").get_days();
        Timestamp::from_millis(DISCORD_EPOCH_MS + i64::from(days) * 86_400_000).expect("it is at most in the year 2084")
    }

    /// Returns the ids of the messages of the day.
    #[must_use]
    pub fn interval(self) -> Interval {
        let next = self.0.tomorrow().ok().and_then(Self::new);
        let high = next.and_then(|next| MessageId::first_at(next.start()).previous()).unwrap_or(MessageId::MAX);
        Interval::new(MessageId::first_at(self.start()), high).expect("a day ends after it begins")
    }

    /// Returns its month.
    #[must_use]
    pub fn month(self) -> Month {
        Month(self.0.first_of_month())
    }

    /// Returns the day of the month, from 1.
    #[must_use]
    pub fn of_month(self) -> u8 {
        self.0.day().unsigned_abs()
    }

    /// Returns the day of the week, from 0 for Monday.
    #[must_use]
    pub fn weekday(self) -> u8 {
        self.0.weekday().to_monday_zero_offset().unsigned_abs()
    }
}

impl fmt::Display for Day {
    /// Writes `2026-03-01`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0.year(), self.0.month(), self.0.day())
    }
}

impl FromStr for Day {
    type Err = ParseDayError;

    /// Parses what [`Display`](fmt::Display) writes, and nothing else.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let day = text.parse::<Date>().ok().and_then(Self::new);
        day.filter(|day| day.to_string() == text).ok_or(ParseDayError::Day)
    }
}

impl Month {
    /// Returns the month with the number `YYYYMM`.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        let first = Date::new((number / 100).try_into().ok()?, (number % 100).try_into().ok()?, 1).ok()?;
        // The last month ends after the last day.
        Day::new(first).map(Day::month)
    }

    /// Returns its first and its last day.
    #[must_use]
    pub fn days(self) -> (Day, Day) {
        let last = Day::of(MessageId::MAX).0;
        (Day(self.0), Day(self.0.last_of_month().min(last)))
    }

    /// Returns the month after it, or `None` after the last one.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(1.month()).ok().and_then(Day::new).map(Day::month)
    }

    /// Returns the month before it, or `None` before the first one.
    #[must_use]
    pub fn previous(self) -> Option<Self> {
        self.0.checked_sub(1.month()).ok().and_then(Day::new).map(Day::month)
    }

    /// Returns the ids of the messages of the month.
    #[must_use]
    pub fn interval(self) -> Interval {
        let (first, last) = self.days();
        Interval::new(first.interval().low(), last.interval().high()).expect("a month ends after it begins")
    }
}

impl fmt::Display for Month {
    /// Writes `2026-03`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0.year(), self.0.month())
    }
}

impl FromStr for Month {
    type Err = ParseDayError;

    /// Parses what [`Display`](fmt::Display) writes, and nothing else.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let day: Day = format!("{text}-01").parse().map_err(|_| ParseDayError::Month)?;
        Ok(day.month())
    }
}

/// The counters of messages that are shown to readers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DayCounts {
    /// The messages.
    pub messages: u64,
    /// Those by people: not by bots or webhooks.
    pub by_people: u64,
    /// The bytes of their text in UTF-8.
    pub text_bytes: u64,
}

impl DayCounts {
    /// Returns the counters of a single message.
    #[must_use]
    pub fn of(message: &Message) -> Self {
        let by_people = u64::from(!message.author.bot && !message.author.webhook);
        Self { messages: 1, by_people, text_bytes: message.content.len() as u64 }
    }

    /// Returns the sum of both.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            messages: self.messages + other.messages,
            by_people: self.by_people + other.by_people,
            text_bytes: self.text_bytes + other.text_bytes,
        }
    }

    /// Returns the number of pages with [`PAGE`] messages each, at least 1.
    #[must_use]
    pub const fn pages(self) -> u64 {
        let pages = self.messages.div_ceil(PAGE);
        if pages == 0 { 1 } else { pages }
    }

    /// Returns whether a day says too little for a search engine.
    #[must_use]
    pub const fn is_thin_day(self) -> bool {
        self.by_people == 0 || self.messages < THIN.0 || self.text_bytes < THIN.1
    }

    /// Returns whether a thread does; `with_opener` says that it also shows the message that it was started from.
    #[must_use]
    pub const fn is_thin_thread(self, with_opener: bool) -> bool {
        let has_reply = self.messages + (with_opener as u64) > 1;
        self.by_people == 0 || !has_reply && self.text_bytes < THIN.2
    }
}

/// A day of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayStats {
    /// The day.
    pub day: Day,
    /// Its messages; none if all of them were deleted.
    pub counts: DayCounts,
    /// When readers last saw a change to its messages, by the time of the observation.
    pub changed_at: Timestamp,
}

#[cfg(test)]
mod tests;
