//! The addresses of feeds.

use app_core::browse::{FEED, Find};
use domain::tenant::Tenant;
use http::StatusCode;

use super::call::Call;
use super::capture::{ChannelRef, FeedFormat, TagRef, TenantRef};
use super::error::ApiError;
use super::response::{Response, with_type};
use crate::address::{Base, segment};
use crate::html::{Feed, Frame, Part};

impl FeedFormat {
    const fn ending(self) -> &'static str {
        match self {
            Self::Atom => ".xml",
            Self::Json => ".json",
        }
    }

    fn response(self, feed: &Feed) -> Response {
        match self {
            Self::Atom => with_type(StatusCode::OK, "application/atom+xml; charset=utf-8", feed.atom()),
            Self::Json => with_type(StatusCode::OK, "application/feed+json", feed.json().to_string()),
        }
    }
}

/// Returns the addresses of a tenant's site, if it has a public address, which the ids and links of feeds contain.
fn base<'a>(call: &Call<'a>, tenant: &'a Tenant) -> Result<Base<'a>, ApiError> {
    let base = call.base(tenant);
    base.origin().map(|_| base).ok_or_else(|| ApiError::not_found("a feed needs the setting PUBLIC_URL"))
}

/// Returns the feed of a community: its posts, or the messages of its channels if it has no posts.
pub(super) async fn tenant(call: &Call<'_>, slug: TenantRef<'_>, format: FeedFormat) -> Result<Response, ApiError> {
    let mut at = call.state.browse.open(call.audience).await;
    let tenant = at.tenant(slug.0).await?;
    let base = base(call, &tenant)?;
    let channels = at.channels(&tenant).await?;
    let posts = at.newest_posts_of_all(&tenant).await?;
    let frame = Frame { base, channels: &channels, now: None };
    if posts.threads.is_empty() {
        return Ok(format.response(&Feed::of_chats(&frame, &at.newest_messages_of_all(&tenant).await?)));
    }
    Ok(format.response(&Feed::of_posts(&frame, Part { channel: None, tag: None }, &posts)))
}

/// Returns the feed of a channel, thread or forum.
pub(super) async fn channel(
    call: &Call<'_>,
    slug: TenantRef<'_>,
    channel: ChannelRef<'_>,
    format: FeedFormat,
) -> Result<Response, ApiError> {
    of_channel(call, slug, channel, None, format).await
}

/// Returns the feed of a tag of a forum.
pub(super) async fn tag(
    call: &Call<'_>,
    slug: TenantRef<'_>,
    channel: ChannelRef<'_>,
    tag: TagRef<'_>,
    format: FeedFormat,
) -> Result<Response, ApiError> {
    of_channel(call, slug, channel, Some(tag), format).await
}

async fn of_channel(
    call: &Call<'_>,
    slug: TenantRef<'_>,
    ChannelRef(channel): ChannelRef<'_>,
    tag: Option<TagRef<'_>>,
    format: FeedFormat,
) -> Result<Response, ApiError> {
    let mut at = call.state.browse.open(call.audience).await;
    let tenant = at.tenant(slug.0).await?;
    let base = base(call, &tenant)?;
    let view = at.channel(&tenant, channel).await?;
    let channels = at.channels(&tenant).await?;
    let frame = Frame { base, channels: &channels, now: None };
    let named =
        tag.map(|TagRef(id)| (id, view.channel.tags.iter().find(|tag| tag.id == id).map_or("", |tag| &tag.name)));
    let part = Part { channel: Some(&view), tag: named };
    if segment(&view.channel) != channel {
        return Ok(call.moved(&tenant, &format!("{}{}", part.path(&frame), format.ending())));
    }
    // Readers of feeds do not ask for the age of their readers.
    if view.is_age_gated() {
        return Err(ApiError::not_found("an age-gated channel has no feed"));
    }
    if view.channel.kind.is_forum() || tag.is_some() {
        let posts = at.newest_posts(&view, tag.map(|tag| tag.0)).await?;
        return Ok(format.response(&Feed::of_posts(&frame, part, &posts)));
    }
    let page = at.messages(&view, Find::Newest, FEED).await?;
    let context = at.page_context(&tenant, &view, &page).await?;
    Ok(format.response(&Feed::of_messages(&frame, &view, &page, context)))
}
