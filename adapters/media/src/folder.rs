//! The folder on disk: its permissions, its durability, and the leftovers of killed processes.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use uuid::Uuid;

/// The mode of a folder: for the owner alone.
const FOLDER_MODE: u32 = 0o700;
/// The mode of a file: for the owner alone.
const FILE_MODE: u32 = 0o600;
/// The folder in which files are written before they are moved to their place.
pub(crate) const INCOMING: &str = "incoming";
/// The age from which an unmodified file in `incoming` is a leftover, where the file system has no locks.
const STALE: Duration = Duration::from_hours(1);

/// Creates `path` and the folders above it, each readable by the owner alone and each durable after a power failure.
pub(crate) fn make(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let above = path.parent().filter(|above| !above.as_os_str().is_empty());
    if let Some(above) = above {
        make(above)?;
    }
    match DirBuilder::new().mode(FOLDER_MODE).create(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync(above.unwrap_or(Path::new("."))),
    }
}

/// Writes the names in a folder to disk.
pub(crate) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// A file that is not in its place yet. It is locked while its process lives, and removed unless it is placed.
#[derive(Debug)]
pub(crate) struct Incoming {
    path: PathBuf,
    pub(crate) file: File,
    placed: bool,
}

impl Incoming {
    /// Creates a file of a new name in `folder`.
    #[expect(clippy::disallowed_methods, reason = "a temporary name, which no other process may choose")]
    pub(crate) fn new(folder: &Path) -> io::Result<Self> {
        loop {
            make(folder)?;
            let path = folder.join(Uuid::new_v4().to_string());
            let made = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&path);
            let file = match made {
                // The tenant was deleted between the two calls.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                made => made?,
            };
            let incoming = Self { path, file, placed: false };
            // Where the file system has no locks, its age shows that it is not a leftover.
            incoming.file.lock().ok();
            // Another process may have removed it as a leftover between its creation and the lock.
            if incoming.file.metadata()?.nlink() > 0 {
                return Ok(incoming);
            }
        }
    }

    /// Moves the file to `path`, replacing an existing one; both its bytes and its name survive a power failure.
    pub(crate) fn place(mut self, path: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        let folder = path.parent().ok_or(ErrorKind::InvalidInput)?;
        make(folder)?;
        fs::rename(&self.path, path)?;
        self.placed = true;
        sync(folder)
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.placed {
            fs::remove_file(&self.path).ok();
        }
    }
}

/// Makes `root` and the folders of tenants in it readable by the owner alone, and removes the leftovers of killed
/// processes from `incoming`. Returns how many it removed. A missing folder is not an error.
pub(crate) fn tidy(root: &Path) -> io::Result<u64> {
    let mode = match fs::metadata(root) {
        Ok(kind) => kind.mode() & 0o777,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut removed = 0;
    for tenant in fs::read_dir(root)? {
        let tenant = tenant?;
        let kind = tenant.metadata()?;
        // Other entries do not belong to the store and are not changed.
        let name = tenant.file_name().to_string_lossy().into_owned();
        if !kind.is_dir() || Uuid::try_parse(name.split('.').next().unwrap_or_default()).is_err() {
            continue;
        }
        let path = tenant.path();
        removed += sweep(&path.join(INCOMING))?;
        // The mode of a tenant's folder is set last, so that an interrupted walk is repeated.
        if mode != FOLDER_MODE || kind.mode() & 0o777 != FOLDER_MODE {
            close(&path)?;
        }
    }
    if mode != FOLDER_MODE {
        fs::set_permissions(root, Permissions::from_mode(FOLDER_MODE))?;
    }
    Ok(removed)
}

/// Closes a folder and all that it contains to other users. Links are not followed.
fn close(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            close(&entry.path())?;
        } else if kind.is_file() {
            set_mode(&entry.path(), FILE_MODE)?;
        }
    }
    set_mode(folder, FOLDER_MODE)
}

/// Sets the mode of a path; a file that was removed meanwhile is not an error.
fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    match fs::set_permissions(path, Permissions::from_mode(mode)) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

/// Removes the files of `incoming` whose process has ended.
fn sweep(incoming: &Path) -> io::Result<u64> {
    let entries = match fs::read_dir(incoming) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut removed = 0;
    for entry in entries {
        let entry = entry?;
        if !entry.file_type()?.is_file() {
            continue;
        }
        let path = entry.path();
        // Read access is enough for a lock; opening for writing would fail where the mode does not allow it.
        let Ok(file) = File::open(&path) else { continue };
        let left = match file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => false,
            Err(TryLockError::Error(_)) => {
                let written = file.metadata()?.modified()?;
                #[expect(clippy::disallowed_methods, reason = "times of files are times of the system's clock")]
                SystemTime::now().duration_since(written).is_ok_and(|age| age > STALE)
            }
        };
        if left {
            // The lock is kept until the file is removed, so that its owner, if it has only just begun, notices the
            // removal.
            fs::remove_file(&path)?;
            removed += 1;
        }
    }
    Ok(removed)
}
