//! Channels.

use domain::channel::{Channel, ChannelId, ChannelKind, ChannelSnowflake, ChannelStats, ForumTag};
use domain::json::Json;
use domain::slug::ChannelSlug;
use domain::tenant::Tenant;
use domain::visibility::Visibility;
use ports::channel::ChannelCursor;
use ports::error::StoreError;
use ports::page::Page;
use ports::store::Store;
use serde_json::json;

use super::contract;
use super::fixture::{
    HARD_TEXT, at, begin, channel, held_ids, id, interval, one_channel, page, put, stored, tenant, thread, upsert,
};

contract![
    every_field_of_a_channel_comes_back,
    a_channel_at_every_end_comes_back,
    a_channel_replaces_what_its_id_held_but_for_its_stats,
    a_channel_needs_its_tenant_and_its_parent,
    a_slug_is_taken_once_in_a_tenant,
    a_slug_of_any_script_is_found,
    channels_are_found_by_many_ids,
    channels_are_listed_by_position,
    channels_are_listed_to_the_end_without_private_ones,
    all_channels_are_listed_to_the_end,
    a_parent_counts_its_threads,
    the_order_in_which_listings_are_stored_does_not_matter,
    a_channel_goes_with_all_that_belongs_to_it,
    two_tenants_never_see_each_others_channels,
];

fn full(plain: &Channel) -> Channel {
    Channel {
        kind: ChannelKind(i32::MAX),
        name: "🧵 Ünïcode “name” <script>".to_owned(),
        slug: ChannelSlug::from_name("日本語 チャンネル"),
        topic: Some("a topic\nof two lines".to_owned()),
        position: i32::MIN,
        nsfw: true,
        visibility: Visibility::Public,
        archived: true,
        locked: true,
        tags: vec![
            ForumTag { id: "2".to_owned(), name: "bug".to_owned(), emoji: Some("🐛".to_owned()) },
            ForumTag { id: "1".to_owned(), name: String::new(), emoji: None },
        ],
        applied_tags: vec!["18446744073709551615".to_owned(), "1".to_owned()],
        extra: Some(Json::new(
            &json!({"b": [1.5, null, {"ä": "\u{1F9F5}"}], "a": 1e300, "n": 18_446_744_073_709_551_615_u64}),
        )),
        observed_at: Some(at(1_790_000_000_123)),
        ..plain.clone()
    }
}

async fn every_field_of_a_channel_comes_back(store: &dyn Store) {
    let (tenant, parent) = one_channel(store).await;
    let largest = channel(&tenant, i64::MAX.cast_unsigned(), ChannelKind::TEXT);
    let topicless = Channel { topic: Some(String::new()), ..channel(&tenant, 2, ChannelKind::UNNUMBERED) };
    let child = Channel { parent_id: Some(parent.id), ..channel(&tenant, 1, ChannelKind::PUBLIC_THREAD) };
    for one in [largest, topicless, child, full(&channel(&tenant, 3, ChannelKind::TEXT))] {
        upsert(store, &[&one]).await;
        assert_eq!(stored(store, &one).await, one);
        let by_slug = store.read().await.unwrap().channels().find_by_slug(tenant.id, &one.slug).await.unwrap();
        assert_eq!(by_slug, Some(one));
    }
}

async fn a_channel_replaces_what_its_id_held_but_for_its_stats(store: &dyn Store) {
    let (tenant, parent) = one_channel(store).await;
    let plain = channel(&tenant, 8, ChannelKind::TEXT);
    upsert(store, &[&plain]).await;
    put(store, &plain, &page(&plain, None, 1, [5, 6], "a")).await;
    let stats = stored(store, &plain).await.stats;
    assert_eq!((stats.message_count, stats.last_activity_at), (2, Some(id(6).created_at())));
    let claimed = ChannelStats { message_count: 99, thread_count: 99, last_activity_at: Some(at(99)) };
    let wanted = Channel { parent_id: Some(parent.id), stats: claimed, ..full(&plain) };
    upsert(store, &[&wanted, &wanted]).await;
    assert_eq!(stored(store, &plain).await, Channel { stats, ..wanted });
    upsert(store, &[&plain]).await;
    assert_eq!(stored(store, &plain).await, Channel { stats, ..plain });
}

