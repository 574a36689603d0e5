//! `verta doctor`, run as a user runs it.

use std::os::unix::fs::PermissionsExt;
use std::process::Output;

use discord_simulator::{Act, BotChange, ChannelPlan, GatewayFault, Options, Rights, Simulator, kind};
use serde_json::Value;

use crate::program::Installation;
use crate::server::Database;

/// The exit code, and the checks by name: their state and detail.
struct Checks {
    code: i32,
    all: Vec<(String, String, String)>,
    said: String,
}

impl Checks {
    fn of(output: &Output) -> Self {
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
        let text = |check: &Value, key: &str| check[key].as_str().unwrap().to_owned();
        let all = report["checks"].as_array().unwrap().iter();
        let all = all.map(|check| (text(check, "name"), text(check, "state"), text(check, "detail"))).collect();
        Self { code: output.status.code().unwrap(), all, said }
    }

    fn states(&self) -> Vec<(&str, &str)> {
        self.all.iter().map(|(name, state, _)| (name.as_str(), state.as_str())).collect()
    }

    fn state(&self, name: &str) -> &str {
        self.find(name).0
    }

    fn detail(&self, name: &str) -> &str {
        self.find(name).1
    }

    fn find(&self, name: &str) -> (&str, &str) {
        let found = self.all.iter().find(|(other, ..)| other == name);
        found.map_or_else(|| panic!("{name}: {}", self.said), |(_, state, detail)| (state.as_str(), detail.as_str()))
    }
}

/// A guild with a channel that the bot may read, and two that it may not.
async fn simulator() -> Simulator {
    let plan = vec![
        ChannelPlan::new("general", kind::TEXT, 5),
        ChannelPlan::new("silent", kind::TEXT, 5).rights(Rights::NoHistory),
        ChannelPlan::new("closed", kind::VOICE, 5).rights(Rights::NoConnect),
    ];
    Simulator::start(Options::planned(1, plan).unlimited()).await.unwrap()
}

/// Runs the checks of an installation whose bot is in the simulator's guild, on a thread that lets the simulator run.
fn check(installation: &Installation, simulator: &Simulator) -> Checks {
    let mut command = installation.command(&["doctor", "--json"]);
    command.env("DISCORD_API_URL", simulator.api_url()).env("DISCORD_BOT_TOKEN", simulator.token());
    let checks = Checks::of(&command.output().unwrap());
    assert!(!checks.said.contains(simulator.token()) && !checks.said.contains(&"5a".repeat(32)), "{}", checks.said);
    checks
}

fn make_tenant(installation: &Installation, simulator: &Simulator) {
    let guild = simulator.guild_id().to_string();
    assert!(installation.run(&["tenant", "create", &guild, "Simulated"]).status.success());
}

