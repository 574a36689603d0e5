//! Taking a JSON file apart into the values of its outermost object and the elements of its messages, one at a time,
//! with the place of each, so that nothing but one message is ever held.

use std::io::{self, BufRead};

/// The most bytes of one value; Discord's largest message is far below.
const MAX_VALUE: usize = 32 << 20;

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

    fn peek(&mut self) -> Result<Option<u8>, ScanError> {
        loop {
            match self.input.fill_buf() {
                Ok(bytes) => return Ok(bytes.first().copied()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
                Err(error) => return Err(ScanError::Io(error)),
            }
        }
    }

    fn skip(&mut self, count: usize) {
        self.input.consume(count);
        self.byte += count as u64;
    }

    /// The next byte that is no blank, left where it is.
    pub(crate) fn next_token(&mut self) -> Result<Option<u8>, ScanError> {
        while let Some(byte) = self.peek()? {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Ok(Some(byte));
            }
            self.skip(1);
        }
        Ok(None)
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
        if self.peek()? == Some(0xef) {
            self.skip(3);
        }
        Ok(())
    }

    /// Copies the next whole value into `value`; tells whether it fits, and takes it to its end if it does not.
    pub(crate) fn value(&mut self, value: &mut Vec<u8>) -> Result<bool, ScanError> {
        value.clear();
        let (mut depth, mut in_string, mut escaped, mut fits) = (0_u64, false, false, true);
        if self.next_token()?.is_none() {
            return Err(ScanError::End);
        }
        loop {
            let bytes = match self.input.fill_buf() {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(ScanError::End),
                Err(error) => return Err(ScanError::Io(error)),
            };
            if bytes.is_empty() {
                return Err(ScanError::End);
            }
            let (mut at, mut done) = (0, false);
            while at < bytes.len() && !done {
                if in_string && !escaped {
                    let Some(next) = memchr::memchr2(b'"', b'\\', &bytes[at..]) else {
                        at = bytes.len();
                        break;
                    };
                    at += next;
                }
                let byte = bytes[at];
                match byte {
                    _ if escaped => escaped = false,
                    b'\\' if in_string => escaped = true,
                    b'"' => {
                        in_string = !in_string;
                        done = !in_string && depth == 0;
                    }
                    _ if in_string => {}
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' | b',' | b':' | b' ' | b'\n' | b'\r' | b'\t' if depth == 0 => break,
                    b'}' | b']' => {
                        depth -= 1;
                        done = depth == 0;
                    }
                    _ => {}
                }
                at += 1;
            }
            let ended = done || at < bytes.len();
            if fits && value.len() + at <= MAX_VALUE {
                value.extend_from_slice(&bytes[..at]);
            } else {
                fits = false;
                *value = Vec::new();
            }
            self.skip(at);
            if ended {
                return if at == 0 && value.is_empty() && fits {
                    Err(ScanError::Form("a value is missing"))
                } else {
                    Ok(fits)
                };
            }
        }
    }
}
