//! Taking a JSON file apart into the values of its outermost object and the elements of its messages, one at a time,
//! with the place of each, so that nothing but one message is ever held.

use std::io::{self, BufRead};

/// The most bytes of one value; Discord's largest message is far below.
const MAX_VALUE: usize = 32 << 20;
/// The most bytes of a value that is passed over; no compressed file of some megabytes keeps us for days.
const MAX_SKIPPED: usize = 1 << 30;
/// The most blanks in a row, for the same reason.
const MAX_BLANKS: usize = 16 << 20;

/// Why a file cannot be taken apart any further.
#[derive(Debug)]
pub(crate) enum ScanError {
    Io(io::Error),
    /// It ends in the middle.
    End,
    /// Something else stands where the form of JSON wants another thing.
    Form(&'static str),
}

impl ScanError {
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Io(error) => format!("the file cannot be read on: {error}"),
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

    /// Bytes that were read so far.
    pub(crate) const fn byte(&self) -> u64 {
        self.byte
    }

    /// What is read already, or the next bytes; none at the end.
    pub(crate) fn fill(&mut self) -> Result<&[u8], ScanError> {
        // Whether there are bytes is asked apart from giving them, or the borrow would last through the loop.
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

    /// Takes `count` of the bytes that [`Scanner::fill`] gave.
    pub(crate) fn skip(&mut self, count: usize) {
        self.input.consume(count);
        self.byte += count as u64;
    }

    /// The next byte that is no blank, left where it is.
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

    /// Takes `wanted`, after blanks.
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

    /// Copies the next whole value into `value`; tells whether it fits, and takes it to its end if it does not.
    pub(crate) fn value(&mut self, value: &mut Vec<u8>) -> Result<bool, ScanError> {
        value.clear();
        if self.next_token()?.is_none() {
            return Err(ScanError::End);
        }
        let (mut at, mut length) = (Place::default(), 0);
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

/// Where a walk through the bytes of one value stands.
#[derive(Default)]
struct Place {
    depth: u64,
    in_string: bool,
    escaped: bool,
}

impl Place {
    /// Goes on through `bytes`; gives how many of them belong to the value, and whether it ends there.
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

/// The bytes that change where a walk stands, outside of texts.
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
