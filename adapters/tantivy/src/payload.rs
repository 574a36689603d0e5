//! What is committed with the documents.

use std::fmt::Write;

use domain::change::ChangePosition;
use domain::search::tokenizer_version;
use domain::timestamp::Timestamp;
use ports::search::IndexPosition;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::schema::SCHEMA;

/// The payload of a commit: which versions made the index, and how far it is. The library does not protect it by a
/// checksum, so it has its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Payload {
    schema: u32,
    tokenizer: String,
    /// The position in the change log, with its epoch.
    changes: String,
    as_of: i64,
    check: String,
}

impl Payload {
    /// Returns the payload of an index that this version of the program makes.
    pub(crate) fn new(position: &IndexPosition) -> Self {
        Self::of(SCHEMA, tokenizer_version(), position)
    }

    pub(crate) fn of(schema: u32, tokenizer: String, position: &IndexPosition) -> Self {
        let mut payload = Self {
            schema,
            tokenizer,
            changes: position.changes.as_text().to_owned(),
            as_of: position.as_of.as_millis(),
            check: String::new(),
        };
        payload.check = payload.digest();
        payload
    }

    pub(crate) fn to_text(&self) -> String {
        serde_json::to_string(self).expect("numbers and texts are JSON")
    }

    /// Parses a payload; `None` if it is broken.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let payload: Self = serde_json::from_str(text).ok()?;
        (payload.check == payload.digest()).then_some(payload)
    }

    /// Returns whether this version of the program made the index.
    pub(crate) fn is_current(&self) -> bool {
        self.schema == SCHEMA && self.tokenizer == tokenizer_version()
    }

    pub(crate) fn position(&self) -> Option<IndexPosition> {
        let as_of = Timestamp::from_millis(self.as_of)?;
        Some(IndexPosition { changes: ChangePosition::from_text(self.changes.clone()), as_of })
    }

    fn digest(&self) -> String {
        let parts = (self.schema, &self.tokenizer, &self.changes, self.as_of);
        let digest = Sha256::digest(format!("{parts:?}"));
        digest.iter().take(8).fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a text can be extended");
            text
        })
    }
}
