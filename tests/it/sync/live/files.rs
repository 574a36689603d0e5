//! Files of messages that events brought.

use discord_simulator::Simulator;
use domain::media::FileState;

use super::super::backend::{Backend, cases};
use super::super::files::{file_id, with_file};
use super::Following;

cases![a_file_of_a_new_message_is_served_soon_after];

async fn a_file_of_a_new_message_is_served_soon_after(backend: Backend) {
    let following = Following::start(backend).await;
    let (general, clock, jobs) =
        (following.world.id("general"), following.world.simulator.clock(), following.jobs().await);
    let (id, sent_ms) = (file_id(1_100_000_000_000_000_000, false), clock.now_ms());
    let message = following.say_raw(general, "look", with_file(general, (id, "otter.png", "image/png")));
    let is_stored = async |following: &Following| {
        let files = following.world.files_of(general).await;
        files.iter().any(|file| file.key.message.get() == message && matches!(file.state, FileState::Stored { .. }))
    };
    following.until("the file is stored", is_stored).await;
    let took_ms = clock.now_ms() - sent_ms;
    assert!(took_ms < 5_000, "{took_ms} ms");
    assert_eq!(following.jobs().await, jobs, "no sync was needed");
    let (_installation, server) = following.world.serve();
    let shown = server.get(&format!("/api/v1/tenants/simulated/messages/{message}?channel=general")).json();
    let file = &shown["attachments"][0];
    assert_eq!((&file["filename"], &file["state"]), (&"otter.png".into(), &"stored".into()));
    let answer = server.get(file["url"].as_str().unwrap());
    assert_eq!((answer.status, answer.body), (200, Simulator::file(id).unwrap()));
}
