//! Content that is due to be removed.

use crate::channel::ChannelId;
use crate::message::MessageId;
use crate::timestamp::Timestamp;

/// The removal of the content of a message, or of all messages of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removal {
    /// The channel.
    pub channel: ChannelId,
    /// The message; `None` for all messages of the channel, which is deleted.
    pub message: Option<MessageId>,
    /// When it is due.
    pub due_at: Timestamp,
}
