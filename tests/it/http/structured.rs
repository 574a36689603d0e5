//! What the heads of pages say to search engines, held against the fields that Google documents
//! (<https://developers.google.com/search/docs/appearance/structured-data/discussion-forum>, `…/qapage`, `…/breadcrumb`).

use std::fs;

use domain::timestamp::Timestamp;
use serde_json::{Value, json};

use super::pages::SITE;
use crate::program::{ADMIN_KEY, Installation, Server, examples};

/// A post of the example with pictures, replies and reactions.
const POST: &str = "/thimble-firmware/first-board-a-diary";
/// Its id.
const POST_ID: &str = "1469045004017075180";

/// Serves the example with a forum tag `Solved`, which that post has, after `change`.
fn served(installation: &Installation, change: &str) -> Server {
    assert_eq!(installation.import(&[&examples()], &[]).0, 0);
    let database = rusqlite::Connection::open(installation.database()).unwrap();
    let tags = json!([{"id": "77", "name": "Solved", "emoji": null}, {"id": "78", "name": "Open", "emoji": null}]);
    assert_eq!(database.execute("UPDATE channels SET tags = ?1 WHERE kind = 15", [tags.to_string()]).unwrap(), 1);
    let applied = "UPDATE channels SET applied_tags = '[\"77\"]' WHERE platform_id = ?1";
    assert_eq!(database.execute(applied, [POST_ID]).unwrap(), 1);
    database.execute_batch(change).unwrap();
    installation.serve(&["--public-url", SITE])
}

/// Returns the blocks of structured data of a page.
fn blocks(page: &str) -> Vec<Value> {
    let blocks = page.split("<script type=\"application/ld+json\">").skip(1);
    blocks.map(|rest| serde_json::from_str(rest.split("</script>").next().unwrap()).unwrap()).collect()
}

fn only<'a>(blocks: &'a [Value], kind: &str) -> Option<&'a Value> {
    let mut of_kind = blocks.iter().filter(|block| block["@type"] == kind);
    let first = of_kind.next();
    assert!(of_kind.next().is_none(), "two of {kind}");
    first
}

/// Checks that an object has the required fields, one of each of `one_of`, and no others than these and `recommended`.
fn check_fields(of: &Value, required: &[&str], one_of: &[&[&str]], recommended: &[&str]) {
    let object = of.as_object().unwrap();
    for field in required {
        assert!(object.contains_key(*field), "{field} of {of}");
    }
    for fields in one_of {
        assert!(fields.iter().any(|field| object.contains_key(*field)), "{fields:?} of {of}");
    }
    for (field, value) in object {
        let is_known = [required, recommended].concat().contains(&field.as_str())
            || one_of.iter().any(|fields| fields.contains(&field.as_str()));
        assert!(is_known, "{field} of {of}");
        match field.as_str() {
            "datePublished" | "dateModified" => {
                assert!(value.as_str().unwrap().parse::<Timestamp>().is_ok(), "{value}");
            }
            "url" | "image" | "item" => assert!(value.as_str().unwrap().starts_with(&format!("{SITE}/")), "{value}"),
            "text" | "name" | "headline" => assert!(!value.as_str().unwrap().is_empty(), "{field} of {of}"),
            "author" => {
                check_fields(value, &["@type", "name"], &[], &[]);
                assert!(["Person", "Organization"].iter().any(|kind| value["@type"] == *kind), "{value}");
            }
            _ => {}
        }
    }
}

fn check_crumbs(of: &Value, server: &Server) {
    check_fields(of, &["@context", "@type", "itemListElement"], &[], &[]);
    let items = of["itemListElement"].as_array().unwrap();
    assert!(items.len() >= 2, "{of}");
    for (index, item) in items.iter().enumerate() {
        check_fields(item, &["@type", "position", "name", "item"], &[], &[]);
        assert_eq!(item["position"], index + 1);
        let path = item["item"].as_str().unwrap().strip_prefix(SITE).unwrap();
        assert_eq!(server.get(path).status, 200, "{path}");
    }
}

