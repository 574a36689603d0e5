//! Units and snapshots.

use domain::channel::{Channel, ChannelId, ChannelKind};
use domain::day::Day;
use domain::job::{Job, JobId, JobKind};
use domain::json::Json;
use domain::media::{File, FileKey, FileState};
use domain::message::{Attachment, AttachmentId, Emoji, Message, MessageId, Reaction, Version};
use domain::page::MessagePage;
use domain::tenant::TenantId;
use futures::FutureExt;
use ports::channel::{ThreadFilter, ThreadOrder};
use ports::page::{MessageRange, Page};
use ports::store::{Ahead, Repositories, Store};
use uuid::Uuid;

use super::contract;
use super::fixture::{
    at, begin, channel, guild_items, held_ids, id, message, one_channel, page, put, tenant, thread, upsert,
};

contract![
    dropping_a_unit_rolls_back,
    a_unit_that_met_an_error_rolls_back,
    only_the_unit_itself_sees_what_it_wrote,
    a_snapshot_stays_at_its_moment,
    nothing_that_is_written_to_a_snapshot_stays,
    the_store_says_what_it_is,
    a_unit_that_is_given_up_in_the_middle_of_a_call_rolls_back,
    work_on_the_store_runs_to_its_end,
    reads_that_were_announced_have_the_same_results,
];

async fn dropping_a_unit_rolls_back(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let (new, job) = (tenant(), Job::new(JobId(Uuid::new_v4()), tenant().id, JobKind::Full, at(1)));
    let theirs = channel(&new, 1, ChannelKind::TEXT);
    let mut unit = begin(store).await;
    unit.tenants().insert(&new).await.unwrap();
    unit.channels().upsert(&theirs).await.unwrap();
    unit.messages().replace_interval(here.id, &page(&here, None, 1, [5], "a")).await.unwrap();
    unit.coverage().record_check(here.id, at(9), true, None).await.unwrap();
    unit.jobs().upsert(&job).await.unwrap();
    drop(unit);
    let mut read = store.read().await.unwrap();
    assert_eq!(read.tenants().find(new.id).await.unwrap(), None);
    assert_eq!(read.channels().find(theirs.id).await.unwrap(), None);
    assert_eq!(read.coverage().find(here.id).await.unwrap().unwrap().checked_at, None);
    assert_eq!(read.jobs().find(job.id).await.unwrap(), None);
    assert_eq!(read.channels().find(here.id).await.unwrap().unwrap().stats, here.stats);
    assert_eq!(held_ids(store, &here).await, [0; 0]);
}

async fn a_unit_that_met_an_error_rolls_back(store: &dyn Store) {
    let (known, _) = one_channel(store).await;
    let new = tenant();
    let mut unit = begin(store).await;
    unit.tenants().insert(&new).await.unwrap();
    unit.tenants().insert(&known).await.unwrap_err();
    drop(unit);
    assert_eq!(store.read().await.unwrap().tenants().find(new.id).await.unwrap(), None);
}

async fn only_the_unit_itself_sees_what_it_wrote(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let mut unit = begin(store).await;
    unit.messages().replace_interval(here.id, &page(&here, None, 1, [5], "a")).await.unwrap();
    assert_eq!(unit.messages().list(here.id, MessageRange::Oldest, true, 9).await.unwrap().messages.len(), 1);
    assert_eq!(held_ids(store, &here).await, [0; 0]);
    unit.commit().await.unwrap();
    assert_eq!(held_ids(store, &here).await, [5]);
}

async fn a_snapshot_stays_at_its_moment(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    put(store, &here, &page(&here, None, 1, [5], "a")).await;
    let mut before = store.read().await.unwrap();
    assert_eq!(before.messages().list(here.id, MessageRange::Oldest, true, 9).await.unwrap().messages.len(), 1);
    put(store, &here, &page(&here, None, 2, [5, 6], "b")).await;
    let seen = before.messages().list(here.id, MessageRange::Oldest, true, 9).await.unwrap().messages;
    assert_eq!(seen.iter().map(|message| message.content.as_str()).collect::<Vec<_>>(), ["a"]);
    assert_eq!(before.channels().find(here.id).await.unwrap().unwrap().stats.message_count, 1);
    assert_eq!(held_ids(store, &here).await, [5, 6]);
}

