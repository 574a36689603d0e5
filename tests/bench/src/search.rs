//! Search over HTTP in an archive of many messages in ten languages: the build of the index, its size and memory, ten
//! kinds of query, and the time from the commit of a message to its first match. The server is a process of its own; the
//! messages that arrive are written by another one, which the server notices only when it polls the change log.

mod archive;
mod corpus;

use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use adapter_sqlite::SqliteStore;
use adapter_tantivy::TantivyIndex;
use app_core::browse::Browse;
use app_core::follow::{Follower, Subscriber};
use app_core::jobs::Jobs;
use app_core::process::Process;
use app_core::search::{IndexProgress, Indexer, Search};
use app_core::sync::SyncJobs;
use app_web::{Server, ServerState, Settings};
use hyper::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ports::clock::Clock;
use ports::search::SearchIndex;
use ports::store::Store;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use self::archive::{Arriving, archive};
use self::corpus::{CHINESE, ENGLISH, Numbers, WORDS, author};
use crate::Failure;
use crate::memory::Resident;
use crate::pages::{Client, Running, SystemClock};
use crate::took::Took;

/// The scope of a measurement.
pub struct Plan {
    /// The folder in which the archive is kept for the next run; a temporary folder if `None`.
    pub data: Option<PathBuf>,
    /// The number of messages.
    pub messages: u64,
    /// The number of channels.
    pub channels: u64,
    /// The number of requests for each kind of query and each order.
    pub requests: u64,
    /// The number of messages that arrive in a second.
    pub per_second: u32,
    /// The number of messages whose time until they are found is measured.
    pub probes: u64,
}

/// A kind of query.
struct Kind {
    name: &'static str,
    orders: &'static [&'static str],
    /// Returns a query of the kind.
    query: fn(&mut Numbers) -> String,
}

const BY_TIME: &[&str] = &["new", "old"];

/// Returns one of the hundred most frequent words.
fn common(numbers: &mut Numbers) -> String {
    ENGLISH.word(numbers.below(100))
}

/// The kinds of query.
const KINDS: [Kind; 10] = [
    Kind { name: "common word", orders: BY_TIME, query: common },
    Kind {
        name: "two words",
        orders: BY_TIME,
        query: |numbers| format!("{} {}", common(numbers), ENGLISH.word(100 + numbers.below(1_000))),
    },
    Kind { name: "rare word", orders: BY_TIME, query: |numbers| ENGLISH.word(WORDS / 2 + numbers.below(WORDS / 2)) },
    Kind {
        name: "phrase",
        orders: BY_TIME,
        query: |numbers| format!("\"{} {}\"", ENGLISH.word(numbers.below(10)), ENGLISH.word(numbers.below(10))),
    },
    Kind {
        name: "prefix",
        orders: BY_TIME,
        // The first syllable of a thousand words.
        query: |numbers| format!("{}*", ENGLISH.word(numbers.below(80))),
    },
    Kind { name: "Chinese word", orders: BY_TIME, query: |numbers| CHINESE.word(400 + numbers.below(1_000)) },
    Kind {
        name: "author and word",
        orders: BY_TIME,
        query: |numbers| format!("from:{} {}", author(numbers.below(100)), common(numbers)),
    },
    Kind {
        name: "in: and has:",
        orders: BY_TIME,
        query: |numbers| format!("in:channel-{} has:image", numbers.below(50)),
    },
    Kind {
        name: "-word",
        orders: BY_TIME,
        query: |numbers| format!("{} -{}", ENGLISH.word(numbers.below(10)), ENGLISH.word(numbers.below(10))),
    },
    Kind { name: "relevance of a common word", orders: &["relevant"], query: common },
];

/// Serves a database in a file and its search index, as the program does, until the process is killed; prints its
/// address.
///
/// # Errors
/// If the database or the port cannot be opened.
pub async fn serve(database: &Path, index: PathBuf) -> Result<(), Failure> {
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(database, 10)?);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let index: Arc<dyn SearchIndex> = Arc::new(TantivyIndex::new(index));
    let progress = IndexProgress::default();
    let search = Search::new(Browse::new(Arc::clone(&store)), Arc::clone(&index), progress.clone());
    let indexer = Indexer::new(Arc::clone(&store), index, Arc::clone(&clock), progress, Process::current());
    let follower = Follower::new(Arc::clone(&store), vec![Arc::new(indexer.wake()) as Arc<dyn Subscriber>]);
    let jobs = Jobs::new(Arc::clone(&store), Arc::clone(&clock));
    let syncs = SyncJobs::new(Arc::clone(&store), Arc::clone(&clock));
    let state = ServerState::new(store, clock, jobs, syncs, Settings::default()).with_search(search);
    let server = Server::bind((Ipv4Addr::LOCALHOST, 0).into(), state).await?;
    println!("{}", server.address()?);
    let stop = CancellationToken::new();
    tokio::spawn(follower.run(stop.clone()));
    tokio::spawn(indexer.run(stop.clone()));
    server.run(stop).await;
    Ok(())
}

