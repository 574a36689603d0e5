//! The same seed makes the same bytes.

use discord_simulator::{GuildSize, Options, Simulator};

use crate::client::get;

async fn start(seed: u64) -> Simulator {
    let mut options = Options::new(seed, GuildSize::Small).manual_clock().unlimited();
    options.cdn = Some("https://files.example.org".to_owned());
    Simulator::start(options).await.unwrap()
}

#[tokio::test]
async fn same_seed_twice_answers_with_the_same_bytes() {
    let (one, same, other) = (start(1).await, start(1).await, start(2).await);
    assert_eq!(one.channels(), same.channels());
    assert_ne!(one.channels(), other.channels());
    let guild = one.guild_id();
    let general = one.channel("general").unwrap();
    let mut paths = vec![
        format!("/guilds/{guild}?with_counts=true"),
        format!("/guilds/{guild}/channels"),
        format!("/guilds/{guild}/threads/active"),
        format!("/guilds/{guild}/members?limit=1000"),
        format!("/channels/{general}/threads/archived/public"),
        format!("/channels/{general}/messages/pins"),
    ];
    paths.extend(one.channels().iter().map(|id| format!("/channels/{id}/messages?limit=100")));
    for path in paths {
        assert_eq!(get(&one, &path).await.body, get(&same, &path).await.body, "{path}");
    }
}

#[tokio::test]
async fn the_ledger_of_a_seed_is_known_before_anything_is_asked() {
    let (one, same) = (start(3).await, start(3).await);
    let general = one.channel("general").unwrap();
    let ledger = one.ledger(general).unwrap();
    assert_eq!(Some(&ledger), same.ledger(general).as_ref());
    assert!(ledger.count > 500);
    assert_eq!(ledger.tombstones.len(), 1, "the first message of a thread was deleted");
}

#[tokio::test]
async fn a_guild_of_ten_million_messages_is_there_at_once_and_pages_anywhere() {
    let simulator = Simulator::start(Options::new(1, GuildSize::Huge).manual_clock().unlimited()).await.unwrap();
    let general = simulator.channel("general").unwrap();
    for before in ["", "&before=800000000000000000", "&before=1200000000000000000"] {
        let page = get(&simulator, &format!("/channels/{general}/messages?limit=100{before}")).await;
        assert_eq!(page.json().as_array().unwrap().len(), 100);
    }
}
