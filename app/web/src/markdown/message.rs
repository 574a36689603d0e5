//! One message of a document.

use app_core::browse::{Entry, FileStates};
use domain::interaction::{Interaction, InteractionKind};
use domain::message::{Attachment, Message, MessageKind, Reaction};
use serde_json::Value;

use super::markup::render;
use super::text::{Text, link, quoted};
use super::{Scope, embed};
use crate::address::{Base, markdown_path};
use crate::html::embed::Own;
use crate::html::message::{
    Located, Replied, array, is_shown_picture, located, replied, size, snapshot_name, stored, text,
};
use crate::html::system::{self, Line, Phrase, Scene};
use crate::html::{Links, excerpt, time};

/// The part of a document that all messages of a channel share.
pub(super) struct MessageFrame<'a> {
    pub(super) base: Base<'a>,
    /// The path of the channel's page.
    pub(super) path: &'a str,
    /// Whether the channel is a thread.
    pub(super) is_thread: bool,
    pub(super) links: &'a Links,
    pub(super) scope: &'a Scope<'a>,
}

/// Returns a message: a heading with its time, which is a link to its page, and its author; then its parts.
pub(super) fn message(frame: &MessageFrame<'_>, entry: &Entry) -> String {
    let scope = frame.scope;
    let message = &entry.message;
    let own = |url: &str| stored(frame.base, message, frame.links, url).map(|path| scope.address(&path));
    let mut parts = vec![heading(frame, message)];
    parts.extend(message.interaction().map(|interaction| used(&interaction)));
    parts.extend(reply_line(frame, message));
    parts.push(body(frame, message));
    parts.extend(message.attachments.iter().map(|file| attachment(frame, message, file)));
    if message.kind != MessageKind::POLL_RESULT {
        parts.extend(embed::embeds(&array(message.embeds.as_ref()), scope, &own));
    }
    parts.extend(message.poll.as_ref().map(|poll| embed::poll(&poll.to_value())));
    parts.extend(embed::components(&array(message.components.as_ref()), scope, &own));
    let stickers = array(message.stickers.as_ref());
    parts.extend(stickers.iter().map(sticker));
    parts.extend(array(message.snapshots.as_ref()).iter().map(|snapshot| forwarded(snapshot, scope, &own)));
    if !message.reactions.is_empty() {
        let all: Vec<String> = message.reactions.iter().map(reaction).collect();
        parts.push(format!("Reactions: {}", all.join(", ")));
    }
    if let Some(thread) = &entry.thread {
        let path = markdown_path(&frame.base.channel(thread));
        let count = thread.stats.message_count;
        parts.push(format!("Thread: {} · {count} messages", link(&Text::line(&thread.name), &scope.address(&path))));
    }
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n")
}

fn heading(frame: &MessageFrame<'_>, message: &Message) -> String {
    let at = time::moment(message.created_at());
    let mut heading = format!("## {}", link(&at, &frame.scope.address(&format!("{}/{}", frame.path, message.id))));
    heading.push_str(" · ");
    heading.push_str(&Text::line(&message.author.pseudonym.name().to_string()));
    if message.author.bot {
        heading.push_str(" (bot)");
    }
    if let Some(at) = message.version.edited_at {
        heading.extend([" · edited on ", &time::moment(at)]);
    }
    if message.pinned {
        heading.push_str(" · pinned");
    }
    heading
}

/// Returns the command that a message replies to, and its user.
fn used(interaction: &Interaction) -> String {
    let mut line = Text::default();
    line.push(&format!("@{} ", interaction.user.pseudonym.name()));
    match (interaction.kind, &interaction.name) {
        (InteractionKind::SlashCommand, Some(name)) => {
            line.push("used ");
            line.code(&format!("/{name}"));
        }
        (_, Some(name)) => {
            line.push("used ");
            line.code(name);
        }
        (InteractionKind::Component, None) => line.push("used a button or a list"),
        (InteractionKind::Modal, None) => line.push("filled in a form"),
        (_, None) => line.push("used a command"),
    }
    quoted(&line.finish())
}

