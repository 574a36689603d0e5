//! The public API, as JSON.

use domain::channel::ChannelKind;
use domain::message::MessageId;
use domain::timestamp::Timestamp;
use http::StatusCode;
use ports::channel::{ThreadCursor, ThreadOrder};
use uuid::Uuid;

use super::Site;
use super::answer::{Answer, json};
use super::error::ApiError;
use super::query::Query;
use crate::browse::{After, Audience, BrowseError, ChannelView, Find, MAX_PAGE_BYTES, Threads};
use crate::wire::{ChannelBody, CoverageBody, ListBody, MessageBody, MessagesBody, TenantBody, ThreadBody, as_sent};

pub(super) async fn tenant(site: &Site, audience: Audience, slug: &str) -> Result<Answer, ApiError> {
    let mut at = site.browse.open(audience).await?;
    let tenant = at.tenant(slug).await?;
    Ok(json(StatusCode::OK, &TenantBody::new(&tenant, at.audience())))
}

/// The number of batches of 100 threads that are searched for one page, so that a filter with few matches costs no
/// more.
const THREAD_ROUNDS: u32 = 10;

/// Returns the channels in tree order; with `parent` those below it, its threads last, the oldest first.
pub(super) async fn channels(
    site: &Site,
    audience: Audience,
    slug: &str,
    raw: Option<&str>,
) -> Result<Answer, ApiError> {
    let query = Query::parse(raw, &["type", "parent", "limit", "cursor"])?;
    let kind: Option<i32> = query.parsed("type", "a number of Discord's channel types")?;
    let (limit, cursor) = (query.limit()?, query.parsed::<Uuid>("cursor", "a cursor that this list gave")?);
    let mut at = site.browse.open(audience).await?;
    let tenant = at.tenant(slug).await?;
    let mut channels = at.channels(&tenant).await?;
    let mut next_thread = None;
    let parent = match query.get("parent") {
        Some(reference) => Some(at.channel(&tenant, reference).await?),
        None => None,
    };
    let mut thread_cursor = None;
    if let Some(parent) = &parent {
        channels.retain(|view| view.channel.parent_id == Some(parent.channel.id));
    }
    let mut start = 0;
    if let Some(id) = cursor {
        if let Some(index) = channels.iter().position(|view| view.channel.id.0 == id) {
            start = index + 1;
        } else {
            let known = match at.channel(&tenant, &id.to_string()).await {
                Err(BrowseError::NotFound(_)) => None,
                found => Some(found?),
            };
            let known = known.filter(|view| parent.is_some() && view.channel.kind.is_thread());
            let known = known.ok_or_else(|| ApiError::bad_value("cursor", "expected a cursor that this list gave"))?;
            start = channels.len();
            thread_cursor = Some(cursor_of(&known));
        }
    }
    let wanted = |view: &ChannelView| kind.is_none_or(|kind| view.channel.kind == ChannelKind(kind));
    let mut items: Vec<ChannelView> = channels.into_iter().skip(start).filter(wanted).collect();
    let no_threads = kind.is_some_and(|kind| !ChannelKind(kind).is_thread());
    if let Some(parent) = parent.filter(|_| items.len() <= limit as usize && !no_threads) {
        let filter = Threads { order: ThreadOrder::Oldest, archived: None };
        let mut after = thread_cursor;
        for round in 1..=THREAD_ROUNDS {
            let (threads, next) = at.bare_threads(&parent, filter, after, 100).await?;
            let last = threads.last().map(|view| view.channel.id.to_string());
            items.extend(threads.into_iter().filter(wanted));
            after = next;
            if after.is_none() || items.len() > limit as usize {
                break;
            }
            if round == THREAD_ROUNDS {
                next_thread = last;
            }
        }
    }
    if items.len() > limit as usize {
        items.truncate(limit as usize);
        next_thread = items.last().map(|view| view.channel.id.to_string());
    }
    Ok(json(StatusCode::OK, &ListBody { items: items.iter().map(ChannelBody::new).collect(), next: next_thread }))
}

