//! The pages of the site, complete without script.

pub(crate) mod about;
pub(crate) mod ansi;
pub(crate) mod card;
mod channel;
pub(crate) mod component;
mod days;
pub(crate) mod embed;
mod feed;
mod head;
mod markup;
pub(crate) mod message;
pub(crate) mod poll;
mod search;
mod structured;
pub(crate) mod system;
pub(crate) mod time;

use std::collections::HashMap;

use app_core::browse::{
    ChannelPage, ChannelView, EmojiNames, FileStates, Opener, OpenerState, PageContext, ThreadPage,
};
use domain::channel::{Channel, ChannelKind, ForumTag};
use domain::message::{Message, MessageId};
use domain::profile::{PlainText, Profile};
use domain::tenant::{Branding, Tenant};
use domain::timestamp::Timestamp;
use maud::{DOCTYPE, Markup, html};
use ports::channel::ThreadOrder;

pub use self::about::about;
pub use self::channel::{Position, channel};
pub(crate) use self::channel::{shown_opener, title};
pub use self::feed::{Feed, Part};
use self::head::Summary;
pub(crate) use self::markup::{Names, excerpt, role_name};
pub use self::search::{SearchState, search};
use self::system::Line;
use crate::address::{Base, PublicAddress, markdown_path};

/// The style sheet of every page.
pub const STYLE: &str = include_str!("../assets/site.css");
/// The script of every page, which works without it: `/` focuses the search box.
pub const SCRIPT: &str = include_str!("../assets/search.js");
/// The script of the pages of channels, which work without it: it shows changes to an open page.
pub const LIVE_SCRIPT: &str = include_str!("../assets/live.js");
/// The icon of the site.
pub const ICON: &str = include_str!("../assets/favicon.svg");

/// Returns the style sheet with the colours of a tenant, over the common one.
#[must_use]
pub fn theme(branding: &Branding) -> String {
    match branding.accent_color.or(branding.primary_color) {
        Some(color) => format!(":root{{--accent:{color}}}"),
        None => String::new(),
    }
}

/// The common parts of every page of a tenant.
pub struct Frame<'a> {
    /// The tenant of the page, and the addresses of its site.
    pub base: Base<'a>,
    /// Its channels, in tree order.
    pub channels: &'a [ChannelView],
    /// The time at which the page is made, for relative times; without it they are shown as dates.
    pub now: Option<Timestamp>,
}

impl Frame<'_> {
    /// Returns the channels that a text on the page can name without a query.
    pub(crate) fn named(&self) -> Names {
        let named =
            |view: &ChannelView| (view.channel.platform_id, (view.channel.clone(), self.base.channel(&view.channel)));
        let channels = self.channels.iter().map(named).collect();
        Names { channels, guild: guild(self.base.tenant), now: self.now, ..Names::default() }
    }
}

/// Returns the guild id of a tenant.
fn guild(tenant: &Tenant) -> Option<u64> {
    tenant.platform_id.as_str().parse().ok()
}

/// The objects that the messages of a page refer to, with the paths of their pages.
#[derive(Default)]
pub(crate) struct Links {
    pub(crate) names: Names,
    /// `None` for a message that was deleted.
    pub(crate) messages: HashMap<MessageId, Option<Message>>,
    pub(crate) files: FileStates,
    /// The message that the thread was started from, with the path of its channel.
    opener: Option<(Opener, String)>,
    emojis: EmojiNames,
}

impl Links {
    pub(crate) fn new(frame: &Frame<'_>, context: PageContext) -> Self {
        let PageContext { channels, roles, messages, files, opener, emojis } = context;
        let path = |channel: &Channel| frame.base.channel(channel);
        let channels = channels.into_iter().map(|(id, channel)| {
            let path = path(&channel);
            (id, (channel, path))
        });
        let names = Names { channels: channels.collect(), roles, guild: guild(frame.base.tenant), now: frame.now };
        let opener = opener.map(|opener| {
            let path = path(&opener.channel);
            (opener, path)
        });
        Self { names, messages, files, opener, emojis }
    }

