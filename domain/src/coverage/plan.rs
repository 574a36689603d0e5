//! The stored coverage of a channel, and the effect of observations and notes on it.

use super::{Coverage, CoverageFacts, Interval, Observation, Segment, SegmentError, Segments};
use crate::change::ChangeKind;
use crate::channel::ChannelId;
use crate::message::MessageId;
use crate::timestamp::Timestamp;

/// The coverage of a channel as a store has it; the default for a channel that was never observed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredCoverage {
    /// The newest ids stored without a gap; where the start is reached, from the smallest possible id on.
    pub interval: Option<Interval>,
    /// Whether nothing older than the interval can exist.
    pub start_reached: bool,
    /// Why the rest is not stored, if known.
    pub reason: Option<String>,
    /// When a source was last observed; `None` if never.
    pub checked_at: Option<Timestamp>,
}

impl StoredCoverage {
    /// Returns the coverage after an observation at `checked_at` showed whether the channel is empty from its start on,
    /// and why the rest is not stored.
    ///
    /// A time earlier than the stored one changes nothing. Once recorded, an empty channel stays so; where there is an
    /// interval, it alone decides. [`Coverage::DELETED`] is final, whatever the times.
    #[must_use]
    pub fn after_check(&self, checked_at: Timestamp, start_reached: bool, reason: Option<String>) -> Self {
        let is_latest = self.checked_at.is_none_or(|before| checked_at >= before);
        let is_deleted = is_deleted(reason.as_deref()) || is_deleted(self.reason.as_deref());
        let reason = match (is_deleted, is_latest) {
            (true, _) => Some(Coverage::DELETED.to_owned()),
            (false, true) => reason,
            (false, false) => self.reason.clone(),
        };
        Self {
            interval: self.interval,
            start_reached: self.start_reached || start_reached && is_latest && self.interval.is_none(),
            reason,
            checked_at: self.checked_at.max(Some(checked_at)),
        }
    }

    /// Returns the coverage after a copy from another archive, whose segments are `theirs`; `ours` are those stored
    /// here, which theirs replace. `None` if both archives agree, or if this one has a later observation.
    #[must_use]
    pub fn restored(&self, ours: &Segments, copy: &Coverage, theirs: &Segments) -> Option<Self> {
        let interval = copy.stored_interval();
        let own = Coverage::from_stored(copy.channel_id, self.clone(), CoverageFacts::default());
        if own.agrees_with(copy) && ours == theirs || self.checked_at > copy.checked_at {
            return None;
        }
        let is_deleted = is_deleted(self.reason.as_deref());
        let reason = if is_deleted { self.reason.clone() } else { copy.reason.clone() };
        Some(Self { interval, start_reached: copy.start_reached, reason, checked_at: copy.checked_at })
    }
}

fn is_deleted(reason: Option<&str>) -> bool {
    reason == Some(Coverage::DELETED)
}

/// The stored segments of a channel that overlap or touch some ids, and the next ones below.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NearSegments {
    rows: Vec<Segment>,
    proven: Segments,
    /// The intervals of more segments below, descending.
    below: Vec<Interval>,
    /// Whether there is no other segment below.
    is_lowest: bool,
}

impl NearSegments {
    /// The number of segments below that a store reads with the others: one that may touch, and the one below it, which
    /// shows where the gapless interval ends.
    pub const BELOW: u32 = 2;

    /// Returns the segments that overlap or touch some ids and the next [`NearSegments::BELOW`] below those ids, given
    /// in any order.
    ///
    /// # Errors
    /// [`SegmentError::Overlap`] if two share ids.
    pub fn from_stored(mut rows: Vec<Segment>) -> Result<Self, SegmentError> {
        rows.sort_unstable_by_key(|segment| segment.interval().low());
        let proven = Segments::from_stored(&rows)?;
        Ok(Self { rows, proven, below: Vec::new(), is_lowest: false })
    }

    /// Returns their joint proof.
    #[must_use]
    pub const fn proven(&self) -> &Segments {
        &self.proven
    }

    /// Returns the id below which the store must list more segments before a plan is made: the lowest two touch, so
    /// that the next one may touch them, too. That happens only where an earlier release stored a segment for each page.
    #[must_use]
    pub fn lists_below(&self) -> Option<MessageId> {
        let mut known = self.below.iter().rev().copied().chain(self.rows.iter().map(Segment::interval));
        let (lowest, next) = (known.next()?, known.next()?);
        (!self.is_lowest && lowest.touches(next)).then_some(lowest.low())
    }

    /// Adds the intervals of more segments below, descending; none if there are no more.
    pub fn extend_below(&mut self, below: Vec<Interval>) {
        self.is_lowest = below.is_empty();
        self.below.extend(below);
    }

    /// Returns the intervals of the segments that begin below `id`, descending.
    fn below(&self, id: MessageId) -> impl Iterator<Item = Interval> {
        let known = self.rows.iter().rev().map(Segment::interval).chain(self.below.iter().copied());
        known.filter(move |interval| interval.low() < id)
    }
}

/// The effect of an observation on the coverage of a channel. The parts are executed in the order of the fields.
#[derive(Debug, PartialEq, Eq)]
pub struct CoveragePlan {
    /// The low ends of the segments to remove, ascending: others contain their ids now.
    pub delete: Vec<MessageId>,
    /// The segments to store in the place of the one with the same low end, ascending.
    pub update: Vec<Segment>,
    /// The segments to insert, ascending.
    pub insert: Vec<Segment>,
    /// The coverage to store.
    pub coverage: StoredCoverage,
    /// Whether a reader can see more than a later time: the low end moves.
    is_visible: bool,
}

impl CoveragePlan {
    /// Adds an observation to the segments near it and to the coverage of the channel; `None` if it changes nothing.
    #[must_use]
    pub fn new(seen: Observation, near: &NearSegments, before: &StoredCoverage) -> Option<Self> {
        let mut after = near.proven.clone();
        after.insert(seen);
        let after: Vec<Segment> = after.segments().collect();
        if after == near.rows {
            return None;
        }
        let find = |all: &[Segment], low| {
            all.binary_search_by_key(&low, |segment| segment.interval().low()).ok().map(|index| all[index].clone())
        };
        let low = |segment: &Segment| segment.interval().low();
        let delete = near.rows.iter().map(low).filter(|low| find(&after, *low).is_none()).collect();
        let around = after.iter().map(Segment::interval).find(|interval| interval.overlaps(seen.interval));
        let around = around.unwrap_or(seen.interval);
        let run = before.interval.map_or(around, |held| held.with_newer(around));
        let run = run.down(near.below(run.low()));
        let (mut update, mut insert) = (Vec::new(), Vec::new());
        for new in after {
            match find(&near.rows, low(&new)) {
                Some(old) if old == new => {}
                Some(_) => update.push(new),
                None => insert.push(new),
            }
        }
        let coverage = StoredCoverage {
            interval: Some(run),
            start_reached: run.reaches_start(),
            reason: before.reason.clone(),
            checked_at: before.checked_at.max(Some(seen.observed_at)),
        };
        let is_visible = before.interval.map(Interval::low) != Some(run.low());
        Some(Self { delete, update, insert, coverage, is_visible })
    }

    /// Returns the entry of the change log. The high end and the time follow each observation and have none.
    #[must_use]
    pub fn change(&self, channel: ChannelId) -> Option<ChangeKind> {
        self.is_visible.then_some(ChangeKind::Channel { channel })
    }
}