fn check_post(post: &Value) {
    let required = ["@context", "@type", "author", "datePublished"];
    let recommended = ["headline", "url", "dateModified", "comment", "interactionStatistic", "isPartOf"];
    check_fields(post, &required, &[&["text", "image"]], &recommended);
    check_fields(&post["isPartOf"], &["@type", "url"], &[], &["name"]);
    for counter in post["interactionStatistic"].as_array().unwrap() {
        check_fields(counter, &["@type", "interactionType", "userInteractionCount"], &[], &[]);
        assert!(counter["userInteractionCount"].is_u64(), "{counter}");
    }
    for comment in post["comment"].as_array().unwrap() {
        check_fields(comment, &["@type", "author", "datePublished"], &[&["text", "image"]], &["url", "dateModified"]);
        assert_eq!(comment["@type"], "Comment");
    }
}

fn check_question(page: &Value) {
    check_fields(page, &["@context", "@type", "mainEntity"], &[], &[]);
    let question = &page["mainEntity"];
    let required = ["@type", "name", "answerCount"];
    let recommended = ["text", "author", "datePublished", "upvoteCount", "url", "image"];
    check_fields(question, &required, &[&["acceptedAnswer", "suggestedAnswer"]], &recommended);
    for answer in question["suggestedAnswer"].as_array().unwrap() {
        let recommended = ["url", "author", "datePublished", "upvoteCount", "image", "dateModified"];
        check_fields(answer, &["@type", "text"], &[], &recommended);
        assert_eq!(answer["@type"], "Answer");
    }
}

#[test]
fn a_thread_is_a_post_with_comments_and_a_solved_one_a_question_with_answers() {
    let installation = Installation::new();
    let server = served(&installation, "");
    let page = blocks(&server.get(POST).text());
    let post = only(&page, "DiscussionForumPosting").unwrap();
    check_post(post);
    assert_eq!((&post["headline"], &post["url"]), (&json!("First board, a diary"), &json!(format!("{SITE}{POST}"))));
    assert!(post["text"].as_str().unwrap().starts_with("Board: gingham-46, kit"), "markup is rendered: {post}");
    assert_eq!(post["comment"].as_array().unwrap().len(), 9);
    assert_eq!(post["isPartOf"]["url"], format!("{SITE}/thimble-firmware/build-log"));
    let last = post["comment"].as_array().unwrap().iter().map(|comment| comment["datePublished"].as_str()).max();
    assert!(post["dateModified"].as_str() >= last.unwrap(), "{post}");
    assert_eq!(only(&page, "QAPage"), None);

    let headers = format!("Authorization: Bearer {ADMIN_KEY}\r\nContent-Type: application/json\r\n");
    let patch = |tags: Value| {
        let body = json!({"solved_tags": tags}).to_string();
        server.request("PATCH", "/api/v1/admin/tenants/thimble-firmware", &headers, body.as_bytes())
    };
    let patched = patch(json!(["Answered", " SOLVED "]));
    assert_eq!((patched.status, &patched.json()["solved_tags"]), (200, &json!(["Answered", "SOLVED"])));
    let page = blocks(&server.get(POST).text());
    check_question(only(&page, "QAPage").unwrap());
    let question = &only(&page, "QAPage").unwrap()["mainEntity"];
    assert_eq!((&question["name"], &question["answerCount"]), (&json!("First board, a diary"), &json!(9)));
    assert_eq!(question["suggestedAnswer"][0]["upvoteCount"], 2, "two thumbs up");
    assert_eq!(only(&page, "DiscussionForumPosting"), None, "one or the other");
    let other = blocks(&server.get("/thimble-firmware/right-to-left-in-small-places").text());
    check_post(only(&other, "DiscussionForumPosting").unwrap());
    assert_eq!(patch(json!(null)).json()["solved_tags"], json!([]));
    assert!(only(&blocks(&server.get(POST).text()), "QAPage").is_none());
}

