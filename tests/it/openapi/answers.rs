//! Checks the responses of a running program against the document: every address, method and status.

use std::collections::BTreeSet;

use rusqlite::Connection;
use serde_json::{Value, json};

use super::ask::{Ask, Checked, JOBS, MESSAGE};
use super::document::{Operation, TEXT};
use crate::program::{Installation, Server, examples};

/// The address at which communities are created.
const TENANTS: &str = "/api/v1/admin/tenants";
/// The maximum size of a body in bytes.
const MAX_BODY: usize = 1 << 20;

/// Another process holds the token's lease, and two jobs were requested.
fn served(installation: &Installation) -> Server {
    let server = installation.serve_cached(&["--role", "web", "--import", examples().to_str().unwrap()]);
    server.wait_for("search index built");
    let database = Connection::open(installation.database()).unwrap();
    for (id, state) in JOBS.into_iter().zip(["queued", "failed"]) {
        let job = format!(
            "INSERT INTO jobs (job_id, tenant_id, kind, state, created_at, channels_done, channels_total, messages,
                requests, waits)
            SELECT '{id}', tenant_id, 'full', '{state}', 1790000000000, 1, 2, 3, 4, 5 FROM tenants"
        );
        assert_eq!(database.execute(&job, []).unwrap(), 1);
    }
    server
}

/// Returns whether the operation is public, so that the response has a tag.
fn is_open(operation: Operation<'_>) -> bool {
    operation.value["responses"].get("304").is_some()
}

/// Returns whether the operation requires the admin key.
fn is_admin(operation: Operation<'_>) -> bool {
    operation.value["responses"].get("403").is_some()
}

/// Returns a request to which the operation responds with success.
fn good(operation: Operation<'_>) -> Ask {
    let ask = Ask::of(operation);
    let ask = if is_admin(operation) { ask.admin() } else { ask };
    match operation.method {
        "post" if operation.path.ends_with("/retry") => ask,
        "post" if operation.path.ends_with("/sync") => ask.json(&json!({"mode": "incremental"})),
        "post" => ask.json(&json!({"name": "Second", "platform_id": "42"})),
        "put" => ask.body("image/gif", "GIF89a"),
        "patch" => ask.json(&json!({"name": "Thimble"})),
        _ => ask,
    }
}

/// Returns the operations except deletion, which comes last.
fn operations(checked: &Checked) -> Vec<Operation<'_>> {
    let mut all: Vec<_> = checked.document.operations().collect();
    all.sort_by_key(|operation| operation.method == "delete");
    all
}

#[test]
fn every_status_that_the_document_names_is_given_and_no_other() {
    let checked = Checked::new();
    let installation = Installation::new();
    let server = served(&installation);
    refusals_that_all_share(&checked, &server);
    unknown_things(&checked, &server);
    bodies(&checked, &server);
    answers(&checked, &server);
    unserved(&checked, &server);
    deletion(&checked, &server);
    drop(server);
    without_a_worker(&checked);
    without_the_key_of_the_archive(&checked);
    without_a_key(&checked);
    one_request_too_many(&checked);
    a_broken_store(&checked);
    let unseen = checked.unseen();
    let slow = |path: &str, status: u16| status == 504 || status == 503 && path.contains("/admin/");
    let strange: Vec<_> = unseen.iter().filter(|(path, _, status)| !slow(path, *status)).collect();
    assert!(strange.is_empty(), "documented but never answered: {strange:#?}");
}

