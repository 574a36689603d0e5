//! Segments: intervals of a channel that observations showed whole, and when each part of them was last observed.

use std::fmt::Write as _;

use super::Interval;
use crate::message::MessageId;
use crate::timestamp::Timestamp;

/// An observation: an interval of a channel that a source showed whole at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation {
    /// The ids that it showed.
    pub interval: Interval,
    /// When the source was observed.
    pub observed_at: Timestamp,
    /// Whether a message that it lacks did not exist then. An export may be filtered without stating so: it covers its
    /// interval, but an absent message proves nothing.
    pub proves_absence: bool,
}

impl Observation {
    /// Returns an observation that shows everything in its interval.
    #[must_use]
    pub const fn new(interval: Interval, observed_at: Timestamp) -> Self {
        Self { interval, observed_at, proves_absence: true }
    }
}

/// A part of a segment that one observation showed, or several at about the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Its ids.
    pub interval: Interval,
    /// No id of it was last observed before this time.
    pub oldest_at: Timestamp,
    /// No id of it was last observed after this time.
    pub newest_at: Timestamp,
    /// As in [`Observation`].
    pub proves_absence: bool,
}

impl Part {
    /// Returns whether this part stays where `new` shows the same ids: it is the later one, or the only one that proves
    /// absence.
    fn outlasts(&self, new: &Self) -> bool {
        match (self.proves_absence, new.proves_absence) {
            (true, false) => true,
            (false, true) => false,
            _ => self.newest_at > new.newest_at,
        }
    }

    /// Returns whether the two touch and state the same of their ids.
    fn joins(&self, next: &Self) -> bool {
        self.interval.touches(next.interval)
            && self.proves_absence == next.proves_absence
            && (self.oldest_at, self.newest_at) == (next.oldest_at, next.newest_at)
    }

    /// Returns the union of the two, which spans the times of both.
    fn join(&self, next: &Self) -> Self {
        Self {
            interval: self.interval.extend(next.interval.low).extend(next.interval.high),
            oldest_at: self.oldest_at.min(next.oldest_at),
            newest_at: self.newest_at.max(next.newest_at),
            ..*self
        }
    }

    fn spread(&self) -> i64 {
        self.newest_at.as_millis().saturating_sub(self.oldest_at.as_millis())
    }

    fn without(self, hole: Interval) -> impl Iterator<Item = Self> {
        let whole = (!self.interval.overlaps(hole)).then_some(self);
        let rest = self.interval.overlaps(hole).then(|| self.interval.outside(hole));
        let rest = rest.into_iter().flatten().map(move |interval| Self { interval, ..self });
        whole.into_iter().chain(rest)
    }
}

impl From<Observation> for Part {
    fn from(seen: Observation) -> Self {
        Self {
            interval: seen.interval,
            oldest_at: seen.observed_at,
            newest_at: seen.observed_at,
            proves_absence: seen.proves_absence,
        }
    }
}

/// An interval without a gap, made of parts that touch: a row of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment(Vec<Part>);

/// Why a stored segment is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SegmentError {
    /// Its parts are not written as [`Segment::parts_text`] writes them, or are not those of its interval.
    #[error("the parts of a segment are not parts of its interval")]
    Parts,
    /// It overlaps another one, or comes before it.
    #[error("two segments share ids or are in the wrong order")]
    Overlap,
}

impl Segment {
    /// Returns a stored segment, from its interval, when it was last observed, and its parts, which are absent if it
    /// has only one.
    ///
    /// # Errors
    /// [`SegmentError::Parts`] if the parts are not those of the interval.
    pub fn from_stored(interval: Interval, newest_at: Timestamp, parts: Option<&str>) -> Result<Self, SegmentError> {
        let Some(text) = parts else { return Ok(Self(vec![Observation::new(interval, newest_at).into()])) };
        let (mut made, mut low) = (Vec::new(), Some(interval.low));
        for text in text.split(',') {
            let part = low.and_then(|low| part(low, text)).ok_or(SegmentError::Parts)?;
            low = part.interval.high.next();
            made.push(part);
        }
        if made.last().is_some_and(|last| last.interval.high == interval.high) {
            Ok(Self(made))
        } else {
            Err(SegmentError::Parts)
        }
    }

    /// Returns its parts as text, ascending: `HIGH OLDEST NEWEST PROOF,…`, times in milliseconds, the proof 1 or 0.
    /// `None` if its interval and [`newest_at`](Self::newest_at) describe it fully.
    #[must_use]
    pub fn parts_text(&self) -> Option<String> {
        if let [only] = self.0[..]
            && only.proves_absence
            && only.oldest_at == only.newest_at
        {
            return None;
        }
        let mut text = String::new();
        for part in &self.0 {
            let comma = if text.is_empty() { "" } else { "," };
            let (oldest, newest) = (part.oldest_at.as_millis(), part.newest_at.as_millis());
            let proof = u8::from(part.proves_absence);
            write!(text, "{comma}{} {oldest} {newest} {proof}", part.interval.high).expect("a string takes any text");
        }
        Some(text)
    }

