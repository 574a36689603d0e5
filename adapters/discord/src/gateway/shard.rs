//! The task of a shard: it connects, receives, and reconnects.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use domain::event::event_name;
use futures::StreamExt as _;
use ports::clock::Clock;
use ports::event::{GatewayError, GatewaySession, Refusal, ShardId};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use twilight_gateway::error::{ReceiveMessageError, ReceiveMessageErrorType};
use twilight_gateway::queue::InMemoryQueue;
use twilight_gateway::{CloseFrame, ConfigBuilder, Intents, Message, Session, Shard, ShardState};

use super::address::gateway;
use super::counters::{Connected, Counters, count};
use super::frame::{Frame, Hello, Outline, Ready, opcode};
use super::pause::{Failures, before_new_session};
use super::queue::Queue;
use super::source::Advice;

/// The intents: events of the guild's structure, expressions, messages with their content, reactions and polls.
const INTENTS: Intents = Intents::GUILDS
    .union(Intents::GUILD_EMOJIS_AND_STICKERS)
    .union(Intents::GUILD_MESSAGES)
    .union(Intents::GUILD_MESSAGE_REACTIONS)
    .union(Intents::GUILD_MESSAGE_POLLS)
    .union(Intents::MESSAGE_CONTENT);

/// A connection on which nothing was received for two heartbeats and this long is dead. A live one answers each.
const GRACE: Duration = Duration::from_secs(30);

/// The longest wait for the platform's answer to a close frame.
pub(super) const FAREWELL: Duration = Duration::from_secs(5);

/// Why a connection ended.
enum End {
    /// It was lost, and may be restored at once.
    Lost(&'static str),
    /// The platform closed it with this code.
    Closed(u16),
    /// The session was declared invalid.
    Invalid,
    /// The queue cannot take more.
    Full,
    /// The stream was closed.
    Left,
}

/// How a connection goes on after a payload.
enum Flow {
    Open,
    /// It ends with the platform's answer to a close frame.
    Closing(End),
    Ended(End),
}

/// The task of a shard.
pub(super) struct Task {
    pub(super) shard: ShardId,
    pub(super) advice: Arc<Advice>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) counters: Arc<Counters>,
    pub(super) queue: Arc<Queue>,
    pub(super) leaving: CancellationToken,
    /// The session, with the number of the last event that was queued.
    pub(super) session: Option<GatewaySession>,
    /// Whether the last attempt at the session's own address failed.
    pub(super) is_address_dead: bool,
}

/// One connection.
struct Connection {
    opened_at: Instant,
    /// Whether it was established.
    is_open: bool,
    /// When its session was ready, and the count of it.
    ready: Option<(Instant, Connected)>,
    /// The longest silence of a live connection.
    patience: Duration,
}

type Item = Option<Result<Message, ReceiveMessageError>>;

impl Connection {
    fn new() -> Self {
        Self { opened_at: Instant::now(), is_open: false, ready: None, patience: GRACE }
    }

    /// Returns the next message of the transport; `Err` if the connection was lost. The transport would restore it by
    /// itself, with a new session if need be, without regard to the budget.
    async fn next(&mut self, shard: &mut Shard, is_closing: bool) -> Result<Item, End> {
        poll_fn(|cx| {
            let polled = shard.poll_next_unpin(cx);
            let is_open = !matches!(shard.state(), ShardState::Disconnected { .. });
            if polled.is_pending() && self.is_open && !is_open && !is_closing {
                return Poll::Ready(Err(End::Lost("connection closed")));
            }
            self.is_open |= is_open;
            polled.map(Ok)
        })
        .await
    }
}

impl Task {
    /// Receives until an error that lasts, or until the stream is closed.
    pub(super) async fn run(mut self) {
        let leaving = self.leaving.clone();
        let mut failures = Failures::default();
        let error = loop {
            let error = self.follow(&mut failures, &leaving).await;
            let GatewayError::Request(failed) = &error else { break error };
            let Some(wait) = failed.retry_after() else { break error };
            if timeout(wait, leaving.cancelled()).await.is_ok() {
                break GatewayError::Closed;
            }
        };
        if error.is_fatal() {
            tracing::error!(shard = %self.shard, %error, "gateway stopped");
        }
        self.queue.end(error);
    }

