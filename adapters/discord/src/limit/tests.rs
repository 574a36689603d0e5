use std::time::Duration;

use ports::guild::Priority;
use proptest::prelude::*;

use super::{Limiter, Moment, Next, ResponseLimits, Scope, Target, Ticket};

const MESSAGES: &str = "/channels/{c}/messages";

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

const fn target(major: u64) -> Target {
    Target { route: MESSAGES, major }
}

fn refused(scope: Scope, wait: Duration) -> ResponseLimits {
    ResponseLimits { refused: Some((scope, Some(wait))), invalid: scope != Scope::Shared, ..ResponseLimits::default() }
}

/// A model of Discord's limits: fixed windows that begin with a request.
#[derive(Default)]
struct Truth {
    windows: std::collections::HashMap<u64, (Moment, u32)>,
    refused: u32,
    starts: Vec<Moment>,
}

impl Truth {
    /// Five in five seconds, and headers that promise a thousand.
    fn answer(&mut self, at: Moment, major: u64) -> ResponseLimits {
        self.starts.push(at);
        let window = self.windows.entry(major).or_insert((at, 0));
        if at >= window.0 + ms(5000) {
            *window = (at, 0);
        }
        if window.1 == 5 {
            self.refused += 1;
            let left = (window.0 + ms(5000)).saturating_sub(at);
            return ResponseLimits {
                bucket: Some("b".to_owned()),
                limit: Some(5),
                remaining: Some(0),
                reset_after: Some(left),
                refused: Some((Scope::User, Some(ms(left.as_secs() * 1000 + 1000)))),
                invalid: true,
            };
        }
        window.1 += 1;
        ResponseLimits {
            bucket: Some("a".to_owned()),
            limit: Some(1000),
            remaining: Some(999),
            reset_after: Some(ms(1000)),
            ..ResponseLimits::default()
        }
    }

    fn most_in(&self, length: Duration) -> usize {
        let from = |first: &Moment| self.starts.iter().filter(|at| **at >= *first && **at < *first + length).count();
        self.starts.iter().map(from).max().unwrap_or(0)
    }
}

/// Lets `channels` send requests until `until`, each response arriving `latency` after its request; returns the start
/// times.
fn run(channels: u64, until: Moment, latency: Duration) -> (Truth, Vec<(u64, Moment)>) {
    let (mut limiter, mut truth, mut log) = (Limiter::new(47), Truth::default(), Vec::new());
    let mut asked: std::collections::HashMap<Ticket, u64> =
        (1..=channels).map(|major| (limiter.enqueue(target(major), Priority::Backfill), major)).collect();
    let mut flying: std::collections::BTreeMap<(Moment, Ticket), (u64, ResponseLimits)> =
        std::collections::BTreeMap::new();
    let mut now = Moment::ZERO;
    while now < until {
        while let Some(entry) = flying.first_entry().filter(|entry| entry.key().0 <= now) {
            let (_, ticket) = *entry.key();
            let (major, limits) = entry.remove();
            limiter.responded(ticket, now, &limits);
            asked.insert(limiter.enqueue(target(major), Priority::Backfill), major);
        }
        match limiter.next(now) {
            Next::Start(ticket) => {
                let major = asked.remove(&ticket).unwrap();
                log.push((major, now));
                flying.insert((now + latency, ticket), (major, truth.answer(now, major)));
            }
            Next::Wait(at) => now = flying.keys().next().map_or(at, |(arrives, _)| at.min(*arrives)),
            Next::Idle => now = flying.keys().next().unwrap().0,
            Next::HoldBack(..) => panic!("few are refused"),
        }
    }
    (truth, log)
}

#[test]
fn sixty_channels_use_nine_tenths_of_the_bots_share_and_never_more_than_all_of_it() {
    let (truth, log) = run(60, Duration::from_mins(2), ms(150));
    assert!(log.len() >= 120 * 50 * 9 / 10, "{}", log.len());
    assert!(truth.most_in(ms(1000)) <= 50, "{}", truth.most_in(ms(1000)));
    assert_eq!(truth.refused, 0, "less than one a second each");
}

#[test]
fn one_channel_is_refused_once_and_then_read_as_fast_as_it_may() {
    let (truth, log) = run(1, Duration::from_mins(2), ms(150));
    assert_eq!(truth.refused, 1);
    assert!(log.len() >= 108, "{}", log.len());
}