async fn a_channel_needs_its_tenant_and_its_parent(store: &dyn Store) {
    let (tenant, here) = one_channel(store).await;
    let mut unit = begin(store).await;
    let homeless = channel(&super::fixture::tenant(), 1, ChannelKind::TEXT);
    let refused = unit.channels().upsert(&homeless).await.unwrap_err();
    assert!(matches!(refused, StoreError::Missing { what: "tenant" }), "{refused:?}");
    drop(unit);
    let nowhere = ChannelId::of(tenant.id, "404".parse().unwrap());
    for orphan in
        [Channel { parent_id: Some(nowhere), ..thread(&here, 9) }, Channel { parent_id: Some(nowhere), ..here }]
    {
        let mut unit = begin(store).await;
        let refused = unit.channels().upsert(&orphan).await.unwrap_err();
        assert!(matches!(refused, StoreError::Missing { what: "parent channel" }), "{refused:?}");
    }
}

async fn a_slug_is_taken_once_in_a_tenant(store: &dyn Store) {
    let (tenant, first) = one_channel(store).await;
    let thief = Channel { slug: first.slug.clone(), ..channel(&tenant, 8, ChannelKind::TEXT) };
    let mut unit = begin(store).await;
    let refused = unit.channels().upsert(&thief).await.unwrap_err();
    assert!(matches!(refused, StoreError::Duplicate { what: "channel slug" }), "{refused:?}");
    drop(unit);
    // The slug is free in another tenant.
    let (_, theirs) = one_channel(store).await;
    assert_eq!(theirs.slug, first.slug);
}

async fn a_slug_of_any_script_is_found(store: &dyn Store) {
    let (tenant, _) = one_channel(store).await;
    // Each differs from another only in case, an accent or the form of a script: they must count as different slugs.
    let names = ["straße", "strasse", "cafe", "café", "ｃａｆｅ", "日本語", "にほんご", "ニホンゴ", "🧵", "🧶"];
    let channels: Vec<Channel> = (100..)
        .zip(names)
        .map(|(number, name)| Channel {
            slug: ChannelSlug::new(name).unwrap_or_else(|_| ChannelSlug::from_name(&format!("{name}-{number}"))),
            ..channel(&tenant, number, ChannelKind::TEXT)
        })
        .collect();
    upsert(store, &channels.iter().collect::<Vec<_>>()).await;
    for one in channels {
        let found = store.read().await.unwrap().channels().find_by_slug(tenant.id, &one.slug).await.unwrap();
        assert_eq!(found, Some(one));
    }
}

async fn channels_are_found_by_many_ids(store: &dyn Store) {
    let (tenant, _) = one_channel(store).await;
    let mut channels: Vec<Channel> = (100..300).map(|number| channel(&tenant, number, ChannelKind::TEXT)).collect();
    upsert(store, &channels.iter().step_by(2).collect::<Vec<_>>()).await;
    let ids: Vec<ChannelId> = channels.iter().map(|channel| channel.id).collect();
    let mut expected: Vec<Channel> = channels.drain(..).step_by(2).collect();
    expected.sort_by_key(|channel| channel.id);
    let mut read = store.read().await.unwrap();
    assert_eq!(read.channels().find_all(&ids).await.unwrap(), expected);
    assert_eq!(read.channels().find_all(&[ids[0], ids[0], ids[1]]).await.unwrap().len(), 1);
    assert_eq!(read.channels().find_all(&[]).await.unwrap(), []);
    assert_eq!(read.channels().find(ids[1]).await.unwrap(), None);
}

async fn channels_are_listed_by_position(store: &dyn Store) {
    let (tenant, first) = one_channel(store).await;
    let placed = |number, position| Channel { position, ..channel(&tenant, number, ChannelKind::TEXT) };
    let channels = [placed(30, 2), placed(9, 2), placed(100, -1), placed(20, 0), placed(3, 2)];
    upsert(store, &channels.iter().collect::<Vec<_>>()).await;
    upsert(store, &[&Channel { kind: ChannelKind::PRIVATE_THREAD, ..thread(&first, 50) }, &thread(&first, 51)]).await;
    assert_eq!(listed(store, &tenant, true, 100).await, [100, 7, 20, 3, 9, 30]);
}

