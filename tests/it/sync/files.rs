//! Fetched files, as the public sees them.

use std::sync::Arc;

use app_core::jobs::Jobs;
use app_core::tenants::Tenants;
use async_trait::async_trait;
use bytes::Bytes;
use discord_simulator::{Act, Simulator};
use domain::job::JobState;
use domain::media::{ContentHash, ThumbnailWidth};
use domain::tenant::TenantId;
use ports::clock::Clock;
use ports::media::{FileBytes, KeptFile, MediaError, MediaStore};
use ports::store::Store;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::backend::{Backend, cases};
use super::world::{Media, World};
use crate::program::{ADMIN_KEY, Server};

cases![
    a_file_is_served_under_our_own_address_whole_and_in_parts,
    a_file_is_served_as_what_its_bytes_are_whatever_the_sender_says,
    a_file_that_is_gone_is_named_and_no_dead_link,
    a_file_goes_out_of_sight_with_its_channel_and_its_message,
    a_file_that_comes_when_its_community_was_deleted_is_not_kept,
];

/// Deletes the community before it stores a file.
struct TooLate {
    kept: Arc<dyn MediaStore>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl MediaStore for TooLate {
    async fn put(&self, tenant: TenantId, bytes: FileBytes) -> Result<(ContentHash, u64), MediaError> {
        let (store, clock) = (|| Arc::clone(&self.store), || Arc::clone(&self.clock));
        let deletion = Tenants::new(store(), clock()).delete("simulated").await.unwrap();
        let jobs = Jobs::new(store(), clock()).with_media(Arc::clone(&self.kept));
        jobs.delete(deletion, &CancellationToken::new(), |_| {}).await.unwrap();
        self.kept.put(tenant, bytes).await
    }

    async fn open(
        &self,
        tenant: TenantId,
        hash: ContentHash,
        first: u64,
        most: u64,
    ) -> std::io::Result<Option<KeptFile>> {
        self.kept.open(tenant, hash, first, most).await
    }

    async fn put_thumbnail(
        &self,
        tenant: TenantId,
        hash: ContentHash,
        width: ThumbnailWidth,
        bytes: Bytes,
    ) -> std::io::Result<()> {
        self.kept.put_thumbnail(tenant, hash, width, bytes).await
    }

    async fn open_thumbnail(
        &self,
        tenant: TenantId,
        hash: ContentHash,
        width: ThumbnailWidth,
    ) -> std::io::Result<Option<Bytes>> {
        self.kept.open_thumbnail(tenant, hash, width).await
    }

    async fn delete_one(&self, tenant: TenantId, hash: ContentHash) -> std::io::Result<()> {
        self.kept.delete_one(tenant, hash).await
    }

    async fn delete_all(&self, tenant: TenantId) -> std::io::Result<()> {
        self.kept.delete_all(tenant).await
    }

    async fn retire(&self, tenant: TenantId) -> std::io::Result<()> {
        self.kept.retire(tenant).await
    }

    async fn delete_retired(&self, tenant: TenantId) -> std::io::Result<()> {
        self.kept.delete_retired(tenant).await
    }
}

/// Returns the first id from `after` on of a file that the simulator has, or has lost.
pub(super) fn file_id(after: u64, lost: bool) -> u64 {
    (after..after + 10_000).find(|id| Simulator::file(*id).is_none() == lost).unwrap()
}

/// A guild with one message for each of these names and types, copied; the files have these ids.
async fn world(backend: Backend, files: &[(u64, &str, &str)]) -> World {
    let mut world = World::channel_of(backend, 0).await;
    world.media = Some(Media::new());
    send(&world, files);
    assert_eq!(world.sync().await.state, JobState::Done);
    world
}

fn send(world: &World, files: &[(u64, &str, &str)]) {
    let channel_id = world.id("general");
    for file in files {
        let raw = with_file(channel_id, *file);
        world.simulator.act(Act::Send { channel_id, content: String::new(), raw }).unwrap();
    }
}

/// Returns the fields of a message with a file, which has this id, name and type.
pub(super) fn with_file(channel_id: u64, (id, filename, content_type): (u64, &str, &str)) -> Map<String, Value> {
    let url = format!("/attachments/{channel_id}/{id}/{}", filename.replace(' ', "_"));
    let file = json!({"id": id.to_string(), "filename": filename, "size": 9, "content_type": content_type, "url": url});
    Map::from_iter([("attachments".to_owned(), json!([file]))])
}

/// Returns the attachments of all messages, as the API shows them.
fn attachments(server: &Server) -> Vec<Value> {
    let page = server.get("/api/v1/tenants/simulated/channels/general/messages").json();
    page["items"].as_array().unwrap().iter().map(|message| message["attachments"][0].clone()).collect()
}

async fn a_file_is_served_under_our_own_address_whole_and_in_parts(backend: Backend) {
    let id = file_id(1_100_000_000_000_000_000, false);
    let world = world(backend, &[(id, "sea otter.png", "image/png")]).await;
    let (bytes, (_installation, server)) = (Simulator::file(id).unwrap(), world.serve());
    let shown = &attachments(&server)[0];
    assert_eq!(shown["state"], "stored");
    let path = shown["url"].as_str().unwrap();
    assert!(path.starts_with("/simulated/files/") && path.ends_with("/sea%20otter.png"), "{path}");
    let whole = server.get(path);
    assert_eq!((whole.status, &whole.body), (200, &bytes));
    for (name, value) in [
        ("content-type", "image/png"),
        ("content-disposition", "inline; filename*=UTF-8''sea%20otter%2Epng"),
        ("content-security-policy", "sandbox"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "public, no-cache"),
        ("accept-ranges", "bytes"),
        ("content-length", &bytes.len().to_string()),
    ] {
        assert_eq!(whole.header(name), Some(value), "{name}");
    }
    let part = server.request("GET", path, "Range: bytes=3-9\r\n", b"");
    assert_eq!((part.status, &part.body[..]), (206, &bytes[3..=9]));
    assert_eq!(part.header("content-range").unwrap(), format!("bytes 3-9/{}", bytes.len()));
    assert_eq!(server.request("GET", path, "Range: bytes=999999-\r\n", b"").status, 416);
    let head = server.request("HEAD", path, "", b"");
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), whole.header("content-length"));
    let known = format!("If-None-Match: {}\r\n", whole.header("etag").unwrap());
    let same = server.request("GET", path, &known, b"");
    assert_eq!((same.status, same.body.len()), (304, 0));
    let compressed = server.request("GET", path, "Accept-Encoding: gzip\r\n", b"");
    assert_eq!((compressed.header("content-encoding"), &compressed.body), (None, &bytes));
    let page = server.get("/simulated/general").text();
    assert!(page.contains(&format!("src=\"{path}\"")), "{page}");
    let wrong = path.replace(&id.to_string(), "5");
    assert_eq!(server.get(&wrong).status, 404);
}