async fn nothing_that_is_written_to_a_snapshot_stays(store: &dyn Store) {
    let new = tenant();
    let mut read = store.read().await.unwrap();
    // Whether the store rejects or discards the write is up to the store.
    read.tenants().insert(&new).await.ok();
    drop(read);
    assert_eq!(store.read().await.unwrap().tenants().find(new.id).await.unwrap(), None);
}

async fn the_store_says_what_it_is(store: &dyn Store) {
    let status = store.status().await.unwrap();
    assert!(["sqlite", "tidb"].contains(&status.store), "{status:?}");
    assert!(!status.server_version.is_empty() && status.schema_version >= 6, "{status:?}");
}

async fn a_unit_that_is_given_up_in_the_middle_of_a_call_rolls_back(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let many = page(&here, None, 1, 1..=1_000, "a");
    let mut unit = begin(store).await;
    // Polled once and then dropped, as by a caller that gives up.
    assert!(unit.messages().replace_interval(here.id, &many).now_or_never().is_none());
    drop(unit);
    put(store, &here, &page(&here, None, 1, [2_000], "a")).await;
    assert_eq!(held_ids(store, &here).await, [2_000]);
}

async fn work_on_the_store_runs_to_its_end(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let mut unit = begin(store).await;
    let (done, waiting) = tokio::sync::oneshot::channel();
    let first = page(&here, None, 1, [5], "a");
    let work = async move {
        unit.messages().replace_interval(here.id, &first).await.unwrap();
        unit.commit().await.unwrap();
        done.send(here).unwrap();
    };
    store.run(work.boxed()).await;
    assert_eq!(held_ids(store, &waiting.await.unwrap()).await, [5]);
}

/// The keys of what is read in [`results`].
struct Keys {
    tenant: TenantId,
    channel: ChannelId,
    thread: ChannelId,
}

impl Keys {
    fn messages(&self) -> Vec<(ChannelId, MessageId)> {
        [1, 2, 3, 9].map(|raw| (self.channel, id(raw))).to_vec()
    }

    fn ahead(&self) -> Vec<Ahead> {
        vec![
            Ahead::Channels(vec![self.channel, self.thread]),
            Ahead::Threads(self.channel, THREADS, FIRST_THREADS),
            Ahead::Messages(self.channel, MessageRange::Before(id(9)), 2),
            Ahead::Messages(self.channel, MessageRange::From(id(1)), 101),
            Ahead::Nearest(self.channel, MessageRange::After(id(1))),
            Ahead::Message(self.channel, id(3)),
            Ahead::Keys(self.messages()),
            Ahead::Files(self.channel, id(1), id(9)),
            Ahead::FilesOf(self.messages()),
            Ahead::Roles(self.tenant, vec!["1".parse().unwrap(), "3".parse().unwrap()]),
            Ahead::Items(self.tenant),
            Ahead::Days(self.channel, day(), day()),
            Ahead::Months(self.channel),
            Ahead::Neighbours(self.channel, day()),
        ]
    }
}

/// The day of all messages.
fn day() -> Day {
    Day::of(id(1))
}

const THREADS: ThreadFilter = ThreadFilter { order: ThreadOrder::Activity, with_private: false };
const FIRST_THREADS: Page<ports::channel::ThreadCursor> = Page { after: None, limit: 10 };

