use std::sync::{Arc, Mutex};

use domain::access::{Access, Denied};
use domain::channel::{Channel, ChannelKind};
use domain::coverage::Coverage;
use domain::job::{JobId, JobKind, Progress, SyncScope};
use domain::message::MessageId;
use domain::pseudonym::{PseudonymKey, Pseudonymizer};
use domain::removal::Removal;
use domain::tenant::TenantId;
use domain::visibility::Visibility;
use ports::guild::{GoneItem, GuildError, MockGuildSource};
use ports::mock::{FakeClock, FakeStore, FakeUnitOfWork};
use uuid::Uuid;

use super::*;
use crate::sync::tests::{leader, now};

const TENANT: TenantId = TenantId(Uuid::from_u128(2));

fn channel(number: u64, kind: ChannelKind) -> Channel {
    let channel = Channel::new(TENANT, number.to_string().parse().unwrap(), kind, format!("channel-{number}"));
    Channel { visibility: Visibility::Public, ..channel }
}

fn shown(number: u64, kind: ChannelKind, last: Option<u64>) -> GuildChannel {
    let last_message_id = last.map(|last| MessageId::new(last).unwrap());
    GuildChannel { channel: channel(number, kind), access: Access::Readable, manages_threads: true, last_message_id }
}

/// A source with these active threads, and with `found` for a request by id.
fn source(active: Vec<GuildChannel>, found: Result<GuildChannel, GuildError>) -> MockGuildSource {
    let mut source = MockGuildSource::new();
    source.expect_active_threads().times(2).returning(move |_, _| Ok(active.clone()));
    source.expect_find_channel().returning(move |_, _, _| found.clone());
    source
}

/// The queued channels in order, the failures that were recorded, and the committed units.
type Listed = (Vec<u64>, Option<String>, u32);

/// Lists `channels`, of which the job requests `wanted`, into a store that returns `units`.
async fn list(
    channels: Vec<GuildChannel>,
    wanted: &[u64],
    source: MockGuildSource,
    units: Vec<FakeUnitOfWork>,
) -> Listed {
    let channel_ids = wanted.iter().map(|number| number.to_string().parse().unwrap()).collect();
    let job = Job::new(JobId(Uuid::from_u128(1)), TENANT, JobKind::Channels, now());
    let job = Job { scope: SyncScope { channels: channel_ids, since: None }, ..job };
    let (leader, tally, stop) = (leader().await, Tally::new(Progress::default()), CancellationToken::new());
    let store = Arc::new(FakeStore::new(units));
    let clock = Arc::new(FakeClock(now()));
    let ingest = Ingest::new(Arc::clone(&store) as _, clock, TENANT, leader.fence(), stop.clone());
    let people = Arc::new(Pseudonymizer::new(&PseudonymKey::new([1; 32]), TENANT));
    let scope = GuildScope { tenant: TENANT, guild: "9".parse().unwrap(), people, background: false };
    let fetcher = Fetcher::new(&leader, &tally, &stop);
    let listing = Listing {
        store: &*store,
        source: &source,
        scope: &scope,
        job: &job,
        leader: &leader,
        fetcher: &fetcher,
        ingest: &ingest,
        tally: &tally,
        stop: &stop,
    };
    let (observed_at, name) = (now(), "The Needles".to_owned());
    let (hidden, roles, emojis, stickers) = (Vec::new(), None, None, None);
    let structure = GuildStructure { observed_at, name, channels, hidden, roles, emojis, stickers, icons: Vec::new() };
    let (queue, mut waiting) = mpsc::channel(16);
    listing.list(&structure, queue).await.unwrap();
    let mut queued = Vec::new();
    while let Some(channel) = waiting.recv().await {
        queued.push(channel.channel.platform_id.get());
    }
    (queued, tally.failures(), store.committed())
}

#[tokio::test]
async fn channels_with_messages_are_queued_once_and_the_most_recently_active_come_first() {
    let (voice, category) = (ChannelKind::VOICE, ChannelKind::CATEGORY);
    let channels = vec![shown(1, voice, None), shown(2, voice, Some(70)), shown(3, category, None)];
    let channels = [channels, vec![shown(4, voice, Some(90)), shown(2, voice, Some(70))]].concat();
    let source = source(vec![], Err(GuildError::Unauthorized));
    let (queued, failures, committed) = list(channels, &[], source, vec![]).await;
    assert_eq!((queued.as_slice(), failures, committed), (&[4, 2, 1][..], None, 0));
}

