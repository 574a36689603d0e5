//! Streams of changes, from a web process of its own: the cases write to its archive as another process does.

mod client;
mod limits;

use std::sync::Arc;

use adapter_sqlite::SqliteStore;
use domain::channel::{Channel, ChannelKind};
use domain::message::{Message, MessageKind};
use domain::page::MessagePage;
use domain::tenant::{Tenant, TenantStatus};
use domain::visibility::Visibility;
use ports::store::Store;
use serde_json::{Value, json};

use self::client::{Event, Events};
use crate::contract::fixture::{at, begin, channel, id, interval, message, page, put, tenant, thread, upsert};
use crate::program::{Installation, Server};
use crate::server::Database;

macro_rules! cases {
    ($($case:ident),* $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$case(super::Site::in_a_file().await).await;
                }
            )*
        }

        mod tidb {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                #[ignore = "needs a MySQL-protocol server"]
                async fn $case() {
                    let database = super::Database::new().await;
                    super::$case(super::Site::on(&database).await).await;
                }
            )*
        }
    };
}

cases![
    each_change_is_sent_in_its_current_state_and_a_reader_resumes_after_each,
    nothing_tells_of_a_channel_or_message_that_readers_cannot_read,
    many_messages_are_one_interval,
    a_stream_of_one_channel_has_nothing_of_others_and_ends_with_it,
    a_position_that_the_log_does_not_cover_is_a_reset,
    a_stream_ends_when_its_community_is_no_longer_served,
];

/// A served archive with one public channel.
struct Site {
    store: Arc<dyn Store>,
    server: Server,
    tenant: Tenant,
    open: Channel,
    _installation: Installation,
}

impl Site {
    async fn in_a_file() -> Self {
        let installation = Installation::new();
        let server = installation.serve_without_index(&["--role", "web"]);
        let store = SqliteStore::open(&installation.database(), 4).unwrap();
        Self::of(installation, server, Arc::new(store)).await
    }

    async fn on(database: &Database) -> Self {
        let installation = Installation::at(&database.address());
        let server = installation.serve_without_index(&["--role", "web"]);
        Self::of(installation, server, Arc::new(database.store().await)).await
    }

    async fn of(installation: Installation, server: Server, store: Arc<dyn Store>) -> Self {
        let tenant = tenant();
        let open = Channel { visibility: Visibility::Public, ..channel(&tenant, 10, ChannelKind::TEXT) };
        let mut unit = begin(&*store).await;
        unit.tenants().insert(&tenant).await.unwrap();
        unit.channels().upsert(&open).await.unwrap();
        unit.commit().await.unwrap();
        Self { store, server, tenant, open, _installation: installation }
    }

    fn path(&self) -> String {
        format!("/api/v1/tenants/{}", self.tenant.slug)
    }

    /// Opens a stream; `query` is empty or begins with a question mark.
    fn stream(&self, query: &str) -> Events {
        Events::open(self.server.address(), &format!("{}/events{query}", self.path()), "")
    }

    /// Opens a stream that resumes.
    fn resumed(&self, id: &str) -> Events {
        Events::open(self.server.address(), &format!("{}/events", self.path()), &format!("Last-Event-ID: {id}\r\n"))
    }

    /// Stores a message in a channel.
    async fn say(&self, channel: &Channel, raw: u64, text: &str) {
        put(&*self.store, channel, &page(channel, None, 1, [raw], text)).await;
    }

    /// Returns a message as the API does.
    fn get(&self, raw: u64) -> Value {
        self.server.get(&format!("{}/messages/{raw}", self.path())).json()
    }
}

fn names(events: &[Event]) -> Vec<(&str, &str)> {
    events.iter().map(|event| (event.name.as_str(), event.data["id"].as_str().unwrap())).collect()
}

/// Returns whether an event is not one of a channel, whose creation and coverage are changes, too.
fn is_of_message(event: &Event) -> bool {
    event.name.starts_with("message.")
}