/// Returns the results of every read that can be announced.
async fn results(read: &mut dyn Repositories, keys: &Keys) -> Vec<String> {
    let channel = keys.channel;
    let threads = read.channels().list_threads(channel, THREADS, FIRST_THREADS).await.unwrap();
    let before = read.messages().list(channel, MessageRange::Before(id(9)), false, 2).await.unwrap();
    let from = read.messages().list(channel, MessageRange::From(id(1)), false, 101).await.unwrap();
    assert_eq!((threads.len(), before.messages.len(), from.messages.len()), (1, 2, 3));
    vec![
        format!("{:?}", read.days().list(channel, day(), day()).await.unwrap()),
        format!("{:?}", read.days().months(channel).await.unwrap()),
        format!("{:?}", read.days().neighbours(channel, day()).await.unwrap()),
        format!("{:?}", read.channels().find_all(&[channel, keys.thread]).await.unwrap()),
        format!("{threads:?} {before:?} {from:?}"),
        format!("{:?}", read.messages().nearest(channel, MessageRange::After(id(1)), false).await.unwrap()),
        format!("{:?}", read.messages().find(channel, id(3)).await.unwrap()),
        format!("{:?}", read.messages().find_all(&keys.messages()).await.unwrap()),
        format!("{:?}", read.media().list(channel, id(1), id(9)).await.unwrap()),
        format!("{:?}", read.media().find_all(&keys.messages()).await.unwrap()),
        format!(
            "{:?}",
            read.guilds().find_roles(keys.tenant, &["1".parse().unwrap(), "3".parse().unwrap()]).await.unwrap()
        ),
        format!("{:?}", read.guilds().list(keys.tenant).await.unwrap()),
    ]
}

async fn reads_that_were_announced_have_the_same_results(store: &dyn Store) {
    let (tenant, here) = one_channel(store).await;
    let started = Channel { topic: Some("it's \\ a ? : topic".to_owned()), ..thread(&here, 2) };
    upsert(store, &[&started]).await;
    let mut rich = message(&here, 2, "it's a \\\"text\\\" :name ? 🦊\n\0", 1);
    rich.embeds = Json::parse(r#"[{"title": "a \\ \" ' ? :b", "number": 1.5}]"#).ok();
    rich.version = Version { edited_at: Some(at(1_700_000_000_123)), ..rich.version };
    rich.attachments = vec![Attachment {
        id: AttachmentId::new(u64::MAX >> 1).unwrap(),
        filename: "a ' b.png".to_owned(),
        content_type: None,
        size_bytes: 5,
        width: Some(3),
        height: None,
        description: Some("?".to_owned()),
        spoiler: true,
        url: None,
        local_path: None,
        extra: None,
    }];
    let emoji = Emoji { id: None, name: Some("🦊".to_owned()), animated: false };
    rich.reactions = vec![Reaction { emoji, count: 2, people: vec![] }];
    let key = FileKey { channel: here.id, message: id(2), attachment: rich.attachments[0].id };
    let messages: Vec<Message> = vec![message(&here, 1, "one", 1), rich, message(&here, 3, "three", 1)];
    put(store, &here, &MessagePage::new(None, at(1), messages).unwrap()).await;
    let mut unit = begin(store).await;
    unit.guilds().upsert_all(tenant.id, &guild_items(3)).await.unwrap();
    unit.media().insert_all(tenant.id, &[File { key, state: FileState::seen(at(1)) }]).await.unwrap();
    unit.commit().await.unwrap();
    let keys = Keys { tenant: tenant.id, channel: here.id, thread: started.id };
    let plain = results(&mut *store.read().await.unwrap(), &keys).await;
    let mut read = store.read().await.unwrap();
    read.ahead(&keys.ahead()).await.unwrap();
    assert_eq!(results(&mut *read, &keys).await, plain);
    assert_eq!(results(&mut *read, &keys).await, plain, "again");
    let mut unit = begin(store).await;
    unit.ahead(&keys.ahead()).await.unwrap();
    assert_eq!(results(&mut *unit, &keys).await, plain, "in a unit of work");
    unit.commit().await.unwrap();
}
