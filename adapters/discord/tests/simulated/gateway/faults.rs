//! Lost connections, refused sessions, and the limits of new ones.

use std::time::Duration;

use discord_simulator::{GatewayFault, Options};
use ports::event::{EventSource as _, GatewayError, GatewaySession, Received, Refusal, ShardId};
use tokio::time::Instant;

use super::{Live, ONE, counts, numbers, plan};

const INTERVAL: Duration = Duration::from_millis(41_250);

/// Says something before and after a fault, and requires both, once, in the same session.
async fn resumes(fault: GatewayFault) {
    let mut live = Live::start().await;
    for round in 0..3 {
        live.say(&format!("{round} before"));
        live.fault(&fault);
        live.say(&format!("{round} after"));
        let expected = [format!("{round} before"), format!("{round} after")];
        assert_eq!(live.contents(&expected[1]).await, expected, "{fault:?}");
        assert!(!live.session().await, "{fault:?}");
    }
    let stats = live.stats();
    assert_eq!((stats.sessions, stats.resumes, stats.reconnects, stats.connected), (1, 3, 3, 1), "{fault:?}");
}

#[tokio::test(start_paused = true)]
async fn case_57_op7_resumes_without_loss() {
    resumes(GatewayFault::Reconnect).await;
}

#[tokio::test(start_paused = true)]
async fn case_58_tcp_drop_resumes_without_loss() {
    resumes(GatewayFault::Drop).await;
}

#[tokio::test(start_paused = true)]
async fn case_59_op9_true_resumes_without_loss() {
    resumes(GatewayFault::InvalidSession { resumable: true }).await;
}

#[tokio::test(start_paused = true)]
async fn close_codes_that_keep_the_session_resume_without_loss() {
    for code in [4000, 4001, 4002, 4003, 4005, 4008] {
        resumes(GatewayFault::Close { code }).await;
    }
}

#[tokio::test(start_paused = true)]
async fn case_60_op9_false_and_a_forgotten_replay_begin_a_new_session() {
    for fault in [GatewayFault::InvalidSession { resumable: false }, GatewayFault::ForgetEvents] {
        let mut live = Live::start().await;
        let first = live.session.clone().unwrap();
        if fault == GatewayFault::ForgetEvents {
            live.fault(&GatewayFault::Drop);
        }
        live.say("in the gap");
        live.fault(&fault);
        assert!(live.session().await, "{fault:?}");
        assert_ne!(live.session.as_ref().unwrap().id, first.id);
        live.until_available().await;
        live.say("after");
        assert_eq!(live.contents("after").await, ["after"]);
    }
}

