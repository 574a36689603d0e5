//! The program itself, killed and on a server.

use std::collections::HashMap;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use adapter_sqlite::SqliteStore;
use discord_simulator::{Act, ChannelPlan, GuildSize, Options, Simulator, kind};
use domain::channel::ChannelId;
use domain::pseudonym::{PseudonymKey, Pseudonymizer};
use domain::tenant::{Platform, PlatformId, TenantId};
use ports::store::Store;
use serde_json::{Value, json};

use super::world::{MESSAGES, shown_count};
use crate::program::{Installation, KEY};
use crate::server::Database;

/// The number of times that a run is killed.
const KILLS: usize = 20;
/// The number of requests between two kills.
const GAP: usize = 9;

/// A guild without limits, and the settings that point at it.
async fn simulator() -> (Simulator, [(&'static str, String); 2]) {
    let simulator = Simulator::start(Options::new(11, GuildSize::Small).unlimited()).await.unwrap();
    let settings = settings_of(&simulator);
    (simulator, settings)
}

/// The settings that point at a simulator.
pub(super) fn settings_of(simulator: &Simulator) -> [(&'static str, String); 2] {
    [("DISCORD_API_URL", simulator.api_url()), ("DISCORD_BOT_TOKEN", simulator.token().to_owned())]
}

/// Creates the tenant, kills `kills` runs, and returns the job of one more.
fn sync(installation: &Installation, simulator: &Simulator, settings: &[(&str, String)], kills: usize) -> Value {
    let guild = simulator.guild_id().to_string();
    assert!(installation.run(&["tenant", "create", &guild, "Simulated"]).status.success());
    let command = || {
        let mut command = installation.command(&["sync", "simulated", "--json"]);
        command.envs(settings.iter().map(|(name, value)| (name, value)));
        command
    };
    for _ in 0..kills {
        let before = simulator.requests(0).len();
        let mut child = command().spawn().unwrap();
        let begun = Instant::now();
        while simulator.requests(0).len() < before + GAP && child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < Duration::from_mins(1), "it asks nothing");
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let output = command().output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
}

/// Asserts that every readable channel has exactly its real messages, by their contents in `store` and by the coverage
/// that the program reports.
pub(super) async fn assert_whole(installation: &Installation, simulator: &Simulator, store: &dyn Store) {
    let output = installation.run(&["coverage", "simulated", "--json"]);
    let coverage: Value = serde_json::from_slice(&output.stdout).unwrap();
    let held: HashMap<&str, &Value> =
        coverage["items"].as_array().unwrap().iter().map(|one| (one["channel_id"].as_str().unwrap(), one)).collect();
    let guild = PlatformId::new(&simulator.guild_id().to_string()).unwrap();
    let tenant = TenantId::of(Platform::Discord, &guild);
    let people = Pseudonymizer::new(&PseudonymKey::new(KEY), tenant);
    for id in simulator.channels() {
        let ledger = simulator.ledger(id).unwrap();
        if ledger.unreadable.is_none() {
            let channel = ChannelId::of(tenant, id.to_string().parse().unwrap());
            let messages = simulator.messages(id, 0, usize::MAX);
            let truth = ledger::of_shown(&messages, &people);
            assert_eq!(messages.len() as u64, ledger.count, "{id}");
            assert_eq!(ledger::of_held(store, channel).await.unwrap(), truth, "{id}");
            let found = held[channel.to_string().as_str()];
            assert_eq!(
                (&found["message_count"], &found["state"]),
                (&shown_count(&messages).into(), &"complete".into()),
                "{id}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_between_pages_20_times() {
    let (simulator, settings) = simulator().await;
    let (simulator, installation) = tokio::task::spawn_blocking(move || {
        let installation = Installation::new();
        let job = sync(&installation, &simulator, &settings, KILLS);
        assert_eq!((&job["state"], &job["error"]), (&"done".into(), &Value::Null));
        (simulator, installation)
    })
    .await
    .unwrap();
    let store = SqliteStore::open(&installation.database(), 1).unwrap();
    assert_whole(&installation, &simulator, &store).await;
    let pages: Vec<_> = simulator.requests(0).into_iter().filter(|request| request.route == MESSAGES).collect();
    let mut asked: HashMap<_, usize> = HashMap::new();
    for request in &pages {
        *asked.entry((&request.path, &request.query)).or_default() += 1;
    }
    let again: usize = asked.values().map(|times| times - 1).sum();
    // Only the requests that were under way at a kill are repeated.
    assert!(again <= KILLS * 64, "{again} of {} pages were fetched again", pages.len());
    let most = asked.values().max().unwrap();
    assert!(*most <= KILLS + 1, "one page was fetched {most} times");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a MySQL-protocol server"]
async fn kill_9_between_pages_on_a_server() {
    let (simulator, settings) = simulator().await;
    let database = Database::new().await;
    let address = database.address();
    let (simulator, installation) = tokio::task::spawn_blocking(move || {
        let installation = Installation::at(&address);
        let job = sync(&installation, &simulator, &settings, 5);
        assert_eq!((&job["state"], &job["error"]), (&"done".into(), &Value::Null));
        (simulator, installation)
    })
    .await
    .unwrap();
    assert_whole(&installation, &simulator, &database.store().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_cancels_the_job_and_leaves_no_partial_file() {
    let plan = vec![ChannelPlan::new("general", kind::TEXT, 0)];
    let simulator = Simulator::start(Options::planned(5, plan).unlimited()).await.unwrap();
    let channel_id = simulator.channel("general").unwrap();
    let mut ids = (1_100_000_000_000_000_000_u64..).filter(|id| Simulator::file(*id).is_some());
    for id in ids.by_ref().take(200) {
        let url = format!("/attachments/{channel_id}/{id}/otter.png");
        let size = Simulator::file(id).unwrap().len();
        let file = json!({"id": id.to_string(), "filename": "otter.png", "size": size, "url": url});
        let raw = json!({"attachments": [file]}).as_object().unwrap().clone();
        simulator.act(Act::Send { channel_id, content: String::new(), raw }).unwrap();
    }
    let (served, heard) = mpsc::channel();
    simulator.on_file(20, move || served.send(()).unwrap());
    let work = tokio::task::spawn_blocking(move || {
        let (installation, guild) = (Installation::new(), simulator.guild_id().to_string());
        assert!(installation.run(&["tenant", "create", &guild, "Simulated"]).status.success());
        let child =
            installation.command(&["sync", "simulated", "--json"]).envs(settings_of(&simulator)).spawn().unwrap();
        heard.recv_timeout(Duration::from_mins(1)).unwrap();
        let asked = std::process::Command::new("kill").arg("-TERM").arg(child.id().to_string()).status().unwrap();
        assert!(asked.success());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1), "the signal does not end it: {output:?}");
        let job: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(job["state"], "cancelled");
        let kept = walkdir::WalkDir::new(installation.path("data/media")).into_iter().map(Result::unwrap);
        let kept: Vec<_> = kept.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path).collect();
        assert!(kept.len() >= 8 && kept.len() < 200, "{}", kept.len());
        assert!(!kept.iter().any(|path| path.to_str().unwrap().contains("incoming")), "{kept:?}");
    });
    work.await.unwrap();
}

#[test]
fn what_is_missing_is_told() {
    let installation = Installation::new();
    installation.run(&["tenant", "create", "1100000000000000001", "Needles"]);
    let output = installation.run(&["sync", "needles"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("DISCORD_BOT_TOKEN") && said.contains("Message Content Intent"), "{said}");
    for (name, value) in [("DISCORD_BOT_TOKEN", "two words"), ("DISCORD_API_URL", "nowhere")] {
        let output = installation.command(&["tenant", "list"]).env(name, value).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(name) && !said.contains(value), "{said}");
    }
}
