//! The parts that all pages share: the head, the header, the list of channels and the footer.

use app_core::browse::ChannelView;
use domain::channel::{Channel, ChannelKind};
use domain::profile::{PlainText, Profile};
use maud::{DOCTYPE, Markup, html};

use super::head::{self, Summary};
use super::{Frame, Listing, feed, search, structured};
use crate::address::Base;

/// The most channels of a community whose categories are all open in the list next to a page.
const MOST_OPEN: usize = 60;

/// The data for the head of a page.
#[derive(Default)]
pub(super) struct Head {
    pub(super) title: String,
    pub(super) canonical: Option<String>,
    pub(super) noindex: bool,
    /// The path of the same page as Markdown.
    pub(super) twin: Option<String>,
    /// Whether the page is for adults only.
    pub(super) adult: bool,
    /// Whether the page shows a channel, so that changes to it are shown while it is open.
    pub(super) live: bool,
    /// The text of the search box, and the channel to which it is limited.
    pub(super) search: search::SearchBox,
    pub(super) summary: Summary,
    /// The titles of the feeds of the page, and their paths without the end that names the format.
    pub(super) feeds: Vec<(String, String)>,
}

pub(super) fn page(head: &Head, base: Option<Base<'_>>, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                // It sets the theme before anything is drawn.
                script src="/assets/theme.js" {}
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
                }
                script defer src="/assets/site.js" {}
                @if head.live { script defer src="/assets/live.js" {} }
            }
            body {
                a class="skip" href="#content" { "Skip to the content" }
                header class="top" {
                    @match base {
                        Some(base) => a class="brand" href=(base.home()) { (icon(base, 32)) bdi { (base.tenant.name.as_str()) } },
                        None => a class="brand" href="/" { "Verta" },
                    }
                    @if let Some(base) = base { (search::form(base, &head.search)) }
                    button class="theme" type="button" aria-label="Switch between light and dark" { "◐" }
                }
                (content)
                footer {
                    @if let Some(base) = base { (own_footer(base)) }
                    p {
                        "People appear under generated names. An archive by "
                        // The site of a domain leads to no other community.
                        @if base.is_some_and(Base::has_domain) { "Verta" } @else { a href="/" { "Verta" } }
                        "."
                    }
                }
            }
        }
    }
}

/// Returns the icon of a community, `size` pixels wide and high, or else the first letter of its name.
pub(super) fn icon(base: Base<'_>, size: u32) -> Markup {
    html! {
        @match base.icon() {
            Some(icon) => img class="icon" src=(icon) alt="" width=(size) height=(size);,
            None => span class="icon" aria-hidden="true" {
                @for first in base.tenant.name.as_str().chars().take(1) { (first) }
            },
        }
    }
}

/// Returns what a community adds to the end of its pages.
fn own_footer(base: Base<'_>) -> Markup {
    let Profile { footer, links, .. } = &base.tenant.profile;
    html! {
        @if let Some(footer) = footer { (paragraphs(footer)) }
        ul class="links" {
            @for link in links.as_slice() {
                li { a href=(link.url()) rel="noopener" dir="auto" { (link.label()) } }
            }
            li { a href=(base.about()) { "About this archive" } }
        }
    }
}

/// Returns a text that a community wrote about itself, without markup.
pub(super) fn paragraphs<const MOST: usize>(text: &PlainText<MOST>) -> Markup {
    html! { @for part in text.paragraphs() { p class="plain" dir="auto" { (part) } } }
}

/// Returns a page of a tenant, with its channels beside `content`.
pub(super) fn framed(
    frame: &Frame<'_>,
    title: &str,
    listing: &Listing,
    current: Option<&ChannelView>,
    summary: Summary,
    content: &Markup,
) -> Markup {
    let head = head_of(frame, title, listing, current, summary);
    match current.filter(|_| head.adult) {
        Some(view) => framed_with(frame, &head, current, &gated(view, content)),
        None => framed_with(frame, &head, current, content),
    }
}

