//! Messages, with their attachments and reactions.

pub mod repository;

use domain::channel::ChannelId;
use domain::day::DayCounts;
use domain::message::{
    Attachment, Author, Deletion, DeletionKind, Emoji, Message, MessageId, MessageKind, Origin, Reaction, Reference,
    StoredMessage, Version,
};
use domain::page::{Newest, StoredStats, StoredVersion, Write};
use ports::error::StoreError;
use serde_json::json;

use crate::columns::{Columns, ValueError, list_text};
use crate::values;
use crate::values::Value;

/// A child of a message, with the message's id and its position there.
pub type Child<T> = (MessageId, u32, T);

/// Returns a statement with the numbers of the types that are shown to readers in the place of `:shown`.
#[must_use]
pub fn shown_sql(sql: &str) -> String {
    sql.replace(":shown", &MessageKind::SHOWN.map(|kind| kind.0.to_string()).join(", "))
}

/// Returns the version from the three columns that order the versions of a message.
///
/// # Errors
/// [`StoreError::Corrupt`], as every mapper.
pub fn version(row: &mut impl Columns) -> Result<Version, StoreError> {
    Ok(Version {
        edited_at: row.optional_time("edited_at")?,
        observed_at: row.time("observed_at")?,
        origin: {
            let number = row.number("origin")?;
            Origin::from_number(number).ok_or_else(|| row.corrupt("origin", ValueError::Number(number.into())))?
        },
    })
}

/// Returns the deletion of a message, if it is deleted.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn deletion(row: &mut impl Columns) -> Result<Option<Deletion>, StoreError> {
    let at = row.optional_time("deleted_at")?;
    let number = row.number("deletion_kind")?;
    let kind = DeletionKind::from_number(number);
    let kind = kind.ok_or_else(|| row.corrupt("deletion_kind", ValueError::Number(number.into())))?;
    Ok(at.map(|at| Deletion { kind, at }))
}

/// Returns the number of a deletion's kind; without a deletion the number does not matter.
#[must_use]
pub fn deletion_number(deletion: Option<Deletion>) -> u8 {
    deletion.map_or(DeletionKind::Inferred, |deletion| deletion.kind).as_number()
}

/// Returns the version of a stored row, whose id is in the column `id`.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn stored_version(row: &mut impl Columns, id: &'static str) -> Result<StoredVersion, StoreError> {
    Ok(StoredVersion {
        id: row.id(id)?,
        kind: MessageKind(row.number("kind")?),
        version: version(row)?,
        digest: row.bits("digest")?,
        deletion: deletion(row)?,
        counts: DayCounts {
            messages: 1,
            by_people: u64::from(!row.flag("author_bot")? && !row.flag("author_webhook")?),
            text_bytes: row.number("text_bytes")?,
        },
    })
}

/// Returns the newest message.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn newest(row: &mut impl Columns) -> Result<Newest, StoreError> {
    Ok(Newest::from_stored(row.id("message_id")?, row.optional_time("sent_at")?))
}

/// Returns the counters of a channel from its columns.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn stored_stats(row: &mut impl Columns) -> Result<StoredStats, StoreError> {
    let (newest, sent_at) = (row.optional_id("newest_message_id")?, row.optional_time("last_activity_at")?);
    Ok(StoredStats {
        platform_id: row.id("platform_id")?,
        message_count: row.number("message_count")?,
        newest: newest.map(|id| Newest::from_stored(id, sent_at)),
    })
}

/// Returns a message without its attachments and reactions.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn stored_message(row: &mut impl Columns) -> Result<StoredMessage, StoreError> {
    let channel_id = ChannelId(row.uuid("channel_id")?);
    let id = row.id("message_id")?;
    let kind = MessageKind(row.number("kind")?);
    let author =
        Author { pseudonym: row.parse("author")?, bot: row.flag("author_bot")?, webhook: row.flag("author_webhook")? };
    let content = row.text("content")?;
    let version = version(row)?;
    let pinned = row.flag("pinned")?;
    let flags = row.bits("flags")?;
    let reference = reference(row)?;
    let mentions = mentions(row)?;
    let message = Message {
        channel_id,
        id,
        kind,
        author,
        content,
        version,
        pinned,
        flags,
        reference,
        mentions,
        attachments: Vec::new(),
        reactions: Vec::new(),
        embeds: row.json("embeds")?,
        stickers: row.json("stickers")?,
        components: row.json("components")?,
        snapshots: row.json("snapshots")?,
        poll: row.json("poll")?,
        extra: row.json("extra")?,
        sent_at: row.optional_time("sent_at")?,
    };
    Ok(StoredMessage { message, deletion: deletion(row)? })
}

