//! Messages and their parts, as JSON.

use std::borrow::Cow;
use std::fmt::Write;

use app_core::browse::{Entry, FileStates, Form, MessageView, Messages, Roles, thumbnail_size};
use domain::channel::Channel;
use domain::guild::{Role, RoleId};
use domain::interaction::Interaction;
use domain::json::Json;
use domain::media::{FileKey, FileState, ThumbnailWidth};
use domain::message::{Attachment, Author, Message, MessageId, MessageKind, Reaction, Reference};
use domain::pseudonym::{Pseudonym, PseudonymName};
use domain::retention::EarlierVersion;
use domain::slug::ChannelSlug;
use domain::snowflake::Id;
use domain::tenant::{Color, Tenant, TenantId};
use domain::timestamp::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

use crate::address::Base;

/// A person.
#[derive(Debug, Serialize)]
pub struct AuthorBody {
    id: Pseudonym,
    name: PseudonymName,
    bot: bool,
    webhook: bool,
}

impl From<&Author> for AuthorBody {
    fn from(author: &Author) -> Self {
        let Author { pseudonym, bot, webhook } = *author;
        Self { id: pseudonym, name: pseudonym.name(), bot, webhook }
    }
}

/// The use of a program that a message replies to.
#[derive(Debug, Serialize)]
pub struct InteractionBody {
    kind: &'static str,
    name: Option<String>,
    user: AuthorBody,
}

impl From<Interaction> for InteractionBody {
    fn from(interaction: Interaction) -> Self {
        let Interaction { kind, name, user } = interaction;
        Self { kind: kind.as_str(), name, user: (&user).into() }
    }
}

/// A role that a message mentions.
#[derive(Debug, Serialize)]
pub struct RoleBody<'a> {
    id: RoleId,
    name: &'a str,
    color: Option<Color>,
}

impl<'a> From<&'a Role> for RoleBody<'a> {
    fn from(role: &'a Role) -> Self {
        Self { id: role.id, name: &role.name, color: role.color }
    }
}

/// The reference of a message.
#[derive(Debug, Serialize)]
pub struct ReferenceBody {
    kind: &'static str,
    message_id: Option<MessageId>,
    channel_id: Option<domain::channel::ChannelId>,
}

impl ReferenceBody {
    fn new(tenant: TenantId, kind: MessageKind, reference: &Reference) -> Self {
        let kind = match kind {
            _ if reference.kind == Reference::FORWARD => "forward",
            MessageKind::REPLY | MessageKind::CONTEXT_MENU_COMMAND => "reply",
            MessageKind::CHANNEL_PINNED_MESSAGE => "pin",
            MessageKind::THREAD_CREATED => "thread",
            MessageKind::THREAD_STARTER => "thread_starter",
            MessageKind::POLL_RESULT => "poll",
            MessageKind::CHANNEL_FOLLOW_ADD => "follow",
            MessageKind::DEFAULT => "crosspost",
            _ => "other",
        };
        let channel_id = reference.channel_id.map(|channel| domain::channel::ChannelId::of(tenant, channel));
        Self { kind, message_id: reference.message_id, channel_id }
    }
}

/// A file of a message.
#[derive(Debug, Serialize)]
pub struct AttachmentBody<'a> {
    id: domain::message::AttachmentId,
    filename: &'a str,
    title: Option<String>,
    content_type: Option<&'a str>,
    size_bytes: u64,
    width: Option<u32>,
    height: Option<u32>,
    description: Option<&'a str>,
    spoiler: bool,
    url: Option<Cow<'a, str>>,
    state: &'static str,
    thumbnail: Option<ThumbnailBody>,
}

/// A smaller version of a picture.
#[derive(Debug, Serialize)]
struct ThumbnailBody {
    url: String,
    width: u32,
    height: u32,
}

