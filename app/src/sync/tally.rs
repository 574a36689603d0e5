//! What a sync has done so far.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, PoisonError};

use domain::job::Progress;

/// Failures of single channels that are told one by one; the rest is counted.
const TOLD: usize = 5;

/// Counts what many walks do at the same time.
#[derive(Debug, Default)]
pub(super) struct Tally {
    channels_done: AtomicU64,
    channels_total: AtomicU64,
    messages: AtomicU64,
    requests: AtomicU64,
    waits: AtomicU64,
    failures: Mutex<Vec<String>>,
}

impl Tally {
    /// There is one more channel to read.
    pub(super) fn found(&self) {
        self.channels_total.fetch_add(1, Relaxed);
    }

    /// A channel is read.
    pub(super) fn finished(&self) {
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

    /// Something could not be read; the rest goes on.
    pub(super) fn failed(&self, what: String) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    /// One sentence about everything that could not be read.
    pub(super) fn failures(&self) -> Option<String> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let told = failures.iter().take(TOLD).cloned().collect::<Vec<_>>().join("; ");
        let more = failures.len().saturating_sub(TOLD);
        match failures.len() {
            0 => None,
            _ if more == 0 => Some(told),
            _ => Some(format!("{told}; and {more} more")),
        }
    }

    pub(super) fn progress(&self) -> Progress {
        Progress {
            channels_done: self.channels_done.load(Relaxed),
            channels_total: self.channels_total.load(Relaxed),
            messages: self.messages.load(Relaxed),
            requests: self.requests.load(Relaxed),
            waits: self.waits.load(Relaxed),
        }
    }
}
