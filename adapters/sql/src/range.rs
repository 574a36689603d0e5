//! How a range of messages is read: from which bound, and how many rows at a time.

use domain::message::{Message, MessageId, MessageKind};
use ports::error::StoreError;
use ports::message::{EXAMINED, LISTED_BYTES, size_bytes};
use ports::page::MessageRange;

use crate::columns::Columns;
use crate::message::stored_message;

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
    fn beyond(self, last: MessageId) -> Option<MessageId> {
        if self == Self::Before { last.previous() } else { last.next() }
    }
}

/// Returns the bound of a range, inclusive; `None` if there is no such id.
fn bound(range: MessageRange) -> (Side, Option<MessageId>) {
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
struct Window {
    size: u32,
    left: u32,
}

impl Window {
    /// Extra rows per statement, because a few messages of most channels are deleted.
    const SPARE: u32 = 8;

    /// Returns the window of a page of `limit` messages.
    const fn new(limit: u32) -> Self {
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

/// A walk over a range: which rows the next statement reads, and which of them are returned. Hidden rows are counted
/// and left out.
#[derive(Debug)]
pub struct Walk<T> {
    side: Side,
    /// The bound of the next statement; `None` if no more can follow.
    bound: Option<MessageId>,
    window: Window,
    limit: usize,
    with_restricted: bool,
    found: Vec<T>,
    bytes: usize,
    /// The number of rows that the last statement was to read; 0 before the first.
    requested: u32,
    examined: u32,
    last: Option<MessageId>,
}

impl<T> Walk<T> {
    /// Returns the walk over `range` for at most `limit` values.
    #[must_use]
    pub fn new(range: MessageRange, with_restricted: bool, limit: u32) -> Self {
        let (side, bound) = bound(range);
        Self {
            side,
            bound,
            window: Window::new(limit),
            limit: limit as usize,
            with_restricted,
            found: Vec::new(),
            bytes: 0,
            requested: 0,
            examined: 0,
            last: None,
        }
    }

    /// Returns the side of the bound on which the range lies.
    #[must_use]
    pub fn side(&self) -> Side {
        self.side
    }

    /// Returns the bound and the number of rows of the next statement, until the walk has `limit` values or the maximum
    /// number of bytes, the range ends, or the maximum number of rows was examined.
    pub fn next_statement(&mut self) -> Option<(MessageId, u32)> {
        let is_large = self.bytes >= LISTED_BYTES;
        if self.requested > 0 {
            let is_end = self.examined < self.requested && !is_large;
            let is_full = self.found.len() == self.limit;
            let last = self.last.filter(|_| !is_end && !is_full);
            self.bound = last.and_then(|last| self.side.beyond(last));
        }
        if is_large {
            return None;
        }
        let (bound, rows) = (self.bound?, self.window.next()?);
        (self.requested, self.examined, self.last) = (rows, 0, None);
        Some((bound, rows))
    }

    /// Examines a row, of which `make` returns the value and its size in bytes. Returns whether the next row is needed.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn examine<R: Columns>(
        &mut self,
        row: &mut R,
        make: impl FnOnce(&mut R) -> Result<(T, usize), StoreError>,
    ) -> Result<bool, StoreError> {
        let (id, kind) = (row.id("message_id")?, MessageKind(row.number("kind")?));
        (self.examined, self.last) = (self.examined + 1, Some(id));
        if row.optional_time("deleted_at")?.is_none() && (self.with_restricted || kind.is_shown()) {
            let (value, bytes) = make(row)?;
            self.found.push(value);
            self.bytes += bytes;
        }
        Ok(self.found.len() < self.limit && self.bytes < LISTED_BYTES)
    }

    /// Returns the values, ascending, and the last id that was examined if more rows can follow.
    #[must_use]
    pub fn end(mut self) -> (Vec<T>, Option<MessageId>) {
        if self.side == Side::Before {
            self.found.reverse();
        }
        // A bound outside the possible ids ends the range.
        (self.found, self.last.filter(|_| self.bound.is_some()))
    }
}

/// Returns a message of a list and its size in bytes.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn listed(row: &mut impl Columns) -> Result<(Message, usize), StoreError> {
    let message = stored_message(row)?.message;
    let bytes = size_bytes(&message);
    Ok((message, bytes))
}

/// Returns how many rows of a page are left after those that were found.
#[must_use]
pub fn left<T>(limit: u32, found: &[T]) -> u32 {
    limit.saturating_sub(u32::try_from(found.len()).unwrap_or(limit))
}
