//! Files beside an export: copies of attachments, which the exporter stores in a folder next to the file.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use ports::media::FetchError;
use ports::source::ExportFile;

use crate::archive::{Archive, Archives};
use crate::find::is_copy;

/// The number of bytes that are read at once.
const PIECE: usize = 64 * 1024;
/// The most names of a folder that are kept in memory, about 100 bytes each. A larger folder is searched once for each
/// file whose name is written in another case.
const MAX_NAMES: usize = 500_000;

const UNREADABLE: FetchError = FetchError::Failed("the file beside the export cannot be read");

/// Names as they are on disk and in ZIP files, found ignoring case: those of the latest folder and of the latest ZIP
/// file.
#[derive(Default)]
pub(crate) struct Names {
    folder: Mutex<Option<(PathBuf, Arc<FolderNames>)>>,
    zip: Mutex<Option<(PathBuf, Arc<ZipNames>)>>,
}

/// The names in a folder by the hash of their folded form, ascending; none if there are more than [`MAX_NAMES`].
type FolderNames = Option<Vec<(u64, Box<OsStr>)>>;
/// The indexes of a ZIP file's entries by the hash of their folded path, ascending.
type ZipNames = Vec<(u64, usize)>;

/// Returns the hash of a name without its case.
fn folded(name: &str) -> u64 {
    let mut hash = DefaultHasher::new();
    name.to_lowercase().hash(&mut hash);
    hash.finish()
}

fn is_same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// Returns the parts of a path into a folder of copies; `None` for any other, such as an absolute one or one that leads
/// up.
fn parts(path: &str) -> Option<Vec<String>> {
    let path = path.replace('\\', "/");
    let drive = path.split('/').next().is_some_and(|first| first.contains(':'));
    if path.starts_with('/') || drive || path.contains('\0') || path.len() > 4096 {
        return None;
    }
    let parts: Vec<String> = path.split('/').filter(|part| !matches!(*part, "" | ".")).map(str::to_owned).collect();
    let (name, folders) = parts.split_last()?;
    let of_copies = folders.iter().any(|folder| folder.to_lowercase().ends_with("_files"));
    // If the operator chose the folder's name, copies are recognised by the names that the exporter gives them.
    let copied = of_copies || !folders.is_empty() && is_copy(name);
    (copied && parts.iter().all(|part| part != "..")).then_some(parts)
}

/// Returns the possible meanings of a path: itself, or, if it is percent-encoded, the decoded one.
fn meanings(path: &str) -> Vec<Vec<String>> {
    let decoded = percent_decode_str(path).decode_utf8().ok().filter(|decoded| *decoded != path);
    // A path that leads out in one of its meanings is not from the exporter.
    let own = parts(path);
    match decoded.map(|decoded| parts(&decoded)) {
        None => own.into_iter().collect(),
        Some(decoded) => own.into_iter().filter(|_| decoded.is_some()).chain(decoded.clone()).collect(),
    }
}

/// Reads the file that `path` names beside `file`, at most `most` bytes of it; passes its pieces to `send`, which
/// returns whether to continue.
pub(crate) fn read(
    file: &ExportFile,
    path: &str,
    most: u64,
    (archives, names): (&Archives, &Names),
    opened: impl FnOnce(),
    send: &dyn Fn(Bytes) -> bool,
) -> Result<(), FetchError> {
    let meanings = meanings(path);
    if let Some(entry) = &file.entry {
        let mut archive = archives.get(&file.path).map_err(|_| UNREADABLE)?;
        let entry = entry.replace('\\', "/");
        let folder = entry.rsplit_once('/').map_or("", |(folder, _)| folder);
        let found = meanings.iter().find_map(|parts| names.entry(&file.path, &archive, folder, parts));
        let inside = archive.zip.by_index(found.ok_or(FetchError::Gone)?).map_err(|_| UNREADABLE)?;
        if !inside.is_file() || inside.is_symlink() {
            return Err(FetchError::Gone);
        }
        return copy(inside.size(), most, inside, opened, send);
    }
    let folder = file.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    for parts in &meanings {
        if let Some(found) = names.locate(folder, parts).map_err(|_| UNREADABLE)? {
            let input = File::open(found).map_err(|_| UNREADABLE)?;
            let size = input.metadata().map_err(|_| UNREADABLE)?.len();
            return copy(size, most, input, opened, send);
        }
    }
    Err(FetchError::Gone)
}

/// Passes on the bytes of `input`, whose declared size is `size`.
fn copy(
    size: u64,
    most: u64,
    mut input: impl Read,
    opened: impl FnOnce(),
    send: &dyn Fn(Bytes) -> bool,
) -> Result<(), FetchError> {
    if size > most {
        return Err(FetchError::TooLarge);
    }
    opened();
    let mut left = most;
    loop {
        let mut piece = Vec::with_capacity(PIECE);
        input.by_ref().take(PIECE as u64).read_to_end(&mut piece).map_err(|_| UNREADABLE)?;
        // Compressed data may be larger than declared.
        left = left.checked_sub(piece.len() as u64).ok_or(FetchError::TooLarge)?;
        if piece.is_empty() || !send(piece.into()) {
            return Ok(());
        }
    }
}