#[test]
fn the_tags_of_solved_posts_are_set_on_the_command_line() {
    let installation = Installation::new();
    assert_eq!(installation.import(&[&examples()], &[]).0, 0);
    let update = |arguments: &[&str]| {
        let output = installation.run(&[&["tenant", "update", "thimble-firmware"], arguments].concat());
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, said) = update(&["--solved-tag", "Solved", "--solved-tag", "Answered"]);
    assert_eq!(code, Some(0));
    assert!(said.contains("tags of solved posts: Solved, Answered"), "{said}");
    assert!(update(&["--name", "Thimble"]).1.contains("Solved, Answered"), "other changes leave them");
    assert!(!update(&["--solved-tag", ""]).1.contains("solved"));
    assert_eq!(update(&["--solved-tag", &"x".repeat(51)]).0, Some(2));
}

#[test]
fn a_post_whose_first_message_was_deleted_is_not_described() {
    let installation = Installation::new();
    let deleted = format!("UPDATE messages SET deleted_at = 1, deletion_kind = 1 WHERE message_id = {POST_ID}");
    let server = served(&installation, &deleted);
    let page = server.get(POST);
    let blocks = blocks(&page.text());
    assert_eq!(page.status, 200);
    assert_eq!((only(&blocks, "DiscussionForumPosting"), only(&blocks, "QAPage")), (None, None));
    assert!(only(&blocks, "BreadcrumbList").is_some());
}

#[test]
fn every_page_has_a_head_and_breadcrumbs_and_none_names_a_person() {
    let installation = Installation::new();
    let server = served(&installation, "UPDATE tenants SET solved_tags = '[\"solved\"]'");
    let first = server.get("/api/v1/tenants/thimble-firmware/channels/general/messages").json()["items"][0].clone();
    let day = format!("/thimble-firmware/general/{}", &first["created_at"].as_str().unwrap()[..10]);
    let permalink = first["permalink"].as_str().unwrap();
    let people = people();
    assert!(people.len() > 20);
    let paths = [
        "/",
        "/thimble-firmware",
        "/thimble-firmware/general",
        "/thimble-firmware/general?after=0",
        &day,
        permalink,
        "/thimble-firmware/build-log",
        "/thimble-firmware/build-log?sort=created",
        POST,
        "/thimble-firmware/right-to-left-in-small-places",
        "/thimble-firmware/search",
    ];
    for path in paths {
        let page = server.get(path);
        assert_eq!(page.status, 200, "{path}");
        let text = page.text();
        let head = text.split("</head>").next().unwrap();
        let title = head.split("<title>").nth(1).unwrap().split("</title>").next().unwrap();
        assert!((1..=60).contains(&title.chars().count()), "{path}: {title}");
        for tag in ["og:title", "og:type", "og:site_name", "og:description"] {
            assert_eq!(head.matches(&format!("<meta property=\"{tag}\" content=\"")).count(), 1, "{path} {tag}");
        }
        for tag in ["description", "robots", "twitter:card"] {
            assert_eq!(head.matches(&format!("<meta name=\"{tag}\" content=\"")).count(), 1, "{path} {tag}");
        }
        let is_listed = !head.contains("<meta name=\"robots\" content=\"noindex\">");
        assert_eq!(is_listed, head.contains("content=\"max-image-preview:large,max-snippet:-1\""), "{path}");
        assert!(!is_listed || head.contains("property=\"og:url\""), "{path}");
        let blocks = blocks(&text);
        match only(&blocks, "BreadcrumbList") {
            Some(crumbs) => check_crumbs(crumbs, &server),
            None => assert_eq!(path, "/"),
        }
        let said = format!("{head}{}", json!(blocks));
        assert!(people.iter().all(|person| !said.contains(person.as_str())), "{path}");
    }
    let forum = blocks(&server.get("/thimble-firmware/build-log").text());
    let list = only(&forum, "ItemList").unwrap();
    check_fields(list, &["@context", "@type", "itemListElement"], &[], &[]);
    for item in list["itemListElement"].as_array().unwrap() {
        check_fields(item, &["@type", "position", "url"], &[], &[]);
        assert_eq!(server.get(item["url"].as_str().unwrap().strip_prefix(SITE).unwrap()).status, 200);
    }
    let chat = blocks(&server.get(&day).text());
    assert_eq!(chat.len(), 1, "a day has its breadcrumbs alone");
}