    /// Connects again and again; returns why it cannot any more.
    async fn follow(&mut self, failures: &mut Failures, leaving: &CancellationToken) -> GatewayError {
        let mut is_first = true;
        loop {
            if !std::mem::take(&mut is_first) {
                count(&self.counters.reconnects);
            }
            let address = tokio::select! {
                address = self.address() => address,
                () = leaving.cancelled() => return GatewayError::Closed,
            };
            let (address, is_own) = match address {
                Ok(address) => address,
                Err(error) => return error,
            };
            let mut shard = self.open(address);
            let mut connection = Connection::new();
            let end = self.receive(&mut shard, &mut connection).await;
            self.is_address_dead = is_own && connection.ready.is_none();
            let ready = connection.ready.as_ref().map(|(at, _)| at.elapsed());
            let pause = failures.ended(ready);
            let open_ms = u64::try_from(connection.opened_at.elapsed().as_millis()).unwrap_or(u64::MAX);
            drop((shard, connection));
            let pause = match self.ended(&end) {
                Ok(least) => pause.max(least),
                Err(error) => return error,
            };
            let (reason, code) = end.describe();
            let attempt = failures.count();
            tracing::info!(shard = %self.shard, reason, code, attempt, duration_ms = open_ms, "gateway connection lost");
            let rest = async {
                if matches!(end, End::Full) {
                    self.queue.emptied().await;
                }
                sleep(pause).await;
            };
            tokio::select! {
                () = rest => {}
                () = leaving.cancelled() => return GatewayError::Closed,
            }
        }
    }

    /// Returns the address to connect to, and whether it is that of the session. Without a session, one may be started.
    async fn address(&self) -> Result<(String, bool), GatewayError> {
        if let Some(session) = &self.session {
            let own = gateway(&session.resume_url, self.advice.api()).filter(|_| !self.is_address_dead);
            if let Some(own) = own {
                return Ok((own, true));
            }
            return Ok((self.advice.address().await?, false));
        }
        Ok((self.advice.address_for_new_session().await?, false))
    }

    fn open(&self, address: String) -> Shard {
        let config = ConfigBuilder::new(self.advice.token().to_owned(), INTENTS)
            .queue(self.advice.identify_queue())
            .proxy_url(address);
        let config = match &self.session {
            Some(session) => config.session(Session::new(session.sequence, session.id.clone())),
            None => config,
        };
        let id = twilight_gateway::ShardId::new(self.shard.index, self.shard.count);
        Shard::<InMemoryQueue>::with_config(id, config.build())
    }

    /// Applies the end of a connection; returns the least pause before the next.
    fn ended(&mut self, end: &End) -> Result<Duration, GatewayError> {
        match end {
            End::Left => Err(GatewayError::Closed),
            End::Closed(code) => match refusal(*code) {
                Some(refusal) => Err(refusal.into()),
                None if matches!(code, 4007 | 4009) => {
                    self.session = None;
                    Ok(before_new_session())
                }
                None => Ok(Duration::ZERO),
            },
            End::Invalid => {
                self.session = None;
                Ok(before_new_session())
            }
            End::Full => {
                tracing::warn!(shard = %self.shard, "gateway queue full; connection closed until it is read");
                Ok(Duration::ZERO)
            }
            End::Lost(_) => Ok(Duration::ZERO),
        }
    }

    /// Receives until the connection ends.
    async fn receive(&mut self, shard: &mut Shard, connection: &mut Connection) -> End {
        let leaving = self.leaving.clone();
        let mut last = Instant::now();
        let mut end = None;
        loop {
            let silent = sleep_until(last + if end.is_some() { FAREWELL } else { connection.patience });
            let message = tokio::select! {
                biased;
                () = leaving.cancelled(), if end.is_none() => {
                    shard.close(CloseFrame::RESUME);
                    if connection.ready.is_none() {
                        return End::Left;
                    }
                    (end, last) = (Some(End::Left), Instant::now());
                    continue;
                }
                () = silent => return end.unwrap_or(End::Lost("silence")),
                message = connection.next(shard, end.is_some()) => message,
            };
            let message = match message {
                Ok(message) => message,
                Err(ended) => return ended,
            };
            if end.is_none() {
                last = Instant::now();
            }
            match message {
                // Only the answer to the close frame is awaited; a greeting is of the next connection.
                Some(Ok(Message::Text(text))) if end.is_some() => {
                    if Outline::of(&text).is_some_and(|outline| outline.opcode == opcode::HELLO) {
                        return end.unwrap_or(End::Left);
                    }
                }
                Some(Ok(Message::Text(text))) => match self.take(text, connection) {
                    Flow::Open => {}
                    Flow::Closing(ended) => (end, last) = (Some(ended), Instant::now()),
                    Flow::Ended(ended) => return ended,
                },
                Some(Ok(Message::Close(frame))) => return end.unwrap_or(closed(frame.as_ref())),
                Some(Err(error)) => {
                    if let Some(ended) = self.failed(error, connection) {
                        return end.unwrap_or(ended);
                    }
                }
                None => return end.unwrap_or(End::Lost("connection closed")),
            }
        }
    }

