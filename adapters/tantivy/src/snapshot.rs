//! The files of an index as one stream of bytes.
//!
//! First is a line of JSON, which names the files and their sizes; then come their bytes, and at last the SHA-256 of
//! everything before.

use std::fs::{File, OpenOptions};
use std::io::{self, Cursor, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::poll_fn;
use ports::search::SearchError;
use ports::snapshot::SnapshotBytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use crate::error::io_error;

/// The version of the form.
const FORM: u32 = 1;
/// The number of bytes of one piece.
const PIECE: usize = 256 << 10;
/// The number of pieces that wait to be taken.
const WAITING: usize = 4;
/// The longest first line, in bytes.
const MAX_LINE: usize = 1 << 20;
/// The file in which the library lists its files, so that it removes them when they are no longer needed.
const MANAGED: &str = ".managed.json";

#[derive(Debug, Serialize, Deserialize)]
struct Head {
    form: u32,
    files: Vec<(String, u64)>,
}

/// A file of a snapshot.
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) bytes: Box<dyn Read + Send>,
}

impl Part {
    /// Opens a file: its bytes can be read even if it is removed then.
    pub(crate) fn open(folder: &Path, name: &str) -> io::Result<Self> {
        let file = File::open(folder.join(name))?;
        Ok(Self { name: name.to_owned(), size: file.metadata()?.len(), bytes: Box::new(file) })
    }

    /// Returns a file with this content.
    pub(crate) fn of(name: &str, content: Vec<u8>) -> Self {
        Self { name: name.to_owned(), size: content.len() as u64, bytes: Box::new(Cursor::new(content)) }
    }
}

/// Writes a snapshot, by the call of `send` for each piece; ends early if that returns false.
fn pack(parts: Vec<Part>, mut send: impl FnMut(Bytes) -> bool) -> io::Result<()> {
    let files = parts.iter().map(|part| (part.name.clone(), part.size)).collect();
    let mut line = serde_json::to_vec(&Head { form: FORM, files })?;
    line.push(b'\n');
    let mut hash = Sha256::new_with_prefix(&line);
    if !send(line.into()) {
        return Ok(());
    }
    for mut part in parts {
        let mut left = part.size;
        while left > 0 {
            let mut piece = Vec::with_capacity(PIECE);
            let read = part.bytes.by_ref().take(left.min(PIECE as u64)).read_to_end(&mut piece)?;
            if read == 0 {
                return Err(io::Error::new(ErrorKind::UnexpectedEof, "a file of the index became shorter"));
            }
            left -= read as u64;
            hash.update(&piece);
            if !send(piece.into()) {
                return Ok(());
            }
        }
    }
    send(Bytes::copy_from_slice(&hash.finalize()));
    Ok(())
}

/// Returns the stream of a snapshot, which a thread reads while it is taken.
pub(crate) fn stream(parts: Vec<Part>) -> SnapshotBytes {
    let (sender, mut pieces) = mpsc::channel(WAITING);
    tokio::task::spawn_blocking(move || {
        // The receiver is dropped if the rest is not wanted.
        if let Err(error) = pack(parts, |piece| sender.blocking_send(Ok(piece)).is_ok()) {
            sender.blocking_send(Err(error)).ok();
        }
    });
    poll_fn(move |context| pieces.poll_recv(context)).boxed()
}

/// The bytes of a stream, which a thread reads as they arrive.
pub(crate) struct Arriving {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    piece: Bytes,
}

impl Arriving {
    /// Returns the bytes, and the future that passes on those of the stream.
    pub(crate) fn new(mut bytes: SnapshotBytes) -> (Self, impl Future<Output = ()>) {
        let (sender, pieces) = mpsc::channel(WAITING);
        let passing = async move {
            while let Some(piece) = bytes.next().await {
                // The receiver is dropped after an error.
                if sender.send(piece).await.is_err() {
                    break;
                }
            }
        };
        (Self { pieces, piece: Bytes::new() }, passing)
    }
}

impl Read for Arriving {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.piece = piece?,
                None => return Ok(0),
            }
        }
        let length = to.len().min(self.piece.len());
        to[..length].copy_from_slice(&self.piece.split_to(length));
        Ok(length)
    }
}

/// Reads bytes and hashes them.
struct Hashed<R> {
    from: R,
    hash: Sha256,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let length = self.from.read(to)?;
        self.hash.update(&to[..length]);
        Ok(length)
    }
}

