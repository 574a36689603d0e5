//! The Markdown twins of the pages of the site, for programs that read: `CommonMark` without HTML, complete and in the order of
//! the page. All text that people wrote is escaped, so that every heading, list of links and picture is the document's.

mod about;
mod channel;
mod embed;
mod markup;
mod message;
mod text;

use app_core::browse::{ChannelPage, ChannelView, ThreadPage, Threads};
use domain::channel::{Channel, ChannelKind, ForumTag};
use domain::profile::PlainText;
use domain::tenant::Tenant;

pub(crate) use self::about::about;
pub(crate) use self::channel::channel;
use self::markup::render;
use self::text::{Text, link};
use crate::address::{Base, PublicAddress, markdown_path, threads_query};
use crate::html::{Frame, Names, applied, excerpt, sign, time};

/// The context of texts.
struct Scope<'a> {
    names: &'a Names,
    /// Scheme, host and port of the site; empty if they are not known.
    origin: &'a str,
}

impl Scope<'_> {
    /// Returns the address of a page or file of the site.
    fn address(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }
}

/// A document: its title, a list of facts, and parts.
struct Document {
    parts: Vec<String>,
    facts: Vec<String>,
}

impl Document {
    fn new(title: &str) -> Self {
        Self { parts: vec![format!("# {}", Text::line(title))], facts: Vec::new() }
    }

    /// Adds a fact about the page; the text is markup already.
    fn fact(&mut self, name: &str, text: &str) {
        self.facts.push(format!("- {name}: {text}"));
    }

    /// Adds the address of the page of which it is the twin.
    fn page(&mut self, origin: &str, canonical: Option<&str>) {
        if let Some(path) = canonical {
            let mut text = Text::default();
            text.address(&format!("{origin}{path}"));
            self.fact("Page", &text.finish());
        }
    }

    /// Ends the list of facts: what follows are parts.
    fn open(&mut self) {
        self.parts.push(std::mem::take(&mut self.facts).join("\n"));
    }

    fn part(&mut self, part: String) {
        self.parts.push(part);
    }

    fn finish(mut self) -> String {
        self.parts.retain(|part| !part.is_empty());
        let mut document = self.parts.join("\n\n");
        document.push('\n');
        document
    }
}

/// Returns the name of a channel with the sign of its kind, as a link to its twin.
fn channel_link(scope: &Scope<'_>, base: Base<'_>, channel: &Channel) -> String {
    let sign = if channel.kind.is_thread() { "" } else { sign(channel.kind) };
    let mut label = Text::inside();
    label.push(&format!("{sign}{}", channel.name));
    link(&label.finish(), &scope.address(&markdown_path(&base.channel(channel))))
}

/// Returns the link to the twin of a tenant's page.
fn tenant_link(base: Base<'_>) -> String {
    let path = markdown_path(&base.home());
    link(&Text::line(base.tenant.name.as_str()), &base.address(&path).unwrap_or(path))
}

fn count(channel: &Channel) -> String {
    let stats = channel.stats;
    let (number, what) =
        if channel.kind.is_forum() { (stats.thread_count, "posts") } else { (stats.message_count, "messages") };
    match stats.last_activity_at {
        Some(at) => format!("{number} {what}, last on {}", time::day(at)),
        None => format!("{number} {what}"),
    }
}

/// Returns the twin of the page with the communities of an installation.
pub(crate) fn home(public: &PublicAddress, tenants: &[Tenant], next: Option<&str>, canonical: Option<&str>) -> String {
    let mut document = Document::new("Communities");
    let origin = public.as_str();
    document.page(origin, canonical);
    document.open();
    let list: Vec<String> =
        tenants.iter().map(|tenant| format!("- {}", tenant_link(Base::of_site(tenant, public)))).collect();
    document.part(list.join("\n"));
    document.part(next.map_or_else(String::new, |next| link("More", &format!("{origin}/.md?cursor={next}"))));
    document.finish()
}

/// Returns a text that a community wrote about itself, without markup.
fn plain<const MOST: usize>(text: &PlainText<MOST>) -> String {
    text.paragraphs().map(Text::line).collect::<Vec<_>>().join("\n\n")
}

