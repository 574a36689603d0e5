//! A payload of the gateway, of which only the outline is parsed where it is received.

use std::borrow::Cow;

use domain::timestamp::Timestamp;
use ports::event::GatewaySession;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The opcodes that Discord sends
/// (<https://docs.discord.com/developers/topics/opcodes-and-status-codes#gateway-gateway-opcodes>).
pub(super) mod opcode {
    pub(in crate::gateway) const DISPATCH: u64 = 0;
    pub(in crate::gateway) const HEARTBEAT: u64 = 1;
    pub(in crate::gateway) const RECONNECT: u64 = 7;
    pub(in crate::gateway) const INVALID_SESSION: u64 = 9;
    pub(in crate::gateway) const HELLO: u64 = 10;
    pub(in crate::gateway) const HEARTBEAT_ACK: u64 = 11;
}

/// A received event, as it waits in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) received_at: Timestamp,
    /// Its number in its session.
    pub(super) sequence: u64,
    /// The payload.
    pub(super) text: String,
}

/// The outline of a payload.
#[derive(Debug, Deserialize)]
pub(super) struct Outline<'a> {
    #[serde(rename = "op")]
    pub(super) opcode: u64,
    /// The number of an event in its session.
    #[serde(rename = "s", default)]
    pub(super) sequence: Option<u64>,
    /// The type of an event.
    #[serde(rename = "t", borrow, default)]
    pub(super) name: Option<Cow<'a, str>>,
    #[serde(rename = "d", borrow, default)]
    pub(super) data: Option<&'a RawValue>,
}

impl<'a> Outline<'a> {
    /// Parses the outline of a payload; `None` if it has none.
    pub(super) fn of(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Parses the data.
    pub(super) fn data<T: Deserialize<'a>>(&self) -> Option<T> {
        serde_json::from_str(self.data?.get()).ok()
    }
}

/// The content of `HELLO`.
#[derive(Debug, Deserialize)]
pub(super) struct Hello {
    pub(super) heartbeat_interval: u64,
}

/// The part of `READY` that resuming needs.
#[derive(Debug, Deserialize)]
pub(super) struct Ready {
    pub(super) session_id: String,
    pub(super) resume_gateway_url: String,
}

impl Ready {
    /// Returns the session that begins with the event of this number.
    pub(super) fn session(self, sequence: u64) -> GatewaySession {
        GatewaySession { id: self.session_id, resume_url: self.resume_gateway_url, sequence }
    }
}
