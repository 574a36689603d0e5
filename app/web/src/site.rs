//! The pages of the site.

use app_core::browse::{Audience, ChannelFilter, Find, MAX_TREE, Threads};
use http::{StatusCode, header};

use super::Site;
use super::answer::{Answer, html, html_of, moved, with_type};
use super::error::ApiError;
use super::public::{channel_cursor, find, thread_cursor};
use super::query::Query;
use crate::address::{channel_path, message_path};
use crate::html::{self as pages, Index};

use domain::message::MessageId;
use ports::channel::ThreadOrder;
use uuid::Uuid;

/// The number of messages of a page.
const PAGE: u32 = 50;
/// The number of communities and posts of a page.
const LIST: u32 = 50;

pub(super) fn asset(file: &str) -> Result<Answer, ApiError> {
    let answer = match file {
        "site.css" => with_type(StatusCode::OK, "text/css; charset=utf-8", pages::STYLE),
        "favicon.svg" | "favicon.ico" => with_type(StatusCode::OK, "image/svg+xml", pages::ICON),
        "robots.txt" => with_type(StatusCode::OK, "text/plain; charset=utf-8", "User-agent: *\nAllow: /\n"),
        _ => return Err(ApiError::not_found("there is no such file")),
    };
    Ok(kept(answer))
}

/// Returns the style sheet with the colours of a tenant.
pub(super) async fn theme(site: &Site, tenant: &str, audience: Audience) -> Result<Answer, ApiError> {
    let tenant = site.browse.open(audience).await?.tenant(tenant).await?;
    Ok(kept(with_type(StatusCode::OK, "text/css; charset=utf-8", pages::theme(&tenant.branding))))
}

/// Lets browsers cache a file for a while without revalidation.
fn kept(mut answer: Answer) -> Answer {
    let keep = header::HeaderValue::from_static("public, max-age=300");
    answer.headers_mut().insert(header::CACHE_CONTROL, keep);
    answer
}

pub(super) async fn home(site: &Site, raw: Option<&str>) -> Result<Answer, ApiError> {
    let query = Query::of_page(raw, &["cursor"])?;
    let wrong = || ApiError::bad_value("cursor", "expected a cursor that this list gave");
    let after = query.get("cursor").map(|slug| domain::slug::TenantSlug::new(slug).map_err(|_| wrong())).transpose()?;
    let (tenants, next) = site.browse.open(Audience::Public).await?.tenants(after, LIST).await?;
    let next = next.map(|slug| slug.to_string());
    Ok(html(StatusCode::OK, pages::home(&tenants, next.as_deref(), index(&query))))
}

/// Returns whether search engines may index a page: one with a cursor or an order is one of many views of the same
/// content.
fn index(query: &Query) -> Index {
    if query.is_empty() { Index::Own } else { Index::No }
}

pub(super) async fn tenant(site: &Site, slug: &str, raw: Option<&str>) -> Result<Answer, ApiError> {
    let query = Query::of_page(raw, &["cursor"])?;
    let mut at = site.browse.open(Audience::Public).await?;
    let tenant = at.tenant(slug).await?;
    let after = match query.parsed::<Uuid>("cursor", "a cursor that this list gave")? {
        Some(id) => Some(channel_cursor(&mut at, &tenant, id, false).await?),
        None => None,
    };
    let page = at.channel_page(&tenant, ChannelFilter::default(), after.as_ref(), MAX_TREE).await?;
    Ok(html_of(&tenant, pages::tenant(&site.public_url, &tenant, &page, index(&query))))
}

pub(super) async fn channel(site: &Site, slug: &str, channel: &str, raw: Option<&str>) -> Result<Answer, ApiError> {
    let query = Query::of_page(raw, &["before", "after", "sort", "cursor"])?;
    let mut at = site.browse.open(Audience::Public).await?;
    let tenant = at.tenant(slug).await?;
    let view = at.channel(&tenant, channel).await?;
    if view.channel.slug.as_str() != channel {
        return Ok(moved(&channel_path(&tenant, &view.channel)));
    }
    let channels = at.channels(&tenant).await?;
    let now = site.clock.now();
    let frame = pages::Frame { public_url: &site.public_url, tenant: &tenant, channels: &channels, now: Some(now) };
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
        return Ok(html_of(&tenant, pages::forum(&frame, &view, &page, &emojis, order, index(&query))));
    }
    let find = find(&query)?;
    let page = at.messages(&view, find, PAGE).await?;
    let context = at.page_context(&tenant, &view, &page).await?;
    Ok(html_of(&tenant, pages::channel(&frame, &view, &page, context, None, index(&query))))
}

pub(super) async fn message(site: &Site, slug: &str, channel: &str, message: &str) -> Result<Answer, ApiError> {
    let id: MessageId = message.parse().map_err(|_| ApiError::not_found("there is no such message"))?;
    let mut at = site.browse.open(Audience::Public).await?;
    let tenant = at.tenant(slug).await?;
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
    let now = site.clock.now();
    let frame = pages::Frame { public_url: &site.public_url, tenant: &tenant, channels: &channels, now: Some(now) };
    let page = at.messages(&place, Find::Around(id), PAGE).await?;
    let context = at.page_context(&tenant, &place, &page).await?;
    let target = &found.entry.message;
    let index = if at.is_among_newest(&place, &page, target.id, PAGE).await? { Index::AsChannel } else { Index::Own };
    Ok(html_of(&tenant, pages::channel(&frame, &place, &page, context, Some(target), index)))
}
