//! The JSON objects of the REST API and of the command line.

mod message;
mod search;

use app_core::browse::{Audience, ChannelView, CoverageView, FileStates, Roles, ThreadView};
use domain::channel::ForumTag;
use domain::coverage::{CoverageState, Interval};
use domain::crawling::AiTraining;
use domain::day::{DayStats, Month};
use domain::domain_name::DomainName;
use domain::job::{Job, JobId, JobKind, JobState};
use domain::message::MessageId;
use domain::profile::{Contact, Description, Footer, Links, Profile};
use domain::retention::Retention;
use domain::slug::{ChannelSlug, TenantSlug};
use domain::solved::SolvedTags;
use domain::sync::Repair;
use domain::tenant::{Branding, Platform, PlatformId, Tenant, TenantId, TenantName, TenantStatus};
use domain::timestamp::Timestamp;
use serde::Serialize;

pub(crate) use self::message::as_sent;
pub use self::message::{
    AttachmentBody, AuthorBody, EmojiBody, InteractionBody, MessageBody, ReactionBody, ReferenceBody, RoleBody,
    StartedBody, VersionBody, messages_json,
};
pub use self::search::{HitBody, SearchBody};
use crate::address::{Base, day_path};

/// A list and the cursor of its next page.
#[derive(Debug, Serialize)]
pub struct ListBody<T> {
    /// The items.
    pub items: Vec<T>,
    /// The value of `cursor` for the next page.
    pub next: Option<String>,
}

/// The retention of a tenant, in days; `None` is for ever.
#[derive(Debug, Serialize)]
pub struct RetentionBody {
    deleted_days: Option<u16>,
    edited_days: Option<u16>,
}

impl From<Retention> for RetentionBody {
    fn from(Retention { deleted, edited }: Retention) -> Self {
        Self { deleted_days: deleted.days(), edited_days: edited.days() }
    }
}

/// How a tenant presents its archive.
#[derive(Debug, Serialize)]
pub struct ProfileBody<'a> {
    description: Option<&'a Description>,
    footer: Option<&'a Footer>,
    contact: Option<&'a Contact>,
    links: &'a Links,
    /// A path on this server.
    icon_url: Option<String>,
}

impl<'a> ProfileBody<'a> {
    fn new(tenant: &'a Tenant) -> Self {
        let Profile { description, footer, contact, links, icon: _ } = &tenant.profile;
        Self {
            description: description.as_ref(),
            footer: footer.as_ref(),
            contact: contact.as_ref(),
            links,
            icon_url: Base::of_api(tenant).icon(),
        }
    }
}

/// A tenant; `platform_id`, `retention`, `solved_tags` and `ai_training` only for clients with the admin key.
#[derive(Debug, Serialize)]
pub struct TenantBody<'a> {
    id: TenantId,
    slug: &'a TenantSlug,
    name: &'a TenantName,
    platform: Platform,
    status: TenantStatus,
    created_at: Timestamp,
    updated_at: Timestamp,
    domain: Option<&'a DomainName>,
    branding: &'a Branding,
    profile: ProfileBody<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform_id: Option<&'a PlatformId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retention: Option<RetentionBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    solved_tags: Option<&'a SolvedTags>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ai_training: Option<AiTraining>,
}

