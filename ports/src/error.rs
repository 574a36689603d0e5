//! Errors of the store, by what the caller can do about them.

use std::error::Error;

/// The error of a driver, for the log.
pub type Source = Box<dyn Error + Send + Sync>;

/// Why a call to the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Something that the call refers to is not stored.
    #[error("{what} is not stored")]
    Missing {
        /// The missing item: `tenant`, `channel`, `parent channel`.
        what: &'static str,
    },
    /// Another row has a name that must be unique.
    #[error("{what} is taken")]
    Duplicate {
        /// The name: `tenant slug`, `tenant`, `channel slug`.
        what: &'static str,
    },
    /// The unit was certainly rolled back; retry the whole unit.
    #[error("the store rolled the unit back because of a conflict with another one")]
    Aborted(#[source] Source),
    /// The unit is too large for the store and was certainly rolled back; half of it may fit.
    #[error("the unit is too large for the store")]
    TooLarge(#[source] Source),
    /// The store rejected a value, and the unit was certainly rolled back; without that value it may succeed.
    #[error("the store rejected a value")]
    Refused(#[source] Source),
    /// The store did not respond, or the connection was lost. A commit may have happened.
    #[error("the store does not respond")]
    Unavailable(#[source] Source),
    /// The quota of requests to the store is used up; wait before the next request. A commit may have happened.
    #[error("the quota of requests to the store is used up")]
    Throttled(#[source] Source),
    /// The request exceeded its time limit or was cancelled; the same request would end likewise. A commit may have
    /// happened.
    #[error("the request to the store timed out or was cancelled")]
    TimedOut(#[source] Source),
    /// A row breaks the rules of the domain.
    #[error("the store has an invalid value in {table}.{column}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The rule that the value breaks.
        source: Source,
    },
    /// Anything else: a full disk, a missing privilege, a defect of ours.
    #[error("the store failed")]
    Backend(#[source] Source),
}

impl StoreError {
    /// Returns whether the whole unit can be retried at once: nothing of it has happened.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Aborted(_))
    }

    /// Returns whether the error is transient: the same unit may succeed later, if repeating it is harmless. A server
    /// that shuts down cancels its requests, and an overloaded one needs a pause.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Aborted(_) | Self::Unavailable(_) | Self::Throttled(_) | Self::TimedOut(_))
    }
}
