//! Faults on demand, as a client meets them.

use discord_simulator::{BotChange, Fault, FaultRule, LimitScope, Simulator};
use http::Method;
use serde_json::{Value, json};

use crate::client::{Reply, call, channel_of, channel_with, get, get_json, try_get};

const MESSAGES: &str = "/channels/{c}/messages";

/// Returns the outcome of the next read of 100 messages.
async fn meet(fault: Fault) -> (Simulator, hyper::Result<Reply>) {
    let (simulator, channel) = channel_of(200).await;
    simulator.fault(FaultRule::on(MESSAGES, 1, fault));
    let reply = try_get(&simulator, &format!("/channels/{channel}/messages?limit=100")).await;
    let after = get(&simulator, &format!("/channels/{channel}/messages?limit=100")).await;
    assert_eq!(after.json().as_array().unwrap().len(), 100, "it went wrong only once");
    (simulator, reply)
}

async fn met(fault: Fault) -> Reply {
    meet(fault).await.1.unwrap()
}

#[tokio::test]
async fn refusals_of_every_scope() {
    for (scope, text, global) in
        [(LimitScope::User, "user", false), (LimitScope::Global, "global", true), (LimitScope::Shared, "shared", false)]
    {
        let fault = Fault::Limited { scope, retry_after: 1.5, header: Some("1.5".to_owned()) };
        let (simulator, reply) = meet(fault).await;
        let reply = reply.unwrap();
        assert_eq!(reply.status, 429);
        assert_eq!(reply.header("x-ratelimit-scope"), Some(text));
        assert_eq!(reply.header("retry-after"), Some("1.5"));
        assert_eq!(reply.json()["global"], global);
        let expected = u64::from(scope != LimitScope::Shared);
        assert_eq!((simulator.totals().invalid, simulator.totals().limited), (expected, 0));
    }
    let bare = met(Fault::Limited { scope: LimitScope::User, retry_after: 2.0, header: None }).await;
    assert_eq!((bare.header("retry-after"), &bare.json()["retry_after"]), (None, &json!(2.0)));
}

#[tokio::test]
async fn cloudflare_answers_with_a_page_and_no_scope() {
    for retry_after in [None, Some(7)] {
        let reply = met(Fault::Cloudflare { retry_after }).await;
        assert_eq!((reply.status.as_u16(), reply.header("x-ratelimit-scope")), (429, None));
        assert_eq!(reply.header("retry-after"), retry_after.map(|_| "7"));
        assert!(reply.body.starts_with(b"<!DOCTYPE html>"));
    }
}

#[tokio::test]
async fn server_errors_with_and_without_a_page() {
    let reply = met(Fault::Status { status: 503, html: true }).await;
    assert_eq!((reply.status.as_u16(), reply.header("content-type")), (503, Some("text/html; charset=UTF-8")));
    assert_eq!(met(Fault::Status { status: 500, html: false }).await.refusal(), (500, 130_000));
    assert_eq!(met(Fault::Unauthorized).await.refusal(), (401, 0));
    assert_eq!(met(Fault::NoAccess).await.refusal(), (403, 50001));
    assert_eq!(met(Fault::UnknownChannel).await.refusal(), (404, 10003));
}

#[tokio::test]
async fn answers_that_do_not_arrive_whole_are_errors() {
    assert!(meet(Fault::Truncate).await.1.is_err());
    assert!(meet(Fault::Reset).await.1.is_err());
}

#[tokio::test]
async fn slow_answers_come_when_time_passes_and_stalled_ones_never() {
    for fault in [Fault::SlowFirstByte { ms: 5000 }, Fault::SlowBody { ms: 100 }] {
        let (simulator, channel) = channel_of(200).await;
        simulator.fault(FaultRule::on(MESSAGES, 1, fault));
        let path = format!("/channels/{channel}/messages?limit=100");
        let reply = {
            let mut reply = std::pin::pin!(get(&simulator, &path));
            loop {
                tokio::select! {
                    biased;
                    reply = &mut reply => break reply,
                    () = tokio::task::yield_now() => {}
                }
                if let Some(wake) = simulator.clock().next_wake_ms() {
                    simulator.clock().advance(wake.saturating_sub(simulator.clock().now_ms()));
                }
            }
        };
        assert_eq!(reply.json().as_array().unwrap().len(), 100);
        assert!(simulator.clock().now_ms() - simulator.requests(0)[0].at_ms >= 5000);
    }
    let (simulator, channel) = channel_of(200).await;
    simulator.fault(FaultRule::on(MESSAGES, 1, Fault::Stall));
    let path = format!("/channels/{channel}/messages?limit=100");
    tokio::select! {
        biased;
        _ = try_get(&simulator, &path) => panic!("half an answer is none"),
        () = until_next_is_answered(&simulator) => {}
    }
}

/// Waits until other requests got responses meanwhile.
async fn until_next_is_answered(simulator: &Simulator) {
    while simulator.totals().requests == 0 {
        tokio::task::yield_now().await;
    }
    for _ in 0..20 {
        assert_eq!(get(simulator, "/users/@me").await.status, 200);
    }
}