/// Returns the twin of the page with the channels of a tenant.
pub(crate) fn tenant(base: Base<'_>, page: &ChannelPage, canonical: Option<&str>) -> String {
    let frame = Frame { base, channels: &page.channels, now: None };
    let origin = &base.origin().unwrap_or_default();
    let scope = &Scope { names: &frame.named(), origin };
    let mut document = Document::new(base.tenant.name.as_str());
    document.page(origin, canonical);
    document.open();
    document.part(base.tenant.profile.description.as_ref().map_or_else(String::new, plain));
    for view in &page.channels {
        let channel = &view.channel;
        if channel.kind == ChannelKind::CATEGORY {
            document.part(format!("## {}", Text::line(&channel.name)));
            continue;
        }
        let gated = if view.is_age_gated() { " · 18+" } else { "" };
        let mut item = format!("- {} · {}{gated}", channel_link(scope, base, channel), count(channel));
        if let Some(topic) = &channel.topic {
            item.push_str(&text::nested(&format!("\n\n{}", render(topic, scope)), "", "  "));
        }
        document.part(item);
    }
    let next = page.next.map(|next| format!("{}?cursor={next}", markdown_path(&base.home())));
    document.part(next.map_or_else(String::new, |next| link("More channels", &scope.address(&next))));
    document.finish()
}

/// Returns the twin of the page with the posts of a forum, or with the threads of a channel.
pub(crate) fn forum(
    frame: &Frame<'_>,
    view: &ChannelView,
    posts: &ThreadPage,
    filter: Threads<'_>,
    canonical: Option<&str>,
) -> String {
    let names = Names { roles: posts.roles.clone(), ..frame.named() };
    let origin = &frame.base.origin().unwrap_or_default();
    let scope = &Scope { names: &names, origin };
    let mut document = opened(frame, view, scope, &view.channel.name, canonical);
    let path = markdown_path(&frame.base.channel(&view.channel));
    let of_tag = |tag: &ForumTag| {
        let path = format!("{path}{}", threads_query(Threads { tag: Some(&tag.id), ..filter }, None));
        let chosen = if filter.tag == Some(&tag.id) { " (only posts with this one)" } else { "" };
        format!("{}{chosen}", link(&Text::line(&tag.name), &scope.address(&path)))
    };
    let tags: Vec<String> = view.channel.tags.iter().map(of_tag).collect();
    if !tags.is_empty() {
        document.fact("Tags", &tags.join(", "));
    }
    document.open();
    document.part(topic(view, scope));
    for post in &posts.threads {
        let thread = &post.thread.channel;
        let mut item = format!("- {} · {}", channel_link(scope, frame.base, thread), count(thread));
        let tags: Vec<String> = applied(&view.channel, thread).map(|tag| Text::line(&tag.name)).collect();
        if !tags.is_empty() {
            item.extend([" · ", &tags.join(", ")]);
        }
        if let Some(starter) = &post.starter {
            let name = Text::line(&starter.author.pseudonym.name().to_string());
            item.extend(["\n\n  ", &name, ": ", &Text::line(&excerpt(&starter.content, 220, &names))]);
        }
        document.part(item);
    }
    if posts.next.is_some() {
        let path = format!("{path}{}", threads_query(filter, posts.next));
        document.part(link("More posts", &scope.address(&path)));
    }
    document.finish()
}

/// Returns a document about a channel, with the facts that every one of its pages has.
fn opened(frame: &Frame<'_>, view: &ChannelView, scope: &Scope<'_>, title: &str, canonical: Option<&str>) -> Document {
    let mut document = Document::new(title);
    document.page(scope.origin, canonical);
    document.fact("Community", &tenant_link(frame.base));
    let parent = view.parent.as_ref().filter(|_| view.channel.kind.is_thread());
    if let Some(parent) = parent {
        document.fact("Channel", &channel_link(scope, frame.base, parent));
        document.fact("Thread", &channel_link(scope, frame.base, &view.channel));
        let tags: Vec<String> = applied(parent, &view.channel).map(|tag| Text::line(&tag.name)).collect();
        if !tags.is_empty() {
            document.fact("Tags", &tags.join(", "));
        }
    } else {
        document.fact("Channel", &channel_link(scope, frame.base, &view.channel));
    }
    if view.is_age_gated() {
        document.fact("Note", "this channel is age-gated in Discord: its content is for adults only");
    }
    document
}

/// Returns the topic of a channel.
fn topic(view: &ChannelView, scope: &Scope<'_>) -> String {
    match &view.channel.topic {
        Some(topic) if !topic.trim().is_empty() => text::quoted(&render(topic, scope)),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests;
