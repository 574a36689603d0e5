//! A whole guild read from a simulated Discord: the speed, the number of calls and the memory use, and the archive
//! compared with the guild, channel by channel. The simulator and the sync are processes of their own.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use adapter_discord::{ClientConfig, DiscordClient};
use adapter_sqlite::SqliteStore;
use adapter_tidb::{OpenOptions, TidbStore};
use app_core::process::Process;
use app_core::sync::{Candidate, Stops, SyncJobs, SyncListener, SyncMode, Syncer};
use domain::access::GuildChannel;
use domain::change::ChangePosition;
use domain::channel::ChannelId;
use domain::job::{JobState, SyncScope};
use domain::pseudonym::{PseudonymKey, Pseudonymizer};
use domain::slug::TenantSlug;
use domain::tenant::{Platform, PlatformId, Tenant, TenantId, TenantName};
use ledger::Adder;
use ports::clock::Clock;
use ports::guild::GuildSource;
use ports::store::Store;
use serde_json::Value;

use crate::pages::{Client, SystemClock};
use crate::simulator::Simulator;
use crate::{Failure, memory};

/// The route of a page of messages.
const MESSAGES: &str = "/channels/{c}/messages";
/// The number of messages requested from the simulator at a time.
const CHUNK: usize = 2_000;
/// The interval of the sync's progress output.
const LINE: Duration = Duration::from_secs(10);

/// The source and the target of a measurement.
pub struct Plan {
    /// The size of the guild, as the simulator names it.
    pub guild: String,
    /// The seed of the guild.
    pub seed: u64,
    /// A `DATABASE_URL`; a file in a temporary folder if `None`.
    pub database: Option<String>,
    /// The maximum number of requests of the client per second: Discord's own limits are switched off.
    pub requests_per_second: u32,
}

/// Reads the guild twice, compares every channel, and prints the cost.
///
/// # Errors
/// If a run fails, or a channel differs from the simulator's.
pub async fn run(plan: &Plan) -> Result<(), Failure> {
    let scratch = tempfile::tempdir()?;
    let file = format!("sqlite:{}", scratch.path().join("verta.db").display());
    let database = plan.database.clone().unwrap_or(file);
    let simulator = Simulator::start(&plan.guild, plan.seed)?;
    println!("sync: the {} guild of seed {}, without limits", plan.guild, plan.seed);
    read(&simulator, plan, &database, "fresh").await?;
    let store = open(&database).await?;
    let changed = last_change(&*store).await?;
    compare(&simulator, &*store).await?;
    read(&simulator, plan, &database, "again").await?;
    if last_change(&*store).await? != changed {
        return Err("the second run has changed something".into());
    }
    println!("  the second run changed nothing");
    Ok(())
}

/// Runs a sync in a process of its own, so that its memory is measured separately.
async fn read(simulator: &Simulator, plan: &Plan, database: &str, name: &str) -> Result<(), Failure> {
    let before = simulator.requests().await?;
    let discord = &simulator.discord;
    let output = Command::new(std::env::current_exe()?)
        .args(["sync-one", "--requests-per-second", &plan.requests_per_second.to_string()])
        .args([&discord.api, &discord.guild_id])
        .env("DISCORD_BOT_TOKEN", &discord.token)
        .env("DATABASE_URL", database)
        .stderr(Stdio::inherit())
        .output()?;
    let text = String::from_utf8(output.stdout)?;
    let figures: Vec<f64> = text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    let [messages, channels, seconds, peak_mib] = figures[..] else { return Err("the sync failed".into()) };
    let calls = simulator.requests().await? - before;
    let asked = simulator.ask(&format!("/_sim/requests?after={before}")).await?;
    let pages = asked.as_array().into_iter().flatten().filter(|request| request["route"] == MESSAGES).count();
    println!(
        "  {name}: {messages:.0} messages of {channels:.0} channels in {seconds:.1} s, {:.0} messages/s; \
         {calls} calls, {pages} of them for messages; peak {peak_mib:.0} MiB",
        messages / seconds
    );
    Ok(())
}

