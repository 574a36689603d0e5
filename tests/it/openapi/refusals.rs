//! The bounds named by the document, checked against the values that the program accepts and rejects.

use std::path::Path;

use serde_json::{Value, json};

use super::ask::{Ask, Checked};
use super::document::Operation;
use crate::program::{Answer, Installation, Server};

fn served(installation: &Installation) -> Server {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let server = installation.serve_cached(&["--import", examples.to_str().unwrap()]);
    server.wait_for("search index built");
    server
}

/// Encodes text as a value of a query.
fn encoded(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// Values that every parameter gets, by name, besides those that its schema suggests.
const PROBES: [&str; 23] = [
    "",
    "0",
    "1",
    "-1",
    "7",
    "100",
    "101",
    "1.5",
    "true",
    "false",
    "TRUE",
    "activity",
    "created",
    "general",
    "x y",
    "9223372036854775807",
    "92233720368547758070",
    "2147483647",
    "2147483648",
    "1498340538175329331",
    "2026-03-01T12:00:00Z",
    "2026-13-01T12:00:00Z",
    "null",
];

#[test]
fn every_value_that_a_parameter_may_have_is_taken_and_any_other_is_refused_by_name() {
    let checked = Checked::new();
    let installation = Installation::new();
    let server = served(&installation);
    let (mut taken, mut refused) = (0, 0);
    for operation in checked.document.operations() {
        for parameter in checked.document.query(operation) {
            let (name, schema) = (parameter["name"].as_str().unwrap(), checked.document.resolve(&parameter["schema"]));
            for value in PROBES.map(str::to_owned).into_iter().chain(bounds(schema)) {
                let value = Value::from(value);
                // A missing channel is 404; a value that a list never returned is not one of its cursors.
                let (fits, missing) = (fits(&checked, schema, &value), matches!(name, "parent" | "channel"));
                let expected = |status: u16| match (name, fits) {
                    ("parent" | "channel", true) => [200, 404].contains(&status),
                    ("parent" | "channel", false) => status == 404,
                    ("cursor", _) => [200, 400].contains(&status),
                    (_, true) => status == 200,
                    (_, false) => status == 400,
                };
                let query = format!("{name}={}", encoded(&value));
                let answer = checked.ask(&server, &Ask::of(operation).admin().query(&query));
                assert!(expected(answer.status), "{} {query}: {}", operation.path, answer.status);
                if answer.status == 400 {
                    assert_eq!(field(&answer), [name], "{} {query}", operation.path);
                    refused += 1;
                } else if !missing {
                    taken += 1;
                }
            }
            let twice = format!("{name}=1&{name}=1");
            let answer = checked.expect(&server, 400, &Ask::of(operation).admin().query(&twice));
            assert_eq!(
                answer.json()["errors"],
                json!([{"field": name, "reason": "given more than once"}]),
                "{}",
                operation.path
            );
            without_is_the_default(&checked, &server, operation, name, schema);
        }
    }
    assert!(taken > 60 && refused > 150, "{taken} {refused}");
}

/// Returns whether the text of a query is a value of `schema`, as text or as the value it parses to.
fn fits(checked: &Checked, schema: &Value, text: &Value) -> bool {
    let plain = text.as_str().filter(|text| *text == "0" || !text.starts_with('0'));
    let read = plain.and_then(|text| serde_json::from_str::<Value>(text).ok());
    let read = read.filter(|value| value.is_boolean() || value.is_i64() || value.is_u64());
    [Some(text.clone()), read].iter().flatten().any(|value| checked.document.errors(schema, value).is_empty())
}

/// Returns the values at the bounds of a schema, and those directly beyond them.
fn bounds(schema: &Value) -> Vec<String> {
    let end = |key: &str, step: i64| schema[key].as_i64().map(|end| [end.to_string(), (end + step).to_string()]);
    let words = schema["enum"].as_array().into_iter().flatten().map(|word| word.as_str().unwrap().to_owned());
    let ends = [end("minimum", -1), end("maximum", 1)].into_iter().flatten().flatten();
    let inner = schema["anyOf"].as_array().into_iter().flatten().flat_map(bounds);
    ends.chain(words).chain(inner).collect()
}

fn field(answer: &Answer) -> Vec<String> {
    let errors = answer.json()["errors"].as_array().cloned().unwrap_or_default();
    errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect()
}

fn without_is_the_default(checked: &Checked, server: &Server, operation: Operation<'_>, name: &str, schema: &Value) {
    let Some(default) = schema.get("default") else { return };
    let said = Ask::of(operation).admin().query(&format!("{name}={}", encoded(default)));
    let unsaid = Ask::of(operation).admin();
    assert_eq!(checked.ask(server, &said).text(), checked.ask(server, &unsaid).text(), "{} {name}", operation.path);
}

#[test]
fn an_id_ends_where_the_document_says() {
    let checked = Checked::new();
    let installation = Installation::new();
    let server = served(&installation);
    let messages = Ask::new("get", "/api/v1/tenants/{slug}/channels/{channel}/messages");
    for name in ["before", "after", "around"] {
        let ask = |id: u64| messages.clone().query(&format!("{name}={id}"));
        checked.expect(&server, 200, &ask(i64::MAX.cast_unsigned()));
        assert_eq!(field(&checked.expect(&server, 400, &ask(i64::MAX.cast_unsigned() + 1))), [name]);
    }
}

#[test]
fn a_page_holds_as_many_items_as_its_limit_says() {
    let checked = Checked::new();
    let installation = Installation::new();
    let server = served(&installation);
    let ask = Ask::new("get", "/api/v1/tenants/{slug}/channels/{channel}/messages");
    let length =
        |query: &str| checked.expect(&server, 200, &ask.clone().query(query)).json()["items"].as_array().unwrap().len();
    assert_eq!([length("limit=1"), length("limit=100"), length("at=1772362800&limit=2")], [1, 63, 2]);
    assert_eq!(checked.expect(&server, 200, &ask).json()["items"].as_array().unwrap().len(), 50);
}

fn domains() -> Vec<Value> {
    let label = "a".repeat(63);
    let long = |last: usize| format!("{label}.{label}.{label}.{}", "b".repeat(last));
    let names = [long(61), long(62), format!("{label}a.example"), format!("{label}.Example")];
    let mut domains: Vec<Value> = names.into_iter().map(Value::from).collect();
    domains
        .extend(["archive.example.org", "Archive.EXAMPLE", "xn--bcher-kva.example", "1.example", ""].map(Value::from));
    domains.extend(
        ["localhost", "127.0.0.1", "a..b", "a.b.", "-a.b", "a-.b", "a.b:80", "bücher.de", "a_b.c"].map(Value::from),
    );
    domains.extend([json!(null), json!(1), json!([]), json!({})]);
    domains
}

fn profiles() -> Vec<Value> {
    let link = |label: &str, url: &str| json!({"links": [{"label": label, "url": url}]});
    let many = |count: usize| json!({"links": vec![json!({"label": "a", "url": "https://a.example"}); count]});
    vec![
        json!(null),
        json!({}),
        json!([]),
        json!("x"),
        json!({"icon_url": "/assets/first/icon"}),
        json!({"description": null, "footer": null, "contact": null, "links": null}),
        json!({"description": "one\n\ntwo 🧵"}),
        json!({"description": "🧵".repeat(1_000)}),
        json!({"description": "🧵".repeat(1_001)}),
        json!({"description": ""}),
        json!({"description": "a\u{1b}[31m"}),
        json!({"description": 1}),
        json!({"footer": "x".repeat(500)}),
        json!({"footer": "x".repeat(501)}),
        json!({"contact": "archive+team@mail.example.org"}),
        json!({"contact": "https://example.org/contact?a=b"}),
        json!({"contact": "http://example.org"}),
        json!({"contact": "archive"}),
        json!({"contact": "a b@example.org"}),
        json!({"contact": "a@localhost"}),
        many(0),
        many(10),
        many(11),
        link("Forum 🧵", "https://forum.example/a?b=c#d"),
        link("", "https://a.example"),
        link("  ", "https://a.example"),
        link(&"x".repeat(101), "https://a.example"),
        link("a", "http://a.example"),
        link("a", "javascript:alert(1)"),
        link("a", "https://"),
        link("a", "https://user@a.example"),
        link("a", "https://a.example/ b"),
        json!({"links": [{"label": "a"}]}),
        json!({"links": [{"label": "a", "url": "https://a.example", "rel": "x"}]}),
        json!({"links": [1]}),
        json!({"links": {}}),
    ]
}

fn lists_of_tags() -> [Value; 12] {
    let many = |count: usize| (0..count).map(|number| number.to_string()).collect::<Vec<_>>();
    [
        json!(null),
        json!([]),
        json!(["Solved", "Answered"]),
        json!(many(20)),
        json!(many(21)),
        json!([""]),
        json!([" "]),
        json!(["x".repeat(50)]),
        json!(["x".repeat(51)]),
        json!([1]),
        json!("Solved"),
        json!({}),
    ]
}

#[test]
fn a_body_that_the_document_allows_is_taken_and_any_other_is_refused() {
    let checked = Checked::new();
    let installation = Installation::new();
    let server = installation.serve_cached(&[]);
    let create = Ask::new("post", "/api/v1/admin/tenants").admin();
    let change = Ask::new("patch", "/api/v1/admin/tenants/{id}").admin().with("id", "first");
    let first = json!({"name": "First", "platform_id": "1"});
    checked.expect(&server, 201, &create.clone().json(&first));
    let schema = |name: &str| checked.document.value["components"]["schemas"][name].clone();
    let (new, patch) = (schema("NewTenant"), schema("TenantPatch"));
    let mut outcomes = (0, 0);
    let mut check = |ask: &Ask, schema: &Value, body: &Value, good: u16| {
        let fits = checked.document.errors(schema, body).is_empty();
        let answer = checked.ask(&server, &ask.clone().json(body));
        let shown: String = body.to_string().chars().take(200).collect();
        let empty = body.as_object().is_some_and(serde_json::Map::is_empty) && good == 200;
        let expected = if fits {
            good
        } else if empty {
            400
        } else {
            422
        };
        assert_eq!(answer.status, expected, "{shown}: {}", answer.text());
        if fits { outcomes.0 += 1 } else { outcomes.1 += 1 }
    };
    for (number, (field, value)) in fields("another").into_iter().enumerate() {
        let mut body = json!({"name": "Another", "platform_id": (number + 2).to_string()});
        body[field] = value.clone();
        check(&create, &new, &body, 201);
    }
    for body in [json!({}), json!({"name": "x"}), json!({"platform_id": "x"}), json!([]), json!(null), json!("x")] {
        check(&create, &new, &body, 201);
    }
    let logo = |length: usize| format!("https://thimble.example/{}", "a".repeat(length - 24));
    let brandings = [
        json!(null),
        json!({}),
        json!([]),
        json!("x"),
        json!({"colour": "#000000"}),
        json!({"accent_color": null}),
        json!({"accent_color": "#00FF0a"}),
        json!({"accent_color": "#00ff0"}),
        json!({"primary_color": "00ff00"}),
        json!({"secondary_color": "#00ff0g"}),
        json!({"secondary_color": 255}),
        json!({"logo_url": null}),
        json!({"logo_url": "http://a"}),
        json!({"logo_url": "ftp://a"}),
        json!({"logo_url": "https://"}),
        json!({"logo_url": "https:///a"}),
        json!({"logo_url": "https://a b"}),
        json!({"logo_url": logo(2048)}),
        json!({"logo_url": logo(2049)}),
        json!({"logo_url": "javascript:x"}),
    ];
    for branding in brandings {
        check(&change, &patch, &json!({"branding": branding}), 200);
    }
    for profile in profiles() {
        check(&change, &patch, &json!({"profile": profile}), 200);
    }
    let retentions = [
        json!(null),
        json!({}),
        json!([]),
        json!(0),
        json!({"days": 0}),
        json!({"deleted_days": 0}),
        json!({"deleted_days": null, "edited_days": 36_500}),
        json!({"edited_days": 36_501}),
        json!({"edited_days": -1}),
        json!({"edited_days": 1.5}),
        json!({"edited_days": "1"}),
        json!({"deleted_days": true}),
    ];
    for retention in retentions {
        check(&change, &patch, &json!({"retention": retention}), 200);
    }
    for domain in domains() {
        check(&change, &patch, &json!({"domain": domain}), 200);
    }
    for solved in lists_of_tags() {
        check(&change, &patch, &json!({"solved_tags": solved}), 200);
    }
    for policy in [json!("allow"), json!("deny"), json!("ALLOW"), json!(""), json!(null), json!(true)] {
        check(&change, &patch, &json!({"ai_training": policy}), 200);
    }
    for (field, value) in fields("first") {
        // A platform and its id are permanent.
        let mut body = json!({"status": "ACTIVE"});
        body[field] = value;
        check(&change, &patch, &body, 200);
    }
    for body in [json!({}), json!([]), json!(null), json!({"status": "active"}), json!({"status": null})] {
        check(&change, &patch, &body, 200);
    }
    assert!(outcomes.0 > 12 && outcomes.1 > 60, "{outcomes:?}");
}

#[test]
fn a_sync_that_the_document_allows_is_taken_and_any_other_is_refused() {
    let checked = Checked::new();
    let installation = Installation::new();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let server = installation.serve_cached(&["--role", "web", "--import", examples.to_str().unwrap()]);
    let ask = Ask::new("post", "/api/v1/admin/tenants/{id}/sync").admin();
    let schema = checked.document.value["components"]["schemas"]["SyncRequest"].clone();
    let ids = |count: u64| (1..=count).map(|id| id.to_string()).collect::<Vec<_>>();
    let bodies = [
        json!({"mode": "full"}),
        json!({"mode": "incremental"}),
        json!({"mode": "incremental", "channels": [], "since": null}),
        json!({"mode": "incremental", "channels": null, "since": "2026-03-01T13:00:00+01:00"}),
        json!({"mode": "channels", "channels": ["general"]}),
        json!({"mode": "channels", "channels": ids(500), "since": "2026-03-01T12:00:00Z"}),
        json!({"mode": "channels", "channels": ids(501)}),
        json!({"mode": "channels", "channels": []}),
        json!({"mode": "channels", "channels": null}),
        json!({"mode": "channels", "channels": "general"}),
        json!({"mode": "channels", "channels": [5]}),
        json!({"mode": "channels", "channels": [""]}),
        json!({"mode": "channels"}),
        json!({"mode": "full", "channels": ["general"]}),
        json!({"mode": "full", "since": "2026-03-01T12:00:00Z"}),
        json!({"mode": "full", "since": null}),
        json!({"mode": "incremental", "since": "yesterday"}),
        json!({"mode": "incremental", "since": 5}),
        json!({"mode": "FULL"}),
        json!({"mode": null}),
        json!({"mode": 5}),
        json!({"mode": "full", "colour": "red"}),
        json!({}),
        json!([]),
        json!("full"),
    ];
    for body in bodies {
        let fits = checked.document.errors(&schema, &body).is_empty();
        let answer = checked.ask(&server, &ask.clone().json(&body));
        let shown: String = body.to_string().chars().take(80).collect();
        assert_eq!(answer.status, if fits { 202 } else { 422 }, "{shown}: {}", answer.text());
    }
    // The document cannot know which channels exist.
    let unknown = ask.json(&json!({"mode": "channels", "channels": ["general", "nowhere"]}));
    assert_eq!(field(&checked.expect(&server, 422, &unknown)), ["channels[1]"]);
}

/// A field of a community and a value for it.
fn fields(slug: &str) -> Vec<(&'static str, Value)> {
    let long = |letter: &str, length: usize| Value::from(letter.repeat(length));
    vec![
        ("name", json!("x")),
        ("name", json!("")),
        ("name", json!("  ")),
        ("name", json!(null)),
        ("name", json!(5)),
        ("name", long("ж", 255)),
        ("name", long("ж", 256)),
        ("slug", json!(slug)),
        ("slug", json!("ab")),
        ("slug", json!("-abc")),
        ("slug", json!("a--b")),
        ("slug", json!("ABC")),
        ("slug", json!("admin")),
        ("slug", json!("")),
        ("slug", json!(5)),
        ("slug", json!("a/b")),
        ("slug", long("a", 51)),
        ("platform", json!("irc")),
        ("platform", json!(5)),
        ("platform_id", json!("")),
        ("platform_id", json!("a b")),
        ("platform_id", json!("0")),
        ("platform_id", json!("007")),
        ("platform_id", json!("-1")),
        ("platform_id", json!("1e3")),
        ("platform_id", json!("guild")),
        ("platform_id", json!(5)),
        ("platform_id", json!(null)),
        ("platform_id", json!("a\u{1}b")),
        ("platform_id", long("9", 256)),
        ("unknown", json!("x")),
        ("id", json!("x")),
    ]
}