/// Returns whether a name is one that the library gives to its files: nothing else is written.
fn is_plain(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    !name.is_empty() && name.len() <= 128 && !name.starts_with('.') && name.bytes().all(is_plain)
}

fn damaged(what: &str) -> SearchError {
    SearchError::Damaged(what.to_owned().into())
}

/// Returns the first line of a snapshot, byte by byte.
fn line(from: &mut impl Read) -> Result<Vec<u8>, SearchError> {
    let mut line = Vec::new();
    let mut byte = [0];
    while line.len() < MAX_LINE && from.read(&mut byte).map_err(io_error)? == 1 {
        if byte == *b"\n" {
            return Ok(line);
        }
        line.extend(byte);
    }
    Err(damaged("the snapshot has no list of files"))
}

/// Writes the files of a snapshot to a folder.
pub(crate) fn unpack(from: impl Read, folder: &Path) -> Result<(), SearchError> {
    let mut from = Hashed { from, hash: Sha256::new() };
    let head: Head = serde_json::from_slice(&line(&mut from)?)
        .map_err(|_| damaged("the list of files of the snapshot is invalid"))?;
    if head.form != FORM {
        return Err(SearchError::Missing);
    }
    let create = |name: &str| OpenOptions::new().write(true).create_new(true).mode(0o600).open(folder.join(name));
    for (name, size) in &head.files {
        if !is_plain(name) {
            return Err(damaged("the snapshot has a file with another name"));
        }
        let mut file = create(name).map_err(io_error)?;
        let written = io::copy(&mut from.by_ref().take(*size), &mut file).map_err(io_error)?;
        if written != *size {
            return Err(damaged("the snapshot is not whole"));
        }
    }
    let expected = from.hash.clone().finalize();
    let mut found = Vec::new();
    // One byte more than it has, so that a longer snapshot is found without being read.
    from.from.take(expected.len() as u64 + 1).read_to_end(&mut found).map_err(io_error)?;
    if found != expected.as_slice() {
        return Err(damaged("the snapshot has another checksum"));
    }
    let names: Vec<&str> = head.files.iter().map(|(name, _)| name.as_str()).collect();
    let managed = serde_json::to_vec(&names).expect("texts are JSON");
    create(MANAGED).and_then(|mut file| file.write_all(&managed)).map_err(io_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(parts: Vec<Part>) -> Vec<u8> {
        let mut packed = Vec::new();
        let send = |piece: Bytes| {
            packed.extend_from_slice(&piece);
            true
        };
        pack(parts, send).unwrap();
        packed
    }

    fn example() -> Vec<u8> {
        packed(vec![
            Part::of("a.term", vec![7; PIECE + 3]),
            Part::of("b.del", vec![]),
            Part::of("meta.json", b"{}".to_vec()),
        ])
    }

    #[test]
    fn the_files_come_back() {
        let folder = tempfile::tempdir().unwrap();
        unpack(&example()[..], folder.path()).unwrap();
        let read = |name| std::fs::read(folder.path().join(name)).unwrap();
        assert_eq!((read("a.term"), read("b.del"), read("meta.json")), (vec![7; PIECE + 3], vec![], b"{}".to_vec()));
        assert_eq!(read(MANAGED), br#"["a.term","b.del","meta.json"]"#);
    }

    #[test]
    fn a_snapshot_that_is_not_whole_is_damaged() {
        let whole = example();
        let mut changed = whole.clone();
        changed[100] ^= 1;
        let longer = [&whole[..], b"x"].concat();
        for bytes in [&whole[..whole.len() - 1], &whole[..50], &whole[..5], &[], &changed, &longer] {
            let folder = tempfile::tempdir().unwrap();
            let error = unpack(bytes, folder.path()).unwrap_err();
            assert!(matches!(error, SearchError::Damaged(_)), "{error}");
        }
    }

    #[test]
    fn no_name_leaves_the_folder() {
        for name in ["../a", "/a", ".hidden", "", "a/b", "a\0"] {
            let folder = tempfile::tempdir().unwrap();
            let error = unpack(&packed(vec![Part::of(name, vec![])])[..], folder.path()).unwrap_err();
            assert!(matches!(error, SearchError::Damaged(_)), "{name}: {error}");
        }
    }
}
