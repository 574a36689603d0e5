//! A message's markup as HTML; everything that somebody typed is escaped.

use std::collections::HashMap;

use domain::channel::{Channel, ChannelSnowflake};
use domain::guild::{Role, RoleId};
use domain::markup::{Block, CodeBlock, Inline, Link, List, Style, parse};
use domain::timestamp::Timestamp;
use maud::{Markup, html};

use crate::browse::Roles;

/// What mentions in a text stand for.
#[derive(Default)]
pub(super) struct Names {
    /// Channels, with the paths of their pages.
    pub(super) channels: HashMap<ChannelSnowflake, (Channel, String)>,
    /// Roles.
    pub(super) roles: Roles,
}

impl Names {
    fn role(&self, number: u64) -> Option<&Role> {
        self.roles.get(&RoleId::new(number)?)
    }
}

/// The text of a message.
pub(super) fn render(text: &str, names: &Names) -> Markup {
    blocks(&parse(text), names)
}

fn blocks(blocks: &[Block<'_>], names: &Names) -> Markup {
    html! { @for block in blocks { (one(block, names)) } }
}

fn one(block: &Block<'_>, names: &Names) -> Markup {
    html! {
        @match block {
            Block::Paragraph(content) => p dir="auto" { (inlines(content, names)) },
            Block::Heading { level, content } => p class={"h h" (level)} dir="auto" { (inlines(content, names)) },
            Block::Subtext(content) => p class="sub" dir="auto" { (inlines(content, names)) },
            Block::Quote(content) => blockquote { (blocks(content, names)) },
            Block::Code(code) => (code_block(code)),
            Block::List(items) => (list(items, names)),
        }
    }
}

fn list(list: &List<'_>, names: &Names) -> Markup {
    // An own `dir` would take a paragraph's letters out of the count that decides on which side the bullets stand.
    let part = |block: &Block<'_>| match block {
        Block::Paragraph(content) => html! { p { (inlines(content, names)) } },
        other => one(other, names),
    };
    let items = html! { @for item in &list.items { li { @for block in item { (part(block)) } } } };
    html! {
        @match list.start {
            Some(start) => ol start=(start) dir="auto" { (items) },
            None => ul dir="auto" { (items) },
        }
    }
}

fn code_block(code: &CodeBlock<'_>) -> Markup {
    html! { pre dir="ltr" { code class=[code.language.map(|language| format!("language-{language}"))] { (code.text) } } }
}