fn reference(row: &mut impl Columns) -> Result<Option<Reference>, StoreError> {
    let kind = row.optional_number("ref_kind")?;
    let message_id = row.optional_id("ref_message_id")?;
    let channel_id = row.optional_id("ref_channel_id")?;
    let guild_id = row.optional_id("ref_guild_id")?;
    Ok(kind.map(|kind| Reference { kind, message_id, channel_id, guild_id }))
}

/// A mentioned person, in the JSON column of a message.
#[derive(serde::Deserialize)]
struct Mention {
    id: String,
    bot: bool,
    webhook: bool,
}

fn mentions(row: &mut impl Columns) -> Result<Vec<Author>, StoreError> {
    let people: Vec<Mention> = row.list("mentions")?;
    let author = |person: Mention| {
        let pseudonym = person.id.parse().map_err(|error| row.corrupt("mentions", error))?;
        Ok(Author { pseudonym, bot: person.bot, webhook: person.webhook })
    };
    people.into_iter().map(author).collect()
}

/// Returns the text of the column `mentions`.
#[must_use]
pub fn mentions_text(people: &[Author]) -> Option<String> {
    let person = |person: &Author| json!({"id": person.pseudonym, "bot": person.bot, "webhook": person.webhook});
    list_text(&people.iter().map(person).collect::<Vec<_>>())
}

/// Returns an attachment.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn attachment(row: &mut impl Columns) -> Result<Child<Attachment>, StoreError> {
    let (message, position) = (row.id("message_id")?, row.number("position")?);
    let attachment = Attachment {
        id: row.id("attachment_id")?,
        filename: row.text("filename")?,
        content_type: row.optional_text("content_type")?,
        size_bytes: row.bits("size_bytes")?,
        width: row.optional_number("width")?,
        height: row.optional_number("height")?,
        description: row.optional_text("description")?,
        spoiler: row.flag("spoiler")?,
        url: row.optional_text("url")?,
        local_path: row.optional_text("local_path")?,
        extra: row.json("extra")?,
    };
    Ok((message, position, attachment))
}

/// Returns a reaction.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn reaction(row: &mut impl Columns) -> Result<Child<Reaction>, StoreError> {
    let (message, position) = (row.id("message_id")?, row.number("position")?);
    let emoji = Emoji {
        id: row.optional_id("emoji_id")?,
        name: row.optional_text("emoji_name")?,
        animated: row.flag("animated")?,
    };
    let count = row.number("count")?;
    let people: Vec<String> = row.list("people")?;
    let people = people.into_iter().map(|person| person.parse().map_err(|error| row.corrupt("people", error)));
    Ok((message, position, Reaction { emoji, count, people: people.collect::<Result<_, _>>()? }))
}

/// Adds attachments and reactions to `messages`, which ascend; children of other messages are dropped.
pub fn add_children<M>(
    messages: &mut [M],
    message: impl Fn(&mut M) -> &mut Message,
    mut attachments: Vec<Child<Attachment>>,
    mut reactions: Vec<Child<Reaction>>,
) {
    attachments.sort_unstable_by_key(|(id, position, _)| (*id, *position));
    reactions.sort_unstable_by_key(|(id, position, _)| (*id, *position));
    let (mut attachments, mut reactions) = (attachments.into_iter().peekable(), reactions.into_iter().peekable());
    for held in messages {
        let message = message(held);
        while let Some((id, _, file)) = attachments.next_if(|(id, ..)| *id <= message.id) {
            if id == message.id {
                message.attachments.push(file);
            }
        }
        while let Some((id, _, reaction)) = reactions.next_if(|(id, ..)| *id <= message.id) {
            if id == message.id {
                message.reactions.push(reaction);
            }
        }
    }
}

/// The columns that the rows of a page need. A row costs a store by the number of its values, most of all, so those that
/// have their default in every row of the page are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowWidth {
    /// `{short_message}`: the columns that have a value in every row.
    Short,
    /// `{plain_message}`: with edits, references, mentions and embeds.
    Plain,
    /// `{message}, digest`.
    Whole,
}

