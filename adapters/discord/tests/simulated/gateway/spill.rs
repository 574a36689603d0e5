//! A reader that does not keep up.

use std::time::Duration;

use discord_simulator::{GatewayFault, Options};
use domain::event::{Event, MessageChange};
use serde_json::json;

use super::{Live, plan};

/// The heartbeat interval: short, so that many are due while the reader waits. The simulator closes a connection that
/// sends nothing for two.
const INTERVAL_MS: u64 = 2_000;

/// The size of each event; a thousand of them do not fit in memory.
const SIZE: usize = 64 << 10;

#[tokio::test(start_paused = true)]
async fn case_68_a_reader_that_stalls_for_30_s_costs_no_heartbeat_and_little_memory() {
    let options = Options { heartbeat_interval_ms: INTERVAL_MS, ..Options::planned(1, plan()).unlimited() };
    let mut live = Live::of(options).await;
    let (channel, guild) = (live.channel("general").to_string(), live.simulator().guild_id().to_string());
    let padding = "x".repeat(SIZE);
    for number in 1..=1000 {
        let data = json!({"id": number.to_string(), "channel_id": channel, "guild_id": guild, "padding": padding});
        live.fault(&GatewayFault::Event { name: "MESSAGE_DELETE".to_owned(), data });
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    let stats = live.stats();
    assert_eq!((stats.queued_events, stats.reconnects, stats.connected), (1000, 0, 1));
    let in_memory = stats.queued_bytes - stats.spilled_bytes.min(stats.queued_bytes);
    assert!(stats.spilled_bytes > 8 << 20 && in_memory <= 64 << 20, "{stats:?}");
    for number in 1..=1000 {
        let Event::Message { change: MessageChange::Deleted(ids), .. } = live.event().await else { panic!() };
        assert_eq!(ids.iter().map(|id| id.get()).collect::<Vec<_>>(), [number]);
    }
    let stats = live.stats();
    assert_eq!((stats.queued_events, stats.queued_bytes, stats.spilled_bytes), (0, 0, 0));
    live.say("after");
    assert_eq!(live.contents("after").await, ["after"]);
    assert_eq!(live.stats().reconnects, 0);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_future_loses_nothing() {
    let mut live = Live::start().await;
    for content in super::numbers(50) {
        live.say(&content);
    }
    let mut contents = Vec::new();
    while contents.len() < 50 {
        if let Ok(message) = tokio::time::timeout(Duration::ZERO, live.message()).await {
            contents.push(message.content);
        }
    }
    assert_eq!(contents, super::numbers(50));
}
