//! Everything that a message says, as texts.

use serde_json::Value;

use super::matches::{ChannelKeys, SearchDocument};
use super::shown::SearchText;
use super::value::{Feature, FeatureSet, FileExtension, HostName};
use crate::channel::Channel;
use crate::json::Json;
use crate::message::{Message, MessageKind, with_ending};

/// The maximum number of code points of all texts of one message; the rest is not found. Discord's own limits, those of
/// ten files and of a forward included, add up to less.
pub const MAX_TEXT: usize = 131_072;

/// The depth below which components are left out: Discord nests three levels.
const DEPTH: u8 = 8;

/// The channel of a message, with what is shown beside it.
///
/// Titles come from channels, so that a new name of a thread changes the documents of the message that started it and
/// of its opener.
#[derive(Debug, Clone, Copy)]
pub struct SearchPlace<'a> {
    /// The channel of the message.
    pub channel: &'a Channel,
    /// The channel that this one is a thread of; `None` outside threads.
    pub parent: Option<&'a Channel>,
    /// The thread that the message started; `None` for one that readers of the message may not see, because its name
    /// would be found.
    pub thread: Option<&'a Channel>,
}

impl SearchDocument {
    /// Returns everything by which `message` can be found in `place`. Its first text is the message's own, whose
    /// [`SearchText::in_raw`] are offsets in [`Message::content`].
    #[must_use]
    pub fn new(message: &Message, place: SearchPlace<'_>) -> Self {
        let mut collector = Collector { left: MAX_TEXT, ..Collector::default() };
        if message.kind.is_written() {
            collector.markup(&message.content);
        } else {
            collector.text(SearchText::plain(&message.content));
        }
        if let Some(name) = message.interaction().and_then(|interaction| interaction.name) {
            collector.plain(&name);
        }
        for file in &message.attachments {
            let (name, kind) = (file.shown_name(), file.content_type.as_deref());
            collector.file(&file.filename, &name, kind);
            let description = file.description.as_deref().unwrap_or_default();
            collector.within(file.spoiler, |collector| collector.plain(description));
        }
        let list = |json: &Option<Json>| json.as_ref().map(Json::to_value).unwrap_or_default();
        if message.kind == MessageKind::POLL_RESULT {
            collector.poll_result(&list(&message.embeds));
        } else {
            collector.embeds(&list(&message.embeds));
        }
        if message.poll.is_some() {
            collector.features.insert(Feature::Poll);
            collector.poll(&list(&message.poll));
        }
        collector.components(&list(&message.components), DEPTH);
        collector.stickers(&list(&message.stickers));
        for snapshot in items(&list(&message.snapshots)) {
            collector.forward(snapshot);
        }
        if let Some(thread) = place.thread {
            collector.plain(&thread.name);
        }
        // The opener of a post has the post's id.
        if place.channel.kind.is_thread() && place.channel.platform_id.cast() == message.id {
            collector.plain(&place.channel.name);
        }
        let mut mentions: Vec<_> = message.mentions.iter().map(|person| person.pseudonym).collect();
        mentions.sort_unstable();
        mentions.dedup();
        Self {
            channel: place.channel.into(),
            parent: place.parent.filter(|_| place.channel.kind.is_thread()).map(ChannelKeys::from),
            author: message.author,
            mentions,
            sent_at: message.created_at(),
            pinned: message.pinned,
            features: collector.features,
            hosts: unique(collector.hosts),
            extensions: unique(collector.extensions),
            texts: collector.texts,
        }
    }
}

fn unique<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort_unstable();
    list.dedup();
    list
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn is_spoiler(component: &Value) -> bool {
    component.get("spoiler") == Some(&Value::Bool(true))
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).map(items).unwrap_or_default()
}

/// The texts and properties found so far.
#[derive(Default)]
struct Collector {
    texts: Vec<SearchText>,
    /// The number of code points that may still be added.
    left: usize,
    /// Whether the texts are inside a spoiler.
    hidden: bool,
    features: FeatureSet,
    hosts: Vec<HostName>,
    extensions: Vec<FileExtension>,
}

impl Collector {
    fn text(&mut self, mut text: SearchText) {
        if self.left == 0 {
            return;
        }
        self.left -= text.truncate(self.left);
        self.texts.push(if self.hidden { text.covered() } else { text });
    }

    fn plain(&mut self, text: &str) {
        if !text.trim().is_empty() {
            self.text(SearchText::made(text));
        }
    }

    /// Calls `add`; if `hidden`, the texts that it adds are inside a spoiler.
    fn within(&mut self, hidden: bool, add: impl FnOnce(&mut Self)) {
        let before = self.hidden;
        self.hidden |= hidden;
        add(self);
        self.hidden = before;
    }

    fn markup(&mut self, raw: &str) {
        let (text, addresses) = SearchText::with_addresses(raw);
        for address in addresses {
            self.address(&address);
        }
        if self.texts.is_empty() || !raw.trim().is_empty() {
            self.text(text);
        }
    }

    fn address(&mut self, address: &str) {
        if address.starts_with("https://") || address.starts_with("http://") {
            self.features.insert(Feature::Link);
            self.hosts.extend(HostName::of_address(address));
        }
    }

    /// Adds a file with this name at its source, the name that readers see, and its media type.
    fn file(&mut self, filename: &str, shown: &str, kind: Option<&str>) {
        self.features.insert(Feature::File);
        let extension = FileExtension::of_file(filename).or_else(|| FileExtension::of_file(shown));
        self.media(kind.filter(|kind| !kind.is_empty()).or_else(|| media_type(extension.as_ref()?.as_str())));
        self.extensions.extend(extension);
        self.plain(shown);
        if filename != shown {
            self.plain(filename);
        }
    }