    /// Returns the origin of a thread: ` from a message in #general`, linked to the position of the message.
    pub(crate) fn began(&self) -> Line {
        let Some((opener, path)) = &self.opener else { return Line::of(" from a message in the channel above") };
        let place = match &opener.state {
            OpenerState::Shown(_) => format!("{path}/{}", opener.id),
            // Its own page would be an error: the message is missing or deleted.
            _ => format!("{path}?after={}", opener.id.previous().map_or_else(|| "0".to_owned(), |id| id.to_string())),
        };
        let what = match &opener.state {
            OpenerState::Shown(_) => "a message",
            OpenerState::Deleted => "a message that was deleted",
            OpenerState::Unknown => "a message that is not stored",
        };
        let channel = Line::of(sign(opener.channel.kind)).written(opener.channel.name.as_str());
        Line::of(format!(" from {what} in ")).link(place, channel)
    }
}

/// The way in which search engines should list a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// The path of the page with the same content under which they should list it; `None` if there is none.
    pub canonical: Option<String>,
    /// Whether they should not list it.
    pub noindex: bool,
    /// The path of the same page as Markdown, which programs may read instead; `None` if it is not named.
    pub twin: Option<String>,
}

impl Listing {
    /// Returns the listing of a page under this path.
    #[must_use]
    pub fn under(path: String) -> Self {
        Self { twin: Some(markdown_path(&path)), canonical: Some(path), noindex: false }
    }

    /// Returns the listing of one of many views of the same content.
    #[must_use]
    pub const fn not_at_all() -> Self {
        Self { canonical: None, noindex: true, twin: None }
    }

    /// Returns the same, but not listed if a page `is_thin`.
    #[must_use]
    pub fn unless(self, is_thin: bool) -> Self {
        Self { noindex: self.noindex || is_thin, ..self }
    }
}

/// The data for the head of a page.
#[derive(Default)]
struct Head {
    title: String,
    canonical: Option<String>,
    noindex: bool,
    /// The path of the same page as Markdown.
    twin: Option<String>,
    /// Whether the page is for adults only.
    adult: bool,
    /// Whether the page shows a channel, so that changes to it are shown while it is open.
    live: bool,
    /// The text of the search box, and the channel to which it is limited.
    search: search::SearchBox,
    summary: Summary,
    /// The titles of the feeds of the page, and their paths without the end that names the format.
    feeds: Vec<(String, String)>,
}

fn page(head: &Head, base: Option<Base<'_>>, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                (head::tags(head, base))
                (structured::blocks(&head.summary.data))
                @match base.and_then(Base::icon) {
                    Some(icon) => { link rel="icon" href=(icon); },
                    None => { link rel="icon" href="/favicon.svg" type="image/svg+xml"; },
                }
                link rel="stylesheet" href="/assets/site.css";
                @if let Some(base) = base {
                    link rel="stylesheet" href=(base.theme());
                    link rel="search" href=(base.path("/search"));
                    script defer src="/assets/search.js" {}
                    @if head.live { script defer src="/assets/live.js" {} }
                }
            }
            body {
                a class="skip" href="#content" { "Skip to the content" }
                header class="top" {
                    @match base {
                        Some(base) => {
                            @if let Some(icon) = base.icon() { img src=(icon) alt="" width="32" height="32"; }
                            a href=(base.home()) { (base.tenant.name.as_str()) }
                        },
                        None => a href="/" { "Verta" },
                    }
                    @if let Some(base) = base { (search::form(base, &head.search)) }
                }
                (content)
                footer {
                    @if let Some(base) = base { (own_footer(base)) }
                    "People appear under generated names. An archive by "
                    // The site of a domain leads to no other community.
                    @if base.is_some_and(Base::has_domain) { "Verta" } @else { a href="/" { "Verta" } }
                    "."
                }
            }
        }
    }
}

/// Returns what a community adds to the end of its pages.
fn own_footer(base: Base<'_>) -> Markup {
    let Profile { footer, links, .. } = &base.tenant.profile;
    html! {
        @if let Some(footer) = footer { (paragraphs(footer)) }
        @if !links.as_slice().is_empty() {
            ul class="links" {
                @for link in links.as_slice() {
                    li { a href=(link.url()) rel="noopener" dir="auto" { (link.label()) } }
                }
            }
        }
        p { a href=(base.about()) { "About this archive" } }
    }
}

