//! One message on a page.

mod shown;

use std::borrow::Cow;

use app_core::browse::{Entry, FileStates, Form, shown_type, size_of};
use domain::interaction::{Interaction, InteractionKind};
use domain::media::{FileContent, FileKey, FileState};
use domain::message::{Attachment, Message, MessageId, MessageKind, Reaction, Reference, with_ending};
use domain::picture::PictureKey;
use domain::timestamp::Timestamp;
use maud::{Markup, html};
use serde_json::Value;

use self::shown::Shown;
use super::embed::{self, Own, embeds};
use super::markup::{self, excerpt, person, render};
use super::number::{counted, grouped};
use super::system::{Scene, sentence};
use super::time::{clock, day, moment};
use super::{Links, component, language, picture, poll};
use crate::address::Base;

/// The time within which messages of one author are grouped.
const GROUP_MS: i64 = 7 * 60 * 1000;

/// The page on which a message is shown.
pub(super) struct MessageFrame<'a> {
    pub(super) base: Base<'a>,
    /// The path of the channel's page.
    pub(super) path: &'a str,
    /// Whether the channel is a thread.
    pub(super) is_thread: bool,
    pub(super) links: &'a Links,
    /// The message that the page's address names.
    pub(super) target: Option<&'a Message>,
    /// The message that opens the thread of the page, and is shown as an article.
    pub(super) opening: Option<MessageId>,
}

impl MessageFrame<'_> {
    fn is_target(&self, message: &Message) -> bool {
        self.target.is_some_and(|target| target.id == message.id)
    }

    fn opens(&self, message: &Message) -> bool {
        self.opening == Some(message.id)
    }
}

/// Returns a message on its channel's page, below the message `before`.
pub(super) fn entry<'a>(frame: &MessageFrame<'_>, entry: &'a Entry, before: Option<&Message>) -> Shown<'a> {
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
    let write = || article(frame, entry, grouped, &html! {}).into_string().into_boxed_str();
    let form = if grouped { Form::Grouped } else { Form::First };
    let article = if stands_alone(entry) && !frame.is_target(message) && !frame.opens(message) {
        message.written(form, frame.path, write)
    } else {
        Cow::Owned(write().into())
    };
    Shown { day: new_day.then(|| day_heading(at)), article }
}

/// Returns the heading of a day above its messages.
fn day_heading(at: Timestamp) -> Markup {
    html! { p class="day" id=(day_id(at)) { (day(at)) } }
}

/// Returns whether a page shows nothing else with a message but its files.
fn stands_alone(entry: &Entry) -> bool {
    entry.message.is_plain && entry.message.kind.is_written() && entry.thread.is_none()
}

/// Returns the message that a thread was started from, at the top of the thread; `frame` is that of the parent channel.
pub(super) fn opener(frame: &MessageFrame<'_>, entry: &Entry, above: &Markup) -> Markup {
    let at = entry.message.created_at();
    html! {
        (day_heading(at))
        (article(frame, entry, false, above))
    }
}

/// Returns the id of the heading of a day.
pub(super) fn day_id(at: Timestamp) -> String {
    format!("d{}", at.civil().date())
}

fn article(frame: &MessageFrame<'_>, entry: &Entry, grouped: bool, above: &Markup) -> Markup {
    let MessageFrame { base, path, links, .. } = *frame;
    let message = &entry.message;
    let at = message.created_at();
    let mut class = String::from(if grouped { "message" } else { "message first" });
    let opens = frame.opens(message);
    if opens {
        class.push_str(" opening");
    }
    let is_target = frame.is_target(message);
    if is_target {
        class.push_str(" target");
    }
    let own = |url: &str| stored(base, message, links, url);
    let edited = message.version.edited_at;
    html! {
        // The focus scrolls to the message, also without a script.
        article class=(class) id={"m" (message.id)} tabindex="-1" autofocus[is_target] {
            @if grouped {
                a class="at" href={(path) "/" (message.id)} { time datetime=(at) title=(moment(at)) { (clock(at)) } }
            } @else {
                (avatar(message))
            }
            div {
                @if !grouped {
                    span class="who" { bdi { (message.author.pseudonym.name()) } } " "
                    @if message.author.bot { span class="badge" { "BOT" } " " }
                    span class="meta" {
                        a href={(path) "/" (message.id)} { time datetime=(at) { (moment(at)) } }
                        (marks(message))
                    }
                }
                (above)
                @if let Some(interaction) = message.interaction() { (used(&interaction)) }
                (refers(frame, message))
                div class="body" lang=[language::of(&message.content)] { (body(frame, message)) }
                @if grouped && (edited.is_some() || message.pinned) { p class="meta marks" { (marks(message)) } }
                (attachments(base, message, links))
                @if message.kind != MessageKind::POLL_RESULT {
                    (embeds(&array(message.embeds.as_ref()), links, &own))
                }
                @if let Some(poll) = &message.poll { (poll::poll(&poll.to_value())) }
                (component::components(&array(message.components.as_ref()), links, &own))
                @for one in array(message.stickers.as_ref()) { (sticker(&one, links)) }
                @for snapshot in array(message.snapshots.as_ref()) {
                    (forwarded(&snapshot, links, &own))
                }
                @if !message.reactions.is_empty() {
                    ul class="reactions" aria-label="Reactions" {
                        @for one in &message.reactions { (reaction(one, links)) }
                    }
                }
                @if let Some(thread) = &entry.thread {
                    p class="card" data-channel=(thread.id) {
                        a href=(base.channel(thread)) { "Thread: " bdi { (thread.name) } }
                        " · " (counted(thread.stats.message_count, "message", "messages"))
                    }
                }
            }
        }
    }
}

