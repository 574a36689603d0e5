//! Lists of threads.

use std::cmp::Reverse;

use serde_json::{Value, json};

use super::channels::{object, viewable};
use super::guild::check;
use super::{ApiError, Call};
use crate::channel::{Channel, kind};
use crate::permission::{MANAGE_THREADS, READ_MESSAGE_HISTORY};
use crate::world::{GUILD_MEMBERS_LIMITED, World};

/// `{threads, members, has_more}`
pub(super) fn listing(world: &World, threads: &[&Channel], has_more: bool) -> Value {
    let members: Vec<Value> = threads.iter().filter_map(|thread| thread.membership(world.bot.id)).collect();
    let threads: Vec<Value> = threads.iter().map(|thread| object(world, thread)).collect();
    json!({"threads": threads, "members": members, "has_more": has_more})
}

/// `GET /guilds/{g}/threads/active`: newest first, all at once.
pub(super) fn active(call: &Call<'_>, id: u64) -> Result<Value, ApiError> {
    check(call, id)?;
    let shown = call.world.channels.values().rev().filter(|channel| {
        channel.thread.as_ref().is_some_and(|thread| !thread.archived) && call.world.is_viewable(channel)
    });
    Ok(listing(call.world, &shown.collect::<Vec<_>>(), false))
}

/// Returns the parent, if it has threads and the bot may read their history.
fn parent<'a>(call: &Call<'a>, id: u64) -> Result<&'a Channel, ApiError> {
    let channel = viewable(call, id)?;
    if !matches!(channel.kind, kind::TEXT | kind::ANNOUNCEMENT | kind::FORUM | kind::MEDIA) {
        return Err(ApiError::wrong_channel_type());
    }
    if call.world.rights(channel) & READ_MESSAGE_HISTORY == 0 {
        return Err(ApiError::no_access());
    }
    Ok(channel)
}

/// Returns one page of archived threads, latest archived first, strictly before the given time.
fn by_archive_time(call: &Call<'_>, parent: &Channel, private: bool) -> Result<Value, ApiError> {
    let limit = call.query.number("limit", 50, 2, 100)?;
    let before = call.query.moment("before")?.unwrap_or(u64::MAX);
    let mut found: Vec<(u64, u64, &Channel)> = call
        .world
        .threads_of(parent.id)
        .filter(|channel| (channel.kind == kind::PRIVATE_THREAD) == private)
        .filter_map(|channel| Some((channel.thread.as_ref()?, channel)))
        .filter(|(thread, _)| thread.archived && thread.archive_us < before)
        .map(|(thread, channel)| (thread.archive_us, channel.id, channel))
        .collect();
    found.sort_unstable_by_key(|(us, id, _)| Reverse((*us, *id)));
    let page: Vec<&Channel> = found.iter().take(limit).map(|(_, _, channel)| *channel).collect();
    Ok(listing(call.world, &page, found.len() > limit))
}

/// `GET /channels/{c}/threads/archived/public`
pub(super) fn archived_public(call: &Call<'_>, id: u64) -> Result<Value, ApiError> {
    by_archive_time(call, parent(call, id)?, false)
}

/// `GET /channels/{c}/threads/archived/private`
pub(super) fn archived_private(call: &Call<'_>, id: u64) -> Result<Value, ApiError> {
    let parent = parent(call, id)?;
    if call.world.rights(parent) & MANAGE_THREADS == 0 {
        return Err(ApiError::no_permission());
    }
    by_archive_time(call, parent, true)
}

/// `GET /channels/{c}/users/@me/threads/archived/private`: the threads that the bot joined, by id.
pub(super) fn archived_joined(call: &Call<'_>, id: u64) -> Result<Value, ApiError> {
    let parent = parent(call, id)?;
    let limit = call.query.number("limit", 50, 2, 100)?;
    let before = call.query.id("before")?.unwrap_or(u64::MAX);
    let mut found: Vec<&Channel> = call
        .world
        .threads_of(parent.id)
        .filter(|channel| channel.kind == kind::PRIVATE_THREAD && channel.id < before)
        .filter(|channel| channel.thread.as_ref().is_some_and(|t| t.archived && t.members.contains(&call.world.bot.id)))
        .collect();
    found.sort_unstable_by_key(|channel| Reverse(channel.id));
    let has_more = found.len() > limit;
    found.truncate(limit);
    Ok(listing(call.world, &found, has_more))
}

/// `GET /channels/{t}/thread-members`
pub(super) fn members(call: &Call<'_>, id: u64) -> Result<Value, ApiError> {
    let channel = viewable(call, id)?;
    if call.world.bot.flags & (GUILD_MEMBERS_LIMITED | GUILD_MEMBERS_LIMITED >> 1) == 0 {
        return Err(ApiError::no_access());
    }
    let thread = channel.thread.as_ref().ok_or_else(ApiError::wrong_channel_type)?;
    let limit = call.query.number("limit", 100, 1, 100)?;
    let after = call.query.id("after")?.unwrap_or(0);
    let ids = thread.members.range(after.saturating_add(1)..).take(limit);
    Ok(ids.filter_map(|user| channel.membership(*user)).collect())
}