    fn media(&mut self, kind: Option<&str>) {
        match kind.and_then(|kind| kind.split_once('/')).map(|(kind, _)| kind.to_ascii_lowercase()).as_deref() {
            Some("image") => self.features.insert(Feature::Image),
            Some("video") => self.features.insert(Feature::Video),
            Some("audio") => self.features.insert(Feature::Sound),
            _ => {}
        }
    }

    fn embeds(&mut self, embeds: &Value) {
        for embed in items(embeds) {
            self.features.insert(Feature::Embed);
            self.embed(embed);
        }
    }

    fn embed(&mut self, embed: &Value) {
        let part = |key: &str| embed.get(key).filter(|part| part.is_object());
        self.address(text(embed, "url"));
        for named in ["provider", "author"].into_iter().filter_map(part) {
            self.plain(text(named, "name"));
            self.address(text(named, "url"));
        }
        for raw in ["title", "description"] {
            self.markup(text(embed, raw));
        }
        for field in list(embed, "fields") {
            self.markup(text(field, "name"));
            self.markup(text(field, "value"));
        }
        let is_picture = matches!(text(embed, "type"), "image" | "gifv");
        for picture in list(embed, "images").iter().chain(part("image")) {
            self.features.insert(Feature::Image);
            self.plain(text(picture, "description"));
        }
        if let Some(thumbnail) = part("thumbnail") {
            if is_picture {
                self.features.insert(Feature::Image);
            }
            self.plain(text(thumbnail, "description"));
        }
        if part("video").is_some() {
            self.features.insert(Feature::Video);
        }
        if let Some(footer) = part("footer") {
            self.plain(text(footer, "text"));
        }
    }

    /// The fields of an embed in which Discord's system message carries a result.
    fn poll_result(&mut self, embeds: &Value) {
        for field in items(embeds).iter().flat_map(|embed| list(embed, "fields")) {
            if matches!(text(field, "name"), "poll_question_text" | "victor_answer_text") {
                self.plain(text(field, "value"));
            }
        }
    }

    fn poll(&mut self, poll: &Value) {
        self.plain(poll.pointer("/question/text").and_then(Value::as_str).unwrap_or_default());
        for media in list(poll, "answers").iter().filter_map(|answer| answer.get("poll_media")) {
            self.plain(text(media, "text"));
        }
    }

    fn components(&mut self, components: &Value, depth: u8) {
        for component in items(components) {
            self.component(component, depth);
        }
    }

    fn component(&mut self, component: &Value, depth: u8) {
        if depth > 0 {
            self.within(is_spoiler(component), |collector| collector.component_texts(component, depth));
        }
    }

    fn component_texts(&mut self, component: &Value, depth: u8) {
        // https://discord.com/developers/docs/components/reference#component-object-component-types
        match component.get("type").and_then(Value::as_u64) {
            Some(2) => {
                self.plain(text(component, "label"));
                self.address(text(component, "url"));
            }
            Some(3 | 5..=8) => self.plain(text(component, "placeholder")),
            Some(10) => self.markup(text(component, "content")),
            Some(11) => self.gallery(component),
            Some(12) => list(component, "items").iter().for_each(|item| self.gallery(item)),
            Some(13) => {
                let name = text(component, "name");
                self.file(name, name, None);
            }
            Some(14) => {}
            _ => {
                self.components(component.get("components").unwrap_or(&Value::Null), depth - 1);
                if let Some(accessory) = component.get("accessory") {
                    self.component(accessory, depth - 1);
                }
            }
        }
    }

    /// A medium of a component with its description. Its type is that of a picture if the source does not name it.
    fn gallery(&mut self, item: &Value) {
        let kind = item.get("media").map_or("", |media| text(media, "content_type"));
        self.media(Some(if kind.is_empty() { "image/" } else { kind }));
        self.within(is_spoiler(item), |collector| collector.plain(text(item, "description")));
    }

    fn stickers(&mut self, stickers: &Value) {
        for sticker in items(stickers) {
            self.features.insert(Feature::Sticker);
            self.plain(text(sticker, "name"));
        }
    }

    /// The content of a forwarded message, in Discord's form or in an exporter's.
    fn forward(&mut self, snapshot: &Value) {
        self.features.insert(Feature::Forward);
        let message = snapshot.get("message").unwrap_or(snapshot);
        let part = |key: &str| message.get(key).unwrap_or(&Value::Null);
        self.markup(text(message, "content"));
        for file in list(message, "attachments") {
            let name = ["filename", "fileName"].map(|key| text(file, key)).into_iter().find(|name| !name.is_empty());
            let name = name.unwrap_or_default();
            let shown = match text(file, "title") {
                "" => name.to_owned(),
                title => with_ending(title.to_owned(), name),
            };
            self.file(name, &shown, Some(text(file, "content_type")));
            self.within(name.starts_with("SPOILER_"), |collector| collector.plain(text(file, "description")));
        }
        self.embeds(part("embeds"));
        self.stickers(part("stickers"));
        self.stickers(part("sticker_items"));
        self.components(part("components"), DEPTH);
    }
}

/// Returns the media type of a file whose source names none.
fn media_type(extension: &str) -> Option<&'static str> {
    match extension {
        "apng" | "avif" | "bmp" | "gif" | "heic" | "jpeg" | "jpg" | "png" | "svg" | "tif" | "tiff" | "webp" => {
            Some("image/")
        }
        "avi" | "m4v" | "mkv" | "mov" | "mp4" | "mpeg" | "mpg" | "webm" | "wmv" => Some("video/"),
        "aac" | "flac" | "m4a" | "mp3" | "oga" | "ogg" | "opus" | "wav" | "wma" => Some("audio/"),
        _ => None,
    }
}
