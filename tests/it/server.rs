//! A server that speaks the `MySQL` protocol, and databases on it, each removed with the last case that uses it.
//!
//! The server is the one at `TIDB_URL`, whose user may create databases (a `TiDB`, or a `MariaDB`), or a container of
//! `TiDB`. With neither, every case that needs it fails.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use adapter_tidb::url::DatabaseUrl;
use adapter_tidb::{OpenOptions, TidbStore};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder};
use testcontainers::core::wait::HttpWaitStrategy;
use testcontainers::core::{IntoContainerPort, WaitFor};
use testcontainers::runners::SyncRunner;
use testcontainers::{Container, GenericImage, ImageExt};

/// The release that `compose.yml` runs.
pub(crate) const IMAGE: (&str, &str) = ("pingcap/tidb", "v8.5.8");

/// The address of a server, and the container that keeps it running.
struct Server {
    /// The address as it was given, for the program.
    text: String,
    url: DatabaseUrl,
    _container: Option<Container<GenericImage>>,
}

static SERVER: Mutex<Weak<Server>> = Mutex::new(Weak::new());

/// The server; its container is removed with the last database on it.
fn server() -> Arc<Server> {
    let mut server = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(server) = server.upgrade() {
        return server;
    }
    let started = Arc::new(match std::env::var("TIDB_URL") {
        Ok(text) => {
            let url = text.parse().unwrap_or_else(|error| panic!("TIDB_URL {error}"));
            Server { text, url, _container: None }
        }
        Err(_) => std::thread::spawn(container).join().expect("no container: set TIDB_URL, or run where Docker runs"),
    });
    *server = Arc::downgrade(&started);
    started
}

fn container() -> Server {
    let ready = HttpWaitStrategy::new("/status").with_port(10080.tcp()).with_expected_status_code(200_u16);
    let container = GenericImage::new(IMAGE.0, IMAGE.1)
        .with_exposed_port(4000.tcp())
        .with_exposed_port(10080.tcp())
        .with_wait_for(WaitFor::http(ready))
        .with_cmd(["--store=unistore", "--path=/tmp/tidb", "-L=error"])
        .with_startup_timeout(Duration::from_secs(90))
        .start()
        .expect("a container of TiDB");
    let port = container.get_host_port_ipv4(4000).expect("the port of the container");
    let text = format!("mysql://root@127.0.0.1:{port}/test");
    let url = text.parse().expect("it has every part");
    Server { text, url, _container: Some(container) }
}

/// A database of its own.
pub(crate) struct Database {
    url: DatabaseUrl,
    server: Arc<Server>,
}

static SHARED: Mutex<Weak<Database>> = Mutex::new(Weak::new());

impl Database {
    /// Creates a new, empty database.
    pub(crate) async fn new() -> Self {
        let server = tokio::task::spawn_blocking(server).await.expect("a server");
        let name = format!("verta_test_{}", uuid::Uuid::new_v4().simple());
        execute(&server.url, format!("CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")).await;
        Self { url: DatabaseUrl { database: name, ..server.url.clone() }, server }
    }

    /// Returns the database shared by all cases that use only tenants of their own.
    pub(crate) async fn shared() -> Arc<Self> {
        // One case creates it while the others wait; a lock of the runtime would not work across their runtimes.
        tokio::task::spawn_blocking(|| {
            let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(database) = shared.upgrade() {
                return database;
            }
            let database = Arc::new(block_on(Self::new()));
            *shared = Arc::downgrade(&database);
            database
        })
        .await
        .expect("a database")
    }

    /// Returns the address including the password, for the program.
    pub(crate) fn address(&self) -> String {
        let (server, parameters) = self.server.text.split_once('?').unwrap_or((&self.server.text, ""));
        let (server, _) = server.rsplit_once('/').expect("it names a database");
        format!("{server}/{}?{parameters}", self.url.database).trim_end_matches('?').to_owned()
    }

    /// Returns the address, in its parts.
    pub(crate) fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// Opens the store in this database, with its schema.
    pub(crate) async fn store(&self) -> TidbStore {
        open(&self.url).await
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (url, name) = (self.server.url.clone(), self.url.database.clone());
        let dropped = std::thread::spawn(move || block_on(remove(&url, &name)));
        assert!(dropped.join().is_ok() || std::thread::panicking(), "the database of a case is left behind");
    }
}

/// Opens the store at `url`, with few connections: many cases run at once.
pub(crate) async fn open(url: &DatabaseUrl) -> TidbStore {
    let options = OpenOptions { pool_size: 4, patience: Duration::ZERO };
    TidbStore::open(url, options).await.unwrap_or_else(|error| panic!("{error}"))
}

/// Opens a plain connection.
pub(crate) async fn connect(url: &DatabaseUrl) -> Conn {
    let options = OptsBuilder::default()
        .ip_or_hostname(url.host.clone())
        .tcp_port(url.port)
        .user(Some(url.user.clone()))
        .pass(Some(url.password.clone()))
        .db_name(Some(url.database.clone()))
        .prefer_socket(false);
    Conn::new(options).await.expect("the server answers")
}

async fn execute(url: &DatabaseUrl, sql: String) {
    let mut connection = connect(url).await;
    connection.query_drop(sql).await.expect("the statement runs");
    connection.disconnect().await.expect("the connection ends");
}

/// Drops a database after it closed the connections that still use it: their transactions would block the drop for as
/// long as the runtime of their case waits for it.
async fn remove(url: &DatabaseUrl, database: &str) {
    let mut connection = connect(url).await;
    let using = "SELECT id FROM information_schema.processlist WHERE db = ?";
    let ids: Vec<u64> = connection.exec(using, (database,)).await.expect("the connections are told");
    for id in ids {
        // The connection may have ended meanwhile.
        connection.query_drop(format!("KILL {id}")).await.ok();
    }
    connection.query_drop(format!("DROP DATABASE {database}")).await.expect("the database is dropped");
    connection.disconnect().await.expect("the connection ends");
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}
