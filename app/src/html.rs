//! The pages of the site, complete without script.

mod component;
mod markup;
mod message;
mod poll;

use std::collections::HashMap;

use domain::channel::{Channel, ChannelKind};
use domain::message::{Message, MessageId};
use domain::tenant::{Branding, Tenant};
use maud::{DOCTYPE, Markup, html};
use ports::channel::ThreadOrder;

use self::markup::Names;
use crate::browse::{BrowseError, ChannelView, FileStates, Messages, Reading, ThreadPage};
use crate::http::ApiError;
use crate::wire::channel_path;

/// How every page looks.
pub const STYLE: &str = include_str!("../assets/site.css");
/// The picture of a page's tab.
pub const ICON: &str = include_str!("../assets/favicon.svg");

/// Colours of a tenant, over those of every page.
#[must_use]
pub fn theme(branding: &Branding) -> String {
    match branding.accent_color.or(branding.primary_color) {
        Some(color) => format!(":root{{--accent:{color}}}"),
        None => String::new(),
    }
}

/// What every page of a tenant shows around its own part.
pub struct Frame<'a> {
    /// The address that the world sees; empty if nobody set it.
    pub public_url: &'a str,
    /// Whose page it is.
    pub tenant: &'a Tenant,
    /// Its channels, in tree order.
    pub channels: &'a [ChannelView],
}

impl Frame<'_> {
    /// The channels that a text on the page can name without a look-up.
    fn named(&self) -> Names {
        let named = |view: &ChannelView| {
            (view.channel.platform_id, (view.channel.clone(), channel_path(self.tenant, &view.channel)))
        };
        Names { channels: self.channels.iter().map(named).collect(), ..Names::default() }
    }
}

/// What the messages of a page refer to.
#[derive(Default)]
pub struct Links {
    names: Names,
    /// `None` for a message that was deleted.
    messages: HashMap<MessageId, Option<Message>>,
    files: FileStates,
}

impl Links {
    /// Looks up what `page` of `view` refers to: a few reads for the whole page.
    ///
    /// # Errors
    /// [`BrowseError::Store`].
    pub async fn read(
        at: &mut Reading,
        tenant: &Tenant,
        view: &ChannelView,
        page: &Messages,
    ) -> Result<Self, BrowseError> {
        let texts = page.entries.iter().map(|entry| entry.message.content.as_str());
        let mentioned =
            texts.flat_map(|text| text.split("<#").skip(1)).filter_map(|rest| rest.split('>').next()?.parse().ok());
        let channels = at.channels_named(tenant, mentioned.collect::<Vec<_>>()).await?;
        let referred = page.entries.iter().filter_map(|entry| entry.message.reference?.message_id);
        let mut referred: Vec<MessageId> = referred.collect();
        referred.sort_unstable();
        referred.dedup();
        let channels = channels.into_iter().map(|(id, channel)| {
            let path = channel_path(tenant, &channel);
            (id, (channel, path))
        });
        let names = Names { channels: channels.collect(), roles: page.roles.clone() };
        let messages = at.referred(view.channel.id, &referred).await?;
        Ok(Self { names, messages, files: page.files.clone() })
    }
}

fn page(title: &str, tenant: Option<&Tenant>, canonical: Option<&str>, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                meta property="og:title" content=(title);
                @if let Some(address) = canonical { link rel="canonical" href=(address); }
                link rel="icon" href="/favicon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/assets/site.css";
                @if let Some(tenant) = tenant { link rel="stylesheet" href={"/assets/" (tenant.slug) "/theme.css"}; }
            }
            body {
                a class="skip" href="#content" { "Skip to the content" }
                header class="top" {
                    @match tenant {
                        Some(tenant) => {
                            @if let Some(logo) = &tenant.branding.logo_url { img src=(logo.as_str()) alt=""; }
                            a href={"/" (tenant.slug)} { (tenant.name.as_str()) }
                        },
                        None => a href="/" { "Verta" },
                    }
                }
                (content)
                footer { "People appear under generated names. An archive by " a href="/" { "Verta" } "." }
            }
        }
    }
}

