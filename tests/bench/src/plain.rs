//! The minimum cost of reading an export: parsing it into types, one message at a time, and dropping them.

use std::fmt;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use crate::Failure;
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

#[derive(Deserialize)]
struct Export {
    messages: Count,
}

/// The messages of a file, parsed and counted.
struct Count(u64);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    timestamp: String,
    timestamp_edited: Option<String>,
    is_pinned: bool,
    content: String,
    author: Author,
    attachments: Vec<Attachment>,
    reactions: Vec<Reaction>,
    mentions: Vec<Author>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Author {
    id: String,
    name: String,
    is_bot: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attachment {
    id: String,
    url: String,
    file_name: String,
    file_size_bytes: u64,
}

#[derive(Deserialize)]
struct Reaction {
    emoji: Emoji,
    count: u32,
}

#[derive(Deserialize)]
struct Emoji {
    name: String,
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Messages;
        impl<'de> Visitor<'de> for Messages {
            type Value = Count;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("messages")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut messages: A) -> Result<Count, A::Error> {
                let mut count = 0;
                while let Some(message) = messages.next_element::<Message>()? {
                    std::hint::black_box(message.weight());
                    count += 1;
                }
                Ok(Count(count))
            }
        }
        deserializer.deserialize_seq(Messages)
    }
}

impl Message {
    /// Reads every field, so that the compiler cannot skip parsing any.
    fn weight(&self) -> u64 {
        let texts = [&self.id, &self.kind, &self.timestamp, &self.content, &self.author.id, &self.author.name];
        let mut weight: usize = texts.iter().map(|text| text.len()).sum();
        weight += self.timestamp_edited.as_ref().map_or(0, String::len);
        weight += usize::from(self.is_pinned) + usize::from(self.author.is_bot) + self.mentions.len();
        let files = self.attachments.iter().map(|file| file.id.len() + file.url.len() + file.file_name.len());
        weight += files.sum::<usize>();
        let sizes: u64 = self.attachments.iter().map(|file| file.file_size_bytes).sum();
        let reactions =
            self.reactions.iter().map(|reaction| u64::from(reaction.count) + reaction.emoji.name.len() as u64);
        weight as u64 + sizes + reactions.sum::<u64>()
    }
}

/// Parses the file and counts its messages.
///
/// # Errors
/// If the file cannot be read, or is not an export.
pub fn parse(path: &Path) -> Result<u64, Failure> {
    let file = BufReader::with_capacity(1 << 20, File::open(path)?);
    Ok(serde_json::from_reader::<_, Export>(file)?.messages.0)
}
