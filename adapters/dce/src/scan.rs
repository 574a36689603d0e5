//! Splits a JSON file into the values of its outermost object and the elements of its messages, one at a time, with the
//! position of each, so that only one message is in memory.

use std::io::{self, BufRead};

/// The most bytes of one value; Discord's largest message is far smaller.
const MAX_VALUE: usize = 32 << 20;
/// The most bytes of a skipped value; no compressed file of some megabytes can occupy the import for days.
const MAX_SKIPPED: usize = 1 << 30;
/// The most blanks in a row, for the same reason.
const MAX_BLANKS: usize = 16 << 20;

/// The error that ends the scan of a file.
#[derive(Debug)]
pub(crate) enum ScanError {
    Io(io::Error),
    /// The file ends in the middle.
    End,
    /// The file is not valid JSON at this position.
    Form(&'static str),
}

impl ScanError {
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Io(error) => format!("the rest of the file cannot be read: {error}"),
            Self::End => "the file ends in the middle".to_owned(),
            Self::Form(reason) => (*reason).to_owned(),
        }
    }
}

/// Reads values one after the other.
pub(crate) struct Scanner<R> {
    input: R,
    byte: u64,
}

impl<R: BufRead> Scanner<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, byte: 0 }
    }

    /// Returns the number of bytes that were read so far.
    pub(crate) const fn byte(&self) -> u64 {
        self.byte
    }

    /// Returns the buffered bytes, or reads the next ones; none at the end.
    pub(crate) fn fill(&mut self) -> Result<&[u8], ScanError> {
        // The check for bytes is separate from returning them, or the borrow would last through the loop.
        loop {
            match self.input.fill_buf() {
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(&[]),
                Err(error) => return Err(ScanError::Io(error)),
            }
        }
        self.input.fill_buf().map_err(ScanError::Io)
    }

    /// Consumes `count` of the bytes that [`Scanner::fill`] returned.
    pub(crate) fn skip(&mut self, count: usize) {
        self.input.consume(count);
        self.byte += count as u64;
    }

    /// Returns the next byte that is not a blank, without consuming it.
    pub(crate) fn next_token(&mut self) -> Result<Option<u8>, ScanError> {
        let mut blanks = 0;
        loop {
            let bytes = self.fill()?;
            if bytes.is_empty() {
                return Ok(None);
            }
            let token = bytes.iter().position(|byte| !is_blank(*byte));
            let (count, token) = (token.unwrap_or(bytes.len()), token.map(|at| bytes[at]));
            self.skip(count);
            blanks += count;
            if token.is_some() {
                return Ok(token);
            }
            if blanks > MAX_BLANKS {
                return Err(ScanError::Form("it is blank over more than 16 MiB"));
            }
        }
    }

    /// Consumes `wanted`, after blanks.
    pub(crate) fn take(&mut self, wanted: u8, reason: &'static str) -> Result<(), ScanError> {
        match self.next_token()? {
            Some(byte) if byte == wanted => {
                self.skip(1);
                Ok(())
            }
            Some(_) => Err(ScanError::Form(reason)),
            None => Err(ScanError::End),
        }
    }

    /// Skips a byte-order mark.
    pub(crate) fn skip_mark(&mut self) -> Result<(), ScanError> {
        for wanted in [0xef, 0xbb, 0xbf] {
            if self.fill()?.first() != Some(&wanted) {
                break;
            }
            self.skip(1);
        }
        Ok(())
    }

    /// Copies the next complete value into `value`; returns whether it fits, and skips to its end if it does not.
    pub(crate) fn value(&mut self, value: &mut Vec<u8>) -> Result<bool, ScanError> {
        value.clear();
        if self.next_token()?.is_none() {
            return Err(ScanError::End);
        }
        let (mut at, mut length) = (ValueScan::default(), 0);
        loop {
            let bytes = self.fill()?;
            if bytes.is_empty() {
                return Err(ScanError::End);
            }
            let (count, ended) = at.walk(bytes);
            length += count;
            if length <= MAX_VALUE {
                value.extend_from_slice(&bytes[..count]);
            } else {
                *value = Vec::new();
            }
            self.skip(count);
            if length > MAX_SKIPPED {
                return Err(ScanError::Form("a value is larger than 1 GiB"));
            }
            match ended {
                true if length == 0 => return Err(ScanError::Form("a value is missing")),
                true => return Ok(length <= MAX_VALUE),
                false => {}
            }
        }
    }
}

/// The state of a walk through the bytes of one value.
#[derive(Default)]
struct ValueScan {
    depth: u64,
    in_string: bool,
    escaped: bool,
}

impl ValueScan {
    /// Continues through `bytes`; returns how many of them belong to the value, and whether it ends there.
    fn walk(&mut self, bytes: &[u8]) -> (usize, bool) {
        let mut at = 0;
        while at < bytes.len() {
            if self.escaped {
                self.escaped = false;
                at += 1;
            } else if self.in_string {
                let Some(next) = memchr::memchr2(b'"', b'\\', &bytes[at..]) else { return (bytes.len(), false) };
                at += next + 1;
                self.escaped = bytes[at - 1] == b'\\';
                self.in_string = self.escaped;
                if !self.in_string && self.depth == 0 {
                    return (at, true);
                }
            } else if self.depth == 0 && (is_blank(bytes[at]) || matches!(bytes[at], b'}' | b']' | b',' | b':')) {
                return (at, true);
            } else if self.depth > 0 && !STRUCTURE[usize::from(bytes[at])] {
                let next = bytes[at..].iter().position(|byte| STRUCTURE[usize::from(*byte)]);
                at = next.map_or(bytes.len(), |next| at + next);
            } else {
                match bytes[at] {
                    b'"' => self.in_string = true,
                    b'{' | b'[' => self.depth += 1,
                    b'}' | b']' => self.depth -= 1,
                    _ => {}
                }
                at += 1;
                if self.depth == 0 && matches!(bytes[at - 1], b'}' | b']') {
                    return (at, true);
                }
            }
        }
        (at, false)
    }
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

/// The bytes that change the state of a walk, outside of strings.
const STRUCTURE: [bool; 256] = {
    let mut structure = [false; 256];
    let bytes = b"\"{}[]";
    let mut at = 0;
    while at < bytes.len() {
        structure[bytes[at] as usize] = true;
        at += 1;
    }
    structure
};
