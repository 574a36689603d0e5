use std::path::PathBuf;
use std::sync::Arc;

use domain::access::{Access, Denied, GuildChannel, GuildStructure};
use domain::channel::{Channel, ChannelKind};
use domain::coverage::Coverage;
use domain::domain_name::DomainName;
use domain::guild::GuildItems;
use domain::pseudonym::{KeyCheck, PseudonymKey};
use domain::slug::TenantSlug;
use domain::tenant::{Platform, PlatformId, Tenant, TenantName};
use domain::timestamp::Timestamp;
use ports::event::{GatewayError, GatewayPlan, MockEventSource};
use ports::guild::{BotIdentity, GuildError, JoinedGuild, MockGuildSource};
use ports::mock::{FakeStore, FakeUnitOfWork};
use ports::upkeep::MockMediaUpkeep;

use super::{Archive, Bot, Check, Doctor, Files, Key, State};

const GUILD: &str = "1100000000000000001";

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).unwrap()
}

fn doctor(archive: Archive, key: Key, bot: Bot) -> Doctor {
    let bind = "127.0.0.1:25000".parse().unwrap();
    let mut media = MockMediaUpkeep::new();
    media.expect_probe().returning(|| Ok(()));
    let files = Files::Set(Arc::new(media));
    Doctor { archive, key, files, bot, has_admin_key: false, public_url: None, bind, counts_peers: false }
}

fn state(checks: &[Check], name: &str) -> State {
    check(checks, name).state
}

fn check<'a>(checks: &'a [Check], name: &str) -> &'a Check {
    checks.iter().find(|check| check.name == name).unwrap_or_else(|| panic!("{name} is not among {checks:?}"))
}

fn tenant() -> Tenant {
    let (slug, name) = (TenantSlug::new("needles").unwrap(), TenantName::new("Needles").unwrap());
    Tenant::new(Platform::Discord, PlatformId::new(GUILD).unwrap(), slug, name, at(1))
}

fn channel(number: u64, name: &str, kind: ChannelKind) -> Channel {
    Channel::new(tenant().id, number.to_string().parse().unwrap(), kind, name.to_owned())
}

fn seen(number: u64, name: &str, access: Access) -> GuildChannel {
    let channel = channel(number, name, ChannelKind::TEXT);
    GuildChannel { channel, access, manages_threads: true, last_message_id: None }
}

fn structure(channels: Vec<GuildChannel>) -> GuildStructure {
    let name = "The Needles".to_owned();
    let hidden = vec!["90".parse().unwrap()];
    GuildStructure {
        observed_at: at(1),
        name,
        channels,
        hidden,
        roles: None,
        emojis: None,
        stickers: None,
        icons: vec![],
    }
}

/// An archive with one tenant with these channels.
fn archive(held: Vec<Channel>, was_read: bool) -> Archive {
    archive_with(held, was_read, 0)
}

/// The same, with this number of unreadable items in each of two channels.
fn archive_with(held: Vec<Channel>, was_read: bool, aside: u64) -> Archive {
    let mut of_tenants = FakeUnitOfWork::default();
    of_tenants
        .tenants
        .expect_list()
        .returning(|page| Ok(if page.after.is_none() { vec![tenant()] } else { Vec::new() }));
    let observed_at = was_read.then(|| at(1));
    of_tenants.guilds.expect_list().returning(move |_| Ok(GuildItems { observed_at, ..GuildItems::default() }));
    let mut of_channels = FakeUnitOfWork::default();
    of_channels.channels.expect_list().return_once(move |_, _, _| Ok(held));
    of_channels.coverage.expect_find().returning(|channel_id| {
        let reason = (channel_id == channel(81, "gone", ChannelKind::TEXT).id).then(|| "deleted".to_owned());
        let coverage = Coverage {
            channel_id,
            interval: None,
            start_reached: false,
            message_count: 0,
            unreadable_count: 0,
            reason,
            checked_at: None,
            read_whole_at: None,
        };
        Ok(Some(coverage))
    });
    let mut of_coverage = FakeUnitOfWork::default();
    of_coverage.coverage.expect_list().returning(move |_, page| {
        let of = |number: u64| Coverage {
            channel_id: channel(number, "any", ChannelKind::TEXT).id,
            interval: None,
            start_reached: false,
            message_count: 0,
            unreadable_count: aside,
            reason: None,
            checked_at: None,
            read_whole_at: None,
        };
        Ok(if page.after.is_none() { vec![of(82), of(83)] } else { Vec::new() })
    });
    Archive::Ready(Arc::new(FakeStore::new([unit_with_key(None), of_tenants, of_channels, of_coverage])))
}

