//! Faults of the REST API on demand.

use serde::{Deserialize, Serialize};

/// A rule that makes some responses fail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// The requests that the rule matches.
    #[serde(rename = "match", default)]
    pub matching: Match,
    /// The number of requests that fail; 0 for all.
    #[serde(default = "once")]
    pub count: u64,
    /// The fault.
    pub action: Fault,
}

const fn once() -> u64 {
    1
}

/// The requests that a rule matches. Absent fields match every request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Match {
    /// The method.
    #[serde(default)]
    pub method: Option<String>,
    /// The route with its ids named, as `/channels/{c}/messages`.
    #[serde(default)]
    pub route: Option<String>,
    /// The channel (or guild) of the route.
    #[serde(default)]
    pub channel: Option<String>,
    /// The first matching request that fails, counted from 1.
    #[serde(default)]
    pub nth: Option<u64>,
}

impl FaultRule {
    /// Returns a rule for the next `count` requests of `route`; 0 for all.
    #[must_use]
    pub fn on(route: &str, count: u64, action: Fault) -> Self {
        Self { matching: Match { route: Some(route.to_owned()), ..Match::default() }, count, action }
    }

    /// Returns the same rule for one channel only.
    #[must_use]
    pub fn in_channel(mut self, channel: u64) -> Self {
        self.matching.channel = Some(channel.to_string());
        self
    }

    /// Returns the same rule from the `nth` matching request on.
    #[must_use]
    pub const fn from_nth(mut self, nth: u64) -> Self {
        self.matching.nth = Some(nth);
        self
    }
}

/// A fault of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// A 429 with scope `user`, `global` or `shared`.
    Limited {
        /// The scope.
        scope: LimitScope,
        /// The wait in the body, in seconds.
        retry_after: f64,
        /// The wait in the header; absent if `None`, text so that it may be a fraction.
        #[serde(default)]
        header: Option<String>,
    },
    /// Cloudflare's 429: a page without a scope.
    Cloudflare {
        /// The seconds in the header, if there is one.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// This status with a page (`html`) or Discord's "overloaded" as body.
    Status {
        /// The status.
        status: u16,
        /// Whether the body is a page.
        #[serde(default)]
        html: bool,
    },
    /// 401.
    Unauthorized,
    /// 403 with code 50001.
    NoAccess,
    /// 404 with code 10003.
    UnknownChannel,
    /// 202: search has no index.
    IndexNotReady,
    /// The response begins late.
    SlowFirstByte {
        /// The delay in milliseconds.
        ms: u64,
    },
    /// Every kilobyte of the response is late.
    SlowBody {
        /// The delay in milliseconds.
        ms: u64,
    },
    /// Half of the response is sent, then nothing, and the connection stays open.
    Stall,
    /// The header announces more bytes than are sent.
    Truncate,
    /// The connection breaks in the middle of the response.
    Reset,
    /// A 200 whose body is not JSON.
    InvalidJson,
    /// A page with one message that has no author, a number as id and text as embeds.
    MalformedMessage,
    /// A page with only the messages nearest to the cursor, as if others were deleted while it was built.
    ShortPage {
        /// The number of messages that remain.
        keep: usize,
    },
    /// A list of threads that is empty and claims that there are more.
    EmptyButMore,
    /// A list of threads that is empty, as if no thread were indexed yet.
    EmptyList,
}

/// The scope of an injected 429.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LimitScope {
    /// This bot on this route.
    User,
    /// This bot everywhere.
    Global,
    /// All clients on this resource.
    Shared,
}

/// The active rules, in the order in which they were added.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    rules: Vec<(FaultRule, u64)>,
}

impl Faults {
    /// Adds a rule.
    pub(crate) fn add(&mut self, rule: FaultRule) {
        self.rules.push((rule, 0));
    }

    /// Removes all rules.
    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    /// Returns the active rules.
    pub(crate) fn rules(&self) -> impl Iterator<Item = &FaultRule> {
        self.rules.iter().map(|(rule, _)| rule)
    }

    /// Returns the fault of this request, if any. Every rule that it matches counts it; the first due one applies.
    pub(crate) fn strike(&mut self, method: &str, route: &str, major: u64) -> Option<Fault> {
        let major = major.to_string();
        let mut struck = None;
        for (rule, seen) in &mut self.rules {
            let Match { method: only_method, route: only_route, channel, nth } = &rule.matching;
            let hit = only_method.as_deref().is_none_or(|only| only.eq_ignore_ascii_case(method))
                && only_route.as_deref().is_none_or(|only| only == route)
                && channel.as_deref().is_none_or(|only| only == major);
            if !hit {
                continue;
            }
            *seen += 1;
            let first = nth.unwrap_or(1);
            let due = *seen >= first && (rule.count == 0 || *seen < first + rule.count);
            if due && struck.is_none() {
                struck = Some(rule.action.clone());
            }
        }
        self.rules.retain(|(rule, seen)| rule.count == 0 || *seen + 1 < rule.matching.nth.unwrap_or(1) + rule.count);
        struck
    }
}

#[cfg(test)]
mod tests;