impl Names {
    /// Drops all names: files may be added between two imports.
    pub(crate) fn forget(&self) {
        self.folder.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.zip.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Returns the file below `folder` with these parts, ignoring case if the exact name does not exist; `None` if it
    /// is not a regular file, or if a link leads out of the folder of copies.
    fn locate(&self, folder: &Path, parts: &[String]) -> io::Result<Option<PathBuf>> {
        let folder = fs::canonicalize(folder)?;
        let (mut at, mut copies) = (folder, None);
        for part in parts {
            let exact = at.join(part);
            at = match fs::symlink_metadata(&exact) {
                Ok(_) => exact,
                Err(error) if absent(&error) => match self.in_folder(&at, part)? {
                    Some(name) => at.join(&*name),
                    None => return Ok(None),
                },
                Err(error) => return Err(error),
            };
            copies.get_or_insert_with(|| at.clone());
        }
        let real = match fs::canonicalize(&at) {
            Ok(real) => real,
            // A broken link, or one in a circle.
            Err(error) if absent(&error) || fs::symlink_metadata(&at)?.is_symlink() => return Ok(None),
            Err(error) => return Err(error),
        };
        let inside = copies.is_some_and(|copies| real.starts_with(copies));
        // A file that is not regular must not even be opened: that may wait for ever.
        Ok((inside && fs::metadata(&real)?.is_file()).then_some(real))
    }

    /// Returns the name in `folder` that equals `part` except for its case; the first of several.
    fn in_folder(&self, folder: &Path, part: &str) -> io::Result<Option<Box<OsStr>>> {
        let same = |name: &OsStr| is_same(&name.to_string_lossy(), part);
        let Some(names) = &*self.names_of(folder)? else {
            let mut listed = entries(folder)?;
            return listed.find_map(|name| name.map(|name| same(&name).then_some(name)).transpose()).transpose();
        };
        let hash = folded(part);
        let first = names.partition_point(|(other, _)| *other < hash);
        let alike = names[first..].iter().take_while(|(other, _)| *other == hash);
        Ok(alike.map(|(_, name)| name).find(|name| same(name)).cloned())
    }

    fn names_of(&self, folder: &Path) -> io::Result<Arc<FolderNames>> {
        let mut last = self.folder.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, names)) = &*last
            && of == folder
        {
            return Ok(Arc::clone(names));
        }
        let mut names = Some(Vec::new());
        match entries(folder) {
            Ok(found) => {
                for entry in found {
                    let entry = entry?;
                    let Some(kept) = names.as_mut().filter(|kept| kept.len() < MAX_NAMES) else {
                        names = None;
                        break;
                    };
                    kept.push((folded(&entry.to_string_lossy()), entry));
                }
            }
            Err(error) if absent(&error) => {}
            Err(error) => return Err(error),
        }
        if let Some(names) = &mut names {
            names.sort_unstable();
        }
        let names = Arc::new(names);
        *last = Some((folder.to_owned(), Arc::clone(&names)));
        Ok(names)
    }

    /// Returns the index of the entry below `folder` of a ZIP file with these parts: the one with exactly this path, or
    /// else the first that differs in case alone.
    fn entry(&self, path: &Path, archive: &Archive, folder: &str, parts: &[String]) -> Option<usize> {
        let name_of = |place: usize| Some(normal(&archive.zip.name_for_index(place)?.ok()?));
        let names = {
            let mut last = self.zip.lock().unwrap_or_else(PoisonError::into_inner);
            match &*last {
                Some((of, names)) if of == path => Arc::clone(names),
                _ => {
                    let places = (0..archive.zip.len()).filter_map(|place| Some((folded(&name_of(place)?), place)));
                    let mut sorted: Vec<(u64, usize)> = places.collect();
                    sorted.sort_unstable();
                    let sorted = Arc::new(sorted);
                    *last = Some((path.to_owned(), Arc::clone(&sorted)));
                    sorted
                }
            }
        };
        let wanted = normal(&format!("{folder}/{}", parts.join("/")));
        let hash = folded(&wanted);
        let first = names.partition_point(|(other, _)| *other < hash);
        let alike = names[first..].iter().take_while(|(other, _)| *other == hash).map(|(_, place)| *place);
        let alike: Vec<(usize, String)> = alike.filter_map(|place| Some((place, name_of(place)?))).collect();
        let exact = alike.iter().find(|(_, name)| *name == wanted);
        exact.or_else(|| alike.iter().find(|(_, name)| is_same(name, &wanted))).map(|(place, _)| *place)
    }
}

/// Returns a path inside a ZIP file, with `/` and without empty parts.
fn normal(path: &str) -> String {
    path.split(['/', '\\']).filter(|part| !matches!(*part, "" | ".")).collect::<Vec<_>>().join("/")
}

fn entries(folder: &Path) -> io::Result<impl Iterator<Item = io::Result<Box<OsStr>>>> {
    Ok(fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().into_boxed_os_str())))
}

/// Returns whether an error means that a path does not exist.
fn absent(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidFilename, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory | InvalidFilename)
}

#[cfg(test)]
mod tests;
