//! The pause before the next attempt to connect.

use std::time::Duration;

use crate::rest::jittered;

/// The pause after the first failure; each is twice as long as the one before, give or take a quarter.
const FIRST: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST: Duration = Duration::from_mins(2);
/// A connection that lasts as long is not a failure: the next attempt follows at once.
const STEADY: Duration = Duration::from_secs(10);
/// The pause before a new session after one was declared invalid: at least the first, and up to the second more.
const INVALID: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(4));

/// The number of failures in a row.
#[derive(Debug, Default)]
pub(super) struct Failures(u32);

impl Failures {
    /// Returns their number.
    pub(super) const fn count(&self) -> u32 {
        self.0
    }

    /// Counts a connection that ended after its session had been ready for `ready`; `None` if it never was. Returns the
    /// pause before the next attempt.
    pub(super) fn ended(&mut self, ready: Option<Duration>) -> Duration {
        if ready.is_some_and(|ready| ready >= STEADY) {
            self.0 = 0;
            return Duration::ZERO;
        }
        self.0 = self.0.saturating_add(1);
        jittered(FIRST * 2_u32.saturating_pow(self.0.min(16) - 1)).min(LONGEST)
    }
}

/// Returns a pause before a new session, of random length so that shards do not start theirs together.
pub(super) fn before_new_session() -> Duration {
    let random = getrandom::u32().unwrap_or_default();
    INVALID.0 + INVALID.1.mul_f64(f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_to_their_limit_and_a_steady_connection_ends_them() {
        let mut failures = Failures::default();
        assert_eq!(failures.ended(Some(STEADY)), Duration::ZERO);
        let pauses: Vec<f64> = (0..12).map(|_| failures.ended(None).as_secs_f64()).collect();
        assert!((0.75..=1.25).contains(&pauses[0]) && (3.0..=5.0).contains(&pauses[2]), "{pauses:?}");
        assert!(pauses.iter().all(|pause| *pause <= LONGEST.as_secs_f64()) && pauses[11] >= 90.0, "{pauses:?}");
        assert_eq!(failures.count(), 12);
        assert!(failures.ended(Some(Duration::from_secs(1))) > Duration::from_mins(1), "it fails after each start");
        assert_eq!(failures.ended(Some(STEADY)), Duration::ZERO);
        assert_eq!(failures.count(), 0);
    }
}
