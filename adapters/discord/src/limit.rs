//! Rate limits, as a pure function of the clock and of the responses
//! (<https://docs.discord.com/developers/topics/rate-limits>).
//!
//! Three limits delay a request: the bot's rate over all routes, the bucket of its route and channel, and a pause that
//! a response demanded. Buckets are learnt from headers. Headers are not always true, so an unexpected 429 teaches the
//! real limit of the bucket.

mod bucket;
mod invalid;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use ports::guild::Priority;

use self::bucket::{Bucket, Window};
use self::invalid::Invalid;

/// The time since the client was made.
pub(crate) type Moment = Duration;

/// The number of buckets that are kept without a waiting request.
const IDLE_BUCKETS: usize = 4096;

/// The minimum pause of all requests after a block by the proxy in front of the API; doubled each time.
pub(crate) const PROXY_PAUSE: Duration = Duration::from_mins(1);
const PROXY_PAUSE_MAX: Duration = Duration::from_hours(1);

/// The wait after a 429 without a delay.
const UNSAID: Duration = Duration::from_secs(5);

/// The extra time at the end of each wait, because clocks and networks are not exact.
const MARGIN: Duration = Duration::from_millis(30);

/// A waiting or running request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Ticket(pub(crate) u64);

/// The scope of a limit: a route, and its channel or guild (0 for neither).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    pub(crate) route: &'static str,
    pub(crate) major: u64,
}

/// The scope of a 429.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// This bot in this bucket.
    User,
    /// All clients of this target; it does not count as an invalid request.
    Shared,
    /// This bot everywhere.
    Global,
    /// This address: the response is from the proxy in front of the API.
    Proxy,
}

/// The rate limits in a response.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct ResponseLimits {
    /// The bucket's name.
    pub(crate) bucket: Option<String>,
    /// The number of requests per window.
    pub(crate) limit: Option<u32>,
    /// The number of requests left.
    pub(crate) remaining: Option<u32>,
    /// The time until it is reset.
    pub(crate) reset_after: Option<Duration>,
    /// Whether the request was limited, the scope, and the delay if there is one.
    pub(crate) refused: Option<(Scope, Option<Duration>)>,
    /// Whether it counts towards the ban: 401, 403, and 429 except for shared ones.
    pub(crate) invalid: bool,
}

/// The next action of the limiter.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// This request starts now.
    Start(Ticket),
    /// This request is rejected: too many responses were invalid, and fewer will count after this time.
    HoldBack(Ticket, Duration),
    /// No request can start before this time.
    Wait(Moment),
    /// No request can start before a response arrives, or none is waiting.
    Idle,
}

/// The bucket's name, or the route as long as it is unknown, and the channel or guild.
type Key = (String, u64);

/// The limiter.
#[derive(Debug)]
pub(crate) struct Limiter {
    seen: u64,
    waiting: BTreeMap<(Priority, Ticket), Target>,
    running: HashMap<Ticket, Key>,
    /// The names of the routes' buckets.
    names: HashMap<&'static str, String>,
    buckets: HashMap<Key, Bucket>,
    /// The number of buckets above which idle ones are dropped.
    tidy_above: usize,
    /// The windows of routes, learnt from 429 responses.
    learnt: HashMap<&'static str, Window>,
    /// The interval between two requests over all routes.
    interval: Duration,
    /// The time at which the next request is due by the bot's rate; it may start one interval early.
    due: Moment,
    paused_until: Moment,
    proxy_pause: Duration,
    invalid: Invalid,
}

impl Limiter {
    /// Returns a limiter that permits `per_second` requests over all routes.
    pub(crate) fn new(per_second: u32) -> Self {
        Self {
            seen: 0,
            waiting: BTreeMap::new(),
            running: HashMap::new(),
            names: HashMap::new(),
            buckets: HashMap::new(),
            tidy_above: IDLE_BUCKETS,
            learnt: HashMap::new(),
            interval: Duration::from_secs(1) / per_second.max(1),
            due: Moment::ZERO,
            paused_until: Moment::ZERO,
            proxy_pause: PROXY_PAUSE,
            invalid: Invalid::default(),
        }
    }

    /// Appends a request to those of its priority.
    pub(crate) fn enqueue(&mut self, target: Target, priority: Priority) -> Ticket {
        self.seen += 1;
        let ticket = Ticket(self.seen);
        self.waiting.insert((priority, ticket), target);
        ticket
    }

