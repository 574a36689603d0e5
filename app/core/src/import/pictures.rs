//! Imports the custom emoji and stickers beside an export.

use std::collections::BTreeMap;

use domain::media::FileState;
use domain::picture::{Picture, PictureKey};
use futures::{StreamExt, stream};
use ports::media::MediaError;
use tracing::debug;

use super::files::{AT_ONCE, Files, STEP};
use super::plan::Planned;
use super::{ImportError, Importer, retried};
use crate::ingest::{LARGEST_PICTURE, record_fetched};
use crate::stored::store_bytes;

impl Importer {
    /// Stores the pictures at the paths `beside` that stored messages show and that are not stored yet. One that cannot be
    /// read keeps its state: a sync may fetch it. Returns the reason if they cannot be stored at all.
    pub(super) async fn pictures(
        &self,
        planned: &Planned,
        beside: &BTreeMap<PictureKey, String>,
    ) -> Result<Option<String>, ImportError> {
        let Some(files) = self.files.as_ref().filter(|files| files.size_bytes > 0) else { return Ok(None) };
        let tenant = planned.channel.tenant_id;
        let keys: Vec<PictureKey> = beside.keys().copied().collect();
        for keys in keys.chunks(STEP) {
            let find = async || Ok(self.store.read().await?.pictures().find_all(tenant, keys).await?);
            let mut missing = retried(find).await?;
            missing.retain(|picture| !matches!(picture.state, FileState::Stored { .. }));
            let one =
                async |picture: Picture| self.picture_beside(files, planned, &beside[&picture.key], picture).await;
            let stored: Vec<_> = stream::iter(missing.into_iter().map(one)).buffer_unordered(AT_ONCE).collect().await;
            let (mut done, mut broken) = (Vec::new(), None);
            for stored in stored {
                match stored {
                    Ok(picture) => done.extend(picture),
                    Err(failed) => broken = Some(format!("files cannot be stored in the media folder: {failed}")),
                }
            }
            let recorded = retried(|| self.record_pictures(planned, &done)).await;
            self.forget_if_deleted(files, tenant, &recorded).await?;
            recorded?;
            if broken.is_some() {
                return Ok(broken);
            }
        }
        Ok(None)
    }

    /// Stores one picture; `None` if it cannot be read.
    async fn picture_beside(
        &self,
        files: &Files,
        planned: &Planned,
        path: &str,
        picture: Picture,
    ) -> std::io::Result<Option<Picture>> {
        let store = async {
            let bytes = self.source.open_beside(&planned.file, path, files.size_bytes.min(LARGEST_PICTURE)).await?;
            store_bytes(&*files.media, planned.channel.tenant_id, bytes).await
        };
        match store.await {
            Ok((state, _)) => Ok(Some(Picture { state, ..picture })),
            Err(MediaError::Fetch(reason)) => {
                debug!(picture = %picture.key, error = &reason as &dyn std::error::Error, "picture not stored");
                Ok(None)
            }
            Err(MediaError::Io(failed)) => Err(failed),
        }
    }

    async fn record_pictures(&self, planned: &Planned, done: &[Picture]) -> Result<(), ImportError> {
        if done.is_empty() {
            return Ok(());
        }
        let mut unit = self.store.begin().await?;
        record_fetched(&mut *unit, planned.channel.tenant_id, done).await?;
        Ok(unit.commit().await?)
    }
}