fn bot(content: bool, joined: bool, found: Result<GuildStructure, GuildError>) -> Bot {
    let mut source = MockGuildSource::new();
    source.expect_identify().return_once(move || Ok(identity(content)));
    let guild = JoinedGuild { id: GUILD.parse().unwrap(), name: "The Needles".to_owned() };
    let joined = if joined { vec![guild] } else { Vec::new() };
    source.expect_guilds().return_once(move || Ok(joined));
    source.expect_structure().return_once(move |_| found);
    Bot::Set { guilds: Arc::new(source), events: events(900) }
}

const fn identity(content: bool) -> BotIdentity {
    BotIdentity { reads_content: content, reads_members: false, has_interactions_endpoint: false }
}

/// A gateway with as many new sessions left.
fn events(left: u32) -> Arc<MockEventSource> {
    let mut events = MockEventSource::new();
    let plan = GatewayPlan { shards: 1, identifies_left: left, resets_at: at(5), max_concurrency: 1 };
    events.expect_plan().returning(move || Ok(plan));
    Arc::new(events)
}

fn key() -> Key {
    Key::Set { other: None, check: check_of(1) }
}

fn check_of(byte: u8) -> KeyCheck {
    PseudonymKey::new([byte; 32]).check()
}

/// A unit of an archive with this check value of its key, and without data.
fn unit_with_key(check: Option<KeyCheck>) -> FakeUnitOfWork {
    let mut unit = FakeUnitOfWork::default();
    unit.archive.expect_key_check().returning(move || Ok(check));
    unit.tenants.expect_list().returning(|_| Ok(Vec::new()));
    unit
}

#[tokio::test]
async fn where_all_is_well_every_check_is_ok() {
    let mut whole = structure(vec![seen(1, "general", Access::Readable)]);
    whole.hidden.clear();
    let checks = doctor(archive(Vec::new(), true), key(), bot(true, true, Ok(whole))).run().await;
    assert!(checks.iter().all(|check| check.state == State::Ok), "{checks:?}");
    let names: Vec<&str> = checks.iter().map(|check| check.name.as_str()).collect();
    let expected = [
        "database",
        "migrations",
        "key",
        "media store",
        "token",
        "message content",
        "members",
        "interactions",
        "gateway",
        "guilds",
        "guild needles",
        "channels needles",
        "private threads needles",
        "admin key",
        "public url",
        "bind",
    ];
    assert_eq!(names, expected);
}

#[tokio::test]
async fn what_cannot_be_read_is_named_with_the_right_that_it_needs() {
    let mut channels = vec![seen(1, "general", Access::Readable)];
    channels[0].manages_threads = false;
    channels.extend((2..14).map(|number| seen(number, &format!("quiet-{number}"), Access::Denied(Denied::History))));
    channels.push(seen(20, "voice\u{1b}[31m", Access::Denied(Denied::Connect)));
    let held = vec![
        channel(80, "hidden", ChannelKind::TEXT),
        channel(81, "gone", ChannelKind::TEXT),
        channel(82, "Staff", ChannelKind::CATEGORY),
        channel(1, "general", ChannelKind::TEXT),
    ];
    let checks = doctor(archive(held, true), key(), bot(true, true, Ok(structure(channels)))).run().await;
    let found = check(&checks, "channels needles");
    assert_eq!(found.state, State::Warning);
    assert_eq!(
        found.detail,
        "the bot may read 1 of 16; it may not view #hidden, 90: grant it View Channels there; it may not read the \
         history of #quiet-2, #quiet-3, #quiet-4, #quiet-5, #quiet-6, #quiet-7, #quiet-8, #quiet-9, #quiet-10, \
         #quiet-11 and 2 more: grant it Read Message History there; it may not connect to #voice[31m: grant it Connect \
         there"
    );
    let threads = check(&checks, "private threads needles");
    assert_eq!(threads.state, State::Warning);
    assert!(threads.detail.contains("Manage Threads") && threads.detail.contains("#general"), "{}", threads.detail);
}

