//! What a sync remembers of a channel from one run to the next.

use std::time::Duration;

use crate::channel::ChannelId;
use crate::timestamp::Timestamp;

/// How far before a run messages are read again by the next one: what was written in the day before it may have been
/// edited or deleted after its page was read.
pub const RECHECK: Duration = Duration::from_hours(24);

/// What a sync remembers of a channel. Each time is the start of a run, so that what happened during it is not missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyncState {
    /// Which channel.
    pub channel_id: ChannelId,
    /// The last run that read the recent messages of the channel again, for edits and deletions.
    pub rechecked_at: Option<Timestamp>,
    /// The last run that found every thread of the channel that changed since the one before, and read all of them.
    pub listed_at: Option<Timestamp>,
    /// The last run that read every list of the channel's threads to its end.
    pub listed_whole_at: Option<Timestamp>,
    /// The last run that requested the channel by its id because no list showed it.
    pub requested_at: Option<Timestamp>,
}

impl SyncState {
    /// Nothing is remembered of the channel.
    #[must_use]
    pub const fn new(channel_id: ChannelId) -> Self {
        Self { channel_id, rechecked_at: None, listed_at: None, listed_whole_at: None, requested_at: None }
    }

    /// Whether a thread that is stored as the platform shows it, and whose newest message was written at `active_at`, was
    /// read whole by a run that `self`, the state of its parent, remembers: nothing of it can have changed that a recheck
    /// would find.
    #[must_use]
    pub fn has_settled(&self, active_at: Timestamp) -> bool {
        self.listed_at.is_some_and(|listed_at| active_at < listed_at.minus(RECHECK))
    }
}
