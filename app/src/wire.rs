//! What clients get to see, as JSON: the objects of the REST API and of the command line.

use domain::channel::{Channel, ForumTag};
use domain::coverage::{Coverage, CoverageState, Interval};
use domain::guild::{Role, RoleId};
use domain::job::{Job, JobId, JobKind, JobState};
use domain::json::Json;
use domain::message::{Attachment, Author, Message, MessageId, MessageKind, Reaction, Reference};
use domain::pseudonym::{Pseudonym, PseudonymName};
use domain::slug::{ChannelSlug, TenantSlug};
use domain::snowflake::Id;
use domain::tenant::{Branding, Color, Platform, PlatformId, Tenant, TenantId, TenantName, TenantStatus};
use domain::timestamp::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Serialize, Serializer};

use crate::browse::{Audience, ChannelView, Entry, MessageView, Messages, Roles, ThreadView};

/// Letters of a path segment that stand for themselves.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The path of a channel's page.
#[must_use]
pub fn channel_path(tenant: &Tenant, channel: &Channel) -> String {
    format!("/{}/{}", tenant.slug, utf8_percent_encode(channel.slug.as_str(), SEGMENT))
}

/// The path of a message's page.
#[must_use]
pub fn message_path(tenant: &Tenant, channel: &Channel, message: MessageId) -> String {
    format!("{}/{message}", channel_path(tenant, channel))
}

/// A list and the cursor of its next page.
#[derive(Debug, Serialize)]
pub struct ListBody<T> {
    /// The items.
    pub items: Vec<T>,
    /// Goes back as `cursor`.
    pub next: Option<String>,
}

/// A tenant; `platform_id` only for who holds the admin key.
#[derive(Debug, Serialize)]
pub struct TenantBody<'a> {
    id: TenantId,
    slug: &'a TenantSlug,
    name: &'a TenantName,
    platform: Platform,
    status: TenantStatus,
    created_at: Timestamp,
    updated_at: Timestamp,
    branding: &'a Branding,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform_id: Option<&'a PlatformId>,
}

impl<'a> TenantBody<'a> {
    /// The tenant as `audience` sees it.
    #[must_use]
    pub fn new(tenant: &'a Tenant, audience: Audience) -> Self {
        Self {
            id: tenant.id,
            slug: &tenant.slug,
            name: &tenant.name,
            platform: tenant.platform,
            status: tenant.status,
            created_at: tenant.created_at,
            updated_at: tenant.updated_at,
            branding: &tenant.branding,
            platform_id: (audience == Audience::Admin).then_some(&tenant.platform_id),
        }
    }
}

/// A channel or thread.
#[expect(clippy::struct_excessive_bools, reason = "the flags of Discord's object")]
#[derive(Debug, Serialize)]
pub struct ChannelBody<'a> {
    id: domain::channel::ChannelId,
    platform_id: domain::channel::ChannelSnowflake,
    parent_id: Option<domain::channel::ChannelId>,
    r#type: domain::channel::ChannelKind,
    name: &'a str,
    slug: &'a ChannelSlug,
    topic: Option<&'a str>,
    position: i32,
    nsfw: bool,
    public: bool,
    archived: bool,
    locked: bool,
    tags: &'a [ForumTag],
    applied_tags: &'a [String],
    created_at: Timestamp,
    last_activity_at: Option<Timestamp>,
    message_count: u64,
    thread_count: u64,
}

impl<'a> ChannelBody<'a> {
    /// The channel as its view shows it: a parent that the client may not know of is left out.
    #[must_use]
    pub fn new(view: &'a ChannelView) -> Self {
        let ChannelView { channel, parent, public } = view;
        Self {
            id: channel.id,
            platform_id: channel.platform_id,
            parent_id: parent.as_ref().map(|parent| parent.id),
            r#type: channel.kind,
            name: &channel.name,
            slug: &channel.slug,
            topic: channel.topic.as_deref(),
            position: channel.position,
            nsfw: channel.nsfw || channel.kind.is_thread() && parent.as_ref().is_some_and(|parent| parent.nsfw),
            public: *public,
            archived: channel.archived,
            locked: channel.locked,
            tags: &channel.tags,
            applied_tags: &channel.applied_tags,
            created_at: channel.created_at(),
            last_activity_at: channel.stats.last_activity_at,
            message_count: channel.stats.message_count,
            thread_count: channel.stats.thread_count,
        }
    }
}

/// A thread in a list: a channel, and the message that it begins with.
#[derive(Debug, Serialize)]
pub struct ThreadBody<'a> {
    #[serde(flatten)]
    channel: ChannelBody<'a>,
    starter: Option<MessageBody<'a>>,
}

impl<'a> ThreadBody<'a> {
    /// A thread of `tenant` whose first message mentions some of `roles`.
    #[must_use]
    pub fn new(tenant: &Tenant, view: &'a ThreadView, roles: &'a Roles) -> Self {
        let thread = &view.thread.channel;
        let starter = view.starter.as_ref().map(|message| {
            // Above the thread it is the message that started it, inside it is the thread's first.
            let above = view.thread.parent.as_ref().filter(|parent| parent.id == message.channel_id);
            let permalink = message_path(tenant, above.unwrap_or(thread), message.id);
            MessageBody::new(tenant, message, above.map(|_| thread), roles, permalink)
        });
        Self { channel: ChannelBody::new(&view.thread), starter }
    }
}

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