impl<'a> AttachmentBody<'a> {
    /// Returns a file of a message of `tenant`, with its download state.
    fn new(tenant: &Tenant, message: &Message, file: &'a Attachment, files: &FileStates) -> Self {
        let key = FileKey { channel: message.channel_id, message: message.id, attachment: file.id };
        let (state, url) = match files.get(&key) {
            Some(FileState::Stored { .. }) => {
                ("stored", Some(Cow::from(Base::of_api(tenant).file(key, &file.filename))))
            }
            Some(FileState::Gone) => ("gone", None),
            _ => ("elsewhere", file.url.as_deref().map(Cow::from)),
        };
        let width = ThumbnailWidth::Narrow;
        let thumbnail = files.get(&key).and_then(|state| thumbnail_size(file, *state, width));
        let thumbnail = thumbnail.map(|(pixels, height)| ThumbnailBody {
            url: Base::of_api(tenant).thumbnail(key, width),
            width: pixels,
            height,
        });
        Self {
            id: file.id,
            filename: &file.filename,
            title: file.title(),
            content_type: file.content_type.as_deref(),
            size_bytes: file.size_bytes,
            width: file.width,
            height: file.height,
            description: file.description.as_deref(),
            spoiler: file.spoiler,
            url,
            state,
            thumbnail,
        }
    }
}

/// The emoji of a reaction.
#[derive(Debug, Serialize)]
pub struct EmojiBody<'a> {
    id: Option<Id<domain::message::Emoji>>,
    name: Option<&'a str>,
    animated: bool,
}

/// The count of a reaction.
#[derive(Debug, Serialize)]
pub struct ReactionBody<'a> {
    emoji: EmojiBody<'a>,
    count: u32,
}

impl<'a> From<&'a Reaction> for ReactionBody<'a> {
    fn from(reaction: &'a Reaction) -> Self {
        let emoji = &reaction.emoji;
        let emoji = EmojiBody { id: emoji.id, name: emoji.name.as_deref(), animated: emoji.animated };
        Self { emoji, count: reaction.count }
    }
}

/// The thread that a message started.
#[derive(Debug, Serialize)]
pub struct StartedBody<'a> {
    id: domain::channel::ChannelId,
    slug: &'a ChannelSlug,
    name: &'a str,
    message_count: u64,
}

/// A list of Discord's objects, empty if there is none.
#[derive(Debug)]
struct Objects<'a>(Option<&'a Json>);

impl Serialize for Objects<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(json) => json.serialize(serializer),
            None => [(); 0].serialize(serializer),
        }
    }
}

/// An earlier text of a message, for moderators.
#[derive(Debug, Serialize)]
pub struct VersionBody<'a> {
    content: &'a str,
    embeds: Objects<'a>,
    edited_at: Option<Timestamp>,
    observed_at: Timestamp,
    deleted_at: Option<Timestamp>,
}

impl<'a> From<&'a EarlierVersion> for VersionBody<'a> {
    fn from(version: &'a EarlierVersion) -> Self {
        Self {
            content: &version.content,
            embeds: Objects(version.embeds.as_ref()),
            edited_at: version.edited_at,
            observed_at: version.observed_at,
            deleted_at: version.is_deletion.then_some(version.replaced_at),
        }
    }
}

/// A message.
#[derive(Debug, Serialize)]
pub struct MessageBody<'a> {
    id: MessageId,
    channel_id: domain::channel::ChannelId,
    r#type: MessageKind,
    author: AuthorBody,
    content: &'a str,
    created_at: Timestamp,
    edited_at: Option<Timestamp>,
    pinned: bool,
    flags: u64,
    reference: Option<ReferenceBody>,
    mentions: Vec<AuthorBody>,
    role_mentions: Vec<RoleBody<'a>>,
    interaction: Option<InteractionBody>,
    attachments: Vec<AttachmentBody<'a>>,
    embeds: Objects<'a>,
    stickers: Objects<'a>,
    reactions: Vec<ReactionBody<'a>>,
    poll: Option<&'a Json>,
    components: Objects<'a>,
    snapshots: Objects<'a>,
    thread: Option<StartedBody<'a>>,
    permalink: String,
}