/// A page of a tenant, with its channels beside `content`.
fn framed(frame: &Frame<'_>, title: &str, path: &str, current: Option<&Channel>, content: &Markup) -> Markup {
    let title = format!("{title} · {}", frame.tenant.name.as_str());
    let canonical = (!frame.public_url.is_empty()).then(|| format!("{}{path}", frame.public_url));
    let list = html! {
        ul {
            @for view in frame.channels {
                @let channel = &view.channel;
                @if channel.kind == ChannelKind::CATEGORY {
                    li class="category" { (channel.name) }
                } @else {
                    li {
                        @let here = current.is_some_and(|current| current.id == channel.id);
                        a href=(channel_path(frame.tenant, channel)) aria-current=[here.then_some("page")] {
                            (sign(channel.kind)) " " (channel.name)
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
            main id="content" { (content) }
        }
    };
    page(&title, Some(frame.tenant), canonical.as_deref(), &content)
}

const fn sign(kind: ChannelKind) -> &'static str {
    match kind {
        ChannelKind::FORUM | ChannelKind::MEDIA => "❏",
        ChannelKind::ANNOUNCEMENT => "❖",
        ChannelKind::VOICE | ChannelKind::STAGE => "♪",
        _ => "#",
    }
}

/// The communities of an installation.
#[must_use]
pub fn home(tenants: &[Tenant], next: Option<&str>) -> Markup {
    let content = html! {
        main id="content" {
            h1 { "Communities" }
            @if tenants.is_empty() {
                p { "Nothing is archived here yet. Import an export with " code { "verta import PATH" } "." }
            }
            ul class="cards" {
                @for tenant in tenants {
                    li { h2 { a href={"/" (tenant.slug)} { (tenant.name.as_str()) } } }
                }
            }
            @if let Some(next) = next { nav class="pager" { a rel="next" href={"/?cursor=" (next)} { "More" } } }
        }
    };
    page("Verta", None, None, &content)
}

/// The channels of a tenant.
#[must_use]
pub fn tenant(public_url: &str, tenant: &Tenant, channels: &[ChannelView]) -> Markup {
    let frame = Frame { public_url, tenant, channels };
    let named = frame.named();
    let content = html! {
        h1 { (tenant.name.as_str()) }
        @if channels.is_empty() { p class="muted" { "There is nothing here that everybody may read." } }
        ul class="cards" {
            @for view in channels.iter().filter(|view| view.channel.kind != ChannelKind::CATEGORY) {
                @let channel = &view.channel;
                li {
                    h2 { a href=(channel_path(tenant, channel)) { (sign(channel.kind)) " " (channel.name) } }
                    @if let Some(topic) = &channel.topic { div class="topic" { (markup::render(topic, &named)) } }
                    p class="meta" { (count(channel)) }
                }
            }
        }
    };
    framed(&frame, "Channels", &format!("/{}", tenant.slug), None, &content)
}

fn count(channel: &Channel) -> Markup {
    let stats = channel.stats;
    html! {
        @if channel.kind.is_forum() { (stats.thread_count) " posts" } @else { (stats.message_count) " messages" }
        @if let Some(at) = stats.last_activity_at { " · last on " time datetime=(at) { (markup::day(at.civil().date())) } }
    }
}

/// The posts of a forum.
#[must_use]
pub fn forum(frame: &Frame<'_>, view: &ChannelView, posts: &ThreadPage, order: ThreadOrder) -> Markup {
    let path = channel_path(frame.tenant, &view.channel);
    let names = Names { roles: posts.roles.clone(), ..frame.named() };
    let sort = if order == ThreadOrder::Created { "created" } else { "activity" };
    let content = html! {
        (heading(frame, view))
        p class="meta" {
            a href={(path) "?sort=activity"} { "Latest activity" } " · " a href={(path) "?sort=created"} { "Newest" }
        }
        @if posts.threads.is_empty() { p class="muted" { "No posts are held." } }
        ul class="cards" {
            @for post in &posts.threads {
                @let thread = &post.thread.channel;
                li {
                    h2 dir="auto" { a href=(channel_path(frame.tenant, thread)) { (thread.name) } }
                    @if let Some(starter) = &post.starter {
                        p dir="auto" { (markup::excerpt(&starter.content, 220, &names)) }
                        p class="meta" { (starter.author.pseudonym.name()) " · " (count(thread)) }
                    } @else {
                        p class="meta" { (count(thread)) }
                    }
                }
            }
        }
        @if let Some(next) = &posts.next {
            nav class="pager" {
                a rel="next" href={(path) "?sort=" (sort) "&cursor=" (next.active_at.as_millis()) "-" (next.platform_id)} {
                    "More posts"
                }
            }
        }
    };
    framed(frame, &view.channel.name, &path, Some(&view.channel), &content)
}

fn heading(frame: &Frame<'_>, view: &ChannelView) -> Markup {
    html! {
        @if let Some(parent) = view.parent.as_ref().filter(|_| view.channel.kind.is_thread()) {
            p class="crumb" { a href=(channel_path(frame.tenant, parent)) { (sign(parent.kind)) " " (parent.name) } " ›" }
        }
        h1 dir="auto" { (view.channel.name) }
        @if let Some(topic) = &view.channel.topic { div class="topic" { (markup::render(topic, &frame.named())) } }
    }
}

/// A page of a channel; `target` is the message that its address names.
#[must_use]
pub fn channel(
    frame: &Frame<'_>,
    view: &ChannelView,
    messages: &Messages,
    links: &Links,
    target: Option<&Message>,
) -> Markup {
    let path = channel_path(frame.tenant, &view.channel);
    let pager = html! {
        nav class="pager" aria-label="Pages" {
            span { @if let Some(id) = messages.older { a rel="prev" href={(path) "?before=" (id)} { "← Older" } } }
            span { @if let Some(id) = messages.newer { a rel="next" href={(path) "?after=" (id)} { "Newer →" } } }
        }
    };
    let content = html! {
        (heading(frame, view))
        (pager)
        @if messages.entries.is_empty() { p class="muted" { "No messages are held here." } }
        @for (index, entry) in messages.entries.iter().enumerate() {
            @let before = index.checked_sub(1).map(|before| &messages.entries[before].message);
            (message::entry(frame.tenant, &path, entry, before, links, target))
        }
        (pager)
    };
    let (title, path) = match target {
        Some(target) => {
            let excerpt = markup::excerpt(&target.content, 60, &links.names);
            (format!("{excerpt} · {}", view.channel.name), format!("{path}/{}", target.id))
        }
        None => (view.channel.name.clone(), path.clone()),
    };
    framed(frame, &title, &path, Some(&view.channel), &content)
}

/// An error, for people.
pub(crate) fn error_page(error: &ApiError) -> Markup {
    let title = error.status.canonical_reason().unwrap_or("Error");
    let content = html! {
        main id="content" {
            h1 { (error.status.as_u16()) " " (title) }
            p { (error.detail) "." }
            @if !error.errors.is_empty() {
                ul { @for one in &error.errors { li { code { (one.field) } ": " (one.reason) } } }
            }
            p { a href="/" { "To the start" } }
        }
    };
    page(title, None, None, &content)
}