/// Asserts the checks of an installation with a community of which the bot may read a part.
fn assert_found(checks: &Checks) {
    let expected = [
        ("database", "ok"),
        ("migrations", "ok"),
        ("key", "ok"),
        ("media store", "ok"),
        ("token", "ok"),
        ("message content", "ok"),
        ("members", "ok"),
        ("interactions", "ok"),
        ("gateway", "ok"),
        ("guilds", "ok"),
        ("guild simulated", "ok"),
        ("channels simulated", "warning"),
        ("private threads simulated", "warning"),
        ("admin key", "ok"),
        ("public url", "ok"),
        ("bind", "ok"),
    ];
    assert_eq!((checks.states(), checks.code), (expected.to_vec(), 0), "{}", checks.said);
    let channels = checks.detail("channels simulated");
    assert!(channels.contains("1 of 3") && channels.contains("the history of #silent"), "{channels}");
    assert!(channels.contains("connect to #closed"), "{channels}");
    assert!(checks.detail("private threads simulated").contains("#general"), "{}", checks.said);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_bot_may_read_and_what_it_may_not_is_told() {
    let simulator = simulator().await;
    tokio::task::spawn_blocking(move || {
        let installation = Installation::new();
        let before = check(&installation, &simulator);
        assert_eq!((before.state("database"), before.code), ("warning", 0), "{}", before.said);
        assert!(!installation.database().exists() && !installation.path("data").exists(), "nothing is made");
        make_tenant(&installation, &simulator);
        assert_found(&check(&installation, &simulator));
        let change = |change| drop(simulator.act(Act::SetBot { change }).unwrap());
        change(BotChange { content: Some(false), ..BotChange::default() });
        let blank = check(&installation, &simulator);
        assert_eq!((blank.state("message content"), blank.state("token"), blank.code), ("failed", "ok", 1));
        assert!(blank.detail("gateway").starts_with("reachable with 1 shard; 1000 new sessions"), "{}", blank.said);
        assert!(blank.detail("interactions").contains("no Interactions Endpoint URL"), "{}", blank.said);
        simulator.gateway_fault(&GatewayFault::SpendIdentifies { count: 970 });
        change(BotChange { content: Some(true), interactions_endpoint: Some(true), ..BotChange::default() });
        let spent = check(&installation, &simulator);
        assert_eq!((spent.state("gateway"), spent.code), ("warning", 0), "{}", spent.said);
        assert!(spent.detail("gateway").starts_with("only 30 new sessions may be started until 20"), "{}", spent.said);
        assert!(spent.detail("interactions").contains("an Interactions Endpoint URL"), "{}", spent.said);
        change(BotChange { content: Some(true), removed: Some(true), ..BotChange::default() });
        let removed = check(&installation, &simulator);
        assert_eq!((removed.state("guilds"), removed.code), ("failed", 1), "{}", removed.said);
        assert!(removed.detail("guild simulated").contains("invite it"), "{}", removed.said);
        change(BotChange { token_revoked: Some(true), ..BotChange::default() });
        let refused = check(&installation, &simulator);
        assert_eq!((refused.state("token"), refused.state("database"), refused.code), ("failed", "ok", 1));
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a MySQL-protocol server"]
async fn an_archive_on_a_server_is_checked_and_not_migrated() {
    let (simulator, database) = (simulator().await, Database::new().await);
    let address = database.address();
    tokio::task::spawn_blocking(move || {
        let installation = Installation::at(&address);
        for _ in 0..2 {
            let before = check(&installation, &simulator);
            assert_eq!((before.state("database"), before.state("migrations")), ("ok", "warning"), "{}", before.said);
            assert!(before.detail("migrations").contains("0001_tenants"), "{}", before.said);
            assert_eq!(before.code, 0);
        }
        make_tenant(&installation, &simulator);
        assert_found(&check(&installation, &simulator));
    })
    .await
    .unwrap();
    drop(database);
}

#[test]
fn what_is_broken_on_this_machine_is_told_all_at_once() {
    let installation = Installation::new();
    std::fs::create_dir(installation.path("data")).unwrap();
    std::fs::write(installation.database(), "this is a diary and no database, and long enough to be read as one\n")
        .unwrap();
    let key = installation.path("data/verta.db.key");
    std::fs::write(&key, "5b".repeat(32)).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let run = |name: &str, value: &str| {
        let mut command = installation.command(&["doctor", "--json"]);
        command.env_remove("PSEUDONYM_KEY").env("DISCORD_BOT_TOKEN", "two words").env(name, value);
        Checks::of(&command.output().unwrap())
    };
    let checks = run("LOG", "info");
    let expected = [
        ("database", "failed"),
        ("key", "warning"),
        ("media store", "ok"),
        ("token", "failed"),
        ("admin key", "ok"),
        ("public url", "ok"),
        ("bind", "ok"),
    ];
    assert_eq!((checks.states(), checks.code), (expected.to_vec(), 1), "{}", checks.said);
    assert!(checks.detail("database").contains("not a SQLite database"), "{}", checks.said);
    assert!(checks.detail("key").contains("chmod 600"), "{}", checks.said);
    assert!(checks.detail("token").contains("DISCORD_BOT_TOKEN"), "{}", checks.said);
    assert!(!checks.said.contains("two words") && !checks.said.contains("5b5b"), "{}", checks.said);
    let checks = run("DATABASE_URL", "mysql://verta:hidden@127.0.0.1:1/verta");
    assert_eq!((checks.state("database"), checks.state("key"), checks.state("token")), ("failed", "failed", "failed"));
    assert!(checks.detail("database").contains("127.0.0.1:1") && !checks.said.contains("hidden"), "{}", checks.said);
    let checks = run("PSEUDONYM_KEY", &"5a".repeat(32));
    assert!(checks.detail("key").contains("another key"), "{}", checks.said);
}

#[test]
fn for_people_a_check_is_a_line() {
    let installation = Installation::new();
    let output = installation.run(&["doctor"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    let words: Vec<&str> = text.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(words, ["warning", "ok", "ok", "warning", "ok", "ok", "ok"], "{text}");
    assert!(text.contains("DISCORD_BOT_TOKEN is not set"), "{text}");
}