/// Returns the platform ids of a tenant's channels without threads, read `limit` at a time.
async fn listed(store: &dyn Store, tenant: &Tenant, with_private: bool, limit: u32) -> Vec<u64> {
    let (mut found, mut after) = (Vec::new(), None);
    let mut read = store.read().await.unwrap();
    loop {
        let page = read.channels().list(tenant.id, with_private, Page { after, limit }).await.unwrap();
        assert!(page.len() <= limit as usize);
        let Some(last) = page.last() else { return found };
        after = Some(ChannelCursor::from(last));
        found.extend(page.iter().map(|channel| channel.platform_id.get()));
    }
}

async fn channels_are_listed_to_the_end_without_private_ones(store: &dyn Store) {
    let (tenant, first) = one_channel(store).await;
    let placed =
        |number, position, visibility| Channel { position, visibility, ..channel(&tenant, number, ChannelKind::TEXT) };
    let (public, private) = (Visibility::Public, Visibility::Private);
    let channels = [
        placed(30, 2, public),
        placed(9, 2, private),
        placed(100, i32::MIN, public),
        placed(20, 0, private),
        placed(3, 2, public),
        placed(40, i32::MAX, public),
        placed(41, i32::MAX, private),
    ];
    upsert(store, &channels.iter().collect::<Vec<_>>()).await;
    upsert(store, &[&thread(&first, 51)]).await;
    for limit in 1..=9 {
        assert_eq!(listed(store, &tenant, true, limit).await, [100, 7, 20, 3, 9, 30, 40, 41], "{limit} at a time");
        assert_eq!(listed(store, &tenant, false, limit).await, [100, 3, 30, 40], "{limit} at a time");
    }
}

async fn all_channels_are_listed_to_the_end(store: &dyn Store) {
    let (tenant, first) = one_channel(store).await;
    let more: Vec<Channel> = (100..108).map(|number| thread(&first, number)).collect();
    upsert(store, &more.iter().collect::<Vec<_>>()).await;
    let mut expected: Vec<ChannelId> = more.iter().chain([&first]).map(|channel| channel.id).collect();
    expected.sort();
    for limit in 1..=10 {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = store.read().await.unwrap().channels().list_all(tenant.id, Page { after, limit }).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            found.extend(page.iter().map(|channel| channel.id));
        }
        assert_eq!(found, expected, "{limit} at a time");
    }
}

/// Returns every order of the numbers.
fn orders(numbers: &[i64]) -> Vec<Vec<i64>> {
    let [first, rest @ ..] = numbers else { return vec![Vec::new()] };
    let insert =
        |order: Vec<i64>| (0..=order.len()).map(move |place| [&order[..place], &[*first], &order[place..]].concat());
    orders(rest).into_iter().flat_map(insert).collect()
}

async fn the_order_in_which_listings_are_stored_does_not_matter(store: &dyn Store) {
    let (tenant, _) = one_channel(store).await;
    for (order, number) in orders(&[1, 2, 3, 4]).into_iter().zip(100..) {
        let shown = |time: i64| Channel {
            name: format!("name {time}"),
            visibility: if time == 3 { Visibility::Public } else { Visibility::Private },
            observed_at: Some(at(time)),
            ..channel(&tenant, number, ChannelKind::TEXT)
        };
        for time in &order {
            let mut unit = begin(store).await;
            let stored = unit.channels().find(shown(*time).id).await.unwrap();
            if let Some(after) = shown(*time).after_observation(stored.as_ref()) {
                unit.channels().upsert(&after).await.unwrap();
            }
            unit.commit().await.unwrap();
        }
        let last = Channel { slug: stored(store, &shown(4)).await.slug, ..shown(4) };
        assert_eq!(stored(store, &last).await, last, "{order:?}");
    }
}

