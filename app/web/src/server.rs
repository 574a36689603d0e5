//! The listener, and its connections.

mod respond;
mod sent;

use std::convert::Infallible;
use std::error::Error as _;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::header;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use self::respond::respond;
use self::sent::holding;
use super::ServerState;
use super::connections::{Connection, Connections};
use super::stream::{EVENT_STREAM, Slots};

pub(crate) use self::respond::STORE_TIMEOUT;

/// The most connections at the same time, if the process may open as many files.
pub(crate) const MAX_CONNECTIONS: usize = 2_048;
/// The number of files that the process opens besides connections and the files they download.
const OTHER_FILES: usize = 64;
/// The time that a client is given for the head of a request, and to send the next one.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// The time that a client is given to receive pending bytes.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// The time that connections are given to finish when the server shuts down.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// The most bytes of a head that are read before the request is rejected.
const MAX_HEAD: usize = 64 * 1024;
/// How often idle addresses are dropped from the rate limit.
const FORGET: Duration = Duration::from_mins(1);

/// A listening server.
pub struct Server {
    listener: TcpListener,
    state: Arc<ServerState>,
    /// The number of connections that there is room for.
    room: usize,
}

impl Server {
    /// Listens at `address`.
    ///
    /// # Errors
    /// If the address is in use, or does not belong to this machine.
    pub async fn bind(address: SocketAddr, state: ServerState) -> std::io::Result<Self> {
        let room = room_for_connections();
        let state = ServerState { stream_slots: Slots::new(room), ..state };
        Ok(Self { listener: TcpListener::bind(address).await?, state: Arc::new(state), room })
    }

    /// Returns the address of the listener.
    ///
    /// # Errors
    /// If the system does not report it.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves requests until `stop`; then accepts no more connections, ends the streams, and lets the open requests finish,
    /// for 10 seconds.
    pub async fn run(self, stop: CancellationToken) {
        let graceful = GracefulShutdown::new();
        let connections = Connections::new(self.room);
        let mut forget = tokio::time::interval(FORGET);
        loop {
            let (stream, peer) = tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        // Too many open files, most likely: there may be room for the next one.
                        warn!(error = &error as &dyn std::error::Error, "connection not accepted");
                        connections.close_one();
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        continue;
                    }
                },
                _ = forget.tick() => {
                    self.state.limit.forget_idle();
                    self.state.searches.forget_idle();
                    continue;
                }
                () = stop.cancelled() => break,
            };
            // A connection without room is closed at once, so that a client is never left waiting.
            let is_trusted = self.state.limit.is_trusted(peer.ip().to_canonical());
            let Some(held) = connections.open(peer.ip(), is_trusted) else { continue };
            stream.set_nodelay(true).ok();
            let connection = connection(&self.state, stream, peer.ip(), &held);
            let connection = graceful.watch(connection);
            let state = Arc::clone(&self.state);
            state.metrics.connections.inc();
            tokio::spawn(async move {
                tokio::select! {
                    ended = serve(&state, connection, &held) => if let Err(error) = ended {
                        debug!(error = &error as &dyn std::error::Error, "connection failed");
                    },
                    () = held.closed() => debug!(%peer, "connection closed for a new one"),
                }
                state.metrics.connections.dec();
            });
        }
        drop(self.listener);
        if let Some(streams) = &self.state.streams {
            streams.close();
        }
        if timeout(DRAIN_TIMEOUT, graceful.shutdown()).await.is_err() {
            warn!("connections aborted at shutdown");
        }
    }
}

/// Returns the number of connections that there is room for: each may also have a file open. Raises the process's limit
/// of open files to the most that the system allows.
fn room_for_connections() -> usize {
    let limit = getrlimit(Resource::Nofile);
    // If it fails, the limit stays lower, and is read below.
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).ok();
    let files = getrlimit(Resource::Nofile).current.and_then(|files| usize::try_from(files).ok());
    files.map_or(MAX_CONNECTIONS, |files| (files.saturating_sub(OTHER_FILES) / 2).min(MAX_CONNECTIONS))
}

/// Serves one connection, whose requests [`respond`] answers.
fn connection<S: AsyncRead + AsyncWrite + Send + 'static>(
    state: &Arc<ServerState>,
    stream: S,
    peer: IpAddr,
    held: &Arc<Connection>,
) -> impl GracefulConnection<Error = hyper::Error> + Send + use<S> {
    let (state, held) = (Arc::clone(state), Arc::clone(held));
    let service = service_fn(move |request| {
        let (state, held) = (Arc::clone(&state), Arc::clone(&held));
        async move {
            let busy = held.begin();
            let response = respond(&state, request, peer).await;
            let kind = response.headers().get(header::CONTENT_TYPE);
            let stream = kind.is_some_and(|kind| kind == EVENT_STREAM).then(|| held.begin_stream());
            // The connection is busy until the body is sent or dropped.
            Ok::<_, Infallible>(response.map(|body| holding(body, (busy, stream))))
        }
    });
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIMEOUT));
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(Box::pin(stream)), service)
}

/// Drives a connection to its end, and counts a stream that ends because its client takes no bytes.
async fn serve(
    state: &ServerState,
    connection: impl Future<Output = hyper::Result<()>>,
    held: &Connection,
) -> hyper::Result<()> {
    // The body of the response is dropped after the count.
    let mut connection = pin!(connection);
    let ended = connection.as_mut().await;
    if held.has_stream()
        && ended.as_ref().is_err_and(is_write_timeout)
        && let Some(streams) = &state.streams
    {
        streams.count_slow();
    }
    ended
}

/// Returns whether a connection failed because the client took no bytes for too long.
fn is_write_timeout(error: &hyper::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<std::io::Error>());
    cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::TimedOut)
}

#[cfg(test)]
mod tests;
