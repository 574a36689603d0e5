//! Traces of texts that must not stay.

use std::sync::Arc;

use adapter_media::MediaFolder;
use domain::channel::{Channel, ChannelKind};
use domain::message::{Author, Message};
use domain::page::MessagePage;
use domain::pseudonym::Pseudonym;
use domain::tenant::TenantId;
use domain::visibility::Visibility;
use ports::search::SearchIndex;
use ports::snapshot::SnapshotStore;
use ports::store::Store;

use super::{Closed, World, cases, contents, create, public, texts};
use crate::contract::fixture::{at, begin, channel, message, page, put, tenant, upsert};

cases![
    an_erased_author_leaves_no_byte,
    a_deletion_while_no_process_runs_leaves_no_byte,
    a_removed_tenant_leaves_no_file,
    a_snapshot_goes_with_what_must_not_stay,
];

async fn an_erased_author_leaves_no_byte(store: Arc<dyn Store>) {
    let (mut world, tenant, here) = World::of_one_channel(store).await;
    let author = Pseudonym::new([0xab; 16]);
    let written = |raw: u64, author: Pseudonym, text: &str| {
        let message = message(&here, raw, text, 1);
        Message { author: Author { pseudonym: author, ..message.author }, ..message }
    };
    let other = Pseudonym::new([0x11; 16]);
    let mut mention = written(7, other, &format!("unerasable <@{author}>"));
    mention.mentions = vec![Author { pseudonym: author, bot: false, webhook: false }];
    let messages = vec![written(5, author, "geheimniskraemerei"), written(6, other, "word"), mention];
    put(&*world.store, &here, &MessagePage::new(None, at(1), messages).unwrap()).await;
    world.indexer.settle().await.unwrap();
    assert_eq!(world.found(&tenant, &format!("from:{author}")).await, [5]);
    assert_eq!(world.found(&tenant, &format!("mentions:{author}")).await, [7]);
    // What the erasure does to the messages is not logged otherwise here, so that only its own change counts.
    let mut unit = begin(&*world.store).await;
    unit.messages().delete_first(here.id, 1_000).await.unwrap();
    unit.commit().await.unwrap();
    let mut unit = begin(&*world.store).await;
    unit.changes().record_erasure(tenant.id, author).await.unwrap();
    unit.commit().await.unwrap();
    put(
        &*world.store,
        &here,
        &MessagePage::new(None, at(2), vec![written(6, other, "word"), written(7, other, "unerasable")]).unwrap(),
    )
    .await;
    world.indexer.settle().await.unwrap();
    assert_eq!(world.found(&tenant, "word").await, [6]);
    assert_eq!(world.found(&tenant, "unerasable").await, [7]);
    assert_eq!(world.found(&tenant, &format!("mentions:{author}")).await, [0_u64; 0]);
    let name = author.name().to_string().to_lowercase();
    for word in ["geheimniskraemerei", &author.to_string(), name.split(' ').next_back().unwrap()] {
        assert!(!world.has(&tenant, word).await, "{word}");
    }
}

async fn a_deletion_while_no_process_runs_leaves_no_byte(store: Arc<dyn Store>) {
    let (mut world, tenant, here) = World::of_one_channel(store).await;
    let page = |at_: i64, all: &[(u64, &str)]| texts(&here, at_, all);
    put(&*world.store, &here, &page(1, &[(5, "vertraulichkeiten"), (6, "word")])).await;
    world.indexer.settle().await.unwrap();
    assert!(world.has(&tenant, "vertraulichkeiten").await);
    let Closed { store, folder } = world.closed();
    put(&*store, &here, &page(2, &[(6, "word")])).await;
    let mut world = World::of(store, folder);
    world.indexer.settle().await.unwrap();
    assert_eq!(world.found(&tenant, "word").await, [6]);
    assert!(!world.has(&tenant, "vertraulichkeiten").await);
}

async fn a_removed_tenant_leaves_no_file(store: Arc<dyn Store>) {
    let (mut world, tenant, here) = World::of_one_channel(store).await;
    let written = |raw: u64, text: &str| message(&here, raw, text, 1);
    let page = MessagePage::new(None, at(1), vec![written(5, "hausgeheimnis"), written(6, "hinterlassenschaft")]);
    put(&*world.store, &here, &page.unwrap()).await;
    world.indexer.settle().await.unwrap();
    assert_eq!(world.found(&tenant, "hausgeheimnis").await, [5]);
    let hidden = Channel { visibility: Visibility::Private, observed_at: Some(at(2)), ..here.clone() };
    upsert(&*world.store, &[&hidden]).await;
    world.indexer.settle().await.unwrap();
    assert_eq!(world.found(&tenant, "hausgeheimnis").await, [0_u64; 0]);
    let folder = world.folder.path().join("index").join(tenant.id.0.to_string());
    assert!(folder.exists());
    let mut unit = begin(&*world.store).await;
    unit.channels().delete(here.id).await.unwrap();
    unit.tenants().delete(tenant.id).await.unwrap();
    unit.commit().await.unwrap();
    world.indexer.settle().await.unwrap();
    assert!(!folder.exists());
    let left: Vec<TenantId> = world.index.tenants().await.unwrap();
    assert!(left.is_empty(), "{left:?}");
    for word in ["hausgeheimnis", "hinterlassenschaft"] {
        let holds = |bytes: &Vec<u8>| bytes.windows(word.len()).any(|part| part == word.as_bytes());
        assert!(!contents(world.folder.path()).iter().any(holds), "{word}");
    }
}

async fn a_snapshot_goes_with_what_must_not_stay(store: Arc<dyn Store>) {
    let folder = tempfile::tempdir().unwrap();
    let media = MediaFolder::new(folder.path().join("media"));
    let mut world = World::new(Arc::clone(&store)).with_snapshots(&media);
    let of = tenant();
    let channels = [1, 2].map(|raw| public(channel(&of, raw, ChannelKind::TEXT)));
    let tenant = create(&*world.store, &channels.iter().collect::<Vec<_>>()).await;
    let exists = async || SnapshotStore::find(&media, tenant.id).await.unwrap().is_some();
    for channel in &channels {
        put(&*store, channel, &page(channel, None, 1, [5], "word")).await;
    }
    world.indexer.settle().await.unwrap();
    world.indexer.save_snapshots().await;
    assert!(exists().await);
    let mut unit = begin(&*store).await;
    unit.changes().record_erasure(tenant.id, Pseudonym::new([0xab; 16])).await.unwrap();
    unit.commit().await.unwrap();
    world.indexer.settle().await.unwrap();
    assert!(!exists().await, "an author was erased");
    world.indexer.save_snapshots().await;
    let Closed { store, folder: index } = world.closed();
    let mut unit = begin(&*store).await;
    unit.messages().delete_first(channels[1].id, 1_000).await.unwrap();
    unit.channels().delete(channels[1].id).await.unwrap();
    unit.commit().await.unwrap();
    assert!(exists().await);
    let mut world = World::of(Arc::clone(&store), index).with_snapshots(&media);
    world.indexer.settle().await.unwrap();
    assert!(!exists().await, "a channel was removed while no process ran");
    world.indexer.save_snapshots().await;
    let mut unit = begin(&*store).await;
    unit.messages().delete_first(channels[0].id, 1_000).await.unwrap();
    unit.channels().delete(channels[0].id).await.unwrap();
    unit.tenants().delete(tenant.id).await.unwrap();
    unit.commit().await.unwrap();
    assert!(exists().await);
    world.indexer.settle().await.unwrap();
    assert!(!exists().await, "the community was removed");
}