#[tokio::test]
async fn only_requested_channels_and_their_threads_are_queued() {
    let thread = |number, parent| {
        let mut thread = shown(number, ChannelKind::PUBLIC_THREAD, None);
        thread.channel.parent_id = Some(channel(parent, ChannelKind::VOICE).id);
        thread
    };
    let active = vec![thread(11, 1), thread(12, 2)];
    let stored = |stored: Vec<Channel>| {
        let mut unit = FakeUnitOfWork::default();
        unit.channels.expect_find_all().return_once(move |_| Ok(stored));
        unit
    };
    // Both listings of active threads find the thread stored as it is shown.
    let known = || stored(vec![channel(1, ChannelKind::VOICE), thread(11, 1).channel]);
    let channels = vec![shown(1, ChannelKind::VOICE, None), shown(2, ChannelKind::VOICE, None)];
    let source = source(active, Err(GuildError::Unauthorized));
    let (queued, failures, committed) = list(channels, &[1], source, vec![known(), known()]).await;
    assert_eq!((queued.as_slice(), failures, committed), (&[1, 11][..], None, 0));
}

/// A unit that finds the channel, and accepts its fence.
fn finding(found: &Channel) -> FakeUnitOfWork {
    let (mut unit, found) = (FakeUnitOfWork::default(), found.clone());
    unit.channels.expect_find().returning(move |_| Ok(Some(found.clone())));
    unit.channels.expect_fence().returning(|_, _| Ok(true));
    unit.channels.expect_list_threads().returning(|_, _, _| Ok(vec![]));
    unit
}

/// A unit that records `reason` for the channel.
fn explaining(found: &Channel, reason: &'static str) -> FakeUnitOfWork {
    let mut unit = finding(found);
    let is_reason = move |_: &_, _: &_, _: &_, given: &Option<String>| given.as_deref() == Some(reason);
    unit.coverage.expect_record_check().withf(is_reason).times(1).returning(|_, _, _, _| Ok(()));
    unit
}

/// A unit that makes the channel private.
fn hiding(found: &Channel, hidden: &Arc<Mutex<Vec<Channel>>>) -> FakeUnitOfWork {
    let (mut unit, hidden) = (finding(found), Arc::clone(hidden));
    unit.channels.expect_upsert().times(1).returning(move |channel| {
        hidden.lock().unwrap().push(channel.clone());
        Ok(())
    });
    unit
}

#[tokio::test]
async fn a_stored_channel_that_the_platform_deleted_is_hidden_and_marked_deleted() {
    let (stored, hidden) = (channel(7, ChannelKind::VOICE), Arc::default());
    // It is found, hidden, its threads are listed, and the reason is recorded.
    let mut units = vec![finding(&stored), finding(&stored), hiding(&stored, &hidden), finding(&stored)];
    let mut last = explaining(&stored, Coverage::DELETED);
    let (channel, is_whole) = (stored.id, |removal: &Removal| removal.message.is_none());
    let is_of_channel = move |all: &[Removal]| matches!(all, [one] if one.channel == channel && is_whole(one));
    last.removals.expect_upsert_all().withf(is_of_channel).once().returning(|_| Ok(()));
    units.push(last);
    let source = source(vec![], Err(GuildError::Gone(GoneItem::Channel)));
    let (queued, failures, committed) = list(vec![], &[7], source, units).await;
    assert_eq!((queued, failures, committed), (vec![], None, 2));
    assert!(hidden.lock().unwrap().iter().all(|channel| channel.visibility == Visibility::Private));
}

#[tokio::test]
async fn a_stored_channel_that_the_bot_may_not_view_is_hidden_for_that_reason() {
    let (stored, hidden) = (channel(7, ChannelKind::VOICE), Arc::default());
    let mut coverage = FakeUnitOfWork::default();
    coverage.coverage.expect_find().return_once(|_| Ok(None));
    let mut units = vec![finding(&stored), coverage, finding(&stored), hiding(&stored, &hidden)];
    units.push(explaining(&stored, "no_permission"));
    let source = source(vec![], Err(GuildError::Forbidden(Denied::View)));
    let (queued, failures, committed) = list(vec![], &[7], source, units).await;
    assert_eq!((queued, failures, committed), (vec![], None, 2));
}

#[tokio::test]
async fn an_error_that_proves_nothing_is_recorded_as_a_failure_and_hides_nothing() {
    let stored = channel(7, ChannelKind::VOICE);
    let source = source(vec![], Err(GuildError::Malformed("channel")));
    let (queued, failures, committed) = list(vec![], &[7], source, vec![finding(&stored)]).await;
    assert_eq!((queued, committed), (vec![], 0));
    assert!(failures.unwrap().starts_with("channel-7: "));
}
