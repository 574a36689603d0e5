//! The search box and the page of results.

use std::borrow::Cow;

use app_core::search::{Excerpt, Piece, SearchHit, SearchPage, Total};
use domain::channel::Channel;
use domain::search::{AuthorKind, Feature, MAX_TERMS, QueryError, SearchQuery};
use maud::{Markup, html};
use percent_encoding::utf8_percent_encode;
use ports::search::SearchSort;

use super::frame::{Head, age_sign, framed_with, sign};
use super::head::Summary;
use super::number::grouped;
use super::time::moment;
use super::{Frame, structured};
use crate::address::{Base, SEGMENT, search_cursor, sort_name};

/// The content of the search box.
#[derive(Default)]
pub(super) struct SearchBox {
    text: String,
    channel: String,
}

/// What a page of results shows.
pub enum SearchState<'a> {
    /// There is no query yet.
    Empty,
    /// The query is wrong.
    Invalid(&'a QueryError),
    /// It has no answer now: the reason, and the seconds until the next attempt.
    Failed(Cow<'static, str>, Option<u32>),
    /// The matches.
    Found(Box<SearchPage>),
}

/// Returns the search box.
pub(super) fn form(base: Base<'_>, content: &SearchBox) -> Markup {
    html! {
        form class="search" role="search" action=(base.path("/search")) {
            input type="search" name="q" value=(content.text) maxlength="1024" placeholder="Search" aria-label="Search"
                aria-keyshortcuts="/" autocomplete="off";
            @if !content.channel.is_empty() { input type="hidden" name="channel" value=(content.channel); }
            button { "Search" }
        }
    }
}

/// Returns the link to a search in a channel.
pub(super) fn in_channel(base: Base<'_>, channel: &Channel) -> Markup {
    let slug = utf8_percent_encode(channel.slug.as_str(), SEGMENT);
    html! { a href={(base.path("/search")) "?channel=" (slug)} rel="nofollow" { "Search in this channel" } }
}

/// The parameters of an address of results.
struct Address<'a> {
    base: Base<'a>,
    text: &'a str,
    channel: &'a str,
    sort: SearchSort,
}

impl Address<'_> {
    fn with(&self, text: &str, sort: SearchSort, cursor: Option<&str>) -> String {
        let escaped = |text: &str| utf8_percent_encode(text, SEGMENT).to_string();
        let mut address = format!("{}?q={}", self.base.path("/search"), escaped(text));
        if !self.channel.is_empty() {
            address.push_str("&channel=");
            address.push_str(&escaped(self.channel));
        }
        if sort != SearchSort::Newest {
            address.push_str("&sort=");
            address.push_str(sort_name(sort));
        }
        if let Some(cursor) = cursor {
            address.push_str("&cursor=");
            address.push_str(cursor);
        }
        address
    }

    /// Returns the link that adds a filter to a query. It takes the place of one that would contradict or widen it.
    fn plus(&self, query: Option<&SearchQuery>, filter: &str) -> Markup {
        let operator = filter.split_inclusive(':').next().unwrap_or_default();
        let is_replaced = |source: &str| source == filter || operator != "has:" && source.starts_with(operator);
        let kept = query.map(SearchQuery::terms).unwrap_or_default().iter().map(|term| term.source.as_str());
        let mut parts: Vec<&str> = kept.filter(|source| !is_replaced(source)).collect();
        parts.push(filter);
        html! {
            @if parts.len() <= MAX_TERMS {
                a href=(self.with(&parts.join(" "), self.sort, None)) rel="nofollow" { (filter) } " "
            }
        }
    }
}