fn answers(checked: &Checked, server: &Server) {
    for operation in operations(checked).into_iter().filter(|operation| operation.method != "delete") {
        let status = match operation.method {
            "post" if operation.path == TENANTS => 201,
            "post" => 202,
            "options" => 204,
            _ => 200,
        };
        let answer = checked.expect(server, status, &good(operation));
        if operation.method != "get" {
            continue;
        }
        let head = checked.expect(server, 200, &good(operation).head());
        let same = |name: &str| assert_eq!(head.header(name), answer.header(name), "{} {name}", operation.path);
        ["content-type", "etag", "cache-control", "access-control-allow-origin"].into_iter().for_each(same);
        let Some(tag) = answer.header("etag") else {
            assert!(!is_open(operation), "{} has no tag", operation.path);
            continue;
        };
        assert!(is_open(operation), "{} has a tag", operation.path);
        let public = operation.path.starts_with("/api/");
        assert_eq!(answer.header("access-control-allow-origin").is_some(), public, "{}", operation.path);
        checked.expect(server, 304, &good(operation).header("If-None-Match", tag));
        checked.expect(server, 304, &good(operation).header("If-None-Match", tag).head());
        let keyed = checked.expect(server, 200, &good(operation).admin().header("If-None-Match", tag));
        assert_eq!(
            (keyed.header("etag"), keyed.header("cache-control")),
            (None, Some("no-store")),
            "{}",
            operation.path
        );
        assert_eq!(keyed.header("access-control-allow-origin"), None, "{}", operation.path);
    }
}

fn refusals_that_all_share(checked: &Checked, server: &Server) {
    for operation in operations(checked) {
        let ask = Ask::of(operation);
        checked.expect(server, 413, &ask.clone().announcing(MAX_BODY + 1));
        checked.expect(server, 414, &ask.clone().query(&"a".repeat(8 * 1024)));
        checked.expect(server, 431, &ask.clone().header("X", &"a".repeat(32 * 1024)));
        let keyed = ask.header("Authorization", "Bearer wrong");
        if operation.method == "options" {
            continue;
        }
        let looks = operation.value["responses"].get("401").is_some();
        checked.expect(server, if looks { 401 } else { 200 }, &keyed);
        let answer = checked.expect(server, 400, &good(operation).query("colour=red"));
        assert_eq!(answer.json()["errors"][0]["field"], "colour", "{}", operation.path);
    }
}

fn unknown_things(checked: &Checked, server: &Server) {
    let addressed: Vec<_> =
        operations(checked).into_iter().filter(|operation| operation.value["responses"].get("404").is_some()).collect();
    assert!(addressed.len() > 8, "{}", addressed.len());
    for operation in addressed {
        for (name, value) in [("slug", "not-here"), ("channel", "no-such-channel"), ("id", "123456789012345678")] {
            if operation.path.contains(&format!("{{{name}}}")) {
                checked.expect(server, 404, &good(operation).with(name, value));
            }
        }
    }
}

