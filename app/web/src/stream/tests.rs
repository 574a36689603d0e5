use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use domain::channel::{Channel, ChannelKind, ChannelSnowflake};
use domain::message::{Author, Message, MessageId, Origin, StoredMessage, Version};
use domain::pseudonym::Pseudonym;
use domain::slug::TenantSlug;
use domain::tenant::{Platform, PlatformId, Tenant, TenantName, TenantStatus};
use domain::timestamp::Timestamp;
use domain::visibility::Visibility;
use futures::Stream;
use ports::mock::{FakeStore, FakeUnitOfWork};
use tokio::time::Instant;

use super::*;

fn tenant() -> Tenant {
    let (id, slug) = (PlatformId::new("1").unwrap(), TenantSlug::new("abc").unwrap());
    let now = Timestamp::from_millis(1_700_000_000_000).unwrap();
    Tenant::new(Platform::Discord, id, slug, TenantName::new("Abc").unwrap(), now)
}

fn channel() -> Channel {
    let id = ChannelSnowflake::new(7).unwrap();
    Channel { visibility: Visibility::Public, ..Channel::new(tenant().id, id, ChannelKind::TEXT, "general".to_owned()) }
}

fn position(text: &str) -> ChangePosition {
    ChangePosition::from_text(text.to_owned())
}

fn created(raw: u64) -> Change {
    let message = MessageId::new(raw).unwrap();
    Change { tenant_id: tenant().id, kind: ChangeKind::Created { channel: channel().id, message } }
}

/// A snapshot in which every message of the channel is stored.
fn snapshot(tenant: Tenant) -> FakeUnitOfWork {
    let mut unit = FakeUnitOfWork::default();
    unit.tenants.expect_find().returning(move |_| Ok(Some(tenant.clone())));
    unit.channels.expect_find_all().returning(|_| Ok(vec![channel()]));
    unit.messages.expect_find_all().returning(|keys| {
        let stored = |(channel, id): &(_, MessageId)| {
            let author = Author { pseudonym: Pseudonym::new([7; 16]), bot: false, webhook: false };
            let observed_at = Timestamp::from_millis(1).unwrap();
            let version = Version { edited_at: None, observed_at, origin: Origin::Page };
            StoredMessage {
                message: Message::new(*channel, *id, author, format!("text {id}"), version),
                deletion: None,
            }
        };
        Ok(keys.iter().map(stored).collect())
    });
    unit
}

async fn streams(snapshots: impl IntoIterator<Item = FakeUnitOfWork>) -> Arc<Streams> {
    let streams = Arc::new(Streams::new(Arc::new(FakeStore::new(snapshots))));
    streams.resync(&position("e.0")).await;
    streams
}

/// Opens a stream, of which the first bytes are read.
async fn open(streams: &Arc<Streams>) -> Pin<Box<dyn Stream<Item = std::io::Result<Bytes>> + Send>> {
    let slot = Slots::new(20).take(IpAddr::V4(Ipv4Addr::LOCALHOST)).ok().unwrap();
    let mut stream = Reader::new(streams, &tenant(), None, (None, position("e.0")), slot).into_stream().boxed();
    assert_eq!(next(&mut stream).await.unwrap(), "retry: 2000\nid: e.0\n\n");
    stream
}

async fn next(stream: &mut (impl Stream<Item = std::io::Result<Bytes>> + Unpin)) -> Option<String> {
    Some(String::from_utf8(stream.next().await?.unwrap().to_vec()).unwrap())
}

/// Returns the events of a text, each as its id, its name, and its message.
fn events(text: &str) -> Vec<(String, String, String)> {
    let event = |event: &str| {
        let mut lines = event.lines().map(|line| line.split_once(": ").unwrap().1.to_owned());
        let (id, name, data) = (lines.next().unwrap(), lines.next().unwrap(), lines.next().unwrap());
        let data: serde_json::Value = serde_json::from_str(&data).unwrap();
        (id, name, data["id"].as_str().unwrap_or_default().to_owned())
    };
    text.split_terminator("\n\n").map(event).collect()
}

fn event(id: &str, name: &str, message: &str) -> (String, String, String) {
    (id.to_owned(), name.to_owned(), message.to_owned())
}

#[tokio::test]
async fn a_batch_is_read_once_for_all_readers_and_only_for_readers() {
    let streams = streams([snapshot(tenant())]).await;
    streams.receive(&[created(1)], &position("e.1")).await;
    assert!(!streams.is_waiting());
    streams.resync(&position("e.0")).await;
    let mut readers = [open(&streams).await, open(&streams).await];
    assert!(streams.is_waiting());
    streams.receive(&[created(2), created(3)], &position("e.2")).await;
    for reader in &mut readers {
        let expected = [event("e.0", "message.created", "2"), event("e.2", "message.created", "3")];
        assert_eq!(events(&next(reader).await.unwrap()), expected, "a part of a batch is resumed before it");
    }
    assert_eq!(streams.counts.sent.get(), 4);
    drop(readers);
    assert_eq!(streams.counts.open.get(), 0);
    assert!(!streams.is_waiting());
}

