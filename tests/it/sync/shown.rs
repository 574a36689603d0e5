//! The pages of a synchronised guild: titles of files, tags of posts, commands, and the topics of threads.

use discord_simulator::{Act, ChannelPlan, Origin, ThreadPlan, kind};
use domain::job::JobState;
use serde_json::{Value, json};

use super::backend::{Backend, cases};
use super::world::World;
use crate::program::Server;

cases![
    case_18_a_file_is_shown_under_its_title_and_a_post_with_its_tags,
    case_10_a_command_is_named_after_a_sync,
    case_11_a_thread_begins_with_its_opener_after_a_sync,
];

fn page(server: &Server, path: &str) -> String {
    let answer = server.get(path);
    assert_eq!(answer.status, 200, "{path}");
    answer.text()
}

fn send(world: &World, channel_id: u64, raw: Value) -> u64 {
    let Value::Object(raw) = raw else { panic!("fields") };
    let sent = world.simulator.act(Act::Send { channel_id, content: "the plan".to_owned(), raw }).unwrap();
    sent["id"].as_str().unwrap().parse().unwrap()
}

async fn case_18_a_file_is_shown_under_its_title_and_a_post_with_its_tags(backend: Backend) {
    let posts = vec![ThreadPlan::new(kind::PUBLIC_THREAD, Origin::Post, 2); 20];
    let channels =
        vec![ChannelPlan::new("general", kind::TEXT, 1), ChannelPlan::new("help", kind::FORUM, 0).threads(posts)];
    let world = World::of(backend, channels).await;
    let attachment = json!({"id": "1235168840908800009", "filename": "1.pdf", "title": "Чертёж лампы №1", "size": 50,
        "url": "https://cdn.discordapp.com/attachments/330000000000000001/1/1.pdf",
        "proxy_url": "https://media.discordapp.net/attachments/330000000000000001/1/1.pdf",
        "content_type": "application/pdf"});
    let sent = send(&world, world.id("general"), json!({"attachments": [attachment]}));
    world.pass();
    assert_eq!(world.sync().await.state, JobState::Done);
    let (_installation, server) = world.serve();
    let message = server.get(&format!("/api/v1/tenants/simulated/messages/{sent}")).json();
    let file = &message["attachments"][0];
    assert_eq!((&file["filename"], &file["title"]), (&json!("1.pdf"), &json!("Чертёж лампы №1")));
    let general = page(&server, "/simulated/general");
    assert!(general.contains("<bdi>Чертёж лампы №1.pdf</bdi>"), "{general}");

    let forum = server.get("/api/v1/tenants/simulated/channels/help").json();
    let tags = forum["tags"].as_array().unwrap();
    let threads = server.get("/api/v1/tenants/simulated/channels/help/threads").json();
    let listed = page(&server, "/simulated/help");
    let mut tagged = 0;
    for (index, thread) in threads["items"].as_array().unwrap().iter().enumerate() {
        let post = page(&server, &format!("/simulated/{}", thread["slug"].as_str().unwrap()));
        let card = listed.split("<h2").nth(index + 1).unwrap();
        for tag in tags {
            let emoji = tag["emoji"].as_str().map(|emoji| format!("{emoji} ")).unwrap_or_default();
            let shown = format!("<li>{emoji}<bdi>{}</bdi></li>", tag["name"].as_str().unwrap());
            let linked = shown.replace("<li>", ">").replace("</li>", "</a></li>");
            let applied = thread["applied_tags"].as_array().unwrap().contains(&tag["id"]);
            assert_eq!(card.contains(&shown), applied, "{shown}: {card}");
            assert_eq!(post.contains(&linked), applied, "{linked}: {post}");
            assert!(listed.contains(&linked), "the forum has all of its tags: {listed}");
            tagged += u32::from(applied);
        }
    }
    assert!(tagged > 0);
}

async fn case_10_a_command_is_named_after_a_sync(backend: Backend) {
    let world = World::channel_of(backend, 1).await;
    let user = json!({"id": "310000000000000001", "username": "ada.q", "global_name": "Ada Quill", "discriminator": "0",
        "avatar": null, "public_flags": 0});
    let raw = json!({
        "type": 20,
        "interaction_metadata": {"id": "900000000000000001", "type": 2, "user": user,
            "authorizing_integration_owners": {"0": "5"}},
        "interaction": {"id": "900000000000000001", "type": 2, "name": "weather today", "user": user},
    });
    let sent = send(&world, world.id("general"), raw);
    world.pass();
    assert_eq!(world.sync().await.state, JobState::Done);
    let (_installation, server) = world.serve();
    let message = server.get(&format!("/api/v1/tenants/simulated/messages/{sent}")).json();
    let interaction = &message["interaction"];
    assert_eq!((&interaction["kind"], &interaction["name"]), (&json!("slash_command"), &json!("weather today")));
    let name = interaction["user"]["name"].as_str().unwrap();
    let general = page(&server, "/simulated/general");
    let line = format!("@<bdi>{name}</bdi></span> used <code><bdi>/weather today</bdi></code>");
    assert!(general.contains(&line), "{general}");
    assert!(!general.contains("Quill") && !general.contains("310000000000000001"));
}

async fn case_11_a_thread_begins_with_its_opener_after_a_sync(backend: Backend) {
    let thread = ThreadPlan::new(kind::PUBLIC_THREAD, Origin::Message, 5);
    let world = World::of(backend, vec![ChannelPlan::new("general", kind::TEXT, 150).threads(vec![thread])]).await;
    let (general, thread) = (world.id("general"), world.simulator.threads(world.id("general"))[0]);
    assert_eq!(world.sync().await.state, JobState::Done);
    let (_installation, server) = world.serve();
    let api = format!("/api/v1/tenants/simulated/channels/{thread}");
    let path = format!("/simulated/{}", server.get(&api).json()["slug"].as_str().unwrap());
    let opener = server.get(&format!("/api/v1/tenants/simulated/messages/{thread}?channel={general}")).json();
    let author = opener["author"]["name"].as_str().unwrap();
    let first = |page: &str| page.split("<article").nth(1).unwrap().split("</article>").next().unwrap().to_owned();
    let article = first(&page(&server, &path));
    let permalink = format!("<a href=\"/simulated/general/{thread}\">");
    assert!(article.contains(author) && article.contains(&permalink), "{article}");

    world.delete(general, &[thread]);
    world.run(super::world::SyncOptions { full: true, ..Default::default() }).await;
    let thread_page = page(&server, &path);
    assert!(!first(&thread_page).contains(&permalink), "{thread_page}");
    assert!(thread_page.contains("began this thread from a message that was deleted"), "{thread_page}");
}
