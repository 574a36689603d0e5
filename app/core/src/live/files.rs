//! The tenants whose messages brought files that are to be fetched.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use domain::tenant::TenantId;
use tokio::sync::Notify;

/// A set that one task waits for.
#[derive(Debug, Default)]
pub(super) struct FilesDue {
    tenants: Mutex<HashSet<TenantId>>,
    added: Notify,
}

impl FilesDue {
    /// Adds a tenant.
    pub(super) fn add(&self, tenant: TenantId) {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner).insert(tenant);
        self.added.notify_one();
    }

    /// Waits until there are tenants, and takes them.
    pub(super) async fn take(&self) -> HashSet<TenantId> {
        loop {
            let tenants = std::mem::take(&mut *self.tenants.lock().unwrap_or_else(PoisonError::into_inner));
            if !tenants.is_empty() {
                return tenants;
            }
            self.added.notified().await;
        }
    }
}
