//! A plain gateway client.

use std::io::Read as _;
use std::time::Duration;

use discord_simulator::Simulator;
use flate2::read::ZlibDecoder;
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{self, Message};

/// `GUILDS`, messages, reactions, polls, content.
pub(crate) const INTENTS: u32 = 1 | 1 << 9 | 1 << 10 | 1 << 15 | 1 << 24;

/// The time limit of expected payloads, after which the test fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection that has received hello.
pub(crate) struct Socket {
    stream: WebSocketStream<TcpStream>,
    /// All compressed data received so far.
    compressed: Vec<u8>,
    read: usize,
}

impl Socket {
    /// Connects and receives hello.
    pub(crate) async fn connect(simulator: &Simulator, query: &str) -> Self {
        let mut socket = Self::try_connect(simulator, query).await.unwrap();
        let hello = socket.receive().await;
        assert_eq!((&hello["op"], &hello["d"]["heartbeat_interval"]), (&json!(10), &json!(41_250)));
        socket
    }

    /// Connects, if the simulator accepts it.
    pub(crate) async fn try_connect(simulator: &Simulator, query: &str) -> Result<Self, tungstenite::Error> {
        let tcp = TcpStream::connect(simulator.address()).await.unwrap();
        let url = format!("{}/?v=10&encoding=json{query}", simulator.gateway_url());
        let (stream, _) = tokio_tungstenite::client_async(url, tcp).await?;
        Ok(Self { stream, compressed: Vec::new(), read: 0 })
    }

    /// Connects and identifies; returns `READY` and `GUILD_CREATE`.
    pub(crate) async fn login(simulator: &Simulator) -> (Self, Value, Value) {
        let mut socket = Self::connect(simulator, "").await;
        socket.send(identify(simulator, INTENTS)).await;
        let (ready, guild) = (socket.receive().await, socket.receive().await);
        assert_eq!((&ready["t"], &guild["t"]), (&json!("READY"), &json!("GUILD_CREATE")));
        (socket, ready["d"].clone(), guild["d"].clone())
    }

    pub(crate) async fn send(&mut self, payload: Value) {
        self.stream.send(Message::text(payload.to_string())).await.unwrap();
    }

    async fn next(&mut self) -> Option<Message> {
        let waited = tokio::time::timeout(PATIENCE, self.stream.next()).await;
        waited.expect("nothing came for a long time").and_then(Result::ok)
    }

    /// Returns the next payload.
    pub(crate) async fn receive(&mut self) -> Value {
        match self.next().await {
            Some(Message::Text(text)) => serde_json::from_str(text.as_str()).unwrap(),
            Some(Message::Binary(bytes)) => {
                self.compressed.extend(bytes);
                let whole = self.inflate();
                let fresh = whole[self.read..].to_vec();
                self.read = whole.len();
                serde_json::from_slice(&fresh).unwrap()
            }
            other => panic!("no payload but {other:?}"),
        }
    }

    /// Returns all data ever received, decompressed: it is one stream, whose frames end at flushes.
    fn inflate(&self) -> Vec<u8> {
        let mut whole = Vec::new();
        let mut buffer = [0; 4096];
        if self.compressed.starts_with(&[0x28, 0xB5, 0x2F, 0xFD]) {
            let mut decoder = zstd::stream::read::Decoder::new(&self.compressed[..]).unwrap();
            while let Ok(count @ 1..) = decoder.read(&mut buffer) {
                whole.extend(&buffer[..count]);
            }
        } else {
            assert!(self.compressed.ends_with(&[0, 0, 0xFF, 0xFF]));
            let mut decoder = ZlibDecoder::new(&self.compressed[..]);
            while let Ok(count @ 1..) = decoder.read(&mut buffer) {
                whole.extend(&buffer[..count]);
            }
        }
        whole
    }

    /// Returns the next event of this name; others are skipped.
    pub(crate) async fn event(&mut self, name: &str) -> Value {
        loop {
            let payload = self.receive().await;
            if payload["t"] == name {
                return payload["d"].clone();
            }
        }
    }

    /// Returns the code with which the connection is closed; `None` if it just ends.
    pub(crate) async fn closed(&mut self) -> Option<u16> {
        loop {
            match self.next().await {
                Some(Message::Close(frame)) => return frame.map(|frame| frame.code.into()),
                Some(_) => {}
                None => return None,
            }
        }
    }

    /// Closes with a code, and waits until the other side has received it.
    pub(crate) async fn close(mut self, code: u16) {
        use tokio_tungstenite::tungstenite::protocol::CloseFrame;
        self.stream.close(Some(CloseFrame { code: code.into(), reason: "".into() })).await.unwrap();
        while self.next().await.is_some() {}
    }
}

/// Returns the payload that starts a session.
pub(crate) fn identify(simulator: &Simulator, intents: u32) -> Value {
    json!({"op": 2, "d": {"token": simulator.token(), "intents": intents, "properties": {"os": "linux"}}})
}

/// Returns the payload that resumes one.
pub(crate) fn resume(simulator: &Simulator, session: &Value, seq: u64) -> Value {
    json!({"op": 6, "d": {"token": format!("Bot {}", simulator.token()), "session_id": session, "seq": seq}})
}
