//! The page about the archive of a community.

use app_core::browse::Extent;
use domain::crawling::AiTraining;
use domain::tenant::Tenant;
use maud::{Markup, html};

use super::frame::{framed, paragraphs};
use super::head::Summary;
use super::number;
use super::{Frame, Listing, head, time};

/// A part of the page: its heading, and its paragraphs.
pub(crate) struct Section {
    pub(crate) title: &'static str,
    pub(crate) paragraphs: Vec<String>,
}

/// Returns the parts of the page, of which the last one names whom to contact.
pub(crate) fn sections(tenant: &Tenant, extent: &Extent) -> Vec<Section> {
    let section = |title, paragraphs| Section { title, paragraphs };
    vec![
        section("What is archived", vec![content(extent)]),
        section("How complete it is", completeness(extent)),
        section("How people are shown", vec![PEOPLE.to_owned()]),
        section("How content is removed", vec![REMOVAL.to_owned()]),
        section("Search engines and training of models", vec![training(tenant.ai_training).to_owned()]),
    ]
}

const PEOPLE: &str = "People appear under generated names, such as Amber Otter 48213. The same person has the same name \
                      everywhere in this community, and another one in each other community. Discord's user ids, names and \
                      avatars are not stored. Names that people typed into their messages stay as they were typed.";

const REMOVAL: &str = "This archive follows Discord. A message that is deleted there loses its text and its files here, and an \
                       edited one shows its newest text. A channel that is no longer public there is no longer public here. \
                       For anything else, write to the contact below.";

/// The first sentence says what is public, the second one since when.
fn content(extent: &Extent) -> String {
    let least = if extent.is_cut { "at least " } else { "" };
    let Extent { channels, threads, messages, .. } = extent;
    let since = match extent.since {
        Some(since) => format!(" The oldest part that is stored without a gap begins on {}.", time::day(since)),
        None => String::new(),
    };
    let channels = counted(*channels, "channel");
    let (threads, messages) = (counted(*threads, "thread"), counted(*messages, "message"));
    format!(
        "The public part of the archive has {channels}, {least}{threads} and {least}{messages}. Channels that not everyone \
         may read in Discord, private threads and direct messages are not public here, either.{since}"
    )
}

fn completeness(extent: &Extent) -> Vec<String> {
    let incomplete: u64 = extent.incomplete.values().sum();
    let first = match (extent.complete, incomplete) {
        (0, 0) => "Nothing was archived yet.".to_owned(),
        (_, 0) => "Everything is archived, each channel and thread from its start.".to_owned(),
        (complete, incomplete) => {
            let reason = |(reason, number): (&String, &u64)| {
                format!("{number} ({})", if reason.is_empty() { "not known" } else { reason.as_str() })
            };
            let reasons: Vec<String> = extent.incomplete.iter().map(reason).collect();
            format!(
                "Of {} channels and threads {complete} are archived from their start. Of the others a part is missing, by the \
                 reason: {}.",
                complete + incomplete,
                reasons.join(", ")
            )
        }
    };
    let last =
        extent.synced_at.map(|at| format!("The archive was last compared with its source on {}.", time::day(at)));
    [first].into_iter().chain(last).collect()
}

const fn training(policy: AiTraining) -> &'static str {
    match policy {
        AiTraining::Deny => {
            "Search engines may list these pages. Programs that collect text to train models are asked to stay away, by \
             robots.txt."
        }
        AiTraining::Allow => {
            "Search engines may list these pages, and the community allows programs to collect their text to train models."
        }
    }
}

fn counted(number: u64, noun: &str) -> String {
    number::counted(number, noun, &format!("{noun}s"))
}

/// The sentence for a community without a contact.
pub(crate) const NO_CONTACT: &str = "The operator of this archive has not named a contact.";

/// Returns the page about the archive of a tenant.
#[must_use]
pub fn about(frame: &Frame<'_>, extent: &Extent, listing: &Listing) -> Markup {
    let tenant = frame.base.tenant;
    let content = html! {
        h1 { "About this archive" }
        p class="meta" { a href=(frame.base.home()) { bdi { (tenant.name.as_str()) } } }
        @if let Some(description) = &tenant.profile.description { (paragraphs(description)) }
        @for section in sections(tenant, extent) {
            h2 { (section.title) }
            @for paragraph in section.paragraphs { p { (paragraph) } }
        }
        h2 { "Contact" }
        @match &tenant.profile.contact {
            Some(contact) => p { a href=(contact.address()) rel="noopener" { (contact) } },
            None => p { (NO_CONTACT) },
        }
    };
    let summary = Summary { description: head::line(&content_line(tenant, extent)), ..Summary::default() };
    framed(frame, "About this archive", listing, None, summary, &content)
}

fn content_line(tenant: &Tenant, extent: &Extent) -> String {
    format!("{}: {}", tenant.name.as_str(), content(extent))
}

#[cfg(test)]
mod tests;