#[tokio::test]
async fn messages_that_could_not_be_read_are_counted() {
    let whole = || structure(vec![seen(1, "general", Access::Readable)]);
    let checks = doctor(archive_with(Vec::new(), true, 7), key(), bot(true, true, Ok(whole()))).run().await;
    let found = check(&checks, "messages needles");
    assert_eq!(found.state, State::Warning);
    assert!(found.detail.starts_with("14 ") && found.detail.contains("`verta coverage needles`"), "{found:?}");
    let checks = doctor(archive(Vec::new(), true), key(), bot(true, true, Ok(whole()))).run().await;
    assert!(checks.iter().all(|check| check.name != "messages needles"), "{checks:?}");
}

#[tokio::test]
async fn a_check_that_fails_keeps_no_other_from_being_made() {
    let broken = Archive::Broken("the server is gone: start it".to_owned());
    let checks = doctor(broken, Key::Missing(None), bot(false, true, Err(GuildError::Parked))).run().await;
    for (name, expected) in [
        ("database", State::Failed),
        ("key", State::Failed),
        ("token", State::Ok),
        ("message content", State::Failed),
        ("guilds", State::Ok),
        ("communities", State::Warning),
        ("bind", State::Ok),
    ] {
        assert_eq!(state(&checks, name), expected, "{name}");
    }
    assert!(check(&checks, "database").detail.contains("start it"));
}

#[tokio::test]
async fn a_refused_token_is_told_with_what_to_do() {
    let mut source = MockGuildSource::new();
    source.expect_identify().return_once(|| Err(GuildError::Unauthorized));
    let checks = doctor(archive(Vec::new(), true), key(), Bot::Set { guilds: Arc::new(source), events: events(900) })
        .run()
        .await;
    let token = check(&checks, "token");
    assert_eq!(token.state, State::Failed);
    assert!(token.detail.contains("developer portal") && token.detail.contains("DISCORD_BOT_TOKEN"), "{token:?}");
    for (bot, expected) in [(Bot::Missing, State::Warning), (Bot::Broken("it has blanks".to_owned()), State::Failed)] {
        let checks = doctor(archive(Vec::new(), true), key(), bot).run().await;
        assert_eq!(state(&checks, "token"), expected);
    }
}

#[tokio::test]
async fn a_guild_that_the_bot_has_left_is_a_failure_only_if_it_was_ever_read() {
    for (was_read, expected) in [(true, State::Failed), (false, State::Warning)] {
        let checks =
            doctor(archive(Vec::new(), was_read), key(), bot(true, false, Err(GuildError::Parked))).run().await;
        let guild = check(&checks, "guild needles");
        assert_eq!(guild.state, expected);
        assert!(guild.detail.contains(GUILD) && guild.detail.contains("invite"), "{guild:?}");
        assert_eq!(state(&checks, "guilds"), State::Failed, "it is in none at all");
    }
}

#[tokio::test]
async fn a_guild_that_cannot_be_looked_at_or_read_at_all_is_a_failure() {
    let no_view = structure(vec![seen(1, "general", Access::Denied(Denied::View))]);
    for found in [Err(GuildError::Parked), Err(GuildError::Malformed("guild")), Ok(no_view)] {
        let checks = doctor(archive(Vec::new(), true), key(), bot(true, true, found)).run().await;
        assert_eq!(state(&checks, "channels needles"), State::Failed);
    }
}

