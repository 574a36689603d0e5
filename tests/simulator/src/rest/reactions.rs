//! The users who reacted or voted.

use serde_json::{Value, json};

use super::channels::viewable;
use super::{ApiError, Call};
use crate::message::{Stored, Users};
use crate::permission::READ_MESSAGE_HISTORY;

/// An emoji with a skin tone that Discord rejects in requests, although it once returned it.
const FORGOTTEN: &str = "⛷🏽";

fn find(call: &Call<'_>, id: u64, message: u64) -> Result<Stored, ApiError> {
    let channel = viewable(call, id)?;
    if call.world.rights(channel) & READ_MESSAGE_HISTORY == 0 {
        return Err(ApiError::no_access());
    }
    call.world.find(channel, message).ok_or_else(ApiError::unknown_message)
}

fn list(call: &Call<'_>, users: Option<&Users>) -> Result<Vec<Value>, ApiError> {
    let limit = call.query.number("limit", 25, 1, 100)?;
    let after = call.query.id("after")?.unwrap_or(0);
    let ids = users.map(|users| users.page(&call.world.people, after, limit)).unwrap_or_default();
    Ok(ids.into_iter().map(|id| call.world.user(id)).collect())
}

/// `GET /channels/{c}/messages/{m}/reactions/{e}`: in ascending order of user id, one of the two kinds at a time.
pub(super) fn users(call: &Call<'_>, id: u64, message: u64, emoji: &str) -> Result<Value, ApiError> {
    let burst = call.query.number("type", 0, 0, 1)? == 1;
    let stored = find(call, id, message)?;
    let key = emoji.rsplit_once(':').map_or(emoji, |(_, id)| id);
    if key == FORGOTTEN {
        return Err(ApiError::unknown_emoji());
    }
    let Some(reaction) = stored.reactions.iter().find(|reaction| reaction.is(key)) else {
        let custom = key.parse::<u64>().is_ok();
        let known = call.world.guild.emojis.iter().any(|emoji| emoji.id.to_string() == key);
        return if (custom && !known) || (!custom && key.is_ascii()) {
            Err(ApiError::unknown_emoji())
        } else {
            Ok(json!([]))
        };
    };
    Ok(json!(list(call, Some(if burst { &reaction.burst } else { &reaction.normal }))?))
}

/// `GET /channels/{c}/polls/{m}/answers/{a}`
pub(super) fn voters(call: &Call<'_>, id: u64, message: u64, answer: u64) -> Result<Value, ApiError> {
    let stored = find(call, id, message)?;
    let votes = stored.votes.iter().find(|(number, _)| *number == answer).map(|(_, users)| users);
    Ok(json!({"users": list(call, votes)?}))
}