async fn a_parent_counts_its_threads(store: &dyn Store) {
    let (tenant, first) = one_channel(store).await;
    let second = channel(&tenant, 8, ChannelKind::FORUM);
    let private = Channel { kind: ChannelKind::PRIVATE_THREAD, ..thread(&first, 52) };
    upsert(store, &[&second, &thread(&first, 50), &thread(&first, 51), &private, &thread(&first, 51)]).await;
    let counts =
        async || (stored(store, &first).await.stats.thread_count, stored(store, &second).await.stats.thread_count);
    assert_eq!(counts().await, (2, 0));
    upsert(store, &[&thread(&second, 51)]).await;
    assert_eq!(counts().await, (1, 1));
    upsert(store, &[&Channel { kind: ChannelKind::PRIVATE_THREAD, ..thread(&first, 50) }]).await;
    assert_eq!(counts().await, (0, 1));
    let mut unit = begin(store).await;
    unit.channels().delete(thread(&second, 51).id).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(counts().await, (0, 0));
}

async fn a_channel_goes_with_all_that_belongs_to_it(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let child = thread(&here, 50);
    upsert(store, &[&child]).await;
    put(store, &here, &page(&here, interval(1, 9), 1, [5], "a")).await;
    for _ in 0..2 {
        let mut unit = begin(store).await;
        unit.channels().delete(here.id).await.unwrap();
        unit.commit().await.unwrap();
    }
    let mut read = store.read().await.unwrap();
    assert_eq!(read.channels().find(here.id).await.unwrap(), None);
    assert_eq!(read.channels().find(child.id).await.unwrap().unwrap().parent_id, None);
    assert_eq!(read.coverage().find(here.id).await.unwrap(), None);
    assert_eq!(read.messages().find(here.id, id(5)).await.unwrap(), None);
    drop(read);
    // A later channel under the same id starts from scratch.
    upsert(store, &[&here]).await;
    assert_eq!(held_ids(store, &here).await, [0; 0]);
    assert_eq!(stored(store, &here).await.stats.message_count, 0);
    assert!(store.read().await.unwrap().coverage().segments(here.id).await.unwrap().parts().is_empty());
}

async fn two_tenants_never_see_each_others_channels(store: &dyn Store) {
    let ((one, here), (other, there)) = (one_channel(store).await, one_channel(store).await);
    let unknown = tenant();
    let mut read = store.read().await.unwrap();
    let all = Page { after: None, limit: 9 };
    assert_eq!(read.channels().list(one.id, true, all).await.unwrap(), std::slice::from_ref(&here));
    assert_eq!(read.channels().list_all(other.id, Page { after: None, limit: 9 }).await.unwrap(), [there]);
    assert_eq!(read.channels().list(unknown.id, true, all).await.unwrap(), []);
    assert_eq!(read.channels().find_by_slug(unknown.id, &here.slug).await.unwrap(), None);
    let held = read.coverage().list(other.id, Page { after: None, limit: 9 }).await.unwrap();
    assert!(held.iter().all(|coverage| coverage.channel_id != here.id));
    let same: ChannelSnowflake = here.platform_id;
    assert_ne!(ChannelId::of(one.id, same), ChannelId::of(other.id, same));
}

async fn a_channel_at_every_end_comes_back(store: &dyn Store) {
    let (tenant, _) = one_channel(store).await;
    let widest = Channel {
        kind: ChannelKind(i32::MIN),
        name: HARD_TEXT.to_owned(),
        slug: ChannelSlug::new(&"日".repeat(100)).unwrap(),
        topic: Some("🧵".repeat(4_096)),
        position: i32::MAX,
        extra: Some(Json::new(&serde_json::Value::Null)),
        ..channel(&tenant, ChannelSnowflake::MAX.get(), ChannelKind::TEXT)
    };
    let nameless =
        Channel { name: String::new(), slug: ChannelSlug::new("n").unwrap(), ..channel(&tenant, 1, ChannelKind(99)) };
    for one in [widest, nameless] {
        upsert(store, &[&one]).await;
        assert_eq!(stored(store, &one).await, one);
    }
}
