//! The pages that lead to communities and to their channels.

use app_core::browse::{ChannelPage, ChannelView};
use domain::channel::{Channel, ChannelKind};
use domain::tenant::Tenant;
use maud::{Markup, html};

use super::frame::{Group, Head, age_sign, groups, icon, page, paragraphs, sign, unframed};
use super::head::{self, Summary};
use super::markup::{self, Names};
use super::number::counted;
use super::{Frame, Listing, time};
use crate::address::{Base, PublicAddress};

/// The most channels on a page that are shown with their topics, below open categories.
const MOST_SPACIOUS: usize = 60;

/// Returns the page with the communities of an installation.
#[must_use]
pub fn home(public: &PublicAddress, tenants: &[Tenant], next: Option<&str>, listing: &Listing) -> Markup {
    let content = html! {
        main id="content" class="alone" {
            h1 { "Communities" }
            @if tenants.is_empty() {
                p { "Nothing is archived here yet. Import an export with " code { "verta import PATH" } "." }
            }
            ul class="cards communities" {
                @for tenant in tenants {
                    @let base = Base::of_site(tenant, public);
                    li {
                        (icon(base, 48))
                        div {
                            h2 { a href=(base.reference()) { (tenant.name.as_str()) } }
                            @if let Some(description) = &tenant.profile.description {
                                p class="topic" dir="auto" { (head::line(description.as_str())) }
                            }
                        }
                    }
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
    let groups = groups(channels);
    let spacious = channels.len() <= MOST_SPACIOUS;
    let content = html! {
        div class="community" {
            (icon(base, 64))
            div {
                h1 { (base.tenant.name.as_str()) }
                @if let Some(description) = &base.tenant.profile.description { (paragraphs(description)) }
                p class="meta" { a href=(base.about()) { "About this archive" } }
            }
        }
        @if channels.is_empty() { p class="muted" { "No channel of this community is public." } }
        @for (index, Group { category, channels }) in groups.iter().enumerate() {
            @let list = list(base, channels, spacious, &named);
            @match category {
                Some(category) => {
                    details class="category" open[spacious || index == 0] {
                        summary {
                            h2 { bdi { (category.name) } }
                            " " span class="meta" { (counted(channels.len() as u64, "channel", "channels")) }
                        }
                        (list)
                    }
                },
                None => (list),
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
    unframed(&frame, "Channels", listing, summary, &content)
}

/// Returns the channels of a category, each with its topic and last activity if the page is `spacious`.
fn list(base: Base<'_>, channels: &[&ChannelView], spacious: bool, named: &Names) -> Markup {
    html! {
        ul class={ "directory" @if !spacious { " dense" } } {
            @for view in channels {
                @let channel = &view.channel;
                li {
                    a class="name" href=(base.channel(channel)) { (sign(channel.kind)) " " bdi { (channel.name) } }
                    @if view.is_age_gated() { (age_sign()) }
                    @if let Some(topic) = channel.topic.as_ref().filter(|_| spacious) {
                        div class="topic" { (markup::render(topic, named)) }
                    }
                    p class="meta" { (number(channel)) @if spacious { (last_activity(channel)) } }
                }
            }
        }
    }
}

/// Returns the numbers of a channel: its messages or posts, and the day of the last one.
pub(super) fn count(channel: &Channel) -> Markup {
    html! { (number(channel)) (last_activity(channel)) }
}

/// Returns the number of the messages or posts of a channel.
fn number(channel: &Channel) -> String {
    if channel.kind.is_forum() {
        counted(channel.stats.thread_count, "post", "posts")
    } else {
        counted(channel.stats.message_count, "message", "messages")
    }
}

/// Returns the day of the last activity of a channel.
pub(super) fn last_activity(channel: &Channel) -> Markup {
    html! {
        @if let Some(at) = channel.stats.last_activity_at { " · last on " time datetime=(at) { (time::day(at)) } }
    }
}
