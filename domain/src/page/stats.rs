//! The counters of a channel and of its days, which pages change.

use std::collections::BTreeMap;

use crate::channel::ChannelSnowflake;
use crate::day::{Day, DayCounts};
use crate::message::{Message, MessageId};
use crate::timestamp::Timestamp;

/// The newest message of a channel that is shown to readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Newest {
    /// Its id.
    pub id: MessageId,
    /// When it was sent.
    pub sent_at: Timestamp,
}

impl Newest {
    /// Returns it as stored: the time inside its id, unless the id has none and `sent_at` is stored.
    #[must_use]
    pub fn from_stored(id: MessageId, sent_at: Option<Timestamp>) -> Self {
        Self { id, sent_at: sent_at.unwrap_or_else(|| id.created_at()) }
    }
}

impl From<&Message> for Newest {
    fn from(message: &Message) -> Self {
        Self { id: message.id, sent_at: message.created_at() }
    }
}

/// The stored counters of a channel, and the facts by which they change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredStats {
    /// The channel, whose creation counts as its activity while it has no message.
    pub platform_id: ChannelSnowflake,
    /// The stored number of messages shown to readers.
    pub message_count: u64,
    /// The newest of these messages; `None` without one, and if it is not stored, as in an archive of an earlier version.
    pub newest: Option<Newest>,
}

impl StoredStats {
    const fn knows_newest(&self) -> bool {
        self.newest.is_some() || self.message_count == 0
    }
}

/// When a channel was last active.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Activity {
    /// Its newest shown message; `None` without one.
    pub newest: Option<Newest>,
    /// When that was sent, or the creation of the channel: the order of threads.
    pub active_at: Timestamp,
}

impl Activity {
    /// Returns the activity of a channel with this newest shown message.
    #[must_use]
    pub fn of(newest: Option<Newest>, channel: ChannelSnowflake) -> Self {
        Self { newest, active_at: newest.map_or_else(|| channel.created_at(), |newest| newest.sent_at) }
    }
}

/// The activity to store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActivityPlan {
    /// This one.
    Set(Activity),
    /// The [activity](Activity::of) by the newest message, which the store looks up after it has written the rows: the
    /// one that was the newest is no longer shown, or was not stored.
    Reread,
}

/// The counters to store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatsPlan {
    /// The number of messages shown to readers.
    pub message_count: u64,
    /// The activity.
    pub activity: ActivityPlan,
}

/// The difference between the stored number of shown messages of a channel and their actual number. Both were counted
/// at the same time, so it stays the error of the stored number, whatever other units add to that number later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recount {
    /// The stored number.
    pub stored: u64,
    /// The number of rows.
    pub counted: u64,
}

impl Recount {
    /// Returns the size of the error.
    #[must_use]
    pub const fn error(self) -> u64 {
        self.stored.abs_diff(self.counted)
    }

    /// Returns the corrected counters of a channel whose stored number is `stored` by now.
    #[must_use]
    pub fn correct(self, stored: u64) -> StatsPlan {
        let message_count = (stored + self.counted).saturating_sub(self.stored);
        StatsPlan { message_count, activity: ActivityPlan::Reread }
    }
}

/// The change to the counters of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayPlan {
    /// The day.
    pub day: Day,
    /// The counters of the messages that are shown from now on.
    pub gained: DayCounts,
    /// The counters of the messages that were shown before.
    pub lost: DayCounts,
    /// When it was observed; the day keeps the latest of these times.
    pub changed_at: Timestamp,
}

impl DayPlan {
    /// Returns the numbers to add to the messages, those by people, and the bytes of text of the day.
    #[must_use]
    pub fn growth(&self) -> [i64; 3] {
        let numbers = |counts: DayCounts| [counts.messages, counts.by_people, counts.text_bytes].map(u64::cast_signed);
        let (gained, lost) = (numbers(self.gained), numbers(self.lost));
        std::array::from_fn(|index| gained[index] - lost[index])
    }
}

/// Collects the changes of a page, or of copied messages, to the counters of a channel and its days.
#[derive(Debug, Default)]
pub(super) struct Tally {
    growth: i64,
    days: BTreeMap<Day, DayPlan>,
    /// The newest message that was written and is shown.
    newest: Option<Newest>,
    /// The newest message that is no longer shown, or whose time is unknown.
    lost: Option<MessageId>,
    moved: bool,
}

impl Tally {
    /// Counts a message by the counters of the stored one, if that was shown to readers before, and by the message that is
    /// shown from now on; the change was observed at `at`.
    pub(super) fn count(&mut self, id: MessageId, before: Option<DayCounts>, after: Option<&Message>, at: Timestamp) {
        self.count_in_day(id, before, after.map(DayCounts::of), at);
        self.count_in_channel(id, before.is_some(), after.map(Newest::from));
    }

    fn count_in_day(&mut self, id: MessageId, before: Option<DayCounts>, after: Option<DayCounts>, at: Timestamp) {
        if before.or(after).is_none() {
            return;
        }
        let day = Day::of(id);
        let nothing = DayCounts::default();
        let plan = self.days.entry(day).or_insert(DayPlan { day, gained: nothing, lost: nothing, changed_at: at });
        plan.gained = plan.gained.plus(after.unwrap_or_default());
        plan.lost = plan.lost.plus(before.unwrap_or_default());
        plan.changed_at = plan.changed_at.max(at);
    }

    fn count_in_channel(&mut self, id: MessageId, before: bool, after: Option<Newest>) {
        self.growth += i64::from(after.is_some()) - i64::from(before);
        self.moved |= before || after.is_some();
        match after {
            Some(after) if self.newest.is_none_or(|newest| newest.id <= id) => self.newest = Some(after),
            None if before => self.lost = self.lost.max(Some(id)),
            _ => {}
        }
    }

    /// Counts a message that is shown from now on as the stored row, with these counters, has it.
    pub(super) fn count_revived(&mut self, id: MessageId, counts: DayCounts, at: Timestamp) {
        self.count_in_day(id, None, Some(counts), at);
        self.growth += 1;
        self.moved = true;
        self.lost = self.lost.max(Some(id));
    }

    /// Returns the changes to days, ascending.
    pub(super) fn days(&self) -> Vec<DayPlan> {
        self.days.values().copied().collect()
    }

    /// Returns the counters to store; `None` if they stay.
    pub(super) fn plan(self, stored: &StoredStats) -> Option<StatsPlan> {
        if !self.moved {
            return None;
        }
        let message_count = stored.message_count.saturating_add_signed(self.growth);
        let kept = stored.newest.filter(|newest| self.lost.is_none_or(|lost| lost < newest.id));
        let known = [kept, self.newest].into_iter().flatten().reduce(|a, b| if b.id >= a.id { b } else { a });
        let is_known = stored.knows_newest() && self.lost.is_none_or(|lost| known.is_some_and(|known| known.id > lost));
        let activity =
            if is_known { ActivityPlan::Set(Activity::of(known, stored.platform_id)) } else { ActivityPlan::Reread };
        Some(StatsPlan { message_count, activity })
    }
}
