//! The state of a channel that a sync persists from one run to the next.

use std::time::Duration;

use crate::channel::ChannelId;
use crate::coverage::{Coverage, Interval};
use crate::message::MessageId;
use crate::timestamp::Timestamp;

/// The age up to which the next run rechecks messages: a message of the day before a run may have been edited or
/// deleted after its page was read.
pub const RECHECK: Duration = Duration::from_hours(24);

/// The sync state of a channel. Each time is the start of a run, so that changes during the run are not missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyncState {
    /// The channel.
    pub channel_id: ChannelId,
    /// The last run that rechecked the recent messages of the channel, for edits and deletions.
    pub rechecked_at: Option<Timestamp>,
    /// The last run that found every thread of the channel that changed since the one before, and read all of them.
    pub listed_at: Option<Timestamp>,
    /// The last run that read every list of the channel's threads to its end.
    pub listed_whole_at: Option<Timestamp>,
    /// The last run that requested the channel by its id because no list showed it.
    pub requested_at: Option<Timestamp>,
}

impl SyncState {
    /// Returns the empty state of the channel.
    #[must_use]
    pub const fn new(channel_id: ChannelId) -> Self {
        Self { channel_id, rechecked_at: None, listed_at: None, listed_whole_at: None, requested_at: None }
    }

    /// Returns whether a run recorded in `self`, the state of its parent, read a thread whole, if its stored row equals
    /// the platform's and its newest message was sent at `active_at`: a recheck would find no change.
    #[must_use]
    pub fn has_settled(&self, active_at: Timestamp) -> bool {
        self.listed_at.is_some_and(|listed_at| active_at < listed_at.minus(RECHECK))
    }
}

/// The part of a channel in which edits and deletions may be missing, until a sync that was requested has rechecked it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repair {
    /// When the sync was requested: after a gap in the events of the guild, or because it was due.
    pub since: Timestamp,
    /// The ids of the messages that it rechecks.
    pub interval: Interval,
}

impl Repair {
    /// Returns the stored part of a channel that an incremental sync, which was requested at `requested_at` and has not
    /// ended, is going to recheck; `None` if there is no such part, or the sync has rechecked it. `state` is the state of
    /// the channel.
    #[must_use]
    pub fn of(coverage: &Coverage, state: Option<&SyncState>, requested_at: Timestamp) -> Option<Self> {
        let rechecked_at = state?.rechecked_at.filter(|at| *at < requested_at && !coverage.is_deleted())?;
        let stored = coverage.stored_interval()?;
        let low = MessageId::first_at(rechecked_at.minus(RECHECK)).max(stored.low());
        Some(Self { since: requested_at, interval: Interval::new(low, stored.high())? })
    }
}

#[cfg(test)]
mod tests;
