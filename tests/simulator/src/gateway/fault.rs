//! Faults of the gateway on demand.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A fault of every connection, or of the next events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum GatewayFault {
    /// Connections end without a close frame.
    Drop,
    /// Connections are closed with this code.
    Close {
        /// The code; after 1000 and 1001, 4004 and 4010 to 4014 the session is lost as well.
        code: u16,
    },
    /// Clients are told to reconnect (op 7).
    Reconnect,
    /// Sessions are declared invalid (op 9); unless `resumable` they are removed.
    InvalidSession {
        /// The value in the payload.
        resumable: bool,
    },
    /// Heartbeats are not acknowledged while `on`.
    NoAck {
        /// Whether the fault starts or ends.
        on: bool,
    },
    /// A heartbeat is requested (op 1).
    AskHeartbeat,
    /// Each of the next events arrives twice.
    Duplicate {
        /// The number of events.
        count: u64,
    },
    /// The next event arrives after the one that follows it.
    Swap,
    /// The next events never arrive; their sequence numbers are missing.
    Lose {
        /// The number of events.
        count: u64,
    },
    /// Events are held back while `on`, and then arrive all at once.
    Hold {
        /// Whether the fault starts or ends.
        on: bool,
    },
    /// An unknown event arrives.
    UnknownEvent,
    /// An event of this type and content arrives.
    Event {
        /// The name of its type.
        name: String,
        /// Its content.
        data: Value,
    },
    /// A payload with an unknown opcode arrives.
    UnknownOp,
    /// The next attempts to resume are rejected.
    RefuseResume {
        /// The number of attempts.
        count: u64,
    },
    /// All sessions lose their events for replay.
    ForgetEvents,
    /// Connections are accepted without a greeting (op 10) while `on`.
    Mute {
        /// Whether the fault starts or ends.
        on: bool,
    },
    /// Connections end, and new ones are refused with a 503, while `on`.
    Refuse {
        /// Whether the fault starts or ends.
        on: bool,
    },
    /// As many sessions were started by other processes, all of them now.
    SpendIdentifies {
        /// The number of sessions.
        count: usize,
    },
    /// Every guild that is sent has that many more bytes.
    PadGuild {
        /// The number of bytes.
        bytes: usize,
    },
}
