//! Structured data for search engines: schema.org's terms as JSON, in blocks that no browser runs.
//!
//! It describes what the page shows. People have their generated names and nothing else: no address, no id.

use app_core::browse::ChannelView;
use domain::channel::ChannelKind;
use domain::media::ThumbnailWidth;
use domain::message::{Author, Message};
use maud::{Markup, PreEscaped, html};
use serde_json::{Map, Value, json};

use super::head::picture;
use super::markup::excerpt;
use super::{Frame, Links, applied};

/// The most characters of the text of a post.
const MOST_OF_POST: usize = 5_000;
/// The most characters of the text of a comment.
const MOST_OF_COMMENT: usize = 1_000;

/// Returns the blocks of a page. A text in them can neither end its block nor begin another.
pub(super) fn blocks(data: &[Value]) -> Markup {
    html! {
        @for one in data { script type="application/ld+json" { (PreEscaped(escaped(&one.to_string()))) } }
    }
}

/// Returns JSON without the characters that have a meaning in HTML or end a line in scripts: they are only in its
/// strings, where an escape has the same meaning.
fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '<' => text.push_str("\\u003c"),
            '>' => text.push_str("\\u003e"),
            '&' => text.push_str("\\u0026"),
            '\u{2028}' => text.push_str("\\u2028"),
            '\u{2029}' => text.push_str("\\u2029"),
            other => text.push(other),
        }
    }
    text
}

/// Returns the way from the first page of the site to a page of `current`, or to that of the tenant; `None` without the
/// public address of the site.
pub(super) fn breadcrumbs(frame: &Frame<'_>, current: Option<&ChannelView>) -> Option<Value> {
    let (base, origin) = (frame.base, frame.base.origin()?);
    let mut steps = Vec::new();
    if !base.has_domain() {
        steps.push(("Communities", "/".to_owned()));
    }
    steps.push((base.tenant.name.as_str(), base.home()));
    if let Some(ChannelView { channel, parent, .. }) = current {
        let above = parent.as_ref().filter(|_| channel.kind.is_thread());
        let named = above.into_iter().chain([channel]);
        steps.extend(named.map(|one| (one.name.as_str(), base.channel(one))));
    }
    let items: Vec<Value> = steps
        .iter()
        .enumerate()
        .map(|(index, (name, path))| {
            let item = format!("{origin}{path}");
            json!({"@type": "ListItem", "position": index + 1, "name": name, "item": item})
        })
        .collect();
    Some(json!({"@context": "https://schema.org", "@type": "BreadcrumbList", "itemListElement": items}))
}

/// Returns a list of pages by their paths; `None` without any, or without the public address of the site.
pub(super) fn list(frame: &Frame<'_>, paths: impl IntoIterator<Item = String>) -> Option<Value> {
    let origin = frame.base.origin()?;
    let item = |(index, path): (usize, String)| json!({"@type": "ListItem", "position": index + 1, "url": format!("{origin}{path}")});
    let items: Vec<Value> = paths.into_iter().enumerate().map(item).collect();
    (!items.is_empty())
        .then(|| json!({"@context": "https://schema.org", "@type": "ItemList", "itemListElement": items}))
}

/// Returns the list of the channels in a category; `None` for another channel.
pub(super) fn category(frame: &Frame<'_>, of: &ChannelView) -> Option<Value> {
    let is_category = of.channel.kind == ChannelKind::CATEGORY;
    let children = frame.channels.iter().filter(|view| view.channel.parent_id == Some(of.channel.id));
    list(frame, children.map(|view| frame.base.channel(&view.channel))).filter(|_| is_category)
}

/// A page of a thread.
pub(super) struct Thread<'a> {
    pub(super) frame: &'a Frame<'a>,
    pub(super) view: &'a ChannelView,
    pub(super) links: &'a Links,
    /// The message that the thread began with.
    pub(super) first: &'a Message,
    /// The messages of the page.
    pub(super) shown: Vec<&'a Message>,
    /// The number of messages of the thread.
    pub(super) total: u64,
}

