//! What goes wrong with the gateway on demand.

use serde::{Deserialize, Serialize};

/// Something that goes wrong with every connection, or with the next events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum GatewayFault {
    /// Connections end without a word.
    Drop,
    /// Connections are closed with this code.
    Close {
        /// The code; after 1000 and 1001, 4004 and 4010 to 4014 the session is gone as well.
        code: u16,
    },
    /// Clients are asked to reconnect (op 7).
    Reconnect,
    /// Sessions are called invalid (op 9); unless `resumable` they are forgotten.
    InvalidSession {
        /// What the payload says.
        resumable: bool,
    },
    /// Heartbeats are not answered while `on`.
    NoAck {
        /// Whether it begins or ends.
        on: bool,
    },
    /// A heartbeat is asked for (op 1).
    AskHeartbeat,
    /// Each of the next events arrives twice.
    Duplicate {
        /// How many.
        count: u64,
    },
    /// The next event arrives after the one that follows it.
    Swap,
    /// The next events never arrive; their numbers are missing.
    Lose {
        /// How many.
        count: u64,
    },
    /// Events are held back while `on`, and then arrive all at once.
    Hold {
        /// Whether it begins or ends.
        on: bool,
    },
    /// An event arrives that nobody knows.
    UnknownEvent,
    /// A payload arrives whose opcode nobody knows.
    UnknownOp,
    /// The next resumptions are refused.
    RefuseResume {
        /// How many.
        count: u64,
    },
    /// All sessions forget what they could replay.
    ForgetEvents,
    /// Every guild that is sent carries so many more bytes.
    PadGuild {
        /// How many.
        bytes: usize,
    },
}
