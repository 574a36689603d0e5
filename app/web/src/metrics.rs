//! Metrics for Prometheus.

mod live;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use app_core::browse::Browse;
use app_core::follow::Lag;
use app_core::live::LiveStatus;
use app_core::search::IndexProgress;
use app_core::sync::SyncLag;
use domain::timestamp::Timestamp;
use http::Method;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use self::live::LiveMetrics;
use super::cache::Cache;
use super::stream::{Counts, Streams};

/// The labels of a request: never an address that a client wrote, so that there are few of them.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Labels {
    method: &'static str,
    route: &'static str,
    status: u16,
}

/// The labels of a timed request.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Timed {
    method: &'static str,
    route: &'static str,
}

/// The metrics of the server.
pub(crate) struct Metrics {
    registry: Mutex<Registry>,
    requests: Family<Labels, Counter>,
    seconds: Family<Timed, Histogram, fn() -> Histogram>,
    pub(crate) connections: Gauge,
    pub(crate) limited: Counter,
    follower: Option<Follower>,
    cache: Option<Arc<Cache>>,
    /// The reader whose segments are measured, and their size.
    segments: Option<(Browse, Gauge)>,
    sync_lag: Option<(SyncLag, Gauge<f64, AtomicU64>)>,
    search: Option<SearchMetrics>,
}

/// The progress of the search indexes.
struct SearchMetrics {
    progress: IndexProgress,
    lag_seconds: Gauge<f64, AtomicU64>,
    building: Gauge,
    messages: Gauge,
    builds: Gauge,
    failing: Gauge,
}