/// Returns a text that a community wrote about itself, without markup.
fn paragraphs<const MOST: usize>(text: &PlainText<MOST>) -> Markup {
    html! { @for part in text.paragraphs() { p class="plain" dir="auto" { (part) } } }
}

/// Returns a page of a tenant, with its channels beside `content`.
fn framed(
    frame: &Frame<'_>,
    title: &str,
    listing: &Listing,
    current: Option<&ChannelView>,
    summary: Summary,
    content: &Markup,
) -> Markup {
    let crumbs = structured::breadcrumbs(frame, current);
    let summary = Summary { data: crumbs.into_iter().chain(summary.data).collect(), ..summary };
    let head = Head {
        title: title.to_owned(),
        canonical: listing.canonical.as_ref().and_then(|path| frame.base.address(path)),
        noindex: listing.noindex,
        twin: listing.twin.clone(),
        adult: current.is_some_and(ChannelView::is_age_gated),
        live: current.is_some(),
        search: search::SearchBox::default(),
        summary,
        feeds: feed::of_page(frame, current),
    };
    match current.filter(|_| head.adult) {
        Some(view) => framed_with(frame, &head, current, &gated(view, content)),
        None => framed_with(frame, &head, current, content),
    }
}

/// Returns the content of an age-gated channel behind a notice. It is closed until the reader opens it, without script,
/// and the page is the same for all readers.
fn gated(view: &ChannelView, content: &Markup) -> Markup {
    html! {
        p class="notice" role="note" {
            strong { "18+" } " " bdi { (view.channel.name) }
            " is age-gated in Discord: its content is for adults only."
        }
        details class="gate" { summary { "I am an adult: show the content" } (content) }
    }
}

fn framed_with(frame: &Frame<'_>, head: &Head, current: Option<&ChannelView>, content: &Markup) -> Markup {
    let current = current.map(|view| &view.channel);
    let list = html! {
        ul {
            @for view in frame.channels {
                @let channel = &view.channel;
                @if channel.kind == ChannelKind::CATEGORY {
                    li class="category" dir="auto" { (channel.name) }
                } @else {
                    li {
                        @let here = current.is_some_and(|current| current.id == channel.id);
                        a href=(frame.base.channel(channel)) aria-current=[here.then_some("page")] {
                            (sign(channel.kind)) " " bdi { (channel.name) }
                            @if view.is_age_gated() { (age_sign()) }
                        }
                    }
                }
            }
        }
    };
    let content = html! {
        div class="layout" {
            nav class="channels" aria-label="Channels" {
                details { summary class="menu" { "Channels" } (list) }
            }
            @match current.filter(|_| head.live) {
                Some(channel) => {
                    main id="content" data-events={"/api/v1/tenants/" (frame.base.tenant.slug) "/events"}
                        data-channel=(channel.id) data-parent=[channel.parent_id.filter(|_| channel.kind.is_thread())]
                        data-forum[channel.kind.is_forum()] { (content) }
                },
                None => main id="content" { (content) },
            }
        }
    };
    page(head, Some(frame.base), &content)
}

/// Returns the mark of an age-gated channel in a list.
fn age_sign() -> Markup {
    html! { " " span class="badge" title="Age-gated" { "18+" } }
}

pub(crate) const fn sign(kind: ChannelKind) -> &'static str {
    match kind {
        ChannelKind::FORUM | ChannelKind::MEDIA => "❏",
        ChannelKind::ANNOUNCEMENT => "❖",
        ChannelKind::VOICE | ChannelKind::STAGE => "♪",
        _ => "#",
    }
}

/// Returns the page with the communities of an installation.
#[must_use]
pub fn home(public: &PublicAddress, tenants: &[Tenant], next: Option<&str>, listing: &Listing) -> Markup {
    let content = html! {
        main id="content" {
            h1 { "Communities" }
            @if tenants.is_empty() {
                p { "Nothing is archived here yet. Import an export with " code { "verta import PATH" } "." }
            }
            ul class="cards" {
                @for tenant in tenants {
                    li { h2 { a href=(Base::of_site(tenant, public).reference()) { (tenant.name.as_str()) } } }
                }
            }
            @if let Some(next) = next { nav class="pager" { a rel="next" href={"/?cursor=" (next)} { "More" } } }
        }
    };
    let names = tenants.iter().map(|tenant| tenant.name.as_str()).collect::<Vec<_>>().join(", ");
    let head = Head {
        title: "Verta".to_owned(),
        canonical: listing.canonical.as_ref().and_then(|path| public.of(path)),
        noindex: listing.noindex,
        twin: listing.twin.clone(),
        summary: Summary { description: head::line(&names), ..Summary::default() },
        ..Head::default()
    };
    page(&head, None, &content)
}

