//! How far the indexes of this process are.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use ports::search::IndexPosition;

/// The progress of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Building {
    /// The number of channels to read.
    pub channels_total: u64,
    /// The number of channels that were read.
    pub channels_done: u64,
    /// The number of messages that were added.
    pub messages: u64,
}

#[derive(Debug, Default)]
struct State {
    building: HashMap<TenantId, Building>,
    /// Up to where each index is known to have every change of the store, and when.
    current: HashMap<TenantId, IndexPosition>,
    /// When this process found that a tenant has no index that follows.
    missing: HashMap<TenantId, Timestamp>,
    builds: u64,
    failing: u64,
}

/// The progress of the indexes. A clone shares it.
#[derive(Debug, Clone, Default)]
pub struct IndexProgress(Arc<Mutex<State>>);

impl IndexProgress {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the builds that are under way.
    #[must_use]
    pub fn building(&self) -> HashMap<TenantId, Building> {
        self.state().building.clone()
    }

    /// Returns the number of builds that were finished.
    #[must_use]
    pub fn builds(&self) -> u64 {
        self.state().builds
    }

    /// Returns the number of indexes that cannot follow and are tried again.
    #[must_use]
    pub fn failing(&self) -> u64 {
        self.state().failing
    }

    pub(super) fn set_failing(&self, failing: u64) {
        self.state().failing = failing;
    }

    /// Returns the position before which every change is in the index of `tenant`; `None` if it is not known.
    #[must_use]
    pub fn current(&self, tenant: TenantId) -> Option<IndexPosition> {
        self.state().current.get(&tenant).cloned()
    }

    /// Returns the earliest time since which an index does not have every change: that of its position, or of the
    /// beginning of its first build. `None` without a tenant.
    #[must_use]
    pub fn oldest(&self) -> Option<Timestamp> {
        let state = self.state();
        state.current.values().map(|position| position.as_of).chain(state.missing.values().copied()).min()
    }

    pub(super) fn begin(&self, tenant: TenantId, now: Timestamp) {
        let mut state = self.state();
        state.building.insert(tenant, Building::default());
        if !state.current.contains_key(&tenant) {
            state.missing.entry(tenant).or_insert(now);
        }
    }

    pub(super) fn expect(&self, tenant: TenantId, channels: u64) {
        if let Some(building) = self.state().building.get_mut(&tenant) {
            building.channels_total = channels;
        }
    }

    pub(super) fn advance(&self, tenant: TenantId, channels: u64, messages: u64) {
        if let Some(building) = self.state().building.get_mut(&tenant) {
            building.channels_done += channels;
            building.messages += messages;
        }
    }

    /// Ends a build and returns what it did.
    pub(super) fn end(&self, tenant: TenantId, finished: bool) -> Building {
        let mut state = self.state();
        state.builds += u64::from(finished);
        state.building.remove(&tenant).unwrap_or_default()
    }

    pub(super) fn reached(&self, tenant: TenantId, position: IndexPosition) {
        let mut state = self.state();
        state.missing.remove(&tenant);
        state.current.insert(tenant, position);
    }

    pub(super) fn forget(&self, tenant: TenantId) {
        let mut state = self.state();
        state.current.remove(&tenant);
        state.missing.remove(&tenant);
        state.building.remove(&tenant);
    }
}

#[cfg(test)]
mod tests;
