use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use app_core::follow::Subscriber as _;
use app_core::jobs::Jobs;
use app_core::sync::SyncJobs;
use async_trait::async_trait;
use domain::change::ChangePosition;
use domain::slug::TenantSlug;
use domain::tenant::{Platform, PlatformId, Tenant, TenantName};
use domain::timestamp::Timestamp;
use ports::clock::Clock;
use ports::error::StoreError;
use ports::mock::{FakeClock, FakeStore, FakeUnitOfWork};
use ports::store::{Repositories, Store, StoreStatus, UnitOfWork};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::{Connections, connection, serve};
use crate::budget::Budget;
use crate::{ServerState, Settings, Streams};

/// A store that accepts every query and never responds.
struct Silent;

#[async_trait]
impl Store for Silent {
    async fn read(&self) -> Result<Box<dyn Repositories>, StoreError> {
        std::future::pending().await
    }

    async fn begin(&self) -> Result<Box<dyn UnitOfWork>, StoreError> {
        std::future::pending().await
    }

    async fn status(&self) -> Result<StoreStatus, StoreError> {
        std::future::pending().await
    }
}

fn clock() -> FakeClock {
    FakeClock(Timestamp::from_millis(0).unwrap())
}

const KEY: &str = "the-key-of-this-test";

/// Opens one connection to a server over a silent store, with its result; it is in memory, so that time stands still
/// while bytes travel, and buffers at most `room` unread bytes.
fn open(rate_limit: u32, room: usize) -> (DuplexStream, JoinHandle<hyper::Result<()>>) {
    open_at(&Arc::new(state(rate_limit)), room, IpAddr::V4(Ipv4Addr::LOCALHOST))
}

fn state(rate_limit: u32) -> ServerState {
    let (store, clock): (Arc<dyn Store>, Arc<dyn Clock>) = (Arc::new(Silent), Arc::new(clock()));
    let jobs = Jobs::new(Arc::clone(&store), Arc::clone(&clock));
    let settings = Settings { admin_key: Some(KEY.into()), rate_limit, ..Settings::default() };
    ServerState::new(Arc::clone(&store), Arc::clone(&clock), jobs, SyncJobs::new(store, clock), settings)
}

/// Opens a connection of `peer` to `state`.
fn open_at(state: &Arc<ServerState>, room: usize, peer: IpAddr) -> (DuplexStream, JoinHandle<hyper::Result<()>>) {
    let (client, server) = duplex(room);
    let held = Connections::new(1).open(peer, false).unwrap();
    let state = Arc::clone(state);
    (client, tokio::spawn(async move { serve(&state, connection(&state, server, peer, &held), &held).await }))
}

fn connect(rate_limit: u32) -> DuplexStream {
    open(rate_limit, 1 << 16).0
}

/// Sends bytes and reads until the server closes; returns the elapsed time, too.
async fn send(client: &mut DuplexStream, bytes: &str) -> (String, Duration) {
    let start = Instant::now();
    client.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    (answer, start.elapsed())
}

