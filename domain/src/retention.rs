//! Retention: how long the earlier texts of messages are stored for moderators.
//!
//! By default none are: an edit replaces a text, and a deletion removes it. Readers are never shown an earlier text.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::json::Json;
use crate::message::MessageId;
use crate::timestamp::Timestamp;

/// How long earlier texts are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetentionPeriod {
    /// For this number of days, at most [`RetentionPeriod::MOST_DAYS`]; with 0 they are not stored.
    Days(u16),
    /// For ever.
    Forever,
}

/// A retention period that is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a retention period is 0 to 36500 days")]
pub struct RetentionError;

impl RetentionPeriod {
    /// The maximum number of days: a century.
    pub const MOST_DAYS: u16 = 36_500;
    /// Not at all.
    pub const NONE: Self = Self::Days(0);

    /// Checks a number of days; `None` is for ever.
    ///
    /// # Errors
    /// [`RetentionError`].
    pub fn new(days: Option<u64>) -> Result<Self, RetentionError> {
        let Some(days) = days else { return Ok(Self::Forever) };
        let days = u16::try_from(days).ok().filter(|days| *days <= Self::MOST_DAYS);
        days.map(Self::Days).ok_or(RetentionError)
    }

    /// Returns the number of days; `None` for ever.
    #[must_use]
    pub const fn days(self) -> Option<u16> {
        match self {
            Self::Days(days) => Some(days),
            Self::Forever => None,
        }
    }

    /// Returns the time up to which a text must have been replaced so that its period is over at `now`; `None` if it is
    /// never over.
    #[must_use]
    pub fn over_before(self, now: Timestamp) -> Option<Timestamp> {
        self.days().map(|days| now.minus(Duration::from_hours(24 * u64::from(days))))
    }
}

impl FromStr for RetentionPeriod {
    type Err = RetentionError;

    /// Parses a number of days, or `forever`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "forever" => Ok(Self::Forever),
            days => Self::new(Some(days.parse().map_err(|_| RetentionError)?)),
        }
    }
}

impl fmt::Display for RetentionPeriod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Days(1) => f.write_str("1 day"),
            Self::Days(days) => write!(f, "{days} days"),
            Self::Forever => f.write_str("for ever"),
        }
    }
}

/// How long a tenant's earlier texts are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Those of deleted messages, from the deletion on.
    pub deleted: RetentionPeriod,
    /// Those that an edit replaced, from the edit on.
    pub edited: RetentionPeriod,
}

impl Retention {
    /// No earlier text is stored.
    pub const NONE: Self = Self { deleted: RetentionPeriod::NONE, edited: RetentionPeriod::NONE };
}

/// The text of a message as it was before an edit or its deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierVersion {
    /// The message.
    pub message: MessageId,
    /// Raw Discord markup, people as `<@pseudonym>`.
    pub content: String,
    /// Discord's embeds, an array, scrubbed.
    pub embeds: Option<Json>,
    /// When the author made it by an edit; `None` for the first version.
    pub edited_at: Option<Timestamp>,
    /// When a source last showed it.
    pub observed_at: Timestamp,
    /// When the edit or deletion that replaced it was observed.
    pub replaced_at: Timestamp,
    /// Whether the message was deleted at that time, as opposed to edited.
    pub is_deletion: bool,
}

impl EarlierVersion {
    /// Returns the time that identifies it among the texts of its message, and orders them: that of the edit that made
    /// it, and the Unix epoch for the first one.
    #[must_use]
    pub fn key(&self) -> Timestamp {
        self.edited_at.unwrap_or(Timestamp::EPOCH)
    }
}

#[cfg(test)]
mod tests {
    use super::{RetentionError, RetentionPeriod};
    use crate::timestamp::Timestamp;

    #[test]
    fn a_period_is_a_number_of_days_or_for_ever() {
        assert_eq!("forever".parse(), Ok(RetentionPeriod::Forever));
        assert_eq!("0".parse(), Ok(RetentionPeriod::NONE));
        assert_eq!("36500".parse(), Ok(RetentionPeriod::Days(36_500)));
        for wrong in ["36501", "-1", "", "1.5", "Forever", "99999999999999999999"] {
            assert_eq!(wrong.parse::<RetentionPeriod>(), Err(RetentionError), "{wrong}");
        }
        assert_eq!(RetentionPeriod::new(None), Ok(RetentionPeriod::Forever));
        let shown = [RetentionPeriod::Days(0), RetentionPeriod::Days(1), RetentionPeriod::Forever];
        assert_eq!(shown.map(|period| period.to_string()), ["0 days", "1 day", "for ever"]);
    }

    #[test]
    fn a_period_is_over_after_its_days() {
        let now = Timestamp::from_millis(10 * 86_400_000).unwrap();
        assert_eq!(RetentionPeriod::Days(3).over_before(now), Timestamp::from_millis(7 * 86_400_000));
        assert_eq!(RetentionPeriod::NONE.over_before(now), Some(now));
        assert_eq!(RetentionPeriod::Forever.over_before(now), None);
    }
}
