//! The pages of the site.

use app_core::browse::{ChannelFilter, Find, MAX_TREE, Threads};
use http::{StatusCode, header};

use super::call::Call;
use super::capture::{ChannelRef, FileName, TenantRef};
use super::error::ApiError;
use super::public::{channel_cursor, find, thread_cursor};
use super::query::Query;
use super::response::{Response, html, html_of, moved, with_type};
use crate::address::{channel_path, message_path};
use crate::html::{self as pages, Index};

use domain::message::MessageId;
use ports::channel::ThreadOrder;
use uuid::Uuid;

/// The number of messages of a page.
const PAGE: u32 = 50;
/// The number of communities and posts of a page.
const LIST: u32 = 50;

pub(super) async fn icon(_: &Call<'_>) -> Result<Response, ApiError> {
    Ok(kept(with_type(StatusCode::OK, "image/svg+xml", pages::ICON)))
}

pub(super) async fn robots(_: &Call<'_>) -> Result<Response, ApiError> {
    Ok(kept(with_type(StatusCode::OK, "text/plain; charset=utf-8", "User-agent: *\nAllow: /\n")))
}

pub(super) async fn asset(_: &Call<'_>, file: FileName<'_>) -> Result<Response, ApiError> {
    match file.0 {
        "live.js" => Ok(kept(with_type(StatusCode::OK, "text/javascript; charset=utf-8", pages::LIVE_SCRIPT))),
        "search.js" => Ok(kept(with_type(StatusCode::OK, "text/javascript; charset=utf-8", pages::SCRIPT))),
        "site.css" => Ok(kept(with_type(StatusCode::OK, "text/css; charset=utf-8", pages::STYLE))),
        _ => Err(ApiError::not_found("there is no such file")),
    }
}

/// Returns the style sheet with the colours of a tenant.
pub(super) async fn theme(call: &Call<'_>, tenant: TenantRef<'_>) -> Result<Response, ApiError> {
    let tenant = call.state.browse.open(call.audience).await?.tenant(tenant.0).await?;
    Ok(kept(with_type(StatusCode::OK, "text/css; charset=utf-8", pages::theme(&tenant.branding))))
}

/// Lets browsers cache a file for a while without revalidation.
fn kept(mut response: Response) -> Response {
    let keep = header::HeaderValue::from_static("public, max-age=300");
    response.headers_mut().insert(header::CACHE_CONTROL, keep);
    response
}

pub(super) async fn home(call: &Call<'_>) -> Result<Response, ApiError> {
    let query = &call.query;
    let wrong = || ApiError::bad_value("cursor", "expected `next` of a page of this list");
    let after = query.get("cursor").map(|slug| domain::slug::TenantSlug::new(slug).map_err(|_| wrong())).transpose()?;
    let (tenants, next) = call.state.browse.open(call.audience).await?.tenants(after, LIST).await?;
    let next = next.map(|slug| slug.to_string());
    Ok(html(StatusCode::OK, pages::home(&tenants, next.as_deref(), index(query))))
}

/// Returns whether search engines may index a page: one with a cursor or an order is one of many views of the same
/// content.
fn index(query: &Query) -> Index {
    if query.is_empty() { Index::Own } else { Index::No }
}

pub(super) async fn tenant(call: &Call<'_>, slug: TenantRef<'_>) -> Result<Response, ApiError> {
    let query = &call.query;
    let mut at = call.state.browse.open(call.audience).await?;
    let tenant = at.tenant(slug.0).await?;
    let after = match query.parsed::<Uuid>("cursor", "`next` of a page of this list")? {
        Some(id) => Some(channel_cursor(&mut at, &tenant, id, false).await?),
        None => None,
    };
    let page = at.channel_page(&tenant, ChannelFilter::default(), after.as_ref(), MAX_TREE).await?;
    Ok(html_of(&tenant, pages::tenant(&call.state.public_url, &tenant, &page, index(query))))
}

pub(super) async fn channel(
    call: &Call<'_>,
    slug: TenantRef<'_>,
    ChannelRef(channel): ChannelRef<'_>,
) -> Result<Response, ApiError> {
    let query = &call.query;
    let mut at = call.state.browse.open(call.audience).await?;
    let tenant = at.tenant(slug.0).await?;
    let view = at.channel(&tenant, channel).await?;
    if view.channel.slug.as_str() != channel {
        return Ok(moved(&channel_path(&tenant, &view.channel)));
    }
    let channels = at.channels(&tenant).await?;
    let now = call.state.clock.now();
    let frame =
        pages::Frame { public_url: &call.state.public_url, tenant: &tenant, channels: &channels, now: Some(now) };
    if view.channel.kind.is_forum() {
        let order = match query.get("sort") {
            None | Some("activity") => ThreadOrder::Activity,
            Some("created") => ThreadOrder::Created,
            Some(_) => return Err(ApiError::bad_value("sort", "expected activity or created")),
        };
        let cursor = query.get("cursor").map(thread_cursor).transpose()?;
        let filter = Threads { order, archived: None };
        let page = at.threads(&view, filter, cursor, LIST).await?;
        let emojis = at.tag_emojis(tenant.id, &view.channel.tags).await?;
        return Ok(html_of(&tenant, pages::forum(&frame, &view, &page, &emojis, order, index(query))));
    }
    let find = find(query)?;
    let page = at.messages(&view, find, PAGE).await?;
    let context = at.page_context(&tenant, &view, &page).await?;
    Ok(html_of(&tenant, pages::channel(&frame, &view, &page, context, None, index(query))))
}

pub(super) async fn message(
    call: &Call<'_>,
    slug: TenantRef<'_>,
    ChannelRef(channel): ChannelRef<'_>,
    id: MessageId,
) -> Result<Response, ApiError> {
    let mut at = call.state.browse.open(call.audience).await?;
    let tenant = at.tenant(slug.0).await?;
    let place = at.channel(&tenant, channel).await?;
    let found = match at.message(&tenant, id, Some(channel)).await {
        Ok(found) => found,
        Err(app_core::browse::BrowseError::NotFound(_)) => {
            let found = at.message(&tenant, id, None).await?;
            return Ok(moved(&message_path(&tenant, &found.channel.channel, id)));
        }
        Err(error) => return Err(error.into()),
    };
    if place.channel.slug.as_str() != channel {
        return Ok(moved(&message_path(&tenant, &found.channel.channel, id)));
    }
    let channels = at.channels(&tenant).await?;
    let now = call.state.clock.now();
    let frame =
        pages::Frame { public_url: &call.state.public_url, tenant: &tenant, channels: &channels, now: Some(now) };
    let page = at.messages(&place, Find::Around(id), PAGE).await?;
    let context = at.page_context(&tenant, &place, &page).await?;
    let target = &found.entry.message;
    let index = if at.is_among_newest(&place, &page, target.id, PAGE).await? { Index::AsChannel } else { Index::Own };
    Ok(html_of(&tenant, pages::channel(&frame, &place, &page, context, Some(target), index)))
}
