//! Exports of `DiscordChatExporter` in JSON, of every version that wrote JSON (2.18 and later): plain, compressed by
//! gzip, in ZIP files, or trees of them.
//!
//! [`DiscordChatExporter`] implements [`ports::source::ExportSource`]. It finds the files of a path, reads each as a
//! stream, so that memory does not grow with the size of an export, and turns every message into a domain message in
//! three steps: the wire types (`wire`) accept all versions, the pseudonymizer removes people, and `message` builds the
//! result. A message that cannot be parsed becomes an unreadable item; it never fails its file.
//!
//! To accept another exporter's format, add its differences to `wire`, and a file that shows them to the tests.

mod archive;
mod beside;
mod document;
mod emoji;
mod find;
mod kinds;
mod look;
mod message;
mod object;
mod read;
mod scan;
mod summary;
mod system;
mod utf16;
mod wire;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use domain::channel::ChannelId;
use domain::pseudonym::{KnownPeople, Pseudonymizer};
use domain::tenant::TenantId;
use futures::{StreamExt, stream};
use ports::media::{FetchError, FileBytes};
use ports::source::{ExportBatch, ExportFile, ExportReader, ExportSource, ExportSummary, Found, SourceError};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::spawn_blocking;

use crate::archive::Archives;
use crate::beside::Names;

/// The number of batches that are read ahead of the import.
const AHEAD: usize = 2;

/// Reads the files that `DiscordChatExporter` writes.
#[derive(Clone, Default)]
pub struct DiscordChatExporter {
    archives: Arc<Archives>,
    names: Arc<Names>,
}

fn lost(error: tokio::task::JoinError) -> SourceError {
    SourceError::Io(std::io::Error::other(error))
}

#[async_trait]
impl ExportSource for DiscordChatExporter {
    async fn find(&self, paths: &[PathBuf]) -> Found {
        self.names.forget();
        let (paths, archives) = (paths.to_vec(), Arc::clone(&self.archives));
        spawn_blocking(move || find::find(&paths, &archives)).await.unwrap_or_default()
    }

    async fn summarize(
        &self,
        file: &ExportFile,
        known: &Arc<Mutex<KnownPeople>>,
        on_progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<ExportSummary, SourceError> {
        let (file, archives) = (file.clone(), Arc::clone(&self.archives));
        let (sender, mut far) = watch::channel(0);
        let known = Arc::clone(known);
        let look = spawn_blocking(move || {
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            summary::summarize(&file, &archives, &mut known, &|read| _ = sender.send_replace(read))
        });
        while far.changed().await.is_ok() {
            on_progress(*far.borrow_and_update());
        }
        look.await.map_err(lost)?
    }

    async fn read(
        &self,
        file: &ExportFile,
        tenant: TenantId,
        summary: &ExportSummary,
        people: Arc<Pseudonymizer>,
        known: Arc<KnownPeople>,
    ) -> Result<Box<dyn ExportReader>, SourceError> {
        let (sender, batches) = mpsc::channel(AHEAD);
        let (file, channel) = (file.clone(), ChannelId::of(tenant, summary.channel.platform_id));
        let (observed_at, archives) = (summary.exported_at, Arc::clone(&self.archives));
        spawn_blocking(move || {
            let send = |batch| sender.blocking_send(Ok(batch)).is_ok();
            if let Err(error) = read::read(&file, &archives, channel, observed_at, (&people, &known), send) {
                // After an import error the receiver is dropped, and the error is not needed.
                sender.blocking_send(Err(error)).ok();
            }
        });
        Ok(Box::new(Reader(batches)))
    }

    async fn open_beside(&self, file: &ExportFile, path: &str, most: u64) -> Result<FileBytes, FetchError> {
        let (sender, pieces) = mpsc::channel(AHEAD);
        let (file, path) = (file.clone(), path.to_owned());
        let (archives, names) = (Arc::clone(&self.archives), Arc::clone(&self.names));
        let (opened, is_open) = oneshot::channel();
        spawn_blocking(move || {
            let mut opened = Some(opened);
            let begun = || {
                if let Some(opened) = opened.take() {
                    opened.send(Ok(())).ok();
                }
            };
            let send = |piece| sender.blocking_send(Ok(piece)).is_ok();
            let outcome = beside::read(&file, &path, most, (&archives, &names), begun, &send);
            if let Err(error) = outcome {
                // An error before the first byte is the result itself, a later one ends the bytes.
                match opened {
                    Some(opened) => opened.send(Err(error)).ok(),
                    None => sender.blocking_send(Err(error)).ok(),
                };
            }
        });
        is_open.await.map_err(|_| FetchError::Failed("reading beside the export ended early"))??;
        let pieces = stream::unfold(pieces, async |mut pieces| pieces.recv().await.map(|piece| (piece, pieces)));
        Ok(pieces.boxed())
    }
}

struct Reader(mpsc::Receiver<Result<ExportBatch, SourceError>>);

#[async_trait]
impl ExportReader for Reader {
    async fn next(&mut self) -> Result<Option<ExportBatch>, SourceError> {
        self.0.recv().await.transpose()
    }
}
