//! The effect of a page on the stored part of a channel.

use std::collections::BTreeMap;
use std::time::Duration;

use super::stats::{DayPlan, StatsPlan, StoredStats, Tally};
use super::{Absence, MessagePage, PageOutcome};
use crate::change::ChangeKind;
use crate::channel::ChannelId;
use crate::coverage::{Coverage, CoveragePlan, Interval, NearSegments, Segments, StoredCoverage};
use crate::day::DayCounts;
use crate::message::{Deletion, DeletionKind, Message, MessageId, MessageKind, Origin, Version};
use crate::removal::Removal;
use crate::retention::{Retention, RetentionPeriod};
use crate::timestamp::Timestamp;

/// The fields of a stored row that decide the effect of a page on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredVersion {
    /// The id of the message.
    pub id: MessageId,
    /// Its type.
    pub kind: MessageKind,
    /// Its version.
    pub version: Version,
    /// Its [`Message::digest`].
    pub digest: u64,
    /// Its deletion, if it is deleted.
    pub deletion: Option<Deletion>,
    /// Its counters, if it is shown to readers.
    pub counts: DayCounts,
}

impl StoredVersion {
    /// Returns its counters if its type is shown to readers.
    fn shown_counts(&self) -> Option<DayCounts> {
        self.kind.is_shown().then_some(self.counts)
    }
}

/// A message to write, with its digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Write<'a> {
    /// The message.
    pub message: &'a Message,
    /// Its digest, computed once.
    pub digest: u64,
    /// The deletion to store, if any.
    pub deletion: Option<Deletion>,
}

/// The changes to a stored message other than to its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Touch {
    /// When its content was last observed.
    pub observed_at: Timestamp,
    /// The kind of source of that observation.
    pub origin: Origin,
    /// Its deletion, if it is deleted.
    pub deletion: Option<Deletion>,
}

/// The change to a message that a reader can see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It appeared, or appeared again.
    Created,
    /// A newer version replaced it.
    Updated,
    /// It was marked deleted.
    Deleted,
}

impl Effect {
    /// Returns the effect of replacing a message, by whether readers saw it before and see it afterwards.
    #[must_use]
    pub const fn of(seen_before: bool, seen_after: bool) -> Self {
        match (seen_before, seen_after) {
            (_, false) => Self::Deleted,
            (true, true) => Self::Updated,
            (false, true) => Self::Created,
        }
    }
}

/// The maximum number of changed messages of a unit that the change log lists one by one; more become one entry.
pub const MOST_NAMED: usize = 20;

/// Returns the entries of the change log for changed messages of a channel, which ascend by id.
#[must_use]
pub fn message_changes(channel: ChannelId, changed: &[(MessageId, Effect)]) -> Vec<ChangeKind> {
    let (Some((low, _)), Some((high, _))) = (changed.first(), changed.last()) else { return Vec::new() };
    if let Some(interval) = Interval::new(*low, *high).filter(|_| changed.len() > MOST_NAMED) {
        return vec![ChangeKind::Page { channel, interval }];
    }
    let named = changed.iter().map(|(message, effect)| match effect {
        Effect::Created => ChangeKind::Created { channel, message: *message },
        Effect::Updated => ChangeKind::Updated { channel, message: *message },
        Effect::Deleted => ChangeKind::Deleted { channel, message: *message },
    });
    named.collect()
}

/// The stored data that decides the effect of a page on a channel, all of it read while the channel is locked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredState {
    /// The rows of the ids in the page's [span](MessagePage::span), ascending; for a page without an interval, those of
    /// its messages are enough.
    pub rows: Vec<StoredVersion>,
    /// The segments near the page's span.
    pub near: NearSegments,
    /// The coverage of the channel.
    pub coverage: StoredCoverage,
    /// The counters of the channel.
    pub stats: StoredStats,
    /// Whether unreadable entries are recorded among the ids of the span.
    pub has_unreadable: bool,
}

