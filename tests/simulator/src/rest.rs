//! The REST API: requests and responses.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Map, Value};

use crate::world::World;

mod channels;
mod error;
mod guild;
mod me;
mod messages;
mod query;
mod reactions;
mod route;
mod search;
mod threads;

pub(crate) use error::ApiError;
pub(crate) use guild::own_member;
pub(crate) use query::Query;
pub(crate) use route::Route;

/// A request that has passed all limits.
pub(crate) struct Call<'a> {
    pub(crate) world: &'a World,
    pub(crate) query: &'a Query,
    pub(crate) body: &'a Bytes,
    pub(crate) now_ms: u64,
    /// The address of the gateway.
    pub(crate) gateway: &'a str,
    /// The number of sessions that may still be started, and the time until the budget is reset.
    pub(crate) identify_left: (u64, u64),
    /// Whether search has an index yet.
    pub(crate) index_ready: bool,
}

/// Responds to one request.
pub(crate) fn answer(call: &Call<'_>, route: &Route) -> Result<(StatusCode, Value), ApiError> {
    use Route as R;
    let mut value = match route {
        R::Gateway => me::gateway(call),
        R::GatewayBot => me::gateway_bot(call),
        R::Me => me::user(call),
        R::Application => me::application(call),
        R::MyGuilds => me::guilds(call)?,
        R::RefreshUrls => me::refresh_urls(call)?,
        R::Guild(id) => guild::guild(call, *id)?,
        R::GuildChannels(id) => channels::list(call, *id)?,
        R::Roles(id) => guild::roles(call, *id)?,
        R::Members(id) => guild::members(call, *id)?,
        R::Member(id, user) => guild::member(call, *id, *user)?,
        R::Emojis(id) => guild::emojis(call, *id)?,
        R::Stickers(id) => guild::stickers(call, *id)?,
        R::GuildWebhooks(id) => guild::webhooks(call, *id)?,
        R::AuditLog(id) => guild::audit_log(call, *id)?,
        R::ActiveThreads(id) => threads::active(call, *id)?,
        R::GuildSearch(id) => return search::messages(call, *id),
        R::Channel(id) => channels::one(call, *id)?,
        R::ChannelWebhooks(id) => channels::webhooks(call, *id)?,
        R::Messages(id) => messages::page(call, *id)?,
        R::Message(id, message) => messages::one(call, *id, *message)?,
        R::Pins(id) => messages::pins(call, *id)?,
        R::OldPins(id) => messages::old_pins(call, *id)?,
        R::ArchivedPublic(id) => threads::archived_public(call, *id)?,
        R::ArchivedPrivate(id) => threads::archived_private(call, *id)?,
        R::ArchivedJoined(id) => threads::archived_joined(call, *id)?,
        R::ThreadSearch(id) => return search::threads(call, *id),
        R::ThreadMembers(id) => threads::members(call, *id)?,
        R::Reactions(id, message, emoji) => reactions::users(call, *id, *message, emoji)?,
        R::PollVoters(id, message, answer) => reactions::voters(call, *id, *message, *answer)?,
    };
    if !call.world.more.is_empty() {
        show_more(&mut value, &call.world.more);
    }
    Ok((StatusCode::OK, value))
}

/// Merges `more` into the objects whose ids it names.
fn show_more(value: &mut Value, more: &BTreeMap<u64, Map<String, Value>>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| show_more(item, more)),
        Value::Object(fields) => {
            fields.values_mut().for_each(|value| show_more(value, more));
            let id = fields.get("id").and_then(Value::as_str).and_then(|id| id.parse().ok());
            if let Some(raw) = id.and_then(|id: u64| more.get(&id)) {
                merge(fields, raw);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn merge(fields: &mut Map<String, Value>, raw: &Map<String, Value>) {
    for (key, value) in raw {
        match (fields.get_mut(key), value) {
            (Some(Value::Object(fields)), Value::Object(raw)) => merge(fields, raw),
            _ => drop(fields.insert(key.clone(), value.clone())),
        }
    }
}

/// Returns the route of a method and path; `Err` states whether at least the path exists.
pub(crate) fn route(method: &Method, path: &str) -> Result<Route, ApiError> {
    let path = ["/api/v10", "/api/v9", "/api"].iter().find_map(|prefix| path.strip_prefix(prefix)).unwrap_or(path);
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let wanted = Route::parse(&segments).ok_or_else(ApiError::not_found)?;
    let post = matches!(wanted, Route::RefreshUrls);
    if *method == if post { Method::POST } else { Method::GET } { Ok(wanted) } else { Err(ApiError::method()) }
}
