//! Backticks: the start and end of code.

use std::collections::BTreeMap;
use std::ops::Range;

/// A row of backticks.
struct Ticks {
    start: usize,
    end: usize,
    /// The next row of three or more.
    next_fence: Option<usize>,
}

/// Every row of backticks of a text, so that a search for the end of code does not scan the text again.
pub(super) struct TickIndex {
    rows: Vec<Ticks>,
    /// The numbers of the rows of one length, ascending.
    by_length: BTreeMap<usize, Vec<usize>>,
}

/// A range of code: all of it, with its backticks, and the code between them.
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
            rows.push(Ticks { start, end: at, next_fence: None });
        }
        let mut by_length: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (index, row) in rows.iter().enumerate() {
            by_length.entry(row.end - row.start).or_default().push(index);
        }
        let mut fence = None;
        for (index, row) in rows.iter_mut().enumerate().rev() {
            row.next_fence = fence;
            if row.end - row.start >= 3 {
                fence = Some(index);
            }
        }
        Self { rows, by_length }
    }

    /// Returns the code that starts with the backtick at `at` and ends before `end`.
    pub(super) fn code_at(&self, text: &str, at: usize, end: usize) -> Option<CodeSpan> {
        let index = self.row(at);
        let row = &self.rows[index];
        let fence = row.next_fence.map(|fence| self.rows[fence].start).filter(|close| close + 3 <= end);
        if row.end - at >= 3
            && let Some(close) = fence
            && !text[at + 3..close].trim_matches('\n').is_empty()
        {
            return Some(CodeSpan { whole: at..close + 3, inner: at + 3..close, is_block: true });
        }
        // As many of the row as the exact length of another row; the rest of it is code.
        self.by_length.range(..=row.end - at).rev().find_map(|(&len, rows)| {
            let next = *rows.get(rows.partition_point(|&row| row <= index))?;
            let close = Some(self.rows[next].start).filter(|close| close + len <= end)?;
            Some(CodeSpan { whole: at..close + len, inner: at + len..close, is_block: false })
        })
    }

    /// Returns the end of the row of backticks around `at`.
    pub(super) fn row_end(&self, at: usize) -> usize {
        self.rows[self.row(at)].end
    }

    /// Returns the number of the row around `at`.
    fn row(&self, at: usize) -> usize {
        self.rows.partition_point(|row| row.end <= at)
    }
}
