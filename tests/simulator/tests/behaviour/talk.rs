//! People who talk on their own.

use discord_simulator::{ChannelPlan, Options, Simulator, kind};
use serde_json::Value;

#[tokio::test]
async fn people_write_reply_edit_delete_react_and_open_threads() {
    let plan = vec![ChannelPlan::new("general", kind::TEXT, 0), ChannelPlan::new("lounge", kind::VOICE, 0)];
    let simulator = Simulator::start(Options::planned(1, plan).manual_clock()).await.unwrap();
    let general = simulator.channel("general").unwrap();
    let has_all = || {
        let messages = simulator.messages(general, 0, usize::MAX);
        let has = |is: fn(&Value) -> bool| messages.iter().any(is);
        has(|message| message["type"] == 0)
            && has(|message| message["type"] == 19 && message["message_reference"]["message_id"].is_string())
            && has(|message| message["edited_timestamp"].is_string())
            && has(|message| message["reactions"][0]["count"] == 2)
            && !simulator.ledger(general).unwrap().tombstones.is_empty()
            && simulator.threads(general).iter().any(|thread| simulator.messages(*thread, 0, 9).len() > 3)
    };
    let time_passes = async {
        while !has_all() {
            simulator.clock().advance(500);
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        ended = simulator.talk() => panic!("{ended:?}"),
        () = time_passes => {}
    }
    // A newcomer sees a few of them in a minute, and can read them.
    let seconds = simulator.clock().now_ms() / 1_000 - 1_795_132_800;
    let said =
        simulator.channels().iter().map(|channel| simulator.messages(*channel, 0, usize::MAX).len()).sum::<usize>();
    let a_minute = said * 60 / usize::try_from(seconds).unwrap();
    assert!((8..40).contains(&a_minute), "{a_minute} messages a minute");
}

#[tokio::test]
async fn a_guild_without_the_channels_stays_silent() {
    let plan = vec![ChannelPlan::new("elsewhere", kind::TEXT, 0)];
    let simulator = Simulator::start(Options::planned(1, plan)).await.unwrap();
    let error = simulator.talk().await.unwrap_err();
    assert_eq!(error.to_string(), "there is no channel to talk in");
}
