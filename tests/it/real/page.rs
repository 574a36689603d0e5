//! The pages of inputs that people reported.

use std::fs;

use serde_json::{Value, json};

use super::{inputs, read};
use crate::program::{Installation, Server};

/// A server with the files of one case.
fn serve(case: &str, files: &[&str]) -> (Installation, Server) {
    let installation = Installation::new();
    let paths: Vec<_> = files.iter().map(|file| inputs(case).join(file)).collect();
    let (code, report) = installation.import(&paths.iter().map(AsRef::as_ref).collect::<Vec<_>>(), &[]);
    assert_eq!(code, 0, "{report}");
    let server = installation.serve(&[]);
    (installation, server)
}

fn page(server: &Server, path: &str) -> String {
    let answer = server.get(path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.text()
}

/// Returns the articles of a page, in their order.
fn articles(page: &str) -> Vec<&str> {
    let parts = page.split("<article").skip(1);
    parts.map(|part| part.split_once("</article>").unwrap().0).collect()
}

/// Returns the text of a part of a page, without its HTML elements.
fn text(part: &str) -> String {
    let part = part.split_once('>').unwrap().1;
    let words = part.split('<').map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text));
    words.collect::<String>()
}

fn messages(server: &Server, channel: &str) -> Vec<Value> {
    let body = server.get(&format!("/api/v1/tenants/lantern-works/channels/{channel}/messages")).json();
    body["items"].as_array().unwrap().clone()
}

#[test]
fn case_06_each_message_of_a_group_has_its_time_address_and_marks() {
    let (_installation, server) = serve("06-edited-in-a-group", &["general.json"]);
    let page = page(&server, "/lantern-works/general");
    let found = articles(&page);
    let sent = [
        ("1235168840908800000", "10:00"),
        ("1235169092567040000", "10:01"),
        ("1235169595883520000", "10:03"),
        ("1235170350858240000", "10:06"),
    ];
    assert_eq!(found.len(), sent.len());
    for (index, (article, (id, time))) in found.iter().zip(sent).enumerate() {
        assert!(article.contains(&format!("href=\"/lantern-works/general/{id}\"")), "{article}");
        assert!(
            article.contains(&format!("datetime=\"2024-05-01T{time}")) && text(article).contains(time),
            "{article}"
        );
        assert_eq!(article.contains(">edited<"), index == 1, "{article}");
        assert_eq!(article.contains(">pinned<"), index == 2, "{article}");
    }
}

#[test]
fn case_07_gifs_and_linked_pictures_are_no_empty_box() {
    let (_installation, server) = serve("07-gif-is-an-empty-box", &["general.json"]);
    let page = page(&server, "/lantern-works/general");
    let found = articles(&page);
    assert!(!page.contains("<div class=\"embed\"></div>"), "{page}");
    let embed = |article: &str| article.split_once("class=\"embed").unwrap().1.to_owned();
    let gif = embed(found[0]);
    assert!(gif.contains("href=\"https://tenor.com/view/lantern-1234\"") && gif.contains("media.tenor.com"), "{gif}");
    let picture = embed(found[1]);
    assert!(
        picture.contains("href=\"https://pictures.example/lamp.png\"") && picture.contains(">lamp.png<"),
        "{picture}"
    );
    assert!(!page.contains("<img"), "no page loads a picture of another host");
}

#[test]
fn case_09_system_messages_say_who_and_what() {
    let (_installation, server) = serve("09-system-messages", &["thread.json"]);
    let page = page(&server, "/lantern-works/general");
    let stored = messages(&server, "general");
    let who = |index: usize| stored[index]["mentions"][0]["name"].as_str().unwrap().to_owned();
    let found: Vec<String> = articles(&page).into_iter().map(text).collect();
    for (article, sentence) in found.iter().skip(1).zip([
        format!("added @{}", who(1)),
        format!("removed @{}", who(2)),
        "left the".to_owned(),
        "pinned a message".to_owned(),
        "boosted the community 3 times".to_owned(),
        "Lantern Works has reached level 1".to_owned(),
        "followed Other Works #news".to_owned(),
        "started Evening stage".to_owned(),
    ]) {
        assert!(article.contains(&sentence), "{sentence}: {article}");
    }
    assert!(articles(&page)[4].contains("<a href=\"/lantern-works/general/1235168840908800000\">a message</a>"));
    assert!(!page.contains("Message of type"));
}

#[test]
fn case_10_page_and_api_name_the_command_and_its_user() {
    let (_installation, server) = serve("10-slash-command", &["general.json"]);
    let stored = messages(&server, "general");
    let [weather, quote] = &stored[..] else { panic!("two messages") };
    assert_eq!(
        (&weather["interaction"]["kind"], &weather["interaction"]["name"]),
        (&json!("slash_command"), &json!("weather today"))
    );
    assert_eq!(
        (&quote["interaction"]["kind"], &quote["interaction"]["name"]),
        (&json!("context_menu_command"), &json!("Quote this"))
    );
    assert_ne!(weather["interaction"]["user"]["id"], quote["interaction"]["user"]["id"]);
    assert_eq!(weather["interaction"]["user"]["bot"], json!(false));
    let page = page(&server, "/lantern-works/general");
    let found: Vec<String> = articles(&page).into_iter().map(text).collect();
    let user = |message: &Value| message["interaction"]["user"]["name"].as_str().unwrap().to_owned();
    assert!(found[0].contains(&format!("@{} used /weather today", user(weather))), "{}", found[0]);
    assert!(found[1].contains(&format!("@{} used Quote this", user(quote))), "{}", found[1]);
}

