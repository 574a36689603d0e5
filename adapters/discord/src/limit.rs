//! Rate limits, as a pure function of the clock and of what the answers say
//! (<https://docs.discord.com/developers/topics/rate-limits>).
//!
//! Three things hold a request back: the bot's share over everything, the bucket of its route and channel, and a pause
//! that an answer asked for. Buckets are learnt from headers. Headers are not always true, so a refusal that could not
//! be foreseen teaches what the bucket really allows.

mod bucket;
mod invalid;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use ports::guild::Priority;

use self::bucket::{Bucket, Window};
use self::invalid::Invalid;

/// Time since the client was made.
pub(crate) type Moment = Duration;

/// Buckets that are kept although nothing waits for them.
const IDLE_BUCKETS: usize = 4096;

/// How long everything stops after an answer of the proxy in front of the API, at the least; twice as long each time.
pub(crate) const PROXY_PAUSE: Duration = Duration::from_mins(1);
const PROXY_PAUSE_MAX: Duration = Duration::from_hours(1);

/// What is waited when a refusal does not say how long.
const UNSAID: Duration = Duration::from_secs(5);

/// Waits end a little late, because clocks and networks are not exact.
const MARGIN: Duration = Duration::from_millis(30);

/// A request that waits or runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Ticket(pub(crate) u64);

/// What shares a limit: a route, and the channel or guild that it is about (0 for neither).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) route: &'static str,
    pub(crate) major: u64,
}

/// Whom a refusal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// This bot in this bucket.
    User,
    /// Everybody in this place; it does not count as an invalid request.
    Shared,
    /// This bot everywhere.
    Global,
    /// This address: the proxy in front of the API answered.
    Proxy,
}

/// What an answer says about limits.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Heard {
    /// The bucket's name.
    pub(crate) bucket: Option<String>,
    /// How many requests fit into it.
    pub(crate) limit: Option<u32>,
    /// How many of them are left.
    pub(crate) remaining: Option<u32>,
    /// When it is full again.
    pub(crate) reset_after: Option<Duration>,
    /// Whether it was a refusal, about whom, and for how long if it says so.
    pub(crate) refused: Option<(Scope, Option<Duration>)>,
    /// Whether it counts towards the ban: 401, 403, and 429 but for shared ones.
    pub(crate) invalid: bool,
}

/// What happens next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// This request runs now.
    Start(Ticket),
    /// This request is given up: too many were refused, and this is when fewer count.
    HoldBack(Ticket, Duration),
    /// None can run before this moment.
    Wait(Moment),
    /// None can run before an answer arrives, or none waits.
    Idle,
}

/// The bucket's name, or the route while it is not known, and the channel or guild.
type Key = (String, u64);

/// The limiter.
#[derive(Debug)]
pub(crate) struct Limiter {
    seen: u64,
    waiting: BTreeMap<(Priority, Ticket), Place>,
    running: HashMap<Ticket, Key>,
    /// The names of the routes' buckets.
    names: HashMap<&'static str, String>,
    buckets: HashMap<Key, Bucket>,
    /// With more buckets than this, idle ones are forgotten.
    tidy_above: usize,
    /// What refusals taught about the routes.
    learnt: HashMap<&'static str, Window>,
    /// Between two requests over all routes.
    interval: Duration,
    /// When the next request is due by the bot's share; it may come one interval early.
    due: Moment,
    paused_until: Moment,
    proxy_pause: Duration,
    invalid: Invalid,
}

impl Limiter {
    /// A limiter that lets `per_second` requests pass over all routes.
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

    /// Puts a request behind those of its priority.
    pub(crate) fn enqueue(&mut self, place: Place, priority: Priority) -> Ticket {
        self.seen += 1;
        let ticket = Ticket(self.seen);
        self.waiting.insert((priority, ticket), place);
        ticket
    }

    /// What happens at `now`. A request that starts runs until [`Limiter::answered`] or [`Limiter::forget`].
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
        for ((priority, ticket), place) in &self.waiting {
            let key = self.key(*place);
            let Some(ready) = self.ready(&key, place.route) else { continue };
            let ready = ready.max(everywhere);
            if ready <= now {
                let (priority, ticket, place) = (*priority, *ticket, *place);
                self.waiting.remove(&(priority, ticket));
                self.start(ticket, key, place, now);
                return Next::Start(ticket);
            }
            earliest = Some(earliest.map_or(ready, |other| other.min(ready)));
        }
        earliest.map_or(Next::Idle, Next::Wait)
    }

    /// When a request may start by its bucket alone; `None` while another one runs there.
    fn ready(&self, key: &Key, route: &str) -> Option<Moment> {
        let Some(bucket) = self.buckets.get(key) else { return Some(Moment::ZERO) };
        bucket.ready(self.learnt.get(route))
    }

    fn start(&mut self, ticket: Ticket, key: Key, place: Place, now: Moment) {
        self.due = self.due.max(now) + self.interval;
        if self.buckets.len() > self.tidy_above {
            self.buckets.retain(|_, bucket| !bucket.is_idle(now));
            self.tidy_above = (self.buckets.len() * 2).max(IDLE_BUCKETS);
        }
        self.buckets.entry(key.clone()).or_insert_with(|| Bucket::new(place.route)).start(now);
        self.running.insert(ticket, key);
    }

    fn key(&self, place: Place) -> Key {
        (self.names.get(place.route).map_or_else(|| place.route.to_owned(), Clone::clone), place.major)
    }

    /// Takes what the answer to a request says.
    pub(crate) fn answered(&mut self, ticket: Ticket, now: Moment, heard: &Heard) {
        let Some(mut key) = self.running.remove(&ticket) else { return };
        let Some(mut bucket) = self.buckets.remove(&key) else { return };
        bucket.end();
        if heard.invalid {
            self.invalid.count(now);
        }
        match heard.refused {
            None => {
                self.proxy_pause = PROXY_PAUSE;
                if let Some(name) = &heard.bucket {
                    self.rename(bucket.route(), &key.0, name);
                    key.0.clone_from(name);
                }
                bucket.heard(now, heard);
            }
            Some((scope, wait)) => {
                let until = now + wait.unwrap_or(UNSAID) + MARGIN;
                match scope {
                    Scope::User => {
                        bucket.pause(until);
                        let ends = heard.reset_after.map_or(until, |after| until.min(now + after));
                        let known = self.learnt.get(bucket.route()).copied();
                        if let Some(window) = bucket.learn(ends, heard.limit, known) {
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

    /// Moves what is known of a route's buckets to the name that Discord gives them.
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

    /// Gives up a request that waits, or whose answer never came.
    pub(crate) fn forget(&mut self, ticket: Ticket) {
        self.waiting.retain(|(_, other), _| *other != ticket);
        if let Some(bucket) = self.running.remove(&ticket).and_then(|key| self.buckets.get_mut(&key)) {
            bucket.end();
        }
    }
}

#[cfg(test)]
mod tests;