impl Thread<'_> {
    /// Returns the thread as a question with answers if a tag says that it was solved, else as a post with comments;
    /// `None` if nothing of the post can be described.
    pub(super) fn described(&self) -> Option<Value> {
        if self.is_solved()
            && let Some(question) = self.question()
        {
            return Some(question);
        }
        let mut post = self.part("DiscussionForumPosting", self.first, MOST_OF_POST)?;
        post.insert("@context".to_owned(), json!("https://schema.org"));
        post.insert("headline".to_owned(), json!(self.view.channel.name));
        if let Some(url) = self.url() {
            post.insert("url".to_owned(), json!(url));
        }
        if let Some(forum) = &self.view.parent
            && let Some(url) = self.frame.base.address(&self.frame.base.channel(forum))
        {
            post.insert("isPartOf".to_owned(), json!({"@type": "CreativeWork", "name": forum.name, "url": url}));
        }
        let replies = self.replies();
        let times = replies.iter().map(|message| message.created_at()).chain(self.first.version.edited_at);
        if let Some(modified) = times.max() {
            post.insert("dateModified".to_owned(), json!(modified));
        }
        let counter = |kind: &str, count: u64| {
            json!({"@type": "InteractionCounter", "interactionType": format!("https://schema.org/{kind}"),
                "userInteractionCount": count})
        };
        let counters = [counter("LikeAction", upvotes(self.first)), counter("CommentAction", self.reply_count())];
        post.insert("interactionStatistic".to_owned(), json!(counters));
        let comments: Vec<_> = replies.iter().filter_map(|message| self.reply("Comment", message)).collect();
        if !comments.is_empty() {
            post.insert("comment".to_owned(), json!(comments));
        }
        Some(Value::Object(post))
    }

    fn is_solved(&self) -> bool {
        let Some(forum) = &self.view.parent else { return false };
        applied(forum, &self.view.channel).any(|tag| self.frame.base.tenant.solved_tags.contains(&tag.name))
    }

    /// Returns the thread as a question; `None` without an answer on this page. Discord does not mark which of the
    /// messages was the answer.
    fn question(&self) -> Option<Value> {
        let answer = |message: &&Message| {
            let mut answer = self.reply("Answer", message)?;
            answer.insert("upvoteCount".to_owned(), json!(upvotes(message)));
            Some(answer)
        };
        let answers: Vec<_> = self.replies().iter().filter_map(answer).collect();
        if answers.is_empty() {
            return None;
        }
        let mut question = self.part("Question", self.first, MOST_OF_POST)?;
        question.insert("name".to_owned(), json!(self.view.channel.name));
        question.insert("answerCount".to_owned(), json!(self.reply_count()));
        question.insert("upvoteCount".to_owned(), json!(upvotes(self.first)));
        question.insert("suggestedAnswer".to_owned(), json!(answers));
        if let Some(url) = self.url() {
            question.insert("url".to_owned(), json!(url));
        }
        Some(json!({"@context": "https://schema.org", "@type": "QAPage", "mainEntity": question}))
    }

    /// Returns the address of the first page of the thread.
    fn url(&self) -> Option<String> {
        self.frame.base.address(&self.frame.base.channel(&self.view.channel))
    }

    /// Returns the messages of the page that people and programs wrote after the first.
    fn replies(&self) -> Vec<&Message> {
        let written = self.shown.iter().copied().filter(|message| message.kind.is_written());
        written.filter(|message| message.id != self.first.id).collect()
    }

    /// Returns the number of messages after the first, on all pages.
    fn reply_count(&self) -> u64 {
        let on_page = self.replies().len() as u64;
        self.total.saturating_sub(1).max(on_page)
    }

    fn reply(&self, kind: &str, message: &Message) -> Option<Map<String, Value>> {
        let mut reply = self.part(kind, message, MOST_OF_COMMENT)?;
        if let Some(url) = self.url() {
            reply.insert("url".to_owned(), json!(format!("{url}/{}", message.id)));
        }
        if let Some(edited) = message.version.edited_at {
            reply.insert("dateModified".to_owned(), json!(edited));
        }
        Some(reply)
    }

    /// Returns the properties that posts, comments, questions and answers share; `None` without a text and a picture.
    fn part(&self, kind: &str, message: &Message, most: usize) -> Option<Map<String, Value>> {
        let mut part = Map::new();
        part.insert("@type".to_owned(), json!(kind));
        part.insert("author".to_owned(), author(message.author));
        part.insert("datePublished".to_owned(), json!(message.created_at()));
        let text = excerpt(&message.content, most, &self.links.names);
        let picture = picture(self.frame.base, [message], &self.links.files, ThumbnailWidth::Wide);
        if text.is_empty() && picture.is_none() {
            return None;
        }
        if !text.is_empty() {
            part.insert("text".to_owned(), json!(text));
        }
        if let Some(address) = picture.and_then(|picture| picture.address(self.frame.base)) {
            part.insert("image".to_owned(), json!(address));
        }
        Some(part)
    }
}

fn author(author: Author) -> Value {
    let kind = if author.bot || author.webhook { "Organization" } else { "Person" };
    json!({"@type": kind, "name": author.pseudonym.name().to_string()})
}

/// Returns the number of reactions to a message that say that it is good.
fn upvotes(message: &Message) -> u64 {
    let is_upvote = |name: &str| name.starts_with(['👍', '❤', '⬆', '💯']) || name.eq_ignore_ascii_case("upvote");
    let upvotes = message.reactions.iter().filter(|one| one.emoji.name.as_deref().is_some_and(is_upvote));
    upvotes.map(|one| u64::from(one.count)).sum()
}

#[cfg(test)]
mod tests;