    /// Returns its ids.
    #[must_use]
    pub fn interval(&self) -> Interval {
        let (first, last) = (self.0[0].interval, self.0[self.0.len() - 1].interval);
        first.extend(last.high)
    }

    /// Returns when its oldest part was observed.
    #[must_use]
    pub fn oldest_at(&self) -> Timestamp {
        self.0.iter().skip(1).fold(self.0[0].oldest_at, |oldest, part| oldest.min(part.oldest_at))
    }

    /// Returns when its newest part was observed.
    #[must_use]
    pub fn newest_at(&self) -> Timestamp {
        self.0.iter().skip(1).fold(self.0[0].newest_at, |newest, part| newest.max(part.newest_at))
    }
}

fn part(low: MessageId, text: &str) -> Option<Part> {
    let mut fields = text.split(' ');
    let high = fields.next()?.parse().ok()?;
    let mut time = || Timestamp::from_millis(fields.next()?.parse().ok()?);
    let (oldest_at, newest_at) = (time()?, time()?);
    let proves_absence = match (fields.next()?, fields.next()) {
        ("0", None) => false,
        ("1", None) => true,
        _ => return None,
    };
    let interval = Interval::new(low, high).filter(|_| oldest_at <= newest_at)?;
    Some(Part { interval, oldest_at, newest_at, proves_absence })
}

/// The proven segments of a channel, or of a range of it. Touching parts are one segment.
///
/// For each id the latest observation counts. The times are exact up to [`Segments::MOST_PARTS`] parts per segment.
/// Beyond that, the parts whose times are closest are merged; a channel that is read in one run ends up as one part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Segments(Vec<Part>);

impl Segments {
    /// The maximum number of parts of a segment: a few kilobytes.
    pub const MOST_PARTS: usize = 64;
    /// The number of parts left after merging.
    const FEWER_PARTS: usize = 32;

    /// Returns the segments of observations, given in any order.
    #[must_use]
    pub fn new(observations: impl IntoIterator<Item = Observation>) -> Self {
        let mut all = Self::default();
        for seen in observations {
            all.insert(seen);
        }
        all
    }

    /// Returns the segments as a store lists them, in ascending order; in time linear in their number.
    ///
    /// # Errors
    /// [`SegmentError::Overlap`] if two share ids or are in the wrong order.
    pub fn from_stored(segments: &[Segment]) -> Result<Self, SegmentError> {
        let mut all: Vec<Part> = Vec::with_capacity(segments.len());
        let mut begin = 0;
        for part in segments.iter().flat_map(|segment| &segment.0) {
            match all.last_mut() {
                Some(last) if last.interval.high >= part.interval.low => return Err(SegmentError::Overlap),
                Some(last) if last.joins(part) => {
                    *last = last.join(part);
                    continue;
                }
                Some(last) if !last.interval.touches(part.interval) => {
                    let run = coarse(all.split_off(begin));
                    all.extend(run);
                    begin = all.len();
                }
                _ => {}
            }
            all.push(*part);
        }
        let run = coarse(all.split_off(begin));
        all.extend(run);
        Ok(Self(all))
    }

