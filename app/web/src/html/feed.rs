//! Feeds, as Atom (RFC 4287) and as JSON Feed 1.1. Their texts are plain.

use std::io;

use app_core::browse::{ChannelView, FEED, Messages, PageContext, ThreadPage};
use domain::message::Message;
use domain::timestamp::Timestamp;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};
use serde_json::{Value, json};

use super::markup::{Names, excerpt};
use super::{Frame, Links};

/// The most characters of the text of an item.
const MOST_OF_TEXT: usize = 5_000;
/// The most characters of the title of an item that is a message.
const MOST_OF_TITLE: usize = 80;

/// One message or post.
struct Item {
    id: String,
    url: String,
    title: String,
    text: String,
    author: String,
    published: Timestamp,
    updated: Timestamp,
}

/// The newest posts or messages of a part of a community.
pub struct Feed {
    id: String,
    title: String,
    /// The address of the page that it belongs to.
    home: String,
    /// The address of the feed without the end that names its format.
    base: String,
    updated: Timestamp,
    items: Vec<Item>,
}

/// The part of a community that a feed is about.
#[derive(Clone, Copy)]
pub struct Part<'a> {
    /// The channel, forum or thread; `None` for the whole community.
    pub channel: Option<&'a ChannelView>,
    /// The id and the name of a forum's tag.
    pub tag: Option<(&'a str, &'a str)>,
}

impl Part<'_> {
    /// Returns the path of the feeds of this part, without the end that names their format.
    #[must_use]
    pub fn path(&self, frame: &Frame<'_>) -> String {
        let home = self.channel.map(|view| frame.base.channel(&view.channel));
        match (home, self.tag) {
            (Some(home), Some((id, _))) => format!("{home}/tag/{id}/feed"),
            (Some(home), None) => format!("{home}/feed"),
            (None, _) => frame.base.path("/feed"),
        }
    }

    fn home(&self, frame: &Frame<'_>) -> String {
        match self.channel {
            Some(view) => frame.base.channel(&view.channel),
            None => frame.base.home(),
        }
    }

    /// Returns the title of the feeds.
    #[must_use]
    pub fn title(&self, frame: &Frame<'_>) -> String {
        let names = [self.tag.map(|(_, name)| name), self.channel.map(|view| view.channel.name.as_str())];
        let names = names.into_iter().flatten().chain([frame.base.tenant.name.as_str()]);
        names.collect::<Vec<_>>().join(" · ")
    }
}

/// Returns the feeds of a page of a channel or of the community, and of the tags of a forum: their titles, and their
/// paths without the end that names the format. An age-gated channel has none.
pub(super) fn of_page(frame: &Frame<'_>, current: Option<&ChannelView>) -> Vec<(String, String)> {
    if current.is_some_and(ChannelView::is_age_gated) {
        return Vec::new();
    }
    let tags = current.map(|view| view.channel.tags.as_slice()).unwrap_or_default();
    let tags = tags.iter().map(|tag| Some((tag.id.as_str(), tag.name.as_str())));
    let parts = [None].into_iter().chain(tags).map(|tag| Part { channel: current, tag });
    parts.map(|part| (part.title(frame), part.path(frame))).collect()
}

/// Returns the address of a path; a feed is made only with a public address.
fn address(frame: &Frame<'_>, path: &str) -> String {
    frame.base.address(path).unwrap_or_else(|| path.to_owned())
}

/// Makes the ids of a site's items: tag URIs (RFC 4151), which stay when a slug changes.
struct Ids(String);

impl Ids {
    fn new(frame: &Frame<'_>) -> Self {
        let origin = frame.base.origin().unwrap_or_default();
        let host = origin.split("://").nth(1).unwrap_or_default();
        let host = host.split(['/', ':']).next().unwrap_or_default().to_ascii_lowercase();
        let at = frame.base.tenant.created_at.civil();
        Self(format!("tag:{host},{:04}-{:02}-{:02}:{}", at.year(), at.month(), at.day(), frame.base.tenant.id))
    }

    fn of(&self, part: Part<'_>) -> String {
        let mut id = self.0.clone();
        id.extend(part.channel.map(|view| format!("/{}", view.channel.id)));
        id.extend(part.tag.map(|(tag, _)| format!("/tag/{tag}")));
        id
    }

    fn of_message(&self, message: &Message) -> String {
        format!("{}/{}/{}", self.0, message.channel_id, message.id)
    }
}

impl Feed {
    fn new(frame: &Frame<'_>, part: Part<'_>, items: Vec<Item>) -> Self {
        let updated = items.iter().map(|item| item.updated).max().unwrap_or(frame.base.tenant.created_at);
        Self {
            id: Ids::new(frame).of(part),
            title: part.title(frame),
            home: address(frame, &part.home(frame)),
            base: address(frame, &part.path(frame)),
            updated,
            items,
        }
    }

    /// Returns the feed of posts. One whose first message was deleted is left out.
    #[must_use]
    pub fn of_posts(frame: &Frame<'_>, part: Part<'_>, posts: &ThreadPage) -> Self {
        let ids = Ids::new(frame);
        let names = Names { roles: posts.roles.clone(), ..frame.named() };
        let posts = posts.threads.iter().filter(|post| !post.thread.is_age_gated());
        let items = posts.filter_map(|post| {
            let (thread, message) = (&post.thread.channel, post.starter.as_ref()?);
            let url = address(frame, &frame.base.channel(thread));
            let title = thread.name.clone();
            Some(Item::new(message, &names, ids.of_message(message), url, title))
        });
        Self::new(frame, part, items.collect())
    }

