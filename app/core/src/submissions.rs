//! Submits the addresses of changed pages to search engines, which otherwise learn of a change at their next visit.
//!
//! Each site, which is a host with one or more communities, has a bookmark in the change log. Once an hour at most, the
//! pages that changed after it are submitted, and the bookmark is moved behind them. So a process that ends loses
//! nothing, and at worst something is submitted twice. A site begins at the end of the log: its sitemaps have the pages
//! that are there already.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use domain::change::{Bookmark, ChangeKind, ChangePosition, Followed};
use domain::tenant::Tenant;
use ports::clock::Clock;
use ports::engine::{MOST_ADDRESSES, SearchEngines, SubmitError};
use ports::error::StoreError;
use ports::store::Store;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::browse::{Audience, Browse, BrowseError, SitemapPage};
use crate::process::Process;
use crate::retry::{LOST_RACE, retry};
use crate::sync::Candidate;

/// The shortest time between two submissions of a site.
const EVERY: Duration = Duration::from_hours(1);
/// The longest pause that search engines can demand.
const LONGEST: Duration = Duration::from_hours(24);
/// How often it is checked whether a submission is due.
const CHECK: Duration = Duration::from_mins(1);
/// The number of tenants, and of changes, that are read at once.
const BATCH: u32 = 100;

/// The name of the lease of the process that submits.
const LEASE: &str = "submissions";

/// Makes the addresses of pages.
pub trait PageAddresses: Send + Sync {
    /// Returns the site of a tenant: scheme, host and maybe a port; `None` if its public address is not known.
    fn site(&self, tenant: &Tenant) -> Option<String>;

    /// Returns the address of a page of the tenant, which begins with its site; `None` if that is not known.
    fn page(&self, tenant: &Tenant, page: &SitemapPage<'_>) -> Option<String>;
}

/// A site whose submission is due.
struct Due {
    site: String,
    tenants: Vec<Tenant>,
    bookmark: Bookmark,
}

/// Submits the changed pages of every public community.
pub struct Submissions {
    store: Arc<dyn Store>,
    browse: Browse,
    engines: Arc<dyn SearchEngines>,
    addresses: Arc<dyn PageAddresses>,
    clock: Arc<dyn Clock>,
    candidate: Candidate,
    /// The sites whose last submission failed.
    failing: HashSet<String>,
}

impl Submissions {
    /// Submits the pages of `store` to `engines`, under the `addresses` that the site has for them, and as `process`.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        engines: Arc<dyn SearchEngines>,
        addresses: Arc<dyn PageAddresses>,
        clock: Arc<dyn Clock>,
        process: Process,
    ) -> Self {
        let browse = Browse::new(Arc::clone(&store));
        let candidate = Candidate::for_task(Arc::clone(&store), Arc::clone(&clock), process, LEASE);
        Self { store, browse, engines, addresses, clock, candidate, failing: HashSet::new() }
    }

