//! Which files may be exports.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use ports::source::{ExportFile, ExportPart, Found, SourceError};
use walkdir::WalkDir;
use zip::ZipArchive;

pub(crate) fn find(paths: &[PathBuf]) -> Found {
    let mut found = Found::default();
    for path in paths {
        match std::fs::metadata(path) {
            Ok(kind) if kind.is_dir() => walk(path, &mut found),
            Ok(_) => file(path, &mut found),
            Err(error) => fail(&mut found, path, error.into()),
        }
    }
    found.files.sort_by_cached_key(order);
    found.files.dedup();
    found
}

/// By folder and name, with the parts of one export in the order of their numbers.
fn order(file: &ExportFile) -> (PathBuf, String, u32) {
    let ExportPart { of, number } = part(file);
    (file.path.parent().map(Path::to_owned).unwrap_or_default(), of, number)
}

/// Which part of an export a file is, going by its name: `name.json`, `name [part 2].json`, `name [part 3].json`.
pub(crate) fn part(file: &ExportFile) -> ExportPart {
    let path = file.path.to_string_lossy();
    let name = file.entry.as_ref().map_or_else(|| path.to_string(), |entry| format!("{path}!/{entry}"));
    let name = [".gz", ".json"].iter().fold(name.as_str(), |name, ending| {
        let kept = name.len().saturating_sub(ending.len());
        if name.is_char_boundary(kept) && name[kept..].eq_ignore_ascii_case(ending) { &name[..kept] } else { name }
    });
    let numbered = name.strip_suffix(']').and_then(|name| name.rsplit_once(" [part "));
    let numbered = numbered.and_then(|(of, number)| Some((of, number.parse().ok()?)));
    let (of, number) = numbered.unwrap_or((name, 1));
    ExportPart { of: of.to_owned(), number }
}

fn walk(folder: &Path, found: &mut Found) {
    let media = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().to_string_lossy();
        entry.file_type().is_dir() && name.ends_with("_Files") && entry.depth() > 0
    };
    for entry in
        WalkDir::new(folder).follow_links(true).sort_by_file_name().into_iter().filter_entry(|entry| !media(entry))
    {
        match entry {
            Ok(entry) if entry.file_type().is_dir() => {}
            Ok(entry) if is_export(&entry.file_name().to_string_lossy()) => file(entry.path(), found),
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

fn is_export(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [".json", ".json.gz", ".zip"].iter().any(|ending| name.ends_with(ending))
}

fn file(path: &Path, found: &mut Found) {
    match std::fs::metadata(path) {
        // A FIFO must not even be opened: that waits until somebody writes to it.
        Ok(kind) if !kind.is_file() => fail(found, path, SourceError::NotRegular("it is no regular file")),
        Ok(_) if path.to_string_lossy().to_ascii_lowercase().ends_with(".zip") => {
            if let Err(error) = entries(path, found) {
                fail(found, path, error);
            }
        }
        Ok(kind) => found.files.push(ExportFile { path: path.to_owned(), entry: None, stored_bytes: kind.len() }),
        Err(error) => fail(found, path, error.into()),
    }
}

fn entries(path: &Path, found: &mut Found) -> Result<(), SourceError> {
    let broken =
        |error: zip::result::ZipError| SourceError::Format { reason: format!("it is no ZIP file: {error}"), byte: 0 };
    let mut archive = ZipArchive::new(File::open(path)?).map_err(broken)?;
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(broken)?;
        let name = entry.name().map_err(broken)?.into_owned();
        let export = is_export(&name) && !name.to_ascii_lowercase().ends_with(".zip") && entry.is_file();
        if export && !name.contains("_Files/") {
            let stored_bytes = entry.compressed_size();
            found.files.push(ExportFile { path: path.to_owned(), entry: Some(name), stored_bytes });
        }
    }
    Ok(())
}

fn fail(found: &mut Found, path: &Path, error: SourceError) {
    found.failed.push((ExportFile { path: path.to_owned(), entry: None, stored_bytes: 0 }, error));
}
