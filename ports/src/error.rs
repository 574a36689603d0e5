//! What can go wrong outside, by what the caller can do about it.

use std::error::Error;

/// The error of a driver, kept for the log.
pub type Source = Box<dyn Error + Send + Sync>;

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Something that the call refers to is not stored.
    #[error("{what} is not stored")]
    Missing {
        /// What is missing: `tenant`, `channel`, `parent channel`.
        what: &'static str,
    },
    /// Something else has taken a name that must be unique.
    #[error("{what} is taken")]
    Duplicate {
        /// What is taken: `tenant slug`, `tenant`, `channel slug`.
        what: &'static str,
    },
    /// The unit was certainly rolled back; the whole of it is worth another try.
    #[error("the store gave the unit up in favour of another one")]
    Aborted(#[source] Source),
    /// The unit was more than the store takes at once, and certainly rolled back; the half of it may fit.
    #[error("the store cannot take so much at once")]
    TooLarge(#[source] Source),
    /// The store takes a value as none, and the unit was certainly rolled back; without that value it may be taken.
    #[error("the store refuses a value")]
    Refused(#[source] Source),
    /// The store did not answer, or the connection was lost. A commit may have happened.
    #[error("the store does not answer")]
    Unavailable(#[source] Source),
    /// We have asked more of the store than we may for now, and it is to be left alone for a while. A commit may have
    /// happened.
    #[error("the store takes no more for now")]
    Throttled(#[source] Source),
    /// What was asked took longer than it may, or somebody ended it: to ask the same again would end likewise. A commit
    /// may have happened.
    #[error("the store gave up what was asked of it")]
    TimedOut(#[source] Source),
    /// A row breaks the rules of the domain.
    #[error("the store holds a value that cannot be: {table}.{column}")]
    Corrupt {
        /// In which table.
        table: &'static str,
        /// In which column.
        column: &'static str,
    },
    /// Anything else: a full disk, a missing right, a fault of ours.
    #[error("the store failed")]
    Backend(#[source] Source),
}

impl StoreError {
    /// Whether the whole unit is worth another try at once: nothing of it has happened.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Aborted(_))
    }

    /// Whether the same may well succeed some time later, where doing it twice does no harm: a server that goes down ends
    /// what it was asked, and one that has too much to do wants to be left alone.
    #[must_use]
    pub const fn passes(&self) -> bool {
        matches!(self, Self::Aborted(_) | Self::Unavailable(_) | Self::Throttled(_) | Self::TimedOut(_))
    }
}
