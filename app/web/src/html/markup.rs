//! A message's markup as HTML; all text that people wrote is escaped.

use std::collections::HashMap;

use app_core::browse::Roles;
use domain::channel::{Channel, ChannelSnowflake};
use domain::guild::{EmojiId, Role, RoleId};
use domain::markup::{Block, CodeBlock, Inline, Link, List, Style, parse};
use domain::picture::PictureKey;
use domain::pseudonym::Pseudonym;
use domain::snowflake::Id;
use domain::timestamp::Timestamp;
use maud::{Markup, html};

use super::code::{self, Budget};
use super::picture::ShownPictures;
use super::{ansi, time};

/// The targets of mentions in a text.
#[derive(Default)]
pub(crate) struct Names {
    /// Channels, with the paths of their pages.
    pub(crate) channels: HashMap<ChannelSnowflake, (Channel, String)>,
    /// Roles.
    pub(crate) roles: Roles,
    /// The id of the guild, which is also that of the @everyone role.
    pub(crate) guild: Option<u64>,
    /// The time at which the page is made, for relative times.
    pub(crate) now: Option<Timestamp>,
    /// The emoji, stickers and icons that are shown as pictures.
    pub(crate) pictures: ShownPictures,
    /// The work that the page has left for the colours of its code.
    pub(crate) code: Budget,
}

impl Names {
    pub(crate) fn role(&self, number: u64) -> Option<&Role> {
        self.roles.get(&RoleId::new(number)?)
    }
}

/// Returns the text of a message as HTML.
pub(super) fn render(text: &str, names: &Names) -> Markup {
    blocks(&parse(text), names)
}

/// Returns a text on one line, such as a title: with its styles, with its links only if `linked`.
pub(super) fn line(text: &str, names: &Names, linked: bool) -> Markup {
    html! {
        @for (index, block) in parse(text).iter().enumerate() {
            @if index > 0 { " " }
            @match block {
                Block::Paragraph(content) | Block::Heading { content, .. } | Block::Subtext(content) => {
                    (parts(content, names, linked))
                },
                other => (excerpt_of(std::slice::from_ref(other), names)),
            }
        }
    }
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
            Block::Quote(content) => blockquote dir="auto" { (blocks(content, names)) },
            Block::Code(code) => (code_block(code, names)),
            Block::List(items) => (list(items, names)),
        }
    }
}

