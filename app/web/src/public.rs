//! The public API, as JSON.

use app_core::browse::{After, BrowseError, ChannelFilter, ChannelView, Find, MAX_PAGE_BYTES, Reading, Threads};
use domain::channel::ChannelKind;
use domain::day::Month;
use domain::message::MessageId;
use domain::tenant::Tenant;
use domain::timestamp::Timestamp;
use http::StatusCode;
use ports::channel::{ThreadCursor, ThreadOrder};
use uuid::Uuid;

use super::call::Call;
use super::capture::{ChannelRef, TenantRef};
use super::error::ApiError;
use super::query::Query;
use super::response::{Response, json, with_type};
use crate::address::Base;
use crate::wire::{
    ChannelBody, CoverageBody, DayBody, ListBody, MessageBody, MonthBody, TenantBody, ThreadBody, as_sent,
    messages_json,
};

/// The `OpenAPI` document.
const OPENAPI: &str = include_str!("../openapi.yaml");

pub(super) async fn document(_: &Call<'_>) -> Result<Response, ApiError> {
    Ok(with_type(StatusCode::OK, "application/yaml", OPENAPI))
}

pub(super) async fn tenant(call: &Call<'_>, slug: TenantRef<'_>) -> Result<Response, ApiError> {
    let mut at = call.state.browse.open(call.audience).await;
    let tenant = at.tenant(slug.0).await?;
    Ok(json(StatusCode::OK, &TenantBody::new(&tenant, at.audience())))
}

/// Returns the channels in tree order; with `parent` those below it, its threads last, the oldest first.
pub(super) async fn channels(call: &Call<'_>, slug: TenantRef<'_>) -> Result<Response, ApiError> {
    let query = &call.query;
    let kind: Option<i32> = query.parsed("type", "a number of Discord's channel types")?;
    let (limit, cursor) = (query.limit()?, query.parsed::<Uuid>("cursor", "`next` of a page of this list")?);
    let mut at = call.state.browse.open(call.audience).await;
    let tenant = at.tenant(slug.0).await?;
    let parent = match query.get("parent") {
        Some(reference) => Some(at.channel(&tenant, reference).await?),
        None => None,
    };
    let after = match cursor {
        Some(id) => Some(channel_cursor(&mut at, &tenant, id, parent.is_some()).await?),
        None => None,
    };
    let filter = ChannelFilter { parent: parent.as_ref(), kind: kind.map(ChannelKind) };
    let page = at.channel_page(&tenant, filter, after.as_ref(), limit as usize).await?;
    let items = page.channels.iter().map(ChannelBody::new).collect();
    Ok(json(StatusCode::OK, &ListBody { items, next: page.next.map(|id| id.to_string()) }))
}

/// Returns the channel that a cursor of a list of channels names: a thread only with `parent`.
pub(super) async fn channel_cursor(
    at: &mut Reading,
    tenant: &Tenant,
    id: Uuid,
    with_threads: bool,
) -> Result<ChannelView, ApiError> {
    let found = match at.channel(tenant, &id.to_string()).await {
        Err(BrowseError::NotFound(_)) => None,
        found => Some(found?),
    };
    let found = found.filter(|view| with_threads || !view.channel.kind.is_thread());
    found.ok_or_else(|| ApiError::bad_value("cursor", "expected `next` of a page of this list"))
}

pub(super) async fn channel(
    call: &Call<'_>,
    slug: TenantRef<'_>,
    channel: ChannelRef<'_>,
) -> Result<Response, ApiError> {
    let mut at = call.state.browse.open(call.audience).await;
    let tenant = at.tenant(slug.0).await?;
    let view = at.counted_channel(&tenant, channel.0).await?;
    Ok(json(StatusCode::OK, &ChannelBody::new(&view)))
}

pub(super) async fn messages(
    call: &Call<'_>,
    slug: TenantRef<'_>,
    channel: ChannelRef<'_>,
) -> Result<Response, ApiError> {
    let query = &call.query;
    let (find, limit) = (find(query)?, query.limit()?);
    let mut at = call.state.browse.open(call.audience).await;
    let tenant = at.tenant(slug.0).await?;
    let view = at.channel(&tenant, channel.0).await?;
    let page = at.messages(&view, find, limit).await?;
    Ok(with_type(StatusCode::OK, "application/json", messages_json(&tenant, &view.channel, &page)))
}

/// Parses the page that a query requests: at most one of `before`, `after`, `around` and `at`.
pub(super) fn find(query: &Query) -> Result<Find, ApiError> {
    let given: Vec<&str> =
        ["before", "after", "around", "at"].into_iter().filter(|name| query.get(name).is_some()).collect();
    match given[..] {
        [] => Ok(Find::Newest),
        ["after"] if query.get("after") == Some("0") => Ok(Find::After(After::Start)),
        ["at"] => moment(query).map(Find::At),
        [name] => {
            let id: Option<MessageId> = query.parsed(name, "a message id")?;
            let id = id.ok_or_else(|| ApiError::bad_value(name, "expected a message id"))?;
            Ok(match name {
                "before" => Find::Before(id),
                "after" => Find::After(After::Message(id)),
                _ => Find::Around(id),
            })
        }
        [_, second, ..] => Err(ApiError::bad_value(second, "at most one of before, after, around and at")),
    }
}

