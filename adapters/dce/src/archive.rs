//! ZIP files, opened once for all of their entries: the directory of ten thousand threads is not read ten thousand
//! times.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};

use zip::ZipArchive;
use zip::result::ZipResult;

/// A file with several concurrent readers, each at a position of its own; counts the bytes that they have read
/// together.
#[derive(Clone)]
pub(crate) struct Shared {
    file: Arc<File>,
    at: u64,
    read: Arc<AtomicU64>,
}

impl Shared {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { file: Arc::new(File::open(path)?), at: 0, read: Arc::default() })
    }

    /// Returns the number of bytes that were read so far.
    pub(crate) fn count(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.read)
    }
}

impl Read for Shared {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.at)?;
        self.at += count as u64;
        self.read.fetch_add(count as u64, Relaxed);
        Ok(count)
    }
}

impl Seek for Shared {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.file.metadata()?.len().checked_add_signed(by),
        };
        self.at = to.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

/// A ZIP file with its directory.
#[derive(Clone)]
pub(crate) struct Archive {
    pub(crate) zip: ZipArchive<Shared>,
    pub(crate) read: Arc<AtomicU64>,
}

/// The ZIP file that was opened last.
#[derive(Default)]
pub(crate) struct Archives(Mutex<Option<(PathBuf, Archive)>>);

impl Archives {
    /// Opens a ZIP file, even if it is the latest one.
    pub(crate) fn open(&self, path: &Path) -> ZipResult<Archive> {
        let file = Shared::open(path)?;
        let read = file.count();
        let archive = Archive { zip: ZipArchive::new(file)?, read };
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some((path.to_owned(), archive.clone()));
        Ok(archive)
    }

    /// Returns the ZIP file, from memory if it is the latest one.
    pub(crate) fn get(&self, path: &Path) -> ZipResult<Archive> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match last {
            Some((opened, archive)) if opened == path => Ok(archive),
            _ => self.open(path),
        }
    }
}

#[cfg(test)]
mod tests;
