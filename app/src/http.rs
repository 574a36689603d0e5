//! The web server: the REST API and the site.

mod admin;
mod answer;
mod body;
mod budget;
mod compress;
mod connections;
mod error;
mod file;
mod health;
mod job;
mod limit;
mod metrics;
mod public;
mod query;
mod route;
mod server;
mod site;
mod turns;

use std::sync::Arc;

use ipnet::IpNet;
use ports::clock::Clock;
use ports::media::MediaStore;
use ports::store::Store;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

pub(crate) use self::error::ApiError;
pub use self::server::Server;
use crate::browse::Browse;
use crate::follow::Lag;
use crate::http::budget::Budget;
use crate::http::limit::RateLimit;
use crate::http::metrics::Metrics;
use crate::http::turns::Turns;
use crate::jobs::Jobs;
use crate::sync::SyncJobs;
use crate::tenants::Tenants;

/// Large responses that are compressed at the same time. Each keeps several MB busy, and a processor, too.
const COMPRESSED_AT_ONCE: usize = 2;
/// Responses that are made at the same time if no setting says otherwise.
const AT_ONCE: usize = 10;

/// How the server is set up.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The key of the admin API, which is off without one.
    pub admin_key: Option<Vec<u8>>,
    /// The address that the world sees, without a slash at its end.
    pub public_url: Option<String>,
    /// Requests a minute from one address; 0 for no limit.
    pub rate_limit: u32,
    /// Proxies whose `X-Forwarded-For` counts.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether only those addresses are answered that tell how the process does.
    pub operations_only: bool,
    /// Whether syncs that are asked for will be done, by this process or, as far as it can tell, by another.
    pub syncs: bool,
    /// Responses that are made at the same time, each of which holds a page of messages; 10 without it.
    pub at_once: Option<usize>,
}

/// Everything that answers need.
pub struct Site {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    browse: Browse,
    tenants: Tenants,
    jobs: Jobs,
    sync_jobs: SyncJobs,
    operations_only: bool,
    syncs: bool,
    /// The hash of the admin key: comparing hashes takes as long for every key.
    admin_key: Option<[u8; 32]>,
    public_url: String,
    limit: RateLimit,
    /// Bounds the responses that clients have not taken yet.
    budget: Arc<Budget>,
    /// Bounds the responses that are being made.
    making: Turns,
    /// Bounds the large responses that are being compressed.
    compressing: Semaphore,
    metrics: Metrics,
    media: Option<Arc<dyn MediaStore>>,
}

impl Site {
    /// A site over `store`.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        jobs: Jobs,
        sync_jobs: SyncJobs,
        settings: Settings,
    ) -> Self {
        Self {
            browse: Browse::new(Arc::clone(&store)),
            tenants: Tenants::new(Arc::clone(&store), Arc::clone(&clock)),
            store,
            clock,
            jobs,
            sync_jobs,
            operations_only: settings.operations_only,
            syncs: settings.syncs,
            admin_key: settings.admin_key.map(|key| Sha256::digest(key).into()),
            public_url: settings.public_url.unwrap_or_default(),
            limit: RateLimit::new(settings.rate_limit, settings.trusted_proxies),
            budget: Budget::new(budget::ALL_BYTES, budget::NETWORK_BYTES, budget::CLIENT_BYTES),
            making: Turns::new(settings.at_once.unwrap_or(AT_ONCE)),
            compressing: Semaphore::new(COMPRESSED_AT_ONCE),
            metrics: Metrics::new(),
            media: None,
        }
    }

    /// Shows in the metrics how far the follower with this lag has come.
    #[must_use]
    pub fn with_follower(self, lag: Lag) -> Self {
        Self { metrics: self.metrics.with_follower(lag), ..self }
    }

    /// Serves the files that are kept in `media`, too.
    #[must_use]
    pub fn with_media(self, media: Arc<dyn MediaStore>) -> Self {
        Self { media: Some(media), ..self }
    }
}