fn bodies(checked: &Checked, server: &Server) {
    for operation in operations(checked).into_iter().filter(|operation| operation.value.get("requestBody").is_some()) {
        let ask = || Ask::of(operation).admin();
        if operation.method == "put" {
            checked.expect(server, 415, &ask().body("image/png", "<svg/>"));
            checked.expect(server, 415, &ask());
            continue;
        }
        checked.expect(server, 415, &ask().body("text/plain", "{}"));
        checked.expect(server, 415, &ask());
        checked.expect(server, 400, &ask().body("application/json", "{"));
        checked.expect(server, 422, &ask().json(&json!({"name": 5, "platform_id": "1"})));
    }
    let create = || Ask::new("post", TENANTS).admin();
    let taken = json!({"name": "Another", "platform_id": "7", "slug": "thimble-firmware"});
    checked.expect(server, 409, &create().json(&taken));
    let stored = json!({"name": "Another", "platform_id": "1062073319232110600"});
    checked.expect(server, 409, &create().json(&stored));
    let third = json!({"name": "Third", "platform_id": "43"});
    checked.expect(server, 201, &create().json(&third));
    let change = Ask::new("patch", "/api/v1/admin/tenants/{id}").with("id", "third").admin();
    checked.expect(server, 409, &change.clone().json(&json!({"slug": "thimble-firmware"})));
    checked.expect(
        server,
        200,
        &change.body("application/merge-patch+json", r##"{"branding": {"accent_color": "#00FF00"}}"##),
    );
}

/// Checks a community in maintenance, then one that is no longer served.
fn unserved(checked: &Checked, server: &Server) {
    let change = || Ask::new("patch", "/api/v1/admin/tenants/{id}").admin();
    for (status, expected) in [("MAINTENANCE", 503), ("CANCELLED", 410)] {
        checked.expect(server, 200, &change().json(&json!({"status": status})));
        for operation in operations(checked).into_iter().filter(|operation| operation.path.contains("{slug}")) {
            if operation.method == "get" {
                checked.expect(server, expected, &Ask::of(operation));
                // A stream is the same for everyone.
                let of_admin = if operation.path.ends_with("/events") { expected } else { 200 };
                checked.expect(server, of_admin, &Ask::of(operation).admin());
            }
        }
    }
    checked.expect(server, 200, &change().json(&json!({"status": "ACTIVE"})));
}

fn deletion(checked: &Checked, server: &Server) {
    let cancel = Ask::new("delete", "/api/v1/admin/jobs/{id}").admin();
    assert_eq!(checked.expect(server, 202, &cancel).json()["state"], "cancelled");
    checked.expect(server, 409, &cancel);
    checked.expect(server, 200, &Ask::new("delete", "/api/v1/admin/tenants/{id}/icon").admin());
    let delete = Ask::new("delete", "/api/v1/admin/tenants/{id}").admin();
    let job = checked.expect(server, 202, &delete).json();
    assert_eq!((&job["kind"], &job["state"]), (&json!("delete"), &json!("queued")));
    checked.expect(server, 404, &delete);
    let cancel = cancel.with("id", job["id"].as_str().unwrap());
    checked.expect(server, 409, &cancel);
}

/// Requests a sync and a retry although the only process has no bot token.
fn without_a_worker(checked: &Checked) {
    let installation = Installation::new();
    drop(served(&installation));
    let server = installation.serve_cached(&[]);
    for operation in operations(checked) {
        if operation.path.ends_with("/sync") || operation.path.ends_with("/retry") {
            let refused = checked.expect(&server, 409, &good(operation)).json();
            assert!(refused["detail"].as_str().unwrap().contains("DISCORD_BOT_TOKEN"), "{refused}");
        }
    }
}

/// Changes a community in a process that has no key, of an archive that was written with one.
fn without_the_key_of_the_archive(checked: &Checked) {
    let installation = Installation::new();
    drop(served(&installation));
    let server = installation.serve_with(&["--role", "web"], |command| {
        command.env_remove("PSEUDONYM_KEY");
    });
    let tenant = |method| Ask::new(method, "/api/v1/admin/tenants/{id}").admin();
    let create = Ask::new("post", TENANTS).admin().json(&json!({"name": "Third", "platform_id": "43"}));
    let icon = |method| Ask::new(method, "/api/v1/admin/tenants/{id}/icon").admin();
    let icons = [icon("put").body("image/gif", "GIF89a"), icon("delete")];
    for ask in [create, tenant("patch").json(&json!({"name": "Other"})), tenant("delete")].into_iter().chain(icons) {
        let rejected = checked.expect(&server, 409, &ask).json();
        assert!(rejected["detail"].as_str().unwrap().contains("PSEUDONYM_KEY"), "{rejected}");
    }
}

fn without_a_key(checked: &Checked) {
    let installation = Installation::new();
    let server = installation.serve_cached(&["--admin-api-key", ""]);
    for operation in operations(checked).into_iter().filter(|operation| is_admin(*operation)) {
        checked.expect(&server, 403, &good(operation));
    }
}

fn one_request_too_many(checked: &Checked) {
    let installation = Installation::new();
    let server = installation.serve_cached(&["--rate-limit", "1", "--trusted-proxies", "127.0.0.1"]);
    for (number, operation) in operations(checked).into_iter().enumerate() {
        let ask = Ask::of(operation).header("X-Forwarded-For", &format!("203.0.113.{number}"));
        assert_ne!(checked.ask(&server, &ask).status, 429, "{}", operation.path);
        let is_probe = matches!(operation.path, "/healthz" | "/readyz");
        checked.expect(&server, if is_probe { 200 } else { 429 }, &ask);
    }
}

fn a_broken_store(checked: &Checked) {
    let installation = Installation::new();
    let server = served(&installation);
    let database = Connection::open(installation.database()).unwrap();
    let mut tables =
        database.prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'").unwrap();
    let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    for table in tables {
        database.execute_batch(&format!("ALTER TABLE {table} RENAME TO gone_{table}")).unwrap();
    }
    checked.expect(&server, 503, &Ask::new("get", "/readyz"));
    checked.expect(&server, 200, &Ask::new("get", "/healthz"));
    for operation in operations(checked) {
        if operation.value["responses"].get("500").is_some() {
            checked.expect(&server, 500, &good(operation));
        }
    }
}

#[test]
fn every_object_of_the_examples_is_as_the_document_says() {
    let checked = Checked::new();
    let installation = Installation::new();
    let server = served(&installation);
    let list = |ask: &Ask| -> Vec<Value> {
        let mut items = Vec::new();
        let mut query = "limit=3".to_owned();
        loop {
            let mut page = checked.expect(&server, 200, &ask.clone().query(&query)).json();
            items.append(page["items"].as_array_mut().unwrap());
            let Some(next) = page["next"].as_str() else { return items };
            query = format!("limit=3&cursor={next}");
        }
    };
    let channels = "/api/v1/tenants/{slug}/channels";
    let mut places = list(&Ask::new("get", channels));
    let threads: Vec<Value> = places
        .iter()
        .flat_map(|channel| {
            let ask = Ask::new("get", &format!("{channels}/{{channel}}/threads"));
            list(&ask.with("channel", channel["id"].as_str().unwrap()))
        })
        .collect();
    assert!(threads.len() >= 5 && threads.iter().any(|thread| thread["starter"].is_object()));
    places.extend(threads);
    let mut messages = 0;
    for place in &places {
        let id = place["platform_id"].as_str().unwrap();
        let found =
            checked.expect(&server, 200, &Ask::new("get", &format!("{channels}/{{channel}}")).with("channel", id));
        assert_eq!(found.json()["id"], place["id"]);
        let ask = Ask::new("get", &format!("{channels}/{{channel}}/messages")).with("channel", id);
        let mut after = "0".to_owned();
        loop {
            let page = checked.expect(&server, 200, &ask.clone().query(&format!("limit=40&after={after}"))).json();
            for message in page["items"].as_array().unwrap() {
                let id = message["id"].as_str().unwrap();
                let one = Ask::new("get", "/api/v1/tenants/{slug}/messages/{id}").with("id", id);
                let one = one.query(&format!("channel={}", place["id"].as_str().unwrap()));
                assert_eq!(checked.expect(&server, 200, &one).json(), *message);
                messages += 1;
            }
            let Some(newer) = page["newer"].as_str() else { break };
            newer.clone_into(&mut after);
        }
    }
    assert!(messages > 150, "{messages}");
    let covered = list(&Ask::new("get", "/api/v1/tenants/{slug}/coverage"));
    assert!(covered.iter().any(|coverage| coverage["state"] == "complete"));
}

#[test]
fn the_document_is_served_as_it_is() {
    let checked = Checked::new();
    let installation = Installation::new();
    let server = installation.serve_cached(&[]);
    let answer = checked.expect(&server, 200, &Ask::new("get", "/api/v1/openapi.yaml"));
    assert_eq!(answer.text(), TEXT);
}

#[test]
fn an_address_answers_the_methods_that_the_document_has_and_names_them_for_any_other() {
    let checked = Checked::new();
    let installation = Installation::new();
    let server = served(&installation);
    for (path, item) in checked.document.paths() {
        let documented: BTreeSet<String> = item
            .as_object()
            .unwrap()
            .keys()
            .filter(|key| *key != "parameters")
            .flat_map(|method| {
                if method == "get" { vec!["GET".to_owned(), "HEAD".to_owned()] } else { vec![method.to_uppercase()] }
            })
            .collect();
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"] {
            let ask = Ask::new(method, path);
            if documented.contains(method) {
                // Without the key no request creates or deletes; an unsupported method would be reported as such.
                let answer = checked.ask(&server, &ask);
                assert!([200, 204, 401].contains(&answer.status), "{method} {path}: {}", answer.status);
                continue;
            }
            let answer = checked.refused(&server, 405, &ask);
            let mut allowed: BTreeSet<String> =
                answer.header("allow").unwrap().split(", ").map(str::to_owned).collect();
            // A CORS preflight is not a method for a client.
            allowed.insert("OPTIONS".to_owned());
            let mut expected = documented.clone();
            expected.insert("OPTIONS".to_owned());
            assert_eq!(allowed, expected, "{method} {path}");
        }
    }
}

