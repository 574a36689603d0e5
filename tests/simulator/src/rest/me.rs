//! The bot itself, its application, and the address of the gateway.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{ApiError, Call};
use crate::cdn::sign;
use crate::people::{bot_user, own_user};

/// `GET /gateway`
pub(super) fn gateway(call: &Call<'_>) -> Value {
    json!({"url": call.gateway})
}

/// `GET /gateway/bot`
pub(super) fn gateway_bot(call: &Call<'_>) -> Value {
    let (remaining, reset_after) = call.identify_left;
    json!({
        "url": call.gateway, "shards": 1,
        "session_start_limit":
            {"total": 1000, "remaining": remaining, "reset_after": reset_after, "max_concurrency": 1},
    })
}

/// `GET /users/@me`
pub(super) fn user(call: &Call<'_>) -> Value {
    own_user(call.world.bot.id)
}

/// `GET /applications/@me`
pub(super) fn application(call: &Call<'_>) -> Value {
    let bot = &call.world.bot;
    let owner = call.world.people.user(0);
    let endpoint = bot.interactions_endpoint.then_some("https://example.org/interactions");
    json!({
        "id": bot.application_id.to_string(), "name": "Archive keeper", "icon": null, "description": "", "type": null,
        "verify_key": "00", "flags": bot.flags, "flags_new": bot.flags.to_string(), "redirect_uris": [],
        "interactions_endpoint_url": endpoint, "role_connections_verification_url": null, "owner": owner,
        "approximate_guild_count": 1, "approximate_user_install_count": 0, "approximate_user_authorization_count": 0,
        "explicit_content_filter": 0, "team": null, "eligible_oauth2_scopes": [], "bot_public": false,
        "bot_require_code_grant": false, "bot": bot_user(bot.id), "summary": "", "hook": true,
    })
}

/// `GET /users/@me/guilds`
pub(super) fn guilds(call: &Call<'_>) -> Result<Value, ApiError> {
    let limit = call.query.number("limit", 200, 1, 200)?;
    let (after, before) = (call.query.id("after")?, call.query.id("before")?);
    let guild = &call.world.guild;
    let wanted = after.is_none_or(|id| guild.id > id) && before.is_none_or(|id| guild.id < id) && limit > 0;
    if !wanted || call.world.removed {
        return Ok(json!([]));
    }
    let mut object = json!({
        "id": guild.id.to_string(), "name": guild.name, "icon": null, "banner": null,
        "owner": guild.owner_id == call.world.bot.id, "permissions": call.world.guild_rights().to_string(),
        "features": ["COMMUNITY", "NEWS"],
    });
    if call.query.flag("with_counts") == Some(true) {
        object["approximate_member_count"] = json!(call.world.people.count());
        object["approximate_presence_count"] = json!(call.world.people.count() / 4);
    }
    Ok(json!([object]))
}

#[derive(Deserialize)]
struct Refresh {
    attachment_urls: Vec<String>,
}

/// `POST /attachments/refresh-urls`
pub(super) fn refresh_urls(call: &Call<'_>) -> Result<Value, ApiError> {
    let bad = || ApiError::invalid("attachment_urls", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 50 in length.");
    let asked: Refresh = serde_json::from_slice(call.body).map_err(|_| bad())?;
    if asked.attachment_urls.is_empty() || asked.attachment_urls.len() > 50 {
        return Err(bad());
    }
    let fresh: Vec<Value> = asked
        .attachment_urls
        .iter()
        .map(|url| {
            let bare = url.split('?').next().unwrap_or_default();
            let path = bare.find("/attachments/").map(|start| &bare[start..]);
            let refreshed = path.map(|path| format!("{}{path}{}", call.world.cdn, sign(path, call.now_ms)));
            json!({"original": url, "refreshed": refreshed})
        })
        .collect();
    Ok(json!({"refreshed_urls": fresh}))
}
