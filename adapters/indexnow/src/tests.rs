use std::io::Write as _;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

const KEY: &str = "a-key-of-these-tests";

/// Answers one request with a head; returns the result of the submission, and the request.
async fn submitted(head: &'static str) -> (Result<(), SubmitError>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/indexnow", listener.local_addr().unwrap());
    let answer = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"]}") {
            assert!(stream.read_buf(&mut request).await.unwrap() > 0);
        }
        let mut response = Vec::new();
        write!(response, "HTTP/1.1 {head}\r\nContent-Length: 0\r\n\r\n").unwrap();
        stream.write_all(&response).await.unwrap();
        String::from_utf8(request).unwrap()
    });
    let addresses = ["/", "/chat/2026-03-01"].map(|path| format!("https://a.example:8443{path}"));
    let sent = IndexNow::new(endpoint.parse().unwrap(), KEY).submit("https://a.example:8443", &addresses).await;
    (sent, answer.await.unwrap())
}

#[tokio::test]
async fn a_submission_names_the_host_the_place_of_its_key_and_the_addresses() {
    let (sent, request) = submitted("200 OK").await;
    sent.unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /indexnow HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("content-type: application/json; charset=utf-8"), "{head}");
    let expected = serde_json::json!({
        "host": "a.example:8443",
        "key": KEY,
        "keyLocation": "https://a.example:8443/a-key-of-these-tests.txt",
        "urlList": ["https://a.example:8443/", "https://a.example:8443/chat/2026-03-01"],
    });
    assert_eq!(serde_json::from_str::<serde_json::Value>(body).unwrap(), expected);
}

#[tokio::test]
async fn a_key_that_is_not_checked_yet_is_no_failure() {
    submitted("202 Accepted").await.0.unwrap();
}

#[tokio::test]
async fn a_rejection_says_what_to_do() {
    for (head, status, part) in [
        ("400 Bad Request", 400, "INDEXNOW_URL"),
        ("403 Forbidden", 403, "INDEXNOW_KEY with .txt"),
        ("422 Unprocessable Content", 422, "PUBLIC_URL"),
        ("302 Found", 302, "INDEXNOW_URL"),
    ] {
        let (sent, _) = submitted(head).await;
        let text = sent.as_ref().unwrap_err().to_string();
        assert!(matches!(sent, Err(SubmitError::Rejected { status: found, .. }) if found == status), "{head}");
        assert!(text.contains(part) && !text.contains(KEY), "{text}");
    }
}

#[tokio::test]
async fn a_busy_endpoint_is_left_alone_for_as_long_as_it_demands() {
    for (head, expected) in [
        ("429 Too Many Requests\r\nRetry-After: 7200", Some(Duration::from_hours(2))),
        ("503 Service Unavailable\r\nRetry-After: 99999999", Some(LONGEST)),
        ("500 Internal Server Error\r\nRetry-After: soon", None),
    ] {
        let (sent, _) = submitted(head).await;
        assert!(matches!(sent, Err(SubmitError::Later { wait, .. }) if wait == expected), "{head}: {sent:?}");
    }
}

#[tokio::test]
async fn an_endpoint_that_cannot_be_reached_is_tried_again_later() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let sent =
        IndexNow::new(endpoint.parse().unwrap(), KEY).submit("https://a.example", &["https://a.example/".into()]).await;
    assert!(matches!(sent, Err(SubmitError::Later { wait: None, .. })), "{sent:?}");
}
