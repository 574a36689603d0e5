//! One message on a page.

use domain::media::{FileKey, FileState};
use domain::message::{Attachment, Message, MessageKind, Reaction, Reference};
use domain::tenant::Tenant;
use maud::{Markup, html};
use serde_json::Value;

use super::markup::{day, excerpt, moment, render};
use super::{Links, component, poll};
use crate::browse::Entry;
use crate::wire::{channel_path, file_path};

/// Messages of one author within this time stand together.
const GROUP_MS: i64 = 7 * 60 * 1000;

pub(super) fn entry(
    tenant: &Tenant,
    path: &str,
    entry: &Entry,
    before: Option<&Message>,
    links: &Links,
    target: Option<&Message>,
) -> Markup {
    let message = &entry.message;
    let at = message.created_at();
    let date = at.civil().date();
    let new_day = before.is_none_or(|before| before.created_at().civil().date() != date);
    let grouped = !new_day
        && message.kind == MessageKind::DEFAULT
        && before.is_some_and(|before| {
            before.author == message.author
                && before.kind.is_written()
                && at.as_millis() - before.created_at().as_millis() < GROUP_MS
        });
    let mut class = String::from(if grouped { "message" } else { "message first" });
    if target.is_some_and(|target| target.id == message.id) {
        class.push_str(" target");
    }
    html! {
        @if new_day { p class="day" { (day(date)) } }
        article class=(class) id={"m" (message.id)} {
            @if grouped { span {} } @else { (avatar(message)) }
            div {
                @if !grouped {
                    span class="who" { (message.author.pseudonym.name()) } " "
                    @if message.author.bot { span class="badge" { "BOT" } " " }
                    span class="meta" {
                        a href={(path) "/" (message.id)} { time datetime=(at) { (moment(at)) } }
                        @if message.version.edited_at.is_some() { " · edited" }
                        @if message.pinned { " · pinned" }
                    }
                }
                @if let Some(reference) = &message.reference { (refers(path, message, reference, links)) }
                div class="body" { (body(message, links)) }
                @for file in &message.attachments { (attachment(tenant, message, file, links)) }
                @if message.kind != MessageKind::POLL_RESULT {
                    @for embed in array(message.embeds.as_ref()) { (embed_box(&embed, links)) }
                }
                @if let Some(poll) = &message.poll { (poll::poll(&poll.to_value())) }
                (component::components(&array(message.components.as_ref()), links))
                @for sticker in array(message.stickers.as_ref()) {
                    p class="card" { "Sticker: " (text(&sticker, "name")) }
                }
                @for snapshot in array(message.snapshots.as_ref()) {
                    (forwarded(&snapshot, links))
                }
                @if !message.reactions.is_empty() {
                    ul class="reactions" aria-label="Reactions" { @for one in &message.reactions { (reaction(one)) } }
                }
                @if let Some(thread) = &entry.thread {
                    p class="card" {
                        a href=(channel_path(tenant, thread)) { "Thread: " (thread.name) }
                        " · " (thread.stats.message_count) " messages"
                    }
                }
            }
        }
    }
}

/// A picture made of the pseudonym: two shapes in two of 360 colours.
fn avatar(message: &Message) -> Markup {
    let bytes = message.author.pseudonym.as_bytes();
    let hue = |at: usize| (u32::from(bytes[at]) << 8 | u32::from(bytes[at + 1])) % 360;
    let place = |at: usize| u32::from(bytes[at]) % 40;
    html! {
        svg class="avatar" viewBox="0 0 40 40" aria-hidden="true" {
            rect width="40" height="40" fill={"hsl(" (hue(6)) " 55% 45%)"} {}
            circle cx=(place(8)) cy=(place(9)) r="16" fill={"hsl(" (hue(10)) " 65% 62%)"} {}
        }
    }
}

/// What a message answers or speaks of.
fn refers(path: &str, message: &Message, reference: &Reference, links: &Links) -> Markup {
    let Some(id) = reference.message_id.filter(|_| message.kind == MessageKind::REPLY) else { return html! {} };
    html! {
        p class="reply" dir="auto" {
            @match links.messages.get(&id) {
                Some(Some(to)) => {
                    "↩ " a href={(path) "/" (id)} { (to.author.pseudonym.name()) } ": "
                    (excerpt(&to.content, 120, &links.names))
                },
                Some(None) => { "↩ a message that was deleted" },
                None => { "↩ " a href={(path) "/" (id)} { "a message that is not held" } },
            }
        }
    }
}

