//! A plain HTTP client, and guilds to use it on.

use bytes::Bytes;
use discord_simulator::{ChannelPlan, Options, Simulator, ThreadPlan, kind};
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// A response that arrived completely.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Returns the status and Discord's code.
    pub(crate) fn refusal(&self) -> (u16, u64) {
        (self.status.as_u16(), self.json()["code"].as_u64().unwrap())
    }
}

/// Performs one exchange; an error if the response does not arrive completely.
pub(crate) async fn exchange(simulator: &Simulator, request: Request<Full<Bytes>>) -> hyper::Result<Reply> {
    let stream = TcpStream::connect(simulator.address()).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    let (parts, body) = response.into_parts();
    let body = body.collect().await?.to_bytes();
    driver.abort();
    Ok(Reply { status: parts.status, headers: parts.headers, body })
}

fn request(simulator: &Simulator, method: Method, path: &str, body: &Value) -> Request<Full<Bytes>> {
    let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "localhost")
        .header(header::AUTHORIZATION, format!("Bot {}", simulator.token()))
        .body(Full::new(body))
        .unwrap()
}

/// Sends any request with the right token.
pub(crate) async fn call(simulator: &Simulator, method: Method, path: &str, body: Value) -> Reply {
    exchange(simulator, request(simulator, method, path, &body)).await.unwrap()
}

/// Sends a `GET` below `/api/v10`, whether or not the response arrives.
pub(crate) async fn try_get(simulator: &Simulator, path: &str) -> hyper::Result<Reply> {
    exchange(simulator, request(simulator, Method::GET, &format!("/api/v10{path}"), &Value::Null)).await
}

/// Sends a `GET` below `/api/v10`.
pub(crate) async fn get(simulator: &Simulator, path: &str) -> Reply {
    try_get(simulator, path).await.unwrap()
}

/// Sends a `GET` below `/api/v10` that must succeed.
pub(crate) async fn get_json(simulator: &Simulator, path: &str) -> Value {
    let reply = get(simulator, path).await;
    assert_eq!(reply.status, StatusCode::OK, "{path}: {:?}", reply.body);
    reply.json()
}

/// Returns the ids of a list of objects.
pub(crate) fn ids(list: &Value) -> Vec<u64> {
    list.as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().parse().unwrap()).collect()
}

/// Starts a guild of these channels with a clock that stands still, without limits.
pub(crate) async fn guild(plan: Vec<ChannelPlan>) -> Simulator {
    Simulator::start(Options::planned(1, plan).manual_clock().unlimited()).await.unwrap()
}

/// Starts a guild of one text channel of that many messages; returns it and the channel.
pub(crate) async fn channel_of(messages: u64) -> (Simulator, u64) {
    channel_with(messages, Vec::new()).await
}

/// Starts the same guild with threads.
pub(crate) async fn channel_with(messages: u64, threads: Vec<ThreadPlan>) -> (Simulator, u64) {
    let simulator = guild(vec![ChannelPlan::new("general", kind::TEXT, messages).threads(threads)]).await;
    let channel = simulator.channel("general").unwrap();
    (simulator, channel)
}

/// Returns every message id of a channel, newest first, by paging back from the newest.
pub(crate) async fn walk_back(simulator: &Simulator, channel: u64, limit: usize) -> Vec<u64> {
    let mut found: Vec<u64> = Vec::new();
    let mut before = u64::MAX;
    loop {
        let page = get_json(simulator, &format!("/channels/{channel}/messages?limit={limit}&before={before}")).await;
        let mut page = ids(&page);
        let Some(lowest) = page.iter().copied().min() else { return found };
        page.sort_unstable_by(|one, other| other.cmp(one));
        found.extend(page);
        before = lowest;
    }
}