#[tokio::test]
async fn the_key_is_judged_by_where_it_lies_and_who_may_read_it() {
    let path = || PathBuf::from("data/verta.db.key");
    let absent = || Archive::Absent(PathBuf::from("data/verta.db"));
    let behind = || Archive::Behind(vec!["0007_guild".to_owned()]);
    for (archive, key, expected, said) in [
        (absent(), key(), State::Ok, "PSEUDONYM_KEY"),
        (absent(), Key::Missing(Some(path())), State::Ok, "created with the archive"),
        (behind(), Key::Missing(Some(path())), State::Failed, "put the file back"),
        (behind(), Key::Missing(None), State::Failed, "openssl rand -hex 32"),
        (behind(), Key::File { path: path(), mode: 0o600, check: check_of(1) }, State::Ok, "data/verta.db.key"),
        (behind(), Key::File { path: path(), mode: 0o640, check: check_of(1) }, State::Warning, "chmod 600"),
        (behind(), Key::Set { other: Some(path()), check: check_of(1) }, State::Warning, "another key"),
        (behind(), Key::Broken("no key in it".to_owned()), State::Failed, "no key in it"),
    ] {
        let checks = doctor(archive, key, Bot::Missing).run().await;
        let found = check(&checks, "key");
        assert_eq!(found.state, expected, "{found:?}");
        assert!(found.detail.contains(said), "{found:?}");
    }
    let checks = doctor(behind(), key(), Bot::Missing).run().await;
    assert!(check(&checks, "migrations").detail.contains("0007_guild"));
    assert_eq!((state(&checks, "database"), state(&checks, "migrations")), (State::Ok, State::Warning));
    let checks = doctor(absent(), key(), Bot::Missing).run().await;
    assert_eq!(state(&checks, "database"), State::Warning);
}

#[tokio::test]
async fn the_key_is_compared_with_the_check_value_of_the_archive() {
    let path = || PathBuf::from("data/verta.db.key");
    let file = |byte| Key::File { path: path(), mode: 0o600, check: check_of(byte) };
    for (stored, key, expected, said) in [
        (Some(1), key(), State::Ok, "the archive was written with it"),
        (Some(1), file(1), State::Ok, "the archive was written with it"),
        (Some(2), key(), State::Failed, "another key"),
        (Some(2), file(1), State::Failed, "put its key file back"),
        (None, key(), State::Ok, "no check value"),
        (None, Key::Missing(Some(path())), State::Ok, "the first command that writes"),
        (Some(2), Key::Missing(Some(path())), State::Failed, "put the file back"),
        (Some(2), Key::Missing(None), State::Failed, "PSEUDONYM_KEY"),
    ] {
        let archive = Archive::Ready(Arc::new(FakeStore::new([unit_with_key(stored.map(check_of))])));
        let checks = doctor(archive, key, Bot::Missing).run().await;
        let found = check(&checks, "key");
        assert_eq!(found.state, expected, "{found:?}");
        assert!(found.detail.contains(said), "{found:?}");
    }
}

#[tokio::test]
async fn a_public_site_that_trusts_no_proxy_is_told_what_that_means_behind_one() {
    let at = |url: Option<&str>, counts_peers| {
        let doctor = doctor(Archive::Absent(PathBuf::from("data/verta.db")), key(), Bot::Missing);
        Doctor { public_url: url.map(str::to_owned), counts_peers, ..doctor }
    };
    let checks = at(Some("https://archive.example.org"), true).run().await;
    assert_eq!(state(&checks, "proxy"), State::Warning);
    assert!(check(&checks, "proxy").detail.contains("TRUSTED_PROXIES"));
    for doctor in [at(None, true), at(Some("https://archive.example.org"), false)] {
        assert!(doctor.run().await.iter().all(|check| check.name != "proxy"));
    }
}