fn list(list: &List<'_>, names: &Names) -> Markup {
    // A `dir` of its own would exclude a paragraph's letters from the count that determines the side of the bullets.
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

fn code_block(code: &CodeBlock<'_>, names: &Names) -> Markup {
    let is_ansi = is_ansi(code);
    html! {
        // A block that is wider than the page is scrolled, also by keys.
        pre dir="ltr" tabindex="0" class=[is_ansi.then_some("ansi")] {
            code class=[code.language.map(|language| format!("language-{language}"))] {
                @if is_ansi {
                    (ansi::render(&code.text))
                } @else {
                    (code::render(code.language, &code.text, &names.code))
                }
            }
        }
    }
}

fn is_ansi(code: &CodeBlock<'_>) -> bool {
    code.language.is_some_and(|language| language.eq_ignore_ascii_case("ansi"))
}

fn code_text(code: &CodeBlock<'_>) -> String {
    if is_ansi(code) { ansi::plain(&code.text) } else { code.text.to_string() }
}

fn inlines(content: &[Inline<'_>], names: &Names) -> Markup {
    parts(content, names, true)
}

fn parts(content: &[Inline<'_>], names: &Names, linked: bool) -> Markup {
    html! { @for inline in content { (inline_one(inline, names, linked)) } }
}

fn inline_one(inline: &Inline<'_>, names: &Names, linked: bool) -> Markup {
    html! {
        @match inline {
            Inline::Text(text) => (text),
            Inline::LineBreak => br;,
            Inline::Styled(style, content) => (styled(*style, &parts(content, names, linked))),
            Inline::Code(text) => code { (text) },
            Inline::CodeBlock(code) => (code_block(code, names)),
            Inline::Link(link) if linked => (anchor(link, names)),
            Inline::Link(Link { label: Some(label), .. }) => (parts(label, names, false)),
            Inline::Link(link) => (link.url),
            Inline::Person(Some(who)) => (person(*who)),
            Inline::Person(None) => span class="mention" { "@unknown" },
            Inline::Channel(id) => @match names.channels.get(id) {
                Some((channel, path)) if linked => a class="mention" href=(path) { "#" bdi { (channel.name) } },
                Some((channel, _)) => span class="mention" { "#" bdi { (channel.name) } },
                None => span class="mention" { "#unknown-channel" },
            },
            Inline::Role(id) => (role(names.role(*id), names.guild == Some(*id), &names.pictures)),
            Inline::Emoji { name, id, .. } => (emoji(name, Id::new(*id), &names.pictures)),
            Inline::Time(at, style) => (time::element(*at, *style, names.now)),
            Inline::Command(name) => code class="mention" { "/" (name) },
            Inline::Navigation(page) => span class="mention" { (page.name()) },
            Inline::Everyone => span class="mention everyone" { "@everyone" },
            Inline::Here => span class="mention everyone" { "@here" },
        }
    }
}

/// Returns a person by the generated name.
pub(super) fn person(who: Pseudonym) -> Markup {
    html! { span class="mention" { "@" bdi { (who.name()) } } }
}

/// Returns a role's name, with a dot in its colour: text in any colour would not be readable on every background.
fn role(role: Option<&Role>, everyone: bool, pictures: &ShownPictures) -> Markup {
    let color = role.and_then(|role| role.color);
    let unknown = if everyone { "everyone" } else { "role" };
    html! {
        span class={ "mention" @if everyone { " everyone" } } {
            @if let Some(color) = color {
                svg class="dot" viewBox="0 0 8 8" aria-hidden="true" { circle cx="4" cy="4" r="4" fill=(color) {} }
            }
            @if let Some(path) = role.and_then(|role| pictures.take(PictureKey::role_icon(role.id))) {
                img class="emoji" src=(path) alt="" width="22" height="22" loading="lazy";
            }
            "@" bdi { (role.map_or(unknown, role_name)) }
        }
    }
}

/// Returns a custom emoji: its picture, or its name between colons.
pub(super) fn emoji(name: &str, id: Option<EmojiId>, pictures: &ShownPictures) -> Markup {
    let text = format!(":{name}:");
    html! {
        @match id.and_then(|id| pictures.take(PictureKey::emoji(id))) {
            Some(path) => (emoji_picture(&path, &text)),
            None => span class="emoji" title=(text) { (text) },
        }
    }
}

/// Returns the picture of a custom emoji that is read as `text`.
pub(super) fn emoji_picture(path: &str, text: &str) -> Markup {
    html! { img class="emoji" src=(path) alt=(text) title=(text) width="22" height="22" loading="lazy"; }
}

/// Returns a role's name without the sign of a mention, which only @everyone has itself.
pub(crate) fn role_name(role: &Role) -> &str {
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
        a href=(link.url) title=[link.title.as_deref()] rel="nofollow ugc noopener" {
            @match &link.label {
                Some(label) => (inlines(label, names)),
                None => (link.url),
            }
        }
    }
}

/// Returns the first `max` characters of a text without its markup, on one line; the text of a spoiler stays hidden.
pub(crate) fn excerpt(text: &str, max: usize, names: &Names) -> String {
    let mut line = excerpt_of(&parse(text), names);
    cut(&mut line, max);
    line
}

/// Cuts a line after `max` characters; an ellipsis is the last of those of a line that was cut.
pub(super) fn cut(line: &mut String, max: usize) {
    if let Some((end, _)) = line.char_indices().nth(max) {
        let end = line[..end].char_indices().next_back().map_or(0, |(last, _)| last);
        line.truncate(end);
        line.push('…');
    }
}

fn excerpt_of(blocks: &[Block<'_>], names: &Names) -> String {
    let mut words = String::new();
    plain_blocks(blocks, names, &mut words);
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn plain_blocks(blocks: &[Block<'_>], names: &Names, to: &mut String) {
    for block in blocks {
        match block {
            Block::Paragraph(content) | Block::Subtext(content) | Block::Heading { content, .. } => {
                plain(content, names, to);
            }
            Block::Quote(inner) => plain_blocks(inner, names, to),
            Block::Code(code) => to.push_str(&code_text(code)),
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
            Inline::CodeBlock(code) => to.push_str(&code_text(code)),
            Inline::Link(Link { label: Some(label), .. }) => plain(label, names, to),
            Inline::Link(link) => to.push_str(&link.url),
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
                let unknown = if names.guild == Some(*id) { "everyone" } else { "role" };
                to.push_str(names.role(*id).map_or(unknown, role_name));
            }
            Inline::Emoji { name, .. } => to.extend([":", name, ":"]),
            Inline::Time(at, style) => to.push_str(&time::plain(*at, *style, names.now)),
            Inline::Command(name) => to.extend(["/", name]),
            Inline::Navigation(page) => to.push_str(page.name()),
            Inline::Everyone => to.push_str("@everyone"),
            Inline::Here => to.push_str("@here"),
        }
    }
}

#[cfg(test)]
mod tests;
