//! The cache of responses: what it answers is what the archive shows, in the process that changed it at once, and in
//! others within a second.

mod processes;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use adapter_sqlite::SqliteStore;
use app_core::browse::{Derived, Invalidation};
use app_core::follow::{Follower, Subscriber};
use app_core::jobs::Jobs;
use app_core::sync::SyncJobs;
use app_web::{Cache, Server, ServerState, Settings};
use domain::channel::{Channel, ChannelKind, ForumTag};
use domain::media::{File, FileKey, FileState};
use domain::message::{Attachment, AttachmentId, Message, MessageKind, Reference};
use domain::page::MessagePage;
use domain::slug::ChannelSlug;
use domain::tenant::{Tenant, TenantName, TenantStatus};
use domain::visibility::Visibility;
use ports::mock::FakeClock;
use ports::store::Store;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use crate::contract::fixture::{at, attachment, begin, channel, guild_items, id, message, put, tenant, thread, upsert};
use crate::program::{Answer, get_from};
use crate::server::Database;

/// The id of the first message of the text channel; the others follow, 1 apart.
const FIRST: u64 = 1_000;
/// Their number: more than a page.
const COUNT: u64 = 130;
/// A message with a file, a mention of a role and one of a thread.
const RICH: u64 = FIRST + 60;
/// A message with nothing but a text and a file.
const FILED: u64 = FIRST + 62;

/// A server in this process.
pub(crate) struct Site {
    address: SocketAddr,
    stop: CancellationToken,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Site {
    /// Serves `store`, from memory if `bytes` are allowed for it.
    async fn serve(store: &Arc<dyn Store>, bytes: Option<usize>) -> Self {
        Self::following(store, store, bytes).await
    }

    /// Serves `store`, of whose database the follower reads the log through `log`.
    pub(crate) async fn following(store: &Arc<dyn Store>, log: &Arc<dyn Store>, bytes: Option<usize>) -> Self {
        let clock = Arc::new(FakeClock(at(1_800_000_000_000)));
        let jobs = Jobs::new(Arc::clone(store), Arc::clone(&clock) as _);
        let syncs = SyncJobs::new(Arc::clone(store), Arc::clone(&clock) as _);
        let state = ServerState::new(Arc::clone(store), clock, jobs, syncs, Settings::default());
        let stop = CancellationToken::new();
        let state = match bytes.map(|bytes| Arc::new(Cache::new(bytes))) {
            Some(cache) => {
                let derived = vec![Arc::clone(&cache) as Arc<dyn Derived>];
                let invalidation = Arc::new(Invalidation::new(Arc::clone(log), derived).with_segments(4 << 20));
                let subscriber = Arc::clone(&invalidation) as Arc<dyn Subscriber>;
                let follower = Follower::new(Arc::clone(log), vec![subscriber]);
                let state = state.with_cache(cache, &invalidation, follower.freshness());
                tokio::spawn(follower.run(stop.clone()));
                state
            }
            None => state,
        };
        let server = Server::bind((Ipv4Addr::LOCALHOST, 0).into(), state).await.unwrap();
        let site = Self { address: server.address().unwrap(), stop: stop.clone() };
        tokio::spawn(server.run(stop));
        site
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        let (address, path) = (self.address, path.to_owned());
        spawn_blocking(move || get_from(address, &path)).await.unwrap()
    }

    /// Returns the status, the headers but those of the request, and the body.
    async fn shown(&self, path: &str) -> (u16, Vec<(String, String)>, String) {
        let answer = self.get(path).await;
        let names = ["content-type", "etag", "cache-control", "location", "content-security-policy", "vary"];
        let header = |name: &str| Some((name.to_owned(), answer.header(name)?.to_owned()));
        let headers = names.into_iter().filter_map(header).collect();
        (answer.status, headers, String::from_utf8_lossy(&answer.body).into_owned())
    }
}

/// An archive with something on every page.
pub(crate) struct World {
    store: Arc<dyn Store>,
    pub(crate) tenant: Tenant,
    pub(crate) text: Channel,
    pub(crate) forum: Channel,
    post: Channel,
    started: Channel,
    category: Channel,
}

impl World {
    pub(crate) async fn new(store: Arc<dyn Store>) -> Self {
        let tenant = tenant();
        let public = |channel: Channel| Channel { visibility: Visibility::Public, ..channel };
        let category = public(channel(&tenant, 5, ChannelKind::CATEGORY));
        let text = public(Channel { parent_id: Some(category.id), ..channel(&tenant, 10, ChannelKind::TEXT) });
        let tag = ForumTag { id: "1".to_owned(), name: "tag".to_owned(), emoji: Some("100000000000000001".to_owned()) };
        let forum = public(Channel { tags: vec![tag], ..channel(&tenant, 11, ChannelKind::FORUM) });
        let (post, started) = (thread(&forum, 900), thread(&text, RICH));
        let mut unit = begin(&*store).await;
        unit.tenants().insert(&tenant).await.unwrap();
        unit.guilds().upsert_all(tenant.id, &guild_items(3)).await.unwrap();
        for channel in [&category, &text, &forum, &post, &started] {
            unit.channels().upsert(channel).await.unwrap();
        }
        unit.commit().await.unwrap();
        let world = Self { store, tenant, text, forum, post, started, category };
        let messages = (FIRST..FIRST + COUNT).map(|raw| world.message(raw, &format!("message {raw}"), 1)).collect();
        world.put(&world.text, messages, 1).await;
        for (thread, first) in [(&world.post, 900), (&world.started, RICH + 1)] {
            let messages = (first..first + 3).map(|raw| message(thread, raw, &format!("in it {raw}"), 1)).collect();
            world.put(thread, messages, 1).await;
        }
        world
    }

