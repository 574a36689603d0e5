//! The directory has one writer.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ports::search::SearchError;

use crate::error::io_error;

/// The name of the locked file.
pub(crate) const LOCK: &str = "lock";

/// Creates a directory that only its owner can read, with those above it.
pub(crate) fn create_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// What this process may do in the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// It writes.
    Writer {
        /// Whether it did not before, so that another process may have changed the files since.
        is_new: bool,
    },
    /// Another process writes.
    Reader,
}

/// The lock of the writer.
#[derive(Debug)]
pub(crate) struct DirectoryLock {
    path: PathBuf,
    held: Mutex<Option<File>>,
}

impl DirectoryLock {
    pub(crate) fn new(root: &Path) -> Self {
        Self { path: root.join(LOCK), held: Mutex::new(None) }
    }

    fn held(&self) -> MutexGuard<'_, Option<File>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether the file is still the one at the path: a directory can be removed.
    fn is_current(&self, file: &File) -> bool {
        match (file.metadata(), fs::metadata(&self.path)) {
            (Ok(held), Ok(found)) => (held.dev(), held.ino()) == (found.dev(), found.ino()),
            _ => false,
        }
    }

    /// Takes the lock if no process has it. A removed directory is created again, with a new lock.
    pub(crate) fn acquire(&self) -> Result<Access, SearchError> {
        let mut held = self.held();
        if held.as_ref().is_some_and(|file| self.is_current(file)) {
            return Ok(Access::Writer { is_new: false });
        }
        *held = None;
        let create = || {
            create_dir(self.path.parent().unwrap_or(Path::new(".")))?;
            OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&self.path)
        };
        let file = create().map_err(io_error)?;
        match file.try_lock() {
            Ok(()) => *held = Some(file),
            Err(TryLockError::WouldBlock) => return Ok(Access::Reader),
            Err(TryLockError::Error(error)) => return Err(io_error(error)),
        }
        Ok(Access::Writer { is_new: true })
    }

    /// Returns whether this process has the lock.
    pub(crate) fn is_held(&self) -> bool {
        self.held().is_some()
    }
}
