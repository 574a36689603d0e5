//! The domains of tenants, by which a web process finds the community whose site a request is for.
//!
//! The list of them is read once and used until the change log tells that a tenant changed, so that a request costs no
//! query. It has a row for each tenant with a domain and none for the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::change::{Change, ChangeKind, ChangePosition};
use domain::domain_name::DomainName;
use domain::slug::TenantSlug;
use futures::FutureExt;
use ports::error::StoreError;
use ports::page::Page;
use ports::store::Store;
use tokio::time::timeout;
use tracing::warn;

use crate::follow::Subscriber;

/// The number of tenants that are read at once.
const BATCH: u32 = 100;
/// The time that a request waits for the list.
const PATIENCE: Duration = Duration::from_secs(1);

/// A tenant with a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// The domain.
    pub domain: DomainName,
    /// The tenant's slug.
    pub slug: TenantSlug,
}

/// The tenants with a domain, at one time.
#[derive(Debug, Default)]
pub struct Sites {
    by_domain: HashMap<DomainName, Arc<Site>>,
    by_slug: HashMap<TenantSlug, Arc<Site>>,
}

impl Sites {
    /// Returns whether no tenant has a domain.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_domain.is_empty()
    }

    /// Returns the site of a domain.
    #[must_use]
    pub fn of_domain(&self, domain: &DomainName) -> Option<&Arc<Site>> {
        self.by_domain.get(domain)
    }

    /// Returns the site of the tenant with this slug, if it has a domain.
    #[must_use]
    pub fn of_slug(&self, slug: &TenantSlug) -> Option<&Arc<Site>> {
        self.by_slug.get(slug)
    }
}

/// The list of a process, as a subscriber of its follower.
///
/// The follower must pass changes to it before it passes them to a cache of responses: nothing that was made with the list
/// from before a change is then stored after the change.
#[derive(Default)]
pub struct Domains(Mutex<State>);

#[derive(Default)]
struct State {
    sites: Arc<Sites>,
    /// Whether `sites` has every change that is known.
    is_current: bool,
    /// The number of times that the list was dropped.
    drops: u64,
}

impl Domains {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the list, which has every change that the follower passed on. If the store does not answer, it is the last
    /// known one.
    pub async fn sites(self: &Arc<Self>, store: &Arc<dyn Store>) -> Arc<Sites> {
        {
            let state = self.state();
            if state.is_current {
                return Arc::clone(&state.sites);
            }
        }
        let work = {
            let (domains, from) = (Arc::clone(self), Arc::clone(store));
            async move { domains.load(&*from).await }
        };
        if timeout(PATIENCE, store.run(work.boxed())).await.is_err() {
            warn!("domains of communities not read in time; the last known ones are used");
        }
        Arc::clone(&self.state().sites)
    }

    /// Returns whether `sites` is the list with every change that is known.
    #[must_use]
    pub fn are_current(&self, sites: &Arc<Sites>) -> bool {
        let state = self.state();
        state.is_current && Arc::ptr_eq(&state.sites, sites)
    }

    async fn load(&self, store: &dyn Store) {
        // Counted before the snapshot, which contains them.
        let drops = self.state().drops;
        match read(store).await {
            Ok(sites) => {
                let mut state = self.state();
                let is_current = state.drops == drops;
                if is_current || !state.is_current {
                    state.sites = Arc::new(sites);
                    state.is_current = is_current;
                }
            }
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, "domains of communities not readable");
            }
        }
    }

    /// Drops the list after a change to a tenant, so that the next request reads it.
    pub fn forget(&self) {
        let mut state = self.state();
        state.drops += 1;
        state.is_current = false;
    }
}

/// Reads the tenants with a domain.
pub(crate) async fn read(store: &dyn Store) -> Result<Sites, StoreError> {
    let (mut sites, mut after) = (Sites::default(), None);
    let mut at = store.read().await?;
    loop {
        let page = at.tenants().list_by_domain(Page { after, limit: BATCH }).await?;
        after = page.last().filter(|_| page.len() == BATCH as usize).and_then(|last| last.domain.clone());
        for tenant in page {
            let Some(domain) = tenant.domain else { continue };
            let site = Arc::new(Site { domain: domain.clone(), slug: tenant.slug.clone() });
            sites.by_domain.insert(domain, Arc::clone(&site));
            sites.by_slug.insert(tenant.slug, site);
        }
        if after.is_none() {
            return Ok(sites);
        }
    }
}

#[async_trait]
impl Subscriber for Domains {
    async fn receive(&self, changes: &[Change], _: &ChangePosition) {
        if changes.iter().any(|change| matches!(change.kind, ChangeKind::Tenant | ChangeKind::TenantGone)) {
            self.forget();
        }
    }

    async fn resync(&self, _: &ChangePosition) {
        self.forget();
    }
}

#[cfg(test)]
mod tests;
