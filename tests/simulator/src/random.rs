//! Randomness without state: the same words always draw the same numbers.

use std::fmt::Write as _;

/// A stream of numbers that depends only on the words it was created from.
#[derive(Debug, Clone)]
pub(crate) struct Draw(u64);

impl Draw {
    /// Returns the stream named by `words`.
    pub(crate) fn of(words: &[u64]) -> Self {
        Self(words.iter().fold(0x5851_F42D_4C95_7F2D, |state, word| mix(state ^ mix(*word))))
    }

    /// Returns the next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// Returns a number below `bound`, or 0 if `bound` is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next().checked_rem(bound).unwrap_or(0)
    }

    /// Returns true in `per_mille` of a thousand cases.
    pub(crate) fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    /// Returns one of `items`, which must not be empty.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.index(items.len())]
    }

    /// Returns a position in a list of `len` items.
    pub(crate) fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).expect("below a length")
    }

    /// Returns `digits` hexadecimal digits.
    pub(crate) fn hex(&mut self, digits: usize) -> String {
        let mut text = String::with_capacity(digits + 16);
        while text.len() < digits {
            write!(text, "{:016x}", self.next()).expect("a string takes everything");
        }
        text.truncate(digits);
        text
    }
}

/// The finaliser of `SplitMix64`, a bijection that spreads every bit.
fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}
