//! Cuts pages by bytes.

use std::ops::Range;

use domain::message::MessageId;

use super::{After, Messages};

/// The most bytes of the messages of a page, as they are sent; a single message may be larger.
pub const MAX_PAGE_BYTES: usize = 2 << 20;

impl Messages {
    /// Returns the part of the page that is at most [`MAX_PAGE_BYTES`] large: it grows from the requested message, or
    /// from the end that the cursor names, and has at least one message. `size_bytes` measures a message by its index,
    /// each at most once.
    pub fn fitting(&self, mut size_bytes: impl FnMut(usize) -> usize) -> Range<usize> {
        let count = self.entries.len();
        if count == 0 {
            return 0..0;
        }
        let start = self.anchor.min(count - 1);
        let mut kept = start..start + 1;
        let mut room = MAX_PAGE_BYTES.saturating_sub(size_bytes(start));
        let (mut up, mut down) = (true, true);
        while up || down {
            up &= kept.end < count;
            if up {
                let size = size_bytes(kept.end);
                up = size <= room;
                if up {
                    (kept.end, room) = (kept.end + 1, room - size);
                }
            }
            down &= kept.start > 0;
            if down {
                let size = size_bytes(kept.start - 1);
                down = size <= room;
                if down {
                    (kept.start, room) = (kept.start - 1, room - size);
                }
            }
        }
        kept
    }

    /// Returns the start of the older and of the newer page if only the messages of `kept` are shown.
    #[must_use]
    pub fn ends(&self, kept: &Range<usize>) -> (Option<MessageId>, Option<After>) {
        let id = |index: usize| self.entries.get(index).map(|entry| entry.message.id);
        let older = if kept.start > 0 { id(kept.start) } else { self.older };
        let last = || id(kept.end.checked_sub(1)?).map(After::Message);
        let newer = if kept.end < self.entries.len() { last() } else { self.newer };
        (older, newer)
    }

    /// Removes all messages from the page but those of `kept`.
    pub fn cut(&mut self, kept: Range<usize>) {
        (self.older, self.newer) = self.ends(&kept);
        self.entries.truncate(kept.end);
        self.entries.drain(..kept.start);
    }
}

#[cfg(test)]
mod tests;
