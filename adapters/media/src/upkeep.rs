//! Lists and checks of the folder.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use async_trait::async_trait;
use domain::media::ContentHash;
use domain::tenant::TenantId;
use ports::upkeep::{ListedFile, MediaUpkeep};

use crate::MediaFolder;
use crate::folder::{Incoming, tidy};

#[async_trait]
impl MediaUpkeep for MediaFolder {
    async fn tenants(&self) -> io::Result<Vec<TenantId>> {
        let root = self.root.clone();
        let names = self.pool.run(move || names(&root)).await?;
        Ok(names.iter().filter_map(|name| name.parse().ok()).map(TenantId).collect())
    }

    async fn list(&self, tenant: TenantId, after: Option<ContentHash>, limit: u32) -> io::Result<Vec<ListedFile>> {
        let folder = self.tenant(tenant);
        self.pool.run(move || list(&folder, after, limit as usize)).await
    }

    async fn probe(&self) -> io::Result<()> {
        let root = self.root.clone();
        let probe = move || {
            fs::metadata(&root)?;
            // It disappears with the value.
            Incoming::new(&root)?.file.write_all(b"verta")
        };
        self.pool.run(probe).await
    }

    /// Closes the folder and all that it contains to other users, which an earlier version did not do, and removes the
    /// leftovers of killed processes from `incoming`.
    async fn tidy(&self) -> io::Result<u64> {
        let root = self.root.clone();
        self.pool.run(move || tidy(&root)).await
    }
}

/// Returns the files of a tenant after `after`, ascending by hash; at most `limit`.
fn list(folder: &Path, after: Option<ContentHash>, limit: usize) -> io::Result<Vec<ListedFile>> {
    let after = after.map(|hash| hash.to_string()).unwrap_or_default();
    let from = |from: usize| after.get(from..from + 2).unwrap_or_default();
    let mut files = Vec::new();
    for first in names(folder)?.into_iter().filter(|name| is_level(name) && name.as_str() >= from(0)) {
        let folder = folder.join(&first);
        let is_edge = first == from(0);
        for second in names(&folder)?.into_iter().filter(|name| is_level(name) && !(is_edge && name.as_str() < from(2)))
        {
            let folder = folder.join(second);
            for name in names(&folder)?.into_iter().filter(|name| *name > after) {
                let Ok(hash) = name.parse() else { continue };
                match fs::metadata(folder.join(name)) {
                    Ok(file) => files.push(ListedFile { hash, size_bytes: file.len() }),
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
                if files.len() == limit {
                    return Ok(files);
                }
            }
        }
    }
    Ok(files)
}

/// Returns whether this is the name of one of the two levels of folders above the files.
fn is_level(name: &str) -> bool {
    name.len() == 2 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Returns the names in a folder in ascending order; none if it is missing.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let names = entries.map(|entry| Ok(entry?.file_name().into_string().unwrap_or_default()));
    let mut names: Vec<String> = names.collect::<io::Result<_>>()?;
    names.sort_unstable();
    Ok(names)
}