/// Returns the marks of a message, such as that it was edited.
fn marks(message: &Message) -> Markup {
    html! {
        @if let Some(at) = message.version.edited_at {
            " " time class="edited" datetime=(at) title=(moment(at)) { "edited" }
        }
        @if message.pinned { " " span class="pinned" { "pinned" } }
    }
}

/// Returns the command that a message replies to, and its user.
fn used(interaction: &Interaction) -> Markup {
    let user = person(interaction.user.pseudonym);
    html! {
        p class="reply used" dir="auto" {
            @match (interaction.kind, &interaction.name) {
                (InteractionKind::SlashCommand, Some(name)) => { (user) " used " code { bdi { "/" (name) } } },
                (_, Some(name)) => { (user) " used " code { bdi { (name) } } },
                (InteractionKind::Component, None) => { (user) " used a button or a list" },
                (InteractionKind::Modal, None) => { (user) " filled in a form" },
                (_, None) => { (user) " used a command" },
            }
        }
    }
}

/// Returns the address of a file of `message` on this server; `url` is its address at Discord or in an export.
pub(crate) fn stored(base: Base<'_>, message: &Message, links: &Links, url: &str) -> Option<String> {
    let file = message.attachments.iter().find(|file| {
        let id = file.id.to_string();
        url.starts_with("http") && url.contains("/attachments/") && url.split('/').any(|part| part == id)
    })?;
    let key = FileKey { channel: message.channel_id, message: message.id, attachment: file.id };
    let kept = matches!(links.files.get(&key), Some(FileState::Stored { .. }));
    kept.then(|| base.file(key, &file.filename))
}

/// Returns a picture made of the pseudonym: two shapes in two of 360 colours.
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

/// The message that another one replies to.
pub(crate) enum Replied<'a> {
    /// It is stored.
    Shown(&'a Message),
    /// It was deleted.
    Deleted,
    /// It is not stored.
    Unknown,
}

/// Returns the message that a reply refers to; `None` if `message` is no reply.
pub(crate) fn replied<'a>(message: &Message, links: &'a Links) -> Option<Replied<'a>> {
    let reference = message.reference.as_ref().filter(|reference| is_reply(message, reference))?;
    Some(match links.messages.get(&reference.message_id?) {
        Some(Some(to)) => Replied::Shown(to),
        Some(None) => Replied::Deleted,
        None if was_deleted(message) => Replied::Deleted,
        None => Replied::Unknown,
    })
}

/// Returns the reference of a reply. It is a link only if its message is stored.
fn refers(frame: &MessageFrame<'_>, message: &Message) -> Markup {
    let Some(replied) = replied(message, frame.links) else { return html! {} };
    html! {
        p class="reply" dir="auto" {
            @match replied {
                Replied::Shown(to) => {
                    "↩ " a href={(frame.path) "/" (to.id)} { bdi { (to.author.pseudonym.name()) } } ": "
                    (excerpt(&to.content, 120, &frame.links.names))
                },
                Replied::Deleted => { "↩ a message that was deleted" },
                Replied::Unknown => { "↩ a message that is not stored" },
            }
        }
    }
}

fn is_reply(message: &Message, reference: &Reference) -> bool {
    reference.kind != Reference::FORWARD
        && matches!(message.kind, MessageKind::REPLY | MessageKind::CONTEXT_MENU_COMMAND)
}

