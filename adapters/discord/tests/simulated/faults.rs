//! Every fault has the right outcome: the whole page, or an error that states what can be done.

use std::time::Duration;

use adapter_discord::{ClientConfig, DiscordClient};
use discord_simulator::{Act, BotChange, ChannelPlan, Fault, FaultRule, kind};
use domain::access::Denied;
use domain::message::MessageId;
use futures::future::join_all;
use ports::guild::{GoneItem, GuildError, GuildSource as _, MessageCursor, Priority};
use tokio::time::Instant;

use crate::world::{World, ids, true_ids};

const MESSAGES: &str = "/channels/{c}/messages";

/// Reads a channel of 250 messages whose second page meets `fault` for `times`, and requires all of them in the end.
/// Returns the duration, and the number of requests for messages.
async fn survives(fault: Fault, times: u64) -> (Duration, usize) {
    let (world, general) = World::channel_of(250, Vec::new()).await;
    world.simulator.fault(FaultRule::on(MESSAGES, times, fault.clone()).from_nth(2));
    let began = Instant::now();
    let pages = world.walk(&general, MessageCursor::Before(MessageId::MAX)).await;
    let all = true_ids(&world.simulator, general.channel.platform_id.get());
    assert_eq!(ids(&pages), all, "{fault:?}");
    assert_eq!(pages.iter().map(|fetched| fetched.page.messages().len()).collect::<Vec<_>>(), [100, 100, 50, 0]);
    (began.elapsed(), world.asked(MESSAGES))
}

#[tokio::test(start_paused = true)]
async fn a_5xx_burst_is_waited_out() {
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
        (Fault::UnknownChannel, GuildError::Gone(GoneItem::Channel)),
        (
            Fault::Status { status: 418, html: true },
            GuildError::Rejected { code: 0, reason: "status 418, code 0".to_owned() },
        ),
    ] {
        let (world, general) = World::channel_of(50, Vec::new()).await;
        world.simulator.fault(FaultRule::on(MESSAGES, 0, fault));
        assert_eq!(world.newest(&general).await, Err(expected));
        assert_eq!(world.asked(MESSAGES), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_401_mid_run_stops_everything() {
    let plan = (0..30).map(|number| ChannelPlan::new(&format!("c{number}"), kind::TEXT, 1000)).collect();
    let world = World::of(plan).await;
    let structure = world.structure().await;
    world.newest(&structure.channels[0]).await.unwrap();
    let change = BotChange { token_revoked: Some(true), ..BotChange::default() };
    world.simulator.act(Act::SetBot { change }).unwrap();
    let before = world.simulator.totals().requests;
    let pages = join_all(structure.channels.iter().map(|channel| world.newest(channel))).await;
    assert!(pages.iter().all(|fetched| *fetched == Err(GuildError::Unauthorized)));
    assert!(world.simulator.totals().requests - before <= 3, "those that were on their way");
    let before = world.simulator.totals().requests;
    assert_eq!(world.client.structure(&world.scope).await, Err(GuildError::Unauthorized));
    assert_eq!(world.client.identify().await, Err(GuildError::Unauthorized));
    assert_eq!(world.simulator.totals().requests, before, "nothing more is asked");
}

#[tokio::test(start_paused = true)]
async fn a_403_storm_of_500_channels_costs_one_request_each() {
    let plan = (0..500).map(|number| ChannelPlan::new(&format!("c{number}"), kind::TEXT, 3)).collect();
    let world = World::of(plan).await;
    let structure = world.structure().await;
    world.simulator.fault(FaultRule::on(MESSAGES, 0, Fault::NoAccess));
    let pages = join_all(structure.channels.iter().map(|channel| world.newest(channel))).await;
    assert!(pages.iter().all(|fetched| *fetched == Err(GuildError::Forbidden(Denied::View))));
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

#[tokio::test(start_paused = true)]
async fn an_api_that_speaks_no_tls_where_it_should_is_never_told_the_token() {
    let (world, general) = World::channel_of(5, Vec::new()).await;
    let before = world.simulator.totals().requests;
    let mut config = ClientConfig::new(world.simulator.token().parse().unwrap());
    config.api = world.simulator.api_url().replace("http:", "https:").parse().unwrap();
    let client = DiscordClient::new(config, world.clock());
    let cursor = MessageCursor::Before(MessageId::MAX);
    let error = client.messages(&world.scope, &general, cursor, Priority::Live).await.unwrap_err();
    assert!(error.to_string().starts_with("the platform cannot be reached"), "{error}");
    assert_eq!(world.simulator.totals().requests, before);
}
