//! Communities that are created, changed and deleted while the server fails.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{address_through, upstream};
use crate::program::{ADMIN_KEY, Answer, Installation, Server, examples};
use crate::proxy::{Fault, Proxy};
use crate::server::{Database, connect};
use mysql_async::prelude::Queryable;

const TENANTS: &str = "/api/v1/admin/tenants";
/// Failed jobs are polled again after 30 seconds.
const PATROL: Duration = Duration::from_secs(30);

/// Runs `case` with the site on an empty database behind a proxy; returns that database. The site has no search index,
/// which would read communities, too, and meet the faults of requests.
async fn on_a_site(case: impl FnOnce(&Installation, &Server, &Proxy) + Send + 'static) -> Database {
    let database = Database::new().await;
    let proxy = Arc::new(Proxy::start(upstream(&database).await).await);
    let through = address_through(&proxy, &database);
    let work = move || {
        let installation = Installation::at(&through);
        let server = installation.serve_without_index(&[]);
        case(&installation, &server, &proxy);
    };
    tokio::task::spawn_blocking(work).await.unwrap();
    database
}

fn ask(server: &Server, method: &str, path: &str, body: &Value) -> Answer {
    let headers = format!("Authorization: Bearer {ADMIN_KEY}\r\nContent-Type: application/json\r\n");
    server.request(method, path, &headers, body.to_string().as_bytes())
}

fn slugs(server: &Server) -> Vec<String> {
    let list = ask(server, "GET", TENANTS, &Value::Null).json();
    list["items"].as_array().unwrap().iter().map(|tenant| tenant["slug"].as_str().unwrap().to_owned()).collect()
}

