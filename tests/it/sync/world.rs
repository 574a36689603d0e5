//! A simulator, an archive, and a common clock.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapter_discord::{ClientConfig, DiscordClient};
use adapter_media::MediaFolder;
use app_core::sync::{Candidate, FileLimits, Files, Leader, Stops, SyncJobs, SyncListener, SyncMode, Syncer};
use discord_simulator::{Act, BotChange, ChannelPlan, Clock as Time, Options, Simulator, Subject, VIEW_CHANNEL, kind};
use domain::access::GuildChannel;
use domain::change::{Change, ChangePosition};
use domain::channel::{Channel, ChannelId, ChannelSnowflake};
use domain::coverage::{Coverage, CoverageState, Interval};
use domain::job::{Job, SyncScope};
use domain::media::File;
use domain::message::{MessageId, MessageKind, StoredMessage};
use domain::pseudonym::{PseudonymKey, Pseudonymizer};
use domain::slug::TenantSlug;
use domain::tenant::{Platform, PlatformId, Tenant, TenantName};
use domain::timestamp::Timestamp;
use domain::unreadable::Unreadable;
use ports::clock::Clock;
use ports::guild::GuildSource;
use ports::media::MediaStore;
use ports::page::MessageRange;
use ports::store::Store;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::backend::{Archive, Backend};
use crate::contract::fixture::changes_since;
use crate::program::{Installation, Server};

/// The route of a page of messages.
pub(super) const MESSAGES: &str = "/channels/{c}/messages";
/// The key of the pseudonyms.
pub(super) const KEY: PseudonymKey = PseudonymKey::new([9; 32]);
/// The largest file that is fetched, in bytes.
pub(super) const MOST: u64 = 1 << 20;
/// The step by which time advances.
const STEP: Duration = Duration::from_millis(5);

/// The simulator's time, as the clock of all other parts.
struct SimulatedClock(Arc<Time>);

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.now_ms().try_into().unwrap()).unwrap()
    }
}

/// A listener that ignores all progress.
pub(super) struct Quiet;

impl SyncListener for Quiet {
    fn begin(&self, _: &GuildChannel) {}
    fn end(&self, _: &GuildChannel) {}
    fn at(&self, _: domain::job::Progress) {}
}

/// Runs an action once, as soon as a number of messages are stored.
pub(super) struct When<F>(u64, Mutex<Option<F>>);

impl<F: FnOnce() + Send> When<F> {
    pub(super) const fn stored(messages: u64, act: F) -> Self {
        Self(messages, Mutex::new(Some(act)))
    }
}

impl<F: FnOnce() + Send> SyncListener for When<F> {
    fn begin(&self, _: &GuildChannel) {}
    fn end(&self, _: &GuildChannel) {}

    fn at(&self, progress: domain::job::Progress) {
        if progress.messages >= self.0
            && let Some(act) = self.1.lock().unwrap().take()
        {
            act();
        }
    }
}

/// The scope of a run.
#[derive(Debug, Clone, Default)]
pub(super) struct SyncOptions {
    /// Reread everything.
    pub(super) full: bool,
    /// Only these channels and their threads.
    pub(super) channels: Vec<ChannelSnowflake>,
}

/// A process that copies into the archive, with a client of its own.
pub(super) struct Process {
    tenant: Tenant,
    pub(super) jobs: SyncJobs,
    pub(super) candidate: Candidate,
    pub(super) syncer: Arc<Syncer>,
    pub(super) client: Arc<DiscordClient>,
}

impl Process {
    pub(super) async fn request(&self, options: &SyncOptions) -> Job {
        let mode = if options.full { SyncMode::Full } else { SyncMode::Incremental };
        let scope = SyncScope { channels: options.channels.clone(), since: None };
        self.jobs.request(&self.tenant, mode, &scope).await.unwrap()
    }

