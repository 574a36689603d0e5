//! A checksum over all content that a store has of a channel, independent of the kind of store.

use domain::channel::{Channel, ChannelId};
use domain::coverage::Interval;
use domain::json::Json;
use domain::media::{File, FileState};
use domain::message::{Attachment, Author, Reaction, StoredMessage};
use domain::retention::EarlierVersion;
use domain::snowflake::Id;
use domain::timestamp::Timestamp;
use domain::unreadable::Unreadable;
use ports::error::StoreError;
use ports::store::Store;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{ChannelReport, PAGE, files, versions};

/// Reads all of a channel of `store`. It is one line of JSON each for the channel, its coverage, every segment, every
/// unreadable item, every message, every file and every earlier text, with keys in alphabetical order, of which this is
/// the SHA-256. A channel that is not stored has the checksum of nothing.
///
/// # Errors
/// [`StoreError`] if the store fails.
pub(super) async fn of(store: &dyn Store, channel: ChannelId) -> Result<ChannelReport, StoreError> {
    let mut hash = Sha256::new();
    let mut line = |value: &Value| {
        hash.update(value.to_string());
        hash.update("\n");
    };
    let mut read = store.read().await?;
    if let Some(found) = read.channels().find(channel).await? {
        line(&of_channel(&found));
    }
    if let Some(coverage) = read.coverage().find(channel).await? {
        let interval = coverage.stored_interval().map(|stored| [stored.low().get(), stored.high().get()]);
        let checked_at = coverage.checked_at.map(Timestamp::as_millis);
        line(&json!({
            "interval": interval, "start_reached": coverage.start_reached, "reason": coverage.reason,
            "checked_at": checked_at,
        }));
    }
    for part in read.coverage().segments(channel).await?.parts() {
        let (low, high) = (part.interval.low().get(), part.interval.high().get());
        line(&json!({
            "low": low, "high": high, "oldest_at": part.oldest_at.as_millis(), "newest_at": part.newest_at.as_millis(),
            "proves_absence": part.proves_absence,
        }));
    }
    for one in read.unreadable().list(channel, Interval::ALL).await? {
        line(&of_unreadable(&one));
    }
    drop(read);
    let (mut messages, mut deleted, mut after) = (0, 0, None);
    loop {
        // One snapshot per page, because a server does not keep an old one for as long as a large channel takes.
        let page = store.read().await?.messages().list_stored(channel, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.message.id);
        for stored in &page {
            if stored.is_deleted() {
                deleted += 1;
            } else {
                messages += 1;
            }
            line(&of_message(stored));
        }
    }
    let mut after = None;
    loop {
        let page = files::behind(store, channel, after).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.key.message);
        for file in &page {
            line(&of_file(file));
        }
    }
    let mut after = None;
    loop {
        let page = versions::next(store, channel, &mut after).await?;
        if page.is_empty() {
            break;
        }
        for version in &page {
            line(&of_version(version));
        }
    }
    let checksum = <[u8; 32]>::from(hash.finalize()).map(|byte| format!("{byte:02x}")).concat();
    Ok(ChannelReport { channel_id: channel, messages, deleted, checksum })
}

fn text(json: Option<&Json>) -> Option<&str> {
    json.map(Json::as_str)
}

fn of_channel(channel: &Channel) -> Value {
    json!({
        "id": channel.id, "tenant": channel.tenant_id, "platform_id": channel.platform_id.get(),
        "parent": channel.parent_id, "kind": channel.kind, "name": channel.name, "slug": channel.slug.as_str(),
        "topic": channel.topic, "position": channel.position, "nsfw": channel.nsfw,
        "visibility": channel.visibility.as_str(), "archived": channel.archived, "locked": channel.locked,
        "tags": channel.tags, "applied_tags": channel.applied_tags, "extra": text(channel.extra.as_ref()),
        "messages": channel.stats.message_count, "threads": channel.stats.thread_count,
        "observed_at": channel.observed_at.map(Timestamp::as_millis),
        "active_at": channel.stats.last_activity_at.map(Timestamp::as_millis),
    })
}

fn of_unreadable(one: &Unreadable) -> Value {
    json!({
        "id": one.id, "message": one.message_id.map(Id::get), "low": one.place.low().get(),
        "high": one.place.high().get(), "reason": one.reason, "raw": text(one.raw.as_ref()),
        "first_seen_at": one.first_seen_at.as_millis(), "last_seen_at": one.last_seen_at.as_millis(),
    })
}

fn of_message(stored: &StoredMessage) -> Value {
    let message = &stored.message;
    let reference = message
        .reference
        .map(|to| json!([to.kind, to.message_id.map(Id::get), to.channel_id.map(Id::get), to.guild_id.map(Id::get)]));
    let mentions: Vec<_> = message.mentions.iter().map(of_author).collect();
    let attachments: Vec<_> = message.attachments.iter().map(of_attachment).collect();
    let reactions: Vec<_> = message.reactions.iter().map(of_reaction).collect();
    json!({
        "id": message.id.get(), "kind": message.kind, "author": of_author(&message.author), "content": message.content,
        "edited_at": message.version.edited_at.map(Timestamp::as_millis),
        "observed_at": message.version.observed_at.as_millis(), "origin": message.version.origin.as_number(),
        "pinned": message.pinned, "flags": message.flags, "reference": reference, "mentions": mentions,
        "attachments": attachments, "reactions": reactions, "embeds": text(message.embeds.as_ref()),
        "stickers": text(message.stickers.as_ref()), "components": text(message.components.as_ref()),
        "snapshots": text(message.snapshots.as_ref()), "poll": text(message.poll.as_ref()),
        "extra": text(message.extra.as_ref()), "deleted_at": stored.deletion.map(|deletion| deletion.at.as_millis()),
        "deletion": stored.deletion.map(|deletion| deletion.kind.as_number()),
    })
}

/// Returns the content of a file, which does not include the number of attempts, and not the format, which is that of
/// the bytes.
fn of_file(file: &File) -> Value {
    let (state, hash, size) = match file.state {
        FileState::Waiting { .. } => ("waiting", None, None),
        FileState::Stored { hash, size_bytes, .. } => ("stored", Some(hash.to_string()), Some(size_bytes)),
        FileState::Gone => ("gone", None, None),
        FileState::Failed => ("failed", None, None),
    };
    json!({
        "message": file.key.message.get(), "attachment": file.key.attachment.get(), "state": state, "hash": hash,
        "size": size,
    })
}

fn of_version(version: &EarlierVersion) -> Value {
    json!({
        "message": version.message.get(), "content": version.content, "embeds": text(version.embeds.as_ref()),
        "edited_at": version.edited_at.map(Timestamp::as_millis), "observed_at": version.observed_at.as_millis(),
        "replaced_at": version.replaced_at.as_millis(), "is_deletion": version.is_deletion,
    })
}

fn of_author(author: &Author) -> Value {
    json!([author.pseudonym, author.bot, author.webhook])
}

fn of_attachment(file: &Attachment) -> Value {
    json!([
        file.id.get(),
        file.filename,
        file.content_type,
        file.size_bytes,
        file.width,
        file.height,
        file.description,
        file.spoiler,
        file.url,
        file.local_path,
        text(file.extra.as_ref()),
    ])
}

fn of_reaction(reaction: &Reaction) -> Value {
    let emoji = &reaction.emoji;
    json!([emoji.id.map(Id::get), emoji.name, emoji.animated, reaction.count, reaction.people])
}