async fn ask(head: &str) -> (String, Duration) {
    send(&mut connect(0), &format!("{head}\r\nHost: a\r\nConnection: close\r\n\r\n")).await
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_is_unavailable_within_ten_seconds() {
    for path in ["/api/v1/tenants/abc", "/api/v1/tenants/abc/channels/x/messages", "/abc", "/"] {
        let (answer, took) = ask(&format!("GET {path} HTTP/1.1")).await;
        assert!(answer.starts_with("HTTP/1.1 503 "), "{path}: {answer}");
        assert!(answer.contains("\r\nretry-after: 5\r\n"), "{answer}");
        assert!(took <= Duration::from_secs(10), "{path} took {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn readiness_is_told_within_a_second_and_life_at_once() {
    let (ready, took) = ask("GET /readyz HTTP/1.1").await;
    assert!(ready.starts_with("HTTP/1.1 503 "), "{ready}");
    assert!(took < Duration::from_secs(1), "{took:?}");
    for head in ["GET /healthz HTTP/1.1", "GET /healthz HTTP/1.1\r\nAuthorization: Bearer wrong"] {
        let (live, took) = ask(head).await;
        assert!(live.starts_with("HTTP/1.1 200 "), "{live}");
        assert_eq!(took, Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_arrive_closes_the_connection_after_ten_seconds() {
    let (answer, took) = send(&mut connect(0), "GET /healthz HTTP/1.1\r\nHost: a\r\n").await;
    assert_eq!(answer, "");
    assert!((Duration::from_secs(10)..Duration::from_secs(11)).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive_is_given_up() {
    let head = format!(
        "POST /api/v1/admin/tenants HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {KEY}\r\nContent-Length: 9\r\n\r\n{{"
    );
    let (answer, took) = send(&mut connect(0), &head).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(took <= Duration::from_secs(11), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_asks_too_often_is_told_when_to_come_back() {
    let mut client = connect(1);
    let request = "GET /assets/site.css HTTP/1.1\r\nHost: a\r\n";
    let api = "GET /api/v1/openapi.yaml HTTP/1.1\r\nHost: a\r\n";
    let both = format!("{request}\r\n{api}X-Forwarded-For: 192.0.2.7\r\nConnection: close\r\n\r\n");
    let (answers, _) = send(&mut client, &both).await;
    assert!(answers.starts_with("HTTP/1.1 200 "), "{answers}");
    let second = answers.split_once("HTTP/1.1 429 ").unwrap().1;
    assert!(second.contains("\r\nretry-after: ") && second.contains(r#""code":"rate_limited""#), "{second}");
}

#[tokio::test(start_paused = true)]
async fn a_probe_is_answered_whatever_its_address_sent_before() {
    let mut client = connect(1);
    let page = "GET /assets/site.css HTTP/1.1\r\nHost: a\r\n\r\n".repeat(3);
    let probe = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n".repeat(5);
    let last = "GET /%68ealthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let (answers, _) = send(&mut client, &format!("{page}{probe}{last}")).await;
    let statuses: Vec<&str> = answers.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
    assert_eq!(statuses, ["200", "429", "429", "200", "200", "200", "200", "200", "200"]);
}

/// A server over `store`, with streams, whose follower has read the log.
async fn with_streams(store: Arc<dyn Store>) -> (Arc<ServerState>, Arc<Streams>) {
    let streams = Arc::new(Streams::new(Arc::clone(&store)));
    streams.resync(&ChangePosition::from_text("e.0".to_owned())).await;
    let clock: Arc<dyn Clock> = Arc::new(clock());
    let jobs = Jobs::new(Arc::clone(&store), Arc::clone(&clock));
    let syncs = SyncJobs::new(Arc::clone(&store), Arc::clone(&clock));
    let state = ServerState::new(store, clock, jobs, syncs, Settings::default());
    (Arc::new(state.with_streams(Arc::clone(&streams))), streams)
}

/// Opens a stream of changes, over a connection that buffers at most 1,024 unread bytes.
async fn open_stream() -> (DuplexStream, JoinHandle<hyper::Result<()>>, Arc<Streams>) {
    let (id, slug) = (PlatformId::new("1").unwrap(), TenantSlug::new("abc").unwrap());
    let name = TenantName::new("Abc").unwrap();
    let tenant = Tenant::new(Platform::Discord, id, slug, name, Timestamp::from_millis(0).unwrap());
    let mut unit = FakeUnitOfWork::default();
    unit.tenants.expect_find_by_slug().return_once(move |_| Ok(Some(tenant)));
    unit.pictures.expect_find_all().returning(|_, _| Ok(Vec::new()));
    unit.changes.expect_position().return_once(|| Ok(ChangePosition::from_text("e.0".to_owned())));
    let (state, streams) = with_streams(Arc::new(FakeStore::new([unit]))).await;
    let (mut client, served) = open_at(&state, 1_024, IpAddr::V4(Ipv4Addr::LOCALHOST));
    client.write_all(b"GET /api/v1/tenants/abc/events HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    (client, served, streams)
}

/// Reads a stream until it has so many comments.
async fn read_comments(client: &mut DuplexStream, count: usize) {
    let mut taken = String::new();
    while taken.matches("\r\n:\n\n\r\n").count() < count {
        let mut piece = [0; 256];
        let length = client.read(&mut piece).await.unwrap();
        assert!(length > 0, "{taken}");
        taken.push_str(std::str::from_utf8(&piece[..length]).unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_outlives_the_time_of_a_response_until_its_client_takes_no_bytes() {
    let start = Instant::now();
    let (mut client, served, streams) = open_stream().await;
    read_comments(&mut client, 10).await;
    assert_eq!(start.elapsed(), Duration::from_secs(150));
    // About as many more comments as the room takes.
    assert!(served.await.unwrap().is_err());
    assert!((Duration::from_mins(10)..Duration::from_hours(1)).contains(&start.elapsed()), "{:?}", start.elapsed());
    assert_eq!((streams.counts.open.get(), streams.counts.dropped.get()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_stream_whose_client_leaves_was_not_dropped() {
    let (mut client, served, streams) = open_stream().await;
    read_comments(&mut client, 1).await;
    drop(client);
    served.await.unwrap().ok();
    assert_eq!((streams.counts.open.get(), streams.counts.dropped.get()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_no_bytes_loses_its_connection() {
    // The document is larger than the room.
    let (mut client, served) = open(0, 1_024);
    client.write_all(b"GET /api/v1/openapi.yaml HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let start = Instant::now();
    assert!(served.await.unwrap().is_err());
    assert!((Duration::from_secs(30)..Duration::from_secs(31)).contains(&start.elapsed()), "{:?}", start.elapsed());
}

/// The `OpenAPI` document, which is larger than an uncounted response.
const LARGE: &str = "GET /api/v1/openapi.yaml HTTP/1.1\r\nHost: a\r\n";

#[tokio::test(start_paused = true)]
async fn responses_that_clients_do_not_take_are_bounded_in_bytes() {
    let length = include_str!("../../openapi.yaml").len();
    let mut state = state(0);
    state.budget = Budget::new(4 * length + 1, 4 * length + 1, 2 * length);
    let state = Arc::new(state);
    let (slow, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
    let close = "Connection: close\r\n\r\n";
    let mut held = Vec::new();
    let mut begin = async |peer| {
        let (mut client, _) = open_at(&state, 512, peer);
        client.write_all(format!("{LARGE}{close}").as_bytes()).await.unwrap();
        let mut status = vec![0; 12];
        client.read_exact(&mut status).await.unwrap();
        held.push(client);
        String::from_utf8(status).unwrap()
    };
    assert_eq!([begin(slow).await, begin(slow).await], ["HTTP/1.1 200"; 2]);
    assert_eq!(begin(slow).await, "HTTP/1.1 503", "its own share is used up");
    assert_eq!([begin(other).await, begin(other).await], ["HTTP/1.1 200"; 2]);
    let third = IpAddr::from([192, 0, 2, 3]);
    let ask = async |head: &str, peer| send(&mut open_at(&state, 1 << 20, peer).0, &format!("{head}{close}")).await.0;
    let refused = ask(LARGE, third).await;
    assert!(refused.starts_with("HTTP/1.1 503 ") && refused.contains("\r\nretry-after: 5\r\n"), "{refused}");
    assert!(refused.contains("application/problem+json"), "{refused}");
    // A response that is small, has no body, or is small after compression is sent all the same.
    assert!(ask("GET /healthz HTTP/1.1\r\nHost: a\r\n", slow).await.starts_with("HTTP/1.1 200 "));
    assert!(ask("GET /favicon.svg HTTP/1.1\r\nHost: a\r\n", third).await.starts_with("HTTP/1.1 200 "));
    // A client that receives its response, or disconnects, makes room.
    let mut whole = String::new();
    held[0].read_to_string(&mut whole).await.unwrap();
    assert!(whole.len() >= length);
    assert!(ask(LARGE, slow).await.starts_with("HTTP/1.1 200 "));
    held.clear();
    tokio::time::sleep(Duration::from_secs(1)).await;
    for peer in [slow, other, third, third] {
        assert!(ask(LARGE, peer).await.starts_with("HTTP/1.1 200 "), "{peer}");
    }
}

#[tokio::test(start_paused = true)]
async fn compressed_responses_have_their_length() {
    let (mut client, _) = open(0, 1 << 20);
    let head = format!("{LARGE}Accept-Encoding: gzip\r\nConnection: close\r\n\r\n");
    client.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    let end = answer.windows(4).position(|part| part == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let length = format!("content-length: {}", answer.len() - end - 4);
    assert!(head.contains("content-encoding: gzip") && head.contains(&length), "{head}");
    assert!(head.contains("vary: authorization") && head.contains("vary: accept-encoding"), "{head}");
}
