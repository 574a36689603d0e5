//! Rows of one marker, and which row closes what another opens.

use std::ops::Range;

/// One marker in a row: `***`.
struct Run {
    start: usize,
    end: usize,
    /// A single `*` after a blank closes nothing and ends the search; so does a `_` before a letter.
    blocks_single: bool,
    /// The first row from this one on that has two or more.
    next_pair: Option<usize>,
    /// The first row from this one on that has an odd number.
    next_odd: Option<usize>,
}

/// The rows of one marker in a stretch of text, in order. Each question costs one binary search.
#[derive(Default)]
pub(super) struct Runs(Vec<Run>);

impl Runs {
    pub(super) fn push(&mut self, row: Range<usize>, blocks_single: bool) {
        self.0.push(Run { start: row.start, end: row.end, blocks_single, next_pair: None, next_odd: None });
    }

    /// To be called once after the last row.
    pub(super) fn link(&mut self) {
        let (mut pair, mut odd) = (None, None);
        for (index, run) in self.0.iter_mut().enumerate().rev() {
            let len = run.end - run.start;
            if len >= 2 {
                pair = Some(index);
            }
            if len % 2 == 1 {
                odd = Some(index);
            }
            (run.next_pair, run.next_odd) = (pair, odd);
        }
    }

    /// The row around `at`, if there is one: how many markers there are from `at` to its end, or to `end`; and
    /// the number of the row after it.
    pub(super) fn at(&self, at: usize, end: usize) -> Option<(usize, usize)> {
        let index = self.0.partition_point(|run| run.end <= at);
        let run = self.0.get(index).filter(|run| run.start <= at)?;
        Some((run.end.min(end) - at, index + 1))
    }

    /// The first two markers of a row from row `from` on.
    pub(super) fn first_pair(&self, from: usize, end: usize) -> Option<usize> {
        let run = &self.0[self.0.get(from)?.next_pair?];
        (run.start + 2 <= end).then_some(run.start)
    }

    /// The last two markers of a row from row `from` on.
    pub(super) fn last_pair(&self, from: usize, end: usize) -> Option<usize> {
        let run = &self.0[self.0.get(from)?.next_pair?];
        let close = run.end.min(end).checked_sub(2)?;
        (close >= run.start).then_some(close)
    }

    /// The single marker that is left at the end of an odd row from row `from` on; pairs before it are passed over.
    pub(super) fn single(&self, from: usize, end: usize) -> Option<usize> {
        // Only the last row before the end can be cut by it, and so be odd where the whole row is even.
        let last = self.0.partition_point(|run| run.start < end).checked_sub(1).filter(|&last| last >= from)?;
        let odd = self.0.get(from).and_then(|run| run.next_odd).filter(|&odd| odd < last);
        let run = &self.0[odd.unwrap_or(last)];
        let len = run.end.min(end) - run.start;
        // What blocks a `_` stands after the row, so a row that is cut is not blocked by it.
        let blocked = run.blocks_single && (len == 1 || run.end <= end);
        (len % 2 == 1 && !blocked).then(|| run.start + len - 1)
    }
}