/// The effect of a page on a store; every list ascends by id. The parts are executed in the order of the fields.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct WritePlan<'a> {
    /// New rows.
    pub insert: Vec<Write<'a>>,
    /// Rows that a newer version replaces, with their attachments and reactions.
    pub update: Vec<Write<'a>>,
    /// Rows whose content stays, by the change to their other fields: they were observed again, or are no longer
    /// deleted.
    pub touch: Vec<(Touch, Vec<MessageId>)>,
    /// Rows to mark deleted by [`WritePlan::deletion`].
    pub delete: Vec<MessageId>,
    /// Rows to replace by their [cleared](Message::cleared) messages, with their attachments and reactions, the states of
    /// their files, and their deletions.
    pub clear: Vec<(MessageId, Deletion)>,
    /// The deletion of the rows of `delete`; `None` if there are none.
    pub deletion: Option<Deletion>,
    /// Rows of `update` whose text an edit replaces. Of their files, those stay that the new version lists.
    pub edited: Vec<MessageId>,
    /// When the messages of the channel are to be removed: it is deleted, and gets messages nevertheless.
    pub refilled: Option<Timestamp>,
    /// The counters of the channel; `None` if they stay.
    pub stats: Option<StatsPlan>,
    /// The counters of its days that change, ascending.
    pub days: Vec<DayPlan>,
    /// The segments and the coverage of the channel; `None` if they stay.
    pub coverage: Option<CoveragePlan>,
    /// The entries of the change log.
    pub changes: Vec<ChangeKind>,
    /// The changes, for the caller.
    pub outcome: PageOutcome,
}

impl<'a> WritePlan<'a> {
    /// Compares `page` with the stored state of `channel`.
    ///
    /// - An explicit deletion is final, and removes the content. An inferred one yields to an observation that is not
    ///   older.
    /// - Of two versions the newer wins, and of two events at the same time the later to be stored, because the events
    ///   of a channel are stored in their order; equal content changes nothing.
    /// - A stored message absent from its interval becomes deleted, unless it was observed at that time or later.
    /// - Where a later observation proves absence, the page adds as deleted the messages absent from that observation.
    /// - The interval of a page that proves it is added to the coverage, with the time of the page.
    #[must_use]
    pub fn new(channel: ChannelId, page: &'a MessagePage, state: &StoredState) -> Self {
        if page.span().is_none() {
            return Self::default();
        }
        let mut planner = Planner {
            page,
            proven: state.near.proven(),
            plan: Self::default(),
            tally: Tally::default(),
            changed: Vec::new(),
        };
        planner.compare(&state.rows);
        let Planner { mut plan, tally, mut changed, .. } = planner;
        changed.sort_unstable_by_key(|(id, _)| *id);
        plan.changes = message_changes(channel, &changed);
        plan.days = tally.days();
        plan.stats = tally.plan(&state.stats);
        plan.coverage = page.observation().and_then(|seen| CoveragePlan::new(seen, &state.near, &state.coverage));
        plan.changes.extend(plan.coverage.as_ref().and_then(|coverage| coverage.change(channel)));
        let is_removal = matches!(page.absence, Absence::Explicit | Absence::Due);
        let writes = !plan.insert.is_empty() || !plan.update.is_empty() || !plan.touch.is_empty();
        if state.coverage.reason.as_deref() == Some(Coverage::DELETED) && writes && !is_removal {
            // Later than the entry of the deletion, which may be at work: it does not take this one for its own.
            let deleted_at = state.coverage.checked_at.unwrap_or(Timestamp::EPOCH);
            plan.refilled = Some(deleted_at.plus(Duration::from_millis(1)));
        }
        plan.outcome.added = plan.insert.len() as u64;
        plan.outcome.deleted += plan.delete.len() as u64;
        plan.outcome.has_unreadable = state.has_unreadable;
        plan
    }
}

/// Texts that a plan replaces, and that are stored for moderators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// When they were replaced.
    pub at: Timestamp,
    /// Whether their messages were deleted at that time, as opposed to edited.
    pub is_deletion: bool,
    /// The messages.
    pub messages: Vec<MessageId>,
}

