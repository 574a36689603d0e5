//! A process that removes what is due: at once when it is woken, past failures, and beside another process.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use app_core::removals::Removals;
use discord_simulator::{Act, ChannelPlan, Simulator, kind};
use domain::media::ContentHash;
use domain::message::MessageId;
use domain::page::MessagePage;
use ports::media::{MediaStore, MockMediaStore};
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::backend::{Backend, cases};
use super::files::{file_id, with_file};
use super::world::{Media, World};

cases![
    a_process_that_is_woken_removes_bytes_at_once,
    a_file_that_cannot_be_removed_holds_up_nothing_else,
    two_processes_that_remove_the_same_do_no_harm,
];

/// A copied guild with two channels, each of whose messages has a file.
struct Patrolled {
    world: World,
    general: u64,
    other: u64,
}

/// Returns the id of a file that the simulator has.
fn file(number: u64) -> u64 {
    file_id(1_100_000_000_000_000_000 + 10_000 * number, false)
}

fn hash(number: u64) -> ContentHash {
    ContentHash::new(Sha256::digest(Simulator::file(file(number)).unwrap()).into())
}

/// Waits until a state; returns how long that took.
async fn until(what: &str, is: impl AsyncFn() -> bool) -> Duration {
    let begun = Instant::now();
    let mut looks = tokio::time::interval(Duration::from_millis(50));
    for _ in 0..6_000 {
        looks.tick().await;
        if is().await {
            return begun.elapsed();
        }
    }
    panic!("five minutes passed, and not: {what}");
}

impl Patrolled {
    /// The messages of `general` and of `other` have the files with these numbers.
    async fn start(backend: Backend, general: &[u64], other: &[u64]) -> Self {
        let plan = ["general", "other"].map(|name| ChannelPlan::new(name, kind::TEXT, 0));
        let mut world = World::of(backend, plan.into()).await;
        world.media = Some(Media::new());
        for (name, files) in [("general", general), ("other", other)] {
            let channel_id = world.id(name);
            for number in files {
                let raw = with_file(channel_id, (file(*number), "otter.png", "image/png"));
                world.simulator.act(Act::Send { channel_id, content: "a secret otter".to_owned(), raw }).unwrap();
            }
        }
        world.pass();
        world.sync().await;
        let (general, other) = (world.id("general"), world.id("other"));
        Self { world, general, other }
    }

    fn media(&self) -> Arc<dyn MediaStore> {
        Arc::clone(&self.world.media.as_ref().unwrap().store)
    }

    fn removals(&self, media: Arc<dyn MediaStore>) -> Removals {
        Removals::new(Arc::clone(&self.world.store), media, self.world.clock())
    }

    /// Deletes messages of `general` as events do.
    async fn delete(&self, messages: &[u64]) {
        let (channel, now) = (self.world.of_channel(self.general), self.world.clock().now());
        let ids = messages.iter().filter_map(|id| MessageId::new(*id));
        let mut unit = self.world.store.begin().await.unwrap();
        unit.messages().replace_interval(channel, &MessagePage::deleted(channel, ids, now)).await.unwrap();
        unit.commit().await.unwrap();
    }

    /// Deletes `other`.
    async fn delete_channel(&self) {
        self.world.simulator.act(Act::DeleteChannel { channel_id: self.other }).unwrap();
        self.world.sync().await;
    }

    async fn has_bytes(&self, number: u64) -> bool {
        self.media().open(self.world.tenant.id, hash(number), 0, 1).await.unwrap().is_some()
    }

    async fn is_cleared(&self, channel: u64, message: u64) -> bool {
        let found = self.world.find(channel, message).await.unwrap();
        found.is_final() && found.message == found.message.cleared()
    }
}

/// Runs removals until the case ends.
fn run(removals: &Removals) {
    let removals = removals.clone();
    tokio::spawn(async move { removals.run(CancellationToken::new()).await });
}