/// Returns the ids and the nicknames of the people in the example.
fn people() -> Vec<String> {
    let mut people = Vec::new();
    for file in ["general.json", "firmware-dev.json", "build-log/first-board.json"] {
        let export: Value =
            serde_json::from_slice(&fs::read(examples().join("thimble-firmware").join(file)).unwrap()).unwrap();
        for message in export["messages"].as_array().unwrap() {
            people.extend(["id", "name"].map(|key| message["author"][key].as_str().unwrap().to_owned()));
        }
    }
    people.sort_unstable();
    people.dedup();
    people
}

#[test]
fn a_preview_shows_the_first_open_picture_or_one_drawn_for_the_community() {
    let installation = Installation::new();
    let server = served(&installation, "");
    let image = |path: &str| {
        let page = server.get(path).text();
        let rest = page.split("<meta property=\"og:image\" content=\"").nth(1).unwrap_or_else(|| panic!("{path}"));
        assert!(page.contains("og:image:alt"), "{path}");
        rest.split('"').next().unwrap().strip_prefix(SITE).unwrap().to_owned()
    };
    let picture = image(POST);
    assert!(picture.starts_with("/thimble-firmware/files/"), "{picture}");
    assert!(server.get(&picture).header("content-type").unwrap().starts_with("image/"));
    let card = image("/thimble-firmware");
    let drawn = server.get(&card);
    assert_eq!((card.as_str(), drawn.header("content-type")), ("/assets/thimble-firmware/card.png", Some("image/png")));
    assert!(drawn.body.starts_with(b"\x89PNG"));
    let tag = drawn.header("etag").unwrap();
    assert_eq!(server.request("GET", &card, &format!("If-None-Match: {tag}\r\n"), b"").status, 304);
    assert_eq!(server.get("/assets/unknown/card.png").status, 404);
    drop(server);

    let database = rusqlite::Connection::open(installation.database()).unwrap();
    database.execute_batch("UPDATE attachments SET spoiler = 1").unwrap();
    let server = installation.serve(&["--public-url", SITE]);
    assert!(server.get(POST).text().contains("/assets/thimble-firmware/card.png"), "a spoiler stays hidden");
    drop(server);
    database.execute_batch("UPDATE attachments SET spoiler = 0; UPDATE channels SET nsfw = 1").unwrap();
    let server = installation.serve(&["--public-url", SITE]);
    let page = server.get(POST).text();
    let head = page.split("</head>").next().unwrap();
    assert!(head.contains("/assets/thimble-firmware/card.png") && !head.contains("gingham"), "{head}");
    assert!(only(&blocks(&page), "DiscussionForumPosting").is_none());
}

#[test]
fn a_site_without_a_public_address_leaves_out_what_needs_one() {
    let installation = Installation::new();
    assert_eq!(installation.import(&[&examples()], &[]).0, 0);
    let server = installation.serve(&[]);
    let page = server.get(POST).text();
    let head = page.split("</head>").next().unwrap();
    for part in ["og:url", "og:image", "canonical", "application/atom+xml", "http://", "\"url\""] {
        assert!(!head.replace("http://schema.org", "").contains(part), "{part}");
    }
    assert!(head.contains("og:description") && only(&blocks(&page), "DiscussionForumPosting").is_some());
    assert_eq!(server.get("/thimble-firmware/feed.xml").status, 404);
}
