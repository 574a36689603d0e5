//! The clock.

use domain::timestamp::Timestamp;

/// The only source of the current time; other code does not read the system clock.
pub trait Clock: Send + Sync {
    /// Returns the current time.
    fn now(&self) -> Timestamp;
}