/// Makes the archive, builds its index, and prints the measurements.
///
/// # Errors
/// If the archive cannot be created, or the server responds with another status than 200 once the index is built.
pub async fn run(plan: &Plan) -> Result<(), Failure> {
    let scratch = match &plan.data {
        Some(data) => {
            std::fs::create_dir_all(data)?;
            tempfile::tempdir_in(data)?
        }
        None => tempfile::tempdir()?,
    };
    let start = Instant::now();
    let data = plan.data.as_deref().unwrap_or(scratch.path());
    let database = archive(data, plan.messages, plan.channels).await?;
    println!(
        "search: {} messages in {} channels and ten languages; the archive took {:.0} s",
        plan.messages,
        plan.channels,
        start.elapsed().as_secs_f64()
    );
    let index = scratch.path().join("index");
    let start = Instant::now();
    let server = Running::start("serve-search", &[database.as_ref(), index.as_ref()])?;
    let mut client = Client::connect(server.address).await?;
    while client.request(&path_of("built", "new")).await?.0 != StatusCode::OK {
        sleep(Duration::from_millis(50)).await;
    }
    let (built, size) = (start.elapsed().as_secs_f64(), size_of(&index)?);
    #[expect(clippy::cast_precision_loss, reason = "figures for people to read")]
    let (messages, mib) = (plan.messages as f64, size as f64 / f64::from(1 << 20));
    println!("  index: built in {built:.1} s, {:.0} messages/s", messages / built);
    println!("         {mib:.0} MiB, {:.0} MiB a million", mib * 1e6 / messages);
    println!("  memory after the build: {}", resident(&server)?);
    println!("while nothing arrives, {} requests each, one after the other", plan.requests);
    measure(&mut client, plan.requests).await?;
    println!("  memory: {}", resident(&server)?);
    println!("while {} messages/s arrive", plan.per_second);
    let stop = CancellationToken::new();
    let arriving = Arriving::open(&database, plan.channels)?;
    let (probes, received) = mpsc::channel(1);
    let writer = tokio::spawn(arrive(arriving, plan.per_second, received, stop.clone()));
    measure(&mut client, plan.requests).await?;
    let fresh = Took::new(freshness(server.address, probes, plan.probes).await?);
    stop.cancel();
    let (written, seconds) = writer.await??;
    #[expect(clippy::cast_precision_loss, reason = "a rate for people to read")]
    let rate = written as f64 / seconds;
    println!("  {rate:.1} messages/s arrived; memory: {}", resident(&server)?);
    println!("  from commit to match: {fresh}, of {}", fresh.len());
    Ok(())
}

fn resident(server: &Running) -> Result<Resident, Failure> {
    Resident::of(server.id()).ok_or_else(|| "the kernel does not tell the memory".into())
}

fn path_of(query: &str, order: &str) -> String {
    let query = utf8_percent_encode(query, NON_ALPHANUMERIC);
    format!("/api/v1/tenants/bench/search?q={query}&sort={order}")
}

/// Returns the size of all files below a folder.
fn size_of(folder: &Path) -> std::io::Result<u64> {
    let mut size = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.metadata()?;
        size += if kind.is_dir() { size_of(&entry.path())? } else { kind.len() };
    }
    Ok(size)
}

/// Requests the first page of queries of every kind, and prints the durations.
async fn measure(client: &mut Client, requests: u64) -> Result<(), Failure> {
    for Kind { name, orders, query } in KINDS {
        let mut line = format!("  {name:<26}");
        for order in orders {
            let (mut numbers, mut took) = (Numbers::new(7), Vec::new());
            for _ in 0..requests {
                let path = path_of(&query(&mut numbers), order);
                let start = Instant::now();
                client.get(&path).await?;
                took.push(start.elapsed());
            }
            let took = Took::new(took);
            write!(line, "  {order}: p50 {:6.2} ms, p95 {:6.2} ms;", took.at(50), took.at(95))?;
        }
        println!("{}", line.trim_end_matches(';'));
    }
    Ok(())
}

/// A message with a text of its own, and where to send the time of its commit.
type Probe = (String, mpsc::Sender<Instant>);

/// Adds messages at a rate until `stop`, those of `probes` among them; returns their number and the seconds.
async fn arrive(
    mut arriving: Arriving,
    per_second: u32,
    mut probes: mpsc::Receiver<Probe>,
    stop: CancellationToken,
) -> Result<(u64, f64), Failure> {
    let mut due = interval(Duration::from_secs(1) / per_second.max(1));
    due.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (start, mut written) = (Instant::now(), 0);
    while !stop.is_cancelled() {
        due.tick().await;
        match probes.try_recv() {
            Ok((text, committed)) => {
                arriving.add(Some(text)).await?;
                committed.send(Instant::now()).await.ok();
            }
            Err(_) => arriving.add(None).await?,
        }
        written += 1;
    }
    Ok((written, start.elapsed().as_secs_f64()))
}

/// Returns the times from the commits of messages to the first searches that find them.
async fn freshness(server: SocketAddr, probes: mpsc::Sender<Probe>, count: u64) -> Result<Vec<Duration>, Failure> {
    let mut client = Client::connect(server).await?;
    // Different in every run with the same archive.
    let run = std::process::id();
    let mut took = Vec::new();
    for probe in 0..count {
        let word = format!("probe{run}x{probe}");
        let path = path_of(&word, "new");
        let (sender, mut committed) = mpsc::channel(1);
        probes.send((word, sender)).await?;
        let committed = committed.recv().await.ok_or("the writer has ended")?;
        loop {
            let page: serde_json::Value = serde_json::from_slice(&client.get(&path).await?)?;
            if page["items"].as_array().is_some_and(|items| !items.is_empty()) {
                break;
            }
            sleep(Duration::from_millis(5)).await;
        }
        took.push(committed.elapsed());
        // At any moment between two polls of the server.
        sleep(Duration::from_millis(500 + Numbers::new(probe).below(500))).await;
    }
    Ok(took)
}
