//! Pages by key: where to begin and how much, never an offset.

use domain::message::MessageId;

/// The part of a list behind a key, of at most `limit` items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page<C> {
    /// The key of the last item that is known already; `None` for the first page.
    pub after: Option<C>,
    /// How many at most: 1 to 101, one more than a client may ask for, which tells whether there is more.
    pub limit: u32,
}

/// Which messages of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageRange {
    /// The newest.
    Newest,
    /// The newest of those with a smaller id.
    Before(MessageId),
    /// The oldest of those with a larger id.
    After(MessageId),
    /// The oldest of those with this id or a larger one.
    From(MessageId),
    /// The oldest of all.
    Oldest,
}
