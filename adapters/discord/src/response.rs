//! Interprets responses: for the caller, and for the rate limits.

use std::time::Duration;

use domain::access::Denied;
use http::{HeaderMap, StatusCode};
use ports::guild::{GoneItem, GuildError};
use serde::Deserialize;

use crate::limit::{PROXY_PAUSE, ResponseLimits, Scope};

/// The longest wait that is accepted from a response.
const WAIT_MAX: Duration = Duration::from_hours(24);

/// The meaning of a response for the caller.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A success: the body is the requested object.
    Good,
    /// A transient error; the caller may retry after this delay, or after a backoff of its own.
    Retry(&'static str, Option<Duration>),
    /// A rate limit; the limiter knows when the next attempt is due.
    Limited,
    /// A permanent error; the request is not retried.
    Final(GuildError),
}

/// The body of an error response.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Refusal {
    code: Option<f64>,
    retry_after: Option<f64>,
    global: Option<bool>,
}

/// Discord's error codes (<https://docs.discord.com/developers/topics/opcodes-and-status-codes#json>).
mod code {
    pub(super) const UNKNOWN_CHANNEL: u64 = 10_003;
    pub(super) const UNKNOWN_GUILD: u64 = 10_004;
    pub(super) const UNKNOWN_MEMBER: u64 = 10_007;
    pub(super) const UNKNOWN_MESSAGE: u64 = 10_008;
    pub(super) const UNKNOWN_USER: u64 = 10_013;
    pub(super) const NOT_FOR_BOTS: u64 = 20_001;
    pub(super) const BLOCKED_BY_PROXY: u64 = 40_333;
    pub(super) const MISSING_ACCESS: u64 = 50_001;
    pub(super) const NOT_IN_THIS_LOCATION: u64 = 50_095;
    pub(super) const INDEX_NOT_READY: u64 = 110_000;
    pub(super) const OVERLOADED: u64 = 130_000;
}

/// Interprets a response.
pub(crate) fn judge(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> (Verdict, ResponseLimits) {
    let mut limits = ResponseLimits {
        bucket: text(headers, "x-ratelimit-bucket").map(str::to_owned),
        limit: text(headers, "x-ratelimit-limit").and_then(|text| text.parse().ok()),
        remaining: text(headers, "x-ratelimit-remaining").and_then(|text| text.parse().ok()),
        reset_after: text(headers, "x-ratelimit-reset-after").and_then(seconds),
        ..ResponseLimits::default()
    };
    if status == StatusCode::OK {
        return (Verdict::Good, limits);
    }
    let refusal: Option<Refusal> = serde_json::from_slice(body).ok();
    let code = refusal.as_ref().and_then(|refusal| refusal.code).map_or(0, whole);
    let said = [
        text(headers, "retry-after").and_then(seconds),
        refusal.as_ref().and_then(|refusal| refusal.retry_after).and_then(duration),
    ];
    let wait = said.into_iter().flatten().max();
    let scope = text(headers, "x-ratelimit-scope");
    limits.invalid = matches!(status.as_u16(), 401 | 403 | 429) && scope != Some("shared");
    if status == StatusCode::TOO_MANY_REQUESTS {
        let global = headers.contains_key("x-ratelimit-global")
            || refusal.as_ref().is_some_and(|refusal| refusal.global == Some(true));
        let scope = match scope {
            _ if global || scope == Some("global") => Scope::Global,
            Some("shared") => Scope::Shared,
            None if refusal.is_none() => Scope::Proxy,
            _ => Scope::User,
        };
        limits.refused = Some((scope, wait));
        let verdict = if scope == Scope::Proxy { proxy(wait) } else { Verdict::Limited };
        return (verdict, limits);
    }
    let by_proxy = status == StatusCode::FORBIDDEN && (refusal.is_none() || code == code::BLOCKED_BY_PROXY);
    if by_proxy {
        limits.refused = Some((Scope::Proxy, wait));
        return (proxy(wait), limits);
    }
    (meaning(status, code, wait), limits)
}

/// Returns the verdict on a block by the proxy: the request is not retried, and the limiter stops all others, too.
fn proxy(wait: Option<Duration>) -> Verdict {
    let retry_after = wait.unwrap_or_default().max(PROXY_PAUSE);
    let reason = "the proxy in front of the platform blocks this address";
    Verdict::Final(GuildError::Unavailable { reason, retry_after })
}

/// Returns the error of a request that Discord rejects as invalid.
fn rejected(status: u16, code: u64) -> GuildError {
    GuildError::Rejected { code, reason: format!("status {status}, code {code}") }
}

fn meaning(status: StatusCode, code: u64, wait: Option<Duration>) -> Verdict {
    let refused = rejected(status.as_u16(), code);
    let error = match (status.as_u16(), code) {
        (_, code::INDEX_NOT_READY) => return Verdict::Retry("the platform is still building its index", wait),
        (_, code::OVERLOADED) => return Verdict::Retry("the platform is overloaded", wait),
        (500.., _) => return Verdict::Retry("the platform has an internal error", wait),
        (408, _) => return Verdict::Retry("the platform timed out", wait),
        (200..=299, _) => return Verdict::Retry("the response is not ready yet", wait),
        (401, _) => GuildError::Unauthorized,
        (_, code::NOT_IN_THIS_LOCATION) => GuildError::Parked,
        (403, code::NOT_FOR_BOTS) => refused,
        (403, code::MISSING_ACCESS) => GuildError::Forbidden(Denied::View),
        // With a 403, even "unknown message" is a block, and not a deletion.
        (403, _) => GuildError::Forbidden(Denied::Other),
        (404, code::UNKNOWN_CHANNEL) => GuildError::Gone(GoneItem::Channel),
        // The bot is the only member that is ever requested.
        (404, code::UNKNOWN_GUILD | code::UNKNOWN_MEMBER | code::UNKNOWN_USER) => GuildError::Gone(GoneItem::Guild),
        (404, code::UNKNOWN_MESSAGE) => GuildError::Gone(GoneItem::Message),
        _ => refused,
    };
    Verdict::Final(error)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn seconds(text: &str) -> Option<Duration> {
    duration(text.trim().parse().ok()?)
}

fn duration(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok().map(|wait| wait.min(WAIT_MAX))
}

/// Returns a code, which is a small whole number; 0 for an invalid one.
fn whole(code: f64) -> u64 {
    Duration::try_from_secs_f64(code).map_or(0, |code| code.as_secs())
}

#[cfg(test)]
mod tests;
