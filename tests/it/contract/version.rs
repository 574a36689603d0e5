//! Earlier texts of messages: stored as their tenant wants, listed in order, and removed when their time is over.

use domain::channel::Channel;
use domain::json::Json;
use domain::message::{Message, Version};
use domain::page::MessagePage;
use domain::retention::{EarlierVersion, Retention, RetentionPeriod};
use domain::tenant::Tenant;
use domain::timestamp::Timestamp;
use ports::error::StoreError;
use ports::store::Store;
use serde_json::json;

use super::contract;
use super::fixture::{at, channel, id, interval, message, one_channel, page, put, retried};

contract![
    without_retention_no_earlier_text_is_stored,
    an_edit_and_a_deletion_store_the_text_that_they_replace,
    a_change_that_is_no_edit_stores_no_text,
    a_hidden_text_is_stored_when_its_content_is_removed,
    earlier_texts_are_listed_in_order_and_to_the_end,
    a_text_that_is_stored_again_replaces_the_one_before,
    texts_are_trimmed_by_their_tenant_kind_and_time,
    texts_need_their_channel_and_go_with_it,
];

const FOREVER: RetentionPeriod = RetentionPeriod::Forever;

async fn retain(store: &dyn Store, tenant: &Tenant, retention: Retention) {
    let tenant = Tenant { retention, ..tenant.clone() };
    retried(store, async |unit| unit.tenants().update(&tenant).await).await.unwrap();
    assert_eq!(store.read().await.unwrap().tenants().find(tenant.id).await.unwrap().unwrap().retention, retention);
}

fn edited(channel: &Channel, raw: u64, content: &str, edited_at: i64) -> Message {
    let message = message(channel, raw, content, edited_at + 1);
    Message { version: Version { edited_at: Some(at(edited_at)), ..message.version }, ..message }
}

async fn see(store: &dyn Store, channel: &Channel, messages: Vec<Message>) {
    let observed_at = messages.iter().map(|message| message.version.observed_at).max().unwrap();
    put(store, channel, &MessagePage::new(None, observed_at, messages).unwrap()).await;
}

/// Returns the text, the time of its edit, the time of its replacement, and whether that was a deletion.
async fn texts(store: &dyn Store, channel: &Channel, raw: u64) -> Vec<(String, Option<i64>, i64, bool)> {
    let stored = store.read().await.unwrap().versions().list(channel.id, id(raw), None, 1_000).await.unwrap();
    let text = |one: EarlierVersion| {
        assert_eq!(one.message, id(raw));
        (one.content, one.edited_at.map(Timestamp::as_millis), one.replaced_at.as_millis(), one.is_deletion)
    };
    stored.into_iter().map(text).collect()
}

async fn without_retention_no_earlier_text_is_stored(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    see(store, &here, vec![message(&here, 3, "a", 1)]).await;
    see(store, &here, vec![edited(&here, 3, "b", 5)]).await;
    put(store, &here, &MessagePage::deleted(here.id, [id(3)], at(9))).await;
    assert_eq!(texts(store, &here, 3).await, []);
}

