use domain::channel::{ChannelKind, ChannelSnowflake};
use domain::message::MessageId;
use domain::tenant::TenantId;
use domain::visibility::Visibility;
use ports::mock::{FakeStore, FakeUnitOfWork};
use uuid::Uuid;

use super::*;

const TENANT: TenantId = TenantId(Uuid::nil());

/// The parts that something derived was told of; `None` for everything.
#[derive(Default)]
struct Seen(Mutex<Vec<Option<HashSet<Part>>>>);

impl Derived for Seen {
    fn touch(&self, touches: &[Part]) {
        self.0.lock().unwrap().push(Some(touches.iter().copied().collect()));
    }

    fn reset(&self) {
        self.0.lock().unwrap().push(None);
    }
}

fn channel(raw: u64, kind: ChannelKind, parent: Option<&Channel>) -> Channel {
    let channel = Channel::new(TENANT, ChannelSnowflake::new(raw).unwrap(), kind, format!("channel {raw}"));
    Channel { visibility: Visibility::Public, parent_id: parent.map(|parent| parent.id), ..channel }
}

/// Returns the parts that a batch of changes touches; each of `reads` is what a lookup of channels finds.
async fn touches(reads: Vec<Vec<Channel>>, batches: &[&[ChangeKind]]) -> Vec<Option<HashSet<Part>>> {
    let units = reads.into_iter().map(|found| {
        let mut unit = FakeUnitOfWork::default();
        unit.channels.expect_find_all().return_once(|_| Ok(found));
        unit
    });
    let (store, seen) = (Arc::new(FakeStore::new(units)), Arc::new(Seen::default()));
    let invalidation = Invalidation::new(store, vec![Arc::clone(&seen) as Arc<dyn Derived>]);
    for kinds in batches {
        let changes: Vec<_> = kinds.iter().map(|kind| Change { tenant_id: TENANT, kind: *kind }).collect();
        invalidation.receive(&changes, &ChangePosition::from_text(String::new())).await;
    }
    std::mem::take(&mut *seen.0.lock().unwrap())
}

/// Returns a call with these parts; a call that drops everything has none.
#[expect(clippy::unnecessary_wraps, reason = "it is compared with calls of both kinds")]
fn set(parts: impl IntoIterator<Item = Part>) -> Option<HashSet<Part>> {
    Some(parts.into_iter().collect())
}

#[tokio::test]
async fn a_message_of_a_thread_touches_the_list_of_threads_and_the_parent_is_looked_up_once() {
    let forum = channel(1, ChannelKind::FORUM, None);
    let post = channel(2, ChannelKind::PUBLIC_THREAD, Some(&forum));
    let message = MessageId::new(7).unwrap();
    let created = ChangeKind::Created { channel: post.id, message };
    let only = Interval::only(message);
    let expected = set([
        (Topic::Messages(post.id), only),
        (Topic::Ids(TENANT), only),
        whole(Topic::Counts(post.id)),
        whole(Topic::Activity(forum.id)),
        whole(Topic::Everything(TENANT)),
    ]);
    let seen = touches(vec![vec![post]], &[&[created], &[created]]).await;
    assert_eq!(seen, [expected.clone(), expected]);
}

#[tokio::test]
async fn a_changed_thread_touches_itself_and_the_threads_of_its_parent() {
    let text = channel(1, ChannelKind::TEXT, None);
    let thread = channel(2, ChannelKind::PUBLIC_THREAD, Some(&text));
    let changed = ChangeKind::Channel { channel: thread.id };
    let topics = [
        Topic::Channel(thread.id),
        Topic::Counts(thread.id),
        Topic::Threads(text.id),
        Topic::Activity(text.id),
        Topic::Everything(TENANT),
    ];
    let gone = ChangeKind::ChannelGone { channel: thread.id };
    let seen = touches(vec![vec![thread], vec![]], &[&[changed], &[gone]]).await;
    assert_eq!(seen, [set(topics.map(whole)), set(topics.map(whole))], "also when it is no longer stored");
}

#[tokio::test]
async fn a_channel_that_no_structure_is_known_to_have_touches_the_tenant() {
    let text = channel(1, ChannelKind::TEXT, None);
    let (changed, gone) = (ChangeKind::Channel { channel: text.id }, ChangeKind::ChannelGone { channel: text.id });
    for (found, change) in [(vec![text.clone()], changed), (vec![], gone)] {
        let topics = [
            Topic::Channel(text.id),
            Topic::Counts(text.id),
            Topic::Tenants,
            Topic::Tenant(TENANT),
            Topic::Everything(TENANT),
        ];
        assert_eq!(touches(vec![found], &[&[change]]).await, [set(topics.map(whole))]);
    }
    let tenant = [Topic::Tenants, Topic::Tenant(TENANT), Topic::Everything(TENANT)];
    assert_eq!(touches(vec![], &[&[ChangeKind::TenantGone]]).await, [set(tenant.map(whole))]);
}

#[tokio::test]
async fn changes_that_cannot_be_told_apart_touch_everything() {
    let id = channel(1, ChannelKind::TEXT, None).id;
    assert_eq!(touches(vec![], &[&[ChangeKind::Channel { channel: id }]]).await, [None], "the store is away");
}
