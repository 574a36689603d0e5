//! Search nodes: processes that search for web processes without indexes.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread::{Scope, scope};
use std::time::{Duration, Instant};

use adapter_media::MediaFolder;
use adapter_sqlite::SqliteStore;
use adapter_tantivy::TantivyIndex;
use app_core::process::Process;
use app_core::search::{IndexProgress, Indexer, Snapshots};
use domain::timestamp::Timestamp;
use ports::mock::FakeClock;
use ports::store::Store;

use crate::import::fixture::{export, message, write};
use crate::program::{ADMIN_KEY, Answer, Installation, Server, examples, get_if_alive};
use crate::server::Database;

const BASE: &str = "/api/v1/tenants/thimble-firmware/search";

fn web(installation: &Installation, nodes: &str) -> Server {
    let nodes = nodes.to_owned();
    installation.serve_with(&["--role", "web"], move |command: &mut Command| {
        command.env("SEARCH_URL", nodes).env("INDEX_DIR", "no-index");
    })
}

fn node(installation: &Installation, folder: &str) -> Server {
    installation.serve_with(&["--role", "search"], |command| {
        command.env("INDEX_DIR", folder);
    })
}

fn address(server: &Server) -> String {
    format!("http://{}", server.address())
}

/// Returns the ids of all matches, and the number of pages.
fn all(server: &Server, query: &str) -> Vec<String> {
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = server.get(&format!("{BASE}?q={query}&limit=7{cursor}"));
        assert_eq!(page.status, 200, "{}", page.text());
        let page = page.json();
        ids.extend(
            page["items"].as_array().unwrap().iter().map(|item| item["message"]["id"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return ids,
        }
    }
}

/// Returns a response without the time up to which it considers changes.
fn timeless(answer: &Answer) -> serde_json::Value {
    let mut body = answer.json();
    body.as_object_mut().unwrap().remove("as_of").unwrap();
    body
}

/// A process answers every query as another one does.
fn assert_answers_as(web: &Server, expected: &Server) {
    for query in ["the", "%22the%20keyboard%22", "f*", "has:image", "-the", "author:person", "zzzzqqq"] {
        for sort in ["new", "old", "relevant"] {
            let path = format!("{BASE}?q={query}&sort={sort}&limit=50");
            let answer = web.get(&path);
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert_eq!(timeless(&answer), timeless(&expected.get(&path)), "{path}");
        }
        assert_eq!(all(web, query), all(expected, query));
    }
}

/// Two web processes and one search node answer as a process with an index of its own does.
fn are_equal(installation: &Installation) {
    let (code, _) = installation.import(&[&examples()], &[]);
    assert_eq!(code, 0);
    let alone = installation.serve(&[]);
    alone.wait_for("search index built");
    let search = node(installation, "node");
    search.wait_for("search index built");
    let webs = [web(installation, &address(&search)), web(installation, &address(&search))];
    for web in &webs {
        assert_answers_as(web, &alone);
    }
    assert_eq!(webs[0].get("/thimble-firmware/search?q=the").status, 200);
    assert!(!installation.path("no-index").exists());
}

#[test]
fn two_web_processes_and_a_node_answer_as_one_process() {
    are_equal(&Installation::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a MySQL-protocol server"]
async fn two_web_processes_and_a_node_over_a_server_answer_as_one_process() {
    let database = Database::new().await;
    let installation = Installation::at(&database.address());
    tokio::task::spawn_blocking(move || are_equal(&installation)).await.unwrap();
}

/// A query, and the response to it.
type Expected = (String, serde_json::Value);

/// The responses of a process under load, in the order in which it gave them, each with the query; `None` for the one
/// that it did not give, which is the last.
type Responses<'a> = Receiver<(&'a Expected, Option<Answer>)>;

/// Sends queries to a process until one has no response, or until the receiver of the responses is dropped.
fn load<'a>(scope: &'a Scope<'a, '_>, address: SocketAddr, expected: &'a [Expected]) -> Responses<'a> {
    let (sender, responses) = channel();
    scope.spawn(move || {
        for one in expected.iter().cycle() {
            let answer = get_if_alive(address, &one.0);
            let is_last = answer.is_none();
            if sender.send((one, answer)).is_err() || is_last {
                break;
            }
        }
    });
    responses
}

fn assert_equal((path, expected): &Expected, answer: &Answer) {
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    assert_eq!(timeless(answer), *expected, "{path}");
}

/// Compares the responses that a process has given, and those that it gives to every query from now on.
fn assert_all_equal(expected: &[Expected], responses: &Responses<'_>) {
    let given: Vec<_> = responses.try_iter().collect();
    // One may have been under way.
    let later = (0..=expected.len()).map(|_| responses.recv().unwrap());
    for (one, answer) in given.into_iter().chain(later) {
        assert_equal(one, &answer.unwrap_or_else(|| panic!("{}: no response", one.0)));
    }
}

/// Two web processes give the same responses under load while one of them is killed and started again, and see what is
/// imported then.
fn stay_equal(installation: &Installation) {
    let (code, _) = installation.import(&[&examples()], &[]);
    assert_eq!(code, 0);
    let search = node(installation, "node");
    search.wait_for("search index built");
    let first = web(installation, &address(&search));
    let second = web(installation, &address(&search));
    let mut paths = Vec::new();
    for query in ["the", "%22the%20keyboard%22", "f*", "has:image", "-the", "zzzzqqq"] {
        paths.extend(["new", "old", "relevant"].map(|sort| format!("{BASE}?q={query}&sort={sort}&limit=20")));
    }
    let expected: Vec<Expected> = paths.into_iter().map(|path| (path.clone(), timeless(&first.get(&path)))).collect();
    assert!(expected.iter().any(|(_, body)| body["items"].as_array().unwrap().len() == 20));
    scope(|scope| {
        let of_first = [(); 2].map(|()| load(scope, first.address(), &expected));
        let of_second = [(); 2].map(|()| load(scope, second.address(), &expected));
        for responses in of_first.iter().chain(&of_second) {
            assert_all_equal(&expected, responses);
        }
        // Killed.
        drop(second);
        for responses in of_second {
            let mut given: Vec<_> = responses.iter().collect();
            let (_, last) = given.pop().unwrap();
            assert!(last.is_none());
            for (one, answer) in &given {
                assert_equal(one, answer.as_ref().unwrap());
            }
        }
        for responses in &of_first {
            assert_all_equal(&expected, responses);
        }
        let second = web(installation, &address(&search));
        let of_second = [(); 2].map(|()| load(scope, second.address(), &expected));
        for responses in of_first.iter().chain(&of_second) {
            assert_all_equal(&expected, responses);
        }
        drop((of_first, of_second));
        let of_both = [&first, &second];
        let path = "/api/v1/tenants/merged/search?q=ottersmund";
        let file = write(installation, "new.json", &export(1, &[message(1_000_000_000_000_000, "an ottersmund")]));
        assert_eq!(installation.import(&[&file], &[]).0, 0);
        let patience = Instant::now() + Duration::from_mins(2);
        let found = of_both.map(|web| {
            loop {
                let answer = web.get(path);
                if answer.status == 200 && answer.json()["items"].as_array().unwrap().len() == 1 {
                    break timeless(&answer);
                }
                assert!(Instant::now() < patience, "{}: {}", answer.status, answer.text());
            }
        });
        assert_eq!(found[0], found[1]);
    });
}

#[test]
fn web_processes_stay_equal_while_one_of_them_is_killed_and_restarted_under_load() {
    stay_equal(&Installation::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a MySQL-protocol server"]
async fn web_processes_over_a_server_stay_equal_while_one_of_them_is_killed_and_restarted_under_load() {
    let database = Database::new().await;
    let installation = Installation::at(&database.address());
    tokio::task::spawn_blocking(move || stay_equal(&installation)).await.unwrap();
}

#[test]
fn without_a_node_that_answers_search_is_not_available_and_pages_are() {
    let installation = Installation::new();
    installation.import(&[&examples()], &[]);
    let first = node(&installation, "first");
    first.wait_for("search index built");
    let second = node(&installation, "second");
    second.wait_for("search index built");
    let web = web(&installation, &format!("{}, {}", address(&first), address(&second)));
    let expected = all(&web, "the");
    assert!(expected.len() > 7);
    first.stop();
    for _ in 0..3 {
        assert_eq!(all(&web, "the"), expected);
    }
    second.stop();
    let (answer, page) = (web.get(&format!("{BASE}?q=the")), web.get("/thimble-firmware/search?q=the"));
    assert_eq!((answer.status, answer.json()["code"].as_str()), (503, Some("unavailable")), "{}", answer.text());
    assert_eq!(page.status, 503);
    assert_eq!(web.get("/thimble-firmware/general").status, 200);
}

#[test]
fn a_node_answers_its_web_processes_alone() {
    let installation = Installation::new();
    installation.import(&[&examples()], &[]);
    let node = node(&installation, "node");
    let path = "/api/internal/search";
    let key = format!("Authorization: Bearer {ADMIN_KEY}\r\n");
    let token = format!("Authorization: Node {}\r\n", adapter_nodes::token(ADMIN_KEY.as_bytes()));
    assert_eq!(node.request("POST", path, "", b"{}").status, 401);
    assert_eq!(node.request("POST", path, "Authorization: Bearer wrong\r\n", b"{}").status, 401);
    assert_eq!(node.request("POST", path, &key, b"{}").status, 401, "the admin key is not sent to nodes");
    assert_eq!(node.request("POST", path, "Authorization: Node \r\n", b"{}").status, 401);
    assert_eq!(node.request("POST", path, &token, b"{}").status, 400);
    assert_eq!(node.request("GET", path, &key, b"").status, 405);
    for of_readers in ["/thimble-firmware", BASE, "/api/v1/openapi.yaml"] {
        assert_eq!(node.get(of_readers).status, 404, "{of_readers}");
    }
    assert_eq!((node.get("/healthz").status, node.get("/readyz").status), (200, 200));
    let metrics = node.request("GET", "/metrics", &key, b"").text();
    assert!(metrics.contains("verta_search_lag_seconds"));
    // A process that serves the site is none.
    let web = web(&installation, &address(&node));
    assert_eq!(web.request("POST", path, &token, b"{}").status, 404);
}

/// Stores a snapshot of each index of an archive in a file, as a search node does every day.
async fn save_snapshots(installation: &Installation) {
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&installation.database(), 4).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let index = Arc::new(TantivyIndex::new(folder.path().to_owned()));
    let media = Arc::new(MediaFolder::new(installation.path("data/media")));
    let snapshots = Snapshots::new(Arc::<TantivyIndex>::clone(&index), media);
    let (progress, process) = (IndexProgress::default(), Process::current());
    // Long ago, so that no lease is in the way of other processes.
    let clock = Arc::new(FakeClock(Timestamp::EPOCH));
    let mut indexer = Indexer::new(store, index, clock, progress, process).with_snapshots(snapshots);
    indexer.settle().await.unwrap();
    indexer.save_snapshots().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_answers_from_a_snapshot_as_one_process_and_builds_where_it_is_damaged() {
    let installation = Installation::new();
    assert_eq!(installation.import(&[&examples()], &[]).0, 0);
    save_snapshots(&installation).await;
    let media = std::fs::read_dir(installation.path("data/media")).unwrap();
    let snapshots: Vec<_> = media.map(|entry| entry.unwrap().path().join("index.snapshot")).collect();
    assert!(!snapshots.is_empty() && snapshots.iter().all(|snapshot| snapshot.exists()));
    let in_processes = move || {
        let alone = installation.serve(&[]);
        alone.wait_for("search index built");
        let restored = node(&installation, "restored");
        restored.wait_for("search index restored from a snapshot");
        assert_answers_as(&web(&installation, &address(&restored)), &alone);
        restored.stop();
        for snapshot in snapshots {
            let mut bytes = std::fs::read(&snapshot).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            std::fs::write(&snapshot, bytes).unwrap();
        }
        let built = node(&installation, "built");
        built.wait_for("snapshot not used");
        built.wait_for("search index built");
        assert_answers_as(&web(&installation, &address(&built)), &alone);
    };
    tokio::task::spawn_blocking(in_processes).await.unwrap();
}

#[test]
fn a_node_with_the_index_of_the_archive_before_builds_it_again_and_does_not_answer_from_it() {
    let path = "/api/v1/tenants/merged/search?q=ottersmund";
    let installation = Installation::new();
    let import = |ids: std::ops::Range<u64>| {
        let written: Vec<_> = ids.map(|id| message(1_000_000_000_000_000 + id, "an ottersmund")).collect();
        let file = write(&installation, "some.json", &export(1, &written));
        assert_eq!(installation.import(&[&file], &[]).0, 0);
    };
    import(0..3);
    let before = node(&installation, "node");
    before.wait_for("search index built");
    before.stop();
    let (archive, copy) = (installation.database(), installation.path("data/copy.db"));
    let [from, to] = [&archive, &copy].map(|file| format!("sqlite:{}", file.display()));
    assert!(installation.run(&["copy", "--from", &from, "--to", &to]).status.success());
    for ending in ["", "-wal", "-shm"] {
        std::fs::remove_file(format!("{}{ending}", archive.display())).ok();
    }
    std::fs::rename(&copy, &archive).unwrap();
    // As many changes as the log had before, and more.
    (3..9).for_each(|id| import(id..id + 1));
    let node = node(&installation, "node");
    let web = web(&installation, &address(&node));
    let patience = Instant::now() + Duration::from_mins(2);
    let found = loop {
        let answer = web.get(path);
        if answer.status == 200 {
            break answer.json();
        }
        assert_eq!(
            (answer.status, answer.json()["code"].as_str()),
            (503, Some("search_building")),
            "{}",
            answer.text()
        );
        assert!(Instant::now() < patience);
    };
    assert_eq!(found["items"].as_array().unwrap().len(), 9);
    node.wait_for("search index built");
}

#[test]
fn a_node_with_another_key_is_named_in_the_log_and_search_is_not_available() {
    let installation = Installation::new();
    installation.import(&[&examples()], &[]);
    let node = node(&installation, "node");
    let nodes = address(&node);
    let web = installation.serve_with(&["--role", "web"], move |command: &mut Command| {
        command.env("SEARCH_URL", nodes).env("ADMIN_API_KEY", "another-admin-key-of-this-test");
    });
    let answer = web.get(&format!("{BASE}?q=the"));
    assert_eq!((answer.status, answer.json()["code"].as_str()), (503, Some("unavailable")), "{}", answer.text());
    assert!(answer.header("Retry-After").is_some());
    web.wait_for("the node has another admin key");
}

#[test]
fn a_node_that_never_responds_ends_a_search_in_time_and_the_site_goes_on() {
    let installation = Installation::new();
    installation.import(&[&examples()], &[]);
    // Connections are accepted by the system, and no one reads from them.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let web = web(&installation, &format!("http://{}", silent.local_addr().unwrap()));
    let path = format!("{BASE}?q=the");
    scope(|scope| {
        let searches = [(); 30].map(|()| {
            scope.spawn(|| {
                let start = Instant::now();
                (web.get(&path).status, start.elapsed())
            })
        });
        for _ in 0..30 {
            assert_eq!(web.get("/thimble-firmware/general").status, 200);
        }
        for search in searches {
            let (status, took) = search.join().unwrap();
            assert!(status == 503 && took < Duration::from_secs(4), "{status} {took:?}");
        }
    });
    let built = node(&installation, "node");
    built.wait_for("search index built");
    drop(web);
    let both = format!("http://{}, {}", silent.local_addr().unwrap(), address(&built));
    let web = self::web(&installation, &both);
    for _ in 0..3 {
        assert!(all(&web, "the").len() > 7);
    }
}

#[test]
fn a_node_and_its_web_processes_need_a_key() {
    let installation = Installation::new();
    installation.import(&[&examples()], &[]);
    for (role, nodes) in [("search", ""), ("web", "http://127.0.0.1:1"), ("all", "http://127.0.0.1:1")] {
        let mut command = installation.command(&["serve", "--role", role]);
        let output = command.env("ADMIN_API_KEY", "").env("SEARCH_URL", nodes).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains("ADMIN_API_KEY"), "{role}: {said}");
    }
}