async fn an_edit_and_a_deletion_store_the_text_that_they_replace(store: &dyn Store) {
    let (tenant, here) = one_channel(store).await;
    retain(store, &tenant, Retention { deleted: FOREVER, edited: RetentionPeriod::Days(1) }).await;
    let embeds = Json::new(&json!([{"title": "Otter", "type": "rich"}]));
    let first = Message { embeds: Some(embeds.clone()), ..message(&here, 3, "a", 1) };
    see(store, &here, vec![first, message(&here, 4, "other", 1)]).await;
    see(store, &here, vec![edited(&here, 3, "b", 5)]).await;
    see(store, &here, vec![edited(&here, 3, "c", 7), edited(&here, 4, "other, changed", 7)]).await;
    for _ in 0..2 {
        put(store, &here, &MessagePage::deleted(here.id, [id(3)], at(9))).await;
        let expected =
            [("a".to_owned(), None, 6, false), ("b".to_owned(), Some(5), 8, false), ("c".to_owned(), Some(7), 9, true)];
        assert_eq!(texts(store, &here, 3).await, expected);
    }
    let mut read = store.read().await.unwrap();
    let versions = read.versions().list(here.id, id(3), None, 1_000).await.unwrap();
    assert_eq!(versions.iter().map(|one| &one.embeds).collect::<Vec<_>>(), [&Some(embeds), &None, &None]);
    assert_eq!(versions.iter().map(|one| one.observed_at.as_millis()).collect::<Vec<_>>(), [1, 6, 8]);
    assert_eq!(texts(store, &here, 4).await, [("other".to_owned(), None, 8, false)]);
    // Only deletions are wanted from now on.
    retain(store, &tenant, Retention { deleted: FOREVER, edited: RetentionPeriod::NONE }).await;
    see(store, &here, vec![edited(&here, 4, "changed again", 20)]).await;
    put(store, &here, &MessagePage::deleted(here.id, [id(4)], at(30))).await;
    let expected = [("other".to_owned(), None, 8, false), ("changed again".to_owned(), Some(20), 30, true)];
    assert_eq!(texts(store, &here, 4).await, expected);
}

async fn a_change_that_is_no_edit_stores_no_text(store: &dyn Store) {
    let (tenant, here) = one_channel(store).await;
    retain(store, &tenant, Retention { deleted: FOREVER, edited: FOREVER }).await;
    see(store, &here, vec![message(&here, 3, "a", 1)]).await;
    let embeds = Some(Json::new(&json!([{"type": "link"}])));
    see(store, &here, vec![Message { embeds, pinned: true, ..message(&here, 3, "a", 5) }]).await;
    assert_eq!(texts(store, &here, 3).await, []);
}

async fn a_hidden_text_is_stored_when_its_content_is_removed(store: &dyn Store) {
    const MONTH: i64 = 30 * 86_400_000;
    let (tenant, here) = one_channel(store).await;
    retain(store, &tenant, Retention { deleted: FOREVER, edited: RetentionPeriod::NONE }).await;
    put(store, &here, &page(&here, interval(1, 9), 1, [3, 4], "a")).await;
    put(store, &here, &page(&here, interval(1, 9), 5, [4], "a")).await;
    assert_eq!(texts(store, &here, 3).await, [], "it is stored with its message");
    put(store, &here, &MessagePage::due(here.id, [id(3), id(4)], at(MONTH + 4))).await;
    assert_eq!(texts(store, &here, 3).await, []);
    put(store, &here, &MessagePage::due(here.id, [id(3), id(4)], at(MONTH + 5))).await;
    assert_eq!(texts(store, &here, 3).await, [("a".to_owned(), None, 5, true)]);
    assert_eq!(texts(store, &here, 4).await, [], "it is not deleted");
}

fn version(raw: u64, edited_at: Option<i64>, content: &str, replaced_at: i64, is_deletion: bool) -> EarlierVersion {
    EarlierVersion {
        message: id(raw),
        content: content.to_owned(),
        embeds: None,
        edited_at: edited_at.map(at),
        observed_at: at(1),
        replaced_at: at(replaced_at),
        is_deletion,
    }
}

async fn upsert(store: &dyn Store, channel: &Channel, versions: &[EarlierVersion]) -> Result<(), StoreError> {
    retried(store, async |unit| unit.versions().upsert_all(channel.tenant_id, channel.id, versions).await).await
}

async fn all(store: &dyn Store, channel: &Channel) -> Vec<EarlierVersion> {
    store.read().await.unwrap().versions().list_after(channel.id, None, 1_000).await.unwrap()
}

