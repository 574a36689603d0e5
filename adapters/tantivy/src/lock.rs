//! The directory belongs to one process.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ports::search::SearchError;

use crate::error::io_error;

/// The name of the locked file.
pub(crate) const LOCK: &str = "lock";

/// Creates a directory that only its owner can read, with those above it.
pub(crate) fn create_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// The lock of the directory, taken by the first call that needs it.
#[derive(Debug)]
pub(crate) struct DirectoryLock {
    path: PathBuf,
    held: Mutex<Option<File>>,
}

impl DirectoryLock {
    pub(crate) fn new(root: &Path) -> Self {
        Self { path: root.join(LOCK), held: Mutex::new(None) }
    }

    /// Takes the lock if this process does not have it. A removed directory is created again, with a new lock.
    ///
    /// # Errors
    /// [`SearchError::Locked`] if another process has it.
    pub(crate) fn acquire(&self) -> Result<(), SearchError> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = |file: &File| match (file.metadata(), fs::metadata(&self.path)) {
            (Ok(held), Ok(found)) => (held.dev(), held.ino()) == (found.dev(), found.ino()),
            _ => false,
        };
        if held.as_ref().is_some_and(is_same) {
            return Ok(());
        }
        let create = || {
            create_dir(self.path.parent().unwrap_or(Path::new(".")))?;
            OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&self.path)
        };
        let file = create().map_err(io_error)?;
        match file.try_lock() {
            Ok(()) => *held = Some(file),
            Err(TryLockError::WouldBlock) => return Err(SearchError::Locked),
            Err(TryLockError::Error(error)) => return Err(io_error(error)),
        }
        Ok(())
    }
}
