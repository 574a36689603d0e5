//! A message as the pages of a process share it.

use std::borrow::Cow;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use domain::media::{FileKey, FileState};
use domain::message::Message;
use ports::message::MessageList;

use super::files::{states, without_address};
use super::snapshot::has_relative_time;

/// A message, which pages share as long as it is in memory.
#[derive(Debug)]
pub struct SharedMessage {
    message: Message,
    /// The states of its files.
    pub(super) files: Vec<(FileKey, FileState)>,
    /// Whether it refers to nothing but its files, and to what its kind names: all mentions, emoji and times in a text
    /// have a `<`, and the colours of code depend on that of the whole page.
    pub is_plain: bool,
    /// Whether a page shows roles with it, which change without it.
    pub(super) has_roles: bool,
    /// Whether a text of it has a time that pages show as the distance from now.
    pub(super) has_relative_time: bool,
    /// The forms that were made; `None` if no other page has it.
    written: Option<[OnceLock<Written>; 3]>,
}

/// A form in which pages contain a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// That of the API.
    Json,
    /// That of the site, with the author.
    First,
    /// That of the site, below a message of the same author.
    Grouped,
}

/// A form of a message that was made.
#[derive(Debug)]
struct Written {
    /// The path of its channel.
    path: Box<str>,
    text: Box<str>,
}

impl SharedMessage {
    /// Returns a message of a list, with the states of its files.
    pub(super) fn new(message: Message, files: Vec<(FileKey, FileState)>) -> Self {
        Self { files, ..message.into() }
    }

    /// Returns the same as one that other pages have, too.
    pub(super) fn shared(message: Message, files: Vec<(FileKey, FileState)>) -> Self {
        Self { written: Some(Default::default()), ..Self::new(message, files) }
    }

    /// Returns a form of the message, made by `write` for a page of the channel at `path`. It may contain nothing but the
    /// message, its files, the roles that it mentions and the path: without roles, the first text that is made of each
    /// form is kept with the message.
    pub fn written(&self, form: Form, path: &str, write: impl FnOnce() -> Box<str>) -> Cow<'_, str> {
        let Some(written) = self.written.as_ref().filter(|_| !self.has_roles) else {
            return Cow::Owned(write().into());
        };
        let mut write = Some(write);
        let made = written[form as usize].get_or_init(|| {
            let text = write.take().map_or_else(Box::default, |write| write());
            Written { path: path.into(), text }
        });
        match write {
            // Another path was first: the channel or its community has another name now.
            Some(write) if *made.path != *path => Cow::Owned(write().into()),
            _ => Cow::Borrowed(&made.text),
        }
    }
}

impl From<Message> for SharedMessage {
    fn from(message: Message) -> Self {
        let is_plain = is_plain(&message);
        let has_roles = !is_plain && !message.role_mentions().is_empty();
        let has_relative_time = !is_plain && has_relative_time(&message);
        Self { message, files: Vec::new(), is_plain, has_roles, has_relative_time, written: None }
    }
}

fn is_plain(message: &Message) -> bool {
    let Message { content, reference, reactions, embeds, components, snapshots, poll, stickers, .. } = message;
    let parts = [embeds, components, snapshots, poll, stickers];
    let has_custom = reactions.iter().any(|reaction| reaction.emoji.id.is_some());
    let has_others = reference.is_some() || has_custom || parts.into_iter().any(Option::is_some);
    !(has_others || content.contains('<') || content.contains('`') && content.contains("```"))
}

/// Returns the messages of a list, each made with the states of its files.
pub(super) fn listed(
    list: MessageList,
    make: impl Fn(Message, Vec<(FileKey, FileState)>) -> SharedMessage,
) -> Vec<Arc<SharedMessage>> {
    let mut states = states(&list.files, list.messages.iter().flat_map(without_address));
    let shared = |message: Message| {
        let ids = message.attachments.iter().map(|file| file.id);
        let keys = ids.map(|attachment| FileKey { channel: message.channel_id, message: message.id, attachment });
        let files = keys.filter_map(|key| states.remove_entry(&key)).collect();
        Arc::new(make(message, files))
    };
    list.messages.into_iter().map(shared).collect()
}

impl Deref for SharedMessage {
    type Target = Message;

    fn deref(&self) -> &Message {
        &self.message
    }
}

#[cfg(test)]
mod tests;
