//! The posts of a forum, and the threads of a channel.

use app_core::browse::{ChannelView, EmojiNames, ThreadPage};
use domain::channel::{Channel, ForumTag};
use maud::{Markup, html};
use ports::channel::ThreadOrder;

use super::community::{count, last_activity};
use super::frame::{age_sign, framed, sign};
use super::head::{self, Summary};
use super::markup::{self, Names};
use super::number::counted;
use super::{Frame, Listing, search, structured};

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
    let sort = sort_name(order);
    let content = html! {
        (heading(frame, view, emojis))
        nav class="filters" aria-label="Order" {
            @for (by, label) in [(ThreadOrder::Activity, "Latest activity"), (ThreadOrder::Created, "Newest")] {
                a href={(path) "?sort=" (sort_name(by))} aria-current=[(by == order).then_some("true")] { (label) }
                " "
            }
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

/// Returns the name of an order in addresses.
fn sort_name(order: ThreadOrder) -> &'static str {
    if order == ThreadOrder::Created { "created" } else { "activity" }
}

/// Returns a list of threads with the excerpts of their first messages.
fn cards(frame: &Frame<'_>, of: &ChannelView, posts: &ThreadPage, emojis: &EmojiNames, names: &Names) -> Markup {
    let is_forum = of.channel.kind.is_forum();
    html! {
        ul class="cards posts" {
            @for post in &posts.threads {
                @let thread = &post.thread.channel;
                li id={"c" (thread.id)} data-channel=(thread.id) {
                    div {
                        h2 dir="auto" {
                            a href=(frame.base.channel(thread)) { bdi { (thread.name) } }
                            @if post.thread.is_age_gated() { (age_sign()) }
                        }
                        (tags(applied(&of.channel, thread), emojis))
                        @if let Some(starter) = &post.starter {
                            p class="excerpt" dir="auto" { (markup::excerpt(&starter.content, 220, names)) }
                        }
                        p class="meta" {
                            @if let Some(starter) = &post.starter { bdi { (starter.author.pseudonym.name()) } " · " }
                            @if is_forum { (replies(thread)) } @else { (count(thread)) }
                        }
                    }
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

/// Returns the head of a channel: its name, tags and topic.
pub(super) fn heading(frame: &Frame<'_>, view: &ChannelView, emojis: &EmojiNames) -> Markup {
    let parent = view.parent.as_ref().filter(|_| view.channel.kind.is_thread());
    html! {
        @if let Some(parent) = parent {
            p class="crumb" {
                a href=(frame.base.channel(parent)) { (sign(parent.kind)) " " bdi { (parent.name) } } " ›"
            }
        }
        h1 dir="auto" { (view.channel.name) }
        @match parent {
            Some(parent) => (tags(applied(parent, &view.channel), emojis)),
            None => (tags(view.channel.tags.iter(), emojis)),
        }
        @if let Some(topic) = &view.channel.topic { div class="topic" { (markup::render(topic, &frame.named())) } }
        p class="meta" { (search::in_channel(frame.base, &view.channel)) }
    }
}
