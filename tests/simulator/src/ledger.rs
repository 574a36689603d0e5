//! The content of a complete and correct archive.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::cdn::hex;
use crate::channel::Channel;
use crate::message::render::settled;
use crate::overlay::Overlay;
use crate::world::{Cursor, World};

/// The number of messages generated at a time.
const CHUNK: usize = 500;

/// The expected content of one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ledger {
    /// The channel.
    pub channel_id: String,
    /// The number of messages.
    pub count: u64,
    /// The oldest message.
    pub min_id: Option<String>,
    /// The newest message.
    pub max_id: Option<String>,
    /// SHA-256 over each message as canonical JSON (keys sorted, no spaces) and a line feed, oldest first. Addresses of
    /// attachments are paths without a query; `thread` and `referenced_message` are left out.
    pub sha256: String,
    /// The messages that existed once and are deleted.
    pub tombstones: Vec<String>,
    /// The reason why the bot cannot read the channel; absent if it can.
    pub unreadable: Option<&'static str>,
}

/// Returns the ids of a channel's messages above `after`, at most `limit`, oldest first.
pub(crate) fn ids_after(world: &World, channel: &Channel, after: u64, limit: usize) -> Vec<u64> {
    let mut ids = world.page(channel, Cursor::After(after), limit);
    ids.reverse();
    ids
}

/// Returns the messages of a channel above `after`, at most `limit`, oldest first, in their final state.
pub(crate) fn messages_after(world: &World, channel: &Channel, after: u64, limit: usize) -> Vec<Value> {
    let ids = ids_after(world, channel, after, limit).into_iter();
    ids.filter_map(|id| world.find(channel, id)).map(|stored| settled(world, channel, &stored)).collect()
}

/// Returns the ledger of a channel.
pub(crate) fn ledger(world: &World, channel: &Channel) -> Ledger {
    let (mut count, mut min_id, mut max_id, mut hash) = (0, None, 0, Sha256::new());
    loop {
        let ids = ids_after(world, channel, max_id, CHUNK);
        let Some(last) = ids.last().copied() else { break };
        for id in ids {
            let Some(stored) = world.find(channel, id) else { continue };
            hash.update(canonical(&settled(world, channel, &stored)));
            hash.update(b"\n");
            min_id.get_or_insert(id);
            count += 1;
        }
        max_id = last;
    }
    let tombstones = world.overlay(channel.id).into_iter().flat_map(Overlay::tombstones);
    Ledger {
        channel_id: channel.id.to_string(),
        count,
        min_id: min_id.map(|id: u64| id.to_string()),
        max_id: min_id.map(|_| max_id.to_string()),
        sha256: hex(&hash.finalize()),
        tombstones: tombstones.map(|id| id.to_string()).collect(),
        unreadable: world.unreadable(channel),
    }
}

/// Returns JSON with sorted keys, regardless of the order in which objects are stored.
pub(crate) fn canonical(value: &Value) -> String {
    fn sorted(value: &Value) -> Value {
        match value {
            Value::Object(fields) => {
                let mut fields: Vec<_> = fields.iter().collect();
                fields.sort_unstable_by_key(|(name, _)| *name);
                fields.into_iter().map(|(name, value)| (name.clone(), sorted(value))).collect()
            }
            Value::Array(items) => items.iter().map(sorted).collect(),
            other => other.clone(),
        }
    }
    sorted(value).to_string()
}