/// The progress of the follower of the change log.
struct Follower {
    lag: Lag,
    age_seconds: Gauge<f64, AtomicU64>,
    behind: Gauge,
    resyncs: Gauge,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("verta");
        let requests = Family::<Labels, Counter>::default();
        let seconds = Family::new_with_constructor(histogram as fn() -> Histogram);
        let (connections, limited) = (Gauge::default(), Counter::default());
        registry.register("http_requests", "Requests by method, route and status", requests.clone());
        registry.register(
            "http_request_duration_seconds",
            "Time until the response was ready, by method and route",
            seconds.clone(),
        );
        registry.register("http_connections", "Open connections", connections.clone());
        registry.register("http_rate_limited", "Requests rejected by the rate limit", limited.clone());
        Self {
            registry: Mutex::new(registry),
            requests,
            seconds,
            connections,
            limited,
            follower: None,
            cache: None,
            segments: None,
            sync_lag: None,
            search: None,
        }
    }

    /// Returns the metrics with those that `register` adds.
    pub(crate) fn with(mut self, register: impl FnOnce(&mut Registry)) -> Self {
        register(self.registry.get_mut().unwrap_or_else(PoisonError::into_inner));
        self
    }

    /// Returns the metrics with the lag of the syncs that this process schedules.
    pub(crate) fn with_sync_lag(self, lag: SyncLag) -> Self {
        let seconds = Gauge::<f64, AtomicU64>::default();
        let of_registry = seconds.clone();
        let metrics = self.with(|registry| {
            let help = "Seconds since the last completed sync of the community that is furthest behind";
            registry.register("sync_lag_seconds", help, of_registry);
        });
        Self { sync_lag: Some((lag, seconds)), ..metrics }
    }

    /// Returns the metrics with those of the events that this process follows.
    pub(crate) fn with_live(self, status: LiveStatus) -> Self {
        self.with(|registry| registry.register_collector(Box::new(LiveMetrics(status))))
    }

    /// Returns the metrics with those of the follower with this lag.
    pub(crate) fn with_follower(mut self, lag: Lag) -> Self {
        let follower =
            Follower { lag, age_seconds: Gauge::default(), behind: Gauge::default(), resyncs: Gauge::default() };
        let registry = self.registry.get_mut().unwrap_or_else(PoisonError::into_inner);
        registry.register(
            "change_log_lag_seconds",
            "Seconds since this process was last at the end of the change log",
            follower.age_seconds.clone(),
        );
        registry.register(
            "change_log_behind",
            "Changes in the log that this process has not yet passed on",
            follower.behind.clone(),
        );
        registry.register(
            "change_log_resyncs",
            "Resyncs since the start of the process, because the log did not have every change",
            follower.resyncs.clone(),
        );
        self.follower = Some(follower);
        self
    }

    /// Returns the metrics with those of the cache of responses, and of the segments that `browse` reads from.
    pub(crate) fn with_cache(self, cache: &Arc<Cache>, browse: &Browse) -> Self {
        let segments = Gauge::default();
        let crate::cache::Counts { hits, misses, dropped, bytes, bodies, known } = &cache.counts;
        let metrics = self.with(|registry| {
            registry.register("cache_hits", "Requests answered from the cache", hits.clone());
            registry.register("cache_misses", "Requests that the cache could have answered", misses.clone());
            let help = "Responses dropped from the cache because the archive changed";
            registry.register("cache_dropped", help, dropped.clone());
            registry.register("cache_bytes", "Size of the cache in bytes", bytes.clone());
            registry.register("cache_bodies", "Responses in the cache", bodies.clone());
            registry.register("cache_validators", "Responses whose validators the cache has", known.clone());
            registry.register("cache_segment_bytes", "Size of the messages that pages share", segments.clone());
        });
        Self { cache: Some(Arc::clone(cache)), segments: Some((browse.clone(), segments)), ..metrics }
    }

    /// Returns the metrics with those of streams of changes.
    pub(crate) fn with_streams(self, streams: &Streams) -> Self {
        let Counts { open, sent, dropped, rejected } = &streams.counts;
        self.with(|registry| {
            registry.register("streams_open", "Open streams of changes", open.clone());
            registry.register("stream_events", "Events sent to clients of streams", sent.clone());
            let help = "Streams that ended because the client was too slow";
            registry.register("streams_dropped", help, dropped.clone());
            let help = "Streams rejected because the client, or all of them together, had too many";
            registry.register("streams_rejected", help, rejected.clone());
        })
    }

    /// Returns the metrics with those of the search indexes.
    pub(crate) fn with_search(mut self, progress: IndexProgress) -> Self {
        let search = SearchMetrics {
            progress,
            lag_seconds: Gauge::default(),
            building: Gauge::default(),
            messages: Gauge::default(),
            builds: Gauge::default(),
            failing: Gauge::default(),
        };
        let registry = self.registry.get_mut().unwrap_or_else(PoisonError::into_inner);
        let help = "Seconds since the search index that is furthest behind had every change";
        registry.register("search_lag_seconds", help, search.lag_seconds.clone());
        registry.register("search_builds_running", "Search indexes that are being built", search.building.clone());
        let help = "Messages that the running build of a search index has read";
        registry.register("search_build_messages", help, search.messages.clone());
        let help = "Search indexes that were built since the start of the process";
        registry.register("search_builds", help, search.builds.clone());
        let help = "Search indexes that cannot follow and are tried again";
        registry.register("search_failing", help, search.failing.clone());
        self.search = Some(search);
        self
    }

    pub(crate) fn answered(&self, method: &Method, route: &'static str, status: u16, took: Duration) {
        let method = name(method);
        self.requests.get_or_create(&Labels { method, route, status }).inc();
        self.seconds.get_or_create(&Timed { method, route }).observe(took.as_secs_f64());
    }

    /// Returns the metrics in the text format of `OpenMetrics`, which Prometheus reads.
    pub(crate) fn encode(&self, now: Timestamp) -> String {
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Follower { lag, age_seconds, behind, resyncs }) = &self.follower {
            age_seconds.set(lag.age().as_secs_f64());
            behind.set(lag.behind().cast_signed());
            resyncs.set(lag.resyncs().cast_signed());
        }
        if let Some(cache) = &self.cache {
            cache.measure();
        }
        if let Some((browse, bytes)) = &self.segments {
            bytes.set(browse.segment_bytes().cast_signed());
        }
        if let Some((lag, seconds)) = &self.sync_lag {
            seconds.set(lag.age(now).unwrap_or_default().as_secs_f64());
        }
        if let Some(search) = &self.search {
            let age = search.progress.oldest().map_or(0, |at| (now.as_millis() - at.as_millis()).max(0));
            #[expect(clippy::cast_precision_loss, reason = "an age is far below 2^52 milliseconds")]
            search.lag_seconds.set(age as f64 / 1_000.0);
            let building = search.progress.building();
            search.building.set(building.len().try_into().unwrap_or(i64::MAX));
            search.messages.set(building.values().map(|build| build.messages.cast_signed()).sum());
            search.builds.set(search.progress.builds().cast_signed());
            search.failing.set(search.progress.failing().cast_signed());
        }
        let mut text = String::new();
        encode(&mut text, &registry).expect("a string takes every write");
        text
    }
}

/// Returns a histogram from a quarter of a millisecond to eight seconds.
fn histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.000_25, 2.0, 16))
}

/// Returns the label of a method; a non-standard method has a common one.
fn name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
