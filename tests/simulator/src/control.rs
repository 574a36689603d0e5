//! The control API under `/_sim`: the changes that a test makes to the guild, and its queries afterwards.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::act::Act;
use crate::delivery::Answer;
use crate::fault::FaultRule;
use crate::gateway::GatewayFault;
use crate::ledger;
use crate::rest::Query;
use crate::simulator::Shared;

/// A rejection: status and message.
struct Refused(StatusCode, String);

/// Responds to one request.
pub(crate) fn answer(shared: &Arc<Shared>, method: &Method, path: &str, query: &Query, body: &Bytes) -> Answer {
    let what = path.trim_start_matches("/_sim/").trim_end_matches('/');
    let done = match (method.as_str(), what) {
        ("GET", "ledger") => ledger_of(shared, query),
        ("GET", "messages") => messages(shared, query),
        ("GET", "requests") => Ok(requests(shared, query)),
        ("GET", "totals") => Ok(json!(shared.requests().totals())),
        ("GET", "clock") => Ok(json!({"now_ms": shared.now_ms()})),
        ("POST", "clock") => advance(shared, body),
        ("GET", "faults") => Ok(shared.faults().rules().map(|rule| json!(rule)).collect()),
        ("POST", "faults") => read::<FaultRule>(body).map(|rule| {
            shared.faults().add(rule);
            json!({})
        }),
        ("DELETE", "faults") => {
            shared.faults().clear();
            Ok(json!({}))
        }
        ("POST", "gateway") => read::<GatewayFault>(body).map(|fault| {
            let world = shared.world();
            json!({"connections": shared.hub().fault(&world, &fault, shared.now_ms())})
        }),
        ("POST", "act") => read::<Act>(body)
            .and_then(|act| shared.act(act).map_err(|error| Refused(StatusCode::NOT_FOUND, error.to_string()))),
        _ => Err(Refused(StatusCode::NOT_FOUND, "there is no such thing to control".to_owned())),
    };
    match done {
        Ok(value) => Answer::json(StatusCode::OK, &value),
        Err(Refused(status, words)) => Answer::json(status, &json!({"message": words})),
    }
}

fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|error| Refused(StatusCode::BAD_REQUEST, error.to_string()))
}

fn bad(error: &crate::rest::ApiError) -> Refused {
    Refused(StatusCode::BAD_REQUEST, error.json().to_string())
}

/// `?channel=`: the ledger of a channel; without it, the ledgers of all channels that contain messages.
fn ledger_of(shared: &Shared, query: &Query) -> Result<Value, Refused> {
    let world = shared.world();
    let Some(id) = query.id("channel").map_err(|error| bad(&error))? else {
        let holding = world.channels.values().filter(|channel| channel.holds_messages());
        return Ok(holding.map(|channel| json!(ledger::ledger(&world, channel))).collect());
    };
    let channel = world.channels.get(&id);
    let channel = channel.ok_or_else(|| Refused(StatusCode::NOT_FOUND, format!("there is no channel {id}")))?;
    Ok(json!(ledger::ledger(&world, channel)))
}

/// `?channel=&after=&limit=`: messages in their final state, oldest first.
fn messages(shared: &Shared, query: &Query) -> Result<Value, Refused> {
    let world = shared.world();
    let id = query.id("channel").map_err(|error| bad(&error))?.unwrap_or(0);
    let after = query.id("after").map_err(|error| bad(&error))?.unwrap_or(0);
    let limit = query.number("limit", 100, 1, 10_000).map_err(|error| bad(&error))?;
    let channel = world.channels.get(&id);
    let channel = channel.ok_or_else(|| Refused(StatusCode::NOT_FOUND, format!("there is no channel {id}")))?;
    Ok(json!(ledger::messages_after(&world, channel, after, limit)))
}

/// `?after=`: the requests with a higher number.
fn requests(shared: &Shared, query: &Query) -> Value {
    let after = query.text("after").and_then(|text| text.parse().ok()).unwrap_or(0);
    shared.requests().after(after).map(|request| json!(request)).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_ms: u64,
}

fn advance(shared: &Shared, body: &Bytes) -> Result<Value, Refused> {
    let Advance { advance_ms } = read(body)?;
    shared.options.clock.advance(advance_ms);
    Ok(json!({"now_ms": shared.now_ms()}))
}

/// Returns the time in the format of a `Date` header.
pub(crate) fn http_date(now_ms: u64, skew_ms: i64) -> String {
    let ms = i64::try_from(now_ms).unwrap_or(i64::MAX).saturating_add(skew_ms);
    let time = jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::MAX);
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
