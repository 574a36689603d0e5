//! A session: the sent events, stored for replay.

use std::collections::VecDeque;

use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

/// A command to a connection.
#[derive(Debug)]
pub(super) enum Out {
    /// Send this payload.
    Send(String),
    /// Tell the client that the session is invalid (op 9), resumable or not, so that it starts over.
    Invalidate(bool),
    /// Close with this code.
    Close(u16, &'static str),
    /// Close without a close frame.
    Drop,
}

/// One session of a client.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) id: String,
    pub(super) intents: u32,
    pub(super) shard: (u64, u64),
    pub(super) seq: u64,
    /// The current connection of the session.
    pub(super) link: Option<(u64, UnboundedSender<Out>)>,
    /// The time since which it has no connection.
    pub(super) lost_ms: u64,
    replay: VecDeque<(u64, String)>,
    room: usize,
    held: Vec<String>,
}

/// The faults to apply to outgoing events.
#[derive(Debug, Default, Clone)]
pub(super) struct Disturbance {
    pub(super) duplicate: u64,
    pub(super) lose: u64,
    pub(super) swap: bool,
    pub(super) hold: bool,
}

impl Session {
    pub(super) const fn new(id: String, intents: u32, shard: (u64, u64), room: usize) -> Self {
        Self { id, intents, shard, seq: 0, link: None, lost_ms: 0, replay: VecDeque::new(), room, held: Vec::new() }
    }

    /// Sends a payload unchanged, if there is a connection.
    pub(super) fn send(&self, payload: String) {
        if let Some((_, link)) = &self.link {
            // A connection that ends loses its unsent payloads; resuming replays them.
            let _ = link.send(Out::Send(payload));
        }
    }

    /// Takes the session from its connection, and tells the connection so.
    pub(super) fn invalidate(&mut self, resumable: bool, now_ms: u64) {
        self.tell(Out::Invalidate(resumable));
        self.link = None;
        self.lost_ms = now_ms;
    }

    /// Sends another command to the connection.
    pub(super) fn tell(&self, out: Out) {
        if let Some((_, link)) = &self.link {
            let _ = link.send(out);
        }
    }

    /// Numbers an event, stores it for replay and sends it.
    pub(super) fn dispatch(&mut self, name: &str, data: &Value, disturbance: &Disturbance) {
        self.seq += 1;
        let payload = json!({"op": 0, "s": self.seq, "t": name, "d": data}).to_string();
        self.replay.push_back((self.seq, payload.clone()));
        if self.replay.len() > self.room {
            self.replay.pop_front();
        }
        if disturbance.lose > 0 {
            return;
        }
        if disturbance.hold || disturbance.swap {
            self.held.push(payload);
            return;
        }
        if disturbance.duplicate > 0 {
            self.send(payload.clone());
        }
        self.send(payload);
        self.release();
    }

    /// Sends the events that were held back.
    pub(super) fn release(&mut self) {
        for payload in std::mem::take(&mut self.held) {
            self.send(payload);
        }
    }

    /// Returns the events after `seq`, or `None` if some of them are no longer stored.
    pub(super) fn since(&self, seq: u64) -> Option<Vec<String>> {
        let first = self.replay.front().map_or(self.seq + 1, |(number, _)| *number);
        let whole = first <= seq + 1;
        whole.then(|| self.replay.iter().filter(|(number, _)| *number > seq).map(|(_, text)| text.clone()).collect())
    }

    /// Drops the events stored for replay.
    pub(super) fn forget(&mut self) {
        self.replay.clear();
    }
}