async fn each_change_is_sent_in_its_current_state_and_a_reader_resumes_after_each(site: Site) {
    let mut stream = site.stream("");
    site.say(&site.open, 1, "one").await;
    let created = stream.until(is_of_message);
    assert_eq!((created.name.as_str(), &created.data), ("message.created", &site.get(1)));
    assert_eq!(created.data["content"], "one");
    put(&*site.store, &site.open, &page(&site.open, None, 2, [1], "edited")).await;
    let updated = stream.until(is_of_message);
    assert_eq!((updated.name.as_str(), &updated.data), ("message.updated", &site.get(1)));
    site.say(&site.open, 2, "two").await;
    let second = stream.until(is_of_message);
    put(&*site.store, &site.open, &page(&site.open, interval(1, 1), 3, [], "")).await;
    let deleted = stream.until(is_of_message);
    let expected = json!({"id": "1", "channel_id": site.open.id.to_string()});
    assert_eq!((deleted.name.as_str(), &deleted.data), ("message.deleted", &expected));
    upsert(&*site.store, &[&Channel { topic: Some("new".to_owned()), ..site.open.clone() }]).await;
    // Its coverage changed with the interval that was shown empty.
    let changed = stream.until(|event| event.data["topic"] == "new");
    let of_api = site.server.get(&format!("{}/channels/{}", site.path(), site.open.id)).json();
    assert_eq!((changed.name.as_str(), &changed.data), ("channel.updated", &of_api));
    // Several changes that were committed one soon after the other can share the position before them.
    assert!(created.id != updated.id && updated.id != second.id && second.id != changed.id);
    // What follows is in the state of now: the message that was edited is deleted.
    let mut resumed = site.resumed(&created.id);
    let seen = resumed.through(|event| event.data["topic"] == "new");
    let seen: Vec<_> = names(&seen).into_iter().filter(|(name, _)| name.starts_with("message")).collect();
    assert_eq!(seen, [("message.deleted", "1"), ("message.created", "2")]);
    let mut resumed = site.stream(&format!("?last_event_id={}", second.id));
    let seen = resumed.through(|event| event.data["topic"] == "new");
    assert_eq!(names(&seen).first(), Some(&("message.deleted", "1")));
    // The header of a browser that connects again is newer than the parameter of its address.
    let path = format!("{}/events?last_event_id={}", site.path(), created.id);
    let mut resumed = Events::open(site.server.address(), &path, &format!("Last-Event-ID: {}\r\n", changed.id));
    site.say(&site.open, 3, "three").await;
    assert_eq!(names(&[resumed.next().unwrap()]), [("message.created", "3")]);
    assert_eq!(names(&[stream.next().unwrap()]), [("message.created", "3")]);
}

