//! Channels, without their messages.

use serde_json::{Value, json};

use super::guild::{check, webhook};
use super::{ApiError, Call};
use crate::channel::Channel;
use crate::permission::MANAGE_WEBHOOKS;

/// Returns the channel, if it exists and the bot may view it.
pub(super) fn viewable<'a>(call: &Call<'a>, id: u64) -> Result<&'a Channel, ApiError> {
    let channel = call.world.channels.get(&id).ok_or_else(ApiError::unknown_channel)?;
    if call.world.removed || !call.world.is_viewable(channel) {
        return Err(ApiError::no_access());
    }
    Ok(channel)
}

/// Returns the channel or thread object, a thread's with the bot's membership.
pub(crate) fn object(world: &crate::world::World, channel: &Channel) -> Value {
    let mut object = channel.json(world.guild.id, &world.facts(channel));
    if let Some(member) = channel.membership(world.bot.id) {
        object["member"] = member;
    }
    object
}

/// `GET /guilds/{g}/channels`: without threads, in no order; channels that the bot may not view are left out, or shown
/// as hidden.
pub(super) fn list(call: &Call<'_>, id: u64) -> Result<Value, ApiError> {
    check(call, id)?;
    let shown = call.world.channels.values().filter(|channel| channel.thread.is_none());
    let shown = shown.filter_map(|channel| {
        let hidden = || call.world.lists_hidden.then(|| channel.obfuscated(call.world.guild.id));
        if call.world.is_viewable(channel) { Some(object(call.world, channel)) } else { hidden() }
    });
    Ok(shown.collect())
}

/// `GET /channels/{c}`
pub(super) fn one(call: &Call<'_>, id: u64) -> Result<Value, ApiError> {
    Ok(object(call.world, viewable(call, id)?))
}

/// `GET /channels/{c}/webhooks`
pub(super) fn webhooks(call: &Call<'_>, id: u64) -> Result<Value, ApiError> {
    let channel = viewable(call, id)?;
    if call.world.rights(channel) & MANAGE_WEBHOOKS == 0 {
        return Err(ApiError::no_permission());
    }
    Ok(json!([webhook(call.world, Some(id))]))
}
