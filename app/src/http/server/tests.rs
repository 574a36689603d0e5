use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::timestamp::Timestamp;
use ports::clock::Clock;
use ports::error::StoreError;
use ports::mock::FakeClock;
use ports::store::{Repositories, Store, StoreStatus, UnitOfWork};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::connection;
use crate::http::{Settings, Site};
use crate::jobs::Jobs;
use crate::sync::SyncJobs;

/// A store that takes every question and never answers.
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

/// One connection to a server over a silent store, with what comes of it; it lives in memory, so that time stands
/// still while bytes travel, and holds at most `room` bytes that were not read.
fn open(rate_limit: u32, room: usize) -> (DuplexStream, JoinHandle<hyper::Result<()>>) {
    let (store, clock): (Arc<dyn Store>, Arc<dyn Clock>) = (Arc::new(Silent), Arc::new(clock()));
    let jobs = Jobs::new(Arc::clone(&store), Arc::clone(&clock));
    let settings = Settings { admin_key: Some(KEY.into()), rate_limit, ..Settings::default() };
    let site = Arc::new(Site::new(Arc::clone(&store), Arc::clone(&clock), jobs, SyncJobs::new(store, clock), settings));
    let (client, server) = duplex(room);
    let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
    (client, tokio::spawn(async move { connection(&site, server, peer).await }))
}

fn connect(rate_limit: u32) -> DuplexStream {
    open(rate_limit, 1 << 16).0
}

/// Sends bytes and reads until the server closes, with the time that it took.
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

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_no_bytes_loses_its_connection() {
    // The document is larger than what there is room for.
    let (mut client, served) = open(0, 1_024);
    client.write_all(b"GET /api/v1/openapi.yaml HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let start = Instant::now();
    assert!(served.await.unwrap().is_err());
    assert!((Duration::from_secs(30)..Duration::from_secs(31)).contains(&start.elapsed()), "{:?}", start.elapsed());
}
