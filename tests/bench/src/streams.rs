//! Streams of changes beside requests for pages: the memory of a stream, the latency of a page with and without streams,
//! and the time from a commit until the events of it have arrived.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use adapter_sqlite::SqliteStore;
use domain::channel::ChannelId;
use domain::message::MessageId;
use domain::page::MessagePage;
use ports::clock::Clock;
use ports::store::Store;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::memory::Resident;
use crate::pages::{CHANNEL, Client, Running, SystemClock, database, load};
use crate::took::Took;
use crate::{Failure, generate, pages};

/// The number of stored messages.
const MESSAGES: u64 = 10_000;
/// The streams that a client may have.
const PER_ADDRESS: u32 = 8;
/// The words before the id of a message in an event.
const CREATED: &str = "event: message.created\ndata: {\"id\":\"";

/// The scope and duration of a measurement.
pub struct Plan {
    /// The number of streams.
    pub streams: u32,
    /// The number of messages that arrive in a second.
    pub per_second: u32,
    /// The number of concurrent connections that request pages.
    pub connections: u32,
    /// The duration of each measurement.
    pub seconds: u64,
}

/// Runs the measurements and prints them.
///
/// # Errors
/// If the database cannot be created, or the server responds with another status than 200.
pub async fn run(plan: &Plan) -> Result<(), Failure> {
    let scratch = tempfile::tempdir()?;
    let path = database(scratch.path(), MESSAGES).await?;
    let server = Running::start("serve", &[path.as_ref()])?;
    let (connections, seconds) = (plan.connections, plan.seconds);
    let of_pages = pages::Plan { data: None, short: MESSAGES, long: MESSAGES, connections, seconds, rounds: 1 };
    // Pages first, so that the memory of a stream is not that of the first pages.
    load(server.address, MESSAGES, &of_pages).await?;
    let without = load(server.address, MESSAGES, &of_pages).await?;
    println!("{connections} connections request pages of 50 messages\n  without streams: {without}");
    let before = resident(&server)?;
    let (sender, arrived) = mpsc::unbounded_channel();
    let mut readers = Vec::new();
    for number in 0..plan.streams {
        readers.push(tokio::spawn(read(open(server.address, "bench", number).await?, sender.clone())));
    }
    drop(sender);
    let after = resident(&server)?;
    let each_kib = after.anonymous.saturating_sub(before.anonymous) * 1_024 / u64::from(plan.streams);
    println!("  {} streams: {each_kib} KiB each; {after}", plan.streams);
    let silent = load(server.address, MESSAGES, &of_pages).await?;
    println!("  beside silent streams: {silent}; {}", silent.against(&without));
    let writer = write(&path, channel(server.address).await?, plan.per_second, plan.seconds);
    let beside = load(server.address, MESSAGES, &of_pages).await?;
    println!("  while {} messages/s arrive: {beside}; {}", plan.per_second, beside.against(&without));
    let committed = writer.await??;
    println!("  {}", resident(&server)?);
    report(&committed, arrived, plan.streams).await
}

fn resident(server: &Running) -> Result<Resident, Failure> {
    Resident::of(server.id()).ok_or_else(|| "the kernel does not tell the memory".into())
}

/// Opens a stream from an address of its own for every few of them, and reads its head.
pub(crate) async fn open(server: SocketAddr, tenant: &str, number: u32) -> Result<TcpStream, Failure> {
    let socket = TcpSocket::new_v4()?;
    let [.., high, low] = (1 + number / PER_ADDRESS).to_be_bytes();
    socket.bind((Ipv4Addr::new(127, 1, high, low), 0).into())?;
    let mut stream = socket.connect(server).await?;
    let request = format!("GET /api/v1/tenants/{tenant}/events HTTP/1.1\r\nHost: bench\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\n\n\r\n") {
        if stream.read_buf(&mut head).await? == 0 {
            return Err(format!("no stream: {}", String::from_utf8_lossy(&head)).into());
        }
    }
    if !head.starts_with(b"HTTP/1.1 200 ") {
        return Err(format!("no stream: {}", String::from_utf8_lossy(&head)).into());
    }
    Ok(stream)
}

/// Reports each message that arrives.
async fn read(mut stream: TcpStream, arrived: mpsc::UnboundedSender<(u64, Instant)>) -> Result<(), Failure> {
    let mut bytes = Vec::with_capacity(1 << 16);
    while stream.read_buf(&mut bytes).await? > 0 {
        let text = String::from_utf8_lossy(&bytes);
        let Some((whole, _)) = text.rsplit_once("\n\n") else { continue };
        let now = Instant::now();
        for id in whole.split(CREATED).skip(1).filter_map(|rest| rest.split('"').next()?.parse().ok()) {
            arrived.send((id, now))?;
        }
        let kept = bytes.len() - whole.len() - 2;
        bytes.drain(..bytes.len() - kept);
    }
    Ok(())
}

/// Returns the id of the channel.
async fn channel(server: SocketAddr) -> Result<ChannelId, Failure> {
    let mut client = Client::connect(server).await?;
    let found = client.get(&format!("/api/v1/tenants/bench/channels/{CHANNEL}")).await?;
    let found: serde_json::Value = serde_json::from_slice(&found)?;
    Ok(ChannelId(found["id"].as_str().ok_or("no id")?.parse()?))
}

type Committed = Vec<(MessageId, Instant)>;

/// Stores messages one by one; returns when each was committed.
fn write(path: &Path, channel: ChannelId, per_second: u32, seconds: u64) -> JoinHandle<Result<Committed, Failure>> {
    let store = SqliteStore::open(path, 1);
    tokio::spawn(async move {
        let store: Arc<dyn Store> = Arc::new(store?);
        let mut ticks = interval(Duration::from_secs(1) / per_second);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut committed = Vec::new();
        for number in MESSAGES..MESSAGES + u64::from(per_second) * seconds {
            ticks.tick().await;
            let now = SystemClock.now();
            let message = generate::message(channel, number, now);
            let id = message.id;
            let mut unit = store.begin().await?;
            unit.messages().replace_interval(channel, &MessagePage::new(None, now, vec![message])?).await?;
            unit.commit().await?;
            committed.push((id, Instant::now()));
        }
        Ok(committed)
    })
}

/// Prints the time from the commit of each message until each stream had it.
async fn report(
    committed: &Committed,
    mut arrived: mpsc::UnboundedReceiver<(u64, Instant)>,
    streams: u32,
) -> Result<(), Failure> {
    let wanted = committed.len() * streams as usize;
    let mut took = Vec::with_capacity(wanted);
    while took.len() < wanted {
        let (id, at) = tokio::time::timeout(Duration::from_secs(30), arrived.recv())
            .await
            .map_err(|_| format!("{} of {wanted} events arrived", took.len()))?
            .ok_or("every stream ended")?;
        let (_, from) = committed.iter().find(|(message, _)| message.get() == id).ok_or("an unknown message")?;
        took.push(at.saturating_duration_since(*from));
    }
    println!("  {wanted} events from commit to arrival: {}", Took::new(took));
    Ok(())
}
