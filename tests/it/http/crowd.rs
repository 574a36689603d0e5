//! Clients that take more than their share: connections left idle, and responses read slowly.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::{Value, json};
use tokio::net::TcpSocket;

use super::pages::id;
use crate::program::{Installation, Server};

/// Opens a connection from one of the loopback addresses, with a small receive buffer.
async fn connect(server: &Server, from: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    socket.bind(SocketAddr::new(from.parse().unwrap(), 0)).unwrap();
    let stream = socket.connect(server.address()).await.unwrap().into_std().unwrap();
    stream.set_nonblocking(false).unwrap();
    stream
}

/// Sends one request on a connection that then closes; returns the whole response.
async fn ask(server: &Server, from: &str, path: &str) -> String {
    let mut stream = connect(server, from).await;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[tokio::test]
async fn one_network_that_holds_every_connection_does_not_shut_others_out() {
    let installation = Installation::new();
    // Room for 96 connections.
    let server = installation.serve_with_files(256, &[]);
    let mut held = Vec::new();
    let mut kept = connect(&server, "127.0.3.1").await;
    for round in 0..30 {
        for index in 0..if round == 0 { 200 } else { 10 } {
            let mut stream = connect(&server, &format!("127.0.1.{}", 1 + index % 3)).await;
            match index % 3 {
                // An idle connection, a head that never ends, and a response that is not read.
                0 => {}
                1 => stream.write_all(b"GET / HTTP/1.1\r\nHost:").unwrap_or_default(),
                _ => stream.write_all(b"GET /api/v1/openapi.yaml HTTP/1.1\r\nHost: a\r\n\r\n").unwrap_or_default(),
            }
            held.push(stream);
        }
        let answer = ask(&server, "127.0.2.1", "/").await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{round}: {answer}");
        // Another client's connection stays open during all of this, and the crowd itself gets in.
        kept.write_all(b"GET /favicon.svg HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        let mut status = [0; 15];
        kept.read_exact(&mut status).unwrap();
        assert_eq!(&status, b"HTTP/1.1 200 OK", "{round}");
        let mut piece = vec![0; 64 << 10];
        let mut text = Vec::new();
        while !text.ends_with(b"</svg>\n") && !text.ends_with(b"</svg>") {
            let count = kept.read(&mut piece).unwrap();
            assert!(count > 0);
            text.extend_from_slice(&piece[..count]);
        }
        assert!(ask(&server, "127.0.1.1", "/healthz").await.starts_with("HTTP/1.1 200 "), "{round}");
    }
}

/// An export of a channel with `count` messages of `content`.
fn export(name: &str, count: u64, content: &str) -> Value {
    let messages: Vec<Value> = (0..count)
        .map(|number| {
            json!({
                "id": id(number).to_string(), "type": "Default", "timestamp": "2023-11-14T22:13:20+00:00",
                "timestampEdited": null, "isPinned": false, "content": format!("{number} {content}"),
                "author": {"id": "300000000000000001", "name": "ann", "isBot": false},
                "attachments": [], "embeds": [], "reactions": [], "mentions": []
            })
        })
        .collect();
    json!({
        "guild": {"id": "100000000000000001", "name": "Crowd"},
        "channel": {"id": "200", "type": "GuildTextChat", "categoryId": null, "name": name},
        "dateRange": {"after": null, "before": null},
        "messages": messages, "messageCount": count
    })
}

fn installed(content: &str) -> (Installation, Server) {
    let installation = Installation::new();
    let path = installation.path("large.json");
    fs::write(&path, export("large", 100, content).to_string()).unwrap();
    assert_eq!(installation.import(&[&path], &[]).0, 0);
    let server = installation.serve_cached(&[]);
    (installation, server)
}

const MESSAGES: &str = "/api/v1/tenants/crowd/channels/large/messages";

#[test]
fn pages_that_are_cut_by_bytes_hold_every_message_once() {
    // 60 KiB of text, of which each page can show about thirty, or fewer as HTML.
    let (_installation, server) = installed(&"<#1> ".repeat(12 << 10));
    let wanted: Vec<String> = (0..100).map(|number| id(number).to_string()).collect();
    let of_json = |page: &Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    };
    let of_html = |text: &str| -> Vec<String> {
        text.split(" id=\"m").skip(1).map(|rest| rest.split_once('"').unwrap().0.to_owned()).collect()
    };
    let link = |text: &str, relation: &str| {
        let (_, rest) = text.split_once(&format!("rel=\"{relation}\" href=\""))?;
        Some(rest.split_once('"').unwrap().0.to_owned())
    };
    let check = |length: usize, count: usize| {
        assert!(count > 0);
        assert!(length <= 3 << 20, "{length}");
    };
    for limit in [100, 7] {
        let (mut forwards, mut backwards) = (Vec::new(), Vec::new());
        let mut next = Some("0".to_owned());
        while let Some(after) = next {
            let answer = server.get(&format!("{MESSAGES}?after={after}&limit={limit}"));
            let page = answer.json();
            check(answer.body.len(), of_json(&page).len());
            forwards.extend(of_json(&page));
            next = page["newer"].as_str().map(str::to_owned);
        }
        assert_eq!(forwards, wanted, "{limit}");
        let mut path = Some(format!("{MESSAGES}?limit={limit}"));
        while let Some(of) = path {
            let answer = server.get(&of);
            let page = answer.json();
            check(answer.body.len(), of_json(&page).len());
            backwards.splice(0..0, of_json(&page));
            path = page["older"].as_str().map(|id| format!("{MESSAGES}?before={id}&limit={limit}"));
        }
        assert_eq!(backwards, wanted, "{limit}");
    }
    for (start, relation) in [("/crowd/large", "prev"), ("/crowd/large?after=0", "next")] {
        let (mut seen, mut path) = (Vec::new(), Some(start.to_owned()));
        while let Some(of) = path {
            let answer = server.get(&of);
            assert_eq!(answer.status, 200, "{of}");
            let text = answer.text();
            let ids = of_html(&text);
            check(text.len(), ids.len());
            if relation == "prev" {
                seen.splice(0..0, ids)
            } else {
                seen.splice(seen.len().., ids)
            };
            path = link(&text, relation).map(|path| path.replace("&amp;", "&"));
        }
        assert_eq!(seen, wanted, "{start}");
    }
    // The requested message is on its page, and the adjacent links continue from there.
    for number in [0_u64, 1, 50, 98, 99] {
        let sought = &id(number).to_string();
        let page = server.get(&format!("{MESSAGES}?around={}&limit=100", id(number))).json();
        let ids = of_json(&page);
        assert!(ids.contains(sought) && ids.len() < 100, "{number}");
        assert_eq!(page["older"].as_str(), (ids[0] != wanted[0]).then_some(&*ids[0]), "{number}");
        assert_eq!(page["newer"].as_str(), (ids.last() != wanted.last()).then(|| &**ids.last().unwrap()), "{number}");
        let text = server.get(&format!("/crowd/large/{}", id(number))).text();
        assert!(of_html(&text).contains(sought), "{number}");
    }
}

#[tokio::test]
async fn a_client_that_takes_no_bytes_does_not_fill_the_memory() {
    let (_installation, server) = installed(&"\u{1f980}".repeat(4_000));
    let mut slow = Vec::new();
    let mut refused = 0;
    for _ in 0..60 {
        let mut stream = connect(&server, "127.0.1.1").await;
        // The system's buffers absorb the first response, and more.
        let request = format!("GET {MESSAGES}?limit=100 HTTP/1.1\r\nHost: a\r\n\r\n").repeat(4);
        stream.write_all(request.as_bytes()).unwrap();
        let mut head = [0; 12];
        stream.read_exact(&mut head).unwrap();
        match &head {
            b"HTTP/1.1 200" => {}
            b"HTTP/1.1 503" => {
                refused += 1;
                let mut rest = [0; 400];
                let count = stream.read(&mut rest).unwrap();
                assert!(String::from_utf8_lossy(&rest[..count]).contains("retry-after: 5"));
            }
            other => panic!("{}", String::from_utf8_lossy(other)),
        }
        slow.push(stream);
    }
    // 1.6 MB each.
    assert!(refused > 20, "{refused}");
    let other = ask(&server, "127.0.2.1", &format!("{MESSAGES}?limit=100")).await;
    assert!(other.starts_with("HTTP/1.1 200 "), "another client has a share of its own");
    assert!(ask(&server, "127.0.1.1", "/healthz").await.starts_with("HTTP/1.1 200 "));
    drop(slow);
}
