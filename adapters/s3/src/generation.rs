//! The generations of a tenant's files. A bucket has no rename and cannot delete a folder, so the names of all files
//! begin with a generation, which is current as long as the object `current` names it. Without that object none of the
//! files is stored, whatever the bucket still contains.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::str::from_utf8;
use std::sync::{Mutex, PoisonError};

use domain::tenant::TenantId;
use object_store::aws::AmazonS3;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode};
use uuid::Uuid;

use crate::error::{io_error, is_missing};

/// The name of the object that names the current generation.
const CURRENT: &str = "current";

/// A part of a tenant's files, which are retired together. None becomes current twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Generation(u64);

impl Generation {
    /// Returns the prefix of its files.
    pub(crate) fn path(self, tenant: &Path) -> Path {
        tenant.clone().join(self.to_string())
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Returns the generation of this name.
fn parse(name: &[u8]) -> Option<Generation> {
    let name = from_utf8(name).ok().filter(|name| name.len() == 16)?;
    u64::from_str_radix(name, 16).ok().map(Generation)
}

/// Reads and changes which generation of a tenant is current.
#[derive(Debug)]
pub(crate) struct Generations {
    /// The last one that was seen, which another process may have retired since.
    seen: Mutex<HashMap<TenantId, Generation>>,
}

impl Generations {
    pub(crate) fn new() -> Self {
        Self { seen: Mutex::default() }
    }

    /// Returns the generation that was current when it was last read here.
    pub(crate) fn seen(&self, tenant: TenantId) -> Option<Generation> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).get(&tenant).copied()
    }

    /// Returns the current generation; `None` if the tenant has no files. `at` is the prefix of the tenant.
    pub(crate) async fn read(&self, store: &AmazonS3, tenant: TenantId, at: &Path) -> io::Result<Option<Generation>> {
        let bytes = match store.get(&at.clone().join(CURRENT)).await {
            Ok(found) => Some(found.bytes().await.map_err(|error| io_error(&error))?),
            Err(error) if is_missing(&error) => None,
            Err(error) => return Err(io_error(&error)),
        };
        let unknown = || io::Error::new(io::ErrorKind::InvalidData, format!("{at}/{CURRENT} is not one of Verta"));
        let current = bytes.map(|bytes| parse(&bytes).ok_or_else(unknown)).transpose()?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match current {
            Some(generation) => seen.insert(tenant, generation),
            None => seen.remove(&tenant),
        };
        Ok(current)
    }

    /// Returns the current generation, which is begun if there is none.
    pub(crate) async fn begin(&self, store: &AmazonS3, tenant: TenantId, at: &Path) -> io::Result<Generation> {
        let marker = at.clone().join(CURRENT);
        loop {
            if let Some(current) = self.read(store, tenant, at).await? {
                return Ok(current);
            }
            #[expect(clippy::disallowed_methods, reason = "a name that no other process may choose")]
            let new = Generation(Uuid::new_v4().as_u64_pair().0);
            match store.put_opts(&marker, new.to_string().into(), PutMode::Create.into()).await {
                // Read again, like one that another process began.
                Ok(_) | Err(object_store::Error::AlreadyExists { .. }) => {}
                Err(error) => return Err(io_error(&error)),
            }
        }
    }

    /// Retires the current generation.
    pub(crate) async fn retire(&self, store: &AmazonS3, tenant: TenantId, at: &Path) -> io::Result<()> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).remove(&tenant);
        match store.delete(&at.clone().join(CURRENT)).await {
            Err(error) if !is_missing(&error) => Err(io_error(&error)),
            _ => Ok(()),
        }
    }
}
