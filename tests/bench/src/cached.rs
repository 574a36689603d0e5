//! Pages from the cache of responses, as a browser requests them, compared with hyper serving the same bytes; pages that
//! are not in it; pages while a writer stores messages; and the memory after a crawl.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use adapter_sqlite::SqliteStore;
use bytes::Bytes;
use domain::page::MessagePage;
use http_body_util::Full;
use hyper::{HeaderMap, Request, Response, StatusCode, header};
use ports::clock::Clock;
use ports::store::Store;
use tokio::time::interval;

use crate::memory::Resident;
use crate::pages::{CHANNEL, Client, Exchange, Figures, Plan, Running, SystemClock, timed};
use crate::{Failure, generate, ingest};

/// The encodings that browsers accept.
const BROWSER: &str = "gzip, deflate, br, zstd";
/// The messages that the writer stores in a second.
const WRITTEN: u64 = 50;
/// The messages that are in memory when pages of them are requested that are not in the cache.
const SEGMENTED: u64 = 5_000;
/// The pages of the crawl.
const CRAWLED: u64 = 100_000;

/// One kind of request.
#[derive(Clone)]
struct Kind {
    /// The address, up to a message id; whole if `pages` is 0.
    address: String,
    /// The number of messages, at random positions of which pages are requested.
    pages: u64,
    /// The encodings that the client accepts.
    accepted: &'static str,
    tag: Option<String>,
    expected: StatusCode,
}

impl Kind {
    fn of(address: &str) -> Self {
        Self { address: address.to_owned(), pages: 0, accepted: BROWSER, tag: None, expected: StatusCode::OK }
    }

    fn request(&self, random: u64) -> Result<Request<Full<Bytes>>, Failure> {
        let address = match self.pages {
            0 => self.address.clone(),
            // Never the same address twice, or hardly ever.
            pages => format!("{}{}", self.address, generate::message_id(random % pages).get() + random % 1_000),
        };
        let mut request =
            Request::get(address).header(header::HOST, "bench").header(header::ACCEPT_ENCODING, self.accepted);
        if let Some(tag) = &self.tag {
            request = request.header(header::IF_NONE_MATCH, tag);
        }
        Ok(request.body(Full::default())?)
    }
}

/// Measures and prints all of it with a database of `messages`.
///
/// # Errors
/// If a server does not start, or responds with an unexpected status.
pub(crate) async fn run(database: &Path, messages: u64, scratch: &Path, plan: &Plan) -> Result<(), Failure> {
    let json = format!("/api/v1/tenants/bench/channels/{CHANNEL}/messages?limit=50&before=");
    let html = format!("/bench/{CHANNEL}?before=");
    let middle = generate::message_id(messages / 2);
    for (name, path) in [("JSON", format!("{json}{middle}")), ("HTML", format!("{html}{middle}"))] {
        let server = Running::start("serve", &[database.as_ref()])?;
        let (kind, file) = (Kind::of(&path), scratch.join(name));
        let (head, body) = once(server.address, &kind).await?;
        let (_, again) = once(server.address, &kind).await?;
        let encoding = head.get(header::CONTENT_ENCODING).and_then(|name| name.to_str().ok()).unwrap_or("identity");
        println!("  cached {name}, {encoding}, {} bytes, at first {}", again.len(), body.len());
        std::fs::write(&file, &again)?;
        let raw = Running::start("serve-bytes", &[file.as_ref()])?;
        compare("whole", server.address, &kind, raw.address, plan).await?;
        let tag = head.get(header::ETAG).and_then(|tag| tag.to_str().ok()).ok_or("no tag")?.to_owned();
        let known = Kind { tag: Some(tag), expected: StatusCode::NOT_MODIFIED, ..kind };
        std::fs::write(scratch.join("empty"), "")?;
        let raw = Running::start("serve-bytes", &[scratch.join("empty").as_ref()])?;
        compare("not modified", server.address, &known, raw.address, plan).await?;
    }
    for ((name, address), accepted) in
        [("JSON", &json), ("HTML", &html)].into_iter().flat_map(|page| [(page, "identity"), (page, BROWSER)])
    {
        let server = Running::start("serve", &[database.as_ref()])?;
        let mut kind = Kind { pages: SEGMENTED.min(messages), accepted, ..Kind::of(address) };
        let (_, body) = once(server.address, &kind).await?;
        std::fs::write(scratch.join(name), &body)?;
        let raw = Running::start("serve-bytes", &[scratch.join(name).as_ref()])?;
        println!("  not cached {name}, {} bytes", body.len());
        compare("messages in memory", server.address, &kind, raw.address, plan).await?;
        kind.pages = messages;
        compare("any messages", server.address, &kind, raw.address, plan).await?;
    }
    let server = Running::start("serve", &[database.as_ref()])?;
    beside_a_writer(database, server.address, plan).await?;
    crawl(database, &html, messages, plan.connections).await
}

