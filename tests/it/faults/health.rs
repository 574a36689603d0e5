//! The program's responses while its database server is unreachable.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::{address_through, upstream};
use crate::program::{Answer, Installation, Server, examples};
use crate::proxy::{Fault, Proxy};
use crate::server::Database;

/// A page that reads the store.
const PAGE: &str = "/thimble-firmware";
/// An API response that reads the store.
const API: &str = "/api/v1/tenants/thimble-firmware/channels";
/// The time limit of the readiness check.
const SOON: Duration = Duration::from_secs(1);
/// The time limit of any other response.
const LATE: Duration = Duration::from_secs(10);

type Serve = fn(&Installation, &[&str]) -> Server;

/// Runs `case` with the site on a database that contains the examples, behind a proxy and with one connection. A case
/// with the fault of a statement serves it without a search index, which sends statements like those of requests.
async fn on_a_site(serve: Serve, case: impl FnOnce(&Server, &Proxy) + Send + 'static) {
    let database = Database::new().await;
    let proxy = Arc::new(Proxy::start(upstream(&database).await).await);
    let (direct, through) = (database.address(), address_through(&proxy, &database));
    let work = move || {
        let (code, report) = Installation::at(&direct).import(&[&examples()], &[]);
        assert_eq!(code, 0, "{report}");
        let installation = Installation::at(&through);
        let server = serve(&installation, &["--database-pool-size", "1"]);
        assert_well(&server);
        case(&server, &proxy);
        assert_recovers(&server);
    };
    tokio::task::spawn_blocking(work).await.unwrap();
}

fn timed(server: &Server, path: &str, limit: Duration) -> Answer {
    let start = Instant::now();
    let answer = server.get(path);
    assert!(start.elapsed() < limit, "{path}: {} after {:?}", answer.status, start.elapsed());
    answer
}

fn assert_alive(server: &Server) {
    assert_eq!(timed(server, "/healthz", SOON).status, 200);
}

fn assert_well(server: &Server) {
    assert_alive(server);
    let ready = timed(server, "/readyz", SOON);
    assert_eq!((ready.status, &ready.json()["store"]), (200, &"tidb".into()), "{}", ready.text());
    for path in [PAGE, API] {
        assert_eq!(timed(server, path, LATE).status, 200);
    }
}

fn assert_not_ready(server: &Server) {
    assert_alive(server);
    let ready = timed(server, "/readyz", SOON);
    assert_eq!((ready.status, &ready.json()["code"]), (503, &"unavailable".into()), "{}", ready.text());
    assert!(ready.header("retry-after").is_some());
}

fn assert_refused(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", answer.text());
    let seconds: u32 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!(seconds > 0 && seconds < 60);
}

/// Asserts that the site recovers by itself.
fn assert_recovers(server: &Server) {
    let start = Instant::now();
    while timed(server, "/readyz", SOON).status != 200 {
        assert!(start.elapsed() < LATE, "it is still not ready");
    }
    assert_well(server);
}

