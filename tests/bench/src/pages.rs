//! Pages of 50 messages over HTTP: requests a second and the latency of the slowest, in a short and in a long channel,
//! compared with hyper serving the same bytes from memory, and then the cache. Each server is a process of its own.

use std::convert::Infallible;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use adapter_sqlite::SqliteStore;
use adapter_tidb::{OpenOptions, TidbStore};
use app_core::browse::{Derived, Invalidation};
use app_core::domains::Domains;
use app_core::follow::{Follower, Subscriber};
use app_core::jobs::Jobs;
use app_core::sync::SyncJobs;
use app_web::{Cache, Server, ServerState, Settings, Streams};
use bytes::Bytes;
use domain::timestamp::Timestamp;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use ports::clock::Clock;
use ports::store::Store;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::{Failure, cached, generate, ingest};

/// The number of messages on a page.
const PAGE: u64 = 50;
/// The name of the measured channel.
pub(crate) const CHANNEL: &str = "large";

/// The scope and duration of a measurement.
pub struct Plan {
    /// The folder in which the databases are kept for the next run; a temporary folder if `None`.
    pub data: Option<PathBuf>,
    /// The number of messages in the short channel.
    pub short: u64,
    /// The number of messages in the long channel.
    pub long: u64,
    /// The number of concurrent connections.
    pub connections: u32,
    /// The duration of the load on each server.
    pub seconds: u64,
    /// The number of measurements of each server.
    pub rounds: u32,
}

/// The system's clock.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)).expect("this is not the year 9999")
    }
}

/// Serves a database, in a file or at a server's address, as the program does, until the process is killed; prints its
/// address.
///
/// # Errors
/// If the database or the port cannot be opened.
pub async fn serve(location: &OsStr) -> Result<(), Failure> {
    let store: Arc<dyn Store> = match location.to_str().filter(|address| address.starts_with("mysql://")) {
        Some(address) => Arc::new(TidbStore::open(&address.parse()?, OpenOptions::default()).await?),
        None => Arc::new(SqliteStore::open(Path::new(location), 10)?),
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let jobs = Jobs::new(Arc::clone(&store), Arc::clone(&clock));
    let syncs = SyncJobs::new(Arc::clone(&store), Arc::clone(&clock));
    let streams = Arc::new(Streams::new(Arc::clone(&store)));
    let cache = Arc::new(Cache::new(48 << 20));
    let derived = vec![Arc::clone(&cache) as Arc<dyn Derived>];
    let invalidation = Arc::new(Invalidation::new(Arc::clone(&store), derived).with_segments(16 << 20));
    let domains = Arc::<Domains>::default();
    let subscribers: Vec<Arc<dyn Subscriber>> =
        vec![Arc::clone(&domains) as _, Arc::clone(&invalidation) as _, Arc::clone(&streams) as _];
    let follower = Follower::new(Arc::clone(&store), subscribers);
    let state =
        ServerState::new(store, clock, jobs, syncs, Settings::default()).with_streams(streams).with_domains(domains);
    let state = state.with_cache(cache, &invalidation, follower.freshness());
    let server = Server::bind((Ipv4Addr::LOCALHOST, 0).into(), state).await?;
    println!("{}", server.address()?);
    let stop = CancellationToken::new();
    tokio::spawn(follower.run(stop.clone()));
    server.run(stop).await;
    Ok(())
}

/// Serves the bytes of the file at `path` to every request, with hyper alone; prints its address.
///
/// # Errors
/// If the file or the port cannot be opened.
pub async fn serve_bytes(path: &Path) -> Result<(), Failure> {
    let body = Bytes::from(std::fs::read(path)?);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let body = body.clone();
        let answer = service_fn(move |_| {
            let body = body.clone();
            async move { Ok::<_, Infallible>(Response::new(Full::new(body))) }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), answer);
        tokio::spawn(connection);
    }
}

/// Runs the rounds and prints them.
///
/// # Errors
/// If a database cannot be created, or a server responds with a status other than 200.
pub async fn run(plan: &Plan) -> Result<(), Failure> {
    let scratch = tempfile::tempdir()?;
    let data = plan.data.as_deref().unwrap_or(scratch.path());
    std::fs::create_dir_all(data)?;
    let short = database(data, plan.short).await?;
    let long = database(data, plan.long).await?;
    let bytes = scratch.path().join("page.json");
    {
        let server = Running::start("serve", &[short.as_ref()])?;
        let mut client = Client::connect(server.address).await?;
        std::fs::write(&bytes, client.get(&path_of(plan.short / 2)).await?)?;
    }
    println!(
        "pages of {PAGE} messages at random places, {} bytes, {} connections, {} s each",
        std::fs::metadata(&bytes)?.len(),
        plan.connections,
        plan.seconds
    );
    for round in 1..=plan.rounds {
        let of_short = measure("serve", short.as_ref(), plan.short, plan).await?;
        let of_long = measure("serve", long.as_ref(), plan.long, plan).await?;
        let from_memory = measure("serve-bytes", bytes.as_ref(), plan.short, plan).await?;
        println!("  round {round}: {} messages: {of_short}", plan.short);
        println!("           {} messages: {of_long}; {}", plan.long, of_long.against(&of_short));
        println!("           hyper from memory: {from_memory}; ratio {:.2}", of_short.rate / from_memory.rate);
        cached::run(&long, plan.long, scratch.path(), plan).await?;
    }
    Ok(())
}

