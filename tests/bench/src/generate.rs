//! Input of any size that is the same on every machine.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use domain::channel::ChannelId;
use domain::message::{
    Attachment, AttachmentId, Author, Emoji, Message, MessageId, MessageKind, Origin, Reaction, Version,
};
use domain::pseudonym::Pseudonym;
use domain::timestamp::Timestamp;

/// Discord's epoch in milliseconds since the Unix epoch.
const EPOCH_MS: u64 = 1_420_070_400_000;
/// The time of the first generated message: 2024-01-01T00:00:00Z.
const FIRST_MS: u64 = 1_704_067_200_000;
/// The time between two messages.
const STEP_MS: u64 = 7_000;

const WORDS: [&str; 24] = [
    "the", "firmware", "layer", "boots", "again", "after", "a", "reset", "and", "my", "left", "half", "still", "loses",
    "its", "debounce", "setting", "when", "I", "flash", "over", "serial", "thanks", "everyone",
];

/// Returns the id of the message with this number.
///
/// # Panics
/// If the number is beyond a few hundred million years of messages.
#[must_use]
pub fn message_id(number: u64) -> MessageId {
    MessageId::new(((FIRST_MS + number * STEP_MS - EPOCH_MS) << 22) | (number & 0xfff)).expect("2024 is not 2015")
}

/// Returns 6 to 29 words, chosen by the number.
fn text(number: u64) -> String {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut text = String::new();
    for index in 0..6 + state % 24 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        if index > 0 {
            text.push(' ');
        }
        text.push_str(WORDS[usize::try_from(state % 24).unwrap_or_default()]);
    }
    text
}

/// Returns a message as an adapter creates it: every tenth has a file, every fifth has reactions.
///
/// # Panics
/// Never: every id is made from a number above zero.
#[must_use]
pub fn message(channel_id: ChannelId, number: u64, observed_at: Timestamp) -> Message {
    let id = message_id(number);
    let attachment = || Attachment {
        id: AttachmentId::new(id.get() + 1).expect("above zero"),
        filename: "photo.png".to_owned(),
        content_type: Some("image/png".to_owned()),
        size_bytes: 48_213,
        width: Some(800),
        height: Some(600),
        description: None,
        spoiler: false,
        url: Some(format!("https://cdn.example.org/attachments/1/{id}/photo.png")),
        local_path: None,
        extra: None,
    };
    let reaction = |name: &str, count| Reaction {
        emoji: Emoji { id: None, name: Some(name.to_owned()), animated: false },
        count,
        people: vec![],
    };
    let pseudonym = Pseudonym::new([u8::try_from(number % 97).unwrap_or(0); 16]);
    let author = Author { pseudonym, bot: false, webhook: false };
    let version = Version { edited_at: None, observed_at, origin: Origin::Export };
    Message {
        kind: if number % 7 == 3 { MessageKind::REPLY } else { MessageKind::DEFAULT },
        attachments: number.is_multiple_of(10).then(attachment).into_iter().collect(),
        reactions: if number.is_multiple_of(5) { vec![reaction("👍", 3), reaction("🎉", 1)] } else { vec![] },
        ..Message::new(channel_id, id, author, text(number), version)
    }
}

/// Writes an export of one channel in the format of `DiscordChatExporter` 2.48, at least `size_bytes` long; returns the
/// number of its messages.
///
/// # Errors
/// If the file cannot be written.
pub fn export(path: &Path, size_bytes: u64) -> io::Result<u64> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut written = 0;
    let head = r#"{
  "guild": {
    "id": "1100000000000000001",
    "name": "Bench",
    "iconUrl": "https://cdn.example.org/icon.png"
  },
  "channel": {
    "id": "1100000000000000002",
    "type": "GuildTextChat",
    "categoryId": "1100000000000000003",
    "category": "Measured",
    "name": "large",
    "topic": null
  },
  "dateRange": {
    "after": null,
    "before": null
  },
  "exportedAt": "2026-10-01T00:00:00+00:00",
  "messages": ["#;
    file.write_all(head.as_bytes())?;
    let mut number = 0;
    let mut one = String::new();
    while written < size_bytes {
        one.clear();
        write_message(&mut one, number).map_err(io::Error::other)?;
        file.write_all(one.as_bytes())?;
        written += one.len() as u64;
        number += 1;
    }
    write!(file, "\n  ],\n  \"messageCount\": {number}\n}}")?;
    file.flush()?;
    Ok(number)
}

fn write_message(to: &mut String, number: u64) -> std::fmt::Result {
    let id = message_id(number);
    let (author, sent) = (1_200_000_000_000_000_000 + number % 97, id.created_at());
    if number > 0 {
        to.push(',');
    }
    write!(
        to,
        r##"
    {{
      "id": "{id}",
      "type": "Default",
      "timestamp": "{sent}",
      "timestampEdited": null,
      "callEndedTimestamp": null,
      "isPinned": false,
      "content": "{}",
      "author": {{
        "id": "{author}",
        "name": "person{author}",
        "discriminator": "0000",
        "nickname": "Person {author}",
        "color": "#58B9FF",
        "isBot": false,
        "roles": [
          {{
            "id": "1300000000000000001",
            "name": "Member",
            "color": null,
            "position": 1
          }}
        ],
        "avatarUrl": "https://cdn.example.org/avatars/{author}/0123456789abcdef.png?size=512"
      }},
      "attachments": ["##,
        text(number)
    )?;
    if number.is_multiple_of(10) {
        write!(
            to,
            r#"
        {{
          "id": "{}",
          "url": "https://cdn.example.org/attachments/1/{id}/photo.png",
          "fileName": "photo.png",
          "fileSizeBytes": 48213
        }}
      "#,
            id.get() + 1
        )?;
    }
    to.push_str("],\n      \"embeds\": [],\n      \"stickers\": [],\n      \"reactions\": [");
    if number.is_multiple_of(5) {
        to.push_str(
            r#"
        {
          "emoji": {
            "id": "",
            "name": "👍",
            "code": "thumbsup",
            "isAnimated": false,
            "imageUrl": "https://cdn.example.org/emoji/1f44d.svg"
          },
          "count": 3
        }
      "#,
        );
    }
    to.push_str("],\n      \"mentions\": [],\n      \"inlineEmojis\": []\n    }");
    Ok(())
}
