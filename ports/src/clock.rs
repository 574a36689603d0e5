//! The clock.

use domain::timestamp::Timestamp;

/// Says what time it is, so that nobody else asks the system.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}
