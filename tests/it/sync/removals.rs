//! Removes the content of deleted messages and channels, and the bytes of files that no message has any more.

use std::sync::Arc;
use std::time::Duration;

use app_core::removals::Removals;
use discord_simulator::{Act, Simulator};
use domain::media::ContentHash;
use domain::message::MessageId;
use domain::page::MessagePage;
use domain::retention::{Retention, RetentionPeriod};
use domain::tenant::Tenant;
use ports::media::MediaStore;
use ports::mock::FakeClock;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::backend::{Backend, cases};
use super::world::{Media, World};

cases![
    bytes_go_with_the_last_message_that_has_them,
    a_hidden_message_keeps_its_content_for_a_month,
    the_messages_of_a_deleted_channel_are_emptied,
    earlier_texts_are_trimmed_when_their_time_is_over,
];

const FILE: u64 = 1_100_000_000_000_000_000;

struct Removing {
    world: World,
    general: u64,
    media: Arc<dyn MediaStore>,
    hash: ContentHash,
}

impl Removing {
    /// A guild whose channel has this many messages with the same file, copied.
    async fn start(backend: Backend, messages: u64) -> Self {
        let mut world = World::channel_of(backend, 0).await;
        let media = Media::new();
        let (store, general) = (Arc::clone(&media.store), world.id("general"));
        world.media = Some(media);
        let id = (FILE..FILE + 10_000).find(|id| Simulator::file(*id).is_some()).unwrap();
        for _ in 0..messages {
            let url = format!("/attachments/{general}/{id}/otter.png");
            let file = json!({"id": id.to_string(), "filename": "otter.png", "size": 9, "url": url});
            let Value::Object(raw) = json!({"attachments": [file]}) else { unreachable!() };
            let act = Act::Send { channel_id: general, content: "a secret otter".to_owned(), raw };
            world.simulator.act(act).unwrap();
        }
        world.pass();
        world.sync().await;
        let hash = ContentHash::new(Sha256::digest(Simulator::file(id).unwrap()).into());
        let removing = Self { world, general, media: store, hash };
        assert!(removing.has_bytes().await);
        removing
    }

    async fn has_bytes(&self) -> bool {
        self.media.open(self.world.tenant.id, self.hash, 0, 1).await.unwrap().is_some()
    }

    /// Removes what is due after this many days.
    async fn remove(&self, days: u64) {
        let now = self.world.clock().now().plus(Duration::from_hours(24 * days));
        let removals = Removals::new(Arc::clone(&self.world.store), Arc::clone(&self.media), Arc::new(FakeClock(now)));
        let stop = CancellationToken::new();
        removals.remove_due(&stop).await;
        removals.trim_texts(&stop).await;
    }

    /// Deletes a message as an event does.
    async fn delete(&self, message: u64) {
        let (channel, now) = (self.world.of_channel(self.general), self.world.clock().now());
        let page = MessagePage::deleted(channel, MessageId::new(message), now);
        let mut unit = self.world.store.begin().await.unwrap();
        unit.messages().replace_interval(channel, &page).await.unwrap();
        unit.commit().await.unwrap();
    }

    /// Returns the text of a stored message.
    async fn text(&self, message: u64) -> String {
        self.world.find(self.general, message).await.unwrap().message.content
    }
}

async fn bytes_go_with_the_last_message_that_has_them(backend: Backend) {
    let removing = Removing::start(backend, 2).await;
    let ids = removing.world.true_ids(removing.general);
    removing.delete(ids[0]).await;
    removing.remove(0).await;
    assert!(removing.has_bytes().await, "the other message has equal bytes");
    removing.delete(ids[1]).await;
    removing.remove(0).await;
    assert!(!removing.has_bytes().await);
    assert_eq!(removing.world.files_of(removing.general).await, []);
    removing.remove(2).await;
}

async fn a_hidden_message_keeps_its_content_for_a_month(backend: Backend) {
    let removing = Removing::start(backend, 1).await;
    let general = removing.general;
    let id = removing.world.true_ids(general)[0];
    removing.world.delete(general, &[id]);
    removing.world.pass();
    removing.world.sync().await;
    let hidden = removing.world.find(general, id).await.unwrap();
    assert!(hidden.is_deleted() && !hidden.is_final());
    removing.remove(29).await;
    assert_eq!((removing.text(id).await, removing.has_bytes().await), ("a secret otter".to_owned(), true));
    removing.remove(31).await;
    assert_eq!((removing.text(id).await, removing.has_bytes().await), (String::new(), false));
    let cleared = removing.world.find(general, id).await.unwrap();
    assert_eq!((cleared.deletion, cleared.message.attachments.len()), (hidden.deletion, 0));
}

async fn the_messages_of_a_deleted_channel_are_emptied(backend: Backend) {
    let removing = Removing::start(backend, 130).await;
    let general = removing.general;
    let ids = removing.world.true_ids(general);
    removing.world.simulator.act(Act::DeleteChannel { channel_id: general }).unwrap();
    removing.world.sync().await;
    assert!(removing.world.coverage(general).await.unwrap().is_deleted());
    assert_eq!(removing.text(ids[0]).await, "a secret otter");
    for _ in 0..2 {
        removing.remove(0).await;
        for id in &ids {
            let stored = removing.world.find(general, *id).await.unwrap();
            assert!(stored.is_final() && stored.message == stored.message.cleared(), "{id}");
        }
    }
    assert!(!removing.has_bytes().await);
}

async fn earlier_texts_are_trimmed_when_their_time_is_over(backend: Backend) {
    let removing = Removing::start(backend, 3).await;
    let general = removing.general;
    let ids = removing.world.true_ids(general);
    let retention = Retention { deleted: RetentionPeriod::Days(3), edited: RetentionPeriod::Forever };
    let tenant = Tenant { retention, ..removing.world.tenant.clone() };
    let mut unit = removing.world.store.begin().await.unwrap();
    unit.tenants().update(&tenant).await.unwrap();
    unit.commit().await.unwrap();
    removing.world.edit(general, ids[0], "changed");
    removing.world.pass();
    removing.world.sync().await;
    removing.delete(ids[1]).await;
    let texts = async |id| {
        let mut at = removing.world.store.read().await.unwrap();
        let found = at
            .versions()
            .list(removing.world.of_channel(general), MessageId::new(id).unwrap(), None, 100)
            .await
            .unwrap();
        found.into_iter().map(|version| version.content).collect::<Vec<_>>()
    };
    for (days, of_deletion) in [(2, &["a secret otter"][..]), (4, &[])] {
        removing.remove(days).await;
        assert_eq!(
            (texts(ids[0]).await, texts(ids[1]).await),
            (vec!["a secret otter".to_owned()], of_deletion.iter().map(|text| (*text).to_owned()).collect())
        );
    }
    assert_eq!(texts(ids[2]).await, Vec::<String>::new());
}
