//! The web server: the REST API and the site. It parses requests, calls use cases of `app-core`, and renders what they
//! return as JSON (`wire`) or as pages (`html`), which do no I/O.

mod about;
pub mod address;
mod admin;
mod body;
mod budget;
mod cache;
mod call;
mod capture;
mod compress;
mod connections;
mod dispatch;
mod error;
mod feed;
mod file;
mod health;
mod host;
pub mod html;
mod job;
mod limit;
mod markdown;
mod metrics;
mod node;
mod public;
mod query;
mod request;
mod response;
mod route;
mod search;
mod server;
mod site;
mod sitemap;
mod stream;
mod turns;
pub mod wire;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use app_core::browse::{Browse, Invalidation};
use app_core::domains::Domains;
use app_core::follow::{Freshness, Lag};
use app_core::jobs::Jobs;
use app_core::live::LiveStatus;
use app_core::search::Search;
use app_core::sync::{SyncJobs, SyncLag};
use app_core::tenants::Tenants;
use app_core::thumbnails::Thumbnails;
use bytes::Bytes;
use domain::domain_name::DomainName;
use futures::future::BoxFuture;
use ipnet::IpNet;
use ports::clock::Clock;
use ports::media::MediaStore;
use ports::store::Store;
use prometheus_client::registry::Registry;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

pub use self::cache::Cache;
pub use self::server::Server;
pub use self::stream::Streams;
use crate::about::Extents;
use crate::address::PublicAddress;
use crate::budget::Budget;
use crate::limit::RateLimit;
use crate::metrics::Metrics;
use crate::node::Node;
use crate::stream::Slots;
use crate::turns::Turns;

/// The number of large responses that are compressed at the same time. Each keeps several MB busy, and a processor,
/// too.
const COMPRESSED_AT_ONCE: usize = 2;
/// The number of responses that are made at the same time without a setting.
const AT_ONCE: usize = 10;

/// The number of requests that one search counts as: the part of the rate limit that is for searches.
const SEARCHES: u32 = 5;

/// The settings of the server.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The key of the admin API, which is off without one.
    pub admin_key: Option<Vec<u8>>,
    /// The public address of the installation, without a slash at its end.
    pub public_url: Option<String>,
    /// Requests a minute from one address; 0 for no limit.
    pub rate_limit: u32,
    /// The proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether only health and metrics are served, and the requests to a search node.
    pub operations_only: bool,
    /// Whether requested syncs will be run, by this process or, as far as it knows, by another.
    pub syncs: bool,
    /// The key by which search engines know that the addresses of changed pages come from this site.
    pub index_key: Option<String>,
    /// The number of responses that are made at the same time, each of which holds a page of messages; 10 without it.
    pub at_once: Option<usize>,
}

/// The cache of responses, and whether it is current.
struct Caching {
    cache: Arc<Cache>,
    freshness: Freshness,
}

/// The state that requests are answered from.
pub struct ServerState {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    browse: Browse,
    tenants: Tenants,
    jobs: Jobs,
    sync_jobs: SyncJobs,
    operations_only: bool,
    syncs: bool,
    /// The hash of the admin key: comparing hashes takes the same time for every key.
    admin_key: Option<[u8; 32]>,
    public: PublicAddress,
    /// The domains of tenants.
    domains: Option<Arc<Domains>>,
    limit: RateLimit,
    /// Bounds the responses that clients have not received yet.
    budget: Arc<Budget>,
    /// Bounds the responses that are being made.
    making: Turns,
    /// Bounds the large responses that are being compressed.
    compressing: Semaphore,
    metrics: Metrics,
    caching: Option<Caching>,
    media: Option<Arc<dyn MediaStore>>,
    thumbnails: Option<Thumbnails>,
    search: Option<Search>,
    /// Answers other processes, in a search node.
    node: Option<Node>,
    /// Counts searches, which cost more than pages.
    searches: RateLimit,
    streams: Option<Arc<Streams>>,
    /// Bounds the open streams.
    stream_slots: Arc<Slots>,
    index_key: Option<String>,
    /// The extents of the archives of tenants, as they were a while ago.
    extents: Extents,
    /// The last robots.txt of each domain, and that of other hosts, for the time when the store fails.
    robots: Mutex<HashMap<Option<DomainName>, String>>,
}