/// Requests one page.
async fn once(address: SocketAddr, kind: &Kind) -> Result<(HeaderMap, Bytes), Failure> {
    let mut requests = Requests { client: Client::connect(address).await?, kind: kind.clone() };
    let (head, body) = requests.send(kind.pages / 2).await?.into_parts();
    Ok((head.headers, body))
}

async fn compare(name: &str, server: SocketAddr, kind: &Kind, raw: SocketAddr, plan: &Plan) -> Result<(), Failure> {
    let whole = Kind { tag: None, expected: StatusCode::OK, pages: 0, ..kind.clone() };
    let (ours, theirs) = (load(server, kind, plan).await?, load(raw, &whole, plan).await?);
    println!("    {name}: {ours}; hyper: {theirs}; {}", ours.against(&theirs));
    Ok(())
}

/// Requests the newest page of a channel, while a writer stores messages in it and, in turn, while none does.
async fn beside_a_writer(database: &Path, server: SocketAddr, plan: &Plan) -> Result<(), Failure> {
    let kind = Kind::of(&format!("/bench/{CHANNEL}"));
    let quiet = load(server, &kind, plan).await?;
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(database, 1)?);
    let writer = tokio::spawn(async move {
        let now = SystemClock.now();
        let channel = ingest::prepare(&*store, CHANNEL, now).await?;
        let mut ticks = interval(Duration::from_millis(1_000 / WRITTEN));
        for number in 0.. {
            ticks.tick().await;
            // Messages at the end of the channel, of which each replaces the one with its id.
            let message = generate::message(channel, 20_000_000 + number % 1_000, SystemClock.now());
            let page = MessagePage::new(None, SystemClock.now(), vec![message])?;
            let mut unit = store.begin().await?;
            unit.messages().replace_interval(channel, &page).await?;
            unit.commit().await?;
        }
        Ok::<_, Failure>(())
    });
    let busy = load(server, &kind, plan).await?;
    writer.abort();
    println!("    newest page: {quiet}; beside {WRITTEN} messages/s: {busy}; {}", busy.against(&quiet));
    Ok(())
}

/// Requests many pages, each once, and prints the memory of the server.
async fn crawl(database: &Path, address: &str, messages: u64, connections: u32) -> Result<(), Failure> {
    let server = Running::start("serve", &[database.as_ref()])?;
    let kind = Kind { pages: messages, ..Kind::of(address) };
    let at = Instant::now();
    let mut before = None;
    for part in 0..4 {
        let clients = (0..u64::from(connections)).map(|number| {
            let (kind, address) = (kind.clone(), server.address);
            tokio::spawn(async move {
                let mut client = Client::connect(address).await?;
                let each = CRAWLED / 4 / u64::from(connections);
                for page in 0..each {
                    let random = ((part * 64 + number) * each + page).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 8;
                    client.exchange(kind.request(random)?).await?;
                }
                Ok::<_, Failure>(())
            })
        });
        for client in clients.collect::<Vec<_>>() {
            client.await??;
        }
        before = before.or_else(|| Resident::of(server.id()));
    }
    let after = Resident::of(server.id());
    let (Some(before), Some(after)) = (before, after) else { return Err("no memory reported".into()) };
    println!(
        "  crawl of {CRAWLED} pages in {:.0} s: at a quarter {before}; at the end {after}",
        at.elapsed().as_secs_f64()
    );
    Ok(())
}

async fn load(address: SocketAddr, kind: &Kind, plan: &Plan) -> Result<Figures, Failure> {
    let mut clients = Vec::new();
    for _ in 0..plan.connections {
        clients.push(Requests { client: Client::connect(address).await?, kind: kind.clone() });
    }
    timed(clients, plan).await
}

/// A client that makes requests of one kind.
struct Requests {
    client: Client,
    kind: Kind,
}

impl Requests {
    async fn send(&mut self, random: u64) -> Result<Response<Bytes>, Failure> {
        let response = self.client.exchange(self.kind.request(random)?).await?;
        if response.status() != self.kind.expected {
            return Err(format!("{} answers {}", self.kind.address, response.status()).into());
        }
        Ok(response)
    }
}

impl Exchange for Requests {
    async fn exchange(&mut self, random: u64) -> Result<(), Failure> {
        self.send(random).await.map(drop)
    }
}

/// Measures pages of a store on a server that are not in the cache, compared with the statement of a page alone.
///
/// # Errors
/// If the server does not start, or responds with an unexpected status.
pub(crate) async fn uncached(location: &OsStr, messages: u64, plan: &Plan) -> Result<Figures, Failure> {
    let server = Running::start("serve", &[location])?;
    let address = format!("/api/v1/tenants/bench/channels/{CHANNEL}/messages?limit=50&before=");
    load(server.address, &Kind { pages: messages, ..Kind::of(&address) }, plan).await
}
