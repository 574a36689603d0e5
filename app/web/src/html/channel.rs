//! The pages of a channel: the newest messages, a part of them, a day, and the pages of a thread.

use std::collections::BTreeMap;
use std::ops::Range;

use app_core::browse::{ChannelView, DayView, Entry, Front, Messages, Numbered, Opener, OpenerState, PageContext};
use domain::media::ThumbnailWidth;
use domain::message::{Message, MessageId};
use domain::timestamp::Timestamp;
use maud::{Markup, PreEscaped, html};

use super::community::count;
use super::forum::heading;
use super::frame::framed;
use super::head::Summary;
use super::message::MessageFrame;
use super::number::counted;
use super::{Frame, Links, Listing, days, head, markup, message, structured, time};

/// Returns the message that a thread was started from, if the reader may see it, with the path of its channel.
pub(crate) fn shown_opener(links: &Links) -> Option<(&Opener, &str, &Message)> {
    let (opener, path) = links.opener.as_ref()?;
    match &opener.state {
        OpenerState::Shown(message) => Some((opener, path, message)),
        OpenerState::Deleted | OpenerState::Unknown => None,
    }
}

/// Returns the first message of a thread, which is one of the page or was loaded for it.
fn begun<'a>(view: &ChannelView, messages: &'a Messages, links: &'a Links) -> Option<&'a Message> {
    let own: MessageId = view.channel.platform_id.cast();
    let shown = messages.entries.iter().map(|entry| &**entry.message).find(|message| message.id == own);
    // The row of a thread in a channel that only stands for the message above it.
    let shown = shown.filter(|message| message.kind.is_written());
    shown.or_else(|| shown_opener(links).map(|(.., message)| message))
}

/// Returns the same in one line, for the pages of a thread after its first.
fn began_with(links: &Links) -> Markup {
    let Some((opener, path, message)) = shown_opener(links) else { return html! {} };
    html! {
        p class="reply" dir="auto" {
            "↪ " a href={(path) "/" (opener.id)} { bdi { (message.author.pseudonym.name()) } } ": "
            (markup::excerpt(&message.content, 220, &links.names))
        }
    }
}

