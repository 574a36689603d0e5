//! How a range of messages is read: from which bound, and how many rows at a time.

use domain::message::MessageId;
use ports::message::EXAMINED;
use ports::page::MessageRange;

/// The side of its bound on which a range lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Before it, read backwards.
    Before,
    /// After it.
    After,
}

impl Side {
    /// Returns the bound after `last` was examined; `None` if there is no such id.
    #[must_use]
    pub fn beyond(self, last: MessageId) -> Option<MessageId> {
        if self == Self::Before { last.previous() } else { last.next() }
    }
}

/// Returns the bound of a range, inclusive; `None` if there is no such id.
#[must_use]
pub fn bound(range: MessageRange) -> (Side, Option<MessageId>) {
    match range {
        MessageRange::Newest => (Side::Before, Some(MessageId::MAX)),
        MessageRange::Before(id) => (Side::Before, id.previous()),
        MessageRange::After(id) => (Side::After, id.next()),
        MessageRange::From(id) => (Side::After, Some(id)),
        MessageRange::Oldest => (Side::After, Some(MessageId::MIN)),
    }
}

/// The number of rows that the next statement reads: at first few more than are wanted, and many if most are hidden.
#[derive(Debug)]
pub struct Window {
    size: u32,
    left: u32,
}

impl Window {
    /// Extra rows per statement, because a few messages of most channels are deleted.
    const SPARE: u32 = 8;

    /// Returns the window of a page of `limit` messages.
    #[must_use]
    pub const fn new(limit: u32) -> Self {
        Self { size: limit + Self::SPARE, left: limit + EXAMINED }
    }
}

impl Iterator for Window {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let rows = self.size.min(self.left);
        self.left -= rows;
        self.size = self.size.saturating_mul(4).min(EXAMINED / 2);
        (rows > 0).then_some(rows)
    }
}
