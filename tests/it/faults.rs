//! Faults between the program and its database server, and their outcome: no data is lost or stored twice, and no
//! caller waits for ever.

mod admin;
mod beginning;
mod codes;
mod contents;
mod copies;
mod counts;
mod cuts;
mod hangs;
mod health;
mod imports;
mod kills;
mod portions;
mod processes;
mod starts;

use std::net::SocketAddr;
use std::time::Duration;

use adapter_tidb::url::DatabaseUrl;
use adapter_tidb::{OpenOptions, TidbStore};
use app_core::retry::{LOST_RACE, retry};
use domain::change::ChangeKind;
use domain::channel::Channel;
use domain::coverage::Interval;
use domain::page::PageOutcome;
use ports::error::StoreError;
use ports::store::Store;

use crate::contract::fixture::{changes_since, held_ids, id, interval, log_start, one_channel, page, stored};
use crate::proxy::Proxy;
use crate::server::Database;

/// How a caller classifies a [`StoreError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Missing,
    Duplicate,
    Aborted,
    TooLarge,
    Refused,
    Unavailable,
    Throttled,
    TimedOut,
    Backend,
}
use Kind::{Aborted, Backend, Duplicate, Missing, Refused, Throttled, TimedOut, TooLarge, Unavailable};

fn kind(error: &StoreError) -> Kind {
    match error {
        StoreError::Missing { .. } => Missing,
        StoreError::Duplicate { .. } => Duplicate,
        StoreError::Aborted(_) => Aborted,
        StoreError::TooLarge(_) => TooLarge,
        StoreError::Refused(_) => Refused,
        StoreError::Unavailable(_) => Unavailable,
        StoreError::Throttled(_) => Throttled,
        StoreError::TimedOut(_) => TimedOut,
        StoreError::Backend(_) => Backend,
        StoreError::Corrupt { .. } => panic!("{error}"),
    }
}

/// A store behind a proxy, and the same database without one. It has a database of its own, because a statement that is
/// held up blocks every caller that waits for its locks.
struct Rig {
    proxy: Proxy,
    store: TidbStore,
    direct: TidbStore,
    _database: Database,
    channel: Channel,
}

impl Rig {
    /// Creates a rig whose store has at most `connections` connections.
    async fn new(connections: usize) -> Self {
        let database = Database::new().await;
        let direct = database.store().await;
        let (_, channel) = one_channel(&direct).await;
        let proxy = Proxy::start(upstream(&database).await).await;
        let store = open(&through(&proxy, &database), connections).await;
        Self { proxy, store, direct, _database: database, channel }
    }

    /// Stores a message once, like a use case that may not retry.
    async fn put_once(&self, id: u64) -> Result<PageOutcome, StoreError> {
        let page = page(&self.channel, interval(id, id), 1, [id], "a");
        let mut unit = self.store.begin().await?;
        let outcome = unit.messages().replace_interval(self.channel.id, &page).await?;
        unit.commit().await?;
        Ok(outcome)
    }

    /// Stores a message as use cases do; returns the number of attempts.
    async fn put(&self, id: u64) -> (Result<PageOutcome, StoreError>, u32) {
        let tries = std::cell::Cell::new(0);
        let done = retry(&LOST_RACE, StoreError::is_retryable, || {
            tries.set(tries.get() + 1);
            self.put_once(id)
        });
        (done.await, tries.get())
    }

    /// Asserts that the channel contains exactly these messages, each of them once.
    async fn holds(&self, ids: &[u64], why: &str) {
        assert_eq!(held_ids(&self.direct, &self.channel).await, ids, "{why}");
        let counted = stored(&self.direct, &self.channel).await.stats.message_count;
        assert_eq!(counted, ids.len() as u64, "{why}");
        let mut read = self.direct.read().await.unwrap();
        let proven = read.coverage().segments(self.channel.id).await.unwrap();
        let span = |interval: Interval| interval.high().get() - interval.low().get() + 1;
        let length: u64 = proven.parts().iter().map(|part| span(part.interval)).sum();
        assert_eq!(length, ids.len() as u64, "{why}: {proven:?}");
        assert!(ids.iter().all(|held| proven.absent_at(id(*held)).is_some()), "{why}: {proven:?}");
        drop(read);
        let (changes, _) = changes_since(&self.direct, log_start(&self.direct).await, 1_000).await;
        let created = changes.iter().filter(|change| matches!(change.kind, ChangeKind::Created { .. }));
        assert_eq!(created.count(), ids.len(), "{why}: {changes:?}");
    }
}

pub(crate) async fn upstream(database: &Database) -> SocketAddr {
    let url = database.url();
    tokio::net::lookup_host((url.host.as_str(), url.port)).await.unwrap().next().unwrap()
}

/// Returns the address of a database behind a proxy.
fn through(proxy: &Proxy, database: &Database) -> DatabaseUrl {
    let address = proxy.address();
    DatabaseUrl { host: address.ip().to_string(), port: address.port(), ..database.url().clone() }
}

/// Returns the same address in the form for the program.
pub(crate) fn address_through(proxy: &Proxy, database: &Database) -> String {
    let url = database.url();
    database.address().replacen(&format!("{}:{}", url.host, url.port), &proxy.address().to_string(), 1)
}

async fn open(url: &DatabaseUrl, connections: usize) -> TidbStore {
    let options = OpenOptions { pool_size: connections, patience: Duration::ZERO };
    TidbStore::open(url, options).await.unwrap()
}