/// Returns a page of a tenant without its channels, which are its content.
pub(super) fn unframed(
    frame: &Frame<'_>,
    title: &str,
    listing: &Listing,
    summary: Summary,
    content: &Markup,
) -> Markup {
    let head = head_of(frame, title, listing, None, summary);
    page(&head, Some(frame.base), &html! { main id="content" class="alone" { (content) } })
}

fn head_of(frame: &Frame<'_>, title: &str, listing: &Listing, current: Option<&ChannelView>, summary: Summary) -> Head {
    let crumbs = structured::breadcrumbs(frame, current);
    let summary = Summary { data: crumbs.into_iter().chain(summary.data).collect(), ..summary };
    Head {
        title: title.to_owned(),
        canonical: listing.canonical.as_ref().and_then(|path| frame.base.address(path)),
        noindex: listing.noindex,
        twin: listing.twin.clone(),
        adult: current.is_some_and(ChannelView::is_age_gated),
        live: current.is_some(),
        search: search::SearchBox::default(),
        summary,
        feeds: feed::of_page(frame, current),
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

pub(super) fn framed_with(frame: &Frame<'_>, head: &Head, current: Option<&ChannelView>, content: &Markup) -> Markup {
    let current = current.map(|view| &view.channel);
    let content = html! {
        div class="layout" {
            (sidebar(frame, current))
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

/// A category with its channels, in the order of a tree, or the channels in none.
pub(super) struct Group<'a> {
    pub(super) category: Option<&'a Channel>,
    pub(super) channels: Vec<&'a ChannelView>,
}

/// Returns the categories of a tree that have channels.
pub(super) fn groups(tree: &[ChannelView]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for view in tree {
        if view.channel.kind == ChannelKind::CATEGORY {
            groups.push(Group { category: Some(&view.channel), channels: Vec::new() });
            continue;
        }
        let belongs = |group: &Group<'_>| group.category.map(|category| category.id) == view.channel.parent_id;
        match groups.last_mut().filter(|group| belongs(group)) {
            Some(group) => group.channels.push(view),
            None => groups.push(Group { category: None, channels: vec![view] }),
        }
    }
    groups.retain(|group| !group.channels.is_empty());
    groups
}

/// Returns the tree of channels next to a page, with `current` or the channel of that thread marked. The first summary
/// is the button of the menu on narrow screens.
fn sidebar(frame: &Frame<'_>, current: Option<&Channel>) -> Markup {
    let Frame { base, channels, .. } = *frame;
    let is_current = |channel: &Channel| current.is_some_and(|current| current.id == channel.id);
    let is_above = |channel: &Channel| {
        current.is_some_and(|current| current.kind.is_thread() && current.parent_id == Some(channel.id))
    };
    let list = |channels: &[&ChannelView]| {
        html! {
            ul {
                @for view in channels {
                    @let channel = &view.channel;
                    @let here = if is_current(channel) { Some("page") } else { is_above(channel).then_some("true") };
                    li {
                        a href=(base.channel(channel)) aria-current=[here] {
                            (sign(channel.kind)) " " bdi { (channel.name) }
                            @if view.is_age_gated() { (age_sign()) }
                        }
                    }
                }
            }
        }
    };
    html! {
        nav class="channels" aria-label="Channels" data-folds=(base.tenant.slug) {
            details class="menu" {
                summary { span class="open" { "☰ Channels" } span class="shut" { "Close" span aria-hidden="true" { "×" } } }
                div class="tree" {
                    @for Group { category, channels: inner } in groups(channels) {
                        @match category {
                            Some(category) => {
                                @let holds = inner.iter().any(|view| is_current(&view.channel) || is_above(&view.channel));
                                details data-fold=(category.id) open[holds || channels.len() <= MOST_OPEN] {
                                    summary class="category" { bdi { (category.name) } }
                                    (list(&inner))
                                }
                            },
                            None => (list(&inner)),
                        }
                    }
                }
            }
        }
    }
}

/// Returns the mark of an age-gated channel in a list.
pub(super) fn age_sign() -> Markup {
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
