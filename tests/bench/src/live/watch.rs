//! Readers that report when they have each message.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{interval, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

use super::{Client, Sent};
use crate::simulator::Simulator;
use crate::took::Took;
use crate::{Failure, streams};

/// The time without a message after which none is expected any more.
const PATIENCE: Duration = Duration::from_secs(30);
/// The wait between two requests for new messages.
const POLL: Duration = Duration::from_millis(2);
/// The events of guilds, messages and their content.
const INTENTS: u32 = 1 | 1 << 9 | 1 << 15;
/// Shorter than the gateway asks for.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// A reader, which ends when the value is dropped.
pub(super) struct Watch {
    arriving: mpsc::UnboundedReceiver<(u64, Instant)>,
    arrived: HashMap<u64, Instant>,
    task: JoinHandle<Result<(), Failure>>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Watch {
    fn new(arriving: mpsc::UnboundedReceiver<(u64, Instant)>, task: JoinHandle<Result<(), Failure>>) -> Self {
        Self { arriving, arrived: HashMap::new(), task }
    }

    /// Reads a stream of events.
    pub(super) async fn stream(server: SocketAddr) -> Result<Self, Failure> {
        let (sender, arriving) = mpsc::unbounded_channel();
        let stream = streams::open(server, "simulated", 0).await?;
        Ok(Self::new(arriving, tokio::spawn(streams::read(stream, sender))))
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
                    sender.send((id, now))?;
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
                    sender.send((payload["d"]["id"].as_str().ok_or("no id")?.parse()?, now))?;
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
        let mut missing = sent.keys().filter(|id| !self.arrived.contains_key(id)).count();
        while missing > 0 {
            let next = timeout(PATIENCE, self.arriving.recv()).await;
            let next = next.map_err(|_| format!("{missing} of {} messages do not arrive", sent.len()))?;
            let Some((id, at)) = next else {
                (&mut self.task).await??;
                return Err("a reader has ended".into());
            };
            // An event may come twice.
            if self.arrived.insert(id, at).is_none() && sent.contains_key(&id) {
                missing -= 1;
            }
        }
        let took = |(id, (at, _)): (&u64, &(Instant, usize))| self.arrived[id].saturating_duration_since(*at);
        Ok(Took::new(sent.iter().map(took).collect()))
    }
}

/// Returns the ids of the messages of a page.
fn ids(page: &[u8]) -> Result<Vec<u64>, Failure> {
    let page: Value = serde_json::from_slice(page)?;
    let ids = page["items"].as_array().into_iter().flatten();
    ids.map(|message| Ok(message["id"].as_str().ok_or("no id")?.parse()?)).collect()
}