    /// Returns the parts, ascending; no two share an id.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.0
    }

    /// Returns the segments, ascending; no two touch.
    pub fn segments(&self) -> impl Iterator<Item = Segment> {
        self.0.chunk_by(|part, next| part.interval.touches(next.interval)).map(|run| Segment(run.to_vec()))
    }

    /// Adds an observation. Where a later observation shows the same ids, the later one stays.
    pub fn insert(&mut self, seen: Observation) {
        let new = Part::from(seen);
        let begin = self.0.partition_point(|part| part.interval.high < new.interval.low);
        let end = self.0.partition_point(|part| part.interval.low <= new.interval.high);
        let (mut made, mut rest) = (Vec::new(), Some(new));
        for old in &self.0[begin..end] {
            if !old.outlasts(&new) {
                made.extend(old.without(new.interval));
                continue;
            }
            made.push(*old);
            if let Some(part) = rest {
                let below = old.interval.low.previous().and_then(|high| Interval::new(part.interval.low, high));
                made.extend(below.map(|interval| Part { interval, ..part }));
                let above = old.interval.high.next().and_then(|low| Interval::new(low, part.interval.high));
                rest = above.map(|interval| Part { interval, ..part });
            }
        }
        made.extend(rest);
        made.sort_unstable_by_key(|part| part.interval.low);
        // The neighbours may join the new parts.
        let (begin, end) = (begin.saturating_sub(1), (end + 1).min(self.0.len()));
        let before =
            self.0[begin..end].first().filter(|first| made.iter().all(|part| part.interval.low > first.interval.high));
        let after =
            self.0[begin..end].last().filter(|last| made.iter().all(|part| part.interval.high < last.interval.low));
        let mut joined: Vec<Part> = Vec::with_capacity(made.len() + 2);
        for part in before.copied().into_iter().chain(made).chain(after.copied()) {
            match joined.last_mut() {
                Some(last) if last.joins(&part) => *last = last.join(&part),
                _ => joined.push(part),
            }
        }
        self.0.splice(begin..end, joined);
        self.coarsen(new.interval);
    }

    /// Merges parts of the segment around `of` if it has too many.
    fn coarsen(&mut self, of: Interval) {
        let mut begin = self.0.partition_point(|part| part.interval.high < of.low);
        let mut end = begin + 1;
        while begin > 0 && self.0[begin - 1].interval.touches(self.0[begin].interval) {
            begin -= 1;
        }
        while end < self.0.len() && self.0[end - 1].interval.touches(self.0[end].interval) {
            end += 1;
        }
        if end - begin > Self::MOST_PARTS {
            let run = coarse(self.0[begin..end].to_vec());
            self.0.splice(begin..end, run);
        }
    }

    /// Returns the segments that remain proven if `id` could not be stored.
    #[must_use]
    pub fn without(&self, id: MessageId) -> Self {
        Self(self.0.iter().flat_map(|part| part.without(Interval::only(id))).collect())
    }

    /// Returns whether every id of `part` was observed later than `since`, by observations that prove absence.
    #[must_use]
    pub fn prove_since(&self, part: Interval, since: Timestamp) -> bool {
        let begin = self.0.partition_point(|held| held.interval.high < part.low);
        let mut low = Some(part.low);
        for held in &self.0[begin..] {
            match low {
                Some(next) if next <= part.high => {
                    if held.interval.low > next || !held.proves_absence || held.oldest_at <= since {
                        return false;
                    }
                    low = held.interval.high.next();
                }
                _ => break,
            }
        }
        low.is_none_or(|next| next > part.high)
    }

    /// Returns the intervals that were read at `since` or later, ascending; no two touch.
    #[must_use]
    pub fn read_since(&self, since: Timestamp) -> Vec<Interval> {
        let mut read: Vec<Interval> = Vec::new();
        for part in self.0.iter().filter(|part| part.proves_absence && part.oldest_at >= since) {
            match read.last_mut() {
                Some(last) if last.touches(part.interval) => *last = last.extend(part.interval.high),
                _ => read.push(part.interval),
            }
        }
        read
    }

    /// Returns the newest ids without a gap that observations prove to be whole. An export that is not declared complete
    /// may be filtered: it proves nothing.
    #[must_use]
    pub fn newest_proven(&self) -> Option<Interval> {
        let mut proven = self.0.iter().rev().filter(|part| part.proves_absence).map(|part| part.interval);
        let newest = proven.next()?;
        Some(newest.down(proven))
    }

    /// Returns the latest possible time of the last observation of `id` that proves absence: a message that was not
    /// stored then did not exist. `None` if there is no such observation.
    #[must_use]
    pub fn absent_at(&self, id: MessageId) -> Option<Timestamp> {
        self.proof(id).map(|part| part.newest_at)
    }

    /// Returns the earliest possible time of the last observation of `id` that proves absence: a stored message was
    /// unchanged then.
    #[must_use]
    pub fn confirmed_at(&self, id: MessageId) -> Option<Timestamp> {
        self.proof(id).map(|part| part.oldest_at)
    }

    fn proof(&self, id: MessageId) -> Option<&Part> {
        let index = self.0.partition_point(|part| part.interval.high < id);
        self.0.get(index).filter(|part| part.interval.contains(id) && part.proves_absence)
    }
}

/// Returns the parts of one segment, merged if they are too many: those within the smallest time span that leaves few
/// enough.
fn coarse(parts: Vec<Part>) -> Vec<Part> {
    if parts.len() <= Segments::MOST_PARTS {
        return parts;
    }
    let within = |most: i64| {
        let mut fewer: Vec<Part> = Vec::new();
        for part in &parts {
            let joined = fewer.last().map(|last| last.join(part));
            match (fewer.last_mut(), joined) {
                (Some(last), Some(joined)) if last.proves_absence == part.proves_absence && joined.spread() <= most => {
                    *last = joined;
                }
                _ => fewer.push(*part),
            }
        }
        fewer
    };
    let (mut low, mut high) = (0, parts.iter().skip(1).fold(parts[0], |all, part| all.join(part)).spread());
    while low < high {
        let middle = low + (high - low) / 2;
        if within(middle).len() <= Segments::FEWER_PARTS {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    within(high)
}
