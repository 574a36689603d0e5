//! A message as the pages of a process share it.

use std::borrow::Cow;
use std::ops::Deref;
use std::sync::OnceLock;

use domain::message::Message;

use super::snapshot::has_relative_time;

/// A message, which pages share as long as it is in memory.
#[derive(Debug)]
pub struct SharedMessage {
    message: Message,
    /// Whether other pages have it, too.
    is_shared: bool,
    /// Whether a page shows roles with it, which change without it.
    pub(super) has_roles: bool,
    /// Whether a text of it has a time that pages show as the distance from now.
    pub(super) has_relative_time: bool,
    written: [OnceLock<Written>; 3],
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
    /// Returns a message that other pages have, too.
    pub(super) fn shared(message: Message) -> Self {
        Self { is_shared: true, ..message.into() }
    }

    /// Returns a form of the message, made by `write` for a page of the channel at `path`. It may contain nothing but the
    /// message, its files, the roles that it mentions and the path: without files and roles, the first text that is made
    /// of each form is kept with the message.
    pub fn written(&self, form: Form, path: &str, write: impl FnOnce() -> Box<str>) -> Cow<'_, str> {
        if !self.is_shared || self.has_roles || !self.message.attachments.is_empty() {
            return Cow::Owned(write().into());
        }
        let mut write = Some(write);
        let made = self.written[form as usize].get_or_init(|| {
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
        let has_roles = !message.role_mentions().is_empty();
        let has_relative_time = has_relative_time(&message);
        Self { message, is_shared: false, has_roles, has_relative_time, written: Default::default() }
    }
}

impl Deref for SharedMessage {
    type Target = Message;

    fn deref(&self) -> &Message {
        &self.message
    }
}
