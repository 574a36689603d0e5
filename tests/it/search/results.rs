//! The results of a search: all that its reader may see, and nothing else, however old the index.

use std::sync::Arc;
use std::time::Duration;

use app_core::browse::Audience;
use app_core::search::{SearchFailure, SearchRequest, Total};
use domain::channel::{Channel, ChannelKind};
use domain::message::Message;
use domain::page::MessagePage;
use domain::visibility::Visibility;
use ports::store::Store;

use super::{World, cases, create, public, request};
use crate::contract::fixture::{at, begin, channel, interval, message, page, put, tenant, thread, upsert};
use crate::program::{Installation, examples};

cases![
    a_total_does_not_count_what_was_deleted_since,
    a_thread_that_becomes_private_or_public_is_found_by_its_readers_as_a_whole,
    a_search_that_takes_too_long_ends_with_what_it_found,
    what_is_hidden_or_deleted_is_never_shown_however_old_the_index,
    the_name_of_a_thread_is_found_with_its_messages,
];

async fn a_total_does_not_count_what_was_deleted_since(store: Arc<dyn Store>) {
    let (mut world, tenant, here) = World::of_one_channel(store).await;
    let page = |at_: i64, ids: &[u64]| page(&here, interval(1, 99), at_, ids.iter().copied(), "zebra");
    let one = SearchRequest { limit: 1, ..request("zebra") };
    put(&*world.store, &here, &page(1, &[5, 6, 7, 8])).await;
    world.indexer.settle().await.unwrap();
    assert_eq!(world.page(&tenant, Audience::Public, &one).await.total, Total::Exactly(4));
    put(&*world.store, &here, &page(2, &[5, 6, 7])).await;
    assert_eq!(world.page(&tenant, Audience::Public, &one).await.total, Total::AtLeast(1), "one was deleted since");
    world.indexer.settle().await.unwrap();
    assert_eq!(world.page(&tenant, Audience::Public, &one).await.total, Total::Exactly(3));
    let cursor = world.page(&tenant, Audience::Public, &one).await.next;
    let hidden = Channel { visibility: Visibility::Private, observed_at: Some(at(9)), ..here.clone() };
    upsert(&*world.store, &[&hidden]).await;
    let after = world.page(&tenant, Audience::Public, &SearchRequest { after: cursor, ..one }).await;
    assert_eq!((after.hits.len(), after.next, after.total), (0, None, Total::AtLeast(0)));
}

/// The channel change is applied in many commits; a process that ends after any of them is followed by one that finds
/// all messages.
async fn a_thread_that_becomes_private_or_public_is_found_by_its_readers_as_a_whole(store: Arc<dyn Store>) {
    let mut world = World::new(store);
    let of = tenant();
    let here = public(channel(&of, 1, ChannelKind::TEXT));
    let below = thread(&here, 30);
    let tenant = create(&*world.store, &[&here, &below]).await;
    let many: Vec<Message> = (31..=2_630).map(|raw| message(&below, raw, "word", 1)).collect();
    for part in many.chunks(500) {
        put(&*world.store, &below, &MessagePage::new(None, at(1), part.to_vec()).unwrap()).await;
    }
    world.indexer.settle().await.unwrap();
    let total = async |world: &World, audience| world.all(&tenant, audience, request("word")).await.len();
    assert_eq!(total(&world, Audience::Public).await, 2_600);
    let mut time = 100;
    for visibility in [Visibility::Private, Visibility::Public] {
        time += 1;
        let changed = Channel { visibility, observed_at: Some(at(time)), ..below.clone() };
        upsert(&*world.store, &[&changed]).await;
        world.index.fail_after(1);
        assert!(world.indexer.settle().await.is_err() || world.index.has_failed());
        world = world.restarted();
        world.indexer.settle().await.unwrap();
        let expected = if visibility == Visibility::Public { 2_600 } else { 0 };
        assert_eq!(total(&world, Audience::Public).await, expected);
        assert_eq!(total(&world, Audience::Admin).await, 2_600);
    }
}

