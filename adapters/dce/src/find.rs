//! Finds files that may be exports.

use std::io::{self, BufRead};
use std::path::{Path, PathBuf};

use ports::source::{ExportFile, ExportPart, Found, SourceError};
use walkdir::WalkDir;
use zip::result::ZipError;

use crate::archive::Archives;
use crate::document::open;

pub(crate) fn find(paths: &[PathBuf], archives: &Archives) -> Found {
    let mut found = Found::default();
    for path in paths {
        match std::fs::metadata(path) {
            Ok(kind) if kind.is_dir() => walk(path, archives, &mut found),
            Ok(_) => file(path, archives, &mut found),
            Err(error) => fail(&mut found, path, error.into()),
        }
    }
    found.files.sort_by_cached_key(order);
    found.files.dedup();
    found
}

/// Returns the sort key of a file: by folder and name, with the parts of one export in the order of their numbers.
fn order(file: &ExportFile) -> (PathBuf, String, u32) {
    let ExportPart { of, number } = part(file);
    (file.path.parent().map(Path::to_owned).unwrap_or_default(), of, number)
}

/// Returns the part of an export that a file is, according to its name: `name.json`, `name [part 2].json`, `name [part
/// 3].json`; and `name-part-2.json`, as tools that avoid brackets rename it.
pub(crate) fn part(file: &ExportFile) -> ExportPart {
    let path = file.path.to_string_lossy();
    let name = file.entry.as_ref().map_or_else(|| path.to_string(), |entry| format!("{path}!/{entry}"));
    let name = [".gz", ".json"].iter().fold(name.as_str(), |name, ending| {
        let kept = name.len().saturating_sub(ending.len());
        if name.is_char_boundary(kept) && name[kept..].eq_ignore_ascii_case(ending) { &name[..kept] } else { name }
    });
    let of_exporter = name.strip_suffix(']').and_then(|name| name.rsplit_once(" [part "));
    let numbered = of_exporter.or_else(|| name.rsplit_once("-part-"));
    let numbered = numbered.and_then(|(of, number)| Some((of, number.parse().ok()?)));
    let (of, number) = numbered.unwrap_or((name, 1));
    ExportPart { of: of.to_owned(), number }
}

fn walk(folder: &Path, archives: &Archives, found: &mut Found) {
    let media = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().to_string_lossy();
        entry.file_type().is_dir() && name.ends_with("_Files") && entry.depth() > 0
    };
    for entry in
        WalkDir::new(folder).follow_links(true).sort_by_file_name().into_iter().filter_entry(|entry| !media(entry))
    {
        match entry {
            Ok(entry) if entry.file_type().is_dir() => {}
            Ok(entry) if is_export(&entry.file_name().to_string_lossy()) => file(entry.path(), archives, found),
            Ok(_) => {}
            Err(error) => {
                let path = error.path().unwrap_or(folder).to_owned();
                let reason = if error.loop_ancestor().is_some() {
                    SourceError::NotRegular("a link leads in a circle")
                } else {
                    error.into_io_error().unwrap_or_else(|| io::ErrorKind::Other.into()).into()
                };
                fail(found, &path, reason);
            }
        }
    }
}

/// Returns whether a file of a tree may be an export by its name: macOS metadata in `._name` is not.
fn is_export(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [".json", ".json.gz", ".zip"].iter().any(|ending| name.ends_with(ending)) && !name.starts_with("._")
}

/// Returns whether a name may be one that the exporter gives to copies of attachments: with 5 or 16 hexadecimal digits
/// before a dot or the end.
pub(crate) fn is_copy(name: &str) -> bool {
    name.split('.').any(|piece| {
        let hash = piece.rsplit_once('-').map_or("", |(_, hash)| hash);
        [5, 16].contains(&hash.len()) && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// The error for a FIFO, a socket or a device.
const NO_FILE: &str = "it is not a regular file: name files, ZIP files, or folders of them";

/// Returns whether a file begins as every export does.
fn begins_as_export(file: &ExportFile, archives: &Archives) -> bool {
    let begins = |input: &mut dyn BufRead, _: &dyn Fn() -> u64| {
        let text = input.fill_buf()?;
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).trim_ascii_start();
        Ok(text.strip_prefix(b"{").is_some_and(|text| text.trim_ascii_start().starts_with(b"\"guild\"")))
    };
    open(file, archives, begins).unwrap_or(false)
}

fn file(path: &Path, archives: &Archives, found: &mut Found) {
    match std::fs::metadata(path) {
        // A FIFO must not even be opened: that waits for a writer.
        Ok(kind) if !kind.is_file() => fail(found, path, SourceError::NotRegular(NO_FILE)),
        Ok(_) if path.to_string_lossy().to_ascii_lowercase().ends_with(".zip") => {
            if let Err(error) = entries(path, archives, found) {
                fail(found, path, error);
            }
        }
        Ok(kind) => {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let file = ExportFile { path: path.to_owned(), entry: None, stored_bytes: kind.len() };
            take(file, is_copy(&name), archives, found);
        }
        Err(error) => fail(found, path, error.into()),
    }
}

fn entries(path: &Path, archives: &Archives, found: &mut Found) -> Result<(), SourceError> {
    let broken = |error: ZipError| match error {
        ZipError::Io(error) => error.into(),
        other => SourceError::Format {
            reason: format!("it is not a ZIP file, or only a part of one: copy it again ({other})"),
            byte: 0,
        },
    };
    let mut zip = archives.open(path).map_err(broken)?.zip;
    let copied = is_copy(&path.file_name().unwrap_or_default().to_string_lossy());
    for index in 0..zip.len() {
        let entry = zip.by_index_raw(index).map_err(broken)?;
        let name = entry.name().map_err(broken)?.into_owned();
        let (folder, last) = name.rsplit_once(['/', '\\']).unwrap_or(("", &name));
        let export = is_export(last) && !last.to_ascii_lowercase().ends_with(".zip") && entry.is_file();
        let aside = |folder: &str| folder.ends_with("_Files") || folder == "__MACOSX";
        if export && !folder.split(['/', '\\']).any(aside) {
            let copied = copied || is_copy(last);
            let stored_bytes = entry.compressed_size();
            take(ExportFile { path: path.to_owned(), entry: Some(name), stored_bytes }, copied, archives, found);
        }
    }
    Ok(())
}

/// Adds a file that may be an export. A file with the name of a copy of an attachment is added only if it is one.
fn take(file: ExportFile, copy: bool, archives: &Archives, found: &mut Found) {
    if !copy || begins_as_export(&file, archives) {
        found.files.push(file);
    }
}

fn fail(found: &mut Found, path: &Path, error: SourceError) {
    found.failed.push((ExportFile { path: path.to_owned(), entry: None, stored_bytes: 0 }, error));
}

#[cfg(test)]
mod tests;
