//! Rate limits as Discord applies them, including headers with wrong values:
//! <https://docs.discord.com/developers/topics/rate-limits>.

use std::collections::{HashMap, VecDeque};

use serde_json::{Value, json};

use crate::random::Draw;

const BAN_WINDOW_MS: u64 = 600_000;

/// The strictness of the limits.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Whether limits apply.
    pub enabled: bool,
    /// Whether headers of successful message reads claim a far larger limit than the real one.
    pub lying_headers: bool,
    /// Requests a second, over all routes.
    pub global_per_second: u32,
    /// The limit on reads of one channel's messages: a number of requests in a number of milliseconds.
    pub messages: (u32, u64),
    /// The limit on every other route and channel or guild.
    pub other: (u32, u64),
    /// The number of invalid requests in ten minutes that ban the address.
    pub invalid_until_ban: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            enabled: true,
            lying_headers: true,
            global_per_second: 50,
            messages: (5, 5000),
            other: (10, 5000),
            invalid_until_ban: 10_000,
        }
    }
}

/// Header names and values.
pub(crate) type Headers = Vec<(&'static str, String)>;

/// The decision of the limits about a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    /// The request may pass; its response has these headers.
    Pass(Headers),
    /// The request is rejected with a 429.
    Limited(Refusal),
    /// The address is banned and gets Cloudflare's page.
    Banned { retry_after_s: u64 },
}

/// A 429: its headers and its body.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) headers: Headers,
    pub(crate) body: Value,
}

/// The scope of a 429.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    User,
    Global,
    Shared,
}

impl Refusal {
    /// Returns a rejection for `wait_s` seconds.
    pub(crate) fn new(scope: Scope, wait_s: f64, retry_after: Option<String>) -> Self {
        let global = scope == Scope::Global;
        let mut headers: Headers = vec![("x-ratelimit-scope", format!("{scope:?}").to_lowercase())];
        if global {
            headers.push(("x-ratelimit-global", "true".to_owned()));
        }
        headers.extend(retry_after.map(|seconds| ("retry-after", seconds)));
        let words = match scope {
            Scope::Shared => "The resource is being rate limited.",
            _ => "You are being rate limited.",
        };
        let body = json!({"message": words, "retry_after": wait_s, "global": global, "code": 0});
        Self { headers, body }
    }
}

/// The number of requests since a point in time.
#[derive(Debug, Default)]
struct Window {
    start_ms: u64,
    used: u32,
}

impl Window {
    /// Uses one request of `limit`, or returns the milliseconds to wait.
    fn take(&mut self, now_ms: u64, limit: u32, length_ms: u64) -> Result<(), u64> {
        if self.used == 0 || now_ms >= self.start_ms + length_ms {
            *self = Self { start_ms: now_ms, used: 0 };
        }
        if self.used >= limit {
            return Err(self.start_ms + length_ms - now_ms);
        }
        self.used += 1;
        Ok(())
    }
}

