//! Everything that goes wrong ends as it should: with the whole page, or with an error that says what can be done.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use discord_simulator::{Act, BotChange, ChannelPlan, Fault, FaultRule, kind};
use domain::message::MessageId;
use futures::future::join_all;
use ports::guild::{Denied, GuildError, GuildSource as _, MessageCursor, Missing};
use tokio::time::Instant;

use crate::world::{World, ids, true_ids};

const MESSAGES: &str = "/channels/{c}/messages";

/// Reads a channel of 250 messages whose second page meets `fault` for `times`; all of it must be there in the end.
/// How long it took, and how many requests were made for messages.
async fn survives(fault: Fault, times: u64) -> (Duration, usize) {
    let (world, general) = World::channel_of(250, Vec::new()).await;
    world.simulator.fault(FaultRule::on(MESSAGES, times, fault.clone()).from_nth(2));
    let began = Instant::now();
    let looks = world.walk(&general, MessageCursor::Before(MessageId::MAX)).await;
    let all = true_ids(&world.simulator, general.channel.platform_id.get());
    assert_eq!(ids(&looks), all, "{fault:?}");
    assert_eq!(looks.iter().map(|look| look.page.messages().len()).collect::<Vec<_>>(), [100, 100, 50, 0]);
    (began.elapsed(), world.asked(MESSAGES))
}

#[tokio::test(start_paused = true)]
async fn server_errors_are_waited_out() {
    for status in [500, 502, 503, 504, 520, 524] {
        let (took, asked) = survives(Fault::Status { status, html: status > 500 }, 3).await;
        assert_eq!(asked, 7);
        assert!(took >= Duration::from_secs(5) && took < Duration::from_secs(12), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn answers_that_do_not_arrive_whole_are_asked_again_and_never_used_in_part() {
    for fault in [Fault::Truncate, Fault::Reset, Fault::InvalidJson] {
        assert_eq!(survives(fault, 2).await.1, 6);
    }
}

#[tokio::test(start_paused = true)]
async fn a_time_limit_covers_the_whole_exchange() {
    for fault in [Fault::Stall, Fault::SlowFirstByte { ms: 600_000 }, Fault::SlowBody { ms: 5_000 }] {
        let (took, asked) = survives(fault, 1).await;
        assert_eq!(asked, 5);
        assert!(took >= Duration::from_secs(30) && took < Duration::from_secs(40), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn slow_answers_inside_the_time_limit_are_taken() {
    assert_eq!(survives(Fault::SlowFirstByte { ms: 20_000 }, 1).await.1, 4);
}

#[tokio::test(start_paused = true)]
async fn what_fails_for_ever_is_given_up_and_the_same_cursor_works_later() {
    let (world, general) = World::channel_of(50, Vec::new()).await;
    for (fault, malformed) in
        [(Fault::Status { status: 503, html: true }, false), (Fault::InvalidJson, false), (Fault::Truncate, false)]
    {
        let before = world.asked(MESSAGES);
        world.simulator.fault(FaultRule::on(MESSAGES, 0, fault));
        let error = world.newest(&general).await.unwrap_err();
        assert_eq!(matches!(error, GuildError::Malformed(_)), malformed);
        assert!(error.retry_after().is_some_and(|wait| wait >= Duration::from_secs(30)), "{error}");
        assert_eq!(world.asked(MESSAGES) - before, 6);
        world.simulator.clear_faults();
        assert_eq!(world.newest(&general).await.unwrap().page.messages().len(), 50);
    }
}

#[tokio::test(start_paused = true)]
async fn refusals_say_what_can_be_done_after_one_request() {
    for (fault, expected) in [
        (Fault::NoAccess, GuildError::Forbidden(Denied::View)),
        (Fault::UnknownChannel, GuildError::Gone(Missing::Channel)),
        (Fault::Status { status: 418, html: true }, GuildError::Refused { status: 418, code: 0 }),
    ] {
        let (world, general) = World::channel_of(50, Vec::new()).await;
        world.simulator.fault(FaultRule::on(MESSAGES, 0, fault));
        assert_eq!(world.newest(&general).await, Err(expected));
        assert_eq!(world.asked(MESSAGES), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_refused_in_the_middle_stops_everything() {
    let plan = (0..30).map(|number| ChannelPlan::new(&format!("c{number}"), kind::TEXT, 1000)).collect();
    let world = World::of(plan).await;
    let structure = world.structure().await;
    world.newest(&structure.channels[0]).await.unwrap();
    let change = BotChange { token_revoked: Some(true), ..BotChange::default() };
    world.simulator.act(Act::SetBot { change }).unwrap();
    let before = world.simulator.totals().requests;
    let looks = join_all(structure.channels.iter().map(|channel| world.newest(channel))).await;
    assert!(looks.iter().all(|look| *look == Err(GuildError::Unauthorized)));
    assert!(world.simulator.totals().requests - before <= 3, "those that were on their way");
    let before = world.simulator.totals().requests;
    assert_eq!(world.client.structure(&world.scope).await, Err(GuildError::Unauthorized));
    assert_eq!(world.client.identify().await, Err(GuildError::Unauthorized));
    assert_eq!(world.simulator.totals().requests, before, "nothing more is asked");
}

#[tokio::test(start_paused = true)]
async fn five_hundred_closed_channels_cost_one_request_each() {
    let plan = (0..500).map(|number| ChannelPlan::new(&format!("c{number}"), kind::TEXT, 3)).collect();
    let world = World::of(plan).await;
    let structure = world.structure().await;
    world.simulator.fault(FaultRule::on(MESSAGES, 0, Fault::NoAccess));
    let looks = join_all(structure.channels.iter().map(|channel| world.newest(channel))).await;
    assert!(looks.iter().all(|look| *look == Err(GuildError::Forbidden(Denied::View))));
    assert_eq!(world.simulator.totals().invalid, 500);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_leaves_no_place_taken() {
    let (world, general) = World::channel_of(50, Vec::new()).await;
    world.simulator.fault(FaultRule::on(MESSAGES, 1, Fault::Stall));
    let stalled = tokio::time::timeout(Duration::from_secs(2), world.newest(&general)).await;
    assert!(stalled.is_err());
    let began = Instant::now();
    assert_eq!(world.newest(&general).await.unwrap().page.messages().len(), 50);
    assert!(began.elapsed() < Duration::from_secs(1));
}

/// What is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn neither_the_token_nor_what_people_wrote_is_logged() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let (world, general) = World::channel_of(50, Vec::new()).await;
    let content = |look: &ports::guild::MessageLook| -> Vec<String> {
        look.page.messages().iter().map(|message| message.content.clone()).filter(|text| text.len() > 20).collect()
    };
    let written = content(&world.newest(&general).await.unwrap());
    for fault in [Fault::Status { status: 500, html: true }, Fault::InvalidJson, Fault::MalformedMessage] {
        world.simulator.fault(FaultRule::on(MESSAGES, 1, fault));
        world.newest(&general).await.unwrap();
    }
    world.simulator.fault(FaultRule::on(MESSAGES, 1, Fault::Unauthorized));
    assert_eq!(world.newest(&general).await, Err(GuildError::Unauthorized));
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("the bot's token is refused") && text.contains("status=500"), "{text}");
    assert!(!text.contains(world.simulator.token()));
    assert!(!written.is_empty() && written.iter().all(|content| !text.contains(content.as_str())));
    assert!(!format!("{:?}", world.client).contains(world.simulator.token()));
}