impl RowWidth {
    /// Returns the width of the rows of a page.
    #[must_use]
    pub fn of(writes: &[Write<'_>]) -> Self {
        writes.iter().map(Self::of_row).max().unwrap_or(Self::Short)
    }

    const fn of_row(Write { message, deletion, .. }: &Write<'_>) -> Self {
        let Message { stickers, components, snapshots, poll, extra, sent_at, .. } = message;
        let is_whole = stickers.is_some()
            || components.is_some()
            || snapshots.is_some()
            || poll.is_some()
            || extra.is_some()
            || sent_at.is_some()
            || deletion.is_some();
        let Message { version, reference, mentions, embeds, .. } = message;
        let is_plain = version.edited_at.is_some() || reference.is_some() || !mentions.is_empty() || embeds.is_some();
        match (is_whole, is_plain) {
            (true, _) => Self::Whole,
            (false, true) => Self::Plain,
            (false, false) => Self::Short,
        }
    }

    /// Returns the number of its columns.
    #[must_use]
    pub const fn columns(self) -> usize {
        match self {
            Self::Short => 12,
            Self::Plain => 19,
            Self::Whole => 27,
        }
    }
}

/// Passes on the values of a row of that width, one by one: a page has thousands of them, and a list of each row would
/// cost a tenth of the time to store it.
///
/// # Errors
/// The first error of `pass`.
#[inline]
pub fn message_values<'a, E>(
    Write { message, digest, deletion }: &Write<'a>,
    width: RowWidth,
    mut pass: impl FnMut(Value<'a>) -> Result<(), E>,
) -> Result<(), E> {
    pass(message.channel_id.0.into())?;
    pass(message.id.into())?;
    pass(message.kind.0.into())?;
    pass(message.author.pseudonym.to_string().into())?;
    pass(message.author.bot.into())?;
    pass(message.author.webhook.into())?;
    pass((&message.content).into())?;
    pass(message.version.observed_at.into())?;
    pass(message.version.origin.as_number().into())?;
    pass(message.pinned.into())?;
    pass(Value::Bits(message.flags))?;
    if width >= RowWidth::Plain {
        let reference = message.reference;
        pass(message.version.edited_at.into())?;
        pass(reference.map(|reference| reference.kind).into())?;
        pass(reference.and_then(|reference| reference.message_id).into())?;
        pass(reference.and_then(|reference| reference.channel_id).into())?;
        pass(reference.and_then(|reference| reference.guild_id).into())?;
        pass(mentions_text(&message.mentions).into())?;
        pass(message.embeds.as_ref().into())?;
    }
    if width == RowWidth::Whole {
        pass(message.stickers.as_ref().into())?;
        pass(message.components.as_ref().into())?;
        pass(message.snapshots.as_ref().into())?;
        pass(message.poll.as_ref().into())?;
        pass(message.extra.as_ref().into())?;
        pass(message.sent_at.into())?;
        pass(deletion.map(|deletion| deletion.at).into())?;
        pass(deletion_number(*deletion).into())?;
    }
    pass(Value::Bits(*digest))
}

/// Returns the rows of `channel_id, {attachment}` of messages.
pub fn attachment_rows<'a>(writes: &[Write<'a>]) -> impl Iterator<Item = [Value<'a>; 14]> {
    let files =
        writes.iter().flat_map(|write| write.message.attachments.iter().zip(0_u32..).map(|at| (write.message, at)));
    files.map(|(message, (file, position))| {
        values![
            message.channel_id.0,
            message.id,
            position,
            file.id,
            &file.filename,
            file.content_type.as_deref(),
            Value::Bits(file.size_bytes),
            file.width,
            file.height,
            file.description.as_deref(),
            file.spoiler,
            file.url.as_deref(),
            file.local_path.as_deref(),
            file.extra.as_ref(),
        ]
    })
}

/// Returns the rows of `channel_id, emoji, {reaction}` of messages.
pub fn reaction_rows<'a>(writes: &[Write<'a>]) -> impl Iterator<Item = [Value<'a>; 9]> {
    let counts =
        writes.iter().flat_map(|write| write.message.reactions.iter().zip(0_u32..).map(|at| (write.message, at)));
    counts.map(|(message, (reaction, position))| {
        values![
            message.channel_id.0,
            reaction.emoji.key(),
            message.id,
            position,
            reaction.emoji.id,
            reaction.emoji.name.as_deref(),
            reaction.emoji.animated,
            reaction.count,
            list_text(&reaction.people),
        ]
    })
}

#[cfg(test)]
mod tests;
