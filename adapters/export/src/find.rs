//! Which files may be exports.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use ports::source::{ExportFile, Found, SourceError};
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

/// By path, with the parts of one export in the order of their numbers.
fn order(file: &ExportFile) -> (PathBuf, String, u32) {
    let name = file.entry.clone().unwrap_or_else(|| file.path.to_string_lossy().into_owned());
    let (stem, part) = split_part(&name);
    (file.path.parent().map(Path::to_owned).unwrap_or_default(), stem, part.unwrap_or(1))
}

/// A name without ` [part N]`, and that number.
pub(crate) fn split_part(name: &str) -> (String, Option<u32>) {
    let part = name.rfind(" [part ").and_then(|at| {
        let rest = &name[at + " [part ".len()..];
        let (number, ending) = rest.split_once(']')?;
        Some((at, number.parse().ok()?, ending))
    });
    match part {
        Some((at, number, ending)) => (format!("{}{ending}", &name[..at]), Some(number)),
        None => (name.to_owned(), None),
    }
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
        Ok(_) => found.files.push(ExportFile { path: path.to_owned(), entry: None }),
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
            found.files.push(ExportFile { path: path.to_owned(), entry: Some(name) });
        }
    }
    Ok(())
}

fn fail(found: &mut Found, path: &Path, error: SourceError) {
    found.failed.push((ExportFile { path: path.to_owned(), entry: None }, error));
}