impl ServerState {
    /// Returns the state of a server over `store`.
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
            public: PublicAddress::new(settings.public_url),
            domains: None,
            limit: RateLimit::new(settings.rate_limit, settings.trusted_proxies),
            budget: Budget::new(budget::ALL_BYTES, budget::NETWORK_BYTES, budget::CLIENT_BYTES),
            making: Turns::new(settings.at_once.unwrap_or(AT_ONCE)),
            compressing: Semaphore::new(COMPRESSED_AT_ONCE),
            metrics: Metrics::new(),
            caching: None,
            media: None,
            thumbnails: None,
            search: None,
            node: None,
            searches: RateLimit::new(settings.rate_limit.div_ceil(SEARCHES), Vec::new()),
            streams: None,
            stream_slots: Slots::new(server::MAX_CONNECTIONS),
            index_key: settings.index_key,
            extents: Extents::default(),
            robots: Mutex::default(),
        }
    }

    /// Returns the state of a server without the archive's key: it rejects changes to tenants.
    #[must_use]
    pub fn without_key(self) -> Self {
        Self { tenants: self.tenants.without_key(), ..self }
    }

    /// Reports the progress of the follower with this lag in the metrics.
    #[must_use]
    pub fn with_follower(self, lag: Lag) -> Self {
        Self { metrics: self.metrics.with_follower(lag), ..self }
    }

    /// Reports the lag of the syncs that this process schedules in the metrics.
    #[must_use]
    pub fn with_sync_lag(self, lag: SyncLag) -> Self {
        Self { metrics: self.metrics.with_sync_lag(lag), ..self }
    }

    /// Reports the events that this process follows in the metrics.
    #[must_use]
    pub fn with_live(self, status: LiveStatus) -> Self {
        Self { metrics: self.metrics.with_live(status), ..self }
    }

    /// Adds metrics of other parts of the program to those of the server: `register` receives their registry, whose
    /// prefix is `verta`.
    #[must_use]
    pub fn with_metrics(self, register: impl FnOnce(&mut Registry)) -> Self {
        Self { metrics: self.metrics.with(register), ..self }
    }

    /// Makes the server also answer searches.
    #[must_use]
    pub fn with_search(self, search: Search) -> Self {
        Self { metrics: self.metrics.with_search(search.progress().clone()), search: Some(search), ..self }
    }

    /// Makes the server also answer the requests of other processes to a search node: `answer` returns the response to a
    /// body, or `None` if it is not a request. They have the token as credentials of the scheme `Node`.
    #[must_use]
    pub fn with_node(
        self,
        token: &[u8],
        answer: impl Fn(Bytes) -> BoxFuture<'static, Option<Bytes>> + Send + Sync + 'static,
    ) -> Self {
        Self { node: Some(Node::new(token, Box::new(answer))), ..self }
    }

    /// Makes the server also serve streams of changes, which a follower of the change log feeds.
    #[must_use]
    pub fn with_streams(self, streams: Arc<Streams>) -> Self {
        Self { metrics: self.metrics.with_streams(&streams), streams: Some(streams), ..self }
    }

    /// Makes the server show the tenants that have a domain there, and redirect to it: `domains` is a subscriber of the
    /// follower, before the cache.
    #[must_use]
    pub fn with_domains(self, domains: Arc<Domains>) -> Self {
        Self { domains: Some(domains), ..self }
    }

    /// Makes the server answer public reads from memory, as far as `invalidation` keeps `cache` current: a subscriber of
    /// the follower with this freshness.
    #[must_use]
    pub fn with_cache(self, cache: Arc<Cache>, invalidation: &Invalidation, freshness: Freshness) -> Self {
        let browse = self.browse.with_shared(invalidation, freshness.clone());
        let metrics = self.metrics.with_cache(&cache, &browse);
        Self { browse, metrics, caching: Some(Caching { cache, freshness }), ..self }
    }

    /// Makes the server also serve the files that are stored in `media`.
    #[must_use]
    pub fn with_media(self, media: Arc<dyn MediaStore>) -> Self {
        Self { media: Some(media), ..self }
    }

    /// Makes the server also serve thumbnails of those that are pictures.
    #[must_use]
    pub fn with_thumbnails(self, thumbnails: Thumbnails) -> Self {
        Self { thumbnails: Some(thumbnails), ..self }
    }
}
