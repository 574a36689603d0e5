//! The log of requests.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

/// The number of entries that are stored; older ones are only counted.
const KEPT: usize = 200_000;

/// One request to the REST API.
#[derive(Debug, Clone, Serialize)]
pub struct Request {
    /// Its number, from 1.
    pub number: u64,
    /// The time of arrival, in milliseconds of the simulator's clock.
    pub at_ms: u64,
    /// Its method.
    pub method: String,
    /// Its path.
    pub path: String,
    /// Its query, as it was sent.
    pub query: String,
    /// Its route with the ids named; empty for an unknown route.
    pub route: &'static str,
    /// The channel or guild of the route; 0 if it has none.
    pub major: u64,
    /// The status of the response.
    pub status: u16,
    /// Whether the response came from a fault.
    pub injected: bool,
    /// Whether it counted towards the ban for invalid requests.
    pub invalid: bool,
}

/// All requests since the start.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    entries: VecDeque<Request>,
    total: u64,
    by_status: BTreeMap<u16, u64>,
    /// 429s that did not come from a fault.
    limited: u64,
    invalid: u64,
}

/// The totals over all requests.
#[derive(Debug, Clone, Serialize)]
pub struct Totals {
    /// The number of requests.
    pub requests: u64,
    /// The numbers by status.
    pub by_status: BTreeMap<u16, u64>,
    /// The 429s that the client caused.
    pub limited: u64,
    /// 401s, 403s and 429s that count towards the ban.
    pub invalid: u64,
    /// The most requests in any second, among those still stored.
    pub busiest_second: usize,
}

impl Requests {
    /// Adds a request and gives it its number.
    pub(crate) fn add(&mut self, mut request: Request) {
        self.total += 1;
        request.number = self.total;
        *self.by_status.entry(request.status).or_default() += 1;
        self.limited += u64::from(request.status == 429 && !request.injected);
        self.invalid += u64::from(request.invalid);
        if self.entries.len() == KEPT {
            self.entries.pop_front();
        }
        self.entries.push_back(request);
    }

    /// Returns the requests with a number above `after`, oldest first.
    pub(crate) fn after(&self, after: u64) -> impl Iterator<Item = &Request> {
        let start = self.entries.partition_point(|request| request.number <= after);
        self.entries.range(start..)
    }

    /// Returns the totals.
    pub(crate) fn totals(&self) -> Totals {
        let mut window = VecDeque::new();
        let mut busiest_second = 0;
        for request in &self.entries {
            window.push_back(request.at_ms);
            while window.front().is_some_and(|first| first + 1000 <= request.at_ms) {
                window.pop_front();
            }
            busiest_second = busiest_second.max(window.len());
        }
        Totals {
            requests: self.total,
            by_status: self.by_status.clone(),
            limited: self.limited,
            invalid: self.invalid,
            busiest_second,
        }
    }
}
