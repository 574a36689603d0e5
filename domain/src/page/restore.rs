//! The effect of messages from another archive on the stored part of a channel.

use super::plan::{Effect, Write, message_changes};
use super::stats::{DayPlan, StatsPlan, StoredStats, Tally};
use crate::change::ChangeKind;
use crate::channel::ChannelId;
use crate::coverage::Segments;
use crate::day::DayCounts;
use crate::message::{MessageId, StoredMessage};
use crate::timestamp::Timestamp;

/// The stored data that decides the effect of copied messages on a channel, all of it read while the channel is locked.
#[derive(Debug, Clone, Copy)]
pub struct RestoreState<'a> {
    /// The stored messages with the ids of the copied ones, ascending.
    pub messages: &'a [StoredMessage],
    /// The proof of the observations of this archive, near the ids of the copied messages.
    pub proven: &'a Segments,
    /// The counters of the channel.
    pub stats: &'a StoredStats,
}

/// The effect of copied messages on a store. The parts are executed in the order of the fields.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct RestorePlan {
    /// The stored messages that are replaced, with their attachments and reactions, ascending.
    pub replaced: Vec<MessageId>,
    /// The messages to store, ascending, each with its digest.
    pub messages: Vec<(StoredMessage, u64)>,
    /// Those that become explicitly deleted here: the states of their files are removed.
    pub final_here: Vec<MessageId>,
    /// The counters of the channel; `None` if they stay.
    pub stats: Option<StatsPlan>,
    /// The counters of its days that change, ascending.
    pub days: Vec<DayPlan>,
    /// The entries of the change log.
    pub changes: Vec<ChangeKind>,
}

impl RestorePlan {
    /// [Merges](StoredMessage::merged) `copies`, which ascend, with the stored messages of `channel`; `proven` is the
    /// proof of the observations of the archive from which they are copied.
    #[must_use]
    pub fn new(channel: ChannelId, copies: &[StoredMessage], proven: &Segments, state: RestoreState<'_>) -> Self {
        let (mut plan, mut tally, mut changed) = (Self::default(), Tally::default(), Vec::new());
        for copy in copies {
            let id = copy.message.id;
            let held = state.messages.binary_search_by_key(&id, |held| held.message.id);
            let held = held.ok().map(|index| &state.messages[index]);
            let Some(new) = copy.merged(held, proven, state.proven) else { continue };
            let was_seen = held.is_some_and(|held| !held.is_deleted());
            changed.push((id, Effect::of(was_seen, !new.is_deleted())));
            let at = new.message.version.observed_at.max(new.deletion.map_or(Timestamp::EPOCH, |deletion| deletion.at));
            let shown = new.is_shown().then_some(&new.message);
            let before = held.filter(|held| held.is_shown()).map(|held| DayCounts::of(&held.message));
            tally.count(id, before, shown, at);
            plan.replaced.extend(held.map(|held| held.message.id));
            plan.final_here.extend(held.filter(|held| new.is_final() && !held.is_final()).map(|held| held.message.id));
            let digest = new.message.digest();
            plan.messages.push((new, digest));
        }
        plan.changes = message_changes(channel, &changed);
        plan.days = tally.days();
        plan.stats = tally.plan(state.stats);
        plan
    }

    /// Returns the rows to write.
    #[must_use]
    pub fn writes(&self) -> Vec<Write<'_>> {
        let writes = self.messages.iter();
        writes
            .map(|(stored, digest)| Write { message: &stored.message, digest: *digest, deletion: stored.deletion })
            .collect()
    }
}