#[test]
fn there_is_no_address_that_the_document_does_not_have() {
    const WORDS: [&str; 24] = [
        "admin",
        "archive",
        "attachments",
        "authors",
        "channels",
        "coverage",
        "docs",
        "events",
        "export",
        "health",
        "import",
        "jobs",
        "keys",
        "media",
        "messages",
        "openapi.json",
        "people",
        "retry",
        "search",
        "stats",
        "sync",
        "tenants",
        "threads",
        "users",
    ];
    let checked = Checked::new();
    let installation = Installation::new();
    let server = served(&installation);
    let templates: Vec<Vec<&str>> = checked.document.paths().keys().map(|path| path.split('/').collect()).collect();
    let documented = |path: &[&str]| {
        templates.iter().any(|template| {
            let mut pairs = template.iter().zip(path);
            template.len() == path.len() && pairs.all(|(segment, found)| segment == found || segment.starts_with('{'))
        })
    };
    let mut prefixes: BTreeSet<Vec<&str>> = BTreeSet::from([vec!["", "api"]]);
    for template in templates.iter().filter(|template| template[1] == "api") {
        let real = template.iter().map(|segment| match *segment {
            "{slug}" => "thimble-firmware",
            "{channel}" => "general",
            "{id}" if template.contains(&"jobs") && template.len() < 7 => JOBS[0],
            "{id}" if template.contains(&"admin") => "thimble-firmware",
            "{id}" => MESSAGE,
            segment => segment,
        });
        let real: Vec<&str> = real.collect();
        prefixes.extend((2..=real.len()).map(|length| real[..length].to_vec()));
    }
    let mut asked = 0;
    for prefix in &prefixes {
        for word in WORDS {
            let path: Vec<&str> = prefix.iter().copied().chain([word]).collect();
            if !documented(&path) {
                let answer = checked.refused(&server, 404, &Ask::new("get", &path.join("/")).admin());
                assert_eq!(answer.json()["detail"], "there is nothing at this address", "{path:?}");
                asked += 1;
            }
        }
        if !documented(prefix) {
            checked.refused(&server, 404, &Ask::new("get", &prefix.join("/")));
        }
    }
    assert!(asked > 200, "{asked}");
    // The routes named in the metrics are the paths of the document.
    let readable = |path: &str| checked.document.paths()[path].get("get").is_some();
    for operation in operations(&checked) {
        let is_only_written = matches!(operation.method, "post" | "put") && !readable(operation.path);
        if operation.method == "get" || is_only_written {
            checked.ask(&server, &good(operation));
        }
    }
    let counted = checked.expect(&server, 200, &Ask::new("get", "/metrics").admin()).text();
    for (path, _) in checked.document.paths() {
        assert!(counted.contains(&format!("route=\"{path}\"")), "{path} is not counted");
    }
    for call in ["read", "begin", "commit", "tenant.find_by_slug", "channel.list", "message.list", "job.list"] {
        let line = format!("verta_store_calls_total{{call=\"{call}\",outcome=\"ok\"}} ");
        assert!(counted.contains(&line), "{line}");
    }
}