#[test]
fn case_11_a_thread_begins_with_the_message_that_it_is_about() {
    let (installation, server) = serve("11-thread-starter", &["general.json", "thread.json"]);
    let thread = page(&server, "/lantern-works/lamp-repair");
    let stored = messages(&server, "general");
    let ada = stored[0]["author"]["name"].as_str().unwrap();
    let found = articles(&thread);
    assert!(found[0].contains("My lamp is broken. What now?") && text(found[0]).contains(ada), "{}", found[0]);
    assert!(found[0].contains("<a href=\"/lantern-works/general/1235168840908800000\">"), "{}", found[0]);
    assert!(text(found[1]).contains("began this thread from a message in #general"), "{}", found[1]);
    assert!(found[2].contains("try a new wick"), "{}", found[2]);
    let general = page(&server, "/lantern-works/general");
    assert!(articles(&general)[1].contains("started a thread: <a href=\"/lantern-works/lamp-repair\">"), "{general}");

    // A message deleted in the channel is not shown through the thread either.
    let sql = "UPDATE messages SET deleted_at = 1 WHERE content LIKE 'My lamp%'";
    let database = rusqlite::Connection::open(installation.database()).unwrap();
    assert_eq!(database.execute(sql, []).unwrap(), 1);
    let thread = page(&server, "/lantern-works/lamp-repair");
    assert!(!thread.contains("My lamp is broken"), "{thread}");
    assert!(
        thread.contains("began this thread from a message that was deleted in <a href=\"/lantern-works/general?after="),
        "{thread}"
    );
}

#[test]
fn case_11_an_opener_that_is_not_stored_is_a_link_to_its_place() {
    let mut general = read("11-thread-starter", "general.json");
    general["messages"].as_array_mut().unwrap().remove(0);
    let installation = Installation::new();
    let path = installation.path("general.json");
    fs::write(&path, general.to_string()).unwrap();
    let (code, report) = installation.import(&[&path, &inputs("11-thread-starter").join("thread.json")], &[]);
    assert_eq!(code, 0, "{report}");
    let server = installation.serve(&[]);
    let thread = page(&server, "/lantern-works/lamp-repair");
    let place = "/lantern-works/general?after=1235168840908799999";
    let link = format!("began this thread from a message that is not stored in <a href=\"{place}\">");
    assert!(articles(&thread)[0].contains(&link), "{thread}");
    assert!(page(&server, place).contains("started a thread"));
}

#[test]
fn case_11_a_reply_to_what_is_not_stored_is_no_link() {
    let mut general = read("06-edited-in-a-group", "general.json");
    let reply = &mut general["messages"][1];
    reply["type"] = json!("Reply");
    reply["reference"] = json!({"type": "Default", "messageId": "1235168840908700000", "channelId": "330000000000000001",
        "guildId": "320000000000000001"});
    let installation = Installation::new();
    let path = installation.path("general.json");
    fs::write(&path, general.to_string()).unwrap();
    let (code, report) = installation.import(&[&path], &[]);
    assert_eq!(code, 0, "{report}");
    let server = installation.serve(&[]);
    let page = page(&server, "/lantern-works/general");
    assert!(page.contains("↩ a message that is not stored"), "{page}");
    assert!(!page.contains("1235168840908700000"), "{page}");
}

#[test]
fn case_14_escapes_in_the_address_of_a_link_are_dropped() {
    let (_installation, server) = serve("14-escapes-in-a-link", &["general.json"]);
    let page = page(&server, "/lantern-works/general");
    assert!(page.contains("href=\"https://wiki.example/Wick_(lamp)\" title=\"Wick (lamp)\""), "{page}");
    assert!(page.contains("href=\"https://wiki.example/Oil_lamp\""), "{page}");
}

#[test]
fn case_15_lone_underscores_stay() {
    let (_installation, server) = serve("15-lone-underscores", &["general.json"]);
    let page = page(&server, "/lantern-works/general");
    let found = articles(&page);
    assert!(found[0].contains("_t_est<br>t_e_st<br>"), "{}", found[0]);
    assert!(found[1].contains("use _id_field and other"), "{}", found[1]);
    assert!(found[2].contains("call _foo_bar(x) and _baz_qux(y)"), "{}", found[2]);
}

#[test]
fn case_17_the_everyone_role_is_named_without_a_list_of_roles() {
    let (_installation, server) = serve("17-role-names", &["general.json"]);
    let page = page(&server, "/lantern-works/general");
    assert!(text(articles(&page)[0]).contains("@everyone"), "{page}");
}