/// The position of a page in its channel, with the data that leads to the others.
pub enum Position<'a> {
    /// The page of a channel itself.
    Newest(&'a Front),
    /// Some messages of a channel.
    Part,
    /// The messages around one.
    Around(&'a Message),
    /// A page of a day.
    Day(&'a DayView),
    /// A page of a thread.
    Thread(Numbered),
}

/// Returns a page of a channel.
#[must_use]
pub fn channel(
    frame: &Frame<'_>,
    view: &ChannelView,
    messages: &Messages,
    named: PageContext,
    position: &Position<'_>,
    listing: &Listing,
) -> Markup {
    let links = &Links::new(frame, named);
    let path = frame.base.channel(&view.channel);
    let is_thread = view.channel.kind.is_thread();
    let target = if let Position::Around(target) = position { Some(*target) } else { None };
    let opening = is_thread.then(|| view.channel.platform_id.cast());
    let around = MessageFrame { base: frame.base, path: &path, is_thread, links, target, opening };
    let begins = messages.older.is_none() && !matches!(position, Position::Thread(page) if page.number > 1);
    let opened = shown_opener(links).filter(|(opener, ..)| begins && opener.channel.id != view.channel.id);
    let entries = &messages.entries;
    let mut made = BTreeMap::new();
    let kept = messages.fitting(|index| {
        let before = index.checked_sub(1).map(|before| &**entries[before].message);
        let made = made.entry(index).insert_entry(message::entry(
            &around,
            &entries[index],
            before.or(opened.map(|(.., message)| message)),
        ));
        made.get().len()
    });
    let (older, newer) = messages.ends(&kept);
    let opened = opened.filter(|_| older.is_none());
    if kept.start > 0 {
        // It is the first of its page.
        made.insert(kept.start, message::entry(&around, &entries[kept.start], None));
    }
    let rest = newer.map(|id| format!("{path}?after={id}"));
    let pager = match position {
        Position::Day(day) => days::of_day(&path, day, rest.as_deref()),
        Position::Thread(page) => days::of_thread(&path, *page, rest.as_deref()),
        Position::Newest(_) | Position::Part | Position::Around(_) => html! {
            nav class="pager" aria-label="Pages" {
                span { @if let Some(id) = older { a rel="prev" href={(path) "?before=" (id)} { "← Older" } } }
                span { @if let Some(rest) = &rest { a rel="next" href=(rest) { "Newer →" } } }
            }
        },
    };
    // The script of the page replaces these parts apart from each other.
    let content = html! {
        div id="above" {
            (heading(frame, view, &links.emojis))
            @match position {
                Position::Day(day) => (days::heading(&path, day)),
                Position::Newest(front) => (directory(frame, view, front)),
                Position::Part | Position::Around(_) => p class="meta" {
                    a href=(path) { @if is_thread { "Whole thread" } @else { "All days and newest messages" } }
                },
                Position::Thread(_) => {},
            }
            @if opened.is_none() { (began_with(links)) }
            (pager)
            @if is_thread { (contents(entries, &kept)) }
            @if messages.entries.is_empty() { p class="muted" { "No messages are stored here." } }
            @if let Some((_, path, message)) = opened {
                @let above = html! { p class="crumb" { "Started" (links.began()) } };
                @let around = MessageFrame { path, is_thread: false, target: None, ..around };
                (message::opener(&around, &Entry::from(message.clone()), &above))
                @if !entries.is_empty() { (REPLIES) }
            }
        }
        div id="list" {
            @for (index, message) in made.iter().filter(|(index, _)| kept.contains(index)) {
                (message)
                @if *index == 0 && kept.end > 1 && opening == Some(entries[0].message.id) { (REPLIES) }
            }
        }
        div id="below" { (pager) }
    };
    let shown =
        opened.map(|(.., message)| message).into_iter().chain(entries[kept].iter().map(|entry| &**entry.message));
    let shown: Vec<&Message> = match target {
        Some(target) => vec![target],
        None => shown.filter(|message| message.kind.is_written()).collect(),
    };
    let first = begun(view, messages, links).filter(|_| !view.is_age_gated());
    let thread = match (position, first) {
        (Position::Thread(page), Some(first)) => {
            let (shown, total) = (shown.clone(), page.counts.messages);
            structured::Thread { frame, view, links, first, shown, total }.described()
        }
        _ => None,
    };
    let summary = Summary {
        description: head::description(shown.iter().map(|message| message.content.as_str()), &links.names),
        picture: head::picture(frame.base, shown.iter().copied(), &links.files, ThumbnailWidth::Wide),
        data: thread.or_else(|| structured::category(frame, view)).into_iter().collect(),
        is_article: is_thread,
    };
    framed(frame, &title(view, position, links), listing, Some(view), summary, &content)
}

/// The heading between the article that opens a thread and the messages below it.
const REPLIES: PreEscaped<&str> = PreEscaped("<h2 class=\"replies\">Replies</h2>");
/// The fewest days of a page of a thread that are listed above it.
const FEWEST_DAYS: usize = 3;

/// Returns links to the days of a page of a thread, if there are several of them.
fn contents(entries: &[Entry], shown: &Range<usize>) -> Markup {
    let mut days: Vec<(Timestamp, u64)> = Vec::new();
    for entry in &entries[shown.clone()] {
        let at = entry.message.created_at();
        match days.last_mut() {
            Some((day, messages)) if day.civil().date() == at.civil().date() => *messages += 1,
            _ => days.push((at, 1)),
        }
    }
    html! {
        @if days.len() >= FEWEST_DAYS {
            details class="contents" {
                summary { "On this page" }
                ul {
                    @for (at, messages) in days {
                        li {
                            a href={"#" (message::day_id(at))} { (time::day(at)) }
                            " " span class="meta" { (counted(messages, "message", "messages")) }
                        }
                    }
                }
            }
        }
    }
}

/// Returns the title of a page.
pub(crate) fn title(view: &ChannelView, position: &Position<'_>, links: &Links) -> String {
    let name = &view.channel.name;
    match position {
        Position::Around(target) => format!("{} · {name}", markup::excerpt(&target.content, 60, &links.names)),
        Position::Day(day) => days::title(name, day.day.start(), day.page),
        Position::Thread(page) if page.number > 1 => format!("{name}, page {}", page.number),
        Position::Newest(_) | Position::Part | Position::Thread(_) => name.clone(),
    }
}

/// Returns the parts of a channel's own page that lead to its days and threads.
fn directory(frame: &Frame<'_>, view: &ChannelView, front: &Front) -> Markup {
    let path = frame.base.channel(&view.channel);
    html! {
        (days::months(&path, &front.months))
        @if !front.threads.is_empty() {
            details class="threads" {
                summary { "Threads" }
                ul {
                    @for thread in &front.threads {
                        @let thread = &thread.channel;
                        li data-channel=(thread.id) {
                            a href=(frame.base.channel(thread)) { bdi { (thread.name) } }
                            " " span class="meta" { (count(thread)) }
                        }
                    }
                }
                @if front.has_more_threads { p { a href={(path) "?sort=activity"} { "All threads" } } }
            }
        }
    }
}