/// Returns the page of results for `text`, which `query` is parsed from; `channel` limits it.
#[must_use]
pub fn search(
    frame: &Frame<'_>,
    text: &str,
    channel: &str,
    query: Option<&SearchQuery>,
    state: &SearchState<'_>,
) -> Markup {
    let sort = if let SearchState::Found(page) = state { page.sort } else { SearchSort::Newest };
    let address = Address { base: frame.base, text, channel, sort };
    let limited = frame
        .channels
        .iter()
        .find(|view| view.channel.slug.as_str() == channel || view.channel.platform_id.to_string() == channel);
    let limited = match state {
        SearchState::Found(page) => page.channel.as_ref().or(limited),
        _ => limited,
    };
    let content = html! {
        h1 { "Search" }
        @if let Some(view) = limited {
            p class="meta" {
                "In " (sign(view.channel.kind)) " " bdi { (view.channel.name) } " · "
                a href={(frame.base.path("/search")) "?q=" (utf8_percent_encode(text, SEGMENT))} rel="nofollow" {
                    "search everywhere"
                }
            }
        }
        @match state {
            SearchState::Empty => (help()),
            SearchState::Invalid(error) => (invalid(text, error)),
            SearchState::Failed(reason, seconds) => {
                p class="notice" role="alert" {
                    (sentence(reason))
                    @if let Some(seconds) = seconds { " Try again in " (seconds) " seconds." }
                }
                p { a href=(address.with(text, sort, None)) rel="nofollow" { "Try again" } }
            },
            SearchState::Found(page) => (results(&address, query, page)),
        }
    };
    let head = Head {
        title: if text.is_empty() { "Search".to_owned() } else { format!("{text} · Search") },
        noindex: true,
        adult: matches!(state, SearchState::Found(page) if page.hits.iter().any(|hit| hit.channel.is_age_gated())),
        search: SearchBox { text: text.to_owned(), channel: channel.to_owned() },
        summary: Summary { data: structured::breadcrumbs(frame, None).into_iter().collect(), ..Summary::default() },
        ..Head::default()
    };
    framed_with(frame, &head, None, &content)
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}

fn results(address: &Address<'_>, query: Option<&SearchQuery>, page: &SearchPage) -> Markup {
    let terms = query.map(SearchQuery::terms).unwrap_or_default();
    html! {
        p class="meta" role="status" {
            @match page.total {
                Total::Exactly(1) => "1 message",
                Total::Exactly(count) => { (grouped(count)) " messages" },
                Total::AtLeast(count) => { "at least " (grouped(count)) " messages" },
            }
            " · as of " time datetime=(page.as_of) { (moment(page.as_of)) }
        }
        nav class="filters" aria-label="Order" {
            "Order: "
            @for (sort, label) in
                [(SearchSort::Newest, "newest"), (SearchSort::Oldest, "oldest"), (SearchSort::Relevance, "most relevant")]
            {
                a href=(address.with(address.text, sort, None)) rel="nofollow"
                    aria-current=[(sort == address.sort).then_some("true")] { (label) }
                " "
            }
        }
        @if terms.len() > 1 {
            nav class="filters" aria-label="Remove a part" {
                "Without: "
                @if let Some(query) = query {
                    @for (index, term) in terms.iter().enumerate() {
                        a href=(address.with(&query.without(index), address.sort, None)) rel="nofollow" {
                            s { bdi { (term.source) } }
                        }
                        " "
                    }
                }
            }
        }
        (filters(address, query, page))
        @if page.timed_out {
            p class="notice" role="alert" {
                "The search took too long and was ended: there may be more messages than these. Make the query more specific."
            }
        }
        @if page.hits.is_empty() && page.next.is_none() && !page.timed_out {
            p { "No message matches." }
            (help())
        }
        ol class="hits" { @for hit in &page.hits { (result(address.base, hit)) } }
        @if let Some(next) = page.next {
            nav class="pager" {
                span {}
                a rel="next nofollow" href=(address.with(address.text, address.sort, Some(&search_cursor(page.sort, next)))) { "More" }
            }
        }
    }
}

