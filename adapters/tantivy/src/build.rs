//! An index that is being built.

use std::path::PathBuf;
use std::sync::Arc;

use ports::search::{IndexPosition, IndexedMessage, SearchError};
use tantivy::{Index, IndexWriter};
use tracing::warn;

use crate::error::{io_error, search_error};
use crate::generation::{add, commit, guarded, remove_dir, writer};
use crate::lock::create_dir;
use crate::schema::{Fields, schema, settings};
use crate::tenant::Tenant;

/// A generation that is being built. Dropping it removes its files.
pub(crate) struct Build {
    tenant: Arc<Tenant>,
    path: PathBuf,
    fields: Fields,
    #[expect(dead_code, reason = "the writer's directory")]
    index: Index,
    writer: Option<IndexWriter>,
    finished: bool,
}

impl Build {
    /// Begins a generation of `tenant` in a new directory.
    pub(crate) fn new(tenant: Arc<Tenant>, path: PathBuf) -> Result<Self, SearchError> {
        create_dir(&path).map_err(io_error)?;
        let (schema, fields) = schema();
        let open = || {
            let index = Index::builder().schema(schema).settings(settings()).create_in_dir(&path)?;
            let writer = writer(&index)?;
            Ok((index, writer))
        };
        match open() {
            Ok((index, writer)) => Ok(Self { tenant, path, fields, index, writer: Some(writer), finished: false }),
            Err(error) => {
                remove_dir(&path).ok();
                Err(search_error(error))
            }
        }
    }

    pub(crate) fn add(&mut self, documents: &[IndexedMessage]) -> Result<(), SearchError> {
        let fields = self.fields;
        let killed = || SearchError::Backend("the build failed before".into());
        let writer = self.writer.as_mut().ok_or_else(killed)?;
        let added =
            guarded(|| documents.iter().try_for_each(|message| add(writer, fields, message)).map_err(search_error));
        if added.is_err() {
            self.writer = None;
        }
        added
    }

    pub(crate) fn finish(&mut self, position: &IndexPosition) -> Result<(), SearchError> {
        let killed = || SearchError::Backend("the build failed before".into());
        let mut writer = self.writer.take().ok_or_else(killed)?;
        guarded(|| {
            commit(&mut writer, position).map_err(search_error)?;
            writer.wait_merging_threads().map_err(search_error)
        })?;
        self.tenant.swap(&self.path)?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for Build {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        self.writer = None;
        if let Err(error) = remove_dir(&self.path) {
            warn!(path = %self.path.display(), error = &error as &dyn std::error::Error, "unfinished index not removed");
        }
    }
}
