//! Errors of reading a guild.

use std::time::Duration;

use domain::access::Denied;

/// Why a guild could not be read, by what the caller can do about it. It never contains message content or the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GuildError {
    /// The token is rejected. The source sends no more requests: all work stops until an operator sets another token.
    #[error("the bot's token is rejected")]
    Unauthorized,
    /// The application does not receive message content, so what it reads would be blank. No page may be stored: it
    /// would blank stored messages. All work stops until an operator enables the content intent.
    #[error("the application may not read message content")]
    ContentOff,
    /// The bot lacks a right there. Stored data stays; the call may be retried after rights changed.
    #[error("the bot may not {0}")]
    Forbidden(Denied),
    /// It is deleted, or the bot is no longer in the guild. Permanent.
    #[error("the {0} does not exist")]
    Gone(GoneItem),
    /// The platform does not offer this guild here. Stored data stays, and the guild is not requested any more.
    #[error("the guild is not available here")]
    Parked,
    /// Transient errors lasted for a while: server errors, malformed responses, limits, an index that is still being
    /// built. The same call, from the same cursor, may succeed after `retry_after`.
    #[error("{reason}; retry in {} s", retry_after.as_secs())]
    Unavailable {
        /// The last error.
        reason: &'static str,
        /// The time to wait before a retry.
        retry_after: Duration,
    },
    /// So many requests were rejected that more of this priority would get this machine's address banned. The source
    /// sent no request.
    #[error("too many requests were rejected; requests are paused for {} s", retry_after.as_secs())]
    HeldBack {
        /// The time until fewer of them count.
        retry_after: Duration,
    },
    /// The platform rejected the request as invalid: a defect of ours; a retry does not help.
    #[error("the request was rejected: {reason}")]
    Rejected {
        /// The platform's error code; 0 without one.
        code: u64,
        /// The platform's response, in a few words.
        reason: String,
    },
    /// A successful response repeatedly differs from its documented form.
    #[error("malformed response to the request for the {0}")]
    Malformed(&'static str),
}

impl GuildError {
    /// Returns whether the error concerns every guild and channel until an operator acts.
    #[must_use]
    pub const fn is_fatal(&self) -> bool {
        matches!(self, Self::Unauthorized | Self::ContentOff)
    }

    /// Returns the time to wait before the same call; `None` if waiting does not help.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable { retry_after, .. } | Self::HeldBack { retry_after } => Some(*retry_after),
            _ => None,
        }
    }
}

/// The kind of item that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GoneItem {
    /// The guild, or the bot's membership.
    #[error("guild")]
    Guild,
    /// The channel or thread.
    #[error("channel")]
    Channel,
    /// The message.
    #[error("message")]
    Message,
}