    /// Returns a message of the text channel.
    fn message(&self, raw: u64, content: &str, observed_at: i64) -> Message {
        let plain = message(&self.text, raw, content, observed_at);
        match raw {
            RICH => {
                let file = Attachment { content_type: Some("image/png".to_owned()), ..attachment(1) };
                let content = format!("{content} <@&1> <#900> <#11>");
                Message { attachments: vec![file], content, ..plain }
            }
            FILED => Message { attachments: vec![attachment(1)], ..plain },
            // The page around it refers to a message that it does not show.
            raw if raw == FIRST + 100 => {
                let (message_id, channel_id) = (Some(id(FIRST + 2)), Some(self.text.platform_id));
                let reference = Reference { kind: 0, message_id, channel_id, guild_id: None };
                Message { reference: Some(reference), kind: MessageKind(19), ..plain }
            }
            _ => plain,
        }
    }

    async fn put(&self, channel: &Channel, messages: Vec<Message>, observed_at: i64) {
        put(&*self.store, channel, &MessagePage::new(None, at(observed_at), messages).unwrap()).await;
    }

    async fn edit(&self, raw: u64, now: i64) {
        self.put(&self.text, vec![self.message(raw, &format!("edited at {now}"), now)], now).await;
    }

    async fn say(&self, channel: &Channel, raw: u64, now: i64) {
        self.put(channel, vec![message(channel, raw, &format!("said at {now}"), now)], now).await;
    }

    async fn delete(&self, raw: u64, now: i64) {
        put(&*self.store, &self.text, &MessagePage::deleted(self.text.id, [id(raw)], at(now))).await;
    }

    async fn update(&self, tenant: &Tenant) {
        let mut unit = begin(&*self.store).await;
        unit.tenants().update(tenant).await.unwrap();
        unit.commit().await.unwrap();
    }