async fn a_search_that_takes_too_long_ends_with_what_it_found(store: Arc<dyn Store>) {
    let (mut world, tenant, here) = World::of_one_channel(store).await;
    let page = |at_: i64, ids: &[u64]| page(&here, interval(1, 99), at_, ids.iter().copied(), "word");
    put(&*world.store, &here, &page(1, &(5..=40).collect::<Vec<_>>())).await;
    world.indexer.settle().await.unwrap();
    let two = SearchRequest { limit: 2, ..request("word") };
    // The index has three candidates of which the store has one, and no time for more.
    put(&*world.store, &here, &page(2, &(5..=38).collect::<Vec<_>>())).await;
    world.index.be_late_after(1);
    let page = world.page(&tenant, Audience::Public, &two).await;
    assert!(page.timed_out);
    let ids: Vec<u64> = page.hits.iter().map(|hit| hit.entry.message.id.get()).collect();
    assert_eq!((ids, page.total), (vec![38], Total::AtLeast(1)));
    assert_eq!(page.next.unwrap().id.get(), 38, "it goes on there");
    world.index.be_late_after(1);
    let rest = world.page(&tenant, Audience::Public, &SearchRequest { after: page.next, ..two.clone() }).await;
    assert_eq!(rest.hits[0].entry.message.id.get(), 37);
    world.index.be_late_after(0);
    let failed = world.search.page(Audience::Public, tenant.slug.as_str(), &two).await;
    assert!(matches!(failed, Err(SearchFailure::TimedOut)), "{failed:?}");
    // The time is also that of a store or an index that does not respond.
    let impatient = world.search.clone().with_time(Duration::ZERO);
    let failed = impatient.page(Audience::Public, tenant.slug.as_str(), &two).await;
    assert!(matches!(failed, Err(SearchFailure::TimedOut)), "{failed:?}");
}

async fn what_is_hidden_or_deleted_is_never_shown_however_old_the_index(store: Arc<dyn Store>) {
    let mut world = World::new(store);
    let of = tenant();
    let (one, other) = (public(channel(&of, 1, ChannelKind::TEXT)), public(channel(&of, 2, ChannelKind::TEXT)));
    let below = thread(&other, 30);
    let tenant = create(&*world.store, &[&one, &other, &below]).await;
    let page = |of: &Channel, at_: i64, ids: &[u64]| page(of, interval(1, 99), at_, ids.iter().copied(), "word");
    put(&*world.store, &one, &page(&one, 1, &[5, 6, 7])).await;
    put(&*world.store, &other, &page(&other, 1, &[8, 9])).await;
    put(&*world.store, &below, &page(&below, 1, &[31])).await;
    world.indexer.settle().await.unwrap();
    assert_eq!(world.found(&tenant, "word").await, [31, 9, 8, 7, 6, 5]);
    // The index is not told of anything from here on.
    put(&*world.store, &one, &page(&one, 2, &[5, 7])).await;
    assert_eq!(world.found(&tenant, "word").await, [31, 9, 8, 7, 5]);
    let edited = vec![message(&one, 5, "other", 3), message(&one, 7, "word", 3)];
    let edited = MessagePage::new(None, at(3), edited).unwrap();
    put(&*world.store, &one, &edited).await;
    assert_eq!(world.found(&tenant, "word").await, [31, 9, 8, 7]);
    let hidden = Channel { visibility: Visibility::Private, observed_at: Some(at(9)), ..other.clone() };
    upsert(&*world.store, &[&hidden]).await;
    assert_eq!(world.found(&tenant, "word").await, [7]);
    assert_eq!(world.all(&tenant, Audience::Admin, request("word")).await.len(), 4);
    for channel in [&below, &other] {
        let mut unit = begin(&*world.store).await;
        unit.messages().delete_first(channel.id, 1_000).await.unwrap();
        unit.channels().delete(channel.id).await.unwrap();
        unit.commit().await.unwrap();
    }
    assert_eq!(world.all(&tenant, Audience::Admin, request("word")).await.len(), 1);
    world.indexer.settle().await.unwrap();
    assert_eq!(world.found(&tenant, "word").await, [7]);
}