/// Returns the page with the channels of a tenant.
#[must_use]
pub fn tenant(base: Base<'_>, page: &ChannelPage, listing: &Listing) -> Markup {
    let channels = &page.channels;
    let frame = Frame { base, channels, now: None };
    let named = frame.named();
    let content = html! {
        h1 { (base.tenant.name.as_str()) }
        @if let Some(description) = &base.tenant.profile.description { (paragraphs(description)) }
        @if channels.is_empty() { p class="muted" { "No channel of this community is public." } }
        ul class="cards" {
            @for view in channels.iter().filter(|view| view.channel.kind != ChannelKind::CATEGORY) {
                @let channel = &view.channel;
                li {
                    h2 {
                        a href=(base.channel(channel)) { (sign(channel.kind)) " " bdi { (channel.name) } }
                        @if view.is_age_gated() { (age_sign()) }
                    }
                    @if let Some(topic) = &channel.topic { div class="topic" { (markup::render(topic, &named)) } }
                    p class="meta" { (count(channel)) }
                }
            }
        }
        @if let Some(next) = page.next {
            nav class="pager" { a rel="next" href={(base.home()) "?cursor=" (next)} { "More channels" } }
        }
    };
    let shown = channels.iter().filter(|view| view.channel.kind != ChannelKind::CATEGORY);
    let shown: Vec<&str> = shown.map(|view| view.channel.name.as_str()).collect();
    let description = base.tenant.profile.description.as_ref();
    let description = description.map_or_else(|| shown.join(", "), |text| text.as_str().to_owned());
    let summary = Summary { description: head::line(&description), ..Summary::default() };
    framed(&frame, "Channels", listing, None, summary, &content)
}

fn count(channel: &Channel) -> Markup {
    let stats = channel.stats;
    html! {
        @if channel.kind.is_forum() { (stats.thread_count) " posts" } @else { (stats.message_count) " messages" }
        @if let Some(at) = stats.last_activity_at { " · last on " time datetime=(at) { (time::day(at)) } }
    }
}

/// Returns the page with the posts of a forum.
#[must_use]
pub fn forum(
    frame: &Frame<'_>,
    view: &ChannelView,
    posts: &ThreadPage,
    emojis: &EmojiNames,
    order: ThreadOrder,
    listing: &Listing,
) -> Markup {
    let path = frame.base.channel(&view.channel);
    let names = Names { roles: posts.roles.clone(), ..frame.named() };
    let sort = if order == ThreadOrder::Created { "created" } else { "activity" };
    let content = html! {
        (heading(frame, view, emojis))
        p class="meta" {
            a href={(path) "?sort=activity"} { "Latest activity" } " · " a href={(path) "?sort=created"} { "Newest" }
        }
        @if posts.threads.is_empty() { p class="muted" { "No posts are stored." } }
        (cards(frame, view, posts, emojis, &names))
        @if let Some(next) = &posts.next {
            nav class="pager" {
                a rel="next" href={(path) "?sort=" (sort) "&cursor=" (next.active_at.as_millis()) "-" (next.platform_id)} {
                    "More posts"
                }
            }
        }
    };
    framed(frame, &view.channel.name, listing, Some(view), summary_of_forum(frame, view, posts, &names), &content)
}

