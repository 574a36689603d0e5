//! Rate limits over HTTP: wrong headers, correct rejections, and the ban of clients that ignore them.

use discord_simulator::{ChannelPlan, GuildSize, Limits, Options, Simulator, kind};
use http::{Request, header};
use http_body_util::Full;
use serde_json::json;

use crate::client::{exchange, get};

async fn limited(limits: Limits) -> (Simulator, u64) {
    let plan = vec![ChannelPlan::new("general", kind::TEXT, 500)];
    let options = Options { limits, ..Options::planned(1, plan).manual_clock() };
    let simulator = Simulator::start(options).await.unwrap();
    let channel = simulator.channel("general").unwrap();
    (simulator, channel)
}

#[tokio::test]
async fn a_channel_is_read_five_times_in_five_seconds_whatever_the_headers_claim() {
    let (simulator, channel) = limited(Limits::default()).await;
    let path = format!("/channels/{channel}/messages");
    let first = get(&simulator, &path).await;
    assert_eq!(first.header("x-ratelimit-limit"), Some("1000"));
    assert_eq!(first.header("x-ratelimit-remaining"), Some("999"));
    assert_eq!(first.header("x-ratelimit-scope"), None);
    simulator.clock().advance(1000);
    for _ in 0..4 {
        assert_eq!(get(&simulator, &path).await.status, 200);
    }
    let refused = get(&simulator, &path).await;
    assert_eq!(refused.status, 429);
    assert_eq!(
        refused.json(),
        json!({"message": "You are being rate limited.", "retry_after": 4.0, "global": false,
                                      "code": 0})
    );
    assert_eq!(refused.header("retry-after"), Some("4"));
    assert_eq!(refused.header("x-ratelimit-limit"), Some("5"));
    assert_eq!(refused.header("x-ratelimit-scope"), Some("user"));
    assert_ne!(refused.header("x-ratelimit-bucket"), first.header("x-ratelimit-bucket"));
    simulator.clock().advance(3999);
    assert_eq!(get(&simulator, &path).await.status, 429);
    simulator.clock().advance(1);
    assert_eq!(get(&simulator, &path).await.status, 200);
    assert_eq!((simulator.totals().limited, simulator.totals().invalid), (2, 2));
}

#[tokio::test]
async fn the_log_knows_every_request_with_its_time_and_answer() {
    let (simulator, channel) = limited(Limits::default()).await;
    get(&simulator, &format!("/channels/{channel}/messages?limit=1&before=9")).await;
    simulator.clock().advance(250);
    get(&simulator, "/guilds/7").await;
    let [page, guild] = &simulator.requests(0)[..] else { panic!("two requests") };
    assert_eq!((page.route, page.major, page.status), ("/channels/{c}/messages", channel, 200));
    assert_eq!(page.query, "limit=1&before=9");
    assert_eq!((guild.number, guild.status, guild.at_ms - page.at_ms), (2, 404, 250));
    assert_eq!(simulator.totals().busiest_second, 2);
}

#[tokio::test]
async fn more_than_fifty_requests_a_second_stop_everything() {
    let limits = Limits { messages: (1000, 5000), other: (1000, 5000), ..Limits::default() };
    let (simulator, channel) = limited(limits).await;
    for _ in 0..50 {
        assert_eq!(get(&simulator, &format!("/channels/{channel}/messages?limit=1")).await.status, 200);
    }
    let refused = get(&simulator, "/users/@me").await;
    assert_eq!((refused.status.as_u16(), refused.header("x-ratelimit-global")), (429, Some("true")));
    assert_eq!(refused.json()["global"], true);
    simulator.clock().advance(1000);
    assert_eq!(get(&simulator, "/users/@me").await.status, 200);
}

#[tokio::test]
async fn who_keeps_asking_in_vain_is_banned_by_a_page_without_scope() {
    let (simulator, _) = limited(Limits { invalid_until_ban: 20, ..Limits::default() }).await;
    for _ in 0..20 {
        let request = Request::get("/api/v10/users/@me").header(header::HOST, "localhost");
        let reply = exchange(&simulator, request.body(Full::default()).unwrap()).await.unwrap();
        assert_eq!(reply.status, 401);
    }
    let banned = get(&simulator, "/users/@me").await;
    assert_eq!((banned.status.as_u16(), banned.header("x-ratelimit-scope")), (429, None));
    assert!(banned.body.starts_with(b"<!DOCTYPE html>"));
    assert_eq!(banned.header("retry-after"), Some("600"));
}

#[tokio::test]
async fn without_limits_nothing_is_refused() {
    let simulator = Simulator::start(Options::new(1, GuildSize::Small).manual_clock().unlimited()).await.unwrap();
    for _ in 0..60 {
        assert_eq!(get(&simulator, "/users/@me").await.status, 200);
    }
}