async fn a_process_that_is_woken_removes_bytes_at_once(backend: Backend) {
    let guild = Patrolled::start(backend, &[0, 1, 2], &[]).await;
    let ids = guild.world.true_ids(guild.general);
    let removals = guild.removals(guild.media());
    guild.delete(&ids[..1]).await;
    run(&removals);
    until("the first bytes are gone", async || !guild.has_bytes(0).await).await;
    guild.delete(&ids[1..2]).await;
    removals.wake();
    let took = until("the next bytes are gone", async || !guild.has_bytes(1).await).await;
    assert!(took < Duration::from_secs(1), "{took:?}");
    guild.delete(&ids[2..]).await;
    let took = until("bytes are gone without a call", async || !guild.has_bytes(2).await).await;
    assert!(took > Duration::from_secs(20) && took < Duration::from_secs(31), "{took:?}");
}

async fn a_file_that_cannot_be_removed_holds_up_nothing_else(backend: Backend) {
    let guild = Patrolled::start(backend, &[0, 1, 2], &[3, 4]).await;
    let (ids, others) = (guild.world.true_ids(guild.general), guild.world.true_ids(guild.other));
    // The one that comes first.
    let stuck = [0, 1, 2].map(hash).into_iter().min().unwrap();
    let (is_stuck, removed) = (Arc::new(AtomicBool::new(true)), Arc::new(Mutex::new(BTreeSet::new())));
    let mut media = MockMediaStore::new();
    let (stays, gone) = (Arc::clone(&is_stuck), Arc::clone(&removed));
    media.expect_delete_one().returning(move |_, hash| {
        if hash == stuck && stays.load(Ordering::Relaxed) {
            return Err(std::io::Error::other("the file is in use"));
        }
        gone.lock().unwrap().insert(hash);
        Ok(())
    });
    let has_removed = async |numbers: &[u64]| {
        let all: BTreeSet<ContentHash> = numbers.iter().map(|number| hash(*number)).collect();
        let free: BTreeSet<ContentHash> = all.into_iter().filter(|hash| *hash != stuck).collect();
        *removed.lock().unwrap() == free
    };
    let removals = guild.removals(Arc::new(media));
    run(&removals);
    guild.delete(&ids).await;
    removals.wake();
    until("the other files are removed", async || has_removed(&[0, 1, 2]).await).await;
    guild.delete_channel().await;
    removals.wake();
    until("files that came later are removed", async || has_removed(&[0, 1, 2, 3, 4]).await).await;
    for id in others {
        assert!(guild.is_cleared(guild.other, id).await, "{id}");
    }
    is_stuck.store(false, Ordering::Relaxed);
    until("it is removed, too", async || removed.lock().unwrap().contains(&stuck)).await;
}

async fn two_processes_that_remove_the_same_do_no_harm(backend: Backend) {
    let guild = Patrolled::start(backend, &[0, 0, 1, 2], &[3; 130]).await;
    let (ids, others) = (guild.world.true_ids(guild.general), guild.world.true_ids(guild.other));
    guild.delete(&[ids[0], ids[2], ids[3]]).await;
    guild.delete_channel().await;
    let (first, second) = (guild.removals(guild.media()), guild.removals(guild.media()));
    let stop = CancellationToken::new();
    let (one, two) = tokio::join!(first.remove_due(&stop), second.remove_due(&stop));
    assert!(one + two >= 4);
    for (number, is_there) in [(0, true), (1, false), (2, false), (3, false)] {
        assert_eq!(guild.has_bytes(number).await, is_there, "{number}");
    }
    assert_eq!(guild.world.find(guild.general, ids[1]).await.unwrap().message.content, "a secret otter");
    for id in [ids[0], ids[2], ids[3]] {
        assert!(guild.is_cleared(guild.general, id).await, "{id}");
    }
    for id in others {
        assert!(guild.is_cleared(guild.other, id).await, "{id}");
    }
    run(&first);
    run(&second);
    guild.delete(&ids[1..2]).await;
    first.wake();
    second.wake();
    until("the last bytes are gone", async || !guild.has_bytes(0).await).await;
}