    /// Takes a payload.
    fn take(&mut self, text: String, connection: &mut Connection) -> Flow {
        let Some(outline) = Outline::of(&text) else {
            count(&self.counters.unreadable);
            tracing::warn!(shard = %self.shard, "gateway payload unreadable");
            return Flow::Open;
        };
        match outline.opcode {
            opcode::DISPATCH => match self.event(&outline, connection) {
                Ok((sequence, is_new)) => return self.enqueue(sequence, is_new, text),
                Err(flow) => return flow,
            },
            opcode::HELLO => {
                let hello: Option<Hello> = outline.data();
                let interval = hello.map_or(GRACE, |hello| Duration::from_millis(hello.heartbeat_interval));
                connection.patience = interval * 2 + GRACE;
            }
            // The transport closes the connection itself.
            opcode::RECONNECT => return Flow::Closing(End::Lost("reconnect requested")),
            opcode::INVALID_SESSION if outline.data() == Some(true) => {
                return Flow::Closing(End::Lost("session to be resumed"));
            }
            opcode::INVALID_SESSION => return Flow::Closing(End::Invalid),
            opcode::HEARTBEAT | opcode::HEARTBEAT_ACK => {}
            other => self.counters.unknown("opcode", &other.to_string()),
        }
        Flow::Open
    }

    /// Counts an event, and enters the session that it starts or resumes. Returns its number, and whether it starts one.
    fn event(&mut self, outline: &Outline<'_>, connection: &mut Connection) -> Result<(u64, bool), Flow> {
        let name = outline.name.as_deref().unwrap_or_default();
        self.counters.event(name);
        let Some(sequence) = outline.sequence else {
            count(&self.counters.unreadable);
            return Err(Flow::Open);
        };
        let is_new = name == "READY";
        if is_new {
            let ready: Option<Ready> = outline.data();
            let ready = ready.ok_or(Flow::Ended(End::Lost("unreadable READY")))?;
            count(&self.counters.sessions);
            self.session = Some(ready.session(sequence));
        } else if name == "RESUMED" {
            count(&self.counters.resumes);
        } else {
            return Ok((sequence, false));
        }
        tracing::info!(shard = %self.shard, is_new, sequence, "gateway session ready");
        connection.ready = Some((Instant::now(), Connected::new(&self.counters)));
        Ok((sequence, is_new))
    }

    fn enqueue(&mut self, sequence: u64, is_new: bool, text: String) -> Flow {
        let frame = Frame { received_at: self.clock.now(), sequence, text };
        if self.queue.push(frame).is_err() {
            // A session of whose start the reader does not learn is of no use.
            if is_new {
                self.session = None;
            }
            return Flow::Ended(End::Full);
        }
        let Some(session) = &mut self.session else { return Flow::Open };
        session.sequence = session.sequence.max(sequence);
        // The transport would connect to whatever address it was given, and panic at one that is none.
        if is_new && gateway(&session.resume_url, self.advice.api()).is_none() {
            return Flow::Ended(End::Lost("unusable address for resuming"));
        }
        Flow::Open
    }

    /// Returns how an error of the transport ends the connection, if it does.
    fn failed(&self, error: ReceiveMessageError, connection: &Connection) -> Option<End> {
        if let ReceiveMessageErrorType::Deserializing { event } = error.kind() {
            count(&self.counters.unreadable);
            let name = Outline::of(event).and_then(|outline| outline.name);
            let name = event_name(name.as_deref().unwrap_or_default());
            tracing::warn!(shard = %self.shard, %name, "gateway payload unreadable");
            return connection.ready.is_none().then_some(End::Lost("unreadable payload"));
        }
        let source = error.into_source();
        tracing::debug!(shard = %self.shard, error = ?source, "gateway unreachable");
        Some(End::Lost("connection failed"))
    }
}

impl Drop for Task {
    /// Ends the queue also if the task panics, so that the reader does not wait for ever.
    fn drop(&mut self) {
        self.queue.end(GatewayError::Closed);
    }
}

impl End {
    /// Returns the reason for logs, and the code of a close frame.
    const fn describe(&self) -> (&'static str, Option<u16>) {
        match self {
            Self::Lost(reason) => (reason, None),
            Self::Closed(code) => ("closed by the platform", Some(*code)),
            Self::Invalid => ("session invalid", None),
            Self::Full => ("queue full", None),
            Self::Left => ("stream closed", None),
        }
    }
}

/// Returns the end that a close frame means; 1006 stands for a connection that ended without one.
fn closed(frame: Option<&CloseFrame<'_>>) -> End {
    match frame.map(|frame| frame.code) {
        None | Some(1006) => End::Lost("connection closed"),
        Some(code) => End::Closed(code),
    }
}

/// Returns the lasting cause that a close code means
/// (<https://docs.discord.com/developers/topics/opcodes-and-status-codes#gateway-gateway-close-event-codes>).
const fn refusal(code: u16) -> Option<Refusal> {
    match code {
        4004 => Some(Refusal::Token),
        4010 => Some(Refusal::Shard),
        4011 => Some(Refusal::ShardingRequired),
        4012 => Some(Refusal::Version),
        4013 => Some(Refusal::UnknownIntents),
        4014 => Some(Refusal::Intents),
        _ => None,
    }
}
