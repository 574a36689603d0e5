//! The file with the key of an `SQLite` archive, and the use of the key by each command.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::cli::{Command, Role, TenantCommand};
use crate::config::{Config, ConfigError};
use app_core::key::{ArchiveKey, claim};
use domain::pseudonym::{ParseKeyError, PseudonymKey};
use ports::store::Store;

/// The reason why a command has no key to work with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    /// The archive was written with another key.
    #[error(
        "{0} is not the key that the archive was written with, and would give every person another name: set \
         PSEUDONYM_KEY to the archive's key, or put its key file back"
    )]
    Other(String),
    /// The archive to copy was written with another key.
    #[error(
        "{0} is not the key that the archive to copy from was written with, and a copy belongs to that key: set \
         PSEUDONYM_KEY to it, or copy without a key: unset PSEUDONYM_KEY, and move the key file elsewhere"
    )]
    Copied(String),
    /// The archive has a key, and the command has none.
    #[error(
        "the archive was written with a key that is missing: put its file back to {}, or set PSEUDONYM_KEY to the \
         archive's key; a new key would give every person another name", _0.display()
    )]
    Missing(PathBuf),
    /// The file is unusable.
    #[error("{}: {reason}; it holds the pseudonyms' key", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
}

/// The use of the key by a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyUse {
    /// The command reads, and needs no key.
    Nothing,
    /// The command serves: an existing key must be the archive's, and none is needed.
    IfGiven,
    /// The command reports the effect of a write, and writes nothing.
    Compare,
    /// The command writes.
    Write,
}

impl KeyUse {
    /// Returns the use by `command`; `syncs` states whether there is a bot to copy guilds with.
    pub(crate) fn of(command: &Command, syncs: bool) -> Self {
        match command {
            Command::Import(arguments) if arguments.dry_run => Self::Compare,
            Command::Serve { import, role }
                if import.is_empty() && (matches!(role, Role::Web | Role::Search) || !syncs) =>
            {
                Self::IfGiven
            }
            Command::Tenant(TenantCommand::List { .. } | TenantCommand::Show { .. })
            | Command::Migrate { .. }
            | Command::Copy { .. }
            | Command::Media(_)
            | Command::Doctor { .. }
            | Command::Coverage { .. } => Self::Nothing,
            Command::Serve { .. } | Command::Import(_) | Command::Sync(_) | Command::Tenant(_) => Self::Write,
        }
    }
}

/// Returns whether a command creates a missing archive; any other treats it as an empty one.
pub(crate) fn makes_archive(command: &Command) -> bool {
    match command {
        Command::Import(arguments) => !arguments.dry_run,
        Command::Serve { .. } | Command::Tenant(TenantCommand::Create { .. }) => true,
        _ => false,
    }
}

/// Returns the key for a command with this use, compared with the archive's check value, which is recorded if the
/// command may write. A key is created only for a new archive in a file; `database` is that file.
///
/// # Errors
/// [`KeyError`], [`ConfigError`] if an archive on a server needs a key, or the store's error.
pub(crate) async fn key_of(
    store: &dyn Store,
    uses: KeyUse,
    config: &Config,
    database: Option<&Path>,
) -> Result<Option<PseudonymKey>, Box<dyn std::error::Error>> {
    if uses == KeyUse::Nothing {
        return Ok(None);
    }
    let path = database.map(beside);
    let (given, source) = match (&config.pseudonym_key, &path) {
        (Some(key), _) => (Some(key.clone()), "PSEUDONYM_KEY".to_owned()),
        (None, Some(path)) => (read(path)?, format!("the key in {}", path.display())),
        (None, None) => (None, String::new()),
    };
    let archive = ArchiveKey::of(store).await?;
    let key = match (given, path) {
        (Some(key), _) if archive.accepts(key.check()) => key,
        (Some(_), _) => return Err(KeyError::Other(source).into()),
        (None, Some(_)) if archive.is_new() && uses == KeyUse::Compare => new_key()?.0,
        (None, Some(path)) if archive.is_new() => create(&path)?,
        (None, _) if uses == KeyUse::IfGiven => return Ok(None),
        (None, Some(path)) => return Err(KeyError::Missing(path).into()),
        (None, None) => return Err(needed().into()),
    };
    if uses != KeyUse::Compare && !claim(store, &key).await? {
        return Err(KeyError::Other(source).into());
    }
    Ok(Some(key))
}

/// Compares the key of a copy with the check value of the archive to copy from: `PSEUDONYM_KEY`, or else the key files
/// beside the `databases` that are files. A copy without a key is allowed: the check value is copied.
///
/// # Errors
/// [`KeyError`], or the store's error.
pub(crate) async fn check_copy(
    from: &dyn Store,
    config: &Config,
    databases: [Option<&Path>; 2],
) -> Result<(), Box<dyn std::error::Error>> {
    let mut given = Vec::new();
    if let Some(key) = &config.pseudonym_key {
        given.push((key.clone(), "PSEUDONYM_KEY".to_owned()));
    } else {
        for path in databases.into_iter().flatten().map(beside) {
            given.extend(read(&path)?.map(|key| (key, format!("the key in {}", path.display()))));
        }
    }
    if given.is_empty() {
        return Ok(());
    }
    let archive = ArchiveKey::of(from).await?;
    match given.into_iter().find(|(key, _)| !archive.accepts(key.check())) {
        Some((_, source)) => Err(KeyError::Copied(source).into()),
        None => Ok(()),
    }
}

/// Returns the error of a missing key: none is created for an archive on a server.
pub(crate) fn needed() -> ConfigError {
    let reason = "is needed to write to an archive on a server, and must stay the same for good: 64 hexadecimal digits, \
                  such as `openssl rand -hex 32` prints";
    ConfigError { variable: "PSEUDONYM_KEY", reason: reason.to_owned() }
}

/// Returns the file with the key if no setting has it: the database's name with the suffix `.key`.
pub(crate) fn beside(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".key");
    PathBuf::from(name)
}

/// Reads the key in a file; `None` if the file does not exist.
pub(crate) fn read(path: &Path) -> Result<Option<PseudonymKey>, KeyError> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text.map_err(|error| wrong(path, &error))?,
    };
    text.trim().parse().map(Some).map_err(|error: ParseKeyError| wrong(path, &error))
}

/// Creates the file with a new key. Of two processes that do so at once, the first wins and both use its key: the file
/// is written under a temporary name that is unique to the process, and appears complete under its own name.
fn create(path: &Path) -> Result<PseudonymKey, KeyError> {
    let failed = |error: io::Error| wrong(path, &error);
    let (key, text) = new_key().map_err(failed)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".verta-key-")
        .permissions(Permissions::from_mode(0o600))
        .tempfile_in(folder)
        .map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    match file.persist_noclobber(path) {
        Ok(_) => {
            // Without it a power failure can lose the name, and leave an archive that was written with the key.
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
            Ok(key)
        }
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            read(path)?.ok_or_else(|| wrong(path, &"it was removed meanwhile"))
        }
        Err(error) => Err(failed(error.error)),
    }
}

fn new_key() -> io::Result<(PseudonymKey, String)> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    let text = bytes.map(|byte| format!("{byte:02x}")).concat();
    Ok((PseudonymKey::new(bytes), text))
}

fn wrong(path: &Path, reason: &dyn std::fmt::Display) -> KeyError {
    KeyError::File { path: path.to_owned(), reason: reason.to_string() }
}
