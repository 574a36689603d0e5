//! Discord's limits, with headers as untrue as the real ones.

use std::collections::BTreeMap;
use std::time::Duration;

use discord_simulator::{ChannelPlan, Fault, FaultRule, LimitScope, Limits, Options, Request, kind};
use domain::message::MessageId;
use futures::future::join_all;
use ports::guild::{GuildError, GuildSource as _, MessageCursor, Priority};
use tokio::time::{Instant, timeout};

use crate::world::{World, ids, true_ids};

const MESSAGES: &str = "/channels/{c}/messages";

fn channels(count: usize, messages: u64) -> Vec<ChannelPlan> {
    (0..count).map(|number| ChannelPlan::new(&format!("c{number}"), kind::TEXT, messages)).collect()
}

/// Limits that no test here reaches.
fn wide() -> Limits {
    Limits { messages: (1000, 1000), other: (1000, 1000), ..Limits::default() }
}

fn reads(world: &World) -> Vec<Request> {
    world.simulator.requests(0).into_iter().filter(|request| request.route == MESSAGES).collect()
}

/// The most requests in any `ms` milliseconds.
fn most_in(requests: &[Request], ms: u64) -> usize {
    let from = |first: &Request| requests.iter().filter(|r| (first.at_ms..first.at_ms + ms).contains(&r.at_ms)).count();
    requests.iter().map(from).max().unwrap_or(0)
}