/// Returns whether Discord showed that the message of a reply was deleted.
fn was_deleted(message: &Message) -> bool {
    message.extra.as_ref().is_some_and(|extra| extra.as_str().contains("\"referenced_message\":null"))
}

fn body(frame: &MessageFrame<'_>, message: &Message) -> Markup {
    if message.kind.is_written() {
        if is_empty(message) {
            return html! { p class="muted" { "No text" } };
        }
        return render(&message.content, &frame.links.names);
    }
    let community = frame.base.tenant.name.as_str();
    let scene = Scene { community, path: frame.path, is_thread: frame.is_thread, links: frame.links };
    sentence(message, &scene)
}

/// Returns whether a message shows nothing below its author.
fn is_empty(message: &Message) -> bool {
    let lists = [&message.embeds, &message.components, &message.stickers, &message.snapshots];
    message.content.trim().is_empty()
        && message.attachments.is_empty()
        && message.poll.is_none()
        && lists.into_iter().all(|list| array(list.as_ref()).is_empty())
}

/// Where a file can be found.
pub(crate) enum Located {
    /// Under a path of this server, as a file with this content.
    Here(String, Option<FileContent>),
    /// At an address of another one.
    Elsewhere(String),
    /// Nowhere yet.
    Nowhere,
    /// Nowhere any more.
    Gone,
}

/// Returns where a file of a message can be found.
pub(crate) fn located(base: Base<'_>, message: &Message, file: &Attachment, files: &FileStates) -> Located {
    let key = FileKey { channel: message.channel_id, message: message.id, attachment: file.id };
    match files.get(&key) {
        Some(FileState::Gone) => Located::Gone,
        Some(FileState::Stored { content, .. }) => Located::Here(base.file(key, &file.filename), *content),
        _ => file.url.clone().filter(|url| is_usable(url)).map_or(Located::Nowhere, Located::Elsewhere),
    }
}

/// Returns whether browsers show a file inside a page. Other pictures, such as SVG, are served to be saved.
pub(crate) fn is_shown_picture(file: &Attachment, content: Option<FileContent>) -> bool {
    shown_type(file, content).is_some_and(|kind| kind.starts_with("image/"))
}

/// The way in which a page shows a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Picture,
    Video,
    Sound,
    /// A name that leads to the file.
    Name,
}

/// Returns the files of a message. Several pictures in a row are a gallery.
fn attachments(base: Base<'_>, message: &Message, links: &Links) -> Markup {
    let shown: Vec<_> = message.attachments.iter().map(|file| attachment(base, message, file, links)).collect();
    html! {
        @for row in shown.chunk_by(|(one, _), (next, _)| *one == Look::Picture && *next == Look::Picture) {
            @let files = html! { @for (_, file) in row { (file) } };
            @if row.len() > 1 { div class="gallery" { (files) } } @else { (files) }
        }
    }
}

fn attachment(base: Base<'_>, message: &Message, file: &Attachment, links: &Links) -> (Look, Markup) {
    let name = file.shown_name();
    let (url, stored) = match located(base, message, file, &links.files) {
        Located::Gone => {
            let gone =
                html! { p class="card file" dir="auto" { (kind(&name)) span { bdi { (name) } " · no longer there" } } };
            return (Look::Name, gone);
        }
        Located::Here(path, content) => (Some(path), Some(content)),
        Located::Elsewhere(url) => (Some(url), None),
        Located::Nowhere => (None, None),
    };
    let size_in_pixels = size_of(file, stored.flatten());
    let (width, height) = size_in_pixels.unzip();
    let look = stored.map_or(Look::Name, |content| look(file, content));
    let named = html! {
        @match &url {
            Some(url) => a href=(url) rel="nofollow ugc noopener" { bdi { (name) } },
            None => bdi { (name) },
        }
        span class="meta" {
            " · " (size(file))
            @if let Some((width, height)) = size_in_pixels { " · " (width) " × " (height) }
            @if let Some(host) = url.as_deref().filter(|_| stored.is_none()).and_then(embed::host) { " · " bdi { (host) } }
            @if url.is_none() { " · not stored" }
        }
    };
    let shown = html! {
        @match (look, &url) {
            (Look::Picture, Some(url)) => {
                p { a href=(url) rel="nofollow ugc noopener" {
                    @let sources = picture::sources(base, message, file, &links.files);
                    img class="picture" loading="lazy" decoding="async" src=(url) width=[width] height=[height]
                        srcset=[&sources] sizes=[sources.as_ref().map(|_| picture::SIZES)]
                        alt=(file.description.as_deref().unwrap_or(&name));
                } }
            },
            (Look::Video, Some(url)) => {
                div class="player" dir="auto" {
                    video controls preload="none" src=(url) width=[width] height=[height] aria-label=(name) {}
                    p { (named) }
                }
            },
            (Look::Sound, Some(url)) => {
                div class="player" dir="auto" {
                    audio controls preload="none" src=(url) aria-label=(name) {}
                    p { (named) }
                }
            },
            _ => p class="card file" dir="auto" { (kind(&name)) span { @if file.spoiler { "Spoiler: " } (named) } },
        }
    };
    if file.spoiler && look != Look::Name {
        let veiled = html! { details class="veiled" { summary { "Spoiler: " bdi { (name) } } (shown) } };
        return (Look::Name, veiled);
    }
    (look, shown)
}