async fn earlier_texts_are_listed_in_order_and_to_the_end(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let largest = domain::message::MessageId::MAX.get();
    let stored = [
        version(3, None, "", 9, false),
        version(3, Some(1), "b", 8, false),
        version(3, Some(2), "c", 7, true),
        version(5, None, "🦦 é", 9, false),
        version(largest, Some(1), "e", 9, true),
    ];
    let mut shuffled = stored.to_vec();
    shuffled.reverse();
    upsert(store, &here, &shuffled).await.unwrap();
    assert_eq!(all(store, &here).await, stored);
    let mut read = store.read().await.unwrap();
    for limit in 1..=6 {
        let (mut walked, mut after) = (Vec::new(), None);
        loop {
            let page = read.versions().list_after(here.id, after, limit).await.unwrap();
            let Some(last) = page.last() else { break };
            assert!(page.len() <= limit as usize);
            after = Some((last.message, last.key()));
            walked.extend(page);
        }
        assert_eq!(walked, stored, "{limit}");
        let (mut walked, mut after) = (Vec::new(), None);
        loop {
            let page = read.versions().list(here.id, id(3), after, limit).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.key());
            walked.extend(page);
        }
        assert_eq!(walked, stored[..3], "{limit}");
    }
    assert_eq!(read.versions().list(here.id, id(4), None, 9).await.unwrap(), []);
}

async fn a_text_that_is_stored_again_replaces_the_one_before(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    upsert(store, &here, &[version(3, None, "a", 9, false), version(3, Some(1), "b", 9, false)]).await.unwrap();
    let again = version(3, None, "a", 12, true);
    for _ in 0..2 {
        upsert(store, &here, std::slice::from_ref(&again)).await.unwrap();
        assert_eq!(all(store, &here).await, [again.clone(), version(3, Some(1), "b", 9, false)]);
    }
}

async fn texts_are_trimmed_by_their_tenant_kind_and_time(store: &dyn Store) {
    let (tenant, here) = one_channel(store).await;
    let (_, elsewhere) = one_channel(store).await;
    let stored = [version(3, None, "a", 7, false), version(4, None, "b", 8, false), version(5, None, "c", 9, true)];
    upsert(store, &here, &stored).await.unwrap();
    upsert(store, &elsewhere, &stored).await.unwrap();
    let trim = async |by_deletion, before, limit| {
        retried(store, async |unit| unit.versions().trim(tenant.id, by_deletion, at(before), limit).await)
            .await
            .unwrap()
    };
    assert_eq!(trim(false, 7, 1_000).await, 0);
    assert_eq!(trim(false, 100, 1).await, 1);
    assert_eq!(all(store, &here).await, stored[1..]);
    assert_eq!(trim(true, 9, 1_000).await, 0);
    assert_eq!(trim(false, 9, 1_000).await, 1);
    assert_eq!(trim(true, 10, 1_000).await, 1);
    assert_eq!((all(store, &here).await, all(store, &elsewhere).await), (vec![], stored.to_vec()));
}

async fn texts_need_their_channel_and_go_with_it(store: &dyn Store) {
    let (tenant, here) = one_channel(store).await;
    let nowhere = channel(&tenant, 99, domain::channel::ChannelKind::TEXT);
    let refused = upsert(store, &nowhere, &[version(3, None, "a", 7, false)]).await;
    assert!(matches!(refused, Err(StoreError::Missing { what: "channel" })), "{refused:?}");
    let versions: Vec<_> = (1..=5).map(|raw| version(raw, None, "a", 7, false)).collect();
    upsert(store, &here, &versions).await.unwrap();
    let first =
        async |limit| retried(store, async |unit| unit.versions().delete_first(here.id, limit).await).await.unwrap();
    assert_eq!(first(2).await, 2);
    assert_eq!(all(store, &here).await, versions[2..]);
    retried(store, async |unit| unit.channels().delete(here.id).await).await.unwrap();
    assert_eq!(all(store, &here).await, []);
}
