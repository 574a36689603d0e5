//! The bounds of streams: how many there are, how slow they are, and how they end.

use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use tokio::net::TcpSocket;

use super::client::Events;
use crate::program::{ADMIN_KEY, Installation, Server, examples};

const PATH: &str = "/api/v1/tenants/thimble-firmware/events";

fn served(installation: &Installation) -> Server {
    assert_eq!(installation.import(&[&examples()], &[]).0, 0);
    installation.serve_without_index(&["--role", "web"])
}

/// Opens a connection from one of the loopback addresses.
async fn connect(server: &Server, from: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(from.parse().unwrap(), 0)).unwrap();
    let stream = socket.connect(server.address()).await.unwrap().into_std().unwrap();
    stream.set_nonblocking(false).unwrap();
    stream
}

/// Returns the value of a metric.
fn metric(server: &Server, name: &str) -> u64 {
    let answer = server.request("GET", "/metrics", &format!("Authorization: Bearer {ADMIN_KEY}\r\n"), b"").text();
    let line = answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap();
    line.parse().unwrap()
}

#[test]
fn the_head_of_a_stream_keeps_it_from_being_stored_collected_or_compressed() {
    let installation = Installation::new();
    let server = served(&installation);
    let headers = "Accept-Encoding: gzip, br, zstd\r\nIf-None-Match: *\r\nOrigin: https://example.org\r\n";
    let stream = Events::open(server.address(), PATH, headers);
    assert_eq!(stream.status(), 200);
    for header in [
        "content-type: text/event-stream",
        "cache-control: no-store, no-transform",
        "x-accel-buffering: no",
        "access-control-allow-origin: *",
        "transfer-encoding: chunked",
    ] {
        assert!(stream.head.contains(&format!("\r\n{header}\r\n")), "{header}: {}", stream.head);
    }
    for header in ["etag", "content-encoding", "content-length"] {
        assert!(!stream.head.contains(&format!("\r\n{header}:")), "{header}: {}", stream.head);
    }
    assert_eq!(metric(&server, "verta_streams_open"), 1);
    let head = server.request("HEAD", PATH, "", b"");
    assert_eq!((head.status, head.body.len(), head.header("content-type")), (200, 0, Some("text/event-stream")));
}

#[tokio::test]
async fn an_address_has_eight_streams_and_all_of_them_half_of_the_connections() {
    let installation = Installation::new();
    assert_eq!(installation.import(&[&examples()], &[]).0, 0);
    // Room for 96 connections.
    let server = installation.serve_with_files(256, &["--role", "web"]);
    let open = async |from: &str| Events::over(connect(&server, from).await, PATH, "");
    let mut held = Vec::new();
    for network in 1..=6 {
        let from = format!("127.0.{network}.1");
        for _ in 0..8 {
            let stream = open(&from).await;
            assert_eq!(stream.status(), 200);
            held.push(stream);
        }
        let refused = open(&from).await;
        assert_eq!(refused.status(), 429);
        assert!(refused.head.contains("\r\nretry-after: 30\r\n"), "{}", refused.head);
    }
    let refused = open("127.0.9.1").await;
    assert_eq!(refused.status(), 503);
    assert!(refused.head.contains("\r\nretry-after: 30\r\n"), "{}", refused.head);
    assert_eq!(metric(&server, "verta_streams_rejected_total"), 7);
    // Pages have the other half, and the place of a reader that leaves is free.
    assert_eq!(server.get("/thimble-firmware/general").status, 200);
    held.pop();
    while metric(&server, "verta_streams_open") == 48 {}
    assert_eq!(open("127.0.9.1").await.status(), 200);
}

#[test]
fn a_server_that_stops_ends_its_streams_within_a_second() {
    let installation = Installation::new();
    let server = served(&installation);
    let mut streams: Vec<_> = (0..5).map(|_| Events::open(server.address(), PATH, "")).collect();
    let start = Instant::now();
    let asked = Command::new("kill").arg("-TERM").arg(server.pid().to_string()).status().unwrap();
    assert!(asked.success());
    for stream in &mut streams {
        assert!(stream.next().is_none());
    }
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    assert_eq!(server.wait(), 0);
}
