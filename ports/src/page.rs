//! Pages by key: a start and a limit, never an offset.

use domain::message::MessageId;

/// The part of a list after a key, of at most `limit` items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page<C> {
    /// The key of the last item already returned; `None` for the first page.
    pub after: Option<C>,
    /// The maximum number of items: 1 to 101, one more than a client may request, to detect a next page; of threads, of
    /// which a caller selects some, up to 1,000.
    pub limit: u32,
}

/// The range of messages of a page of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageRange {
    /// The newest messages.
    Newest,
    /// The newest messages with a smaller id.
    Before(MessageId),
    /// The oldest messages with a larger id.
    After(MessageId),
    /// The oldest messages with this id or a larger one.
    From(MessageId),
    /// The oldest messages of the channel.
    Oldest,
}
