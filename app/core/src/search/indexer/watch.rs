//! The indexes that another process writes.

use domain::change::Followed;
use ports::search::{IndexPosition, IndexState};
use tracing::warn;

use super::indexes::tenants;
use super::{BATCH, Indexer, IndexerError};

impl Indexer {
    /// Stops writing, if it did: another process does.
    pub(super) fn leave(&mut self) {
        if !self.writes {
            return;
        }
        warn!("another process writes the search indexes now");
        self.writes = false;
        self.position = None;
        self.healthy.clear();
        self.failing.clear();
        self.leftover.clear();
        self.queue.clear();
        self.exposed.clear();
        self.abort();
    }

    /// Finds out how far the indexes are that another process writes.
    pub(super) async fn watch(&mut self) -> Result<(), IndexerError> {
        let as_of = self.work.clock.now();
        let stored = tenants(&mut *self.work.store.read().await?).await?;
        let mut positions = Vec::new();
        for tenant in stored {
            if let Ok(IndexState::Ready(position)) = self.work.index.state(tenant.id).await {
                positions.push((tenant.id, position.changes));
            }
        }
        // After the positions, so that the log covers them.
        let mut read = self.work.store.read().await?;
        for (tenant, position) in positions {
            let known = self.watched.get(&tenant).filter(|(of, _)| *of == position).map(|(_, to)| to.clone());
            let mut to = known.unwrap_or_else(|| position.clone());
            while let Followed::Changes { changes, position, behind } = read.changes().follow(&to, BATCH).await? {
                if changes.iter().any(|change| change.tenant_id == tenant) {
                    break;
                }
                to = position;
                if behind == 0 {
                    self.work.progress.reached(tenant, IndexPosition { changes: to.clone(), as_of });
                    break;
                }
            }
            self.watched.insert(tenant, (position, to));
        }
        Ok(())
    }
}
