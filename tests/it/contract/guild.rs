//! Roles, emoji and stickers.

use domain::guild::{GuildItems, GuildObservation, Role, StoredItem};
use domain::tenant::{Color, Tenant};
use ports::error::StoreError;
use ports::store::Store;

use super::contract;
use super::fixture::{FIRST, HARD_TEXT, LAST, at, begin, guild_items, retried, tenant};

contract! {
    every_field_of_a_role_an_emoji_and_a_sticker_comes_back,
    items_replace_what_their_ids_held_and_leave_the_others,
    items_come_by_id_and_never_those_of_another_tenant,
    roles_are_found_by_their_ids,
    items_of_a_tenant_that_is_not_stored_are_refused,
    items_go_with_their_tenant;
    two handles:
    two_looks_at_once_leave_the_later_one,
}

async fn one_tenant(store: &dyn Store) -> Tenant {
    let tenant = tenant();
    let mut unit = begin(store).await;
    unit.tenants().insert(&tenant).await.unwrap();
    unit.commit().await.unwrap();
    tenant
}

async fn upsert(store: &dyn Store, tenant: &Tenant, items: &GuildItems) {
    let mut unit = begin(store).await;
    unit.guilds().upsert_all(tenant.id, items).await.unwrap();
    unit.commit().await.unwrap();
}

async fn list(store: &dyn Store, tenant: &Tenant) -> GuildItems {
    store.read().await.unwrap().guilds().list(tenant.id).await.unwrap()
}

async fn every_field_of_a_role_an_emoji_and_a_sticker_comes_back(store: &dyn Store) {
    let tenant = one_tenant(store).await;
    assert_eq!(list(store, &tenant).await, GuildItems::default());
    let mut items = guild_items(2);
    let largest = i64::MAX.to_string();
    let role = &mut items.roles[1];
    (role.item.id, role.item.name) = (largest.parse().unwrap(), HARD_TEXT.to_owned());
    (role.item.color, role.item.position) = (Color::from_rgb(0xFF_FFFF), i32::MIN);
    (role.observed_at, role.deleted_at) = (at(FIRST), Some(at(LAST)));
    items.roles[0].item.color = Color::from_rgb(1);
    items.observed_at = Some(at(LAST));
    let emoji = &mut items.emojis[1];
    (emoji.item.id, emoji.item.name, emoji.item.animated) = (largest.parse().unwrap(), String::new(), true);
    (emoji.observed_at, emoji.deleted_at) = (at(1_772_366_400_999), Some(at(-1)));
    let sticker = &mut items.stickers[1];
    (sticker.item.id, sticker.item.name) = (largest.parse().unwrap(), HARD_TEXT.to_owned());
    (sticker.item.format, sticker.item.description) = ("17".to_owned(), Some(HARD_TEXT.to_owned()));
    sticker.deleted_at = Some(at(7));
    upsert(store, &tenant, &items).await;
    assert_eq!(list(store, &tenant).await, items);
}

async fn items_replace_what_their_ids_held_and_leave_the_others(store: &dyn Store) {
    let tenant = one_tenant(store).await;
    let mut items = guild_items(3);
    upsert(store, &tenant, &items).await;
    upsert(store, &tenant, &items).await;
    assert_eq!(list(store, &tenant).await, items);
    let (role, emoji, sticker) = (&mut items.roles[1], &mut items.emojis[1], &mut items.stickers[1]);
    (role.item.name, role.item.color, role.item.position) = ("renamed".to_owned(), Color::from_rgb(7), 9);
    (emoji.item.name, emoji.item.animated, emoji.observed_at) = ("renamed".to_owned(), true, at(2));
    (sticker.item.name, sticker.item.format) = ("renamed".to_owned(), "gif".to_owned());
    (sticker.item.description, sticker.deleted_at) = (Some("new".to_owned()), Some(at(3)));
    let changed = GuildItems {
        observed_at: None,
        roles: vec![items.roles[1].clone()],
        emojis: vec![items.emojis[1].clone()],
        stickers: vec![items.stickers[1].clone()],
    };
    upsert(store, &tenant, &changed).await;
    assert_eq!(list(store, &tenant).await, items);
    // An item that reappears is no longer deleted.
    items.observed_at = Some(at(4));
    items.stickers[1] = StoredItem { deleted_at: None, observed_at: at(4), ..items.stickers[1].clone() };
    upsert(store, &tenant, &items).await;
    assert_eq!(list(store, &tenant).await, items);
}