/// Returns how a stored file is shown: browsers show its type inside a page, or it is named.
fn look(file: &Attachment, content: Option<FileContent>) -> Look {
    match shown_type(file, content).and_then(|kind| kind.split('/').next()) {
        Some("image") => Look::Picture,
        Some("video") => Look::Video,
        Some("audio") => Look::Sound,
        _ => Look::Name,
    }
}

/// Returns the icon of a file: a sheet with the end of its name.
pub(super) fn kind(name: &str) -> Markup {
    let end = name.rsplit_once('.').map(|(_, end)| end);
    let end = end.filter(|end| (1..=4).contains(&end.len()) && end.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    html! { span class="kind" aria-hidden="true" { (end.unwrap_or("file").to_ascii_uppercase()) } }
}

/// Returns whether an address can still work: Discord's own ones expire within a day, so they are not linked.
fn is_usable(url: &str) -> bool {
    let web = url.starts_with("https://") || url.starts_with("http://");
    web && !["cdn.discordapp.com", "media.discordapp.net"].iter().any(|host| url.contains(host))
}

pub(crate) fn size(file: &Attachment) -> String {
    match file.size_bytes {
        bytes @ 0..1024 => format!("{bytes} B"),
        bytes @ 1024..1_048_576 => format!("{} KB", bytes / 1024),
        bytes => format!("{} MB", bytes / 1_048_576),
    }
}

fn reaction(reaction: &Reaction, links: &Links) -> Markup {
    let name = reaction.emoji.name.as_deref().unwrap_or("emoji");
    html! {
        li {
            @match reaction.emoji.id {
                Some(id) => (markup::emoji(name, Some(id), &links.names.pictures)),
                None => bdi { (name) },
            }
            " " (grouped(reaction.count.into()))
        }
    }
}

/// Returns a sticker: its picture, or its name.
fn sticker(sticker: &Value, links: &Links) -> Markup {
    let name = text(sticker, "name");
    let key = text(sticker, "id").parse().ok().map(PictureKey::sticker);
    html! {
        @match key.and_then(|key| links.names.pictures.take(key)) {
            Some(path) => {
                @let alt = format!("Sticker: {name}");
                p { img class="sticker" src=(path) alt=(alt) title=(name) width="160" height="160" loading="lazy"; }
            },
            None => p class="card" { "Sticker: " bdi { (name) } },
        }
    }
}

/// Returns the content of a forwarded message at the time it was forwarded: in Discord's form, or in an exporter's.
fn forwarded(snapshot: &Value, links: &Links, own: Own<'_>) -> Markup {
    let message = snapshot.get("message").unwrap_or(snapshot);
    let list = |key: &str| message.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let at = text(message, "timestamp");
    html! {
        div class="forwarded" {
            p class="meta" {
                "↪ Forwarded"
                @if let Ok(sent) = at.parse() { " · " time datetime=(at) { (moment(sent)) } }
                @if !text(message, "edited_timestamp").is_empty() { " · edited" }
            }
            (render(text(message, "content"), &links.names))
            @for file in list("attachments") {
                @let name = snapshot_name(file);
                p class="card file" dir="auto" { (kind(&name)) bdi { (name) } }
            }
            (embeds(list("embeds"), links, own))
            @for one in list("stickers").iter().chain(list("sticker_items")) { (sticker(one, links)) }
            (component::components(list("components"), links, own))
        }
    }
}

pub(crate) fn snapshot_name(file: &Value) -> String {
    let name = ["filename", "fileName"].map(|key| text(file, key)).into_iter().find(|name| !name.is_empty());
    match text(file, "title") {
        "" => name.unwrap_or("a file").to_owned(),
        title => with_ending(title.to_owned(), name.unwrap_or_default()),
    }
}

pub(crate) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

pub(crate) fn array(json: Option<&domain::json::Json>) -> Vec<Value> {
    match json.map(domain::json::Json::to_value) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}
