//! The guild and its members.

use http::StatusCode;
use serde_json::{Value, json};

use super::{ApiError, Call};
use crate::moment::{GUILD_BORN_MS, iso};
use crate::people::bot_user;
use crate::permission::{MANAGE_WEBHOOKS, VIEW_AUDIT_LOG};
use crate::world::{GUILD_MEMBERS_LIMITED, World};

/// Returns an error unless the bot is in this guild.
pub(super) fn check(call: &Call<'_>, id: u64) -> Result<(), ApiError> {
    if id == call.world.guild.id && !call.world.removed { Ok(()) } else { Err(ApiError::unknown_guild()) }
}

/// `GET /guilds/{g}`
pub(super) fn guild(call: &Call<'_>, id: u64) -> Result<Value, ApiError> {
    check(call, id)?;
    let counts = (call.query.flag("with_counts") == Some(true)).then(|| call.world.people.count());
    Ok(call.world.guild.json(counts))
}

/// `GET /guilds/{g}/roles`
pub(super) fn roles(call: &Call<'_>, id: u64) -> Result<Value, ApiError> {
    check(call, id)?;
    Ok(call.world.guild.roles_json())
}

/// `GET /guilds/{g}/emojis`
pub(super) fn emojis(call: &Call<'_>, id: u64) -> Result<Value, ApiError> {
    check(call, id)?;
    Ok(call.world.guild.emojis_json())
}

/// `GET /guilds/{g}/stickers`
pub(super) fn stickers(call: &Call<'_>, id: u64) -> Result<Value, ApiError> {
    check(call, id)?;
    Ok(call.world.guild.stickers_json())
}

/// Returns the bot as a member.
pub(crate) fn own_member(world: &World) -> Value {
    let roles: Vec<String> = world.bot.roles.iter().map(u64::to_string).collect();
    json!({
        "user": bot_user(world.bot.id), "avatar": null, "banner": null, "communication_disabled_until": null,
        "flags": 0, "joined_at": iso(GUILD_BORN_MS * 1000 + 9_000_000), "nick": null, "pending": false,
        "premium_since": null, "roles": roles, "mute": false, "deaf": false, "avatar_decoration_data": null,
    })
}

/// `GET /guilds/{g}/members`
pub(super) fn members(call: &Call<'_>, id: u64) -> Result<Value, ApiError> {
    check(call, id)?;
    let world = call.world;
    if world.bot.flags & (GUILD_MEMBERS_LIMITED | GUILD_MEMBERS_LIMITED >> 1) == 0 {
        return Err(ApiError::no_access());
    }
    let limit = call.query.number("limit", 1, 1, 1000)?;
    let after = call.query.id("after")?.unwrap_or(0);
    let people = &world.people;
    let mut found: Vec<(u64, Value)> = (people.first_above(after)..people.count())
        .filter(|number| people.is_member(*number))
        .take(limit)
        .map(|number| (people.id(number), world.guild.member_json(people, number)))
        .collect();
    if world.bot.id > after {
        let place = found.partition_point(|(id, _)| *id < world.bot.id);
        found.insert(place, (world.bot.id, own_member(world)));
        found.truncate(limit);
    }
    Ok(found.into_iter().map(|(_, member)| member).collect())
}

/// `GET /guilds/{g}/members/{u}`
pub(super) fn member(call: &Call<'_>, id: u64, user: u64) -> Result<Value, ApiError> {
    check(call, id)?;
    let world = call.world;
    if user == world.bot.id {
        return Ok(own_member(world));
    }
    let unknown = ApiError::new(StatusCode::NOT_FOUND, 10013, "Unknown User");
    let number = world.people.number(user).ok_or(unknown)?;
    if !world.people.is_member(number) {
        return Err(ApiError::new(StatusCode::NOT_FOUND, 10007, "Unknown Member"));
    }
    Ok(world.guild.member_json(&world.people, number))
}

/// Returns the webhook that posts into `channel_id`.
pub(super) fn webhook(world: &World, channel_id: Option<u64>) -> Value {
    json!({
        "id": world.guild.webhook_id().to_string(), "type": 1, "name": "Relay", "avatar": null, "application_id": null,
        "channel_id": channel_id.map(|id| id.to_string()), "guild_id": world.guild.id.to_string(),
        "user": world.people.user(0), "token": "not-a-real-token",
        "url": "https://example.org/webhook",
    })
}

/// `GET /guilds/{g}/webhooks`
pub(super) fn webhooks(call: &Call<'_>, id: u64) -> Result<Value, ApiError> {
    check(call, id)?;
    if call.world.guild_rights() & MANAGE_WEBHOOKS == 0 {
        return Err(ApiError::no_permission());
    }
    let channel = call.world.channels.values().find(|channel| channel.holds_messages()).map(|channel| channel.id);
    Ok(json!([webhook(call.world, channel)]))
}

/// `GET /guilds/{g}/audit-logs`: always empty.
pub(super) fn audit_log(call: &Call<'_>, id: u64) -> Result<Value, ApiError> {
    check(call, id)?;
    call.query.number("limit", 50, 1, 100)?;
    if call.world.guild_rights() & VIEW_AUDIT_LOG == 0 {
        return Err(ApiError::no_permission());
    }
    Ok(json!({
        "audit_log_entries": [], "users": [], "integrations": [], "webhooks": [], "guild_scheduled_events": [],
        "threads": [], "application_commands": [], "auto_moderation_rules": [],
    }))
}