impl<'a> TenantBody<'a> {
    /// Returns the tenant as `audience` sees it.
    #[must_use]
    pub fn new(tenant: &'a Tenant, audience: Audience) -> Self {
        let is_admin = audience == Audience::Admin;
        Self {
            id: tenant.id,
            slug: &tenant.slug,
            name: &tenant.name,
            platform: tenant.platform,
            status: tenant.status,
            created_at: tenant.created_at,
            updated_at: tenant.updated_at,
            domain: tenant.domain.as_ref(),
            branding: &tenant.branding,
            profile: ProfileBody::new(tenant),
            platform_id: is_admin.then_some(&tenant.platform_id),
            retention: is_admin.then(|| tenant.retention.into()),
            solved_tags: is_admin.then_some(&tenant.solved_tags),
            ai_training: is_admin.then_some(tenant.ai_training),
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
    /// Returns the channel of a view: a parent that the client may not know of is left out.
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
            nsfw: view.is_age_gated(),
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

/// A thread in a list: a channel, and its first message.
#[derive(Debug, Serialize)]
pub struct ThreadBody<'a> {
    #[serde(flatten)]
    channel: ChannelBody<'a>,
    starter: Option<MessageBody<'a>>,
}

impl<'a> ThreadBody<'a> {
    /// Returns a thread of `tenant` whose first message mentions some of `roles` and has some of `files`.
    #[must_use]
    pub fn new(tenant: &Tenant, view: &'a ThreadView, roles: &'a Roles, files: &FileStates) -> Self {
        let thread = &view.thread.channel;
        let starter = view.starter.as_ref().map(|message| {
            // In the parent, it is the message that started the thread; in the thread, its first message.
            let above = view.thread.parent.as_ref().filter(|parent| parent.id == message.channel_id);
            let permalink = Base::of_api(tenant).message(above.unwrap_or(thread), message.id);
            MessageBody::new(tenant, message, above.map(|_| thread), (roles, files), permalink)
        });
        Self { channel: ChannelBody::new(&view.thread), starter }
    }
}

/// A channel in the event that it changed, with the interval of the messages that changed.
#[derive(Debug, Serialize)]
pub struct UpdatedBody<'a> {
    #[serde(flatten)]
    channel: ChannelBody<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interval: Option<[MessageId; 2]>,
}

impl<'a> UpdatedBody<'a> {
    /// Returns the channel of a view.
    #[must_use]
    pub fn new(view: &'a ChannelView, interval: Option<Interval>) -> Self {
        let interval = interval.map(|interval| [interval.low(), interval.high()]);
        Self { channel: ChannelBody::new(view), interval }
    }
}

/// A channel in the event that it can no longer be read.
#[derive(Debug, Serialize)]
pub struct ClosedBody {
    id: domain::channel::ChannelId,
    gone: bool,
}

impl ClosedBody {
    /// Returns the event of a channel.
    #[must_use]
    pub const fn new(id: domain::channel::ChannelId) -> Self {
        Self { id, gone: true }
    }
}

/// A message in the event that it was deleted.
#[derive(Debug, Serialize)]
pub struct DeletedBody {
    id: MessageId,
    channel_id: domain::channel::ChannelId,
}

impl DeletedBody {
    /// Returns the event of a message.
    #[must_use]
    pub const fn new(id: MessageId, channel_id: domain::channel::ChannelId) -> Self {
        Self { id, channel_id }
    }
}

/// The part of a channel that a sync is going to recheck.
#[derive(Debug, Serialize)]
pub struct RepairBody {
    since: Timestamp,
    low: MessageId,
    high: MessageId,
}

/// A day of a channel.
#[derive(Debug, Serialize)]
pub struct DayBody {
    day: String,
    messages: u64,
    path: String,
}

impl DayBody {
    /// Returns a day of the channel with this path.
    #[must_use]
    pub fn new(channel: &str, DayStats { day, counts, .. }: &DayStats) -> Self {
        Self { day: day.to_string(), messages: counts.messages, path: day_path(channel, *day, 1) }
    }
}

/// A month of a channel.
#[derive(Debug, Serialize)]
pub struct MonthBody {
    month: String,
    messages: u64,
}

impl MonthBody {
    /// Returns a month with the number of its messages.
    #[must_use]
    pub fn new(month: Month, messages: u64) -> Self {
        Self { month: month.to_string(), messages }
    }
}

/// The coverage of a channel.
#[derive(Debug, Serialize)]
pub struct CoverageBody<'a> {
    channel_id: domain::channel::ChannelId,
    low: Option<MessageId>,
    high: Option<MessageId>,
    start_reached: bool,
    message_count: u64,
    unreadable_count: u64,
    state: CoverageState,
    reason: Option<&'a str>,
    checked_at: Option<Timestamp>,
    read_whole_at: Option<Timestamp>,
    repairing: Option<RepairBody>,
}

impl<'a> From<&'a CoverageView> for CoverageBody<'a> {
    fn from(CoverageView { coverage, repairing }: &'a CoverageView) -> Self {
        Self {
            channel_id: coverage.channel_id,
            low: coverage.interval.map(Interval::low),
            high: coverage.interval.map(Interval::high),
            start_reached: coverage.start_reached,
            message_count: coverage.message_count,
            unreadable_count: coverage.unreadable_count,
            state: coverage.state(),
            reason: coverage.reason.as_deref(),
            checked_at: coverage.checked_at,
            read_whole_at: coverage.read_whole_at,
            repairing: repairing.map(|Repair { since, interval }| RepairBody {
                since,
                low: interval.low(),
                high: interval.high(),
            }),
        }
    }
}

/// The progress of a job.
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

/// A job.
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
    /// Returns the job as of `now`.
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
