//! The same measurements on the server at `TIDB_URL`, in databases created for them.

mod delay;
pub mod delete;
pub mod ingest;
pub mod pages;

use std::time::Duration;

use adapter_tidb::url::DatabaseUrl;
use adapter_tidb::{OpenOptions, TidbStore};
use domain::channel::{Channel, ChannelKind};
use domain::coverage::Interval;
use domain::message::MessageId;
use domain::page::MessagePage;
use domain::slug::TenantSlug;
use domain::snowflake::Id;
use domain::tenant::{Platform, PlatformId, Tenant, TenantName};
use domain::timestamp::Timestamp;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder};
use ports::store::Store;

use crate::{Failure, generate};

/// The address of a server.
pub struct Server {
    text: String,
    url: DatabaseUrl,
}

impl Server {
    /// Returns the server at `TIDB_URL`, whose user may create databases.
    ///
    /// # Errors
    /// If the variable is not set, or is not the address of a server.
    pub fn from_env() -> Result<Self, Failure> {
        let text = std::env::var("TIDB_URL").map_err(|_| "TIDB_URL is not set: mysql://root@127.0.0.1:4000/test")?;
        let url = text.parse().map_err(|error| format!("TIDB_URL {error}"))?;
        Ok(Self { text, url })
    }

    /// Returns the same server behind a relay that makes each round trip longer by `delay`.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn delayed(mut self, delay: Duration) -> Result<Self, Failure> {
        if !delay.is_zero() {
            let relay = delay::relay(format!("{}:{}", self.url.host, self.url.port), delay).await?;
            (self.url.host, self.url.port) = (relay.ip().to_string(), relay.port());
        }
        Ok(self)
    }

    /// Returns the database `name`, created if it does not exist.
    async fn database(&self, name: &str) -> Result<DatabaseUrl, Failure> {
        self.execute(&format!("CREATE DATABASE IF NOT EXISTS {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"))
            .await?;
        Ok(DatabaseUrl { database: name.to_owned(), ..self.url.clone() })
    }

    /// Drops the database `name`.
    async fn remove(&self, name: &str) -> Result<(), Failure> {
        self.execute(&format!("DROP DATABASE IF EXISTS {name}")).await
    }

    /// Returns the address of the database `name`, including the password.
    fn address(&self, name: &str) -> Result<String, Failure> {
        let (server, parameters) = self.text.split_once('?').unwrap_or((&self.text, ""));
        let (server, _) = server.rsplit_once('/').ok_or("TIDB_URL names no database")?;
        Ok(format!("{server}/{name}?{parameters}").trim_end_matches('?').to_owned())
    }

    async fn execute(&self, sql: &str) -> Result<(), Failure> {
        let mut connection = connect(&self.url).await?;
        connection.query_drop(sql).await?;
        Ok(connection.disconnect().await?)
    }

    /// Returns the version reported by the server.
    async fn version(&self) -> Result<String, Failure> {
        let mut connection = connect(&self.url).await?;
        let version = connection.query_first("SELECT VERSION()").await?;
        connection.disconnect().await?;
        version.ok_or_else(|| "the server has no version".into())
    }
}

/// Opens the store in a database, with its schema.
async fn open(url: &DatabaseUrl, pool_size: usize) -> Result<TidbStore, Failure> {
    Ok(TidbStore::open(url, OpenOptions { pool_size, patience: Duration::ZERO }).await?)
}

/// Opens a plain connection.
pub(crate) async fn connect(url: &DatabaseUrl) -> Result<Conn, Failure> {
    let options = OptsBuilder::default()
        .ip_or_hostname(url.host.clone())
        .tcp_port(url.port)
        .user(Some(url.user.clone()))
        .pass(Some(url.password.clone()))
        .db_name(Some(url.database.clone()))
        .prefer_socket(false);
    Ok(Conn::new(options).await?)
}

/// Returns the time at which all generated data was observed.
fn now() -> Result<Timestamp, Failure> {
    Timestamp::from_millis(1_790_000_000_000).ok_or_else(|| "a bad time".into())
}

/// Creates a tenant with `channels` channels, whose ids are the same in every other database with the same arguments.
async fn tenant(store: &dyn Store, number: u64, channels: u64) -> Result<(Tenant, Vec<Channel>), Failure> {
    let guild = PlatformId::new(&(1_100_000_000_000_000_000 + number).to_string())?;
    let slug = TenantSlug::from_name(&format!("bench {number}"));
    let tenant = Tenant::new(Platform::Discord, guild, slug, TenantName::new("Bench")?, now()?);
    let channel = |number: u64| {
        let id = Id::new(1_200_000_000_000_000_000 + number).ok_or("no id left")?;
        Ok(Channel::new(tenant.id, id, ChannelKind::TEXT, format!("channel {number}")))
    };
    let channels: Vec<Channel> = (0..channels).map(channel).collect::<Result<_, Failure>>()?;
    let mut unit = store.begin().await?;
    unit.tenants().insert(&tenant).await?;
    for channel in &channels {
        unit.channels().upsert(channel).await?;
    }
    unit.commit().await?;
    Ok((tenant, channels))
}

/// Returns the generated messages of a channel, in pages of `batch`.
fn pages(channel: &Channel, messages: u64, batch: u64) -> Result<Vec<MessagePage>, Failure> {
    let now = now()?;
    let page = |first: u64| {
        let last = (first + batch).min(messages);
        let low = first.checked_sub(1).map_or(Some(MessageId::MIN), |before| generate::message_id(before).next());
        let interval = low.and_then(|low| Interval::new(low, generate::message_id(last - 1)));
        let messages = (first..last).map(|number| generate::message(channel.id, number, now)).collect();
        Ok(MessagePage::new(interval, now, messages)?)
    };
    (0..messages).step_by(usize::try_from(batch)?).map(page).collect()
}

/// Stores `pages` of one channel, in one unit each.
async fn store_pages(store: &dyn Store, channel: &Channel, pages: &[MessagePage]) -> Result<(), Failure> {
    for page in pages {
        let work = || async {
            let mut unit = store.begin().await?;
            unit.messages().replace_interval(channel.id, page).await?;
            unit.commit().await
        };
        app_core::retry::retry(&app_core::retry::LOST_RACE, ports::error::StoreError::is_retryable, work).await?;
    }
    Ok(())
}
