//! Messages and pins.

use serde_json::{Value, json};

use super::channels::viewable;
use super::{ApiError, Call};
use crate::channel::Channel;
use crate::moment::{iso, ms_of};
use crate::permission::{CONNECT, READ_MESSAGE_HISTORY};
use crate::world::Cursor;

/// Returns the channel, if it has messages, and whether the bot may read its history.
fn readable<'a>(call: &Call<'a>, id: u64) -> Result<(&'a Channel, bool), ApiError> {
    let channel = viewable(call, id)?;
    if !channel.holds_messages() {
        return Err(ApiError::wrong_channel_type());
    }
    let rights = call.world.rights(channel);
    if channel.is_voice() && rights & CONNECT == 0 {
        return Err(ApiError::no_access());
    }
    Ok((channel, rights & READ_MESSAGE_HISTORY != 0))
}

/// `GET /channels/{c}/messages`: newest first, for every cursor. Without the right to read history it is empty.
pub(super) fn page(call: &Call<'_>, id: u64) -> Result<Value, ApiError> {
    let limit = call.query.number("limit", 50, 1, 100)?;
    let cursors = [
        call.query.id("before")?.map(Cursor::Before),
        call.query.id("after")?.map(Cursor::After),
        call.query.id("around")?.map(Cursor::Around),
    ];
    let mut given = cursors.into_iter().flatten();
    let cursor = given.next().unwrap_or(Cursor::Before(u64::MAX));
    if given.next().is_some() {
        let words = "before, after and around are mutually exclusive.";
        return Err(ApiError::invalid("before", "MUTUALLY_EXCLUSIVE", words));
    }
    let (channel, history) = readable(call, id)?;
    if !history {
        return Ok(json!([]));
    }
    let mut ids = call.world.page(channel, cursor, limit);
    swap_ties(&mut ids);
    let stored = ids.into_iter().filter_map(|id| call.world.find(channel, id));
    Ok(stored.map(|stored| call.world.show(channel, &stored, call.now_ms)).collect())
}

/// Messages of one millisecond are not listed in the order of their ids.
fn swap_ties(ids: &mut [u64]) {
    let mut at = 1;
    while at < ids.len() {
        if ms_of(ids[at - 1]) == ms_of(ids[at]) {
            ids.swap(at - 1, at);
            at += 1;
        }
        at += 1;
    }
}

/// `GET /channels/{c}/messages/{m}`
pub(super) fn one(call: &Call<'_>, id: u64, message: u64) -> Result<Value, ApiError> {
    let (channel, history) = readable(call, id)?;
    if !history {
        return Err(ApiError::no_access());
    }
    let stored = call.world.find(channel, message).ok_or_else(ApiError::unknown_message)?;
    Ok(call.world.show(channel, &stored, call.now_ms))
}

/// `GET /channels/{c}/messages/pins`: newest pin first, paged by the time of pinning.
pub(super) fn pins(call: &Call<'_>, id: u64) -> Result<Value, ApiError> {
    let limit = call.query.number("limit", 50, 1, 50)?;
    let before = call.query.moment("before")?.unwrap_or(u64::MAX);
    let (channel, history) = readable(call, id)?;
    if !history {
        return Ok(json!({"items": [], "has_more": false}));
    }
    let pins = call.world.pins(channel).into_iter().filter(|(ms, _)| ms * 1000 < before);
    let mut pins = pins.peekable();
    let mut items = Vec::new();
    while items.len() < limit
        && let Some((ms, message)) = pins.next()
    {
        if let Some(stored) = call.world.find(channel, message) {
            let message = call.world.show(channel, &stored, call.now_ms);
            items.push(json!({"pinned_at": iso(ms * 1000), "message": message}));
        }
    }
    Ok(json!({"items": items, "has_more": pins.peek().is_some()}))
}

/// `GET /channels/{c}/pins`, the older route: at most fifty messages.
pub(super) fn old_pins(call: &Call<'_>, id: u64) -> Result<Value, ApiError> {
    let (channel, history) = readable(call, id)?;
    if !history {
        return Ok(json!([]));
    }
    let pins = call.world.pins(channel).into_iter().take(50);
    let stored = pins.filter_map(|(_, message)| call.world.find(channel, message));
    Ok(stored.map(|stored| call.world.show(channel, &stored, call.now_ms)).collect())
}