#[tokio::test]
async fn a_stream_ends_with_its_tenant_and_with_its_name() {
    let hidden = Tenant { status: TenantStatus::Maintenance, ..tenant() };
    let renamed = Tenant { slug: TenantSlug::new("other").unwrap(), ..tenant() };
    for changed in [hidden, renamed] {
        let streams = streams([snapshot(changed)]).await;
        let mut reader = open(&streams).await;
        let change = Change { tenant_id: tenant().id, kind: ChangeKind::Tenant };
        streams.receive(&[change], &position("e.1")).await;
        assert_eq!(next(&mut reader).await, None);
    }
}

#[tokio::test]
async fn a_reader_that_is_too_slow_is_dropped() {
    let streams = streams([]).await;
    let mut slow = open(&streams).await;
    for number in 1..=QUEUE + 1 {
        streams.receive(&[created(1)], &position(&format!("e.{number}"))).await;
    }
    assert_eq!(next(&mut slow).await, None);
    drop(slow);
    assert_eq!(streams.counts.dropped.get(), 1);
}

#[tokio::test]
async fn a_reader_that_leaves_while_changes_wait_for_it_was_not_too_slow() {
    let streams = streams([]).await;
    let leaving = open(&streams).await;
    streams.receive(&[created(1)], &position("e.1")).await;
    drop(leaving);
    assert_eq!((streams.counts.open.get(), streams.counts.dropped.get()), (0, 0));
}

#[tokio::test]
async fn a_reader_of_an_archive_that_cannot_be_read_is_sent_away() {
    let streams = streams([]).await;
    let mut reader = open(&streams).await;
    streams.receive(&[created(1)], &position("e.1")).await;
    assert_eq!(next(&mut reader).await, None);
}

#[tokio::test]
async fn a_gap_in_the_log_makes_readers_load_everything_again() {
    let streams = streams([snapshot(tenant())]).await;
    let mut reader = open(&streams).await;
    streams.resync(&position("f.9")).await;
    assert_eq!(next(&mut reader).await.unwrap(), "id: f.9\nevent: reset\ndata: {}\n\n");
}

#[tokio::test]
async fn a_reader_from_before_the_log_was_read_misses_nothing() {
    for (start, expected) in
        [("e.1", "id: e.1\nevent: reset\ndata: {}\n\n"), ("e.0", "id: e.2\nevent: message.created\n")]
    {
        let streams = Arc::new(Streams::new(Arc::new(FakeStore::new([snapshot(tenant())]))));
        let mut reader = open(&streams).await;
        streams.resync(&position(start)).await;
        streams.receive(&[created(1)], &position("e.2")).await;
        let first = next(&mut reader).await.unwrap();
        assert!(first.starts_with(expected), "{first}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_has_a_comment_every_15_seconds_and_the_position_if_it_moved() {
    let streams = streams([]).await;
    let mut reader = open(&streams).await;
    let start = Instant::now();
    assert_eq!(next(&mut reader).await.unwrap(), ":\n\n");
    let other = Change { tenant_id: TenantId(uuid::Uuid::nil()), kind: ChangeKind::Tenant };
    streams.receive(&[other], &position("e.5")).await;
    assert_eq!(next(&mut reader).await.unwrap(), ":\nid: e.5\n\n");
    assert_eq!(next(&mut reader).await.unwrap(), ":\n\n");
    assert_eq!(start.elapsed(), Duration::from_secs(45));
}

#[tokio::test(start_paused = true)]
async fn a_late_reader_gets_the_state_of_the_time_at_which_it_reads() {
    let streams = streams([snapshot(tenant()), {
        let mut later = FakeUnitOfWork::default();
        later.tenants.expect_find().returning(|_| Ok(Some(tenant())));
        later
            .channels
            .expect_find_all()
            .returning(|_| Ok(vec![Channel { visibility: Visibility::Private, ..channel() }]));
        later
    }])
    .await;
    let (mut early, mut late) = (open(&streams).await, open(&streams).await);
    streams.receive(&[created(1)], &position("e.1")).await;
    assert_eq!(events(&next(&mut early).await.unwrap()), [event("e.1", "message.created", "1")]);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(next(&mut late).await.unwrap(), ":\nid: e.1\n\n", "nothing of a channel that was closed meanwhile");
}

#[tokio::test]
async fn a_stream_ends_when_the_server_stops() {
    let streams = streams([]).await;
    let mut reader = open(&streams).await;
    streams.close();
    assert_eq!(next(&mut reader).await, None);
    assert_eq!(streams.counts.open.get(), 0);
}