impl WritePlan<'_> {
    /// Returns whether texts are replaced that a tenant may want to store.
    #[must_use]
    pub const fn replaces_texts(&self) -> bool {
        !self.edited.is_empty() || !self.clear.is_empty()
    }

    /// Returns the texts, replaced by `page`, that a tenant with this retention stores.
    #[must_use]
    pub fn replaced(&self, page: &MessagePage, retention: Retention) -> Vec<Replaced> {
        let mut replaced = Vec::new();
        if retention.edited != RetentionPeriod::NONE && !self.edited.is_empty() {
            replaced.push(Replaced { at: page.observed_at(), is_deletion: false, messages: self.edited.clone() });
        }
        if retention.deleted != RetentionPeriod::NONE {
            let mut by_time: BTreeMap<Timestamp, Vec<MessageId>> = BTreeMap::new();
            for (id, deletion) in &self.clear {
                by_time.entry(deletion.at).or_default().push(*id);
            }
            let of_time = |(at, messages)| Replaced { at, is_deletion: true, messages };
            replaced.extend(by_time.into_iter().map(of_time));
        }
        replaced
    }

    /// Returns the removals to enter: of content that is to be removed later.
    #[must_use]
    pub fn removals(&self, channel: ChannelId) -> Vec<Removal> {
        let deleted = self.deletion.map(Deletion::content_due);
        let marked = self.delete.iter().filter_map(|id| Some((Some(*id), deleted?)));
        let whole = self.refilled.map(|due_at| (None, due_at));
        let own = marked.chain(whole).map(|(message, due_at)| Removal { channel, message, due_at });
        own.chain(removals(channel, &self.insert)).chain(removals(channel, &self.update)).collect()
    }
}

