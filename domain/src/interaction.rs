//! The command that a message replies to, and the person who used it.
//!
//! Sources describe it in fields of their own, which stay among a message's extra fields: an exporter in `interaction`,
//! Discord in `interaction_metadata` and in `interaction`, its predecessor.

use serde_json::Value;

use crate::message::{Author, Message, MessageKind};
use crate::pseudonym::Pseudonym;

/// How a person used a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InteractionKind {
    /// A command that begins with a slash.
    SlashCommand,
    /// A command in the menu of a message or of a user.
    ContextMenuCommand,
    /// A button, or an entry of a list.
    Component,
    /// A form.
    Modal,
    /// An unknown kind.
    Other,
}

impl InteractionKind {
    /// Returns its name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SlashCommand => "slash_command",
            Self::ContextMenuCommand => "context_menu_command",
            Self::Component => "component",
            Self::Modal => "modal",
            Self::Other => "other",
        }
    }
}

/// The interaction that a program's message replies to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interaction {
    /// How the program was used.
    pub kind: InteractionKind,
    /// The command, without a slash; `None` if the source does not name it.
    pub name: Option<String>,
    /// The person who used it.
    pub user: Author,
}

impl Message {
    /// Returns the interaction that this message replies to, if its source describes one.
    #[must_use]
    pub fn interaction(&self) -> Option<Interaction> {
        let extra = self.extra.as_ref().filter(|extra| extra.as_str().contains("\"interaction"))?.to_value();
        let [metadata, older] = ["interaction_metadata", "interaction"].map(|key| extra.get(key));
        let sources = || [metadata, older].into_iter().flatten();
        let user = sources().find_map(user)?;
        let number = sources().find_map(|source| source.get("type")?.as_u64());
        let trigger = metadata.and_then(|metadata| metadata.get("triggering_interaction_metadata"));
        let name = sources().chain(trigger).find_map(|source| text(source, "name")).map(str::to_owned);
        let has_target = |metadata: &Value| {
            let is_there = |key: &str| metadata.get(key).is_some_and(|value| !value.is_null());
            is_there("target_user")
                || is_there("target_message_id")
                || matches!(metadata["command_type"].as_u64(), Some(2 | 3))
        };
        let menu = self.kind == MessageKind::CONTEXT_MENU_COMMAND || metadata.is_some_and(has_target);
        // https://docs.discord.com/developers/interactions/receiving-and-responding#interaction-object-interaction-type
        let kind = match number {
            None | Some(2) if menu => InteractionKind::ContextMenuCommand,
            None | Some(2) => InteractionKind::SlashCommand,
            Some(3) => InteractionKind::Component,
            Some(5) => InteractionKind::Modal,
            Some(_) => InteractionKind::Other,
        };
        Some(Interaction { kind, name, user })
    }
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The scrubbed person of a source: `{"bot", "id"}`.
fn user(source: &Value) -> Option<Author> {
    let user = source.get("user")?;
    let pseudonym: Pseudonym = text(user, "id")?.parse().ok()?;
    Some(Author { pseudonym, bot: user.get("bot") == Some(&Value::Bool(true)), webhook: false })
}

#[cfg(test)]
mod tests;