fn tenant(number: u32) -> Value {
    json!({"platform": "discord", "platform_id": format!("90000000000000000{number}"), "name": format!("made {number}")})
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_community_is_made_and_changed_once_whatever_statement_loses_a_race() {
    on_a_site(|_, server, proxy| {
        for (number, words) in (1..).zip(["FROM tenants", "INSERT INTO tenants", "COMMIT"]) {
            proxy.next(words, Fault::Error(9007));
            assert_eq!(ask(server, "POST", TENANTS, &tenant(number)).status, 201, "{words}");
            assert!(!proxy.heal(), "{words}");
            assert_eq!(slugs(server).len(), number as usize, "{words}");
        }
        for words in ["FROM tenants", "UPDATE tenants", "COMMIT"] {
            proxy.next(words, Fault::CutBefore);
            let answer = ask(server, "PATCH", &format!("{TENANTS}/made-1"), &json!({"name": words}));
            assert!(!proxy.heal(), "{words}");
            let (status, name) = if words == "COMMIT" { (503, "UPDATE tenants") } else { (200, words) };
            assert_eq!(answer.status, status, "{words}: {}", answer.text());
            let shown = ask(server, "GET", &format!("{TENANTS}/made-1"), &Value::Null).json();
            assert_eq!(shown["name"], name, "{words}");
        }
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_limit_a_time_that_is_up_and_a_refused_value_are_told_as_such_after_one_try() {
    on_a_site(|_, server, proxy| {
        assert_eq!(ask(server, "POST", TENANTS, &tenant(1)).status, 201);
        let patch = json!({"name": "changed"});
        let one = format!("{TENANTS}/made-1");
        for (codes, status, name) in [
            (&[8252, 8253, 8254][..], 429, "rate_limited"),
            (&[1317, 1969, 3024], 504, "timeout"),
            (&[1048, 1264, 1265, 1366, 1406, 3140, 3819, 4025, 8025], 422, "invalid"),
            (&[8001, 8004, 8175, 8176, 9500], 500, "internal"),
        ] {
            for code in codes {
                let writes = [
                    ("POST", TENANTS, tenant(2), "INSERT INTO tenants"),
                    ("PATCH", &one, patch.clone(), "UPDATE tenants"),
                ];
                for (method, path, body, words) in writes {
                    let met = proxy.met();
                    proxy.next_times(2, words, Fault::Error(*code));
                    let answer = ask(server, method, path, &body);
                    assert_eq!((answer.status, proxy.met()), (status, met + 1), "{code}: {}", answer.text());
                    assert!(proxy.heal(), "{code}: one try");
                    assert_eq!(answer.json()["code"], name, "{code}");
                    assert_eq!(answer.json()["errors"][0]["field"] == "body", status == 422, "{code}");
                    assert_eq!(answer.header("retry-after").is_some(), status == 429, "{code}");
                    assert!(!answer.text().contains(&code.to_string()), "{}", answer.text());
                }
                // An error while reading is never blamed on the request's body.
                let status = if status == 422 { 500 } else { status };
                for (path, words) in [(TENANTS, "FROM tenants"), ("/made-1", "WHERE slug =")] {
                    proxy.next(words, Fault::Error(*code));
                    let answer = ask(server, "GET", path, &Value::Null);
                    assert_eq!(answer.status, status, "{code} at {path}: {}", answer.text());
                    assert!(!proxy.heal(), "{code} at {path}");
                }
            }
        }
        assert_eq!(slugs(server), ["made-1"]);
        assert_eq!(ask(server, "GET", &one, &Value::Null).json()["name"], "made 1");
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_repeated_request_returns_whether_the_first_one_happened() {
    on_a_site(|_, server, proxy| {
        for (number, fault, again) in [(1, Fault::CutBefore, 201), (2, Fault::CutAfter, 409)] {
            proxy.next("COMMIT", fault);
            let answer = ask(server, "POST", TENANTS, &tenant(number));
            assert_eq!(answer.status, 503, "{fault:?}: {}", answer.text());
            assert!(answer.header("retry-after").is_some(), "{fault:?}");
            assert_eq!(ask(server, "POST", TENANTS, &tenant(number)).status, again, "{fault:?}");
        }
        assert_eq!(slugs(server), ["made-1", "made-2"]);
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_deletion_that_loses_races_and_connections_is_done_at_once_and_counts_everything_once() {
    let database = on_a_site(|installation, server, proxy| {
        let (code, report) = installation.import(&[&examples()], &[]);
        assert_eq!(code, 0, "{report}");
        // Few enough faults that no unit exhausts its attempts.
        for (words, fault) in [
            ("FROM jobs", Fault::CutBefore),
            ("FROM channels", Fault::Error(9006)),
            ("DELETE FROM messages", Fault::Error(9007)),
            ("DELETE FROM attachments", Fault::Error(8004)),
            ("UPDATE channels", Fault::CutBefore),
            ("DELETE FROM channels", Fault::Error(9005)),
            ("DELETE FROM tenants", Fault::CutAfter),
            ("COMMIT", Fault::Error(8022)),
        ] {
            proxy.next(words, fault);
        }
        let start = Instant::now();
        let asked = ask(server, "DELETE", &format!("{TENANTS}/thimble-firmware"), &Value::Null);
        assert_eq!(asked.status, 202, "{}", asked.text());
        server.wait_for("tenant deleted");
        assert!(!proxy.heal(), "a fault was not met");
        assert!(start.elapsed() < PATROL, "it was given up and found again: {:?}", start.elapsed());
        assert_eq!(slugs(server), [""; 0]);
    })
    .await;
    let mut connection = connect(database.url()).await;
    let (state, messages): (String, u64) =
        connection.query_first("SELECT state, messages FROM jobs WHERE kind = 'delete'").await.unwrap().unwrap();
    let left: u64 = connection.query_first("SELECT COUNT(*) FROM channels").await.unwrap().unwrap();
    connection.disconnect().await.unwrap();
    assert_eq!((state.as_str(), left), ("done", 0));
    assert!(messages > 100, "{messages}");
}