#[tokio::test]
async fn a_gateway_that_starts_no_session_is_told_with_the_reason() {
    let with = |events: MockEventSource| async {
        let Bot::Set { guilds, .. } = bot(true, true, Err(GuildError::Parked)) else { unreachable!("it has a token") };
        let bot = Bot::Set { guilds, events: Arc::new(events) };
        doctor(archive(Vec::new(), true), key(), bot).run().await
    };
    let mut failing = MockEventSource::new();
    failing.expect_plan().return_once(|| Err(GatewayError::Request(GuildError::Malformed("gateway"))));
    let checks = with(failing).await;
    assert_eq!(state(&checks, "gateway"), State::Failed);
    for (left, expected) in [(49, State::Warning), (50, State::Ok)] {
        let mut low = MockEventSource::new();
        let plan = GatewayPlan { shards: 3, identifies_left: left, resets_at: at(5), max_concurrency: 1 };
        low.expect_plan().return_once(move || Ok(plan));
        let checks = with(low).await;
        let found = check(&checks, "gateway");
        assert_eq!(found.state, expected);
        assert!(found.detail.contains("1970-01-01T00:00:00.005Z"), "{}", found.detail);
    }
}

#[tokio::test]
async fn a_domain_that_hides_the_other_communities_is_a_warning() {
    let of = |slug: &str, domain: Option<&str>| Tenant {
        slug: TenantSlug::new(slug).unwrap(),
        domain: domain.map(|domain| DomainName::new(domain).unwrap()),
        ..tenant()
    };
    let checked = async |tenants: Vec<Tenant>, url: Option<&str>| {
        let (mut list, mut by_domain) = (FakeUnitOfWork::default(), FakeUnitOfWork::default());
        let with_domain: Vec<_> = tenants.iter().filter(|tenant| tenant.domain.is_some()).cloned().collect();
        list.tenants.expect_list().returning(move |_| Ok(tenants.clone()));
        by_domain.tenants.expect_list_by_domain().returning(move |_| Ok(with_domain.clone()));
        let archive = Archive::Ready(Arc::new(FakeStore::new([unit_with_key(None), list, by_domain])));
        let public_url = url.map(str::to_owned);
        let checks = Doctor { public_url, ..doctor(archive, key(), Bot::Missing) }.run().await;
        checks.into_iter().find(|check| check.name.starts_with("domain "))
    };
    let both = || vec![of("otters", Some("otters.example")), of("needles", Some("archive.example.org"))];
    let found = checked(both(), Some("https://Archive.example.org:8443")).await.unwrap();
    assert_eq!((found.name.as_str(), found.state), ("domain needles", State::Warning));
    assert!(found.detail.contains("its domain archive.example.org is the host of PUBLIC_URL"), "{}", found.detail);
    assert_eq!(checked(both(), Some("https://other.example.org")).await, None);
    assert_eq!(checked(both(), None).await, None);
    let alone = vec![of("needles", Some("archive.example.org"))];
    assert_eq!(checked(alone, Some("https://archive.example.org")).await, None, "it hides no other");
}

#[tokio::test]
async fn a_media_store_is_checked_by_storing_something() {
    use std::io::{Error, ErrorKind};

    let check = async |probe: Result<(), ErrorKind>| {
        let mut media = MockMediaUpkeep::new();
        media.expect_probe().returning(move || probe.map_err(|kind| Error::new(kind, "the reason")));
        Files::Set(Arc::new(media)).check().await
    };
    assert_eq!(check(Ok(())).await.state, State::Ok);
    let new = check(Err(ErrorKind::NotFound)).await;
    assert_eq!(new.state, State::Ok, "the first file creates it");
    let broken = check(Err(ErrorKind::PermissionDenied)).await;
    assert_eq!((broken.state, broken.detail.contains("the reason")), (State::Failed, true), "{broken:?}");
    assert_eq!(Files::Broken("wrong".to_owned()).check().await.detail, "wrong");
}
