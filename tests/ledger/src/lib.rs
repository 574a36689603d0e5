//! The expected content of an archive of a guild, channel by channel, as checksums.
//!
//! A message is one line of JSON: once derived from Discord's responses, once from a store. The two are derived
//! separately, and the first does not use the adapter's code for reading Discord, so that a mistake there is not
//! repeated here. Equal checksums mean the same messages with the same contents.

mod held;
mod shown;

use domain::channel::ChannelId;
use domain::json::Json;
use domain::pseudonym::Pseudonymizer;
use ports::error::StoreError;
use ports::page::MessageRange;
use ports::store::Store;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The number of messages read from a store at a time.
const PAGE: u32 = 101;

/// The checksum of a channel's messages, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sum {
    /// The number of messages.
    pub messages: u64,
    /// The SHA-256 over their lines, in hexadecimal digits.
    pub sha256: String,
}

/// An accumulator of messages for a [`Sum`].
#[derive(Default)]
pub struct Adder {
    messages: u64,
    hash: Sha256,
}

impl Adder {
    /// Adds a message as Discord shows it, with the pseudonyms of `people`.
    pub fn shown(&mut self, message: &Value, people: &Pseudonymizer) {
        self.line(&shown::line(message, people));
    }

    fn line(&mut self, line: &Value) {
        self.messages += 1;
        self.hash.update(Json::new(line).as_str());
        self.hash.update("\n");
    }

    /// Returns the sum of all added messages.
    #[must_use]
    pub fn sum(self) -> Sum {
        let sha256 = <[u8; 32]>::from(self.hash.finalize()).map(|byte| format!("{byte:02x}")).concat();
        Sum { messages: self.messages, sha256 }
    }
}

/// Returns the sum of messages as Discord shows them, oldest first.
#[must_use]
pub fn of_shown<'a>(messages: impl IntoIterator<Item = &'a Value>, people: &Pseudonymizer) -> Sum {
    let mut adder = Adder::default();
    messages.into_iter().for_each(|message| adder.shown(message, people));
    adder.sum()
}

/// Returns the sum of the messages of a channel that `store` has and that are not deleted.
///
/// # Errors
/// [`StoreError`] if the store fails.
pub async fn of_held(store: &dyn Store, channel: ChannelId) -> Result<Sum, StoreError> {
    let (mut adder, mut range) = (Adder::default(), MessageRange::Oldest);
    loop {
        // One snapshot per page, because a server does not keep an old one for as long as a large channel takes.
        let page = store.read().await?.messages().list(channel, range, true, PAGE).await?;
        for message in &page.messages {
            adder.line(&held::line(message));
        }
        let last = page.examined_to.or(page.messages.last().map(|last| last.id));
        let Some(last) = last else { return Ok(adder.sum()) };
        range = MessageRange::After(last);
    }
}

/// Returns the stable part of an address: for a file, the part from its path on, without the signature.
fn path(address: &str) -> &str {
    let from = address.find("/attachments/").map_or(address, |at| &address[at..]);
    from.split_once('?').map_or(from, |(path, _)| path)
}

#[cfg(test)]
mod tests;
