//! Why a guild could not be read.

use std::time::Duration;

/// Why a guild could not be read, by what the caller can do about it. It never holds what people wrote, nor the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GuildError {
    /// The token is refused. The source asks nothing more: everything stops until somebody gives another one.
    #[error("the bot's token is refused")]
    Unauthorized,
    /// The application is not given what people write, so what it reads would be blank. Nothing that was read may be
    /// stored: it would empty what is held. Everything stops until somebody allows it.
    #[error("the application may not read message content")]
    ContentOff,
    /// The bot may not do this there. What is held stays; the same call is worth another try after rights changed.
    #[error("the bot may not {0}")]
    Forbidden(Denied),
    /// It is deleted, or the bot is no longer in the guild. Asking again is of no use.
    #[error("the {0} does not exist")]
    Gone(Missing),
    /// The platform does not offer this guild here. What is held stays, and nothing more is asked for it.
    #[error("the guild is not available here")]
    Parked,
    /// It failed for a while in every way that passes by itself: server errors, broken answers, limits, an index that
    /// is still made. The same call, from the same cursor, may succeed after `retry_after`.
    #[error("{reason}; worth another try in {} s", retry_after.as_secs())]
    Unavailable {
        /// What happened last.
        reason: &'static str,
        /// How long to leave it alone.
        retry_after: Duration,
    },
    /// So many requests were refused that more of this priority would end in a ban of this machine's address. The
    /// source asked nothing.
    #[error("too many requests were refused; held back for {} s", retry_after.as_secs())]
    HeldBack {
        /// When fewer of them count.
        retry_after: Duration,
    },
    /// The platform calls the request wrong: a defect of ours, and no try helps.
    #[error("the request was refused with status {status} and code {code}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The platform's own code; 0 without one.
        code: u64,
    },
    /// A good answer has another form than its documentation says, every time.
    #[error("the answer is no {0}")]
    Malformed(&'static str),
}

impl GuildError {
    /// Whether it is the same for every guild and channel, until a person does something.
    #[must_use]
    pub const fn is_fatal(&self) -> bool {
        matches!(self, Self::Unauthorized | Self::ContentOff)
    }

    /// How long to wait before the same call; `None` if waiting does not help.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable { retry_after, .. } | Self::HeldBack { retry_after } => Some(*retry_after),
            _ => None,
        }
    }
}

/// What the bot may not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// See it.
    #[error("view it")]
    View,
    /// Read what was written before.
    #[error("read its history")]
    History,
    /// Enter a voice channel, which reading its text needs.
    #[error("connect to it")]
    Connect,
    /// Something else that the call needs.
    #[error("do that")]
    Other,
}

/// What does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
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