    /// Submits what is due until `stop`. Errors are logged, and tried again a minute later.
    pub async fn run(mut self, stop: CancellationToken) {
        match self.sites().await {
            Ok(sites) if sites.is_empty() => {
                warn!("no page has a public address to submit; PUBLIC_URL or a domain of a community makes one");
            }
            // A store that fails is reported below.
            _ => {}
        }
        loop {
            tokio::select! {
                done = self.round() => if let Err(error) = done {
                    warn!(error = &error as &dyn std::error::Error, "changed pages not submitted");
                },
                () = stop.cancelled() => return,
            }
            tokio::select! {
                () = sleep(CHECK) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Submits the changed pages of each site that is due, unless another process does.
    ///
    /// # Errors
    /// [`BrowseError::Store`]; the next call continues.
    pub async fn round(&mut self) -> Result<(), BrowseError> {
        if self.due().await?.is_empty() {
            return Ok(());
        }
        let Ok(leader) = self.candidate.elect().await? else { return Ok(()) };
        let done = tokio::select! {
            done = self.submit_due() => done,
            never = leader.renew_lease() => match never {},
            () = leader.lost().cancelled() => Ok(()),
        };
        leader.resign().await;
        done
    }

    /// Returns the sites of the communities that have public pages.
    async fn sites(&self) -> Result<BTreeMap<String, Vec<Tenant>>, BrowseError> {
        let (mut sites, mut after) = (BTreeMap::<String, Vec<Tenant>>::new(), None);
        let mut at = self.browse.open(Audience::Public).await;
        loop {
            let (tenants, next) = at.tenants(after, BATCH).await?;
            for tenant in tenants {
                if let Some(site) = self.addresses.site(&tenant) {
                    sites.entry(site).or_default().push(tenant);
                }
            }
            after = next;
            if after.is_none() {
                return Ok(sites);
            }
        }
    }

    /// Returns the sites whose submission is due. One without a bookmark gets one.
    async fn due(&self) -> Result<Vec<Due>, BrowseError> {
        let (sites, now, mut due) = (self.sites().await?, self.clock.now(), Vec::new());
        let mut at = self.store.read().await?;
        let end = at.changes().position().await?;
        for (site, tenants) in sites {
            match at.changes().bookmark(&reader(&site)).await? {
                Some(bookmark) if bookmark.due_at <= now && bookmark.position != end => {
                    due.push(Due { site, tenants, bookmark });
                }
                Some(_) => {}
                None => {
                    self.store_bookmark(&site, Bookmark { position: end.clone(), due_at: now }).await?;
                    info!(site, "changed pages will be submitted from now on");
                }
            }
        }
        Ok(due)
    }

    async fn submit_due(&mut self) -> Result<(), BrowseError> {
        // Another process may have submitted before this one became the leader.
        for due in self.due().await? {
            self.submit(due).await?;
        }
        Ok(())
    }

    async fn submit(&mut self, due: Due) -> Result<(), BrowseError> {
        let (position, addresses) = self.changed(&due).await?;
        let bookmark = if addresses.is_empty() {
            Bookmark { position, ..due.bookmark }
        } else {
            let sent = self.send(&due.site, &addresses).await;
            let now = self.clock.now();
            match self.report(&due.site, addresses.len(), sent) {
                // Those that are rejected are left to the sitemaps.
                Ok(()) | Err(SubmitError::Rejected { .. }) => Bookmark { position, due_at: now.plus(EVERY) },
                Err(SubmitError::Later { wait, .. }) => {
                    let wait = wait.unwrap_or(EVERY).clamp(EVERY, LONGEST);
                    Bookmark { due_at: now.plus(wait), ..due.bookmark }
                }
            }
        };
        self.store_bookmark(&due.site, bookmark).await
    }

    /// Returns the addresses of the pages of a site that changed after its bookmark, and the position behind the
    /// changes. It reads no further once there are as many as one submission can have.
    async fn changed(&self, due: &Due) -> Result<(ChangePosition, Vec<String>), BrowseError> {
        let (mut position, mut addresses) = (due.bookmark.position.clone(), BTreeSet::new());
        loop {
            let followed = self.store.read().await?.changes().follow(&position, BATCH).await?;
            let (changes, behind) = match followed {
                Followed::Changes { changes, position: next, behind } => {
                    position = next;
                    (changes, behind)
                }
                Followed::Resync { position } => {
                    warn!(site = due.site, "change log trimmed or replaced; changed pages are left to the sitemaps");
                    return Ok((position, addresses.into_iter().collect()));
                }
            };
            // Newer than the changes: what was hidden since is not among the pages.
            let mut at = self.browse.open(Audience::Public).await;
            for tenant in &due.tenants {
                let of_tenant = changes.iter().filter(|change| change.tenant_id == tenant.id);
                let kinds: Vec<ChangeKind> = of_tenant.map(|change| change.kind).collect();
                if !kinds.is_empty() {
                    let visit = |page: SitemapPage<'_>| addresses.extend(self.addresses.page(tenant, &page));
                    at.changed_pages(tenant, &kinds, visit).await?;
                }
            }
            if behind == 0 || addresses.len() >= MOST_ADDRESSES {
                return Ok((position, addresses.into_iter().collect()));
            }
        }
    }

    async fn send(&self, site: &str, addresses: &[String]) -> Result<(), SubmitError> {
        for part in addresses.chunks(MOST_ADDRESSES) {
            self.engines.submit(site, part).await?;
        }
        Ok(())
    }

    /// Logs the outcome of a submission; of several failures only the first one.
    fn report(&mut self, site: &str, addresses: usize, sent: Result<(), SubmitError>) -> Result<(), SubmitError> {
        match &sent {
            Ok(()) => {
                self.failing.remove(site);
                info!(site, addresses, "changed pages submitted");
            }
            Err(failure) if self.failing.insert(site.to_owned()) => {
                let cause: &dyn std::error::Error = failure;
                if matches!(failure, SubmitError::Rejected { .. }) {
                    error!(site, addresses, error = cause, "changed pages rejected by search engines");
                } else {
                    warn!(site, addresses, error = cause, "changed pages not accepted by search engines now");
                }
            }
            Err(_) => {}
        }
        sent
    }

    async fn store_bookmark(&self, site: &str, bookmark: Bookmark) -> Result<(), BrowseError> {
        let once = async || {
            let mut unit = self.store.begin().await?;
            unit.changes().store_bookmark(&reader(site), &bookmark).await?;
            unit.commit().await
        };
        Ok(retry(&LOST_RACE, StoreError::is_retryable, once).await?)
    }
}

/// Returns the name of the bookmark of a site.
fn reader(site: &str) -> String {
    format!("{LEASE}/{site}")
}