    /// Returns the feed of the messages of a channel.
    #[must_use]
    pub fn of_messages(frame: &Frame<'_>, view: &ChannelView, messages: &Messages, context: PageContext) -> Self {
        let names = &Links::new(frame, context).names;
        Self::new(frame, Part { channel: Some(view), tag: None }, of_messages(frame, view, messages, names))
    }

    /// Returns the feed of a community from the messages of its channels: the newest 50.
    #[must_use]
    pub fn of_chats(frame: &Frame<'_>, chats: &[(ChannelView, Messages)]) -> Self {
        let items = chats.iter().flat_map(|(view, messages)| {
            let names = Names { roles: messages.roles.clone(), ..frame.named() };
            of_messages(frame, view, messages, &names)
        });
        let mut items: Vec<Item> = items.collect();
        items.sort_by_key(|item| std::cmp::Reverse(item.published));
        items.truncate(FEED as usize);
        Self::new(frame, Part { channel: None, tag: None }, items)
    }

    /// Returns the feed as Atom.
    #[must_use]
    pub fn atom(&self) -> Vec<u8> {
        let mut xml = Writer::new(Vec::new());
        self.write(&mut xml).expect("memory takes every byte");
        xml.into_inner()
    }

    fn write(&self, xml: &mut Writer<Vec<u8>>) -> io::Result<()> {
        xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("utf-8"), None)))?;
        let feed = xml.create_element("feed").with_attribute(("xmlns", "http://www.w3.org/2005/Atom"));
        feed.write_inner_content(|xml| {
            text(xml, "id", &self.id)?;
            text(xml, "title", &self.title)?;
            text(xml, "updated", &self.updated.to_string())?;
            link(xml, "self", "application/atom+xml", &format!("{}.xml", self.base))?;
            link(xml, "alternate", "text/html", &self.home)?;
            self.items.iter().try_for_each(|item| item.write(xml))
        })?;
        Ok(())
    }

    /// Returns the feed as JSON Feed.
    #[must_use]
    pub fn json(&self) -> Value {
        let items: Vec<Value> = self.items.iter().map(Item::json).collect();
        json!({
            "version": "https://jsonfeed.org/version/1.1",
            "title": self.title,
            "home_page_url": self.home,
            "feed_url": format!("{}.json", self.base),
            "items": items,
        })
    }
}

/// Returns the messages of a channel that people or programs wrote, the newest first.
fn of_messages(frame: &Frame<'_>, view: &ChannelView, messages: &Messages, names: &Names) -> Vec<Item> {
    let ids = Ids::new(frame);
    let written = messages.entries.iter().rev().map(|entry| &**entry.message);
    let items = written.filter(|message| message.kind.is_written()).map(|message| {
        let url = address(frame, &frame.base.message(&view.channel, message.id));
        let title = match excerpt(&message.content, MOST_OF_TITLE, names) {
            text if text.is_empty() => format!("A message by {}", message.author.pseudonym.name()),
            text => text,
        };
        Item::new(message, names, ids.of_message(message), url, title)
    });
    items.collect()
}

impl Item {
    fn new(message: &Message, names: &Names, id: String, url: String, title: String) -> Self {
        let published = message.created_at();
        Self {
            id,
            url,
            title,
            text: excerpt(&message.content, MOST_OF_TEXT, names),
            author: message.author.pseudonym.name().to_string(),
            published,
            updated: message.version.edited_at.map_or(published, |edited| edited.max(published)),
        }
    }

    fn write(&self, xml: &mut Writer<Vec<u8>>) -> io::Result<()> {
        xml.create_element("entry").write_inner_content(|xml| {
            text(xml, "id", &self.id)?;
            text(xml, "title", &self.title)?;
            text(xml, "published", &self.published.to_string())?;
            text(xml, "updated", &self.updated.to_string())?;
            xml.create_element("author").write_inner_content(|xml| text(xml, "name", &self.author))?;
            link(xml, "alternate", "text/html", &self.url)?;
            text(xml, "content", &self.text)
        })?;
        Ok(())
    }

    fn json(&self) -> Value {
        json!({
            "id": self.id,
            "url": self.url,
            "title": self.title,
            "content_text": self.text,
            "date_published": self.published,
            "date_modified": self.updated,
            "authors": [{"name": self.author}],
        })
    }
}

/// Writes an element with a text, of which the characters that XML does not have are left out.
fn text(xml: &mut Writer<Vec<u8>>, name: &str, text: &str) -> io::Result<()> {
    let is_allowed = |character: &char| matches!(character, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..);
    let text: String = text.chars().filter(is_allowed).collect();
    xml.create_element(name).write_text_content(BytesText::new(&text))?;
    Ok(())
}

fn link(xml: &mut Writer<Vec<u8>>, rel: &str, kind: &str, href: &str) -> io::Result<()> {
    let link = xml.create_element("link").with_attributes([("rel", rel), ("type", kind), ("href", href)]);
    link.write_empty()?;
    Ok(())
}

#[cfg(test)]
mod tests;