    /// Makes the change number `step`, of which each kind comes again and again; returns its name.
    async fn change(&self, step: u64) -> &'static str {
        let now = 10 + i64::try_from(step).unwrap();
        let renamed = |channel: &Channel| Channel {
            name: format!("renamed {step}"),
            observed_at: Some(at(now)),
            ..channel.clone()
        };
        match step % 14 {
            0 => {
                self.say(&self.text, 2_000 + step, now).await;
                "a message appears"
            }
            1 => {
                self.edit(FIRST + 2, now).await;
                "a message that others refer to is edited"
            }
            2 => {
                self.delete(FIRST + 3 + step, now).await;
                "a message is deleted"
            }
            3 => {
                self.say(&self.post, 3_000 + step, now).await;
                "a message appears in a post"
            }
            4 => {
                self.say(&self.started, 3_000 + step, now).await;
                "a message appears in a thread"
            }
            5 => {
                upsert(&*self.store, &[&renamed(&self.post)]).await;
                "a post is renamed"
            }
            6 => {
                upsert(&*self.store, &[&thread(&self.forum, 100_000 + step)]).await;
                "a post appears"
            }
            7 => {
                upsert(&*self.store, &[&thread(&self.text, FIRST + 20 + step)]).await;
                "a thread is started from a message"
            }
            8 => {
                upsert(&*self.store, &[&renamed(&self.category)]).await;
                "a category is renamed"
            }
            9 => {
                let visibility = if step % 28 < 14 { Visibility::Private } else { Visibility::Public };
                upsert(&*self.store, &[&Channel { visibility, ..renamed(&self.forum) }]).await;
                "a forum is hidden or shown"
            }
            10 => {
                let attachment = AttachmentId::new(1).unwrap();
                let key = |message| FileKey { channel: self.text.id, message: id(message), attachment };
                let state = if step % 28 < 14 { FileState::Gone } else { FileState::Failed };
                let files = [RICH, FILED].map(|message| File { key: key(message), state });
                let mut unit = begin(&*self.store).await;
                unit.media().upsert_all(self.tenant.id, &files).await.unwrap();
                unit.commit().await.unwrap();
                "files change their state"
            }
            11 => {
                let mut items = guild_items(3);
                items.observed_at = Some(at(now));
                for role in &mut items.roles {
                    role.item.name = format!("role {step}");
                }
                let mut unit = begin(&*self.store).await;
                unit.guilds().upsert_all(self.tenant.id, &items).await.unwrap();
                unit.commit().await.unwrap();
                "a role is renamed"
            }
            12 => {
                let status = if step % 28 < 14 { TenantStatus::Maintenance } else { TenantStatus::Active };
                self.update(&Tenant { status, ..self.tenant.clone() }).await;
                "a tenant is no longer served, or served again"
            }
            _ => {
                let name = TenantName::new(&format!("Tenant {step}")).unwrap();
                let tenant = Tenant { name, status: TenantStatus::Active, ..self.tenant.clone() };
                self.update(&tenant).await;
                "a tenant is renamed"
            }
        }
    }

    /// Returns an address of each public route, with the values of its parameters that matter.
    fn addresses(&self) -> Vec<String> {
        let (slug, text, forum) = (&self.tenant.slug, &self.text.slug, &self.forum.slug);
        let (post, started): (&ChannelSlug, &ChannelSlug) = (&self.post.slug, &self.started.slug);
        let api = format!("/api/v1/tenants/{slug}");
        let channel = format!("{api}/channels/{text}");
        vec![
            "/".to_owned(),
            format!("/{slug}"),
            format!("/{slug}/{text}"),
            format!("/{slug}/{text}?before={RICH}"),
            format!("/{slug}/{text}?after={}", FIRST + 5),
            format!("/{slug}/{text}/{RICH}"),
            format!("/{slug}/{text}/{}", FIRST + 100),
            format!("/{slug}/{forum}"),
            format!("/{slug}/{forum}?sort=created"),
            format!("/{slug}/{forum}?tag=1"),
            format!("/{slug}/{post}"),
            format!("/{slug}/{started}"),
            format!("/{slug}/{}", self.started.id),
            format!("/{slug}/search"),
            format!("/assets/{slug}/theme.css"),
            "/assets/site.css".to_owned(),
            "/robots.txt".to_owned(),
            "/api/v1/openapi.yaml".to_owned(),
            api.clone(),
            format!("{api}/channels"),
            format!("{api}/channels?parent={forum}"),
            channel.clone(),
            format!("{api}/channels/{post}"),
            format!("{channel}/messages"),
            format!("{channel}/messages?before={}&limit=10", FIRST + 40),
            format!("{channel}/messages?after=0&limit=10"),
            format!("{channel}/messages?around={RICH}&limit=10"),
            format!("{channel}/threads"),
            format!("{api}/channels/{forum}/threads?sort=created"),
            format!("{api}/channels/{post}/messages"),
            format!("{api}/messages/{RICH}"),
            format!("{api}/messages/{}?channel={text}", FIRST + 2),
            format!("{api}/coverage"),
        ]
    }
}