/// Counts requests and rejects those beyond the limits.
#[derive(Debug)]
pub(crate) struct Limiter {
    limits: Limits,
    global: Window,
    buckets: HashMap<(&'static str, u64), Window>,
    invalid: VecDeque<u64>,
    banned_until_ms: u64,
}

/// The real limit of a route, and the one claimed in its headers on success.
struct Rule {
    limit: u32,
    length_ms: u64,
    claimed: Option<(u32, u32, f64)>,
}

impl Limiter {
    /// Returns a limiter with empty counters.
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            global: Window::default(),
            buckets: HashMap::new(),
            invalid: VecDeque::new(),
            banned_until_ms: 0,
        }
    }

    /// Changes the limits; the counters are unchanged.
    pub(crate) fn set(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Returns the current limits.
    pub(crate) const fn limits(&self) -> &Limits {
        &self.limits
    }

    fn rule(&self, route: &str) -> Rule {
        let (limit, length_ms) = match route {
            "/channels/{c}/messages" => self.limits.messages,
            // Emoji routes have a limit of their own that their headers do not show.
            "/guilds/{g}/emojis" => (3, 10_000),
            _ => self.limits.other,
        };
        let claimed = match route {
            "/channels/{c}/messages" if self.limits.lying_headers => Some((1000, 999, 1.0)),
            "/guilds/{g}/emojis" => Some((50, 49, 1.0)),
            _ => None,
        };
        Rule { limit, length_ms, claimed }
    }

    /// Returns whether the address is banned.
    pub(crate) fn ban(&self, now_ms: u64) -> Option<Verdict> {
        (now_ms < self.banned_until_ms)
            .then(|| Verdict::Banned { retry_after_s: (self.banned_until_ms - now_ms).div_ceil(1000) })
    }

    /// Decides about a request of `route` and counts it.
    pub(crate) fn judge(&mut self, now_ms: u64, route: &'static str, major: u64) -> Verdict {
        if !self.limits.enabled {
            return Verdict::Pass(Vec::new());
        }
        if let Err(wait_ms) = self.global.take(now_ms, self.limits.global_per_second, 1000) {
            return Verdict::Limited(Refusal::new(Scope::Global, seconds(wait_ms), Some(whole_seconds(wait_ms))));
        }
        let rule = self.rule(route);
        if self.buckets.len() > 50_000 {
            self.buckets.retain(|_, window| window.start_ms + 60_000 > now_ms);
        }
        let window = self.buckets.entry((route, major)).or_default();
        let taken = window.take(now_ms, rule.limit, rule.length_ms);
        let left_ms = (window.start_ms + rule.length_ms).saturating_sub(now_ms);
        let remaining = rule.limit - window.used;
        if taken.is_ok() {
            let (limit, remaining, after_s) = rule.claimed.unwrap_or((rule.limit, remaining, seconds(left_ms)));
            return Verdict::Pass(headers(now_ms, limit, remaining, after_s, &bucket(route, 0)));
        }
        let mut refusal = Refusal::new(Scope::User, seconds(left_ms), Some(whole_seconds(left_ms)));
        let id = bucket(route, u64::from(rule.claimed.is_some()));
        refusal.headers.extend(headers(now_ms, rule.limit, 0, seconds(left_ms), &id));
        Verdict::Limited(refusal)
    }

    /// Counts a response to an invalid request; too many of them ban the client's address.
    pub(crate) fn count_invalid(&mut self, now_ms: u64) {
        self.invalid.push_back(now_ms);
        while self.invalid.front().is_some_and(|first| first + BAN_WINDOW_MS <= now_ms) {
            self.invalid.pop_front();
        }
        if self.limits.enabled && self.invalid.len() >= self.limits.invalid_until_ban {
            self.banned_until_ms = now_ms + BAN_WINDOW_MS;
            self.invalid.clear();
        }
    }
}

fn bucket(route: &str, variant: u64) -> String {
    let words: Vec<u64> = route.bytes().map(u64::from).chain([variant]).collect();
    Draw::of(&words).hex(32)
}

fn headers(now_ms: u64, limit: u32, remaining: u32, after_s: f64, bucket: &str) -> Headers {
    vec![
        ("x-ratelimit-limit", limit.to_string()),
        ("x-ratelimit-remaining", remaining.to_string()),
        ("x-ratelimit-reset", format!("{:.3}", seconds(now_ms) + after_s)),
        ("x-ratelimit-reset-after", format!("{after_s:.3}")),
        ("x-ratelimit-bucket", bucket.to_owned()),
    ]
}

/// Converts milliseconds to seconds.
#[expect(clippy::cast_precision_loss, reason = "milliseconds of this century have 41 bits")]
pub(crate) fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

fn whole_seconds(ms: u64) -> String {
    ms.div_ceil(1000).to_string()
}

#[cfg(test)]
mod tests;