#[tokio::test(start_paused = true)]
async fn lying_headers_cost_one_429_and_then_never_again() {
    let world = World::limited(channels(1, 6_000), Limits::default()).await;
    let channel = world.channel("c0").await;
    let began = Instant::now();
    let pages = world.walk(&channel, MessageCursor::Before(MessageId::MAX)).await;
    assert_eq!(ids(&pages), true_ids(&world.simulator, channel.channel.platform_id.get()));
    assert_eq!(world.simulator.totals().limited, 1);
    let asked = reads(&world);
    assert_eq!(asked.len(), 62);
    assert!(most_in(&asked[6..], 5000) <= 5, "{}", most_in(&asked[6..], 5000));
    assert!(began.elapsed() < Duration::from_secs(62 * 11 / 10), "as fast as it may: {:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_60_channels_parallel_use_nine_tenths_of_what_is_allowed_and_never_more() {
    let options = Options { rest_latency_ms: 120, ..Options::planned(1, channels(60, 20_000)) };
    let world = World::start(options).await;
    let structure = world.structure().await;
    let began_ms = world.now_ms();
    let walks = structure.channels.iter().map(|channel| async {
        let mut cursor = MessageCursor::Before(MessageId::MAX);
        while let Some(next) = world.fetch(channel, cursor).await.unwrap().next {
            cursor = next;
        }
    });
    let all = timeout(Duration::from_mins(1), join_all(walks)).await;
    assert!(all.is_err(), "there is more than a minute can read");
    let asked = reads(&world);
    let seconds = (world.now_ms() - began_ms) / 1000;
    let share = asked.len() as u64 * 100 / (seconds * 50);
    assert!(share >= 90, "{share} % in {seconds} s");
    assert!(world.simulator.totals().busiest_second <= 50, "{}", world.simulator.totals().busiest_second);
    assert_eq!(world.simulator.totals().limited, 0);
    let mut each: BTreeMap<u64, u32> = BTreeMap::new();
    for request in &asked {
        *each.entry(request.major).or_default() += 1;
    }
    assert!(each.len() == 60 && each.values().max().unwrap() - each.values().min().unwrap() <= 2, "{each:?}");
}

#[tokio::test(start_paused = true)]
async fn one_slow_channel_does_not_slow_the_others() {
    let world = World::limited(channels(8, 3_000), wide()).await;
    let structure = world.structure().await;
    let slow = structure.channels[0].channel.platform_id.get();
    let limited = Fault::Limited { scope: LimitScope::User, retry_after: 4.0, header: Some("4".to_owned()) };
    world.simulator.fault(FaultRule::on(MESSAGES, 5, limited).in_channel(slow));
    let began = Instant::now();
    let took = join_all(structure.channels.iter().map(|channel| async {
        let pages = world.walk(channel, MessageCursor::Before(MessageId::MAX)).await;
        assert_eq!(ids(&pages).len(), 3_000);
        began.elapsed()
    }))
    .await;
    assert!(took[0] >= Duration::from_secs(20), "{:?}", took[0]);
    assert!(took[1..].iter().all(|took| *took < Duration::from_secs(8)), "{took:?}");
}

/// Two channels, the first of which meets `fault` at its first read. Returns when the reads of both ended, and the
/// requests.
async fn meet(fault: Fault) -> ([Result<Duration, GuildError>; 2], World) {
    let world = World::limited(channels(2, 50), wide()).await;
    let structure = world.structure().await;
    let [first, second] = &structure.channels[..] else { panic!("two channels") };
    world.simulator.fault(FaultRule::on(MESSAGES, 1, fault).in_channel(first.channel.platform_id.get()));
    let began = Instant::now();
    let read = async |channel| world.newest(channel).await.map(|_| began.elapsed());
    let later = async {
        // After the first one's answer, before any wait could be over.
        while world.asked(MESSAGES) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        read(second).await
    };
    let (one, other) = tokio::join!(read(first), later);
    ([one, other], world)
}

fn seconds(took: &Result<Duration, GuildError>) -> f64 {
    took.as_ref().unwrap().as_secs_f64()
}

#[tokio::test(start_paused = true)]
async fn global_429_stops_everything_for_exactly_as_long_as_it_says() {
    let fault = Fault::Limited { scope: LimitScope::Global, retry_after: 3.5, header: Some("2".to_owned()) };
    let ([one, other], world) = meet(fault).await;
    assert!((3.5..3.8).contains(&seconds(&one)) && (3.5..3.8).contains(&seconds(&other)));
    assert_eq!(world.asked(MESSAGES), 3);
}

#[tokio::test(start_paused = true)]
async fn shared_429_holds_its_channel_alone_and_counts_for_nothing() {
    let fault = Fault::Limited { scope: LimitScope::Shared, retry_after: 2.0, header: Some("7.5".to_owned()) };
    let ([one, other], world) = meet(fault).await;
    assert!((7.5..7.8).contains(&seconds(&one)) && seconds(&other) < 0.5);
    assert_eq!(world.simulator.totals().invalid, 0);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_bot_holds_its_channel_alone() {
    for header in [Some("2"), None] {
        let header = header.map(str::to_owned);
        let fault = Fault::Limited { scope: LimitScope::User, retry_after: 2.0, header };
        let ([one, other], _) = meet(fault).await;
        assert!((2.0..2.4).contains(&seconds(&one)) && seconds(&other) < 0.5);
    }
}

#[tokio::test(start_paused = true)]
async fn cloudflare_html_429_stops_everything_for_a_minute_and_is_not_asked_again() {
    for retry_after in [None, Some(7)] {
        let ([one, other], world) = meet(Fault::Cloudflare { retry_after }).await;
        assert!(one.is_err_and(|error| error.retry_after() == Some(Duration::from_mins(1))));
        assert!((60.0..61.0).contains(&seconds(&other)), "{other:?}");
        assert_eq!(world.asked(MESSAGES), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn cloudflare_html_429_that_asks_for_longer_is_given_longer() {
    let ([one, other], _) = meet(Fault::Cloudflare { retry_after: Some(600) }).await;
    assert!(one.is_err_and(|error| error.retry_after() == Some(Duration::from_mins(10))));
    assert!((600.0..601.0).contains(&seconds(&other)));
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_never_ends_is_given_up() {
    let world = World::limited(channels(1, 50), wide()).await;
    let channel = world.channel("c0").await;
    let fault = Fault::Limited { scope: LimitScope::User, retry_after: 1.0, header: Some("1".to_owned()) };
    world.simulator.fault(FaultRule::on(MESSAGES, 0, fault));
    let error = world.newest(&channel).await.unwrap_err();
    assert!(matches!(error, GuildError::Unavailable { .. }), "{error}");
    assert_eq!(world.asked(MESSAGES), 10);
}

#[tokio::test(start_paused = true)]
async fn live_priority_waits_less_than_200_ms_while_history_takes_all_there_is() {
    let world = World::start(Options { rest_latency_ms: 60, ..Options::planned(1, channels(61, 20_000)) }).await;
    let structure = world.structure().await;
    let (live, history) = structure.channels.split_first().unwrap();
    let backfill = join_all(history.iter().map(|channel| world.walk(channel, MessageCursor::Before(MessageId::MAX))));
    let live_waits = async {
        let mut waits = Vec::new();
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_secs(3)).await;
            let began = Instant::now();
            let cursor = MessageCursor::After(MessageId::MIN);
            world.client.messages(&world.scope, live, cursor, Priority::Live).await.unwrap();
            waits.push(began.elapsed());
        }
        waits
    };
    let waits = tokio::select! {
        _ = backfill => panic!("there is more to read"),
        waits = live_waits => waits,
    };
    assert!(waits.iter().all(|wait| *wait < Duration::from_millis(60 + 200)), "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn structure_is_read_within_limits_that_its_headers_tell() {
    let world = World::limited(channels(1, 5), Limits::default()).await;
    for _ in 0..25 {
        world.structure().await;
    }
    assert_eq!(world.simulator.totals().limited, 0);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_too_long_for_a_call_is_the_callers() {
    let world = World::limited(channels(1, 50), wide()).await;
    let channel = world.channel("c0").await;
    let fault = Fault::Limited { scope: LimitScope::User, retry_after: 3600.0, header: Some("3600".to_owned()) };
    world.simulator.fault(FaultRule::on(MESSAGES, 1, fault));
    let began = Instant::now();
    let error = world.newest(&channel).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_hours(1)));
    assert!(began.elapsed() < Duration::from_secs(1));
    world.newest(&channel).await.unwrap();
    assert!(began.elapsed() >= Duration::from_hours(1), "who asks all the same waits at the gate");
}
