//! Readers that report when they have each message.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{interval, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

use super::{Client, Sending, Sent};
use crate::simulator::Simulator;
use crate::took::Took;
use crate::{Failure, streams};

/// The time without a message after which none is expected any more.
const PATIENCE: Duration = Duration::from_secs(30);
/// The wait between two requests for new messages.
const POLL: Duration = Duration::from_millis(25);
/// The events of guilds, messages and their content.
const INTENTS: u32 = 1 | 1 << 9 | 1 << 15;
/// Shorter than the gateway asks for.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// Messages that a reader has from then on.
enum Arrival {
    Message(u64),
    /// Those of an interval: many that are stored together are not named.
    Interval {
        channel: String,
        low: u64,
        high: u64,
    },
}

/// A reader, which ends when the value is dropped.
pub(super) struct Watch {
    arriving: mpsc::UnboundedReceiver<(Arrival, Instant)>,
    arrived: HashMap<u64, Instant>,
    intervals: Vec<(String, RangeInclusive<u64>, Instant)>,
    task: JoinHandle<Result<(), Failure>>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Watch {
    fn new(arriving: mpsc::UnboundedReceiver<(Arrival, Instant)>, task: JoinHandle<Result<(), Failure>>) -> Self {
        Self { arriving, arrived: HashMap::new(), intervals: Vec::new(), task }
    }

    /// Reads a stream of events.
    pub(super) async fn stream(server: SocketAddr) -> Result<Self, Failure> {
        let (sender, arriving) = mpsc::unbounded_channel();
        let mut stream = BufReader::new(streams::open(server, "simulated", 0).await?).lines();
        let read = async move {
            let mut event = String::new();
            while let Some(line) = stream.next_line().await? {
                let now = Instant::now();
                if let Some(name) = line.strip_prefix("event: ") {
                    name.clone_into(&mut event);
                } else if let Some(data) = line.strip_prefix("data: ")
                    && let Some(arrival) = arrival(&event, data)?
                {
                    sender.send((arrival, now))?;
                }
            }
            Ok(())
        };
        Ok(Self::new(arriving, tokio::spawn(read)))
    }

    /// Requests the new messages of a channel, again and again.
    pub(super) async fn api(server: SocketAddr, channel: &str) -> Result<Self, Failure> {
        let (sender, arriving) = mpsc::unbounded_channel();
        let path = format!("/api/v1/tenants/simulated/channels/{channel}/messages");
        let mut client = Client::connect(server).await?;
        let newest = ids(&client.get(&format!("{path}?limit=1")).await?)?;
        let mut last = newest.last().copied().unwrap_or_default();
        let poll = async move {
            loop {
                let page = client.get(&format!("{path}?after={last}&limit=100")).await?;
                let now = Instant::now();
                for id in ids(&page)? {
                    last = id;
                    sender.send((Arrival::Message(id), now))?;
                }
                sleep(POLL).await;
            }
        };
        Ok(Self::new(arriving, tokio::spawn(poll)))
    }

    /// Receives the events of the gateway, without storing them.
    pub(super) async fn socket(simulator: &Simulator) -> Result<Self, Failure> {
        let (sender, arriving) = mpsc::unbounded_channel();
        let tcp = TcpStream::connect(simulator.address).await?;
        let url = format!("ws://{}/?v=10&encoding=json", simulator.address);
        let (mut socket, _) = tokio_tungstenite::client_async(url, tcp).await?;
        let properties = json!({"os": "linux", "browser": "bench", "device": "bench"});
        let identity = json!({"token": simulator.discord.token, "intents": INTENTS, "properties": properties});
        socket.send(Message::text(json!({"op": 2, "d": identity}).to_string())).await?;
        let receive = async move {
            let (mut beats, mut sequence) = (interval(HEARTBEAT), Value::Null);
            loop {
                let message = tokio::select! {
                    message = socket.next() => message.ok_or("the gateway closed a socket")??,
                    _ = beats.tick() => {
                        socket.send(Message::text(json!({"op": 1, "d": sequence}).to_string())).await?;
                        continue;
                    }
                };
                let Message::Text(text) = message else { continue };
                let now = Instant::now();
                let payload: Value = serde_json::from_str(&text)?;
                if payload["t"] == "MESSAGE_CREATE" {
                    sender.send((Arrival::Message(number(&payload["d"]["id"])?), now))?;
                }
                if !payload["s"].is_null() {
                    sequence = payload["s"].clone();
                }
            }
        };
        Ok(Self::new(arriving, tokio::spawn(receive)))
    }

    /// Waits until it has all these messages; returns the delays.
    pub(super) async fn all(&mut self, sent: &Sent) -> Result<Took, Failure> {
        let mut missing: HashSet<u64> = sent.keys().copied().filter(|id| !self.arrived.contains_key(id)).collect();
        for (channel, interval, at) in std::mem::take(&mut self.intervals) {
            self.mark(channel, interval, at, sent, &mut missing);
        }
        while !missing.is_empty() {
            let next = timeout(PATIENCE, self.arriving.recv()).await;
            let next = next.map_err(|_| format!("{} of {} messages do not arrive", missing.len(), sent.len()))?;
            match next {
                // An event may come twice.
                Some((Arrival::Message(id), at)) => {
                    self.arrived.entry(id).or_insert(at);
                    missing.remove(&id);
                }
                Some((Arrival::Interval { channel, low, high }, at)) => {
                    self.mark(channel, low..=high, at, sent, &mut missing);
                }
                None => {
                    (&mut self.task).await??;
                    return Err("a reader has ended".into());
                }
            }
        }
        let took = |(id, sent): (&u64, &Sending)| self.arrived[id].saturating_duration_since(sent.at);
        Ok(Took::new(sent.iter().map(took).collect()))
    }

    /// Marks the missing messages of an interval as arrived, and keeps it for messages that are asked for later.
    fn mark(
        &mut self,
        channel: String,
        interval: RangeInclusive<u64>,
        at: Instant,
        sent: &Sent,
        missing: &mut HashSet<u64>,
    ) {
        missing.retain(|id| {
            let is_in = interval.contains(id) && sent[id].channel == channel;
            if is_in {
                self.arrived.insert(*id, at);
            }
            !is_in
        });
        self.intervals.push((channel, interval, at));
    }
}

/// Returns the messages that an event of a stream shows.
fn arrival(event: &str, data: &str) -> Result<Option<Arrival>, Failure> {
    if !matches!(event, "message.created" | "channel.updated") {
        return Ok(None);
    }
    let data: Value = serde_json::from_str(data)?;
    Ok(match (event, &data["interval"]) {
        ("message.created", _) => Some(Arrival::Message(number(&data["id"])?)),
        (_, Value::Array(ends)) => {
            let [low, high] = &ends[..] else { return Err("an interval without ends".into()) };
            let channel = data["id"].as_str().ok_or("no id")?.to_owned();
            Some(Arrival::Interval { channel, low: number(low)?, high: number(high)? })
        }
        _ => None,
    })
}

fn number(id: &Value) -> Result<u64, Failure> {
    Ok(id.as_str().ok_or("no id")?.parse()?)
}

/// Returns the ids of the messages of a page.
fn ids(page: &[u8]) -> Result<Vec<u64>, Failure> {
    let page: Value = serde_json::from_slice(page)?;
    page["items"].as_array().into_iter().flatten().map(|message| number(&message["id"])).collect()
}
