//! The content of deleted messages is gone, and that of all others is there.

use std::collections::BTreeMap;

use discord_simulator::Simulator;
use domain::media::{ContentHash, FileState};
use domain::message::StoredMessage;
use sha2::{Digest, Sha256};

use super::Storm;

/// A message, with its channel.
type Place = (u64, u64);

/// The messages that keep their content, and the states of files.
#[derive(Default)]
struct Kept {
    /// Whether each message is deleted.
    messages: BTreeMap<Place, bool>,
    /// By message and file.
    files: BTreeMap<(Place, u64), FileState>,
}

impl Storm {
    /// Returns descriptions of content that is left or missing.
    ///
    /// A message whose deletion is only inferred, because its event was lost, keeps its content for longer than a storm.
    pub(super) async fn wrong_content(&self) -> Vec<String> {
        let (mut kept, mut wrong) = (Kept::default(), Vec::new());
        let deleted = self.people.deleted();
        for id in self.following.world.simulator.channels().into_iter().chain(deleted.iter().copied()) {
            self.check_messages(id, deleted.contains(&id), &mut kept, &mut wrong).await;
            self.check_states(id, &mut kept, &mut wrong).await;
        }
        for (file, messages) in self.people.files().iter() {
            self.check_file(file, messages, &kept, &mut wrong).await;
        }
        wrong
    }

    /// Checks that deleted messages have no content, and adds the others to `kept`.
    async fn check_messages(&self, id: u64, is_deleted: bool, kept: &mut Kept, wrong: &mut Vec<String>) {
        for stored in self.stored(id).await {
            let message = stored.message.id.get();
            if !stored.is_final() {
                kept.messages.insert((id, message), stored.is_deleted());
                if is_deleted {
                    wrong.push(format!("{id} is deleted, and its message {message} is not"));
                }
            } else if stored.message != stored.message.cleared() {
                wrong.push(format!("{message} in {id} is deleted, and has content"));
            }
        }
    }

    /// Checks that deleted messages have no files, and that stored files have bytes.
    async fn check_states(&self, id: u64, kept: &mut Kept, wrong: &mut Vec<String>) {
        for file in self.following.world.files_of(id).await {
            let (message, state) = (file.key.message.get(), file.state);
            if !kept.messages.contains_key(&(id, message)) {
                wrong.push(format!("{message} in {id} is deleted, and has a file: {state:?}"));
            }
            if let FileState::Stored { hash, .. } = state
                && !self.has_bytes(hash).await
            {
                wrong.push(format!("the bytes of a file of {message} in {id} are missing: {hash}"));
            }
            kept.files.insert(((id, message), file.key.attachment.get()), state);
        }
    }

    /// Checks that a file is there, or will be, for messages that are not deleted, and that it is gone with its last one.
    async fn check_file(&self, file: u64, messages: &[Place], kept: &Kept, wrong: &mut Vec<String>) {
        let hash = ContentHash::new(Sha256::digest(Simulator::file(file).unwrap()).into());
        let has_any = messages.iter().any(|message| kept.messages.contains_key(message));
        if !has_any && self.has_bytes(hash).await {
            wrong.push(format!("the bytes of file {file} are left; its messages: {messages:?}"));
        }
        for message in messages.iter().filter(|message| kept.messages.get(message) == Some(&false)) {
            let state = kept.files.get(&(*message, file));
            if !matches!(state, Some(FileState::Waiting { .. } | FileState::Stored { .. })) {
                wrong.push(format!("file {file} of {message:?} is not there: {state:?}"));
            }
        }
    }

    /// Returns the stored messages of a channel, deleted ones included.
    async fn stored(&self, id: u64) -> Vec<StoredMessage> {
        let (world, mut stored) = (&self.following.world, Vec::<StoredMessage>::new());
        let mut at = world.store.read().await.unwrap();
        loop {
            let after = stored.last().map(|last| last.message.id);
            let page = at.messages().list_stored(world.of_channel(id), after, 1_000).await.unwrap();
            if page.is_empty() {
                return stored;
            }
            stored.extend(page);
        }
    }

    async fn has_bytes(&self, hash: ContentHash) -> bool {
        let world = &self.following.world;
        let media = &world.media.as_ref().unwrap().store;
        media.open(world.tenant.id, hash, 0, 1).await.unwrap().is_some()
    }
}
