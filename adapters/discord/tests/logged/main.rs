//! The log of the adapter, in a process of its own: other tests would affect which lines are enabled.
#![expect(clippy::unwrap_used, reason = "what helps a test may fail as a test does")]

#[path = "../simulated/world.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod world;

use std::io::Write;
use std::sync::{Arc, Mutex};

use discord_simulator::{Fault, FaultRule};
use ports::guild::{FetchedPage, GuildError};

use crate::world::World;

const MESSAGES: &str = "/channels/{c}/messages";

/// The captured log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn neither_the_token_nor_what_people_wrote_is_logged() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let (world, general) = World::channel_of(50, Vec::new()).await;
    let content = |fetched: &FetchedPage| -> Vec<String> {
        fetched.page.messages().iter().map(|message| message.content.clone()).filter(|text| text.len() > 20).collect()
    };
    let written = content(&world.newest(&general).await.unwrap());
    for fault in [Fault::Status { status: 500, html: true }, Fault::InvalidJson, Fault::MalformedMessage] {
        world.simulator.fault(FaultRule::on(MESSAGES, 1, fault));
        world.newest(&general).await.unwrap();
    }
    world.simulator.fault(FaultRule::on(MESSAGES, 1, Fault::Unauthorized));
    assert_eq!(world.newest(&general).await, Err(GuildError::Unauthorized));
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("bot token rejected") && text.contains("status=500"), "{text}");
    assert!(!text.contains(world.simulator.token()));
    assert!(!written.is_empty() && written.iter().all(|content| !text.contains(content.as_str())));
    assert!(!format!("{:?}", world.client).contains(world.simulator.token()));
}
