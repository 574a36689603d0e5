//! The visibility of imported channels.

use serde_json::Value;

use super::fixture::{export, message, of_channel, query, write};
use crate::program::Installation;

/// Imports a file; returns the output line that states the visibility of its channels.
fn import(installation: &Installation, name: &str, flags: &[&str]) -> String {
    let path = installation.path(name);
    let mut arguments = vec!["import"];
    arguments.extend(flags);
    arguments.push(path.to_str().unwrap());
    let output = installation.run(&arguments);
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<&str> = said.lines().filter(|line| !line.starts_with("importing ")).collect();
    assert!(lines.len() < 2, "{said}");
    lines.first().map_or_else(String::new, |line| (*line).to_owned())
}

fn visibility(installation: &Installation) -> Vec<String> {
    query(&installation.database(), "SELECT name, visibility FROM channels ORDER BY platform_id")
}

#[test]
fn what_becomes_public_is_said_once_with_names() {
    let installation = Installation::new();
    write(&installation, "all/a.json", &export(1, &[message(10, "one")]));
    write(&installation, "all/b.json", &of_channel(800, "GuildPublicThread", "a post", Some((50, "questions"))));
    write(&installation, "all/c.json", &of_channel(900, "GuildPrivateThread", "hush", Some((6, "general"))));
    let line = import(&installation, "all", &[]);
    assert_eq!(line, "Now public: a post, general, questions. Private: hush");
    let all = ["Talk|public", "general|public", "questions|public", "a post|public", "hush|private"];
    assert_eq!(visibility(&installation), all);
    assert_eq!(import(&installation, "all", &[]), "Private: hush", "nothing is new");
}

#[test]
fn private_is_private_for_all_of_it() {
    let installation = Installation::new();
    write(&installation, "all/a.json", &export(1, &[message(10, "one")]));
    write(&installation, "all/b.json", &of_channel(800, "GuildPublicThread", "a post", Some((50, "questions"))));
    let line = import(&installation, "all", &["--visibility", "private"]);
    assert_eq!(line, "Private: a post, general");
    assert!(visibility(&installation).iter().all(|channel| channel.ends_with("|private")));
    assert_eq!(import(&installation, "all", &[]), "Private: a post, general", "without the flag it stays so");
    assert!(visibility(&installation).iter().all(|channel| channel.ends_with("|private")));
    let line = import(&installation, "all", &["--visibility", "public"]);
    assert_eq!(line, "Now public: a post, general, questions");
    assert!(visibility(&installation).iter().all(|channel| channel.ends_with("|public")));
}

#[test]
fn no_flag_makes_private_threads_and_direct_messages_public() {
    let installation = Installation::new();
    write(&installation, "a.json", &of_channel(900, "GuildPrivateThread", "hush", Some((6, "general"))));
    let mut direct = of_channel(901, "DirectTextChat", "quill", None);
    direct["guild"] = serde_json::json!({"id": "0", "name": "Direct Messages", "iconUrl": ""});
    write(&installation, "b.json", &direct);
    let mut group = direct.clone();
    (group["channel"]["id"], group["channel"]["type"]) = ("902".into(), "DirectGroupTextChat".into());
    write(&installation, "c.json", &group);
    assert_eq!(import(&installation, "a.json", &["--visibility", "public"]), "Now public: general. Private: hush");
    assert_eq!(import(&installation, "b.json", &["--visibility", "public"]), "Private: Direct message");
    assert_eq!(import(&installation, "c.json", &["--visibility", "public"]), "Private: Group direct message");
    let private = ["general|public", "hush|private", "Direct message|private", "Group direct message|private"];
    assert_eq!(visibility(&installation), private);
}

#[test]
fn a_thread_does_not_open_the_channel_above_it() {
    let installation = Installation::new();
    write(&installation, "a.json", &export(1, &[message(10, "one")]));
    write(&installation, "b.json", &of_channel(800, "GuildPublicThread", "a thread", Some((6, "general"))));
    assert_eq!(import(&installation, "a.json", &["--visibility", "private"]), "Private: general");
    assert_eq!(
        import(&installation, "b.json", &["--visibility", "public"]),
        "Private: a thread",
        "it follows its parent"
    );
    assert_eq!(visibility(&installation), ["Talk|private", "general|private", "a thread|public"]);
    assert_eq!(import(&installation, "a.json", &["--visibility", "public"]), "Now public: general");
    assert_eq!(import(&installation, "b.json", &["--visibility", "private"]), "Private: a thread");
    assert_eq!(visibility(&installation), ["Talk|public", "general|public", "a thread|private"]);
}

#[test]
fn a_parent_that_no_file_is_of_is_what_its_children_make_it() {
    let kind = |files: &[Value]| {
        let installation = Installation::new();
        for (index, file) in files.iter().enumerate() {
            write(&installation, &format!("{index}.json"), file);
            import(&installation, &format!("{index}.json"), &[]);
        }
        query(&installation.database(), "SELECT kind, name FROM channels WHERE platform_id = 50")
    };
    let post = |id: u64, first: u64| {
        let mut post = of_channel(id, "GuildPublicThread", "a post", Some((50, "questions")));
        post["messages"][0]["id"] = first.to_string().into();
        post
    };
    let own = of_channel(50, "GuildVoiceChat", "its own name", None);
    let below = of_channel(60, "GuildTextChat", "below", Some((50, "a category")));
    let (part, whole) = (post(800, 801), post(900, 900));
    assert_eq!(kind(std::slice::from_ref(&part)), ["0|questions"]);
    assert_eq!(kind(std::slice::from_ref(&whole)), ["15|questions"]);
    assert_eq!(kind(&[part.clone(), whole.clone()]), ["15|questions"]);
    assert_eq!(kind(&[whole.clone(), part.clone()]), ["15|questions"]);
    assert_eq!(kind(&[part.clone(), below.clone()]), ["4|questions"]);
    assert_eq!(kind(&[own.clone(), whole.clone()]), ["2|its own name"]);
    assert_eq!(kind(&[whole, own]), ["2|its own name"]);
    let mut text = of_channel(50, "GuildTextChat", "empty", None);
    text["messages"] = serde_json::json!([]);
    assert_eq!(kind(&[text, post(900, 900)]), ["0|empty"], "a channel with a file of its own is what that says");
}
