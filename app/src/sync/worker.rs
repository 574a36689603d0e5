//! Doing the jobs of all tenants: those that somebody asked for, and those that are due.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use domain::job::{Job, SyncScope};
use domain::message::GuildSnowflake;
use domain::tenant::{Platform, Tenant, TenantId, TenantStatus};
use ports::clock::Clock;
use ports::error::StoreError;
use ports::guild::{GuildChannel, GuildSource};
use ports::page::Page;
use ports::store::Store;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

use super::{Candidate, Leader, Progress, Stops, SyncError, SyncJobs, SyncMode, Syncer};
use crate::jobs::unfinished;

/// How often it is looked for jobs that another process was asked for, and whether the lease of the token is free.
const LOOK: Duration = Duration::from_secs(2);
/// How often it is looked for tenants whose sync is due.
const SCHEDULE: Duration = Duration::from_secs(30);
/// How long a guild that the bot is not in is not looked for.
const ELSEWHERE: Duration = Duration::from_mins(10);
/// How long runs that are to end are waited for.
const LEAVING: Duration = Duration::from_secs(20);
/// How many of a tenant's latest jobs are looked through for its last sync of everything.
const LATEST: u32 = 100;

/// Hears nothing: what there is to tell stands in the store.
struct Quiet;

impl Progress for Quiet {
    fn begin(&self, _: &GuildChannel) {}
    fn end(&self, _: &GuildChannel) {}
    fn at(&self, _: domain::job::Progress) {}
}

/// Does jobs while this process works for the token. Each tenant has one run at a time, and all of them run at once:
/// the source gives each request its turn, so none waits for the end of another's.
pub struct Worker {
    store: Arc<dyn Store>,
    source: Arc<dyn GuildSource>,
    clock: Arc<dyn Clock>,
    candidate: Candidate,
    syncer: Arc<Syncer>,
    jobs: SyncJobs,
    /// How long after a sync was asked for the next one is due; `None` for never.
    every: Option<Duration>,
}

