//! A file of frames that do not fit in memory. It has no name, so that it never outlives the process: what was received
//! and not stored is sent again by Discord.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use domain::timestamp::Timestamp;

use super::frame::Frame;

/// The size of a part that is read at once, unless one frame is larger.
const PART: u64 = 1 << 20;

/// The largest size of the file.
const LARGEST: u64 = 8 << 30;

/// The bytes in front of each frame: the time in milliseconds, the number, and the length of the text.
const HEAD: usize = 24;

/// The file, and the part of it that is written and not yet read. Reads and writes block.
#[derive(Debug, Clone)]
pub(super) struct Spill {
    file: Arc<File>,
    read: u64,
    written: u64,
}

impl Spill {
    /// Returns an empty file.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { file: Arc::new(tempfile::tempfile()?), read: 0, written: 0 })
    }

    /// Returns the number of bytes that are not yet read.
    pub(super) const fn unread(&self) -> u64 {
        self.written - self.read
    }

    /// Appends frames; returns the end of the file, for [`Spill::wrote`].
    pub(super) fn write(&self, frames: &[Frame]) -> io::Result<u64> {
        let mut bytes = Vec::with_capacity(frames.iter().map(|frame| HEAD + frame.text.len()).sum());
        for frame in frames {
            bytes.extend(frame.received_at.as_millis().to_le_bytes());
            bytes.extend(frame.sequence.to_le_bytes());
            bytes.extend((frame.text.len() as u64).to_le_bytes());
            bytes.extend(frame.text.as_bytes());
        }
        let end = self.written + bytes.len() as u64;
        if end > LARGEST {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.file.write_all_at(&bytes, self.written)?;
        Ok(end)
    }

    /// Records that the file reaches to `end`.
    pub(super) const fn wrote(&mut self, end: u64) {
        self.written = end;
    }

    /// Reads the next frames; returns them and the position after them, for [`Spill::took`].
    pub(super) fn read(&self) -> io::Result<(Vec<Frame>, u64)> {
        let mut bytes = self.bytes(self.unread().min(PART))?;
        if let Some(length) = bytes.get(16..HEAD).map(number)
            && length + HEAD as u64 > bytes.len() as u64
        {
            bytes = self.bytes((length + HEAD as u64).min(self.unread()))?;
        }
        let (mut frames, mut at) = (Vec::new(), 0);
        while let Some(head) = bytes.get(at..at + HEAD) {
            let length = usize::try_from(number(&head[16..])).map_err(|_| io::ErrorKind::InvalidData)?;
            let Some(text) = bytes.get(at + HEAD..at + HEAD + length) else { break };
            let millis = number(&head[..8]).cast_signed();
            let received_at = Timestamp::from_millis(millis).ok_or(io::ErrorKind::InvalidData)?;
            let text = String::from_utf8(text.to_vec()).map_err(|_| io::ErrorKind::InvalidData)?;
            frames.push(Frame { received_at, sequence: number(&head[8..16]), text });
            at += HEAD + length;
        }
        if frames.is_empty() { Err(io::ErrorKind::InvalidData.into()) } else { Ok((frames, self.read + at as u64)) }
    }

    /// Records that the file was read up to `position`.
    pub(super) const fn took(&mut self, position: u64) {
        self.read = position;
    }

    fn bytes(&self, length: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(length).map_err(|_| io::ErrorKind::InvalidData)?];
        self.file.read_exact_at(&mut bytes, self.read)?;
        Ok(bytes)
    }
}

fn number(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().expect("a number is stored in eight bytes"))
}
