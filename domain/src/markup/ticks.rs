//! Backticks: where code starts and ends.

use std::collections::HashMap;
use std::ops::Range;

/// Backticks in a row, and which rows after it can close what it opens.
struct Ticks {
    start: usize,
    end: usize,
    /// The next row of exactly as many.
    next_equal: Option<usize>,
    /// The next row of three or more.
    next_fence: Option<usize>,
}

/// Every row of backticks of a text, so that no search for the end of code reads the text again.
pub(super) struct TickIndex(Vec<Ticks>);

/// A stretch of code: all of it, with its backticks, and what stands between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CodeSpan {
    pub(super) whole: Range<usize>,
    pub(super) inner: Range<usize>,
    pub(super) is_block: bool,
}

impl TickIndex {
    pub(super) fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut rows = Vec::new();
        let mut at = 0;
        while let Some(found) = text[at..].find('`') {
            let start = at + found;
            let len = bytes[start..].iter().take_while(|&&byte| byte == b'`').count();
            at = start + len;
            rows.push(Ticks { start, end: at, next_equal: None, next_fence: None });
        }
        let mut by_length = HashMap::new();
        let mut fence = None;
        for (index, row) in rows.iter_mut().enumerate().rev() {
            let len = row.end - row.start;
            row.next_fence = fence;
            row.next_equal = by_length.insert(len, index);
            if len >= 3 {
                fence = Some(index);
            }
        }
        Self(rows)
    }

    /// The code that starts with the backtick at `at` and ends before `end`.
    pub(super) fn code_at(&self, text: &str, at: usize, end: usize) -> Option<CodeSpan> {
        let row = &self.0[self.0.partition_point(|row| row.end <= at)];
        let before_end = |index: Option<usize>, len: usize| {
            index.map(|index| &self.0[index]).filter(|close| close.start + len <= end).map(|close| close.start)
        };
        if row.end - at >= 3
            && let Some(close) = before_end(row.next_fence, 3)
            && !text[at + 3..close].trim_matches('\n').is_empty()
        {
            return Some(CodeSpan { whole: at..close + 3, inner: at + 3..close, is_block: true });
        }
        let len = row.end - row.start;
        // A backslash took the first of the row: what is left opens nothing.
        let close = before_end((at == row.start).then_some(row.next_equal)?, len)?;
        Some(CodeSpan { whole: at..close + len, inner: row.end..close, is_block: false })
    }

    /// The end of the row of backticks around `at`.
    pub(super) fn row_end(&self, at: usize) -> usize {
        self.0[self.0.partition_point(|row| row.end <= at)].end
    }
}