/// Compares every channel that the bot can read, by checksum.
async fn compare(simulator: &Simulator, store: &dyn Store) -> Result<(), Failure> {
    let start = Instant::now();
    let tenant = TenantId::of(Platform::Discord, &PlatformId::new(&simulator.discord.guild_id)?);
    let people = Pseudonymizer::new(&key(), tenant);
    let ledgers = simulator.ask("/_sim/ledger").await?;
    let mut client = Client::connect(simulator.address).await?;
    let (mut equal, mut messages, mut unreadable, mut differing) = (0, 0, 0, Vec::new());
    for ledger in ledgers.as_array().ok_or("no ledger")? {
        let id = ledger["channel_id"].as_str().ok_or("a channel without an id")?;
        let held = ledger::of_held(store, ChannelId::of(tenant, id.parse()?)).await?;
        if !ledger["unreadable"].is_null() {
            unreadable += u64::from(held.messages == 0);
            continue;
        }
        let (mut adder, mut after) = (Adder::default(), "0".to_owned());
        loop {
            let path = format!("/_sim/messages?channel={id}&after={after}&limit={CHUNK}");
            let shown: Vec<Value> = serde_json::from_slice(&client.get(&path).await?)?;
            let Some(last) = shown.last().and_then(|message| message["id"].as_str()) else { break };
            last.clone_into(&mut after);
            for message in &shown {
                adder.shown(message, &people);
            }
        }
        let truth = adder.sum();
        if truth == held && Some(truth.messages) == ledger["count"].as_u64() {
            equal += 1;
            messages += truth.messages;
        } else {
            differing.push(id.to_owned());
        }
    }
    println!(
        "  {equal} of {} readable channels hold what the ledger says, {messages} messages by count, ids and contents; \
         {unreadable} that cannot be read hold nothing; compared in {:.0} s",
        equal + differing.len(),
        start.elapsed().as_secs_f64()
    );
    if differing.is_empty() { Ok(()) } else { Err(format!("these channels differ: {}", differing.join(", ")).into()) }
}

/// Returns the end of the change log.
async fn last_change(store: &dyn Store) -> Result<ChangePosition, Failure> {
    Ok(store.read().await?.changes().position().await?)
}

const fn key() -> PseudonymKey {
    PseudonymKey::new([7; 32])
}

async fn open(database: &str) -> Result<Arc<dyn Store>, Failure> {
    Ok(match database.strip_prefix("sqlite:") {
        Some(path) => Arc::new(SqliteStore::open(Path::new(path), 10)?),
        None => Arc::new(TidbStore::open(&database.parse()?, OpenOptions::default()).await?),
    })
}

/// A listener that prints the progress of a run at intervals.
struct Lines(Instant, std::sync::Mutex<Instant>);

impl SyncListener for Lines {
    fn begin(&self, _: &GuildChannel) {}
    fn end(&self, _: &GuildChannel) {}

    fn at(&self, progress: domain::job::Progress) {
        let mut said = self.1.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if said.elapsed() >= LINE {
            *said = Instant::now();
            eprintln!("    {} s: {} messages", self.0.elapsed().as_secs(), progress.messages);
        }
    }
}

/// Reads the guild from the API at `api` into `DATABASE_URL` with `DISCORD_BOT_TOKEN`, and prints the messages read,
/// the channels, the seconds and the peak memory in MiB.
///
/// # Errors
/// If not all of it could be read.
pub async fn once(api: &str, guild: &str, requests_per_second: u32) -> Result<(), Failure> {
    let store = open(&std::env::var("DATABASE_URL")?).await?;
    let mut config = ClientConfig::new(std::env::var("DISCORD_BOT_TOKEN")?.parse()?);
    config.api = api.parse()?;
    config.requests_per_second = requests_per_second;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let guild = PlatformId::new(guild)?;
    let (slug, name) = (TenantSlug::from_name("simulated"), TenantName::new("Simulated")?);
    let tenant = Tenant::new(Platform::Discord, guild, slug, name, clock.now());
    let mut unit = store.begin().await?;
    if unit.tenants().find(tenant.id).await?.is_none() {
        unit.tenants().insert(&tenant).await?;
    }
    unit.commit().await?;
    let client = Arc::new(DiscordClient::new(config, Arc::clone(&clock)));
    let jobs = SyncJobs::new(Arc::clone(&store), Arc::clone(&clock));
    let job = jobs.request(&tenant, SyncMode::Incremental, &SyncScope::default()).await?;
    let candidate = Candidate::new(Arc::clone(&store), Arc::clone(&clock), Process::current(), &client.account());
    let leader = candidate.elect().await?.map_err(|_| "another process works with this token")?;
    let syncer = Syncer::new(store, client, key(), clock);
    let start = Instant::now();
    let lines = Lines(start, start.into());
    let stops = Stops::default();
    let job = tokio::select! {
        job = syncer.run(&job, &leader, &stops, &lines) => job?,
        never = leader.renew_lease() => match never {},
    };
    leader.resign().await;
    let seconds = start.elapsed().as_secs_f64();
    if job.state != JobState::Done {
        return Err(job.error.unwrap_or_else(|| job.state.as_str().to_owned()).into());
    }
    let peak = memory::peak_mib().ok_or("the kernel does not tell the peak memory")?;
    println!("{} {} {seconds} {peak}", job.progress.messages, job.progress.channels_done);
    Ok(())
}
