//! Two programs that copy the same guild, killed repeatedly, on a store that becomes unavailable in between.

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::process::Child;
use std::sync::Arc;
use std::time::{Duration, Instant};

use adapter_sqlite::SqliteStore;
use app_core::follow::{Follower, Lag, Subscriber};
use async_trait::async_trait;
use discord_simulator::{ChannelPlan, Options, Simulator, kind};
use domain::change::{Change, ChangeKind, ChangePosition};
use domain::channel::ChannelId;
use domain::coverage::Interval;
use domain::message::MessageId;
use domain::tenant::{Platform, PlatformId, TenantId};
use ports::store::Store;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::program::{assert_whole, settings_of};
use super::world::MESSAGES;
use crate::contract::fixture::one_channel;
use crate::faults::{address_through, upstream};
use crate::program::Installation;
use crate::proxy::{Fault, Proxy};
use crate::server::Database;

/// The number of times that one of them is killed.
const KILLS: usize = 50;
/// The maximum number of requests between two kills.
const GAP: u32 = 24;
/// The latency of a response, so that a kill happens while some are under way.
const LATENCY_MS: u64 = 20;
/// The time limit of every operation.
const PATIENCE: Duration = Duration::from_mins(2);

/// Returns a pseudo-random number below `bound`, the same in every run.
fn random(round: usize, bound: u32) -> u32 {
    let hash = Sha256::digest(format!("kill {round}"));
    u32::from_le_bytes(*hash.first_chunk().unwrap()) % bound
}

/// Forty channels of thirty pages.
async fn simulator() -> Simulator {
    let plan = (0..40).map(|number| ChannelPlan::new(&format!("channel-{number}"), kind::TEXT, 3_000)).collect();
    let options = Options { rest_latency_ms: LATENCY_MS, ..Options::planned(5, plan).unlimited() };
    Simulator::start(options).await.unwrap()
}

/// Collects the changes that a follower passes on.
#[derive(Default)]
struct Collected(watch::Sender<Vec<Change>>);

#[async_trait]
impl Subscriber for Collected {
    async fn receive(&self, changes: &[Change], _: &ChangePosition) {
        self.0.send_modify(|collected| collected.extend(changes));
    }

    async fn resync(&self, _: &ChangePosition) {}
}

/// A follower in the process of the test, beside those that are killed.
struct Beside {
    store: Arc<dyn Store>,
    changes: watch::Receiver<Vec<Change>>,
    lag: Lag,
    stop: CancellationToken,
}

impl Beside {
    /// Creates the tenant, and follows the log of its archive from then on.
    async fn start(
        installation: &Installation,
        simulator: &Simulator,
        store: impl AsyncFnOnce() -> Arc<dyn Store>,
    ) -> Self {
        let guild = simulator.guild_id().to_string();
        assert!(installation.run(&["tenant", "create", &guild, "Simulated"]).status.success());
        let (store, collected, stop) = (store().await, Collected::default(), CancellationToken::new());
        let changes = collected.0.subscribe();
        let mut follower = Follower::new(Arc::clone(&store), vec![Arc::new(collected)]);
        follower.step().await.unwrap();
        let lag = follower.lag();
        tokio::spawn(follower.run(stop.clone()));
        Self { store, changes, lag, stop }
    }

    /// Asserts that the follower has received a change of every message, without a resync.
    async fn assert_missed_nothing(mut self, simulator: &Simulator) {
        let (last, _) = one_channel(&*self.store).await;
        let is_last = |changes: &Vec<Change>| changes.iter().any(|change| change.tenant_id == last.id);
        let changes = timeout(PATIENCE, self.changes.wait_for(is_last)).await.unwrap().unwrap().clone();
        self.stop.cancel();
        assert_eq!(self.lag.resyncs(), 0);
        let mut pages: HashMap<ChannelId, Vec<Interval>> = HashMap::new();
        let mut created: HashSet<(ChannelId, MessageId)> = HashSet::new();
        for change in changes {
            match change.kind {
                ChangeKind::Page { channel, interval } => pages.entry(channel).or_default().push(interval),
                ChangeKind::Created { channel, message } => {
                    created.insert((channel, message));
                }
                _ => {}
            }
        }
        let guild = PlatformId::new(&simulator.guild_id().to_string()).unwrap();
        let tenant = TenantId::of(Platform::Discord, &guild);
        for id in simulator.channels() {
            let channel = ChannelId::of(tenant, id.to_string().parse().unwrap());
            let pages = pages.remove(&channel).unwrap_or_default();
            for message in simulator.messages(id, 0, usize::MAX) {
                let message: MessageId = message["id"].as_str().unwrap().parse().unwrap();
                let is_told = created.contains(&(channel, message)) || pages.iter().any(|page| page.contains(message));
                assert!(is_told, "no change of {message} in {channel}");
            }
        }
    }
}