/// Sends several requests at once, and checks each response.
fn at_once(server: &Server, look: impl Fn(&Answer) + Sync, meanwhile: impl FnOnce()) {
    std::thread::scope(|scope| {
        for path in [PAGE, API, PAGE, API] {
            let look = &look;
            scope.spawn(move || look(&timed(server, path, LATE)));
        }
        meanwhile();
    });
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn with_every_connection_in_use_the_site_is_ready_and_a_long_wait_is_an_error() {
    on_a_site(Installation::serve_without_index, |server, proxy| {
        let met = proxy.met();
        proxy.next("WHERE slug =", Fault::Stall);
        let refused = AtomicUsize::new(0);
        // The stalled request is rejected; the others take its connection when it is given up.
        let look = |answer: &Answer| {
            if answer.status != 200 {
                assert_refused(answer);
                refused.fetch_add(1, Ordering::Relaxed);
            }
        };
        at_once(server, look, || {
            Handle::current().block_on(proxy.has_met(met + 1));
            for _ in 0..5 {
                assert_alive(server);
                let ready = timed(server, "/readyz", SOON);
                assert_eq!(ready.status, 200, "{}", ready.text());
            }
        });
        assert!(refused.into_inner() > 0);
        proxy.resume();
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_server_that_hangs_hangs_no_request() {
    on_a_site(Installation::serve, |server, proxy| {
        proxy.hang();
        for _ in 0..2 {
            at_once(server, assert_refused, || {
                for _ in 0..3 {
                    assert_not_ready(server);
                }
            });
        }
        proxy.resume();
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_server_that_is_gone_is_told_at_once() {
    on_a_site(Installation::serve, |server, proxy| {
        Handle::current().block_on(proxy.close());
        for _ in 0..3 {
            assert_not_ready(server);
            at_once(server, assert_refused, || assert_not_ready(server));
        }
        Handle::current().block_on(proxy.open());
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_server_that_takes_no_more_connections_is_told_at_once() {
    on_a_site(Installation::serve, |server, proxy| {
        proxy.refuse(Some(1040));
        Handle::current().block_on(proxy.cut());
        assert_not_ready(server);
        at_once(server, assert_refused, || assert_not_ready(server));
        proxy.heal();
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_connection_that_ends_under_a_reader_is_not_told_to_the_client() {
    on_a_site(Installation::serve_without_index, |server, proxy| {
        for fault in [Fault::CutBefore, Fault::CutAfter, Fault::Error(9005), Fault::Error(8028), Fault::Error(9006)] {
            for path in [PAGE, API] {
                let met = proxy.met();
                proxy.next("FROM channels", fault);
                let answer = timed(server, path, LATE);
                assert_eq!((answer.status, proxy.met()), (200, met + 1), "{fault:?}: {}", answer.text());
            }
        }
    })
    .await;
}

/// Addresses of every kind that read the store.
fn addresses(server: &Server) -> Vec<String> {
    let items = |address: &str| -> Vec<serde_json::Value> {
        server.get(address).json()["items"].as_array().unwrap().iter().rev().cloned().collect()
    };
    let text = |item: &serde_json::Value, field: &str| item[field].as_str().unwrap().to_owned();
    let channels = items(API);
    let held = |channel: &&serde_json::Value| channel["message_count"].as_u64() > Some(0);
    let channel = channels.iter().find(held).unwrap();
    let (id, slug) = (text(channel, "id"), text(channel, "slug"));
    let message = text(&items(&format!("{API}/{id}/messages"))[0], "id");
    let threads = |channel: &serde_json::Value| items(&format!("{API}/{}/threads", text(channel, "id")));
    let parent = channels.iter().find(|channel| !threads(channel).is_empty()).unwrap();
    let (thread, parent) = (text(&threads(parent)[0], "id"), text(parent, "id"));
    vec![
        "/".to_owned(),
        PAGE.to_owned(),
        format!("{PAGE}/{slug}"),
        format!("{PAGE}/{slug}/{message}"),
        "/api/v1/tenants/thimble-firmware".to_owned(),
        API.to_owned(),
        format!("{API}?parent={parent}&cursor={thread}"),
        format!("{API}/{id}"),
        format!("{API}/{id}/messages?around={message}"),
        format!("{API}/{parent}/threads?limit=1"),
        format!("/api/v1/tenants/thimble-firmware/messages/{message}"),
        "/api/v1/tenants/thimble-firmware/coverage".to_owned(),
    ]
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_store_that_fails_at_any_statement_is_never_taken_for_one_that_holds_nothing() {
    const ERRORS: [(u16, u16); 2] = [(1053, 503), (1317, 504)];
    const TABLES: [&str; 6] = ["tenants", "channels", "messages", "attachments", "reactions", "coverage"];
    on_a_site(Installation::serve_without_index, |server, proxy| {
        let mut met = 0;
        for address in addresses(server) {
            assert_eq!(timed(server, &address, LATE).status, 200, "{address}");
            for (table, (code, status)) in TABLES.into_iter().flat_map(|table| ERRORS.map(|error| (table, error))) {
                for skip in 0.. {
                    proxy.after(skip, &format!("FROM {table}"), Fault::Error(code));
                    let answer = timed(server, &address, LATE);
                    if proxy.heal() {
                        assert_eq!(answer.status, 200, "{address}");
                        break;
                    }
                    assert_eq!(answer.status, status, "{address} at {}: {}", proxy.last_met(), answer.text());
                    met += 1;
                }
            }
        }
        assert!(met > 80, "{met} statements");
    })
    .await;
}
