//! Custom emoji, stickers and icons, as readers see them.

use domain::job::JobState;
use domain::media::FileState;
use domain::picture::PictureKey;
use serde_json::{Map, json};

use super::backend::{Backend, cases};
use super::files::file_id;
use super::world::{Media, World};

cases![
    emoji_stickers_and_the_icon_of_a_guild_are_served_under_our_own_address,
    bytes_that_a_picture_has_outlive_the_attachment_with_the_same_ones,
];

/// The hash of the icon of the simulator's guild.
const ICON: &str = "7d2f6a0c94be51837f1d0e6b2a9c4853";

/// Returns the state of a picture.
async fn state(world: &World, key: &str) -> Option<FileState> {
    let key: PictureKey = key.parse().unwrap();
    let found = world.store.read().await.unwrap().pictures().find_all(world.tenant.id, &[key]).await.unwrap();
    found.first().map(|picture| picture.state)
}

async fn emoji_stickers_and_the_icon_of_a_guild_are_served_under_our_own_address(backend: Backend) {
    let mut world = World::channel_of(backend, 0).await;
    world.media = Some(Media::new());
    let general = world.id("general");
    // Emoji of other guilds, which only messages show.
    let (first, lost) = (file_id(1_100_000_000_000_000_000, false), file_id(1_100_000_000_000_000_000, true));
    let moving = file_id(first + 1, false);
    let content = format!("<:wool:{first}> <a:purl:{moving}> <:gone:{lost}>");
    let sticker = json!([{"id": "749054660769218631", "name": "Knit", "format_type": 3}]);
    let raw = Map::from_iter([("sticker_items".to_owned(), sticker)]);
    world.simulator.act(discord_simulator::Act::Send { channel_id: general, content, raw }).unwrap();
    assert_eq!(world.sync().await.state, JobState::Done);
    assert_eq!(state(&world, &format!("emoji/{lost}")).await, Some(FileState::Gone));
    let guild = &world.tenant.platform_id;
    for key in [format!("emoji/{moving}"), "sticker/749054660769218631".to_owned(), format!("icon/{guild}")] {
        assert!(matches!(state(&world, &key).await, Some(FileState::Stored { .. })), "{key}");
    }
    let due = world.store.read().await.unwrap();
    let own = { due }.pictures().list(world.tenant.id, None, 1000).await.unwrap();
    assert!(own.iter().all(|picture| !matches!(picture.state, FileState::Waiting { .. })), "{own:?}");
    assert_eq!(own.len(), 20 + 5 + 1 + 4, "those of the guild, its icon, and those of the message");

    let (_installation, server) = world.serve();
    let page = server.get("/simulated/general").text();
    let path = format!("/simulated/files/picture/emoji/{first}");
    assert!(page.contains(&format!("src=\"{path}\" alt=\":wool:\"")), "{page}");
    assert!(page.contains(">:gone:</span>") && page.contains("Sticker: <bdi>Knit</bdi>"), "{page}");
    let answer = server.get(&path);
    assert!(answer.body.starts_with(b"\x89PNG") && answer.body.ends_with(format!("/emojis/{first}.webp").as_bytes()));
    for (name, value) in [
        ("content-type", "image/png"),
        ("content-security-policy", "sandbox"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "public, no-cache"),
    ] {
        assert_eq!((answer.status, answer.header(name)), (200, Some(value)), "{name}");
    }
    let moving = server.get(&format!("/simulated/files/picture/emoji/{moving}"));
    assert!(moving.body.ends_with(b".gif"), "an animated one is requested as such");
    // A Lottie sticker is stored, and never shown as a page.
    let lottie = server.get("/simulated/files/picture/sticker/749054660769218631");
    assert_eq!((lottie.status, lottie.header("content-type")), (200, Some("application/octet-stream")));
    assert_eq!(lottie.header("content-disposition"), Some("attachment"));
    assert!(page.contains("<img class=\"icon\" src=\"/assets/simulated/icon\""), "{page}");
    let icon = server.get("/assets/simulated/icon");
    assert!(icon.body.ends_with(format!("/icons/{guild}/{ICON}.png").as_bytes()));
    for wrong in [format!("emoji/{lost}"), "emoji/5".to_owned(), "emoji/x".to_owned(), "avatar/5".to_owned()] {
        assert_eq!(server.get(&format!("/simulated/files/picture/{wrong}")).status, 404, "{wrong}");
    }
}

async fn bytes_that_a_picture_has_outlive_the_attachment_with_the_same_ones(backend: Backend) {
    let mut world = World::channel_of(backend, 0).await;
    world.media = Some(Media::new());
    let emoji = file_id(1_100_000_000_000_000_000, false);
    world.send(world.id("general"), &format!("<:wool:{emoji}>"));
    assert_eq!(world.sync().await.state, JobState::Done);
    let Some(FileState::Stored { hash, .. }) = state(&world, &format!("emoji/{emoji}")).await else {
        panic!("the emoji is stored")
    };
    // As after the deletion of a message with a file of these bytes.
    let mut unit = world.store.begin().await.unwrap();
    unit.unused_files().upsert_all(world.tenant.id, &[hash]).await.unwrap();
    unit.commit().await.unwrap();
    let media = std::sync::Arc::clone(&world.media.as_ref().unwrap().store);
    let removals = app_core::removals::Removals::new(std::sync::Arc::clone(&world.store), media, world.clock());
    removals.remove_once(&tokio_util::sync::CancellationToken::new()).await;
    let media = &world.media.as_ref().unwrap().store;
    assert!(media.open(world.tenant.id, hash, 0, 0).await.unwrap().is_some());
    assert_eq!(world.store.read().await.unwrap().unused_files().list(10).await.unwrap(), []);
}