/// Returns a list of threads with the excerpts of their first messages.
fn cards(frame: &Frame<'_>, of: &ChannelView, posts: &ThreadPage, emojis: &EmojiNames, names: &Names) -> Markup {
    html! {
        ul class="cards" {
            @for post in &posts.threads {
                @let thread = &post.thread.channel;
                li id={"c" (thread.id)} data-channel=(thread.id) {
                    h2 dir="auto" {
                        a href=(frame.base.channel(thread)) { bdi { (thread.name) } }
                        @if post.thread.is_age_gated() { (age_sign()) }
                    }
                    (tags(applied(&of.channel, thread), emojis))
                    @if let Some(starter) = &post.starter {
                        p dir="auto" { (markup::excerpt(&starter.content, 220, names)) }
                        p class="meta" { bdi { (starter.author.pseudonym.name()) } " · " (count(thread)) }
                    } @else {
                        p class="meta" { (count(thread)) }
                    }
                }
            }
        }
    }
}

fn summary_of_forum(frame: &Frame<'_>, view: &ChannelView, posts: &ThreadPage, names: &Names) -> Summary {
    let titles: Vec<&str> = posts.threads.iter().map(|post| post.thread.channel.name.as_str()).collect();
    let gated = |post: &&app_core::browse::ThreadView| !post.thread.is_age_gated();
    let starters = posts.threads.iter().filter(gated).filter_map(|post| post.starter.as_ref());
    let description = match &view.channel.topic {
        Some(topic) => head::description([topic.as_str()], names),
        None => head::line(&titles.join(", ")),
    };
    let paths = posts.threads.iter().map(|post| frame.base.channel(&post.thread.channel));
    let data = structured::list(frame, paths).into_iter().collect();
    Summary { description, picture: head::picture(frame.base, starters, &posts.files), data, is_article: false }
}

/// Returns the tags of a post that its forum still has, in the forum's order.
pub(crate) fn applied<'a>(forum: &'a Channel, post: &'a Channel) -> impl Iterator<Item = &'a ForumTag> {
    forum.tags.iter().filter(|tag| post.applied_tags.contains(&tag.id))
}

fn tags<'a>(tags: impl Iterator<Item = &'a ForumTag>, emojis: &EmojiNames) -> Markup {
    let mut tags = tags.peekable();
    html! {
        @if tags.peek().is_some() {
            ul class="tags" aria-label="Tags" {
                @for tag in tags {
                    li {
                        @if let Some(emoji) = tag.emoji.as_deref().filter(|emoji| !emoji.is_empty()) {
                            @match emojis.get(emoji) {
                                Some(name) => { ":" (name) ": " },
                                // The id of a deleted emoji of the guild has no meaning to readers.
                                None if emoji.len() >= 15 && emoji.bytes().all(|byte| byte.is_ascii_digit()) => {},
                                None if emoji.is_ascii() => { ":" (emoji) ": " },
                                None => { (emoji) " " },
                            }
                        }
                        bdi { (tag.name) }
                    }
                }
            }
        }
    }
}

fn heading(frame: &Frame<'_>, view: &ChannelView, emojis: &EmojiNames) -> Markup {
    let parent = view.parent.as_ref().filter(|_| view.channel.kind.is_thread());
    html! {
        @if let Some(parent) = parent {
            p class="crumb" {
                a href=(frame.base.channel(parent)) { (sign(parent.kind)) " " bdi { (parent.name) } } " ›"
            }
        }
        h1 dir="auto" { (view.channel.name) }
        p class="meta" { (search::in_channel(frame.base, &view.channel)) }
        @match parent {
            Some(parent) => (tags(applied(parent, &view.channel), emojis)),
            None => (tags(view.channel.tags.iter(), emojis)),
        }
        @if let Some(topic) = &view.channel.topic { div class="topic" { (markup::render(topic, &frame.named())) } }
    }
}

/// Returns the page of an error: its HTTP status with the title, one sentence without a full stop, and the fields that it
/// is about, each with the reason.
#[must_use]
pub fn error_page(status: u16, title: &str, detail: &str, fields: &[(&str, &str)]) -> Markup {
    let mut detail = detail.to_owned();
    if let Some(first) = detail.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let content = html! {
        main id="content" {
            h1 { (status) " " (title) }
            p { (detail) "." }
            @if !fields.is_empty() {
                ul { @for (field, reason) in fields { li { code { (field) } ": " (reason) } } }
            }
            p { a href="/" { "Home" } }
        }
    };
    page(&Head { title: title.to_owned(), noindex: true, ..Head::default() }, None, &content)
}
