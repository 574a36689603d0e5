//! The files that people send.

use std::collections::BTreeMap;

use domain::page::model::Random;
use serde_json::{Map, Value, json};

use super::super::super::files::file_id;
use super::people::pick;

/// No file has a smaller id.
const FIRST: u64 = 1_100_000_000_000_000_000;
/// The number of latest files that are sent again.
const LATEST: usize = 20;

/// The files that were ever sent, also with messages that are deleted.
#[derive(Debug, Default)]
pub(super) struct SentFiles {
    /// The messages of each file, with their channels.
    messages: BTreeMap<u64, Vec<(u64, u64)>>,
}

impl SentFiles {
    /// Returns the files of a new message: mostly none, and sometimes one that other messages have, too.
    pub(super) fn draw(&self, random: &mut Random) -> Vec<u64> {
        let latest: Vec<u64> = self.messages.keys().rev().take(LATEST).copied().collect();
        let new = file_id(latest.first().map_or(FIRST, |last| last + 1), false);
        match random.below(16) {
            0 | 1 => vec![new],
            2 => pick(random, &latest).into_iter().collect(),
            3 => pick(random, &latest).into_iter().chain([new]).collect(),
            _ => Vec::new(),
        }
    }

    /// Returns the fields of a message with these files.
    pub(super) fn fields(channel_id: u64, files: &[u64]) -> Map<String, Value> {
        let file = |id: &u64| {
            let url = format!("/attachments/{channel_id}/{id}/otter.png");
            json!({"id": id.to_string(), "filename": "otter.png", "size": 9, "content_type": "image/png", "url": url})
        };
        Map::from_iter([("attachments".to_owned(), files.iter().map(file).collect())])
    }

    /// Records the files of a message.
    pub(super) fn add(&mut self, message: (u64, u64), files: &[u64]) {
        for file in files {
            self.messages.entry(*file).or_default().push(message);
        }
    }

    pub(super) fn count(&self) -> usize {
        self.messages.len()
    }

    /// Returns each file with the messages that had it when they were sent.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &[(u64, u64)])> {
        self.messages.iter().map(|(file, messages)| (*file, &messages[..]))
    }
}