fn inlines(content: &[Inline<'_>], names: &Names) -> Markup {
    html! { @for inline in content { (inline_one(inline, names)) } }
}

fn inline_one(inline: &Inline<'_>, names: &Names) -> Markup {
    html! {
        @match inline {
            Inline::Text(text) => (text),
            Inline::LineBreak => br;,
            Inline::Styled(style, content) => (styled(*style, &inlines(content, names))),
            Inline::Code(text) => code { (text) },
            Inline::CodeBlock(code) => (code_block(code)),
            Inline::Link(link) => (anchor(link, names)),
            Inline::Person(Some(person)) => span class="mention" { "@" (person.name()) },
            Inline::Person(None) => span class="mention" { "@unknown" },
            Inline::Channel(id) => @match names.channels.get(id) {
                Some((channel, path)) => a class="mention" href=(path) { "#" (channel.name) },
                None => span class="mention" { "#unknown-channel" },
            },
            Inline::Role(id) => (role(names.role(*id))),
            Inline::Emoji { name, .. } => span class="emoji" title={":" (name) ":"} { ":" (name) ":" },
            Inline::Time(at, _) => time datetime=(at) { (moment(*at)) },
            Inline::Command(name) => code { "/" (name) },
            Inline::Navigation(page) => span class="mention" { (page.name()) },
            Inline::Everyone => span class="mention" { "@everyone" },
            Inline::Here => span class="mention" { "@here" },
        }
    }
}

/// A role's name, with a dot in its colour: letters in any colour could not be read on every ground.
fn role(role: Option<&Role>) -> Markup {
    let color = role.and_then(|role| role.color);
    html! {
        span class="mention" {
            @if let Some(color) = color {
                svg class="dot" viewBox="0 0 8 8" aria-hidden="true" { circle cx="4" cy="4" r="4" fill=(color) {} }
            }
            "@" (role.map_or("role", role_name))
        }
    }
}

/// A role's name without the sign of a mention, which only that of everybody brings along.
fn role_name(role: &Role) -> &str {
    role.name.strip_prefix('@').unwrap_or(&role.name)
}

fn styled(style: Style, content: &Markup) -> Markup {
    html! {
        @match style {
            Style::Bold => strong { (content) },
            Style::Italic => em { (content) },
            Style::Underline => u { (content) },
            Style::Strikethrough => s { (content) },
            Style::Spoiler => span class="spoiler" tabindex="0" { (content) },
        }
    }
}

fn anchor(link: &Link<'_>, names: &Names) -> Markup {
    html! {
        a href=(link.url) title=[link.title] rel="nofollow ugc noopener" {
            @match &link.label {
                Some(label) => (inlines(label, names)),
                None => (link.url),
            }
        }
    }
}

/// The first `max` characters of a text without its markup, on one line; what a spoiler hides stays hidden.
pub(super) fn excerpt(text: &str, max: usize, names: &Names) -> String {
    let mut words = String::new();
    plain_blocks(&parse(text), names, &mut words);
    let mut line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(max) {
        let end = line[..end].char_indices().next_back().map_or(0, |(last, _)| last);
        line.truncate(end);
        line.push('…');
    }
    line
}

fn plain_blocks(blocks: &[Block<'_>], names: &Names, to: &mut String) {
    for block in blocks {
        match block {
            Block::Paragraph(content) | Block::Subtext(content) | Block::Heading { content, .. } => {
                plain(content, names, to);
            }
            Block::Quote(inner) => plain_blocks(inner, names, to),
            Block::Code(code) => to.push_str(&code.text),
            Block::List(list) => list.items.iter().for_each(|item| plain_blocks(item, names, to)),
        }
        to.push(' ');
    }
}

fn plain(content: &[Inline<'_>], names: &Names, to: &mut String) {
    for inline in content {
        match inline {
            Inline::Text(text) => to.push_str(text),
            Inline::LineBreak => to.push(' '),
            Inline::Styled(Style::Spoiler, _) => to.push_str("█████"),
            Inline::Styled(_, content) => plain(content, names, to),
            Inline::Code(text) => to.push_str(text),
            Inline::CodeBlock(code) => to.push_str(&code.text),
            Inline::Link(Link { label: Some(label), .. }) => plain(label, names, to),
            Inline::Link(link) => to.push_str(link.url),
            Inline::Person(person) => {
                to.push('@');
                to.push_str(&person.map_or_else(|| "unknown".to_owned(), |person| person.name().to_string()));
            }
            Inline::Channel(id) => {
                to.push('#');
                to.push_str(names.channels.get(id).map_or("unknown-channel", |(channel, _)| &channel.name));
            }
            Inline::Role(id) => {
                to.push('@');
                to.push_str(names.role(*id).map_or("role", role_name));
            }
            Inline::Emoji { name, .. } => to.extend([":", name, ":"]),
            Inline::Time(at, _) => to.push_str(&moment(*at)),
            Inline::Command(name) => to.extend(["/", name]),
            Inline::Navigation(page) => to.push_str(page.name()),
            Inline::Everyone => to.push_str("@everyone"),
            Inline::Here => to.push_str("@here"),
        }
    }
}

/// A moment as people read it.
pub(super) fn moment(at: Timestamp) -> String {
    let at = at.civil();
    format!("{} at {:02}:{:02} UTC", day(at.date()), at.hour(), at.minute())
}

/// A day as people read it.
pub(super) fn day(date: jiff::civil::Date) -> String {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let month = MONTHS[usize::from(date.month().unsigned_abs()) - 1];
    format!("{} {month} {}", date.day(), date.year())
}

#[cfg(test)]
mod tests;
