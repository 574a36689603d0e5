//! One bucket: the requests that may run in it.

use std::collections::VecDeque;
use std::time::Duration;

use super::{MARGIN, Moment, ResponseLimits};

/// The number of remembered starts, from which a 429 teaches the length of the limit's window.
const REMEMBERED: usize = 64;

/// The divisor of the length of a window for the margin that is added to it.
const SLACK: u32 = 50;

/// The longest window that is accepted as the route's own.
const WINDOW_MAX: Duration = Duration::from_mins(1);

/// The window of a bucket after an unexplained 429; twice as slow each further time.
const CAREFUL: Window = Window { limit: 1, length: Duration::from_secs(1) };

/// A number of requests in a length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) limit: usize,
    pub(super) length: Duration,
}

/// The state of a bucket. Its requests run one after the other, so that each knows the limits in the last response.
#[derive(Debug)]
pub(super) struct Bucket {
    route: &'static str,
    running: u32,
    blocked_until: Moment,
    /// A window of this bucket that is stricter than its route's.
    careful: Option<Window>,
    /// The start times of its latest requests, the newest last.
    starts: VecDeque<Moment>,
}

impl Bucket {
    pub(super) const fn new(route: &'static str) -> Self {
        Self { route, running: 0, blocked_until: Moment::ZERO, careful: None, starts: VecDeque::new() }
    }

    /// Returns the route that created it.
    pub(super) const fn route(&self) -> &'static str {
        self.route
    }

    pub(super) fn start(&mut self, now: Moment) {
        self.running += 1;
        if self.starts.len() == REMEMBERED {
            self.starts.pop_front();
        }
        self.starts.push_back(now);
    }

    pub(super) const fn end(&mut self) {
        self.running = self.running.saturating_sub(1);
    }

    /// Returns when a request may start; `None` while one runs.
    pub(super) fn ready(&self, learnt: Option<&Window>) -> Option<Moment> {
        if self.running > 0 {
            return None;
        }
        let windows = [learnt, self.careful.as_ref()].into_iter().flatten();
        let ends = windows.filter_map(|window| Some(self.first_of_last(window.limit)? + window.length));
        Some(ends.fold(self.blocked_until, Moment::max))
    }

    /// Returns when the first of the last `count` requests started; `None` if there were fewer.
    fn first_of_last(&self, count: usize) -> Option<Moment> {
        self.starts.get(self.starts.len().checked_sub(count)?).copied()
    }

    /// Applies the headers of a success. If they promise too much, a later 429 corrects them.
    pub(super) fn apply(&mut self, now: Moment, limits: &ResponseLimits) {
        if limits.remaining == Some(0)
            && let Some(wait) = limits.reset_after
        {
            self.pause(now + wait + MARGIN);
        }
    }

    pub(super) fn pause(&mut self, until: Moment) {
        self.blocked_until = self.blocked_until.max(until);
    }

    /// Learns the window of the whole route from a 429: this many requests until the window `ends`, which began with
    /// the first of the requests that filled it. `None` if the reason is unknown, or if the route's `known` window was
    /// kept; then this bucket alone becomes careful. The limited request is the last that started.
    pub(super) fn learn(&mut self, ends: Moment, limit: Option<u32>, known: Option<Window>) -> Option<Window> {
        self.starts.pop_back();
        let limit = limit.and_then(|limit| usize::try_from(limit).ok()).filter(|limit| (1..REMEMBERED).contains(limit));
        let learnt = limit.and_then(|limit| {
            let length = ends.saturating_sub(self.first_of_last(limit)?);
            (length <= WINDOW_MAX).then(|| Window { limit, length: length + length / SLACK })
        });
        let stricter = learnt.map(|learnt| match known {
            Some(known) => Window { limit: known.limit.min(learnt.limit), length: known.length.max(learnt.length) },
            None => learnt,
        });
        if stricter.is_none() || stricter == known {
            let length = self.careful.map_or(CAREFUL.length, |careful| (careful.length * 2).min(WINDOW_MAX));
            self.careful = Some(Window { length, ..CAREFUL });
            return None;
        }
        stricter
    }

    /// Merges the state of another bucket with the same name.
    pub(super) fn merge(&mut self, other: Self) {
        self.running += other.running;
        self.pause(other.blocked_until);
        self.careful = self.careful.or(other.careful);
        self.starts.extend(other.starts);
        self.starts.make_contiguous().sort_unstable();
        let surplus = self.starts.len().saturating_sub(REMEMBERED);
        self.starts.drain(..surplus);
    }

    /// Returns whether it can be dropped without a loss.
    pub(super) fn is_idle(&self, now: Moment) -> bool {
        let quiet = self.starts.back().is_none_or(|last| *last + Duration::from_mins(1) < now);
        self.running == 0 && self.blocked_until < now && quiet
    }
}
