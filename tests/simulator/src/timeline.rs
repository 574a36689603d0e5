//! The ids of a channel's generated messages: ascending, computed from the position alone, and found by id.

use crate::moment::{DISCORD_EPOCH_MS, ms_of, snowflake};
use crate::random::Draw;

const TIE: u64 = 1;
const JITTER: u64 = 2;
const LOW: u64 = 3;

/// `count` ids spread from `start_ms` on, one each `step_ms`, some pairs in the same millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timeline {
    key: u64,
    start_ms: u64,
    step_ms: u64,
    count: u64,
}

impl Default for Timeline {
    /// Returns a timeline without ids.
    fn default() -> Self {
        Self::between(0, DISCORD_EPOCH_MS, DISCORD_EPOCH_MS, 0)
    }
}

impl Timeline {
    /// Returns the timeline named `key`, whose ids are all in `start_ms..end_ms` if that range is wide enough for them.
    pub(crate) fn between(key: u64, start_ms: u64, end_ms: u64, count: u64) -> Self {
        let step_ms = (end_ms.saturating_sub(start_ms) / count.max(1)).max(2);
        Self { key, start_ms: start_ms.max(DISCORD_EPOCH_MS), step_ms, count }
    }

    /// Returns the number of ids.
    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    /// Returns the id at `index`, greater than every id before it.
    pub(crate) fn id(&self, index: u64) -> u64 {
        let tied = self.is_tied(index);
        let slot = if tied { index & !1 } else { index };
        let ms = self.start_ms + slot * self.step_ms + Draw::of(&[self.key, JITTER, slot]).below(self.step_ms);
        let low = Draw::of(&[self.key, LOW, slot]).next() & 0x3F_FFFC;
        snowflake(ms, low | 1 | (u64::from(tied && index & 1 == 1) << 1))
    }

    /// Returns whether `index` shares its millisecond with its neighbour.
    pub(crate) fn is_tied(&self, index: u64) -> bool {
        (index | 1) < self.count && Draw::of(&[self.key, TIE, index >> 1]).below(64) == 0
    }

    /// Returns the number of ids below `id`.
    pub(crate) fn rank(&self, id: u64) -> u64 {
        let guess = ms_of(id).saturating_sub(self.start_ms) / self.step_ms;
        let mut rank = guess.min(self.count);
        while rank > 0 && self.id(rank - 1) >= id {
            rank -= 1;
        }
        while rank < self.count && self.id(rank) < id {
            rank += 1;
        }
        rank
    }

    /// Returns the index of `id`, if it is one of these ids.
    pub(crate) fn position(&self, id: u64) -> Option<u64> {
        let rank = self.rank(id);
        (rank < self.count && self.id(rank) == id).then_some(rank)
    }
}

#[cfg(test)]
mod tests;