async fn the_name_of_a_thread_is_found_with_its_messages(store: Arc<dyn Store>) {
    let (mut world, tenant, here) = World::of_one_channel(store).await;
    put(&*world.store, &here, &page(&here, None, 1, [30], "starter")).await;
    world.indexer.settle().await.unwrap();
    assert_eq!(world.found(&tenant, "pancakes").await, [0_u64; 0]);
    let below = Channel { name: "About pancakes".to_owned(), ..thread(&here, 30) };
    upsert(&*world.store, &[&below]).await;
    let opener = MessagePage::new(None, at(1), vec![message(&below, 30, "", 1), message(&below, 31, "x", 1)]).unwrap();
    put(&*world.store, &below, &opener).await;
    world.indexer.settle().await.unwrap();
    assert_eq!(world.found(&tenant, "pancakes").await, [30, 30]);
    let renamed = Channel { name: "About waffles".to_owned(), observed_at: Some(at(50)), ..below };
    upsert(&*world.store, &[&renamed]).await;
    world.indexer.settle().await.unwrap();
    assert_eq!(world.found(&tenant, "pancakes").await, [0_u64; 0]);
    assert_eq!(world.found(&tenant, "waffles").await, [30, 30]);
}

#[test]
fn search_over_http_pages_and_explains() {
    let installation = Installation::new();
    let server = installation.serve(&["--import", examples().to_str().unwrap()]);
    server.wait_for("search index built");
    let base = "/api/v1/tenants/thimble-firmware/search";
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = server.get(&format!("{base}?q=the&limit=7{cursor}"));
        assert_eq!(page.status, 200, "{}", page.text());
        assert_eq!((page.header("cache-control"), page.header("etag")), (Some("no-store"), None));
        let page = page.json();
        for item in page["items"].as_array().unwrap() {
            ids.push(item["message"]["id"].as_str().unwrap().to_owned());
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let whole = server.get(&format!("{base}?q=the&limit=50")).json();
    assert_eq!(whole["total"]["value"].as_u64().unwrap(), ids.len() as u64, "{whole}");
    let mut unique = ids.clone();
    unique.sort();
    unique.dedup();
    assert!(unique.len() == ids.len() && ids.len() > 7, "{}", ids.len());
    // As a form sends it: two words, not a phrase.
    let [form, escaped] =
        ["that+the", "that%20the"].map(|text| server.get(&format!("{base}?q={text}&limit=50")).json()["items"].clone());
    assert!(form == escaped && form.as_array().unwrap().len() > 1, "{form}");
    let phrase = server.get(&format!("{base}?q=that%2Bthe&limit=50")).json()["items"].as_array().unwrap().len();
    assert!(phrase < form.as_array().unwrap().len());
    let started = server.get(&format!("{base}?q=the+f*&limit=1")).json();
    assert_eq!(started["total"]["relation"], "eq", "{started}");
    let swapped = server.get(&format!("{base}?q=the&sort=relevant&cursor={}", whole["next"].as_str().unwrap()));
    assert_eq!(swapped.status, 400);
    let wrong = server.get(&format!("{base}?q=form:x"));
    assert_eq!(wrong.status, 400);
    let reason = wrong.json()["errors"][0]["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("\"from:\"") && reason.contains("character 1"), "{reason}");
    let page = server.get("/thimble-firmware/search?q=the");
    assert_eq!(page.status, 200);
    let text = page.text();
    for part in ["<mark>", "noindex", "name=\"q\" value=\"the\"", "class=\"open\""] {
        assert!(text.contains(part), "{part}");
    }
    let (empty, wrong) = (server.get("/thimble-firmware/search"), server.get("/thimble-firmware/search?q=form:x"));
    assert_eq!((empty.status, wrong.status), (200, 400));
    assert!(wrong.text().contains("did you mean") && empty.text().contains("What you can search for"));
    assert_eq!(server.get("/thimble-firmware/search?q=zzzzqqq").status, 200);
    assert!(server.get("/thimble-firmware/general").text().contains("/thimble-firmware/search?channel=general"));
}