/// Each response of a server with a cache is that of one without, before and after each kind of change.
async fn a_change_is_in_every_response_at_once(store: Arc<dyn Store>) {
    let world = World::new(Arc::clone(&store)).await;
    let (cached, plain) = (Site::serve(&store, Some(8 << 20)).await, Site::serve(&store, None).await);
    let addresses = world.addresses();
    for path in &addresses {
        cached.get(path).await;
    }
    for step in 0..15 {
        let change = world.change(step).await;
        for path in &addresses {
            let fresh = plain.shown(path).await;
            // The first is stored, and the second is answered from memory.
            assert_eq!(cached.shown(path).await, fresh, "{path} after {change}");
            assert_eq!(cached.shown(path).await, fresh, "{path} again after {change}");
        }
    }
}

/// A change is in the responses of its own process at once, and in those of another within a second.
async fn no_response_is_stale(own: Arc<dyn Store>, other: Arc<dyn Store>) {
    let rounds = std::env::var("CACHE_ROUNDS").map_or(42, |rounds| rounds.parse().unwrap());
    let world = World::new(Arc::clone(&own)).await;
    let (writer, reader) = (Site::serve(&own, Some(8 << 20)).await, Site::serve(&other, Some(8 << 20)).await);
    let plain = Site::serve(&own, None).await;
    let addresses = world.addresses();
    for step in 0..rounds {
        let paths = [0, 7].map(|more| &addresses[usize::try_from(step).unwrap().wrapping_add(more) % addresses.len()]);
        let newest = &format!("/{}/{}", world.tenant.slug, world.text.slug);
        let change = world.change(step).await;
        let changed = Instant::now();
        for path in paths.into_iter().chain([newest]) {
            let fresh = plain.shown(path).await;
            assert_eq!(writer.shown(path).await, fresh, "{path} in the same process, {change}, step {step}");
            loop {
                let asked = Instant::now();
                let shown = reader.shown(path).await;
                if shown == fresh {
                    break;
                }
                let after = asked - changed;
                assert!(after < Duration::from_secs(1), "{path} {after:?} after {change}, step {step}");
            }
        }
    }
}

fn open(path: &Path) -> Arc<dyn Store> {
    Arc::new(SqliteStore::open(path, 4).unwrap())
}

mod sqlite {
    use super::open;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_change_is_in_every_response_at_once() {
        let folder = tempfile::tempdir().unwrap();
        super::a_change_is_in_every_response_at_once(open(&folder.path().join("a.db"))).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_response_is_stale() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        super::no_response_is_stale(open(&path), open(&path)).await;
    }
}

mod tidb {
    use super::{Arc, Database};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "needs a MySQL-protocol server"]
    async fn a_change_is_in_every_response_at_once() {
        let database = Database::new().await;
        super::a_change_is_in_every_response_at_once(Arc::new(database.store().await)).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "needs a MySQL-protocol server"]
    async fn no_response_is_stale() {
        let database = Database::new().await;
        let (own, other) = (Arc::new(database.store().await), Arc::new(database.store().await));
        super::no_response_is_stale(own, other).await;
    }
}