/// Returns the removals of the content of rows that are deleted, and still have content.
pub fn removals(channel: ChannelId, writes: &[Write<'_>]) -> impl Iterator<Item = Removal> {
    writes.iter().filter_map(move |write| {
        let deletion = write.deletion?;
        let has_content = deletion.kind == DeletionKind::Inferred || *write.message != write.message.cleared();
        let (message, due_at) = (Some(write.message.id), deletion.content_due());
        has_content.then_some(Removal { channel, message, due_at })
    })
}

/// Makes the part of a plan that concerns messages.
struct Planner<'a, 'p> {
    page: &'a MessagePage,
    proven: &'p Segments,
    plan: WritePlan<'a>,
    tally: Tally,
    /// The changes that a reader can see.
    changed: Vec<(MessageId, Effect)>,
}

impl<'a> Planner<'a, '_> {
    fn compare(&mut self, rows: &[StoredVersion]) {
        let mut held: BTreeMap<MessageId, &StoredVersion> = rows.iter().map(|row| (row.id, row)).collect();
        for message in self.page.messages() {
            match (held.remove(&message.id), self.page.absence) {
                (Some(row), Absence::Due) => self.clear_due(row),
                (Some(row), Absence::Explicit) => self.clear(row),
                (Some(row), _) => self.meet(message, row),
                (None, Absence::Due) => {}
                (None, Absence::Explicit) => {
                    let (digest, deletion) = (message.digest(), Some(self.page.deletion()));
                    self.plan.insert.push(Write { message, digest, deletion });
                }
                (None, _) => self.add(message),
            }
        }
        if let Some(interval) = self.page.interval() {
            for row in held.into_values().filter(|row| interval.contains(row.id)) {
                self.miss(row);
            }
        }
        if !self.plan.delete.is_empty() {
            self.plan.deletion = Some(self.page.deletion());
        }
    }

    /// Handles a stored message that is explicitly deleted.
    fn clear(&mut self, row: &StoredVersion) {
        match row.deletion {
            Some(Deletion { kind: DeletionKind::Explicit, .. }) => self.plan.outcome.unchanged += 1,
            Some(_) => self.plan.clear.push((row.id, self.page.deletion())),
            None => {
                self.plan.clear.push((row.id, self.page.deletion()));
                self.plan.outcome.deleted += 1;
                self.changed.push((row.id, Effect::Deleted));
                self.tally.count(row.id, row.shown_counts(), None, self.page.observed_at);
            }
        }
    }

    /// Handles a stored message whose content may be due to be removed. Readers see no change.
    fn clear_due(&mut self, row: &StoredVersion) {
        let due = row.deletion.filter(|deletion| deletion.content_due() <= self.page.observed_at());
        self.plan.clear.extend(due.map(|deletion| (row.id, deletion)));
    }

    /// Returns when the source was observed that shows a message of the page. Messages without an interval can come from
    /// several observations, such as events.
    fn seen_at(&self, message: &Message) -> Timestamp {
        if self.page.interval().is_some() { self.page.observed_at() } else { message.version.observed_at }
    }

    /// Handles a message of the page that is not stored.
    fn add(&mut self, message: &'a Message) {
        let absent_at = self.proven.absent_at(message.id).filter(|at| *at > self.seen_at(message));
        let deletion = absent_at.map(Deletion::inferred);
        self.tally.count(message.id, None, shown(message, deletion), self.page.observed_at);
        self.changed.push((message.id, Effect::of(false, deletion.is_none())));
        self.plan.insert.push(Write { message, digest: message.digest(), deletion });
    }

    /// Handles a message of the page that is stored.
    fn meet(&mut self, message: &'a Message, row: &StoredVersion) {
        let seen_at = self.seen_at(message);
        let deletion = row.deletion.filter(|deletion| {
            // A later observation that covers the id of a deleted message lacked it, too.
            let absent_at = self.proven.absent_at(row.id);
            let lacked = absent_at.map_or(*deletion, |at| deletion.merge(Deletion::inferred(at)));
            lacked.outlasts(seen_at)
        });
        if deletion.is_some_and(|deletion| deletion.kind == DeletionKind::Explicit) {
            self.plan.outcome.unchanged += 1;
            self.plan.outcome.superseded.push(row.id);
            return;
        }
        let confirmed_at = self.proven.confirmed_at(row.id).filter(|_| row.deletion.is_none());
        // An edit proves by itself that it is the later version; otherwise the time of the observation decides.
        let is_later =
            message.version > row.version || message.version == row.version && message.version.origin == Origin::Event;
        let newer = message.version.edited_at > row.version.edited_at
            || is_later && confirmed_at.is_none_or(|at| at <= seen_at);
        let digest = if newer { message.digest() } else { row.digest };
        if !newer && message.version < row.version {
            self.plan.outcome.superseded.push(row.id);
        }
        let revived = row.deletion.is_some() && deletion.is_none();
        if digest == row.digest {
            if revived && row.kind.is_shown() {
                self.tally.count_revived(row.id, row.counts, self.page.observed_at);
            }
            let recorded = self.page.observation().is_some() || confirmed_at.is_some_and(|at| at >= seen_at);
            if revived || newer && !recorded {
                let Version { observed_at, origin, .. } = if newer { message.version } else { row.version };
                self.touch(row.id, Touch { observed_at, origin, deletion });
            }
        } else {
            let before = row.shown_counts().filter(|_| row.deletion.is_none());
            self.tally.count(row.id, before, shown(message, deletion), self.page.observed_at);
            self.plan.update.push(Write { message, digest, deletion });
            if message.version.edited_at > row.version.edited_at {
                self.plan.edited.push(row.id);
            }
        }
        if revived || digest != row.digest && deletion.is_none() {
            self.changed.push((row.id, if revived { Effect::Created } else { Effect::Updated }));
            self.plan.outcome.updated += 1;
        } else {
            self.plan.outcome.unchanged += 1;
        }
    }

    /// Handles a stored message that the page lacks.
    fn miss(&mut self, row: &StoredVersion) {
        let page = self.page;
        if row.deletion.is_some() {
            return;
        }
        self.plan.outcome.lacking += 1;
        let absent_at = self.proven.absent_at(row.id);
        let observed_at = absent_at.map_or(row.version.observed_at, |at| at.max(row.version.observed_at));
        let spared = page.spared.binary_search(&row.id).is_ok();
        if spared || observed_at >= page.observed_at {
            return;
        }
        self.plan.outcome.absent.push(row.id);
        if page.absence != Absence::NoEvidence {
            self.plan.delete.push(row.id);
            self.changed.push((row.id, Effect::Deleted));
            self.tally.count(row.id, row.shown_counts(), None, self.page.observed_at);
        }
    }

    fn touch(&mut self, id: MessageId, touch: Touch) {
        match self.plan.touch.iter_mut().find(|(other, _)| *other == touch) {
            Some((_, ids)) => ids.push(id),
            None => self.plan.touch.push((touch, vec![id])),
        }
    }
}

/// Returns a written message, if readers are shown it.
fn shown(message: &Message, deletion: Option<Deletion>) -> Option<&Message> {
    (deletion.is_none() && message.kind.is_shown()).then_some(message)
}
