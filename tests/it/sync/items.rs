//! Roles, emoji and stickers.

use app_core::browse::{Audience, Browse, ChannelView, Find, Messages};
use app_web::address::Base;
use app_web::html::{self, Frame};
use app_web::wire::messages_json;
use discord_simulator::{GuildSize, Options};
use domain::guild::{GuildItems, Role};
use domain::job::JobState;
use domain::timestamp::Timestamp;

use super::backend::{Backend, cases};
use super::world::World;
use crate::contract::fixture::guild_items;

cases![
    roles_emoji_and_stickers_are_held_and_a_second_run_changes_none,
    what_the_guild_has_no_more_is_kept_as_deleted_and_what_it_renamed_is_renamed,
    a_role_that_is_mentioned_has_its_name_in_the_api_and_on_the_page,
];

async fn held(world: &World) -> GuildItems {
    world.store.read().await.unwrap().guilds().list(world.tenant.id).await.unwrap()
}

async fn roles_emoji_and_stickers_are_held_and_a_second_run_changes_none(backend: Backend) {
    let world = World::start(backend, Options::new(7, GuildSize::Small).unlimited()).await;
    assert_eq!(world.sync().await.state, JobState::Done);
    let first = held(&world).await;
    assert_eq!((first.roles.len(), first.emojis.len(), first.stickers.len()), (15, 20, 5));
    assert_eq!(first.roles.iter().filter(|role| role.item.name == "@everyone").count(), 1);
    world.simulator.clock().advance(60_000);
    world.sync().await;
    let second = held(&world).await;
    assert!(second.observed_at > first.observed_at);
    assert_eq!(GuildItems { observed_at: first.observed_at, ..second }, first);
}

async fn what_the_guild_has_no_more_is_kept_as_deleted_and_what_it_renamed_is_renamed(backend: Backend) {
    let world = World::start(backend, Options::new(7, GuildSize::Small).unlimited()).await;
    world.sync().await;
    let first = held(&world).await;
    let mut before = guild_items(1);
    before.observed_at = Some(Timestamp::from_millis(2).unwrap());
    before.emojis.push(first.emojis[4].clone());
    "as_it_was_before".clone_into(&mut before.emojis[1].item.name);
    let mut unit = world.store.begin().await.unwrap();
    unit.guilds().upsert_all(world.tenant.id, &before).await.unwrap();
    unit.commit().await.unwrap();
    world.simulator.clock().advance(60_000);
    world.sync().await;
    let after = held(&world).await;
    let at = after.observed_at;
    assert!(at > first.observed_at);
    assert_eq!((after.roles[0].item.name.as_str(), after.roles[0].deleted_at), ("item 1", at));
    assert_eq!((after.emojis[0].deleted_at, after.stickers[0].deleted_at), (at, at));
    assert_eq!((&after.emojis[5].item, Some(after.emojis[5].observed_at)), (&first.emojis[4].item, at));
    assert_eq!(after.roles[1..], first.roles);
}

/// Returns a page of the archive with a mention of a role, and that role.
async fn page_with_a_role(world: &World) -> (ChannelView, Messages, Role) {
    let mut at = Browse::new(std::sync::Arc::clone(&world.store)).open(Audience::Public).await;
    for view in at.channels(&world.tenant).await.unwrap().iter() {
        let page = at.messages(view, Find::Newest, 100).await.unwrap();
        let is_mentioned = |role: &&Role| {
            let mention = format!("<@&{}>", role.id);
            page.entries.iter().any(|entry| entry.message.content.contains(&mention))
        };
        let found = page.roles.values().find(is_mentioned).cloned();
        if let Some(role) = found {
            return (view.clone(), page, role);
        }
    }
    panic!("no message mentions a role");
}

async fn a_role_that_is_mentioned_has_its_name_in_the_api_and_on_the_page(backend: Backend) {
    let world = World::start(backend, Options::new(7, GuildSize::Small).unlimited()).await;
    world.sync().await;
    let (view, page, role) = page_with_a_role(&world).await;
    let body =
        serde_json::from_slice::<serde_json::Value>(&messages_json(&world.tenant, &view.channel, &page)).unwrap();
    let color = role.color.unwrap().to_string();
    let expected = serde_json::json!({"id": role.id.to_string(), "name": role.name, "color": color});
    let mention = format!("<@&{}>", role.id);
    for item in body["items"].as_array().unwrap() {
        let mentioned = item["role_mentions"].as_array().unwrap().contains(&expected);
        assert_eq!(mentioned, item["content"].as_str().unwrap().contains(&mention), "{item}");
    }
    let mut at = Browse::new(std::sync::Arc::clone(&world.store)).open(Audience::Public).await;
    let now = world.clock().now();
    let context = at.page_context(&world.tenant, &view, &page).await.unwrap();
    let channels = [view.clone()];
    let frame = Frame { base: Base::of_api(&world.tenant), channels: &channels, now: Some(now) };
    let shown =
        html::channel(&frame, &view, &page, context, &html::Position::Part, &html::Listing::default()).into_string();
    assert!(shown.contains(&format!("fill=\"{color}\"")), "{shown}");
    assert!(shown.contains(&format!("@<bdi>{}</bdi></span>", role.name)), "{shown}");
}