impl Worker {
    /// A worker for the token of `source`, by the lease that `candidate` takes.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        source: Arc<dyn GuildSource>,
        clock: Arc<dyn Clock>,
        candidate: Candidate,
        syncer: Arc<Syncer>,
        jobs: SyncJobs,
        every: Option<Duration>,
    ) -> Self {
        Self { store, source, clock, candidate, syncer, jobs, every }
    }

    /// Works until `stop`; then leaves what it is at for the next process.
    pub async fn run(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.candidate.elect().await {
                Ok(Ok(leader)) => {
                    let leader = Arc::new(leader);
                    // The lease is kept by who does the work, and by nobody who could outlive it.
                    tokio::select! {
                        () = self.lead(&leader, &stop) => {}
                        never = leader.keep() => match never {},
                    }
                    if let Some(leader) = Arc::into_inner(leader) {
                        leader.resign().await;
                    }
                }
                Ok(Err(_)) => {}
                Err(error) => {
                    warn!(error = &error as &dyn std::error::Error, "nobody can be made to work for the token");
                }
            }
            tokio::select! {
                () = sleep(LOOK) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Does what there is to do and asks for what is due, until `stop` or until another process leads.
    async fn lead(&self, leader: &Arc<Leader>, stop: &CancellationToken) {
        tokio::select! {
            () = self.work(leader, stop) => {}
            never = self.schedule(leader) => match never {},
        }
    }

    async fn work(&self, leader: &Arc<Leader>, stop: &CancellationToken) {
        let leave = stop.child_token();
        let (lost, mut asked) = (leader.lost().clone(), self.jobs.asked());
        let mut runs = Runs::default();
        while !leave.is_cancelled() && !lost.is_cancelled() {
            told(self.start_waiting(leader, &leave, &mut runs).await);
            tokio::select! {
                () = sleep(LOOK) => {}
                _ = asked.changed() => {}
                () = runs.next() => {}
                () = leave.cancelled() => {}
                () = lost.cancelled() => {}
            }
        }
        leave.cancel();
        // What has not ended by then is left as it is, as by a process that is killed.
        if timeout(LEAVING, runs.all()).await.is_err() {
            warn!("syncs that were to end are left where they are");
        }
    }

    /// Asks for what is due, again and again.
    async fn schedule(&self, leader: &Leader) -> Infallible {
        let Some(every) = self.every else { return pending().await };
        let mut asked = self.jobs.asked();
        // Tenants whose guild the bot was not in, and when that was seen.
        let mut elsewhere = HashMap::new();
        loop {
            leader.allowed().await;
            told(self.ask_for_due(every, &mut elsewhere).await);
            tokio::select! {
                () = sleep(SCHEDULE) => {}
                _ = asked.changed() => {}
            }
        }
    }

    /// Starts the oldest job of each tenant that has none under way.
    async fn start_waiting(
        &self,
        leader: &Arc<Leader>,
        leave: &CancellationToken,
        runs: &mut Runs,
    ) -> Result<(), StoreError> {
        for job in unfinished(&*self.store).await?.into_iter().filter(|job| job.kind.is_sync()) {
            if runs.tenants.insert(job.tenant_id) {
                let (syncer, leader) = (Arc::clone(&self.syncer), Arc::clone(leader));
                let stops = Stops { cancel: CancellationToken::new(), leave: leave.clone() };
                runs.start(job, |job| async move {
                    match syncer.run(&job, &leader, &stops, &Quiet).await {
                        Ok(_) => {}
                        Err(SyncError::Deposed) => debug!(job.id = %job.id, "a sync goes on in another process"),
                        Err(failed) => {
                            error!(job.id = %job.id, error = &failed as &dyn std::error::Error, "a sync did not end");
                            // It is tried again, and not at once.
                            tokio::select! {
                                () = sleep(SCHEDULE) => {}
                                () = stops.leave.cancelled() => {}
                            }
                        }
                    }
                });
            }
        }
        Ok(())
    }

    /// Asks for a sync of every tenant whose last one was asked for so long ago, or that never had one, and whose guild
    /// the bot is in.
    async fn ask_for_due(&self, every: Duration, elsewhere: &mut HashMap<TenantId, Instant>) -> Result<(), StoreError> {
        elsewhere.retain(|_, seen| seen.elapsed() < ELSEWHERE);
        let since = self.clock.now().minus(every);
        let mut due = Vec::new();
        let mut after = None;
        loop {
            let page = self.store.read().await?.tenants().list(Page { after, limit: 100 }).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.slug.clone());
            for tenant in page.into_iter().filter(|tenant| is_synced(tenant) && !elsewhere.contains_key(&tenant.id)) {
                let latest =
                    self.store.read().await?.jobs().list(tenant.id, Page { after: None, limit: LATEST }).await?;
                let latest = latest.iter().find(|job| job.kind.is_sync() && job.scope.channels.is_empty());
                if latest.is_none_or(|job| job.has_ended() && job.created_at <= since) {
                    due.push(tenant);
                }
            }
        }
        if due.is_empty() {
            return Ok(());
        }
        let joined: HashSet<GuildSnowflake> = match self.source.guilds().await {
            Ok(joined) => joined.into_iter().map(|guild| guild.id).collect(),
            Err(failed) => {
                warn!(
                    error = &failed as &dyn std::error::Error,
                    "the platform does not tell which guilds the bot is in"
                );
                return Ok(());
            }
        };
        for tenant in due {
            if !tenant.platform_id.as_str().parse().is_ok_and(|guild| joined.contains(&guild)) {
                elsewhere.insert(tenant.id, Instant::now());
                continue;
            }
            let asked = self.jobs.request(&tenant, SyncMode::Incremental, &SyncScope::default()).await;
            if let Err(failed) = asked {
                let error = &failed as &dyn std::error::Error;
                warn!(tenant.id = %tenant.id, error, "a sync that is due was not asked for");
            }
        }
        Ok(())
    }
}

/// A store that does not tell is asked again soon.
fn told(outcome: Result<(), StoreError>) {
    if let Err(error) = outcome {
        warn!(error = &error as &dyn std::error::Error, "the store does not tell which syncs there are to do");
    }
}

/// Whether the schedule is for this tenant.
fn is_synced(tenant: &Tenant) -> bool {
    tenant.platform == Platform::Discord && tenant.status != TenantStatus::Cancelled
}

/// Jobs that are under way, each a task.
#[derive(Default)]
struct Runs {
    tasks: JoinSet<TenantId>,
    /// Whose they are.
    tenants: HashSet<TenantId>,
    by_task: HashMap<tokio::task::Id, TenantId>,
}

impl Runs {
    fn start<F: Future<Output = ()> + Send + 'static>(&mut self, job: Job, work: impl FnOnce(Job) -> F) {
        let tenant = job.tenant_id;
        let work = work(job);
        let task = self.tasks.spawn(async move {
            work.await;
            tenant
        });
        self.by_task.insert(task.id(), tenant);
    }

    /// Waits for the end of one; for ever where there is none.
    async fn next(&mut self) {
        let (task, tenant) = match self.tasks.join_next_with_id().await {
            Some(Ok((task, tenant))) => (task, Some(tenant)),
            Some(Err(failed)) => {
                error!(error = &failed as &dyn std::error::Error, "a sync ended by a defect");
                (failed.id(), None)
            }
            None => return pending().await,
        };
        let known = self.by_task.remove(&task);
        if let Some(tenant) = tenant {
            self.tenants.remove(&tenant);
        } else if let Some(tenant) = known {
            // It is tried again, and not at once.
            let task = self.tasks.spawn(async move {
                sleep(SCHEDULE).await;
                tenant
            });
            self.by_task.insert(task.id(), tenant);
        }
    }

    /// Waits for the end of all.
    async fn all(&mut self) {
        while !self.tasks.is_empty() {
            self.next().await;
        }
    }
}