/// Returns the database with a channel of that many messages, created if it does not exist.
pub(crate) async fn database(folder: &Path, messages: u64) -> Result<PathBuf, Failure> {
    let path = folder.join(format!("{messages}.db"));
    if path.exists() {
        return Ok(path);
    }
    let made = folder.join(format!("{messages}.part"));
    let now = Timestamp::from_millis(1_790_000_000_000).ok_or("a bad time")?;
    let store = SqliteStore::open(&made, 1)?;
    let channel = ingest::prepare(&store, CHANNEL, now).await?;
    let seconds = ingest::fill(&store, channel, (0, messages), 1_000, now).await?;
    drop(store);
    std::fs::rename(&made, &path)?;
    println!("made a channel of {messages} messages in {seconds:.0} s");
    Ok(path)
}

fn path_of(number: u64) -> String {
    format!(
        "/api/v1/tenants/bench/channels/{CHANNEL}/messages?limit={PAGE}&before={}",
        generate::message_id(number.max(PAGE))
    )
}

/// A server in a process of its own, which is killed when the value is dropped.
pub(crate) struct Running {
    process: Child,
    pub(crate) address: SocketAddr,
}

impl Running {
    /// Starts a hidden command of this program, which prints its address.
    pub(crate) fn start(command: &str, arguments: &[&OsStr]) -> Result<Self, Failure> {
        let mut process =
            Command::new(std::env::current_exe()?).arg(command).args(arguments).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        Ok(Self { address: line.trim().parse()?, process })
    }

    /// Returns the process id.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// One persistent connection.
pub(crate) struct Client(hyper::client::conn::http1::SendRequest<Full<Bytes>>);

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (client, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self(client))
    }

    pub(crate) async fn get(&mut self, path: &str) -> Result<Bytes, Failure> {
        let (status, body) = self.request(path).await?;
        if status != StatusCode::OK {
            return Err(format!("{path} answers {status}").into());
        }
        Ok(body)
    }

    /// Returns the status and the body of a response.
    pub(crate) async fn request(&mut self, path: &str) -> Result<(StatusCode, Bytes), Failure> {
        self.send(Request::get(path).header("host", "bench").body(Full::default())?).await
    }

    /// Sends any request; returns the status and the body of its response.
    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), Failure> {
        let response = self.exchange(request).await?;
        Ok((response.status(), response.into_body()))
    }

    /// Sends any request; returns the whole response.
    pub(crate) async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, Failure> {
        self.0.ready().await?;
        let (head, body) = self.0.send_request(request).await?.into_parts();
        Ok(Response::from_parts(head, body.collect().await?.to_bytes()))
    }
}

/// The performance of a server.
pub(crate) struct Figures {
    rate: f64,
    p50_ms: f64,
    p99_ms: f64,
}

impl Figures {
    /// Returns the figures of responses that took so long, in this time.
    pub(crate) fn new(mut took: Vec<Duration>, time: Duration) -> Self {
        took.sort_unstable();
        let at = |percent: usize| took[(took.len() * percent / 100).min(took.len() - 1)].as_secs_f64() * 1000.0;
        #[expect(clippy::cast_precision_loss, reason = "a rate for people to read")]
        let rate = took.len() as f64 / time.as_secs_f64();
        Self { rate, p50_ms: at(50), p99_ms: at(99) }
    }

    /// Returns the ratios to `base`.
    pub(crate) fn against(&self, base: &Self) -> String {
        format!("ratio {:.2}, of p99 {:.2}", self.rate / base.rate, self.p99_ms / base.p99_ms)
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { rate, p50_ms, p99_ms } = self;
        write!(f, "{rate:.0} requests/s, p50 {p50_ms:.2} ms, p99 {p99_ms:.2} ms")
    }
}

/// Starts a server and requests pages of it.
pub(crate) async fn measure(command: &str, location: &OsStr, messages: u64, plan: &Plan) -> Result<Figures, Failure> {
    let server = Running::start(command, &[location])?;
    load(server.address, messages, plan).await
}

/// Requests pages at random positions.
pub(crate) async fn load(address: SocketAddr, messages: u64, plan: &Plan) -> Result<Figures, Failure> {
    let mut clients = Vec::new();
    for _ in 0..plan.connections {
        clients.push(Pages { client: Client::connect(address).await?, messages });
    }
    timed(clients, plan).await
}

/// A client that requests pages at random positions of a channel.
struct Pages {
    client: Client,
    messages: u64,
}

impl Exchange for Pages {
    async fn exchange(&mut self, random: u64) -> Result<(), Failure> {
        self.client.get(&path_of(random % self.messages)).await.map(drop)
    }
}

/// A client of a server.
pub(crate) trait Exchange: Send + 'static {
    /// Makes the request that a random number selects, and waits for its response.
    fn exchange(&mut self, random: u64) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Measures clients that make one exchange after the other, until the time is over; the first fifth of it is a warm-up and
/// is not counted.
pub(crate) async fn timed(clients: Vec<impl Exchange>, plan: &Plan) -> Result<Figures, Failure> {
    let begin = Instant::now();
    let end = begin + Duration::from_secs(plan.seconds);
    let counted_from = begin + Duration::from_millis(plan.seconds * 200);
    let clients = (1..).zip(clients).map(|(number, mut client)| {
        tokio::spawn(async move {
            let mut state = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(number);
            let mut took = Vec::new();
            while Instant::now() < end {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                let start = Instant::now();
                client.exchange(state).await?;
                if start > counted_from {
                    took.push(start.elapsed());
                }
            }
            Ok::<_, Failure>(took)
        })
    });
    let mut took = Vec::new();
    for client in clients.collect::<Vec<_>>() {
        let finished: Result<_, Failure> = client.await?;
        took.extend(finished?);
    }
    Ok(Figures::new(took, counted_from.elapsed()))
}
