//! Follows guilds as they change: receives their events, and stores the effect of each one in its order.
//!
//! Only the leader for the token does so. An event is an observation like a page, and is stored by the same rules, so
//! that events that are repeated, late or in flight together with a page end in the same state. The sequence up to which
//! every effect is stored is stored with the effects: the next process resumes the session there.
//!
//! A session that cannot be resumed opens a gap, which a sync closes: it reads every channel that moved, and the recent
//! window of the others for edits and deletions.

mod directory;
mod files;
mod fold;
mod follow_up;
mod shard;
mod status;
mod structure;
mod unit;

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use domain::pseudonym::PseudonymKey;
use domain::tenant::TenantId;
use futures::future::join_all;
use ports::clock::Clock;
use ports::event::{EventSource, GatewayError, GatewayStats, ShardId};
use ports::guild::GuildSource;
use ports::store::Store;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use self::directory::{Directory, ShownGuilds};
use self::files::FilesDue;
use self::shard::{End, Shard};
pub use self::status::LiveStatus;
use self::status::Status;
use crate::removals::Removals;
use crate::sync::{Leader, SyncJobs};

/// How often the tenants are read again.
const REFRESH: Duration = Duration::from_secs(30);
/// The pause before a stream that ended is started again.
const PAUSE: Duration = Duration::from_secs(5);
/// How long the syncs of a leader wait for the first event, so that no message falls between the two.
const PATIENCE: Duration = Duration::from_secs(10);

/// Follows the guilds of an archive.
pub struct Live {
    store: Arc<dyn Store>,
    events: Arc<dyn EventSource>,
    source: Arc<dyn GuildSource>,
    clock: Arc<dyn Clock>,
    jobs: SyncJobs,
    account: String,
    directory: Arc<Directory>,
    shown: ShownGuilds,
    status: Status,
    files: FilesDue,
    removals: Option<Removals>,
}

impl Live {
    /// Returns a follower that stores the events of `events` in `store`, with pseudonyms by `key`, and requests from
    /// `source` what they do not show. `events` and `source` must be of the same bot. It requests syncs by `jobs`.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        events: Arc<dyn EventSource>,
        source: Arc<dyn GuildSource>,
        key: PseudonymKey,
        clock: Arc<dyn Clock>,
        jobs: SyncJobs,
    ) -> Self {
        let (account, directory) = (source.account(), Arc::new(Directory::new(key)));
        let (shown, status, files) = (ShownGuilds::default(), Status::default(), FilesDue::default());
        Self { store, events, source, clock, jobs, account, directory, shown, status, files, removals: None }
    }

    /// Makes the follower announce deleted content to `removals`, so that it is removed at once.
    #[must_use]
    pub fn with_removals(self, removals: Removals) -> Self {
        Self { removals: Some(removals), ..self }
    }

    /// Announces that content was deleted.
    fn announce_removals(&self) {
        if let Some(removals) = &self.removals {
            removals.wake();
        }
    }

    /// Returns the state of the follower, which stays current.
    #[must_use]
    pub fn status(&self) -> LiveStatus {
        let events = Arc::clone(&self.events);
        self.status.shared(move || -> GatewayStats { events.stats() })
    }

    /// Follows under the lease of `leader` until `stop`, or until another process leads. Then it stores what was
    /// received, and closes the connection in such a way that its session can be resumed.
    pub async fn run(&self, leader: &Leader, stop: &CancellationToken) {
        let ended = stop.child_token();
        let watch_lease = async {
            leader.lost().cancelled().await;
            ended.cancel();
            std::future::pending::<Infallible>().await
        };
        tokio::select! {
            () = self.follow_all(leader, &ended) => {}
            never = watch_lease => match never {},
            never = self.refresh() => match never {},
        }
        self.status.ended();
    }

    /// Waits until messages with files came, and returns their tenants.
    pub(crate) async fn tenants_with_files(&self) -> HashSet<TenantId> {
        self.files.take().await
    }

    /// Waits until every shard has received something in its session, or cannot; not long.
    pub(crate) async fn settled(&self) {
        tokio::select! {
            () = self.status.settled() => {}
            () = sleep(PATIENCE) => warn!("syncs start before the gateway is connected"),
        }
    }

    /// Reads the tenants again from time to time, and when a sync was requested: its tenant may be new.
    async fn refresh(&self) -> Infallible {
        let mut requested = self.jobs.requested();
        loop {
            if let Err(error) = self.directory.refresh(&*self.store).await {
                warn!(error = &error as &dyn std::error::Error, "tenants to follow not listed");
            }
            self.status.listed();
            tokio::select! {
                () = sleep(REFRESH) => {}
                _ = requested.changed() => {}
            }
        }
    }

    async fn follow_all(&self, leader: &Leader, stop: &CancellationToken) {
        tokio::select! {
            () = self.status.first_list() => {}
            () = stop.cancelled() => {}
        }
        while !stop.is_cancelled() {
            if self.directory.is_empty() {
                // Nothing is to be followed, so nothing is awaited.
                self.status.expect(0);
                tokio::select! {
                    () = self.status.next_list() => {}
                    () = stop.cancelled() => {}
                }
                continue;
            }
            leader.allowed().await;
            match self.events.plan().await {
                Ok(plan) => {
                    self.status.expect(plan.shards);
                    let shards = (0..plan.shards).map(|index| ShardId { index, count: plan.shards });
                    join_all(shards.map(|shard| self.follow(leader, shard, stop))).await;
                    return;
                }
                Err(error) => {
                    self.status.expect(0);
                    self.pause_after(&error, stop).await;
                }
            }
        }
    }

    /// Follows one shard, with a new stream whenever one has ended.
    async fn follow(&self, leader: &Leader, id: ShardId, stop: &CancellationToken) {
        let shard = Shard { live: self, leader, id, directory: &self.directory, stop };
        while !stop.is_cancelled() {
            leader.allowed().await;
            match shard.follow().await {
                End::Stopped => return,
                End::Failed(error) => {
                    self.status.failed(id);
                    self.pause_after(&error, stop).await;
                }
            }
        }
    }

    /// Waits after an error for as long as another attempt is useless: for ever, if an operator must act.
    async fn pause_after(&self, failed: &GatewayError, stop: &CancellationToken) {
        if failed.is_fatal() {
            error!(error = failed as &dyn std::error::Error, "gateway given up; syncs go on");
            return stop.cancelled().await;
        }
        warn!(error = failed as &dyn std::error::Error, "gateway connects again after a pause");
        let pause = match failed {
            GatewayError::BudgetLow { until, .. } => shard::since(self.clock.now(), *until).max(PAUSE),
            _ => PAUSE,
        };
        tokio::select! {
            () = sleep(pause) => {}
            () = stop.cancelled() => {}
        }
    }
}
