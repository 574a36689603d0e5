//! The two searches.

use std::cmp::Reverse;

use http::StatusCode;
use serde_json::{Value, json};

use super::channels::viewable;
use super::guild::check;
use super::threads::listing;
use super::{ApiError, Call};
use crate::channel::{Channel, kind};
use crate::moment::ms_of;
use crate::world::Cursor;

const MAX_OFFSET: usize = 9975;

/// Returns the response of search while it has no index.
fn not_ready() -> (StatusCode, Value) {
    let body = json!({"message": "Index not yet available. Try again later", "code": 110_000, "documents_indexed": 0,
                      "retry_after": 2});
    (StatusCode::ACCEPTED, body)
}

/// `GET /channels/{c}/threads/search`
pub(super) fn threads(call: &Call<'_>, id: u64) -> Result<(StatusCode, Value), ApiError> {
    let parent = viewable(call, id)?;
    if !matches!(parent.kind, kind::TEXT | kind::ANNOUNCEMENT | kind::FORUM | kind::MEDIA) {
        return Err(ApiError::wrong_channel_type());
    }
    let limit = call.query.number("limit", 25, 1, 25)?;
    let offset = call.query.number("offset", 0, 0, MAX_OFFSET)?;
    let (min, max) = (call.query.id("min_id")?.unwrap_or(0), call.query.id("max_id")?.unwrap_or(u64::MAX));
    let archived = call.query.flag("archived");
    let sort = call.query.text("sort_by").unwrap_or("last_message_time");
    if !call.index_ready {
        return Ok(not_ready());
    }
    let mut found: Vec<&Channel> = call
        .world
        .threads_of(id)
        .filter(|thread| thread.id > min && thread.id < max && call.world.is_viewable(thread))
        .filter(|thread| archived.is_none_or(|wanted| thread.thread.as_ref().is_some_and(|t| t.archived == wanted)))
        .collect();
    found.sort_by_cached_key(|thread| {
        let key = match sort {
            "archive_time" => thread.thread.as_ref().map_or(0, |t| t.archive_us),
            "last_message_time" => call.world.facts(thread).last_id.map_or(0, ms_of),
            _ => thread.id,
        };
        Reverse((key, thread.id))
    });
    if call.query.text("sort_order") == Some("asc") {
        found.reverse();
    }
    let page: Vec<&Channel> = found.iter().skip(offset).take(limit).copied().collect();
    let mut body = listing(call.world, &page, found.len() > offset + limit);
    body["total_results"] = json!(found.len());
    Ok((StatusCode::OK, body))
}

/// `GET /guilds/{g}/messages/search`: newest first, without reactions.
pub(super) fn messages(call: &Call<'_>, id: u64) -> Result<(StatusCode, Value), ApiError> {
    check(call, id)?;
    let world = call.world;
    let limit = call.query.number("limit", 25, 1, 25)?;
    let offset = call.query.number("offset", 0, 0, MAX_OFFSET)?;
    let (min, max) = (call.query.id("min_id")?.unwrap_or(0), call.query.id("max_id")?.unwrap_or(u64::MAX));
    let wanted: Vec<u64> = call.query.all("channel_id").filter_map(|text| text.parse().ok()).collect();
    let nsfw = call.query.flag("include_nsfw") == Some(true);
    if !call.index_ready {
        return Ok(not_ready());
    }
    let mut total = 0;
    let mut found: Vec<(u64, &Channel)> = Vec::new();
    let channels = world.channels.values().filter(|channel| {
        (wanted.is_empty() || wanted.contains(&channel.id))
            && (nsfw || !channel.nsfw)
            && world.unreadable(channel).is_none()
    });
    for channel in channels {
        total += channel.line.rank(max).saturating_sub(channel.line.rank(min.saturating_add(1)));
        let newest = world.page(channel, Cursor::Before(max), offset + limit);
        found.extend(newest.into_iter().filter(|id| *id > min).map(|id| (id, channel)));
    }
    found.sort_unstable_by_key(|(id, _)| Reverse(*id));
    let hits: Vec<Value> = found
        .into_iter()
        .skip(offset)
        .take(limit)
        .filter_map(|(id, channel)| Some(world.show(channel, &world.find(channel, id)?, call.now_ms)))
        .map(|mut message| {
            if let Some(object) = message.as_object_mut() {
                object.remove("reactions");
                object.insert("hit".to_owned(), json!(true));
            }
            json!([message])
        })
        .collect();
    let body = json!({"messages": hits, "doing_deep_historical_index": false, "total_results": total});
    Ok((StatusCode::OK, body))
}
