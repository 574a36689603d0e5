//! The twins of the pages of a channel: the newest messages, a part of them, a day, and the pages of a thread.

use std::collections::BTreeMap;

use app_core::browse::{ChannelView, Entry, Front, Messages, PageContext};
use domain::day::Day;

use super::message::{MessageFrame, message, sentence};
use super::text::{Text, link};
use super::{Document, Scope, channel_link, opened, topic};
use crate::address::{day_path, markdown_path, thread_path};
use crate::html::system::Line;
use crate::html::{Frame, Links, Position, excerpt, shown_opener, time, title};

/// Returns the twin of a page of a channel, which search engines list under the path `canonical`.
pub(crate) fn channel(
    frame: &Frame<'_>,
    view: &ChannelView,
    messages: &Messages,
    named: PageContext,
    position: &Position<'_>,
    canonical: Option<&str>,
) -> String {
    let links = &Links::new(frame, named);
    let origin = &frame.base.origin().unwrap_or_default();
    let scope = &Scope { names: &links.names, origin };
    let path = frame.base.channel(&view.channel);
    let is_thread = view.channel.kind.is_thread();
    let of_messages = MessageFrame { base: frame.base, path: &path, is_thread, links, scope };
    let mut made = BTreeMap::new();
    let kept = messages.fitting(|index| {
        let made = made.entry(index).insert_entry(message(&of_messages, &messages.entries[index]));
        made.get().len()
    });
    let (older, newer) = messages.ends(&kept);
    let rest = newer.map(|id| format!("{}?after={id}", markdown_path(&path)));
    let mut document = opened(frame, view, scope, &title(view, position, links), canonical);
    let shown = &messages.entries[kept.clone()];
    if let [first, .., last] | [first @ last] = shown {
        let at = |entry: &Entry| time::moment(entry.message.created_at());
        document.fact("Messages", &format!("{}, from {} to {}", shown.len(), at(first), at(last)));
    }
    match position {
        Position::Day(day) => {
            let (previous, next) = day.neighbours;
            let page = |number| (format!("page {number}"), day_path(&path, day.day, number));
            let date = |day: Day| (time::day(day.start()), day_path(&path, day, 1));
            let number = day.page.number;
            let before = if number > 1 { Some(page(number - 1)) } else { previous.map(date) };
            let after = if number < day.page.pages { Some(page(number + 1)) } else { next.map(date) };
            neighbours(&mut document, scope, before, after, rest.as_deref());
        }
        Position::Thread(page) => {
            let link = |number| (format!("page {number}"), thread_path(&path, number));
            let before = (page.number > 1).then(|| link(page.number - 1));
            let after = (page.number < page.pages).then(|| link(page.number + 1));
            neighbours(&mut document, scope, before, after, rest.as_deref());
        }
        Position::Newest(_) | Position::Part | Position::Around(_) => {
            let before = older.map(|id| format!("{}?before={id}", markdown_path(&path)));
            for (name, path) in [("Older", before), ("Newer", rest)] {
                if let Some(path) = path {
                    document.fact(name, &link("messages", &scope.address(&path)));
                }
            }
        }
    }
    if let Position::Newest(front) = position {
        directory(&mut document, frame, scope, &path, front);
    }
    document.open();
    if let Position::Newest(_) = position {
        document.part(topic(view, scope));
    }
    let begins = older.is_none() && !matches!(position, Position::Thread(page) if page.number > 1);
    if let Some((opener, path, first)) = shown_opener(links) {
        if begins && opener.channel.id != view.channel.id {
            document.part(sentence(&Line::of("Started").and(links.began()), scope));
            let above = MessageFrame { path, is_thread: false, ..of_messages };
            document.part(message(&above, &Entry::from(first.clone())));
        } else {
            let name = Text::line(&first.author.pseudonym.name().to_string());
            let name = link(&name, &scope.address(&format!("{path}/{}", opener.id)));
            let text = Text::line(&excerpt(&first.content, 220, scope.names));
            document.part(format!("Started with {name}: {text}"));
        }
    }
    if messages.entries.is_empty() {
        document.part("No messages are stored here.".to_owned());
    }
    made.into_iter().filter(|(index, _)| kept.contains(index)).for_each(|(_, message)| document.part(message));
    document.finish()
}

/// Adds the links to the pages before and after one, each given by its name and path; `rest` is the path of the end of a page
/// that is too long to be shown whole.
fn neighbours(
    document: &mut Document,
    scope: &Scope<'_>,
    before: Option<(String, String)>,
    after: Option<(String, String)>,
    rest: Option<&str>,
) {
    let page = |(name, path): (String, String)| link(&name, &scope.address(&markdown_path(&path)));
    if let Some(before) = before {
        document.fact("Previous", &page(before));
    }
    let rest = rest.map(|rest| link("rest of this page", &scope.address(rest)));
    if let Some(next) = rest.or_else(|| after.map(page)) {
        document.fact("Next", &next);
    }
}

/// Adds the links from a channel's own page to its days and threads.
fn directory(document: &mut Document, frame: &Frame<'_>, scope: &Scope<'_>, path: &str, front: &Front) {
    let months = front.months.iter().rev().map(|(first, count)| {
        let name = format!("{} {}", time::month(first.start()), &first.to_string()[..4]);
        format!("{} ({count})", link(&name, &scope.address(&markdown_path(&day_path(path, *first, 1)))))
    });
    let months: Vec<String> = months.collect();
    if !months.is_empty() {
        document.fact("First days of months, with the number of messages", &months.join(", "));
    }
    let threads = front.threads.iter().map(|thread| channel_link(scope, frame.base, &thread.channel));
    let mut threads: Vec<String> = threads.collect();
    if front.has_more_threads {
        let path = format!("{}?sort=activity", markdown_path(path));
        threads.push(link("all threads", &scope.address(&path)));
    }
    if !threads.is_empty() {
        document.fact("Threads", &threads.join(", "));
    }
}