/// Returns the message that another one replies to.
fn reply_line(frame: &MessageFrame<'_>, message: &Message) -> Option<String> {
    let MessageFrame { links, scope, .. } = *frame;
    let line = match replied(message, links)? {
        Replied::Shown(to) => {
            let name = Text::line(&to.author.pseudonym.name().to_string());
            let url = scope.address(&format!("{}/{}", frame.path, to.id));
            format!("{}: {}", link(&name, &url), Text::line(&excerpt(&to.content, 120, scope.names)))
        }
        Replied::Deleted => "a message that was deleted".to_owned(),
        Replied::Unknown => "a message that is not stored".to_owned(),
    };
    Some(quoted(&format!("In reply to {line}")))
}

fn body(frame: &MessageFrame<'_>, message: &Message) -> String {
    let MessageFrame { base, path, is_thread, links, scope } = *frame;
    if message.kind.is_written() {
        return render(&message.content, scope);
    }
    let scene = Scene { community: base.tenant.name.as_str(), path, is_thread, links };
    match system::line(message, &scene) {
        Some(line) => {
            let mut body = sentence(&line, scope);
            if message.kind == MessageKind::POLL_RESULT {
                let result = embed::poll_result(&array(message.embeds.as_ref()));
                body.extend(result.into_iter().flat_map(|result| ["\n\n".to_owned(), result]));
            }
            body
        }
        None => format!("{}\n\n{}", system::unknown(message), render(&message.content, scope)),
    }
}

/// Returns a sentence of ours.
pub(super) fn sentence(line: &Line, scope: &Scope<'_>) -> String {
    let mut text = Text::default();
    phrases(line, scope, &mut text);
    text.finish()
}

fn phrases(line: &Line, scope: &Scope<'_>, to: &mut Text) {
    for phrase in &line.0 {
        match phrase {
            Phrase::Words(words) => to.push(words),
            Phrase::Written(text) => to.push(&text.split_whitespace().collect::<Vec<_>>().join(" ")),
            Phrase::Person(who) => to.push(&format!("@{}", who.name())),
            Phrase::Link(path, part) => {
                let mut label = Text::inside();
                phrases(part, scope, &mut label);
                to.link(&label.finish(), &scope.address(path));
            }
        }
    }
}

fn attachment(frame: &MessageFrame<'_>, message: &Message, file: &Attachment) -> String {
    let name = Text::line(&file.shown_name());
    let files: &FileStates = &frame.links.files;
    let spoiler = if file.spoiler { "Spoiler: " } else { "" };
    let file_link = |url: &str| format!("File: {spoiler}{} · {}", link(&name, url), size(file));
    match located(frame.base, message, file, files) {
        Located::Gone => format!("File: {name} · no longer there"),
        Located::Here(path, content) if is_shown_picture(file, content) && !file.spoiler => {
            let alt = file.description.as_deref().map_or_else(|| name.clone(), Text::line);
            format!("!{}", link(&alt, &frame.scope.address(&path)))
        }
        Located::Here(path, _) => file_link(&frame.scope.address(&path)),
        Located::Elsewhere(url) => file_link(&url),
        Located::Nowhere => format!("File: {spoiler}{name} · {} · not stored", size(file)),
    }
}

fn sticker(sticker: &Value) -> String {
    format!("Sticker: {}", Text::line(text(sticker, "name")))
}

fn reaction(reaction: &Reaction) -> String {
    let name = Text::line(reaction.emoji.name.as_deref().unwrap_or("emoji"));
    let sign = if reaction.emoji.id.is_some() { ":" } else { "" };
    format!("{sign}{name}{sign} {}", reaction.count)
}

/// Returns the content of a forwarded message.
fn forwarded(snapshot: &Value, scope: &Scope<'_>, own: Own<'_>) -> String {
    let message = snapshot.get("message").unwrap_or(snapshot);
    let list = |key: &str| message.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let at = text(message, "timestamp").parse().ok().map(time::moment);
    let mut parts = vec![format!("Forwarded{}", at.map_or_else(String::new, |at| format!(" · {at}")))];
    parts.push(render(text(message, "content"), scope));
    parts.extend(list("attachments").iter().map(|file| format!("File: {}", Text::line(&snapshot_name(file)))));
    parts.extend(embed::embeds(list("embeds"), scope, own));
    parts.extend(list("stickers").iter().chain(list("sticker_items")).map(sticker));
    parts.extend(embed::components(list("components"), scope, own));
    parts.retain(|part| !part.is_empty());
    quoted(&parts.join("\n\n"))
}
