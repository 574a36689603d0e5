//! The deletion of a message.

use std::time::Duration;

use crate::timestamp::Timestamp;

/// The evidence for a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeletionKind {
    /// An observation that covers its id lacks it. A later observation that shows it proves that it exists.
    Inferred,
    /// The platform, or an erasure, reported this very message as deleted. That is final.
    Explicit,
}

impl DeletionKind {
    /// Returns its number in stores.
    #[must_use]
    pub const fn as_number(self) -> u8 {
        match self {
            Self::Inferred => 1,
            Self::Explicit => 2,
        }
    }

    /// Returns the kind with this number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Inferred),
            2 => Some(Self::Explicit),
            _ => None,
        }
    }
}

/// The deletion of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deletion {
    /// Its evidence.
    pub kind: DeletionKind,
    /// The time of the observation that found the message deleted.
    pub at: Timestamp,
}

/// How long the content of a message stays stored, and hidden, whose deletion is only inferred: an observation can still
/// show that it exists.
const INFERRED_CONTENT: Duration = Duration::from_hours(30 * 24);

impl Deletion {
    /// Returns a deletion inferred from an observation at `at`, which covers the message's id and lacks it.
    #[must_use]
    pub const fn inferred(at: Timestamp) -> Self {
        Self { kind: DeletionKind::Inferred, at }
    }

    /// Returns a deletion that the platform reported at `at`.
    #[must_use]
    pub const fn explicit(at: Timestamp) -> Self {
        Self { kind: DeletionKind::Explicit, at }
    }

    /// Returns whether it stays although an observation at `seen_at` showed the message. At the same time existence
    /// wins, because absence can have other reasons.
    #[must_use]
    pub fn outlasts(self, seen_at: Timestamp) -> bool {
        self.kind == DeletionKind::Explicit || self.at > seen_at
    }

    /// Returns when the content of the message is to be removed: at once, or 30 days after an inferred deletion.
    #[must_use]
    pub fn content_due(self) -> Timestamp {
        match self.kind {
            DeletionKind::Explicit => self.at,
            DeletionKind::Inferred => self.at.plus(INFERRED_CONTENT),
        }
    }

    /// Returns the final one of two deletions of one message, or else the later one.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        if (other.kind, other.at) > (self.kind, self.at) { other } else { self }
    }
}