async fn items_come_by_id_and_never_those_of_another_tenant(store: &dyn Store) {
    let (here, there) = (one_tenant(store).await, one_tenant(store).await);
    let items = guild_items(12);
    let mut mixed = items.clone();
    mixed.roles.reverse();
    mixed.emojis.reverse();
    mixed.stickers.rotate_left(5);
    upsert(store, &here, &mixed).await;
    assert_eq!(list(store, &here).await, items);
    assert_eq!(list(store, &there).await, GuildItems::default());
    let id = items.roles[0].item.id;
    assert_eq!(store.read().await.unwrap().guilds().find_roles(there.id, &[id]).await.unwrap(), []);
}

async fn roles_are_found_by_their_ids(store: &dyn Store) {
    let tenant = one_tenant(store).await;
    let mut items = guild_items(5);
    items.roles[3].deleted_at = Some(at(2));
    upsert(store, &tenant, &items).await;
    let id = |raw: u64| raw.to_string().parse().unwrap();
    let mut read = store.read().await.unwrap();
    let found = read.guilds().find_roles(tenant.id, &[id(9), id(4), id(2), id(4)]).await.unwrap();
    assert_eq!(found, [items.roles[1].item.clone(), items.roles[3].item.clone()]);
    assert_eq!(read.guilds().find_roles(tenant.id, &[]).await.unwrap(), []);
    let many: Vec<_> = (1..=200).map(id).collect();
    assert_eq!(read.guilds().find_roles(tenant.id, &many).await.unwrap().len(), 5);
}

async fn items_of_a_tenant_that_is_not_stored_are_refused(store: &dyn Store) {
    let refused = begin(store).await.guilds().upsert_all(tenant().id, &guild_items(1)).await;
    assert!(matches!(refused, Err(StoreError::Missing { what: "tenant" })), "{refused:?}");
}

async fn items_go_with_their_tenant(store: &dyn Store) {
    let (here, there) = (one_tenant(store).await, one_tenant(store).await);
    upsert(store, &here, &guild_items(3)).await;
    upsert(store, &there, &guild_items(3)).await;
    let mut unit = begin(store).await;
    unit.tenants().delete(here.id).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(list(store, &here).await, GuildItems::default());
    assert_eq!(list(store, &there).await, guild_items(3));
}

/// Two writers that compare the stored items with those that they observed, as a sync does.
async fn two_looks_at_once_leave_the_later_one(one: &dyn Store, other: &dyn Store) {
    let shown = |count: u64, name: &str| {
        let mut items = guild_items(count);
        name.clone_into(&mut items.roles[0].item.name);
        items.roles.into_iter().map(|held| held.item).collect::<Vec<_>>()
    };
    let (earlier, later) = (shown(8, "earlier"), shown(5, "later"));
    let look = async |store: &dyn Store, tenant: &Tenant, roles: &[Role], millis: i64| {
        let stored = retried(store, async |unit| {
            let held = unit.guilds().list(tenant.id).await?;
            let look = GuildObservation {
                observed_at: at(millis),
                roles: Some(roles),
                emojis: None,
                stickers: None,
                icons: &[],
            };
            match held.after_observation(&look) {
                Some(changes) => unit.guilds().upsert_all(tenant.id, &changes).await,
                None => Ok(()),
            }
        });
        stored.await.unwrap();
    };
    for _ in 0..8 {
        let tenant = one_tenant(one).await;
        upsert(one, &tenant, &guild_items(7)).await;
        futures::join!(look(one, &tenant, &earlier, 10), look(other, &tenant, &later, 15));
        let held = list(one, &tenant).await.roles;
        assert_eq!((held[0].item.name.as_str(), held[0].observed_at), ("later", at(15)));
        let left: Vec<_> =
            held.iter().filter(|held| held.deleted_at.is_none()).map(|held| held.item.id.get()).collect();
        assert_eq!(left, [1, 2, 3, 4, 5]);
    }
}