async fn nothing_tells_of_a_channel_or_message_that_readers_cannot_read(site: Site) {
    let (store, open) = (&*site.store, &site.open);
    let (hidden, other) = (channel(&site.tenant, 20, ChannelKind::TEXT), channel(&site.tenant, 12, ChannelKind::TEXT));
    let other = Channel { visibility: Visibility::Public, ..other };
    let (of_hidden, of_open) = (thread(&hidden, 21), thread(open, 11));
    let mut stream = site.stream("");
    let start = stream.start.clone();
    upsert(store, &[&hidden, &of_hidden]).await;
    site.say(&hidden, 200, "secret words").await;
    site.say(&of_hidden, 210, "secret words").await;
    put(store, &hidden, &page(&hidden, interval(200, 200), 3, [], "")).await;
    let kind = MessageKind(24);
    let restricted = Message { kind, ..message(open, 30, "secret words", 1) };
    put(store, open, &MessagePage::new(None, at(1), vec![restricted]).unwrap()).await;
    upsert(store, &[&Channel { visibility: Visibility::Private, ..of_hidden.clone() }]).await;
    let mut unit = begin(store).await;
    unit.messages().delete_first(of_hidden.id, 10).await.unwrap();
    unit.channels().delete(of_hidden.id).await.unwrap();
    unit.commit().await.unwrap();
    upsert(store, &[&of_open]).await;
    site.say(&of_open, 31, "for all").await;
    let seen = stream.through(|event| event.name == "message.created");
    assert_eq!(seen.last().unwrap().data["content"], "for all");
    // It closes, with its thread, and what is said then is for no reader.
    upsert(store, &[&Channel { visibility: Visibility::Private, ..open.clone() }]).await;
    site.say(open, 32, "secret words").await;
    site.say(&of_open, 33, "secret words").await;
    let gone = stream.until(|event| event.data["gone"] == true);
    assert_eq!(gone.data, json!({"id": open.id.to_string(), "gone": true}));
    // Only after the stream has left all of that behind may it open again, which makes it public.
    upsert(store, &[&other]).await;
    site.say(&other, 40, "elsewhere").await;
    stream.until(|event| event.data["content"] == "elsewhere");
    upsert(store, &[open]).await;
    site.say(open, 34, "for all again").await;
    stream.until(|event| event.data["content"] == "for all again");
    upsert(store, &[&Channel { visibility: Visibility::Private, ..open.clone() }]).await;
    stream.until(|event| event.data["gone"] == true);
    // Neither does a reader that was away learn more.
    let mut resumed = site.resumed(&start);
    resumed.until(|event| event.data["gone"] == true);
    for text in [stream.text(), resumed.text()] {
        for secret in ["secret", &hidden.id.to_string(), &of_hidden.id.to_string(), "\"30\"", "\"200\"", "\"210\""] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
    assert!(!resumed.text().contains("for all"), "the channel is closed again: {}", resumed.text());
}

async fn many_messages_are_one_interval(site: Site) {
    let mut stream = site.stream("");
    put(&*site.store, &site.open, &page(&site.open, None, 1, 100..140, "many")).await;
    let event = stream.until(|event| !event.data["interval"].is_null());
    assert_eq!(event.name, "channel.updated");
    assert_eq!(event.data["interval"], json!(["100", "139"]));
    assert_eq!((&event.data["message_count"], &event.data["id"]), (&json!(40), &json!(site.open.id.to_string())));
    assert!(!stream.text().contains("many"));
}

async fn a_stream_of_one_channel_has_nothing_of_others_and_ends_with_it(site: Site) {
    let (other, below) = (channel(&site.tenant, 20, ChannelKind::TEXT), thread(&site.open, 11));
    let other = Channel { visibility: Visibility::Public, ..other };
    upsert(&*site.store, &[&other, &below]).await;
    let unknown = site.server.get(&format!("{}/events?channel=not-there", site.path()));
    assert_eq!(unknown.status, 404);
    let mut of_open = site.stream(&format!("?channel={}", site.open.slug));
    let mut of_thread = site.stream(&format!("?channel={}", below.id));
    site.say(&other, 1, "elsewhere").await;
    site.say(&site.open, 2, "here").await;
    site.say(&below, 3, "below").await;
    assert_eq!(of_open.until(|event| event.name == "message.created").data["content"], "here");
    assert_eq!(of_thread.until(|event| event.name == "message.created").data["content"], "below");
    upsert(&*site.store, &[&Channel { visibility: Visibility::Private, ..site.open.clone() }]).await;
    for (mut stream, id) in [(of_open, site.open.id), (of_thread, below.id)] {
        let gone = stream.until(|event| event.data["gone"] == true);
        assert_eq!(gone.data, json!({"id": id.to_string(), "gone": true}));
        assert!(stream.next().is_none(), "it ends");
        assert!(!stream.text().contains("elsewhere"));
    }
}

async fn a_position_that_the_log_does_not_cover_is_a_reset(site: Site) {
    let start = site.stream("").start;
    let (epoch, numbers) = start.split_once('.').unwrap();
    let other = format!("{}.{numbers}", uuid::Uuid::nil().simple());
    let (without_last, _) = start.rsplit_once('.').unwrap();
    let beyond = format!("{without_last}.{}", u64::MAX);
    for position in ["0", "%", "not a position", epoch, &other, &beyond, &"9".repeat(2_000)] {
        let mut stream = site.resumed(position);
        let reset = stream.next().unwrap();
        assert_eq!((reset.name.as_str(), &reset.data), ("reset", &json!({})), "{position}");
        // It goes on from there.
        let mut resumed = site.resumed(&reset.id);
        let raw = 1 + site.server.get(&format!("{}/channels/{}", site.path(), site.open.id)).json()["message_count"]
            .as_u64()
            .unwrap();
        site.say(&site.open, raw, "later").await;
        for stream in [&mut stream, &mut resumed] {
            let created = stream.until(|event| event.name == "message.created");
            assert_eq!(created.data["id"], raw.to_string(), "{position}");
        }
    }
}

async fn a_stream_ends_when_its_community_is_no_longer_served(site: Site) {
    let mut stream = site.stream("");
    let hidden = Tenant { status: TenantStatus::Maintenance, ..site.tenant.clone() };
    let mut unit = begin(&*site.store).await;
    unit.tenants().update(&hidden).await.unwrap();
    unit.commit().await.unwrap();
    assert!(stream.next().is_none());
    assert_eq!(site.server.get(&format!("{}/events", site.path())).status, 503);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_missed_too_many_changes_is_reset() {
    let site = Site::in_a_file().await;
    let start = site.stream("").start;
    let mut unit = begin(&*site.store).await;
    for number in 0..501 {
        let of_page = page(&site.open, None, 1, (0..20).map(|raw| 1 + number * 20 + raw), "a");
        unit.messages().replace_interval(site.open.id, &of_page).await.unwrap();
    }
    unit.commit().await.unwrap();
    let mut stream = site.resumed(&start);
    assert_eq!(stream.next().unwrap().name, "reset");
    site.say(&site.open, 20_000, "later").await;
    let later = stream.until(|event| event.data["content"] == "later");
    assert_eq!(later.data["id"], id(20_000).to_string());
}
