//! A forum's posts with a tag, by the address of its page and of that page's twin.

use serde_json::{Value, json};

use super::pages::{SITE, canonical};
use crate::program::{Answer, Installation, Server};

/// An export of a post in a forum.
fn post(number: u64) -> Value {
    let id = 100_000_000_000 * number;
    json!({
        "guild": {"id": "100", "name": "Tags"},
        "channel": {"id": id.to_string(), "type": "GuildPublicThread", "name": format!("post {number}"), "topic": null,
            "categoryId": "40", "category": "help"},
        "dateRange": {"after": null, "before": null}, "exportedAt": "2026-03-02T00:00:00+00:00",
        "messages": [{
            "id": id.to_string(), "type": "Default", "timestamp": "2026-03-01T12:00:00+00:00", "timestampEdited": null,
            "isPinned": false, "content": format!("opener {number}"), "attachments": [], "embeds": [], "reactions": [],
            "mentions": [], "author": {"id": "7", "name": "ann", "isBot": false},
        }],
        "messageCount": 1,
    })
}

/// A server with a forum of 120 posts, of which each second one has a tag, and each sixtieth another, too.
fn served(installation: &Installation) -> Server {
    let folder = installation.path("exports");
    std::fs::create_dir_all(&folder).unwrap();
    for number in 1..=120 {
        std::fs::write(folder.join(format!("{number}.json")), post(number).to_string()).unwrap();
    }
    assert_eq!(installation.import(&[&folder], &[]).0, 0);
    let database = rusqlite::Connection::open(installation.database()).unwrap();
    let tag = |id: &str, name: &str| json!({"id": id, "name": name, "emoji": null});
    let tags = json!([tag("77", "Solved"), tag("78", "<Rare>"), tag("79", "Unused")]).to_string();
    database.execute("UPDATE channels SET tags = ?1 WHERE kind = 15", [tags]).unwrap();
    for (nth, applied) in [(2, r#"["77"]"#), (60, r#"["77","78"]"#)] {
        let sql = "UPDATE channels SET applied_tags = ?1 WHERE thread = 1 AND platform_id / 100000000000 % ?2 = 0";
        database.execute(sql, rusqlite::params![applied, nth]).unwrap();
    }
    installation.serve(&["--public-url", SITE])
}

/// Returns the numbers of the posts on a page, in its order.
fn posts(page: &Answer) -> Vec<u64> {
    let text = page.text();
    let names = text.split("<bdi>post ").skip(1);
    names.map(|rest| rest.split_once('<').unwrap().0.parse().unwrap()).collect()
}

/// Returns the path of the page after one, if it names it.
fn next(page: &Answer) -> Option<String> {
    let text = page.text();
    let (_, rest) = text.split_once("rel=\"next\" href=\"")?;
    Some(rest.split_once('"').unwrap().0.replace("&amp;", "&"))
}

#[test]
fn a_forum_is_filtered_by_tag_to_its_last_page_in_each_order() {
    let installation = Installation::new();
    let server = served(&installation);
    for (query, sort) in [("tag=77", ""), ("tag=77&sort=created", "sort=created")] {
        let first = server.get(&format!("/tags/help?{query}"));
        assert_eq!(posts(&first), (21..=120).rev().filter(|number| number % 2 == 0).collect::<Vec<_>>(), "{query}");
        let rest = next(&first).unwrap();
        assert!(rest.contains("tag=77") && rest.contains(sort), "{rest}");
        let rest = server.get(&rest);
        assert_eq!((posts(&rest), next(&rest)), ((1..=20).rev().filter(|number| number % 2 == 0).collect(), None));
        for page in [&first, &rest] {
            assert_eq!((page.status, canonical(page)), (200, None), "{query}");
            assert!(page.text().contains(r#"<meta name="robots" content="noindex">"#), "{query}");
        }
    }
    let rare = server.get("/tags/help?tag=78");
    assert_eq!(posts(&rare), [120, 60]);
    assert!(rare.text().contains("<title>&lt;Rare&gt; · help"), "{}", rare.text());
    let unused = server.get("/tags/help?tag=79");
    assert_eq!((unused.status, posts(&unused)), (200, vec![]));
    assert!(unused.text().contains("No post with this tag is stored."));
}

#[test]
fn the_tags_of_a_forum_are_links_that_keep_its_order_and_the_chosen_one_is_marked() {
    let installation = Installation::new();
    let server = served(&installation);
    let page = server.get("/tags/help").text();
    assert!(page.contains(r#"<li><a href="/tags/help?tag=77"><bdi>Solved</bdi></a></li>"#), "{page}");
    assert!(page.contains(r#"<a href="/tags/help?tag=78"><bdi>&lt;Rare&gt;</bdi></a>"#) && !page.contains("All posts"));
    let chosen = server.get("/tags/help?sort=created&tag=77").text();
    for link in [
        r#"<a href="/tags/help?tag=77&amp;sort=created" aria-current="true"><bdi>Solved</bdi></a>"#,
        r#"<a href="/tags/help?tag=78&amp;sort=created"><bdi>&lt;Rare&gt;</bdi></a>"#,
        r#"<a href="/tags/help?sort=created">All posts</a>"#,
        r#"<a href="/tags/help?tag=77">Latest activity</a>"#,
        r#"<a href="/tags/help?tag=77&amp;sort=created" aria-current="true">Newest</a>"#,
    ] {
        assert!(chosen.contains(link), "{link}: {chosen}");
    }
    // A post leads to the others with its tag.
    let post = server.get("/tags/post-2").text();
    assert!(post.contains(r#"<a href="/tags/help?tag=77"><bdi>Solved</bdi></a>"#), "{post}");
}

#[test]
fn a_tag_that_a_forum_does_not_have_is_no_page_and_a_twin_has_the_same_posts() {
    let installation = Installation::new();
    let server = served(&installation);
    for unknown in ["tag=80", "tag=", "tag=x&sort=created"] {
        for page in ["help", "help.md"] {
            assert_eq!(server.get(&format!("/tags/{page}?{unknown}")).status, 404, "{page} {unknown}");
        }
    }
    assert_eq!(server.get("/tags/help?tag=77&tag=78").status, 400);
    let twin = server.get("/tags/help.md?tag=77");
    assert_eq!((twin.status, twin.header("x-robots-tag")), (200, Some("noindex")));
    let text = twin.text();
    assert_eq!(text.matches("\n- [post ").count(), 50, "{text}");
    assert!(text.contains(&format!("[Solved]({SITE}/tags/help.md?tag=77) (only posts with this one), ")), "{text}");
    assert!(text.contains(&format!("[More posts]({SITE}/tags/help.md?tag=77&cursor=")), "{text}");
}
