//! The simulator's time, which a test may move.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::moment::{HISTORY_END_MS, MANUAL_START_MS};

const DAY_MS: u64 = 86_400_000;

/// The simulator's clock: the system's, or one that advances only on request.
#[derive(Debug)]
pub struct Clock {
    running_since: Option<Instant>,
    /// The milliseconds to add to the running clock.
    offset: watch::Sender<u64>,
    sleepers: Mutex<BTreeMap<u64, usize>>,
}

impl Clock {
    /// Returns a clock with the system's time, but never before the end of generated history.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the system's clock")]
    pub fn system() -> Self {
        let now = u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0);
        Self::starting_at(now.max(HISTORY_END_MS + DAY_MS), Some(Instant::now()))
    }

    /// Returns a clock that stays at 2026-11-20 until [`Clock::advance`] moves it.
    #[must_use]
    pub fn manual() -> Self {
        Self::starting_at(MANUAL_START_MS, None)
    }

    fn starting_at(start_ms: u64, running_since: Option<Instant>) -> Self {
        Self { running_since, offset: watch::Sender::new(start_ms), sleepers: Mutex::default() }
    }

    /// Returns the milliseconds since the Unix epoch.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        let running = self.running_since.map_or(0, |since| u64::try_from(since.elapsed().as_millis()).unwrap_or(0));
        *self.offset.borrow() + running
    }

    /// Moves time forward and wakes all sleepers.
    pub fn advance(&self, by_ms: u64) {
        self.offset.send_modify(|offset| *offset += by_ms);
    }

    /// Returns the wake-up time of the next sleeper, if there is one.
    #[must_use]
    pub fn next_wake_ms(&self) -> Option<u64> {
        self.sleepers.lock().unwrap_or_else(PoisonError::into_inner).keys().next().copied()
    }

    /// Returns when `ms` milliseconds of this clock have passed.
    pub async fn sleep(&self, ms: u64) {
        let deadline = self.now_ms().saturating_add(ms);
        let _sleeper = Sleeper::enter(self, deadline);
        let mut moved = self.offset.subscribe();
        loop {
            let left = deadline.saturating_sub(self.now_ms());
            if left == 0 {
                return;
            }
            if self.running_since.is_some() {
                let limit = Duration::from_millis(left.min(DAY_MS));
                // Elapsed or moved: either way the remaining time is computed again.
                let _ = tokio::time::timeout(limit, moved.changed()).await;
            } else {
                moved.changed().await.expect("the clock outlives who sleeps on it");
            }
        }
    }
}

/// A guard that counts as a sleeper while it exists.
struct Sleeper<'a> {
    clock: &'a Clock,
    deadline: u64,
}

impl<'a> Sleeper<'a> {
    fn enter(clock: &'a Clock, deadline: u64) -> Self {
        *clock.sleepers.lock().unwrap_or_else(PoisonError::into_inner).entry(deadline).or_default() += 1;
        Self { clock, deadline }
    }
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        let mut sleepers = self.clock.sleepers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = sleepers.get_mut(&self.deadline) {
            *count -= 1;
            if *count == 0 {
                sleepers.remove(&self.deadline);
            }
        }
    }
}

#[cfg(test)]
mod tests;