/// Returns links that narrow the search.
fn filters(address: &Address<'_>, query: Option<&SearchQuery>, page: &SearchPage) -> Markup {
    let plus = |filter: String| address.plus(query, &filter);
    let years: Vec<i16> = {
        let mut years: Vec<i16> = page.hits.iter().map(|hit| hit.entry.message.created_at().civil().year()).collect();
        years.sort_unstable();
        years.dedup();
        years
    };
    let mut places: Vec<&str> = page.hits.iter().map(|hit| hit.channel.channel.slug.as_str()).collect();
    places.sort_unstable();
    places.dedup();
    html! {
        details class="filters" {
            summary { "Filters" }
            p { "Contains: " @for feature in Feature::ALL { (plus(format!("has:{}", feature.as_str()))) } }
            p { "Written by: " @for kind in AuthorKind::ALL { (plus(format!("author:{}", kind.as_str()))) } }
            @if !places.is_empty() {
                p { "Channel: " @for slug in places.iter().take(20) { (plus(format!("in:{slug}"))) } }
            }
            @if !years.is_empty() {
                p { "Time: " @for year in years { (plus(format!("during:{year:04}"))) } }
            }
        }
    }
}

fn result(base: Base<'_>, hit: &SearchHit) -> Markup {
    let (channel, message) = (&hit.channel.channel, &hit.entry.message);
    let at = message.created_at();
    html! {
        li class="hit" {
            p class="meta" {
                @if let Some(parent) = hit.channel.parent.as_ref().filter(|_| channel.kind.is_thread()) {
                    a href=(base.channel(parent)) { (sign(parent.kind)) " " bdi { (parent.name) } } " › "
                }
                a href=(base.channel(channel)) { (sign(channel.kind)) " " bdi { (channel.name) } }
                @if hit.channel.is_age_gated() { " " (age_sign()) }
                " · " a class="open" href=(base.message(channel, message.id)) {
                    time datetime=(at) { (moment(at)) }
                }
            }
            p class="text" dir="auto" {
                span class="who" { bdi { (message.author.pseudonym.name()) } } " "
                @if message.author.bot { span class="badge" { "BOT" } " " }
                (excerpt(&hit.excerpt))
            }
        }
    }
}

/// Returns an excerpt with its matches marked and its spoilers covered.
fn excerpt(excerpt: &Excerpt) -> Markup {
    let piece = |piece: &Piece| html! { @if piece.is_match { mark { (piece.text) } } @else { (piece.text) } };
    html! {
        @for pieces in excerpt.pieces.chunk_by(|a, b| a.is_hidden == b.is_hidden) {
            @let shown = html! { @for one in pieces { (piece(one)) } };
            @if pieces[0].is_hidden { span class="spoiler" tabindex="0" { (shown) } } @else { (shown) }
        }
    }
}

/// Returns what is wrong with a query, with the part marked.
fn invalid(text: &str, error: &QueryError) -> Markup {
    let chars: Vec<char> = text.chars().collect();
    let part = |from: usize, to: usize| chars[from.min(chars.len())..to.min(chars.len())].iter().collect::<String>();
    let end = error.at + error.length;
    html! {
        p class="notice" role="alert" { (sentence(&error.problem.to_string())) }
        @if error.length > 0 && error.length < chars.len() {
            p { code { (part(0, error.at)) mark { (part(error.at, end)) } (part(end, chars.len())) } }
        }
        (help())
    }
}

fn help() -> Markup {
    let rows = [
        ("fox den", "both words, in any form of case and accents"),
        ("\"red fox\"", "these words after each other"),
        ("-fox", "messages without it; works with every filter"),
        ("fo*", "words that start so"),
        ("from:\"Amber Otter 48213\"", "written by a person"),
        ("in:general", "in a channel or its threads"),
        ("has:image", "with a link, embed, file, image, video, sound, sticker, poll or forward"),
        ("before:2026 after:2024-05 during:2025-03-01", "written at a time, in UTC"),
        ("mentions: pinned:true author:bot host:example.org ext:pdf", "other properties"),
    ];
    html! {
        table class="help" {
            caption { "What you can search for" }
            @for (example, meaning) in rows { tr { th scope="row" { code { (example) } } td { (meaning) } } }
        }
    }
}

#[cfg(test)]
mod tests;
