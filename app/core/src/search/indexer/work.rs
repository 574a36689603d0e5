//! The work on the index of one tenant.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use domain::change::{ChangeKind, Followed};
use domain::channel::ChannelId;
use domain::message::MessageId;
use domain::tenant::TenantId;
use ports::clock::Clock;
use ports::page::Page;
use ports::search::{IndexBatch, IndexBuild, IndexPosition, IndexState, SearchError, SearchIndex};
use ports::store::Store;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::batch::{Batch, READ};
use super::report::Report;
use super::{BATCH, IndexerError, removes};
use crate::process::Process;
use crate::search::documents::{Place, documents};
use crate::search::progress::IndexProgress;
use crate::search::snapshots::{SnapshotError, Snapshots};
use crate::sync::{Candidate, snapshot_lease};

/// How often the progress of a build is stored: several times in the duration of its lease.
const REPORT: Duration = Duration::from_secs(3);

/// What the tasks of an indexer share.
#[derive(Clone)]
pub(super) struct Work {
    pub(super) store: Arc<dyn Store>,
    pub(super) index: Arc<dyn SearchIndex>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) progress: IndexProgress,
    pub(super) process: Process,
    pub(super) snapshots: Option<Snapshots>,
}

/// What to do with an index beside following the log, in the order in which it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Duty {
    /// Deletes its snapshot.
    DeleteSnapshot,
    /// Removes the words of deleted documents from its files.
    Purge,
    /// Commits the position that it has reached without changes.
    Touch,
    /// Checks its files.
    Verify,
    /// Stores its snapshot if that is due.
    SaveSnapshot,
}

impl Duty {
    /// Returns whether it takes a time that depends on the size of the index or on the store of snapshots, so that what
    /// is urgent must not wait for it.
    pub(super) const fn is_long(self) -> bool {
        matches!(self, Self::Verify | Self::SaveSnapshot)
    }
}

impl Work {
    /// Returns whether the tenant is stored and is not being deleted.
    pub(super) async fn is_stored(&self, tenant: TenantId) -> Result<bool, IndexerError> {
        let stored = self.store.read().await?.tenants().find(tenant).await?;
        Ok(stored.is_some_and(|tenant| tenant.deleting_since.is_none()))
    }

    /// Applies the changes of the log after the position of a tenant's index; returns whether one of them
    /// [`removes`] words.
    pub(super) async fn catch_up(&self, tenant: TenantId) -> Result<bool, IndexerError> {
        let mut removed = false;
        let mut position = match self.index.state(tenant).await? {
            IndexState::Ready(position) => position.changes,
            IndexState::Damaged => return Err(SearchError::Damaged("it was found damaged".into()).into()),
            IndexState::Missing | IndexState::Outdated => return Err(SearchError::Missing.into()),
        };
        loop {
            let as_of = self.clock.now();
            let mut read = self.store.read().await?;
            let followed = read.changes().follow(&position, BATCH).await?;
            drop(read);
            let Followed::Changes { changes, position: next, behind } = followed else {
                return Err(IndexerError::Behind);
            };
            let own = changes.iter().filter(|change| change.tenant_id == tenant);
            let kinds: Vec<ChangeKind> = own.map(|change| change.kind).collect();
            removed |= kinds.iter().any(removes);
            let to = IndexPosition { changes: next.clone(), as_of };
            if !kinds.is_empty() || behind == 0 && next != position {
                self.apply(tenant, &kinds, &to).await?;
            }
            position = next;
            if behind == 0 {
                self.progress.reached(tenant, to);
                return Ok(removed);
            }
        }
    }

    /// Makes a tenant's index equal to the store where something changed, and moves its position.
    pub(super) async fn apply(
        &self,
        tenant: TenantId,
        kinds: &[ChangeKind],
        to: &IndexPosition,
    ) -> Result<(), IndexerError> {
        if let Some(snapshots) = self.snapshots.as_ref().filter(|_| kinds.iter().any(removes)) {
            // Before the position moves: a process that is killed meanwhile reads the change again.
            snapshots.delete(tenant).await;
        }
        Batch::new(self, tenant).apply(kinds, to.clone()).await?;
        debug!(tenant.id = %tenant, changes = kinds.len(), "search index changed");
        Ok(())
    }

    /// Does what is due for the index of a tenant; returns what failed.
    pub(super) async fn keep(&self, tenant: TenantId, duties: BTreeSet<Duty>) -> Vec<SearchError> {
        let mut failed = Vec::new();
        for duty in duties {
            let done = match (duty, &self.snapshots) {
                (Duty::DeleteSnapshot, Some(snapshots)) => {
                    snapshots.delete(tenant).await;
                    Ok(())
                }
                (Duty::SaveSnapshot, Some(snapshots)) => self.save(snapshots, tenant).await,
                (Duty::DeleteSnapshot | Duty::SaveSnapshot, None) => Ok(()),
                (Duty::Purge, _) => self.index.purge(tenant).await,
                (Duty::Touch, _) => self.touch(tenant).await,
                (Duty::Verify, _) => match self.index.verify(tenant).await {
                    Ok(false) => Err(SearchError::Missing),
                    _ => Ok(()),
                },
            };
            failed.extend(done.err());
        }
        failed
    }

