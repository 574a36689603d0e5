//! The posts of a forum, and the threads of a channel.

use app_core::browse::{ChannelView, TagEmoji, TagEmojis, ThreadPage, Threads};
use domain::channel::{Channel, ForumTag};
use domain::media::ThumbnailWidth;
use maud::{Markup, html};
use ports::channel::ThreadOrder;

use super::community::{count, last_activity};
use super::frame::{age_sign, framed, sign};
use super::head::{self, Summary};
use super::markup::{self, Names};
use super::number::counted;
use super::{Frame, Listing, search, structured};
use crate::address::{Base, threads_query};

/// Returns the page with the posts of a forum.
#[must_use]
pub fn forum(
    frame: &Frame<'_>,
    view: &ChannelView,
    posts: &ThreadPage,
    emojis: &TagEmojis,
    filter: Threads<'_>,
    listing: &Listing,
) -> Markup {
    let path = frame.base.channel(&view.channel);
    let names = Names { roles: posts.roles.clone(), ..frame.named() };
    let chosen = filter.tag.and_then(|id| view.channel.tags.iter().find(|tag| tag.id == id));
    let content = html! {
        (heading(frame, view, emojis))
        @if !view.channel.tags.is_empty() {
            nav aria-label="Tags" { (tags(frame.base, &view.channel.tags, emojis, Some((path.as_str(), filter)))) }
        }
        nav class="filters" aria-label="Order" {
            @for (by, label) in [(ThreadOrder::Activity, "Latest activity"), (ThreadOrder::Created, "Newest")] {
                @let href = threads_query(Threads { order: by, ..filter }, None);
                a href={(path) (href)} aria-current=[(by == filter.order).then_some("true")] { (label) }
                " "
            }
        }
        @if posts.threads.is_empty() {
            p class="muted" {
                @match chosen {
                    // Only a part of the posts was searched.
                    Some(_) if posts.next.is_some() => "No post with this tag is among the newest ones.",
                    Some(_) => "No post with this tag is stored.",
                    None => "No posts are stored.",
                }
            }
        }
        (cards(frame, view, posts, emojis, &names))
        @if posts.next.is_some() {
            nav class="pager" { a rel="next" href={(path) (threads_query(filter, posts.next))} { "More posts" } }
        }
    };
    let name = &view.channel.name;
    let title = chosen.map_or_else(|| name.clone(), |tag| format!("{} · {name}", tag.name));
    framed(frame, &title, listing, Some(view), summary_of_forum(frame, view, posts, &names), &content)
}

/// Returns a list of threads with the excerpts of their first messages.
fn cards(frame: &Frame<'_>, of: &ChannelView, posts: &ThreadPage, emojis: &TagEmojis, names: &Names) -> Markup {
    let is_forum = of.channel.kind.is_forum();
    html! {
        ul class="cards posts" {
            @for post in &posts.threads {
                @let thread = &post.thread.channel;
                @let seen_at_once = post.starter.iter().filter(|_| !post.thread.is_age_gated());
                @let picture = head::picture(frame.base, seen_at_once, &posts.files, ThumbnailWidth::Narrow);
                li id={"c" (thread.id)} data-channel=(thread.id) {
                    div {
                        h2 dir="auto" {
                            a href=(frame.base.channel(thread)) { bdi { (thread.name) } }
                            @if post.thread.is_age_gated() { (age_sign()) }
                        }
                        (tags(frame.base, applied(&of.channel, thread), emojis, None))
                        @if let Some(starter) = &post.starter {
                            p class="excerpt" dir="auto" { (markup::excerpt(&starter.content, 220, names)) }
                        }
                        p class="meta" {
                            @if let Some(starter) = &post.starter { bdi { (starter.author.pseudonym.name()) } " · " }
                            @if is_forum { (replies(thread)) } @else { (count(thread)) }
                        }
                    }
                    @if let Some(picture) = &picture { (picture.beside_title()) }
                }
            }
        }
    }
}

/// Returns the number of replies to the opening message of a post, and the day of the last one.
fn replies(post: &Channel) -> Markup {
    html! {
        (counted(post.stats.message_count.saturating_sub(1), "reply", "replies"))
        (last_activity(post))
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
    let picture = head::picture(frame.base, starters, &posts.files, ThumbnailWidth::Wide);
    Summary { description, picture, data, is_article: false }
}

/// Returns the tags of a post that its forum still has, in the forum's order.
pub(crate) fn applied<'a>(forum: &'a Channel, post: &'a Channel) -> impl Iterator<Item = &'a ForumTag> {
    forum.tags.iter().filter(|tag| post.applied_tags.contains(&tag.id))
}

/// Returns a list of tags, as links to the posts of the forum at a path that have one, beside the posts that are shown.
fn tags<'a>(
    base: Base<'_>,
    tags: impl IntoIterator<Item = &'a ForumTag>,
    emojis: &TagEmojis,
    forum: Option<(&str, Threads<'_>)>,
) -> Markup {
    let mut tags = tags.into_iter().peekable();
    let link = |id: Option<&str>, label: &Markup| match forum {
        Some((path, shown)) => html! {
            a href={(path) (threads_query(Threads { tag: id, ..shown }, None))}
                aria-current=[(id == shown.tag).then_some("true")] { (label) }
        },
        None => label.clone(),
    };
    html! {
        @if tags.peek().is_some() {
            ul class="tags" aria-label="Tags" {
                @if forum.is_some_and(|(_, shown)| shown.tag.is_some()) { li { (link(None, &html! { "All posts" })) } }
                @for tag in tags { li { (link(Some(&tag.id), &label(base, tag, emojis))) } }
            }
        }
    }
}

fn label(base: Base<'_>, tag: &ForumTag, emojis: &TagEmojis) -> Markup {
    html! {
        @if let Some(emoji) = tag.emoji.as_deref().filter(|emoji| !emoji.is_empty()) {
            @match emojis.get(emoji) {
                Some(TagEmoji { name, picture: Some(key) }) => {
                    (markup::emoji_picture(&format!("{}/{key}", base.pictures()), &format!(":{name}:")))
                    " "
                },
                Some(TagEmoji { name, picture: None }) => { ":" (name) ": " },
                // The id of a deleted emoji of the guild has no meaning to readers.
                None if emoji.len() >= 15 && emoji.bytes().all(|byte| byte.is_ascii_digit()) => {},
                None if emoji.is_ascii() => { ":" (emoji) ": " },
                None => { (emoji) " " },
            }
        }
        bdi { (tag.name) }
    }
}

/// Returns the head of a channel: its name, tags and topic.
pub(super) fn heading(frame: &Frame<'_>, view: &ChannelView, emojis: &TagEmojis) -> Markup {
    let parent = view.parent.as_ref().filter(|_| view.channel.kind.is_thread());
    html! {
        @if let Some(parent) = parent {
            p class="crumb" {
                a href=(frame.base.channel(parent)) { (sign(parent.kind)) " " bdi { (parent.name) } } " ›"
            }
        }
        h1 dir="auto" { (view.channel.name) }
        @if let Some(parent) = parent {
            @let forum = frame.base.channel(parent);
            @let shown = Some((forum.as_str(), Threads::all(ThreadOrder::Activity)));
            (tags(frame.base, applied(parent, &view.channel), emojis, shown))
        }
        @if let Some(topic) = &view.channel.topic { div class="topic" { (markup::render(topic, &frame.named())) } }
        p class="meta" { (search::in_channel(frame.base, &view.channel)) }
    }
}