async fn a_file_is_served_as_what_its_bytes_are_whatever_the_sender_says(backend: Backend) {
    let first = file_id(1_100_000_000_000_000_000, false);
    let second = file_id(first + 1, false);
    let files = [(first, "a.svg", "image/svg+xml"), (second, "b.html", "text/html; charset=utf-8")];
    let world = world(backend, &files).await;
    let (_installation, server) = world.serve();
    for shown in attachments(&server) {
        let answer = server.get(shown["url"].as_str().unwrap());
        assert!(answer.body.starts_with(b"\x89PNG"));
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("image/png")));
    }
}

async fn a_file_that_is_gone_is_named_and_no_dead_link(backend: Backend) {
    let lost = file_id(1_100_000_000_000_000_000, true);
    let world = world(backend, &[(lost, "otter.png", "image/png")]).await;
    let (_installation, server) = world.serve();
    let shown = &attachments(&server)[0];
    assert_eq!((&shown["state"], &shown["url"]), (&json!("gone"), &Value::Null));
    let page = server.get("/simulated/general").text();
    assert!(page.contains("otter.png</bdi> · no longer there"), "{page}");
    assert!(!page.contains("<img class=\"picture\"") && !page.contains("/attachments/"), "{page}");
}

async fn a_file_goes_out_of_sight_with_its_channel_and_its_message(backend: Backend) {
    let first = file_id(1_100_000_000_000_000_000, false);
    let second = file_id(first + 1, false);
    let world = world(backend, &[(first, "a.png", "image/png"), (second, "b.png", "image/png")]).await;
    let (general, (_installation, server)) = (world.id("general"), world.serve());
    let shown = attachments(&server);
    let paths: Vec<&str> = shown.iter().map(|file| file["url"].as_str().unwrap()).collect();
    world.delete(general, &world.true_ids(general)[..1]);
    world.pass();
    assert_eq!(world.sync().await.state, JobState::Done);
    assert_eq!([server.get(paths[0]).status, server.get(paths[1]).status], [410, 200]);
    world.close(general);
    world.sync().await;
    let admin = format!("Authorization: Bearer {ADMIN_KEY}\r\n");
    assert_eq!(server.get(paths[1]).status, 404);
    let answer = server.request("GET", paths[1], &admin, b"");
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
}

async fn a_file_that_comes_when_its_community_was_deleted_is_not_kept(backend: Backend) {
    let mut world = World::channel_of(backend, 0).await;
    let id = file_id(1_100_000_000_000_000_000, false);
    send(&world, &[(id, "a.png", "image/png")]);
    let mut media = Media::new();
    let kept = Arc::clone(&media.store);
    media.store = Arc::new(TooLate { kept: Arc::clone(&kept), store: Arc::clone(&world.store), clock: world.clock() });
    world.media = Some(media);
    world.sync().await;
    assert_eq!(world.simulator.served_files(), [id]);
    let hash = ContentHash::new(Sha256::digest(Simulator::file(id).unwrap()).into());
    assert!(kept.open(world.tenant.id, hash, 0, 1).await.unwrap().is_none());
}