    /// Returns the next action at `now`. A started request runs until [`Limiter::responded`] or [`Limiter::forget`].
    pub(crate) fn next(&mut self, now: Moment) -> Next {
        self.invalid.forget_old(now);
        let refused = self.waiting.keys().find_map(|(priority, ticket)| {
            self.invalid.holds_back(*priority, now).map(|wait| (*priority, *ticket, wait))
        });
        if let Some((priority, ticket, wait)) = refused {
            self.waiting.remove(&(priority, ticket));
            return Next::HoldBack(ticket, wait);
        }
        let everywhere = self.paused_until.max(self.due.saturating_sub(self.interval));
        let mut earliest: Option<Moment> = None;
        for ((priority, ticket), target) in &self.waiting {
            let key = self.key(*target);
            let Some(ready) = self.ready(&key, target.route) else { continue };
            let ready = ready.max(everywhere);
            if ready <= now {
                let (priority, ticket, target) = (*priority, *ticket, *target);
                self.waiting.remove(&(priority, ticket));
                self.start(ticket, key, target, now);
                return Next::Start(ticket);
            }
            earliest = Some(earliest.map_or(ready, |other| other.min(ready)));
        }
        earliest.map_or(Next::Idle, Next::Wait)
    }

    /// Returns when a request may start by its bucket alone; `None` while another one runs there.
    fn ready(&self, key: &Key, route: &str) -> Option<Moment> {
        let Some(bucket) = self.buckets.get(key) else { return Some(Moment::ZERO) };
        bucket.ready(self.learnt.get(route))
    }

    fn start(&mut self, ticket: Ticket, key: Key, target: Target, now: Moment) {
        self.due = self.due.max(now) + self.interval;
        if self.buckets.len() > self.tidy_above {
            self.buckets.retain(|_, bucket| !bucket.is_idle(now));
            self.tidy_above = (self.buckets.len() * 2).max(IDLE_BUCKETS);
        }
        self.buckets.entry(key.clone()).or_insert_with(|| Bucket::new(target.route)).start(now);
        self.running.insert(ticket, key);
    }

    fn key(&self, target: Target) -> Key {
        (self.names.get(target.route).map_or_else(|| target.route.to_owned(), Clone::clone), target.major)
    }

    /// Applies the limits in the response to a request.
    pub(crate) fn responded(&mut self, ticket: Ticket, now: Moment, limits: &ResponseLimits) {
        let Some(mut key) = self.running.remove(&ticket) else { return };
        let Some(mut bucket) = self.buckets.remove(&key) else { return };
        bucket.end();
        if limits.invalid {
            self.invalid.count(now);
        }
        match limits.refused {
            None => {
                self.proxy_pause = PROXY_PAUSE;
                if let Some(name) = &limits.bucket {
                    self.rename(bucket.route(), &key.0, name);
                    key.0.clone_from(name);
                }
                bucket.apply(now, limits);
            }
            Some((scope, wait)) => {
                let until = now + wait.unwrap_or(UNSAID) + MARGIN;
                match scope {
                    Scope::User => {
                        bucket.pause(until);
                        let ends = limits.reset_after.map_or(until, |after| until.min(now + after));
                        let known = self.learnt.get(bucket.route()).copied();
                        if let Some(window) = bucket.learn(ends, limits.limit, known) {
                            self.learnt.insert(bucket.route(), window);
                        }
                    }
                    Scope::Shared => bucket.pause(until),
                    Scope::Global => self.paused_until = self.paused_until.max(until),
                    Scope::Proxy => {
                        let until = now + wait.unwrap_or_default().max(self.proxy_pause);
                        self.paused_until = self.paused_until.max(until);
                        self.proxy_pause = (self.proxy_pause * 2).min(PROXY_PAUSE_MAX);
                    }
                }
            }
        }
        self.put(key, bucket);
    }

    /// Moves the state of a route's buckets to the name that Discord gives them.
    fn rename(&mut self, route: &'static str, old: &str, name: &str) {
        if old == name || self.names.get(route).is_some_and(|known| known == name) {
            return;
        }
        self.names.insert(route, name.to_owned());
        let moved: Vec<Key> = self.buckets.keys().filter(|key| key.0 == old).cloned().collect();
        for key in moved {
            let Some(bucket) = self.buckets.remove(&key) else { continue };
            self.put((name.to_owned(), key.1), bucket);
        }
        for key in self.running.values_mut().filter(|key| key.0 == old) {
            name.clone_into(&mut key.0);
        }
    }

    fn put(&mut self, key: Key, bucket: Bucket) {
        match self.buckets.get_mut(&key) {
            Some(other) => other.merge(bucket),
            None => _ = self.buckets.insert(key, bucket),
        }
    }

    /// Drops a request that waits, or that got no response.
    pub(crate) fn forget(&mut self, ticket: Ticket) {
        self.waiting.retain(|(_, other), _| *other != ticket);
        if let Some(bucket) = self.running.remove(&ticket).and_then(|key| self.buckets.get_mut(&key)) {
            bucket.end();
        }
    }
}

#[cfg(test)]
mod tests;
