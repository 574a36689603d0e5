//! Durations of the same thing, many times.

use std::fmt;
use std::time::Duration;

/// Durations in ascending order.
pub(crate) struct Took(Vec<Duration>);

impl Took {
    pub(crate) fn new(mut took: Vec<Duration>) -> Self {
        took.sort_unstable();
        Self(took)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the duration in ms below which so many per cent are.
    pub(crate) fn at(&self, percent: usize) -> f64 {
        let index = (self.0.len() * percent / 100).min(self.0.len().saturating_sub(1));
        self.0.get(index).map_or(f64::NAN, |took| took.as_secs_f64() * 1_000.0)
    }
}

impl fmt::Display for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p50 {:.0} ms, p99 {:.0} ms, at most {:.0} ms", self.at(50), self.at(99), self.at(100))
    }
}
