//! The handling of a request of the REST API: faults, token, limits, response, log.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use serde_json::{Value, json};

use crate::delivery::{Answer, Delivery};
use crate::fault::{Fault, LimitScope};
use crate::limit::{Headers, Refusal, Scope, Verdict};
use crate::requests::Request;
use crate::rest::{self, ApiError, Call, Query, Route};
use crate::simulator::Shared;

/// A response and the way it counts.
struct Judged {
    answer: Answer,
    injected: bool,
    /// A rejection that states that it does not count towards the ban.
    shared: bool,
}

impl From<Answer> for Judged {
    fn from(answer: Answer) -> Self {
        Self { answer, injected: false, shared: false }
    }
}

/// Responds to a request of the REST API.
pub(crate) async fn answer(
    shared: &Shared,
    method: &Method,
    path: &str,
    query: &str,
    headers: &HeaderMap,
    body: &Bytes,
) -> Answer {
    let at_ms = shared.now_ms();
    let found = rest::route(method, path);
    let (template, major) = found.as_ref().map_or(("", 0), |route| (route.template(), route.major()));
    let fault = shared.faults().strike(method.as_str(), template, major);
    let judged = judge(shared, at_ms, found, &Query::parse(query), headers, body, fault.as_ref());
    let status = judged.answer.status.as_u16();
    let invalid = matches!(status, 401 | 403 | 429) && !judged.shared;
    if invalid {
        shared.limiter().count_invalid(at_ms);
    }
    shared.requests().add(Request {
        number: 0,
        at_ms,
        method: method.to_string(),
        path: path.to_owned(),
        query: query.to_owned(),
        route: template,
        major,
        status,
        injected: judged.injected,
        invalid,
    });
    if shared.options.rest_latency_ms > 0 {
        shared.options.clock.sleep(shared.options.rest_latency_ms).await;
    }
    judged.answer
}

fn judge(
    shared: &Shared,
    now_ms: u64,
    found: Result<Route, ApiError>,
    query: &Query,
    headers: &HeaderMap,
    body: &Bytes,
    fault: Option<&Fault>,
) -> Judged {
    if let Some(Verdict::Banned { retry_after_s }) = shared.limiter().ban(now_ms) {
        return cloudflare(Some(retry_after_s)).into();
    }
    if let Some(judged) = fault.and_then(instead) {
        return judged;
    }
    if !is_authorized(shared, headers) {
        return refuse(&ApiError::unauthorized(), Vec::new()).into();
    }
    let route = match found {
        Ok(route) => route,
        Err(error) => return refuse(&error, Vec::new()).into(),
    };
    let limits = match shared.limiter().judge(now_ms, route.template(), route.major()) {
        Verdict::Pass(limits) => limits,
        Verdict::Limited(refusal) => return limited(refusal).into(),
        Verdict::Banned { retry_after_s } => return cloudflare(Some(retry_after_s)).into(),
    };
    let world = shared.world();
    let call = Call {
        world: &world,
        query,
        body,
        now_ms,
        gateway: &format!("ws://{}", shared.address),
        identify_left: shared.hub().identify_left(now_ms),
        index_ready: fault != Some(&Fault::IndexNotReady),
    };
    let mut answer = match rest::answer(&call, &route) {
        Ok((status, mut value)) => {
            let ascending = query.text("after").is_some();
            if let Some(fault) = fault {
                bend(fault, &mut value, ascending);
            }
            Answer::json(status, &value)
        }
        Err(error) => refuse(&error, Vec::new()),
    };
    answer.headers = limits;
    if let Some(fault) = fault {
        deliver(fault, &mut answer);
    }
    Judged { answer, injected: fault.is_some(), shared: false }
}

fn is_authorized(shared: &Shared, headers: &HeaderMap) -> bool {
    let bot = &shared.world().bot;
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    !bot.token_revoked && given.and_then(|text| text.strip_prefix("Bot ")) == Some(bot.token.as_str())
}

fn refuse(error: &ApiError, headers: Headers) -> Answer {
    Answer { headers, ..Answer::json(error.status, &error.json()) }
}

fn limited(refusal: Refusal) -> Answer {
    Answer { headers: refusal.headers, ..Answer::json(StatusCode::TOO_MANY_REQUESTS, &refusal.body) }
}

fn cloudflare(retry_after_s: Option<u64>) -> Answer {
    let mut answer = Answer::html(StatusCode::TOO_MANY_REQUESTS, "Error 1015: You are being rate limited");
    answer.headers.extend(retry_after_s.map(|seconds| ("retry-after", seconds.to_string())));
    answer
}

/// Returns the response of a fault, which replaces the true one.
fn instead(fault: &Fault) -> Option<Judged> {
    let answer = match fault {
        Fault::Limited { scope, retry_after, header } => {
            let (inner, shared) = match scope {
                LimitScope::User => (Scope::User, false),
                LimitScope::Global => (Scope::Global, false),
                LimitScope::Shared => (Scope::Shared, true),
            };
            let answer = limited(Refusal::new(inner, *retry_after, header.clone()));
            return Some(Judged { answer, injected: true, shared });
        }
        Fault::Cloudflare { retry_after } => cloudflare(*retry_after),
        Fault::Status { status, html } => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            if *html {
                Answer::html(status, &status.to_string())
            } else {
                let words = "API resource is currently overloaded. Try again a little later";
                Answer::json(status, &json!({"message": words, "code": 130_000}))
            }
        }
        Fault::Unauthorized => refuse(&ApiError::unauthorized(), Vec::new()),
        Fault::NoAccess => refuse(&ApiError::no_access(), Vec::new()),
        Fault::UnknownChannel => refuse(&ApiError::unknown_channel(), Vec::new()),
        _ => return None,
    };
    Some(Judged { answer, injected: true, shared: false })
}

/// Changes a true response; a page of messages is newest first, and `ascending` if the cursor is at its old end.
fn bend(fault: &Fault, value: &mut Value, ascending: bool) {
    match (fault, value) {
        (Fault::MalformedMessage, Value::Array(messages)) => {
            let middle = messages.len() / 2;
            if let Some(message) = messages.get_mut(middle).and_then(Value::as_object_mut) {
                message.remove("author");
                message.insert("embeds".to_owned(), json!("text"));
                let id = message.get("id").and_then(|id| id.as_str()?.parse::<u64>().ok());
                message.insert("id".to_owned(), json!(id));
            }
        }
        (Fault::ShortPage { keep }, Value::Array(messages)) => {
            if ascending {
                messages.drain(..messages.len().saturating_sub(*keep));
            } else {
                messages.truncate(*keep);
            }
        }
        (Fault::EmptyList, value) => *value = json!({"threads": [], "members": [], "has_more": false}),
        (Fault::EmptyButMore, value) => *value = json!({"threads": [], "members": [], "has_more": true}),
        _ => {}
    }
}

/// Changes the delivery of a true response.
fn deliver(fault: &Fault, answer: &mut Answer) {
    answer.delivery = match fault {
        Fault::SlowFirstByte { ms } => Delivery::SlowFirstByte(*ms),
        Fault::SlowBody { ms } => Delivery::SlowBody(*ms),
        Fault::Stall => Delivery::Stall,
        Fault::Truncate => Delivery::Truncate,
        Fault::Reset => Delivery::Reset,
        _ => Delivery::Plain,
    };
    if *fault == Fault::InvalidJson {
        answer.body.truncate(answer.body.len() / 2);
        answer.body.extend(b"\"<oops");
    }
}