    /// Commits the position that the index of a tenant has reached without changes.
    async fn touch(&self, tenant: TenantId) -> Result<(), SearchError> {
        let Some(to) = self.progress.current(tenant) else { return Ok(()) };
        let is_current = matches!(
            self.index.state(tenant).await,
            Ok(IndexState::Ready(at)) if at.changes == to.changes || at.as_of >= to.as_of
        );
        if is_current { Ok(()) } else { self.index.apply(tenant, IndexBatch::default(), to).await }
    }

    /// Stores the snapshot of a tenant's index if it is due.
    async fn save(&self, snapshots: &Snapshots, tenant: TenantId) -> Result<(), SearchError> {
        let (store, clock) = (Arc::clone(&self.store), Arc::clone(&self.clock));
        let candidate = Candidate::for_tenant(store, clock, self.process.clone(), tenant, snapshot_lease(tenant));
        match snapshots.save(tenant, &*self.index, &candidate, self.clock.now()).await {
            Ok(is_new) => {
                if is_new && !matches!(self.is_stored(tenant).await, Ok(true)) {
                    // The tenant was removed while its snapshot was being stored.
                    snapshots.delete(tenant).await;
                }
                Ok(())
            }
            Err(SnapshotError::Index(error)) => Err(error),
            Err(error) => {
                warn!(tenant.id = %tenant, error = &error as &dyn std::error::Error, "snapshot not stored");
                Ok(())
            }
        }
    }

    /// Builds the index of a tenant beside the one that answers. Where there are no files, it is taken from a snapshot.
    pub(super) async fn build(&self, tenant: TenantId) -> Result<(), IndexerError> {
        let start = Instant::now();
        if let Some(snapshots) = &self.snapshots
            && self.index.state(tenant).await? == IndexState::Missing
            && snapshots.restore(tenant).await
        {
            return Ok(());
        }
        self.progress.begin(tenant, self.clock.now());
        info!(tenant.id = %tenant, "search index build started");
        let mut report = Report::begin(self, tenant).await;
        let is_read = CancellationToken::new();
        let reading = async {
            let _guard = is_read.clone().drop_guard();
            self.read_all(tenant).await
        };
        // Beside the reading, which may hold the last connection that a report waits for.
        let reporting = async {
            while is_read.run_until_cancelled(sleep(REPORT)).await.is_some() {
                match (&mut report, self.progress.building().get(&tenant)) {
                    (Some(report), Some(done)) => report.update(*done).await,
                    _ => report = Report::begin(self, tenant).await,
                }
            }
        };
        let (built, ()) = tokio::join!(reading, reporting);
        let done = self.progress.end(tenant, built.is_ok());
        if let Some(report) = report {
            let outcome = built.as_ref().copied().map_err(ToString::to_string);
            report.end(self, done, outcome).await;
        }
        built?;
        if let Some(snapshots) = &self.snapshots {
            // It was of another version, or of a time of which the log does not know what was removed since.
            snapshots.delete(tenant).await;
        }
        info!(
            tenant.id = %tenant,
            messages = done.messages,
            channels = done.channels_done,
            duration_ms = start.elapsed().as_millis(),
            "search index built"
        );
        Ok(())
    }

    async fn read_all(&self, tenant: TenantId) -> Result<(), IndexerError> {
        let mut build = self.index.rebuild(tenant).await?;
        let as_of = self.clock.now();
        let changes = self.store.read().await?.changes().position().await?;
        let mut channels: Vec<ChannelId> = Vec::new();
        loop {
            let page = Page { after: channels.last().copied(), limit: 101 };
            let page = self.store.read().await?.channels().list_all(tenant, page).await?;
            channels.extend(page.iter().map(|channel| channel.id));
            if page.len() < 101 {
                break;
            }
        }
        self.progress.expect(tenant, channels.len() as u64);
        for channel in channels {
            self.read_channel(channel, &mut *build).await?;
            self.progress.advance(tenant, 1, 0);
        }
        build.finish(IndexPosition { changes, as_of }).await?;
        Ok(())
    }

    /// Adds the messages of a channel to a build. Each page is read in a snapshot of its own: what changes meanwhile is
    /// in the log after the position of the build.
    async fn read_channel(&self, channel: ChannelId, build: &mut dyn IndexBuild) -> Result<(), IndexerError> {
        let mut after: Option<MessageId> = None;
        loop {
            let mut read = self.store.read().await?;
            let Some(place) = Place::load(&mut *read, channel).await? else { return Ok(()) };
            let stored = read.messages().list_stored(channel, after, READ).await?;
            let is_last = stored.len() < READ as usize;
            after = stored.last().map(|last| last.message.id);
            let count = stored.len() as u64;
            let found = documents(&mut *read, &place, stored).await?;
            drop(read);
            build.add(found).await?;
            self.progress.advance(place.channel.tenant_id, 0, count);
            if is_last {
                return Ok(());
            }
        }
    }
}
