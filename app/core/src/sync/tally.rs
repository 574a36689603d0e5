//! Counts the progress of a sync.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::channel::ChannelId;
use domain::job::Progress;
use domain::timestamp::Timestamp;
use tokio::time::Instant;

/// The number of failures of single channels that are reported in words; the rest is counted.
const REPORTED: usize = 5;

/// The time before which no remaining time is estimated.
const FIRST_GUESS: Duration = Duration::from_secs(2);

/// The position of one walk through the history of a channel. The estimate assumes that messages are evenly spread over
/// time: the remaining work is the time between the position and the channel's beginning.
#[derive(Debug, Clone, Copy)]
struct Walk {
    began: Instant,
    from: Timestamp,
    reached: Timestamp,
    beginning: Timestamp,
}

impl Walk {
    fn left(&self, now: Instant) -> Option<Duration> {
        let millis = |from: Timestamp, to: Timestamp| u64::try_from(to.as_millis() - from.as_millis()).ok();
        let (behind, before) = (millis(self.reached, self.from)?, millis(self.beginning, self.reached)?);
        let spent = u64::try_from((now - self.began).as_millis()).ok()?;
        let left = u128::from(spent) * u128::from(before) / u128::from(behind.max(1));
        (behind > 0).then(|| Duration::from_millis(u64::try_from(left).unwrap_or(u64::MAX)))
    }
}

/// The items that could not be read.
#[derive(Debug, Default)]
struct Failures {
    /// The first failures.
    first: Vec<String>,
    /// The number of further failures.
    more: u64,
}

/// Sums up the counts of concurrent walks.
#[derive(Debug)]
pub(super) struct Tally {
    began: Instant,
    walks: Mutex<HashMap<ChannelId, Walk>>,
    channels_done: AtomicU64,
    channels_total: AtomicU64,
    messages: AtomicU64,
    requests: AtomicU64,
    waits: AtomicU64,
    failures: Mutex<Failures>,
}

impl Tally {
    /// Resumes the counts of an interrupted job; its channels are counted from zero.
    pub(super) fn new(before: Progress) -> Self {
        Self {
            began: Instant::now(),
            walks: Mutex::default(),
            channels_done: AtomicU64::default(),
            channels_total: AtomicU64::default(),
            messages: AtomicU64::new(before.messages),
            requests: AtomicU64::new(before.requests),
            waits: AtomicU64::new(before.waits),
            failures: Mutex::default(),
        }
    }

    /// Starts the walk of a channel that began at `beginning`, from `from` backward in time.
    pub(super) fn walk(&self, channel: ChannelId, from: Timestamp, beginning: Timestamp) {
        let walk = Walk { began: Instant::now(), from, reached: from, beginning };
        self.walks().insert(channel, walk);
    }

    /// Records that the walk has come to `reached`.
    pub(super) fn reached(&self, channel: ChannelId, reached: Timestamp) {
        if let Some(walk) = self.walks().get_mut(&channel) {
            walk.reached = reached;
        }
    }

    fn walks(&self) -> MutexGuard<'_, HashMap<ChannelId, Walk>> {
        self.walks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Estimates the remaining time: that of the longest walk, or that of all waiting channels, whichever is longer.
    fn seconds_left(&self, channels_done: u64, channels_total: u64) -> Option<u64> {
        let now = Instant::now();
        let spent = now - self.began;
        if spent < FIRST_GUESS {
            return None;
        }
        let walks = self.walks();
        let longest = walks.values().filter_map(|walk| walk.left(now)).max();
        let waiting = channels_total.saturating_sub(channels_done).saturating_sub(walks.len() as u64);
        let all = (channels_done > 0 && waiting > 0)
            .then(|| spent.as_secs().saturating_mul(waiting) / channels_done)
            .map(Duration::from_secs);
        longest.max(all).map(|left| left.as_secs())
    }

    /// Counts one more channel to read.
    pub(super) fn found(&self) {
        self.channels_total.fetch_add(1, Relaxed);
    }

    /// Counts a channel as read.
    pub(super) fn finished(&self, channel: ChannelId) {
        self.walks().remove(&channel);
        self.channels_done.fetch_add(1, Relaxed);
    }

    pub(super) fn messages(&self, count: u64) {
        self.messages.fetch_add(count, Relaxed);
    }

    pub(super) fn request(&self) {
        self.requests.fetch_add(1, Relaxed);
    }

    pub(super) fn waited(&self) {
        self.waits.fetch_add(1, Relaxed);
    }

    /// Records an item that could not be read; the others continue.
    pub(super) fn failed(&self, what: String) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.first.len() < REPORTED { failures.first.push(what) } else { failures.more += 1 }
    }

    /// Returns one sentence about all items that could not be read.
    pub(super) fn failures(&self) -> Option<String> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let reported = failures.first.join("; ");
        match (failures.first.is_empty(), failures.more) {
            (true, _) => None,
            (false, 0) => Some(reported),
            (false, more) => Some(format!("{reported}; and {more} more")),
        }
    }

    pub(super) fn progress(&self) -> Progress {
        let (channels_done, channels_total) = (self.channels_done.load(Relaxed), self.channels_total.load(Relaxed));
        Progress {
            channels_done,
            channels_total,
            messages: self.messages.load(Relaxed),
            requests: self.requests.load(Relaxed),
            waits: self.waits.load(Relaxed),
            seconds_left: self.seconds_left(channels_done, channels_total),
        }
    }
}