/// Runs two programs on the same guild; repeatedly kills one of them and starts another in its place. Returns the job
/// with which the last one ends, and the number of requests at each kill.
fn compete(installation: &Installation, simulator: &Simulator, between: impl Fn(usize)) -> (Value, Vec<usize>) {
    let start = || -> Child {
        let mut command = installation.command(&["sync", "simulated", "--json"]);
        command.envs(settings_of(simulator)).spawn().unwrap()
    };
    let mut programs = [start(), start()];
    let mut kills = Vec::new();
    for round in 0..KILLS {
        let due = simulator.requests(0).len() + 1 + random(round, GAP) as usize;
        let begun = Instant::now();
        while simulator.requests(0).len() < due {
            assert!(begun.elapsed() < PATIENCE, "no request arrives");
            for program in &mut programs {
                if program.try_wait().unwrap().is_some() {
                    let mut said = String::new();
                    program.stderr.take().unwrap().read_to_string(&mut said).unwrap();
                    panic!("it ended before round {round}: {said}");
                }
            }
            std::thread::yield_now();
        }
        let victim = random(round + KILLS, 2) as usize;
        programs[victim].kill().unwrap();
        programs[victim].wait().unwrap();
        kills.push(simulator.requests(0).len());
        between(round);
        programs[victim] = start();
    }
    let [first, second] = programs.map(|program| program.wait_with_output().unwrap());
    for output in [&first, &second] {
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        assert!(!said.contains("panicked"), "{said}");
    }
    (serde_json::from_slice(&first.stdout).unwrap(), kills)
}

/// The maximum number of concurrent requests of a program.
const IN_FLIGHT: usize = 64;

/// Asserts that a page was fetched again only if it was the last request for its channel before a kill.
fn assert_nothing_was_read_twice(simulator: &Simulator, kills: &[usize]) {
    let mut of_channel: HashMap<String, Vec<(usize, String)>> = HashMap::new();
    for (index, request) in simulator.requests(0).into_iter().enumerate() {
        if request.route == MESSAGES {
            of_channel.entry(request.path).or_default().push((index, request.query));
        }
    }
    let mut again = 0;
    for (channel, asked) in &of_channel {
        for (place, (index, page)) in asked.iter().enumerate() {
            let Some((later, _)) = asked[place + 1..].iter().find(|(_, other)| other == page) else { continue };
            let next = asked[place + 1].0;
            // Requests sent by the killed process can reach the simulator after the kill.
            let in_flight = kills.iter().any(|kill| *index < kill + IN_FLIGHT && *kill <= next && kill <= later);
            assert!(in_flight, "{channel}?{page} was read twice, requests {index} and {later} of {kills:?}");
            again += 1;
        }
    }
    assert!(again > 0, "no kill met anything");
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_kills_of_two_competing_programs_lose_nothing_and_read_nothing_twice() {
    let (simulator, installation) = (simulator().await, Installation::new());
    let open = async || Arc::new(SqliteStore::open(&installation.database(), 1).unwrap()) as Arc<dyn Store>;
    let beside = Beside::start(&installation, &simulator, open).await;
    let work = tokio::task::spawn_blocking(move || {
        let (job, kills) = compete(&installation, &simulator, |_| {});
        assert_eq!((&job["state"], &job["error"]), (&"done".into(), &Value::Null));
        assert_nothing_was_read_twice(&simulator, &kills);
        (installation, simulator)
    });
    let (installation, simulator) = work.await.unwrap();
    assert_whole(&installation, &simulator, &*beside.store).await;
    beside.assert_missed_nothing(&simulator).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a MySQL-protocol server"]
async fn a_server_that_goes_away_while_a_program_begins_is_waited_for() {
    let plan = vec![ChannelPlan::new("general", kind::TEXT, 10)];
    let simulator = Simulator::start(Options::planned(5, plan).unlimited()).await.unwrap();
    let database = Database::new().await;
    let proxy = Proxy::start(upstream(&database).await).await;
    let address = address_through(&proxy, &database);
    let guild = simulator.guild_id().to_string();
    let work = tokio::task::spawn_blocking(move || {
        let installation = Installation::at(&address);
        assert!(installation.run(&["tenant", "create", &guild, "Simulated"]).status.success());
        for words in [
            "FROM migrations",
            "FROM tenants",
            "FROM jobs",
            "INSERT INTO jobs",
            "COMMIT",
            "FROM leases",
            "UPDATE leases",
        ] {
            for fault in [Fault::CutBefore, Fault::CutAfter] {
                proxy.next(words, fault);
                let output =
                    installation.command(&["sync", "simulated"]).envs(settings_of(&simulator)).output().unwrap();
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{words}, {fault:?}: {said}");
                assert!(!proxy.heal(), "{words}: nothing was cut");
            }
        }
    });
    work.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a MySQL-protocol server"]
async fn fifty_kills_on_a_server_that_restarts_now_and_then_lose_nothing() {
    let simulator = simulator().await;
    let database = Database::new().await;
    let proxy = Proxy::start(upstream(&database).await).await;
    let installation = Installation::at(&address_through(&proxy, &database));
    let open = async || Arc::new(database.store().await) as Arc<dyn Store>;
    let beside = Beside::start(&installation, &simulator, open).await;
    let work = tokio::task::spawn_blocking(move || {
        let runtime = Handle::current();
        let restart = |round: usize| {
            if round % 10 == 5 {
                runtime.block_on(async {
                    proxy.close().await;
                    proxy.open().await;
                });
            }
        };
        let (job, _) = compete(&installation, &simulator, restart);
        assert_eq!((&job["state"], &job["error"]), (&"done".into(), &Value::Null));
        (installation, simulator, proxy)
    });
    let (installation, simulator, _proxy) = work.await.unwrap();
    assert_whole(&installation, &simulator, &*beside.store).await;
    beside.assert_missed_nothing(&simulator).await;
}