#[test]
fn what_one_channel_has_taught_holds_for_the_others() {
    let (truth, _) = run(8, Duration::from_mins(1), ms(20));
    assert!(truth.refused <= 8, "those that were on their way: {}", truth.refused);
    let (mut limiter, mut truth) = (Limiter::new(47), Truth::default());
    let mut now = Moment::ZERO;
    for major in [1, 2] {
        for _ in 0..12 {
            let ticket = limiter.enqueue(target(major), Priority::Backfill);
            loop {
                match limiter.next(now) {
                    Next::Start(_) => break,
                    Next::Wait(at) => now = at,
                    other => panic!("{other:?}"),
                }
            }
            let limits = truth.answer(now, major);
            limiter.responded(ticket, now, &limits);
        }
    }
    assert_eq!(truth.refused, 1, "the second channel is never refused");
}

/// Starts a request and returns the time.
fn start(limiter: &mut Limiter, now: &mut Moment, target: Target) -> Ticket {
    let ticket = limiter.enqueue(target, Priority::CatchUp);
    loop {
        match limiter.next(*now) {
            Next::Start(started) => {
                assert_eq!(started, ticket);
                return ticket;
            }
            Next::Wait(at) => *now = at,
            other => panic!("{other:?}"),
        }
    }
}

/// Returns when each of two places may send again after a response in the first.
fn after(limits: &ResponseLimits) -> (Moment, Moment) {
    let when = |next: Target| {
        let (mut limiter, mut now) = (Limiter::new(47), ms(0));
        let ticket = start(&mut limiter, &mut now, target(1));
        limiter.responded(ticket, now, limits);
        start(&mut limiter, &mut now, next);
        now
    };
    (when(target(1)), when(target(2)))
}

#[test]
fn a_refusal_holds_exactly_what_it_is_about() {
    let (same, other) = after(&refused(Scope::User, ms(3000)));
    assert!(same >= ms(3000) && same < ms(3100) && other < ms(30));
    let (same, other) = after(&refused(Scope::Shared, ms(3000)));
    assert!(same >= ms(3000) && same < ms(3100) && other < ms(30));
    let (same, other) = after(&refused(Scope::Global, ms(3000)));
    assert!(same >= ms(3000) && same < ms(3100) && other >= ms(3000) && other < ms(3100));
}

#[test]
fn a_refusal_that_does_not_say_how_long_is_waited_out_all_the_same() {
    let (same, _) = after(&ResponseLimits { refused: Some((Scope::User, None)), ..ResponseLimits::default() });
    assert!(same >= ms(5000));
}

#[test]
fn an_answer_of_the_proxy_stops_everything_for_a_minute_then_for_two() {
    let (mut limiter, mut now) = (Limiter::new(47), ms(0));
    for expected in [60_000, 180_000, 420_000] {
        let ticket = start(&mut limiter, &mut now, target(1));
        limiter.responded(ticket, now, &refused(Scope::Proxy, ms(7000)));
        start(&mut limiter, &mut now, target(2));
        assert_eq!(now, ms(expected));
        limiter.forget(Ticket(limiter.seen));
    }
    let ticket = start(&mut limiter, &mut now, target(3));
    limiter.responded(ticket, now, &ResponseLimits::default());
    let (ticket, before) = (start(&mut limiter, &mut now, target(3)), now);
    limiter.responded(ticket, now, &refused(Scope::Proxy, ms(0)));
    start(&mut limiter, &mut now, target(3));
    assert_eq!(now.saturating_sub(before), ms(60_000), "a success resets the wait");
}

#[test]
fn an_empty_bucket_is_left_alone_until_it_is_full_again() {
    let limits = ResponseLimits { remaining: Some(0), reset_after: Some(ms(800)), ..ResponseLimits::default() };
    let (same, other) = after(&limits);
    assert!(same >= ms(800) && same < ms(900) && other < ms(30));
}

#[test]
fn routes_that_share_a_bucket_share_what_is_left_in_it() {
    let (mut limiter, mut now) = (Limiter::new(47), ms(0));
    let pins = Target { route: "/channels/{c}/messages/pins", major: 1 };
    let named = ResponseLimits { bucket: Some("same".to_owned()), ..ResponseLimits::default() };
    for target in [target(1), pins] {
        let ticket = start(&mut limiter, &mut now, target);
        limiter.responded(ticket, now, &named);
    }
    let ticket = start(&mut limiter, &mut now, target(1));
    let empty = ResponseLimits { remaining: Some(0), reset_after: Some(ms(900)), ..named };
    limiter.responded(ticket, now, &empty);
    let before = now;
    start(&mut limiter, &mut now, pins);
    assert!(now.saturating_sub(before) >= ms(900));
}

