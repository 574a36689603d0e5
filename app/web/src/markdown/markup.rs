//! A message's markup as `CommonMark`. Its headings are bold lines, so that the headings of a document are its own.

use domain::markup::{Block, Inline, Link, List, Style, parse};

use super::Scope;
use super::text::{Text, fenced, nested, quoted};
use crate::html::{ansi, role_name, time};

/// The largest number of a list's item.
const MOST: u32 = 999_999_999;

/// Returns the text of a message.
pub(super) fn render(text: &str, scope: &Scope<'_>) -> String {
    blocks(&parse(text), scope)
}

/// Returns a text on one line, without links if it is to be the label of one.
pub(super) fn line(text: &str, scope: &Scope<'_>, is_label: bool) -> String {
    let mut line = Text::default();
    let blocks = parse(text);
    let writer = Writer { scope, is_label, is_single: true, styles: &[] };
    for (index, block) in blocks.iter().enumerate() {
        if index > 0 {
            line.push(" ");
        }
        match block {
            Block::Paragraph(content) | Block::Heading { content, .. } | Block::Subtext(content) => {
                writer.inlines(content, &mut line);
            }
            Block::Code(code) => line.code(&code.text),
            Block::Quote(_) | Block::List(_) => line.push(&crate::html::excerpt(text, 220, scope.names)),
        }
    }
    line.finish()
}

fn blocks(blocks: &[Block<'_>], scope: &Scope<'_>) -> String {
    let blocks: Vec<String> = blocks.iter().map(|block| one(block, scope)).filter(|block| !block.is_empty()).collect();
    blocks.join("\n\n")
}

fn one(block: &Block<'_>, scope: &Scope<'_>) -> String {
    let writer = Writer { scope, is_label: false, is_single: false, styles: &[] };
    match block {
        Block::Paragraph(content) | Block::Subtext(content) => {
            let mut text = Text::default();
            writer.inlines(content, &mut text);
            text.finish()
        }
        Block::Heading { content, .. } => {
            let (mut inner, mut text) = (Text::inside(), Text::default());
            Writer { is_single: true, styles: &["**"], ..writer }.inlines(content, &mut inner);
            text.styled("**", &inner.finish());
            text.finish()
        }
        Block::Quote(inner) => match blocks(inner, scope) {
            inner if inner.is_empty() => inner,
            inner => quoted(&inner),
        },
        Block::Code(code) => fenced(code.language, &plain(code)),
        Block::List(items) => list(items, scope),
    }
}

fn list(list: &List<'_>, scope: &Scope<'_>) -> String {
    let mut number = list.start.unwrap_or_default().min(MOST);
    let mut items = Vec::new();
    for item in &list.items {
        let marker = if list.start.is_some() { format!("{number}. ") } else { "- ".to_owned() };
        number = (number + 1).min(MOST);
        let mut content = String::new();
        for block in item {
            let block = one(block, scope);
            if !content.is_empty() {
                // Only these lists end a paragraph without an empty line; a lone dash would make it a heading.
                let ends_it = block.starts_with("- ") || block.starts_with("1. ");
                content.push_str(if ends_it { "\n" } else { "\n\n" });
            }
            content.push_str(&block);
        }
        items.push(nested(&content, &marker, &" ".repeat(marker.len())));
    }
    items.join("\n")
}

/// Returns whether a line has a block of code.
fn has_block(content: &[Inline<'_>]) -> bool {
    content.iter().any(|part| match part {
        Inline::CodeBlock(_) => true,
        Inline::Styled(_, content) => has_block(content),
        _ => false,
    })
}

/// Returns the text of a block of code, without the colours of a terminal.
fn plain(code: &domain::markup::CodeBlock<'_>) -> String {
    let is_ansi = code.language.is_some_and(|language| language.eq_ignore_ascii_case("ansi"));
    if is_ansi { ansi::plain(&code.text) } else { code.text.to_string() }
}

/// Writes the parts of a line.
#[derive(Clone, Copy)]
struct Writer<'a> {
    scope: &'a Scope<'a>,
    /// Whether the parts are the label of a link, which contains no other.
    is_label: bool,
    /// Whether the parts stay on one line.
    is_single: bool,
    /// The marks of the styles around.
    styles: &'a [&'a str],
}

impl Writer<'_> {
    fn inlines(self, content: &[Inline<'_>], to: &mut Text) {
        for inline in content {
            self.inline(inline, to);
        }
    }

    fn inline(self, inline: &Inline<'_>, to: &mut Text) {
        let names = self.scope.names;
        match inline {
            Inline::Text(text) => to.push(text),
            Inline::LineBreak if self.is_single => to.push(" "),
            Inline::LineBreak => to.break_line(),
            Inline::Styled(style, content) => self.styled(*style, content, to),
            Inline::Code(text) => to.code(text),
            Inline::CodeBlock(code) if self.is_single => to.code(&plain(code)),
            Inline::CodeBlock(code) => to.code_block(code.language, &plain(code)),
            Inline::Link(link) => self.link(link, to),
            Inline::Person(Some(who)) => to.push(&format!("@{}", who.name())),
            Inline::Person(None) => to.push("@unknown"),
            Inline::Channel(id) => match names.channels.get(id) {
                Some((channel, path)) if !self.is_label => {
                    let mut label = Text::inside();
                    label.push(&format!("#{}", channel.name));
                    to.link(&label.finish(), &self.scope.address(path));
                }
                Some((channel, _)) => to.push(&format!("#{}", channel.name)),
                None => to.push("#unknown-channel"),
            },
            Inline::Role(id) => {
                let unknown = if names.guild == Some(*id) { "everyone" } else { "role" };
                to.push(&format!("@{}", names.role(*id).map_or(unknown, role_name)));
            }
            Inline::Emoji { name, .. } => to.push(&format!(":{name}:")),
            Inline::Time(at, style) => to.push(&time::plain(*at, *style, None)),
            Inline::Command(name) => to.code(&format!("/{name}")),
            Inline::Navigation(page) => to.push(page.name()),
            Inline::Everyone => to.push("@everyone"),
            Inline::Here => to.push("@here"),
        }
    }

    fn styled(self, style: Style, content: &[Inline<'_>], to: &mut Text) {
        // CommonMark has no mark for underlined text, and none for a spoiler: Discord's own says what it is.
        let mark = match style {
            Style::Bold => "**",
            Style::Italic => "*",
            Style::Underline => "_",
            Style::Strikethrough => "~~",
            Style::Spoiler => "||",
        };
        // The same mark twice is another one.
        if self.styles.contains(&mark) {
            return self.inlines(content, to);
        }
        // No style reaches beyond a block.
        if !self.is_single && has_block(content) {
            let mark = if style == Style::Spoiler { mark } else { "" };
            to.raw(mark);
            self.inlines(content, to);
            return to.raw(mark);
        }
        let styles = [self.styles, &[mark]].concat();
        let mut inner = Text::inside();
        Writer { styles: &styles, ..self }.inlines(content, &mut inner);
        to.styled(mark, &inner.into_content());
    }

    fn link(self, link: &Link<'_>, to: &mut Text) {
        let Some(label) = &link.label else {
            return if self.is_label { to.push(&link.url) } else { to.address(&link.url) };
        };
        if self.is_label {
            return self.inlines(label, to);
        }
        let mut text = Text::inside();
        Writer { is_label: true, is_single: true, ..self }.inlines(label, &mut text);
        match text.finish() {
            label if label.is_empty() => to.address(&link.url),
            label => to.link(&label, &link.url),
        }
    }
}