    /// Waits until it is elected leader for the token.
    pub(super) async fn lead(&self) -> Leader {
        let mut looks = tokio::time::interval(Duration::from_secs(1));
        loop {
            looks.tick().await;
            match self.candidate.elect().await {
                Ok(Ok(leader)) => return leader,
                Ok(Err(_)) => {}
                Err(error) => assert!(error.is_transient(), "{error:?}"),
            }
        }
    }
}

/// The folder of stored files, which is removed with the value.
pub(super) struct Media {
    pub(super) store: Arc<dyn MediaStore>,
    /// The time that a run may spend on fetching files.
    pub(super) time: Option<Duration>,
    folder: TempDir,
}

impl Media {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { store: Arc::new(MediaFolder::new(folder.path().to_owned())), time: None, folder }
    }
}

pub(super) struct World {
    pub(super) simulator: Simulator,
    pub(super) store: Arc<dyn Store>,
    pub(super) tenant: Tenant,
    /// The folder of stored files; `None` until files are stored.
    pub(super) media: Option<Media>,
    archive: Archive,
    time: JoinHandle<()>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.time.abort();
    }
}

impl World {
    /// Needs the paused time of a test: the runtime advances it when no task can run, and the simulator's clock
    /// follows.
    pub(super) async fn start(backend: Backend, options: Options) -> Self {
        let simulator = Simulator::start(options.manual_clock()).await.unwrap();
        let clock = simulator.clock();
        let time = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(STEP);
            ticks.tick().await;
            loop {
                ticks.tick().await;
                clock.advance(STEP.as_millis().try_into().unwrap());
            }
        });
        let archive = Archive::new(backend).await;
        let store = Arc::clone(&archive.store);
        let guild = PlatformId::new(&simulator.guild_id().to_string()).unwrap();
        let (slug, name) = (TenantSlug::new("simulated").unwrap(), TenantName::new("Simulated").unwrap());
        let tenant = Tenant::new(Platform::Discord, guild, slug, name, SimulatedClock(simulator.clock()).now());
        let mut unit = store.begin().await.unwrap();
        unit.tenants().insert(&tenant).await.unwrap();
        unit.commit().await.unwrap();
        Self { simulator, store, tenant, media: None, archive, time }
    }

    /// Creates a guild of these channels, without limits.
    pub(super) async fn of(backend: Backend, plan: Vec<ChannelPlan>) -> Self {
        Self::start(backend, Options::planned(1, plan).unlimited()).await
    }

    /// Creates a guild of one text channel, `general`, of that many messages.
    pub(super) async fn channel_of(backend: Backend, messages: u64) -> Self {
        Self::of(backend, vec![ChannelPlan::new("general", kind::TEXT, messages)]).await
    }

    /// Runs a complete incremental sync.
    pub(super) async fn sync(&self) -> Job {
        self.run(SyncOptions::default()).await
    }

    pub(super) async fn run(&self, options: SyncOptions) -> Job {
        self.run_with(options, &CancellationToken::new(), &Quiet).await
    }

    /// Runs a sync in which `act` happens once that many messages are stored.
    pub(super) async fn sync_when(&self, messages: u64, act: impl FnOnce() + Send) -> Job {
        self.run_with(SyncOptions::default(), &CancellationToken::new(), &When::stored(messages, act)).await
    }

    /// Runs a sync by a process of its own, which waits until it is leader.
    pub(super) async fn run_with(
        &self,
        options: SyncOptions,
        stop: &CancellationToken,
        progress: &dyn SyncListener,
    ) -> Job {
        let process = self.process();
        let job = process.request(&options).await;
        let leader = process.lead().await;
        let stops = Stops { cancel: stop.clone(), ..Stops::default() };
        let job = tokio::select! {
            outcome = process.syncer.run(&job, &leader, &stops, progress) => outcome.unwrap(),
            never = leader.renew_lease() => match never {},
        };
        leader.resign().await;
        job
    }

    /// Returns a process that can copy.
    pub(super) fn process(&self) -> Process {
        let mut config = ClientConfig::new(self.simulator.token().parse().unwrap());
        config.api = self.simulator.api_url().parse().unwrap();
        let (store, clock) = (Arc::clone(&self.store), self.clock());
        let client = Arc::new(DiscordClient::new(config, Arc::clone(&clock)));
        let holder = app_core::process::Process::current();
        Process {
            tenant: self.tenant.clone(),
            jobs: SyncJobs::new(Arc::clone(&store), Arc::clone(&clock)),
            candidate: Candidate::new(Arc::clone(&store), Arc::clone(&clock), holder, &client.account()),
            syncer: Arc::new(match &self.media {
                Some(media) => Syncer::new(store, client.clone(), KEY, clock).with_files(Files::new(
                    client.clone(),
                    Arc::clone(&media.store),
                    FileLimits { size_bytes: MOST, time: media.time },
                )),
                None => Syncer::new(store, client.clone(), KEY, clock),
            }),
            client,
        }
    }

    /// Returns the simulator's time.
    pub(super) fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SimulatedClock(self.simulator.clock()))
    }

    /// Returns the platform id of the channel of this name.
    pub(super) fn id(&self, name: &str) -> u64 {
        self.simulator.channel(name).unwrap()
    }

    pub(super) fn of_channel(&self, channel: u64) -> ChannelId {
        ChannelId::of(self.tenant.id, channel.to_string().parse().unwrap())
    }

    pub(super) async fn channel(&self, channel: u64) -> Option<Channel> {
        self.store.read().await.unwrap().channels().find(self.of_channel(channel)).await.unwrap()
    }

    pub(super) async fn coverage(&self, channel: u64) -> Option<Coverage> {
        self.store.read().await.unwrap().coverage().find(self.of_channel(channel)).await.unwrap()
    }

    pub(super) async fn find(&self, channel: u64, message: u64) -> Option<StoredMessage> {
        let (channel, id) = (self.of_channel(channel), MessageId::new(message).unwrap());
        self.store.read().await.unwrap().messages().find(channel, id).await.unwrap()
    }

    /// Returns the items of a channel that could not be read or stored.
    pub(super) async fn unreadable(&self, channel: u64) -> Vec<Unreadable> {
        let mut read = self.store.read().await.unwrap();
        read.unreadable().list(self.of_channel(channel), Interval::ALL).await.unwrap()
    }

    /// Returns the download state of a channel's attachments, in ascending order of message.
    pub(super) async fn files_of(&self, channel: u64) -> Vec<File> {
        let (id, mut at) = (self.of_channel(channel), self.store.read().await.unwrap());
        at.media().list(id, MessageId::MIN, MessageId::MAX).await.unwrap()
    }

    /// Returns the ids of the stored messages that are not deleted, in ascending order.
    pub(super) async fn held(&self, channel: u64) -> Vec<u64> {
        let (id, mut held, mut range) = (self.of_channel(channel), Vec::new(), MessageRange::Oldest);
        let mut at = self.store.read().await.unwrap();
        loop {
            let page = at.messages().list(id, range, true, 101).await.unwrap();
            held.extend(page.messages.iter().map(|message| message.id.get()));
            let last = page.examined_to.or(page.messages.last().map(|last| last.id));
            let Some(last) = last else { return held };
            range = MessageRange::After(last);
        }
    }

    /// Returns the ids that a channel really contains.
    pub(super) fn true_ids(&self, channel: u64) -> Vec<u64> {
        let all = self.simulator.messages(channel, 0, usize::MAX);
        all.iter().map(|message| message["id"].as_str().unwrap().parse().unwrap()).collect()
    }

    /// Returns the end of the change log.
    pub(super) async fn last_change(&self) -> ChangePosition {
        self.store.read().await.unwrap().changes().position().await.unwrap()
    }

    /// Returns the changes of the log after `position`.
    pub(super) async fn changes_since(&self, position: ChangePosition) -> Vec<Change> {
        changes_since(&*self.store, position, 1_000).await.0
    }

    /// Returns the number of requests of a route.
    pub(super) fn asked(&self, route: &str) -> usize {
        self.simulator.requests(0).iter().filter(|request| request.route == route).count()
    }

    pub(super) fn send(&self, channel_id: u64, content: &str) {
        let act = Act::Send { channel_id, content: content.to_owned(), raw: serde_json::Map::new() };
        self.simulator.act(act).unwrap();
    }

    pub(super) fn edit(&self, channel_id: u64, message_id: u64, content: &str) {
        let content = Some(content.to_owned());
        self.simulator.act(Act::Edit { channel_id, message_id, content, raw: serde_json::Map::new() }).unwrap();
    }

    pub(super) fn delete(&self, channel_id: u64, messages: &[u64]) {
        self.simulator.act(Act::Delete { channel_id, message_ids: messages.to_vec(), bulk: false }).unwrap();
    }

    /// Lets time pass, so that recent messages are older than the present second, of which nothing is proven.
    pub(super) fn pass(&self) {
        self.simulator.clock().advance(2_000);
    }

    /// Denies `@everyone` the right to view a channel.
    pub(super) fn close(&self, channel_id: u64) {
        let (id, subject) = (self.simulator.guild_id(), Subject::Role);
        self.simulator.act(Act::SetOverwrite { channel_id, id, subject, allow: 0, deny: VIEW_CHANNEL }).unwrap();
    }

    pub(super) fn change_bot(&self, change: BotChange) {
        self.simulator.act(Act::SetBot { change }).unwrap();
    }

    /// Makes the archive reject a message as an invalid value.
    pub(super) fn refuse(&self, message: u64) {
        let sql = format!(
            "CREATE TRIGGER refusal BEFORE INSERT ON messages WHEN NEW.message_id = {message}
            BEGIN INSERT INTO changes (channel_id, low, high) VALUES (NULL, 1, 1); END"
        );
        self.execute(&sql);
    }

    /// Makes the archive accept the rejected message.
    pub(super) fn refuse_no_more(&self) {
        self.execute("DROP TRIGGER refusal");
    }

    fn execute(&self, sql: &str) {
        let address = self.archive.address();
        let path = address.strip_prefix("sqlite:").expect("a file refuses by a trigger");
        rusqlite::Connection::open(path).unwrap().execute_batch(sql).unwrap();
    }

    /// Returns the bytes of every file of the archive.
    pub(super) fn files(&self) -> Vec<Vec<u8>> {
        self.archive.files()
    }

    /// Starts the program, which serves the archive.
    pub(super) fn serve(&self) -> (Installation, Server) {
        let installation = Installation::at(&self.archive.address());
        let media = self.media.as_ref().map(|media| format!("folder:{}", media.folder.path().display()));
        let flags: Vec<&str> = media.iter().flat_map(|media| ["--media-url", media.as_str()]).collect();
        let server = installation.serve(&flags);
        (installation, server)
    }

    /// Asserts that a channel is archived to its start, with exactly its real messages and their contents.
    pub(super) async fn assert_whole(&self, channel: u64) {
        let people = Pseudonymizer::new(&KEY, self.tenant.id);
        let messages = self.simulator.messages(channel, 0, usize::MAX);
        let truth = ledger::of_shown(&messages, &people);
        let held = ledger::of_held(&*self.store, self.of_channel(channel)).await.unwrap();
        // A difference is easier to see in ids than in checksums.
        assert_eq!(self.held(channel).await, self.true_ids(channel), "{channel}");
        assert_eq!(held, truth, "{channel}");
        let coverage = self.coverage(channel).await.unwrap();
        let shown = shown_count(&messages);
        assert_eq!((coverage.state(), coverage.message_count), (CoverageState::Complete, shown), "{channel}");
    }
}

/// Returns the number of a channel's messages that are of a type shown to readers.
pub(super) fn shown_count(messages: &[serde_json::Value]) -> u64 {
    let is_shown = |message: &&serde_json::Value| {
        let kind = message["type"].as_i64().and_then(|kind| i32::try_from(kind).ok());
        kind.is_some_and(|kind| MessageKind(kind).is_shown())
    };
    messages.iter().filter(is_shown).count() as u64
}