#[test]
fn two_requests_of_one_channel_never_run_at_once() {
    let (mut limiter, mut now) = (Limiter::new(47), ms(0));
    let first = start(&mut limiter, &mut now, target(1));
    limiter.enqueue(target(1), Priority::Live);
    assert_eq!(limiter.next(ms(9000)), Next::Idle);
    limiter.responded(first, ms(9000), &ResponseLimits { bucket: Some("new".to_owned()), ..ResponseLimits::default() });
    assert!(matches!(limiter.next(ms(9000)), Next::Start(_)));
}

#[test]
fn live_requests_overtake_catching_up_and_that_overtakes_history() {
    let mut limiter = Limiter::new(47);
    let history: Vec<Ticket> = (1..=50).map(|major| limiter.enqueue(target(major), Priority::Backfill)).collect();
    let recent = limiter.enqueue(target(70), Priority::CatchUp);
    let live = limiter.enqueue(target(80), Priority::Live);
    let mut now = ms(0);
    let mut order = Vec::new();
    while order.len() < 4 {
        match limiter.next(now) {
            Next::Start(ticket) => order.push(ticket),
            Next::Wait(at) => now = at,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(order, [live, recent, history[0], history[1]]);
}

#[test]
fn requests_that_are_refused_for_ever_stop_long_before_the_ban() {
    let (mut limiter, mut now, mut asked, mut last) = (Limiter::new(47), ms(0), 0, ms(0));
    for priority in [Priority::Backfill, Priority::Live] {
        loop {
            let ticket = limiter.enqueue(target(asked), priority);
            match limiter.next(now) {
                Next::Start(_) => {
                    asked += 1;
                    last = now;
                    limiter.responded(ticket, now, &ResponseLimits { invalid: true, ..ResponseLimits::default() });
                }
                Next::Wait(at) => {
                    limiter.forget(ticket);
                    now = at;
                }
                Next::HoldBack(refused, wait) => {
                    assert_eq!(refused, ticket);
                    assert!(wait > ms(0) && wait <= Duration::from_mins(10));
                    break;
                }
                Next::Idle => panic!("something waits"),
            }
        }
        assert_eq!(asked, if priority == Priority::Live { 5000 } else { 2000 });
    }
    let ticket = limiter.enqueue(target(0), Priority::Backfill);
    assert_eq!(limiter.next(last + Duration::from_mins(10)), Next::Start(ticket), "after ten minutes none counts");
}

#[test]
fn a_request_that_is_given_up_leaves_its_place() {
    let (mut limiter, mut now) = (Limiter::new(47), ms(0));
    let running = start(&mut limiter, &mut now, target(1));
    let waiting = limiter.enqueue(target(1), Priority::Live);
    limiter.forget(running);
    now += ms(100);
    assert_eq!(limiter.next(now), Next::Start(waiting));
    limiter.forget(waiting);
    limiter.forget(waiting);
    assert_eq!(limiter.next(now), Next::Idle);
}

#[test]
fn a_refusal_without_visible_reason_slows_its_own_channel_only() {
    let (mut limiter, mut now) = (Limiter::new(47), ms(0));
    let ticket = start(&mut limiter, &mut now, target(1));
    limiter.responded(ticket, now, &refused(Scope::User, ms(300_000)));
    now = ms(400_000);
    for _ in 0..3 {
        let ticket = start(&mut limiter, &mut now, target(1));
        limiter.responded(ticket, now, &ResponseLimits::default());
    }
    assert!(now >= ms(402_000) && now < ms(402_200), "one a second: {now:?}");
    let before = now;
    for _ in 0..6 {
        let ticket = start(&mut limiter, &mut now, target(2));
        limiter.responded(ticket, now, &ResponseLimits::default());
    }
    assert!(now.saturating_sub(before) < ms(200));
}

#[test]
fn memory_does_not_grow_with_the_number_of_channels() {
    let (mut limiter, mut now) = (Limiter::new(100), ms(0));
    for major in 0..50_000 {
        let ticket = start(&mut limiter, &mut now, target(major));
        limiter.responded(ticket, now, &ResponseLimits::default());
    }
    assert!(limiter.buckets.len() < 15_000, "{}", limiter.buckets.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// For any number of channels and any latency: no window exceeds the bot's rate, a channel is limited at most once,
    /// and every channel makes progress.
    #[test]
    fn no_load_breaks_a_limit(channels in 1_u64..90, latency in 1_u64..900) {
        let (truth, log) = run(channels, Duration::from_secs(40), ms(latency));
        prop_assert!(truth.most_in(ms(1000)) <= 49);
        for major in 1..=channels {
            let starts: Vec<Moment> = log.iter().filter(|(other, _)| *other == major).map(|(_, at)| *at).collect();
            prop_assert!(starts.len() >= 15, "channel {major}: {}", starts.len());
        }
        prop_assert!(u64::from(truth.refused) <= channels);
    }
}