fn cursor_of(view: &ChannelView) -> ThreadCursor {
    let channel = &view.channel;
    ThreadCursor {
        active_at: channel.stats.last_activity_at.unwrap_or_else(|| channel.created_at()),
        platform_id: channel.platform_id,
    }
}

pub(super) async fn channel(site: &Site, audience: Audience, slug: &str, channel: &str) -> Result<Answer, ApiError> {
    let mut at = site.browse.open(audience).await?;
    let tenant = at.tenant(slug).await?;
    let view = at.channel(&tenant, channel).await?;
    Ok(json(StatusCode::OK, &ChannelBody::new(&view)))
}

pub(super) async fn messages(
    site: &Site,
    audience: Audience,
    slug: &str,
    channel: &str,
    raw: Option<&str>,
) -> Result<Answer, ApiError> {
    let query = Query::parse(raw, &["before", "after", "around", "at", "limit"])?;
    let (find, limit) = (find(&query)?, query.limit()?);
    let mut at = site.browse.open(audience).await?;
    let tenant = at.tenant(slug).await?;
    let view = at.channel(&tenant, channel).await?;
    let page = at.messages(&view, find, limit).await?;
    Ok(json(StatusCode::OK, &MessagesBody::new(&tenant, &view.channel, &page)))
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
    site: &Site,
    audience: Audience,
    slug: &str,
    channel: &str,
    raw: Option<&str>,
) -> Result<Answer, ApiError> {
    let query = Query::parse(raw, &["sort", "archived", "limit", "cursor"])?;
    let order = match query.get("sort") {
        None | Some("activity") => ThreadOrder::Activity,
        Some("created") => ThreadOrder::Created,
        Some(_) => return Err(ApiError::bad_value("sort", "expected activity or created")),
    };
    let archived = query.parsed("archived", "true or false")?;
    let (limit, cursor) = (query.limit()?, query.get("cursor").map(thread_cursor).transpose()?);
    let mut at = site.browse.open(audience).await?;
    let tenant = at.tenant(slug).await?;
    let view = at.channel(&tenant, channel).await?;
    let filter = Threads { order, archived };
    let page = at.threads(&view, filter, cursor, limit).await?;
    let (mut items, mut next, mut room) = (Vec::new(), page.next, MAX_PAGE_BYTES);
    for thread in &page.threads {
        let item = as_sent(&ThreadBody::new(&tenant, thread, &page.roles, &page.files));
        let last = items.len().checked_sub(1).map(|last| &page.threads[last].thread);
        if let Some(last) = last.filter(|_| item.get().len() > room) {
            next = Some(cursor_of(last));
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
    parse().ok_or_else(|| ApiError::bad_value("cursor", "expected a cursor that this list gave"))
}

pub(super) async fn message(
    site: &Site,
    audience: Audience,
    slug: &str,
    id: &str,
    raw: Option<&str>,
) -> Result<Answer, ApiError> {
    let query = Query::parse(raw, &["channel"])?;
    let id: MessageId = id.parse().map_err(|_| ApiError::not_found("there is no such message"))?;
    let mut at = site.browse.open(audience).await?;
    let tenant = at.tenant(slug).await?;
    let view = at.message(&tenant, id, query.get("channel")).await?;
    Ok(json(StatusCode::OK, &MessageBody::of_view(&tenant, &view)))
}

pub(super) async fn coverage(
    site: &Site,
    audience: Audience,
    slug: &str,
    raw: Option<&str>,
) -> Result<Answer, ApiError> {
    let query = Query::parse(raw, &["limit", "cursor"])?;
    let (limit, cursor) = (query.limit()?, query.parsed::<Uuid>("cursor", "a cursor that this list gave")?);
    let mut at = site.browse.open(audience).await?;
    let tenant = at.tenant(slug).await?;
    let (held, next) = at.coverage(&tenant, cursor, limit).await?;
    let items: Vec<CoverageBody<'_>> = held.iter().map(Into::into).collect();
    Ok(json(StatusCode::OK, &ListBody { items, next: next.map(|id| id.to_string()) }))
}