#[tokio::test]
async fn bodies_that_are_not_what_they_should_be() {
    let broken = met(Fault::InvalidJson).await;
    assert_eq!(broken.status, 200);
    assert!(serde_json::from_slice::<Value>(&broken.body).is_err());
    let page = met(Fault::MalformedMessage).await.json();
    let without = page.as_array().unwrap().iter().filter(|message| message.get("author").is_none()).count();
    assert_eq!((page.as_array().unwrap().len(), without), (100, 1));
    assert_eq!(met(Fault::ShortPage { keep: 7 }).await.json().as_array().unwrap().len(), 7);
}

#[tokio::test]
async fn a_short_page_keeps_what_is_nearest_to_its_cursor() {
    let (simulator, channel) = channel_of(50).await;
    let all = simulator.messages(channel, 0, 50);
    simulator.fault(FaultRule::on(MESSAGES, 2, Fault::ShortPage { keep: 1 }));
    let up = get_json(&simulator, &format!("/channels/{channel}/messages?after=0")).await;
    assert_eq!(up[0]["id"], all[0]["id"]);
    let down = get_json(&simulator, &format!("/channels/{channel}/messages")).await;
    assert_eq!(down[0]["id"], all[49]["id"]);
}

#[tokio::test]
async fn lists_of_threads_that_are_empty_and_promise_more_and_search_without_index() {
    let (simulator, channel) = channel_with(10, Vec::new()).await;
    simulator.fault(FaultRule::on("/channels/{c}/threads/archived/public", 1, Fault::EmptyButMore));
    let list = get_json(&simulator, &format!("/channels/{channel}/threads/archived/public")).await;
    assert_eq!(list, json!({"threads": [], "members": [], "has_more": true}));
    simulator.fault(FaultRule::on("/channels/{c}/threads/search", 0, Fault::IndexNotReady));
    let reply = get(&simulator, &format!("/channels/{channel}/threads/search")).await;
    assert_eq!(reply.refusal(), (202, 110_000));
    simulator.clear_faults();
    assert_eq!(get(&simulator, &format!("/channels/{channel}/threads/search")).await.status, 200);
}

#[tokio::test]
async fn a_revoked_token_and_a_skewed_clock() {
    let (simulator, _) = channel_of(1).await;
    let change = BotChange { clock_skew_ms: Some(3_600_000), ..BotChange::default() };
    simulator.act(discord_simulator::Act::SetBot { change }).unwrap();
    assert_eq!(get(&simulator, "/users/@me").await.header("date"), Some("Fri, 20 Nov 2026 01:00:00 GMT"));
    let change = BotChange { token_revoked: Some(true), ..BotChange::default() };
    simulator.act(discord_simulator::Act::SetBot { change }).unwrap();
    assert_eq!(get(&simulator, "/users/@me").await.refusal(), (401, 0));
}

#[tokio::test]
async fn everything_is_controlled_over_http_too() {
    let (simulator, channel) = channel_of(3).await;
    let control = async |method, path: &str, body| {
        let reply = call(&simulator, method, &format!("/_sim/{path}"), body).await;
        (reply.status.as_u16(), reply.json())
    };
    let rule = json!({"match": {"route": MESSAGES, "channel": channel.to_string()}, "action": {"type": "no_access"}});
    assert_eq!(control(Method::POST, "faults", rule).await.0, 200);
    assert_eq!(control(Method::GET, "faults", Value::Null).await.1.as_array().unwrap().len(), 1);
    assert_eq!(get(&simulator, &format!("/channels/{channel}/messages")).await.status, 403);
    assert_eq!(control(Method::DELETE, "faults", Value::Null).await.0, 200);
    let act = json!({"op": "send", "channel_id": channel.to_string(), "content": "hi"});
    let sent = control(Method::POST, "act", act).await.1;
    assert_eq!(get_json(&simulator, &format!("/channels/{channel}/messages?limit=1")).await[0]["id"], sent["id"]);
    let ledger = control(Method::GET, &format!("ledger?channel={channel}"), Value::Null).await.1;
    assert_eq!((&ledger["count"], &ledger["max_id"]), (&json!(4), &sent["id"]));
    assert_eq!(ledger["sha256"], simulator.ledger(channel).unwrap().sha256);
    assert_eq!(control(Method::GET, "ledger", Value::Null).await.1.as_array().unwrap().len(), 1);
    let now = control(Method::GET, "clock", Value::Null).await.1["now_ms"].as_u64().unwrap();
    let later = control(Method::POST, "clock", json!({"advance_ms": 5})).await.1;
    assert_eq!(later["now_ms"], now + 5);
    assert_eq!(control(Method::GET, "totals", Value::Null).await.1["requests"], 2);
    assert_eq!(control(Method::GET, "requests?after=1", Value::Null).await.1.as_array().unwrap().len(), 1);
    assert_eq!(control(Method::POST, "gateway", json!({"type": "drop"})).await.1, json!({"connections": 0}));
    assert_eq!(control(Method::GET, "messages?channel=7", Value::Null).await.0, 404);
    assert_eq!(control(Method::POST, "act", json!({"op": "dance"})).await.0, 400);
}