fn moment(query: &Query) -> Result<Timestamp, ApiError> {
    let text = query.get("at").unwrap_or_default();
    let seconds = text.parse::<i64>().ok().and_then(|seconds| seconds.checked_mul(1000));
    seconds
        .and_then(Timestamp::from_millis)
        .or_else(|| text.parse().ok())
        .ok_or_else(|| ApiError::bad_value("at", "expected an RFC 3339 time or Unix seconds"))
}

pub(super) async fn threads(
    call: &Call<'_>,
    slug: TenantRef<'_>,
    channel: ChannelRef<'_>,
) -> Result<Response, ApiError> {
    let query = &call.query;
    let order = match query.get("sort") {
        None | Some("activity") => ThreadOrder::Activity,
        Some("created") => ThreadOrder::Created,
        Some(_) => return Err(ApiError::bad_value("sort", "expected activity or created")),
    };
    let archived = query.parsed("archived", "true or false")?;
    let (limit, cursor) = (query.limit()?, query.get("cursor").map(thread_cursor).transpose()?);
    let mut at = call.state.browse.open(call.audience).await;
    let tenant = at.tenant(slug.0).await?;
    let view = at.channel(&tenant, channel.0).await?;
    let filter = Threads { order, archived, tag: None };
    let page = at.threads(&view, filter, cursor, limit).await?;
    let (mut items, mut next, mut room) = (Vec::new(), page.next, MAX_PAGE_BYTES);
    for thread in &page.threads {
        let item = as_sent(&ThreadBody::new(&tenant, thread, &page.roles, &page.files));
        let last = items.len().checked_sub(1).map(|last| &page.threads[last].thread);
        if let Some(last) = last.filter(|_| item.get().len() > room) {
            next = Some(ThreadCursor::from(&last.channel));
            break;
        }
        room = room.saturating_sub(item.get().len());
        items.push(item);
    }
    let next = next.map(|next| format!("{}-{}", next.active_at.as_millis(), next.platform_id));
    Ok(json(StatusCode::OK, &ListBody { items, next }))
}

/// Parses the cursor of a list of threads: the time of the last one's newest message, and its platform id.
pub(super) fn thread_cursor(text: &str) -> Result<ThreadCursor, ApiError> {
    let parse = || {
        let (millis, id) = text.rsplit_once('-')?;
        Some(ThreadCursor { active_at: Timestamp::from_millis(millis.parse().ok()?)?, platform_id: id.parse().ok()? })
    };
    parse().ok_or_else(|| ApiError::bad_value("cursor", "expected `next` of a page of this list"))
}

/// Returns the days of a month with messages, or without `month` the months.
pub(super) async fn days(call: &Call<'_>, slug: TenantRef<'_>, channel: ChannelRef<'_>) -> Result<Response, ApiError> {
    let month: Option<Month> = call.query.parsed("month", "a month such as 2026-03")?;
    let mut at = call.state.browse.open(call.audience).await;
    let tenant = at.tenant(slug.0).await?;
    let view = at.channel(&tenant, channel.0).await?;
    if let Some(month) = month {
        let path = Base::of_api(&tenant).channel(&view.channel);
        let days = at.days(&view, month).await?;
        let items = days.iter().map(|stats| DayBody::new(&path, stats)).collect();
        return Ok(json(StatusCode::OK, &ListBody { items, next: None }));
    }
    let months = at.months(&view).await?;
    let items = months.into_iter().map(|(first, messages)| MonthBody::new(first.month(), messages)).collect();
    Ok(json(StatusCode::OK, &ListBody { items, next: None }))
}

pub(super) async fn message(call: &Call<'_>, slug: TenantRef<'_>, id: MessageId) -> Result<Response, ApiError> {
    let query = &call.query;
    let mut at = call.state.browse.open(call.audience).await;
    let tenant = at.tenant(slug.0).await?;
    let view = at.message(&tenant, id, query.get("channel")).await?;
    Ok(json(StatusCode::OK, &MessageBody::of_view(&tenant, &view)))
}

pub(super) async fn coverage(call: &Call<'_>, slug: TenantRef<'_>) -> Result<Response, ApiError> {
    let query = &call.query;
    let (limit, cursor) = (query.limit()?, query.parsed::<Uuid>("cursor", "`next` of a page of this list")?);
    let mut at = call.state.browse.open(call.audience).await;
    let tenant = at.tenant(slug.0).await?;
    let (held, next) = at.coverage(&tenant, cursor, limit).await?;
    let items: Vec<CoverageBody<'_>> = held.iter().map(Into::into).collect();
    Ok(json(StatusCode::OK, &ListBody { items, next: next.map(|id| id.to_string()) }))
}