fn body(message: &Message, links: &Links) -> Markup {
    let line = match message.kind {
        kind if kind.is_written() => return render(&message.content, &links.names),
        MessageKind::RECIPIENT_ADD => "added somebody".to_owned(),
        MessageKind::RECIPIENT_REMOVE => "removed somebody, or left".to_owned(),
        MessageKind::CALL => "started a call".to_owned(),
        MessageKind::CHANNEL_NAME_CHANGE => format!("renamed the channel: {}", message.content),
        MessageKind::CHANNEL_ICON_CHANGE => "changed the channel's icon".to_owned(),
        MessageKind::CHANNEL_PINNED_MESSAGE => "pinned a message".to_owned(),
        MessageKind::GUILD_MEMBER_JOIN => "joined".to_owned(),
        MessageKind::THREAD_CREATED => "started a thread".to_owned(),
        MessageKind::THREAD_STARTER => "began this thread from a message in the channel above".to_owned(),
        MessageKind::POLL_RESULT => return poll::result(&array(message.embeds.as_ref())),
        MessageKind(number) => {
            return html! {
                p class="card system" { "Message of type " (number) }
                (render(&message.content, &links.names))
            };
        }
    };
    html! { p class="system" dir="auto" { (line) } }
}

fn attachment(tenant: &Tenant, message: &Message, file: &Attachment, links: &Links) -> Markup {
    let key = FileKey { channel: message.channel_id, message: message.id, attachment: file.id };
    let url = match links.files.get(&key) {
        Some(FileState::Gone) => return html! { p class="card" { "📎 " (file.filename) " · no longer there" } },
        Some(FileState::Stored { .. }) => Some(file_path(tenant, key, &file.filename)),
        _ => file.url.clone().filter(|url| is_usable(url)),
    };
    let picture = file.content_type.as_deref().is_some_and(|kind| kind.starts_with("image/")) && !file.spoiler;
    html! {
        @match &url {
            Some(url) if picture => {
                p { a href=(url) rel="nofollow ugc noopener" {
                    img class="picture" loading="lazy" src=(url) alt=(file.description.as_deref().unwrap_or(&file.filename));
                } }
            },
            Some(url) => p class="card" { "📎 " a href=(url) rel="nofollow ugc noopener" { (file.filename) } " · " (size(file)) },
            None => p class="card" { "📎 " (file.filename) " · " (size(file)) },
        }
    }
}

/// Whether an address can still answer: Discord's own ones expire within a day, so they are not worth a link.
fn is_usable(url: &str) -> bool {
    let web = url.starts_with("https://") || url.starts_with("http://");
    web && !["cdn.discordapp.com", "media.discordapp.net"].iter().any(|host| url.contains(host))
}

fn size(file: &Attachment) -> String {
    match file.size_bytes {
        bytes @ 0..1024 => format!("{bytes} B"),
        bytes @ 1024..1_048_576 => format!("{} KB", bytes / 1024),
        bytes => format!("{} MB", bytes / 1_048_576),
    }
}

fn reaction(reaction: &Reaction) -> Markup {
    let name = reaction.emoji.name.as_deref().unwrap_or("emoji");
    html! {
        li {
            @if reaction.emoji.id.is_some() { ":" (name) ":" } @else { (name) }
            " " (reaction.count)
        }
    }
}

/// What a forwarded message held when it was forwarded: in Discord's form, or in an exporter's.
fn forwarded(snapshot: &Value, links: &Links) -> Markup {
    let message = snapshot.get("message").unwrap_or(snapshot);
    let list = |key: &str| message.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let name = |file: &Value| {
        let name = ["filename", "fileName"].map(|key| text(file, key)).into_iter().find(|name| !name.is_empty());
        name.unwrap_or("a file").to_owned()
    };
    html! {
        div class="forwarded" {
            p class="meta" { "↪ Forwarded" }
            (render(text(message, "content"), &links.names))
            @for file in list("attachments") { p class="card" { "📎 " (name(file)) } }
            @for embed in list("embeds") { (embed_box(embed, links)) }
            @for sticker in list("stickers").iter().chain(list("sticker_items")) {
                p class="card" { "Sticker: " (text(sticker, "name")) }
            }
            (component::components(list("components"), links))
        }
    }
}

fn embed_box(embed: &Value, links: &Links) -> Markup {
    let title = text(embed, "title");
    let url = embed
        .get("url")
        .and_then(Value::as_str)
        .filter(|url| url.starts_with("https://") || url.starts_with("http://"));
    let fields = embed.get("fields").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    html! {
        div class="embed" dir="auto" {
            @if let Some(author) = embed.get("author").filter(|author| !text(author, "name").is_empty()) {
                p class="meta" { (text(author, "name")) }
            }
            @if !title.is_empty() {
                p class="h" { @match url {
                    Some(url) => a href=(url) rel="nofollow ugc noopener" { (title) },
                    None => (title),
                } }
            }
            (render(text(embed, "description"), &links.names))
            @if !fields.is_empty() {
                dl { @for field in fields {
                    div { dt { (text(field, "name")) } dd { (render(text(field, "value"), &links.names)) } }
                } }
            }
            @if let Some(footer) = embed.get("footer") { p class="meta" { (text(footer, "text")) } }
        }
    }
}

pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn array(json: Option<&domain::json::Json>) -> Vec<Value> {
    match json.map(domain::json::Json::to_value) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}
