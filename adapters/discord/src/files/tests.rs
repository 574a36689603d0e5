use std::sync::Arc;

use domain::timestamp::Timestamp;
use futures::TryStreamExt as _;
use ports::clock::Clock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::ClientConfig;

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000).unwrap()
    }
}

fn client(api: &str) -> DiscordClient {
    let config = ClientConfig::new("a.b.c".parse().unwrap());
    DiscordClient::new(ClientConfig { api: api.parse().unwrap(), ..config }, Arc::new(Still))
}

#[tokio::test]
async fn only_files_of_the_platform_are_requested() {
    let (discord, other) = (client("https://discord.com/api/v10"), client("http://127.0.0.1:9000/api/v10"));
    for (address, of_discord, of_other) in [
        ("https://cdn.discordapp.com/attachments/1/2/a.png?ex=1&is=2&hm=3", true, true),
        ("https://media.discordapp.net/attachments/1/2/a.png", true, true),
        ("https://cdn.discordapp.com/ephemeral-attachments/1/2/a.png", true, true),
        ("http://cdn.discordapp.com/attachments/1/2/a.png", false, false),
        ("https://cdn.discordapp.com:444/attachments/1/2/a.png", false, false),
        ("https://user@cdn.discordapp.com/attachments/1/2/a.png", false, false),
        ("https://cdn.discordapp.com/avatars/1/2.png", false, false),
        ("https://discord.com/api/v10/users/@me", false, false),
        ("https://discord.com/attachments/1/2/a.png", false, false),
        ("http://127.0.0.1:9000/attachments/1/2/a.png", false, true),
        ("https://127.0.0.1:9000/attachments/1/2/a.png", false, false),
        ("http://127.0.0.1:9001/attachments/1/2/a.png", false, false),
        ("http://127.0.0.1:9000/api/v10/users/@me", false, false),
        ("http://127.0.0.1:9000/attachments/../api/v10/users/@me", false, false),
        ("http://127.0.0.1:9000/attachments/%2E%2e/api/v10/users/@me", false, false),
        ("http://127.0.0.1:9000/attachments/..%2fapi/v10/users/@me", false, false),
        ("http://127.0.0.1:9000/attachments/%252e%252e/api", false, false),
        ("/attachments/1/2/a.png", false, false),
    ] {
        let found = [&discord, &other].map(|client| client.parse(address).is_some());
        assert_eq!(found, [of_discord, of_other], "{address}");
    }
    for host in ["https://canary.discord.com/api/v10", "https://PTB.discordapp.com/api/v10"] {
        let address = format!("{}/attachments/1/2/a.png", host.trim_end_matches("/api/v10"));
        assert!(client(host).parse(&address).is_none(), "{address}");
    }
}

#[tokio::test]
async fn each_kind_of_picture_has_an_address_of_the_platform() {
    let (discord, other) = (client("https://discord.com/api/v10"), client("http://127.0.0.1:9000/api/v10"));
    for (key, name, of_discord, path) in [
        ("emoji/5", "5.webp", "https://cdn.discordapp.com", "/emojis/5.webp"),
        ("sticker/6", "6.png", "https://cdn.discordapp.com", "/stickers/6.png"),
        ("sticker/6", "6.json", "https://cdn.discordapp.com", "/stickers/6.json"),
        ("sticker/6", "6.gif", "https://media.discordapp.net", "/stickers/6.gif"),
        ("icon/7", "a_0f.png", "https://cdn.discordapp.com", "/icons/7/a_0f.png"),
        ("role/8", "0f.png", "https://cdn.discordapp.com", "/role-icons/8/0f.png"),
    ] {
        let address = |client: &DiscordClient| {
            client.address_of(key.parse().unwrap(), &name.parse().unwrap()).unwrap().to_string()
        };
        assert_eq!(address(&discord), format!("{of_discord}{path}"));
        assert_eq!(address(&other), format!("http://127.0.0.1:9000{path}"));
    }
}

/// A server that sends a file of this size: one piece of this many bytes every two seconds, as long as it is read.
async fn dripping(size: u64, piece: usize) -> DiscordClient {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = [0; 4096];
        assert!(stream.read(&mut head).await.unwrap() > 0);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        while stream.write_all(&vec![7; piece]).await.is_ok() {
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
    });
    client(&format!("http://{address}/api/v10"))
}

async fn fetched(client: &DiscordClient) -> Result<usize, FetchError> {
    let api = client.rest.config.api.authority().unwrap();
    let bytes = client.fetch(&format!("http://{api}/attachments/1/2/a.png"), 1 << 20).await?;
    bytes.try_fold(0, async |size, piece| Ok(size + piece.len())).await
}

#[tokio::test(start_paused = true)]
async fn a_file_that_drips_is_given_up() {
    let client = dripping(1 << 20, 1).await;
    assert_eq!(fetched(&client).await, Err(FetchError::Failed("the download took too long")));
}

#[tokio::test(start_paused = true)]
async fn a_file_that_comes_slowly_and_steadily_is_fetched() {
    let client = dripping(1 << 20, 1 << 16).await;
    assert_eq!(fetched(&client).await, Ok(1 << 20));
}