impl<'a> MessageBody<'a> {
    /// Returns a message of `tenant` whose page is at `permalink`, with roles for its mentions and the download state
    /// of its attachments.
    #[must_use]
    pub fn new(
        tenant: &Tenant,
        message: &'a Message,
        thread: Option<&'a Channel>,
        (roles, files): (&'a Roles, &FileStates),
        permalink: String,
    ) -> Self {
        let started = |thread: &'a Channel| StartedBody {
            id: thread.id,
            slug: &thread.slug,
            name: &thread.name,
            message_count: thread.stats.message_count,
        };
        Self {
            id: message.id,
            channel_id: message.channel_id,
            r#type: message.kind,
            author: (&message.author).into(),
            content: &message.content,
            created_at: message.created_at(),
            edited_at: message.version.edited_at,
            pinned: message.pinned,
            flags: message.flags,
            reference: message.reference.as_ref().map(|to| ReferenceBody::new(tenant.id, message.kind, to)),
            mentions: message.mentions.iter().map(Into::into).collect(),
            role_mentions: mentioned_roles(message, roles),
            interaction: message.interaction().map(Into::into),
            attachments: (message.attachments.iter())
                .map(|file| AttachmentBody::new(tenant, message, file, files))
                .collect(),
            embeds: Objects(message.embeds.as_ref()),
            stickers: Objects(message.stickers.as_ref()),
            reactions: message.reactions.iter().map(Into::into).collect(),
            poll: message.poll.as_ref(),
            components: Objects(message.components.as_ref()),
            snapshots: Objects(message.snapshots.as_ref()),
            thread: thread.map(started),
            permalink,
        }
    }

    pub(super) fn of_entry(
        tenant: &Tenant,
        channel_path: &str,
        entry: &'a Entry,
        known: (&'a Roles, &FileStates),
    ) -> Self {
        let permalink = format!("{channel_path}/{}", entry.message.id);
        Self::new(tenant, &entry.message, entry.thread.as_deref(), known, permalink)
    }

    /// Returns one message with its context.
    #[must_use]
    pub fn of_view(tenant: &Tenant, view: &'a MessageView) -> Self {
        let path = Base::of_api(tenant).channel(&view.channel.channel);
        Self::of_entry(tenant, &path, &view.entry, (&view.roles, &view.files))
    }
}

fn mentioned_roles<'a>(message: &Message, roles: &'a Roles) -> Vec<RoleBody<'a>> {
    if roles.is_empty() {
        return Vec::new();
    }
    message.role_mentions().iter().filter_map(|id| roles.get(id)).map(Into::into).collect()
}

/// Returns an object as the JSON that is sent.
pub(crate) fn as_sent(value: &impl Serialize) -> Box<RawValue> {
    to_raw_value(value).expect("our objects are plain values")
}

/// Returns a page of `channel` as JSON, oldest first, cut to the size of a response. The form of a message is kept with
/// it for other pages.
#[must_use]
pub fn messages_json(tenant: &Tenant, channel: &Channel, page: &Messages) -> Vec<u8> {
    let (path, known) = (Base::of_api(tenant).channel(channel), (&page.roles, &page.files));
    let mut made: Vec<Cow<'_, str>> = vec![Cow::default(); page.entries.len()];
    let kept = page.fitting(|index| {
        let entry = &page.entries[index];
        let write = || Box::<str>::from(as_sent(&MessageBody::of_entry(tenant, &path, entry, known)));
        // The count of a thread's messages changes without the message.
        let item = if entry.thread.is_some() {
            Cow::Owned(write().into())
        } else {
            entry.message.written(Form::Json, &path, write)
        };
        made[index] = item;
        made[index].len()
    });
    let (older, newer) = page.ends(&kept);
    let items = &made[kept];
    let size = items.iter().map(|item| item.len() + 1).sum::<usize>();
    let mut body = String::with_capacity(size + 128);
    body.push_str(r#"{"items":["#);
    for (index, item) in items.iter().enumerate() {
        body.extend((index > 0).then_some(','));
        body.push_str(item);
    }
    let newer = newer.map(|after| after.to_string());
    write!(body, r#"],"older":{},"newer":{}}}"#, json!(older), json!(newer)).expect("a string takes everything");
    body.into_bytes()
}
