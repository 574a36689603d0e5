//! What an answer means: for the caller, and for the limits.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use ports::guild::{Denied, GuildError, Missing};
use serde::Deserialize;

use crate::limit::{Heard, PROXY_PAUSE, Scope};

/// The longest wait that an answer can ask for and is believed.
const WAIT_MAX: Duration = Duration::from_hours(24);

/// What an answer means for who asked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The body is what was asked for.
    Good,
    /// It passes by itself; the same request again after this long, or when it seems right.
    Again(&'static str, Option<Duration>),
    /// A limit; the limiter knows when the next try is due.
    Limited,
    /// There is nothing more to try.
    Final(GuildError),
}

/// What Discord says when it does not say what was asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Refusal {
    code: Option<f64>,
    retry_after: Option<f64>,
    global: Option<bool>,
}

/// Discord's codes (<https://docs.discord.com/developers/topics/opcodes-and-status-codes#json>).
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

/// Reads an answer.
pub(crate) fn judge(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> (Verdict, Heard) {
    let mut heard = Heard {
        bucket: text(headers, "x-ratelimit-bucket").map(str::to_owned),
        limit: text(headers, "x-ratelimit-limit").and_then(|text| text.parse().ok()),
        remaining: text(headers, "x-ratelimit-remaining").and_then(|text| text.parse().ok()),
        reset_after: text(headers, "x-ratelimit-reset-after").and_then(seconds),
        ..Heard::default()
    };
    if status == StatusCode::OK {
        return (Verdict::Good, heard);
    }
    let refusal: Option<Refusal> = serde_json::from_slice(body).ok();
    let code = refusal.as_ref().and_then(|refusal| refusal.code).map_or(0, whole);
    let said = [
        text(headers, "retry-after").and_then(seconds),
        refusal.as_ref().and_then(|refusal| refusal.retry_after).and_then(duration),
    ];
    let wait = said.into_iter().flatten().max();
    let scope = text(headers, "x-ratelimit-scope");
    heard.invalid = matches!(status.as_u16(), 401 | 403 | 429) && scope != Some("shared");
    if status == StatusCode::TOO_MANY_REQUESTS {
        let global = headers.contains_key("x-ratelimit-global")
            || refusal.as_ref().is_some_and(|refusal| refusal.global == Some(true));
        let scope = match scope {
            _ if global || scope == Some("global") => Scope::Global,
            Some("shared") => Scope::Shared,
            None if refusal.is_none() => Scope::Proxy,
            _ => Scope::User,
        };
        heard.refused = Some((scope, wait));
        let verdict = if scope == Scope::Proxy { proxy(wait) } else { Verdict::Limited };
        return (verdict, heard);
    }
    let by_proxy = status == StatusCode::FORBIDDEN && (refusal.is_none() || code == code::BLOCKED_BY_PROXY);
    if by_proxy {
        heard.refused = Some((Scope::Proxy, wait));
        return (proxy(wait), heard);
    }
    (meaning(status, code, wait), heard)
}

/// Who is refused by the proxy does not try again by itself; the limiter stops everything else, too.
fn proxy(wait: Option<Duration>) -> Verdict {
    let retry_after = wait.unwrap_or_default().max(PROXY_PAUSE);
    let reason = "the proxy in front of the platform refuses this address";
    Verdict::Final(GuildError::Unavailable { reason, retry_after })
}

fn meaning(status: StatusCode, code: u64, wait: Option<Duration>) -> Verdict {
    let refused = GuildError::Refused { status: status.as_u16(), code };
    let error = match (status.as_u16(), code) {
        (_, code::INDEX_NOT_READY) => return Verdict::Again("the platform still makes its index", wait),
        (_, code::OVERLOADED) => return Verdict::Again("the platform is overloaded", wait),
        (500.., _) => return Verdict::Again("the platform has an error of its own", wait),
        (408, _) => return Verdict::Again("the platform lost its patience", wait),
        (200..=299, _) => return Verdict::Again("the answer is not there yet", wait),
        (401, _) => GuildError::Unauthorized,
        (_, code::NOT_IN_THIS_LOCATION) => GuildError::Parked,
        (403, code::NOT_FOR_BOTS) => refused,
        (403, code::MISSING_ACCESS) => GuildError::Forbidden(Denied::View),
        // With a 403, even "unknown message" is a block, and no deletion.
        (403, _) => GuildError::Forbidden(Denied::Other),
        (404, code::UNKNOWN_CHANNEL) => GuildError::Gone(Missing::Channel),
        // The only member that is ever asked for is the bot.
        (404, code::UNKNOWN_GUILD | code::UNKNOWN_MEMBER | code::UNKNOWN_USER) => GuildError::Gone(Missing::Guild),
        (404, code::UNKNOWN_MESSAGE) => GuildError::Gone(Missing::Message),
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

/// A code, which is whole and small; 0 for what cannot be one.
fn whole(code: f64) -> u64 {
    Duration::try_from_secs_f64(code).map_or(0, |code| code.as_secs())
}

#[cfg(test)]
mod tests;