/// What a message refers to.
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
    content_type: Option<&'a str>,
    size_bytes: u64,
    width: Option<u32>,
    height: Option<u32>,
    description: Option<&'a str>,
    spoiler: bool,
    url: Option<&'a str>,
}

impl<'a> From<&'a Attachment> for AttachmentBody<'a> {
    fn from(file: &'a Attachment) -> Self {
        Self {
            id: file.id,
            filename: &file.filename,
            content_type: file.content_type.as_deref(),
            size_bytes: file.size_bytes,
            width: file.width,
            height: file.height,
            description: file.description.as_deref(),
            spoiler: file.spoiler,
            url: file.url.as_deref(),
        }
    }
}

/// An emoji under a message.
#[derive(Debug, Serialize)]
pub struct EmojiBody<'a> {
    id: Option<Id<domain::message::Emoji>>,
    name: Option<&'a str>,
    animated: bool,
}

/// How often an emoji was put under a message.
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

/// A list of Discord's objects, empty where there is none.
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
    /// A message of `tenant` whose page is at `permalink`, with `roles` for its mentions.
    #[must_use]
    pub fn new(
        tenant: &Tenant,
        message: &'a Message,
        thread: Option<&'a Channel>,
        roles: &'a Roles,
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
            attachments: message.attachments.iter().map(Into::into).collect(),
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

    fn of_entry(tenant: &Tenant, channel_path: &str, entry: &'a Entry, roles: &'a Roles) -> Self {
        let permalink = format!("{channel_path}/{}", entry.message.id);
        Self::new(tenant, &entry.message, entry.thread.as_ref(), roles, permalink)
    }

    /// One message with its place.
    #[must_use]
    pub fn of_view(tenant: &Tenant, view: &'a MessageView) -> Self {
        Self::of_entry(tenant, &channel_path(tenant, &view.channel.channel), &view.entry, &view.roles)
    }
}

fn mentioned_roles<'a>(message: &Message, roles: &'a Roles) -> Vec<RoleBody<'a>> {
    if roles.is_empty() {
        return Vec::new();
    }
    message.role_mentions().iter().filter_map(|id| roles.get(id)).map(Into::into).collect()
}

/// A page of a channel, oldest first.
#[derive(Debug, Serialize)]
pub struct MessagesBody<'a> {
    items: Vec<MessageBody<'a>>,
    older: Option<MessageId>,
    newer: Option<String>,
}

impl<'a> MessagesBody<'a> {
    /// A page of `channel`.
    #[must_use]
    pub fn new(tenant: &Tenant, channel: &Channel, page: &'a Messages) -> Self {
        let path = channel_path(tenant, channel);
        Self {
            items: page.entries.iter().map(|entry| MessageBody::of_entry(tenant, &path, entry, &page.roles)).collect(),
            older: page.older,
            newer: page.newer.map(|after| after.to_string()),
        }
    }
}

/// What is held of a channel.
#[derive(Debug, Serialize)]
pub struct CoverageBody<'a> {
    channel_id: domain::channel::ChannelId,
    low: Option<MessageId>,
    high: Option<MessageId>,
    start_reached: bool,
    message_count: u64,
    state: CoverageState,
    reason: Option<&'a str>,
    checked_at: Option<Timestamp>,
}

impl<'a> From<&'a Coverage> for CoverageBody<'a> {
    fn from(coverage: &'a Coverage) -> Self {
        Self {
            channel_id: coverage.channel_id,
            low: coverage.interval.map(Interval::low),
            high: coverage.interval.map(Interval::high),
            start_reached: coverage.start_reached,
            message_count: coverage.message_count,
            state: coverage.state(),
            reason: coverage.reason.as_deref(),
            checked_at: coverage.checked_at,
        }
    }
}

/// How far a job is.
#[derive(Debug, Serialize)]
pub struct ProgressBody {
    channels_done: u64,
    channels_total: u64,
    messages: u64,
    requests: u64,
    waits: u64,
    messages_per_second: Option<f64>,
    seconds_left: Option<u64>,
}

/// Long work.
#[derive(Debug, Serialize)]
pub struct JobBody<'a> {
    id: JobId,
    tenant_id: TenantId,
    kind: JobKind,
    state: JobState,
    created_at: Timestamp,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    progress: ProgressBody,
    error: Option<&'a str>,
}

impl<'a> JobBody<'a> {
    /// The job as it is `now`.
    #[must_use]
    pub fn new(job: &'a Job, now: Timestamp) -> Self {
        let progress = job.progress;
        let end = job.ended_at.unwrap_or(now);
        let millis = job.started_at.map(|start| end.as_millis() - start.as_millis()).filter(|millis| *millis > 0);
        #[expect(clippy::cast_precision_loss, reason = "a rate for people to read")]
        let rate = millis.map(|millis| progress.messages as f64 * 1000.0 / millis as f64);
        Self {
            id: job.id,
            tenant_id: job.tenant_id,
            kind: job.kind,
            state: job.state,
            created_at: job.created_at,
            started_at: job.started_at,
            ended_at: job.ended_at,
            progress: ProgressBody {
                channels_done: progress.channels_done,
                channels_total: progress.channels_total,
                messages: progress.messages,
                requests: progress.requests,
                waits: progress.waits,
                messages_per_second: rate,
                seconds_left: progress.seconds_left,
            },
            error: job.error.as_deref(),
        }
    }
}