#[tokio::test(start_paused = true)]
async fn case_62_zombie_no_ack_reconnects_within_two_intervals() {
    let mut live = Live::start().await;
    live.fault(&GatewayFault::NoAck { on: true });
    let began = Instant::now();
    assert!(!live.session().await);
    assert!(began.elapsed() < INTERVAL * 2 + Duration::from_secs(5), "{:?}", began.elapsed());
    live.fault(&GatewayFault::NoAck { on: false });
    live.say("after");
    assert_eq!(live.contents("after").await, ["after"]);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_says_nothing_is_dropped_and_the_session_resumed() {
    let mut live = Live::start().await;
    live.fault(&GatewayFault::Mute { on: true });
    live.fault(&GatewayFault::Drop);
    live.say("unheard");
    let began = Instant::now();
    let waited = tokio::time::timeout(Duration::from_secs(29), live.next()).await;
    assert!(waited.is_err(), "{waited:?}");
    live.fault(&GatewayFault::Mute { on: false });
    assert_eq!(live.contents("unheard").await, ["unheard"]);
    assert!(!live.session().await);
    assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
    assert_eq!(live.stats().reconnects, 2);
}

#[tokio::test(start_paused = true)]
async fn case_63_close_4004_and_4014_stop_without_a_reconnect() {
    for (code, refusal) in [
        (4004, Refusal::Token),
        (4010, Refusal::Shard),
        (4011, Refusal::ShardingRequired),
        (4012, Refusal::Version),
        (4013, Refusal::UnknownIntents),
        (4014, Refusal::Intents),
    ] {
        let mut live = Live::start().await;
        live.say("before");
        live.fault(&GatewayFault::Close { code });
        assert_eq!(live.contents("before").await, ["before"], "it comes before the end");
        for _ in 0..2 {
            assert_eq!(live.next().await, Err(GatewayError::Refused(refusal)), "{code}");
        }
        tokio::time::sleep(Duration::from_mins(5)).await;
        assert_eq!(live.simulator().connected_sessions(), 0);
        assert_eq!(live.stats().reconnects, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn case_63_close_4007_and_4009_begin_a_new_session() {
    for code in [4007, 4009] {
        let mut live = Live::start().await;
        live.fault(&GatewayFault::Close { code });
        assert!(live.session().await, "{code}");
        live.until_available().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_intent_that_the_application_lacks_stops_with_the_setting_to_change() {
    let mut live = Live::connect(Options::planned(1, plan()).unlimited(), ONE).await;
    live.act(&serde_json::json!({"op": "set_bot", "change": {"content": false}}));
    let error = live.next().await.unwrap_err();
    assert_eq!(error, GatewayError::Refused(Refusal::Intents));
    assert!(error.is_fatal() && error.to_string().contains("enable Message Content Intent"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn case_64_what_was_received_and_not_stored_comes_again_in_the_next_process() {
    let mut live = Live::start().await;
    for content in numbers(3) {
        live.say(&content);
    }
    assert_eq!(live.message().await.content, "0");
    let stored = live.session.clone();
    assert_eq!(live.contents("2").await, ["1", "2"]);
    live.stream = None;
    live.say("3");
    live.session = stored;
    live.resume();
    assert_eq!(live.contents("3").await, ["1", "2", "3"]);
    assert_eq!(live.stats().sessions, 1);
}

#[tokio::test(start_paused = true)]
async fn a_closed_stream_leaves_a_session_that_the_next_process_resumes() {
    let mut live = Live::start().await;
    let began = Instant::now();
    live.close().await;
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!((live.simulator().connected_sessions(), live.stats().connected), (0, 0));
    live.say("meanwhile");
    let asked = live.world.asked("/gateway/bot");
    live.resume();
    assert_eq!(live.contents("meanwhile").await, ["meanwhile"]);
    assert!(!live.session().await);
    assert_eq!(live.world.asked("/gateway/bot"), asked, "no request is needed");
}

#[tokio::test(start_paused = true)]
async fn a_dead_resume_address_is_replaced_and_the_session_kept() {
    for dead in ["ws://127.0.0.1:1", "not an address", "https://127.0.0.1"] {
        let mut live = Live::start().await;
        live.close().await;
        live.say("meanwhile");
        live.session = live.session.map(|session| GatewaySession { resume_url: dead.to_owned(), ..session });
        live.resume();
        assert_eq!(live.contents("meanwhile").await, ["meanwhile"], "{dead}");
        assert!(!live.session().await, "{dead}");
    }
}

#[tokio::test(start_paused = true)]
async fn case_65_identify_budget_low_starts_no_session_and_resumes_one() {
    let mut live = Live::start().await;
    live.fault(&GatewayFault::SpendIdentifies { count: 950 });
    let plan = live.source.plan().await.unwrap();
    assert_eq!((plan.shards, plan.identifies_left), (1, 49));
    live.fault(&GatewayFault::Drop);
    assert!(!live.session().await, "a session is resumed");
    live.fault(&GatewayFault::Close { code: 4009 });
    let error = loop {
        if let Err(error) = live.next().await {
            break error;
        }
    };
    let GatewayError::BudgetLow { left: 49, until } = error else { panic!("{error}") };
    assert!(!GatewayError::BudgetLow { left: 49, until }.is_fatal());
    assert_eq!(live.stats().identifies_left, Some(49));
    let day = u64::try_from(until.as_millis()).unwrap() - live.world.now_ms();
    assert!(day > 86_000_000, "{day}");
    live.simulator().clock().advance(day + 1);
    live.stream = Some(live.open(ONE, None));
    assert!(live.session().await, "the next day has a new budget");
}

#[tokio::test(start_paused = true)]
async fn identify_waits_its_turn_among_shards() {
    let mut live = Live::connect(Options::planned(1, plan()), ShardId { index: 0, count: 2 }).await;
    let mut other = live.open(ShardId { index: 1, count: 2 }, None);
    let began = Instant::now();
    assert!(live.session().await);
    while !matches!(other.next().await.unwrap(), Received::Ready(_)) {}
    assert!(began.elapsed() >= Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(live.stats().reconnects, 0, "no attempt came too soon");
}

#[tokio::test(start_paused = true)]
async fn case_71_sharded_2_has_every_guild_on_its_shard() {
    let mut live = Live::connect(Options::planned(1, plan()).unlimited(), ShardId { index: 0, count: 2 }).await;
    let mut streams = vec![live.stream.take().unwrap(), live.open(ShardId { index: 1, count: 2 }, None)];
    for stream in &mut streams {
        assert!(matches!(stream.next().await, Ok(Received::Ready(_))));
    }
    let index = usize::from(!ShardId { index: 0, count: 2 }.has(live.world.scope.guild));
    live.stream = Some(streams.remove(index));
    live.until_available().await;
    live.say("once");
    assert_eq!(live.contents("once").await, ["once"]);
    let other = tokio::time::timeout(Duration::from_mins(2), streams[0].next()).await;
    assert!(other.is_err(), "{other:?}");
    assert_eq!(counts(&live.stats())["MESSAGE_CREATE"], 1);
    assert!(
        live.source
            .connect(
                ShardId { index: 2, count: 2 },
                None,
                std::sync::Arc::new(super::OnlyGuild(live.world.scope.clone()))
            )
            .is_err()
    );
}

#[tokio::test(start_paused = true)]
async fn failed_connections_are_paused_between() {
    let mut live = Live::start().await;
    live.close().await;
    let began = Instant::now();
    live.fault(&GatewayFault::Mute { on: true });
    live.resume();
    let waited = tokio::time::timeout(Duration::from_mins(10), live.next()).await;
    assert!(waited.is_err(), "{waited:?}");
    assert!(began.elapsed() >= Duration::from_mins(10));
    let reconnects = live.stats().reconnects;
    assert!((4..12).contains(&reconnects), "{reconnects}");
}
