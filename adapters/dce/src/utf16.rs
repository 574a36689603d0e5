//! UTF-16 text, which some editors and shells make of a file.

use std::io::{self, BufRead, Read};

/// The number of bytes that are read at once.
const CHUNK: usize = 1 << 15;

/// Returns whether `head` is big-endian UTF-16; `None` if it is not UTF-16. An export begins with ASCII, so one byte of
/// each pair is zero even without a byte-order mark.
pub(crate) fn is_big_endian(head: &[u8]) -> Option<bool> {
    match head {
        [0xff, 0xfe, ..] | [1..=0xff, 0, ..] => Some(false),
        [0xfe, 0xff, ..] | [0, 1..=0xff, ..] => Some(true),
        _ => None,
    }
}

/// Decodes UTF-16 to UTF-8. An unpaired surrogate becomes the replacement character.
pub(crate) struct Utf16<R> {
    input: R,
    is_big_endian: bool,
    /// The first surrogate of a pair.
    high: Option<u16>,
    ready: Vec<u8>,
    /// The number of bytes of `ready` that were read.
    given: usize,
}

impl<R: BufRead> Utf16<R> {
    pub(crate) const fn new(input: R, is_big_endian: bool) -> Self {
        Self { input, is_big_endian, high: None, ready: Vec::new(), given: 0 }
    }

    /// Decodes the next characters; returns false at the end.
    fn refill(&mut self) -> io::Result<bool> {
        self.given = 0;
        self.ready.clear();
        let mut chunk = [0; 2];
        let mut units = 0;
        while units < CHUNK {
            // A file that was cut in the middle of a character ends before it.
            match self.input.read_exact(&mut chunk) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
                Err(error) if units == 0 => return Err(error),
                Err(_) => break,
            }
            units += 1;
            let unit = if self.is_big_endian { u16::from_be_bytes(chunk) } else { u16::from_le_bytes(chunk) };
            self.push(unit);
        }
        if units == 0 && self.high.take().is_some() {
            self.letter(char::REPLACEMENT_CHARACTER);
        }
        Ok(units > 0 || !self.ready.is_empty())
    }

    fn push(&mut self, unit: u16) {
        match (self.high.take(), unit) {
            (Some(high), 0xdc00..=0xdfff) => {
                let pair = 0x1_0000 + (u32::from(high - 0xd800) << 10) + u32::from(unit - 0xdc00);
                self.letter(char::from_u32(pair).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            (Some(_), _) => {
                self.letter(char::REPLACEMENT_CHARACTER);
                self.push(unit);
            }
            (None, 0xd800..=0xdbff) => self.high = Some(unit),
            (None, _) => self.letter(char::from_u32(unit.into()).unwrap_or(char::REPLACEMENT_CHARACTER)),
        }
    }

    fn letter(&mut self, letter: char) {
        self.ready.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

impl<R: BufRead> Read for Utf16<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // The bytes that were read may all be part of one character.
        while self.given == self.ready.len() && self.refill()? {}
        let count = (&self.ready[self.given..]).read(buffer)?;
        self.given += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
