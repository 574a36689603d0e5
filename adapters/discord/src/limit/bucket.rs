//! One bucket: what may run in it, and when.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Heard, MARGIN, Moment};

/// Starts that are remembered, to learn from a refusal how long the limit's window is.
const REMEMBERED: usize = 64;

/// A window is taken to be a little longer than it is.
const SLACK: u32 = 50;

/// The longest window that is believed to be the route's own.
const WINDOW_MAX: Duration = Duration::from_mins(1);

/// What a bucket keeps to that refuses for no reason that can be seen; twice as slow each time it does so again.
const CAREFUL: Window = Window { limit: 1, length: Duration::from_secs(1) };

/// So many requests in so much time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) limit: usize,
    pub(super) length: Duration,
}

/// What is known of a bucket. Its requests go one after the other, so that each knows what the last one was told.
#[derive(Debug)]
pub(super) struct Bucket {
    route: &'static str,
    running: u32,
    blocked_until: Moment,
    /// What it keeps to beyond what its route is known to allow.
    careful: Option<Window>,
    /// When its latest requests started, the newest last.
    starts: VecDeque<Moment>,
}

impl Bucket {
    pub(super) const fn new(route: &'static str) -> Self {
        Self { route, running: 0, blocked_until: Moment::ZERO, careful: None, starts: VecDeque::new() }
    }

    /// The route that made it.
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

    /// When a request may start; `None` while one runs.
    pub(super) fn ready(&self, learnt: Option<&Window>) -> Option<Moment> {
        if self.running > 0 {
            return None;
        }
        let windows = [learnt, self.careful.as_ref()].into_iter().flatten();
        let ends = windows.filter_map(|window| Some(self.first_of_last(window.limit)? + window.length));
        Some(ends.fold(self.blocked_until, Moment::max))
    }

    /// When the first of the last `count` requests started; `None` if there were fewer.
    fn first_of_last(&self, count: usize) -> Option<Moment> {
        self.starts.get(self.starts.len().checked_sub(count)?).copied()
    }

    /// Takes the headers of a success. Where they promise too much, a refusal teaches better.
    pub(super) fn heard(&mut self, now: Moment, heard: &Heard) {
        if heard.remaining == Some(0)
            && let Some(wait) = heard.reset_after
        {
            self.pause(now + wait + MARGIN);
        }
    }

    pub(super) fn pause(&mut self, until: Moment) {
        self.blocked_until = self.blocked_until.max(until);
    }

    /// What a refusal says about the whole route: so many requests until the window `ends`, which began with the first of
    /// those that filled it. `None` if its reason cannot be seen, or it came although the route's `known` window was
    /// kept; then this bucket alone becomes careful. The refused request is the last that started.
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

    /// Takes over what another bucket with the same name knows.
    pub(super) fn merge(&mut self, other: Self) {
        self.running += other.running;
        self.pause(other.blocked_until);
        self.careful = self.careful.or(other.careful);
        self.starts.extend(other.starts);
        self.starts.make_contiguous().sort_unstable();
        let surplus = self.starts.len().saturating_sub(REMEMBERED);
        self.starts.drain(..surplus);
    }

    /// Whether nothing would be lost without it.
    pub(super) fn is_idle(&self, now: Moment) -> bool {
        let quiet = self.starts.back().is_none_or(|last| *last + Duration::from_mins(1) < now);
        self.running == 0 && self.blocked_until < now && quiet
    }
}
