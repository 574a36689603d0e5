//! A text as readers see it, and where it comes from.

use super::matches::Highlight;
use crate::markup::{self, Block, CodeBlock, Inline, Link, Style};

/// One text of a message as readers see it: its markup rendered, people by their generated names.
///
/// The names of mentioned channels and roles, and times, are left out: they change without the message. The text of a
/// spoiler is contained, because readers can open it; see [`SearchText::hidden`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchText {
    text: String,
    /// For each code point, that of the raw text that it comes from; `None` where it comes from none. Empty if the text
    /// has no raw form.
    origins: Vec<Option<usize>>,
    /// The parts inside spoilers, ascending and apart.
    hidden: Vec<Highlight>,
}

impl SearchText {
    /// Returns a text without markup.
    #[must_use]
    pub fn plain(text: &str) -> Self {
        Self { origins: (0..text.chars().count()).map(Some).collect(), ..Self::made(text) }
    }

    /// Returns a text with Discord's markup as it is shown.
    #[must_use]
    pub fn rendered(raw: &str) -> Self {
        Self::with_addresses(raw).0
    }

    /// Returns a text with Discord's markup as it is shown, and the addresses of its links.
    pub(super) fn with_addresses(raw: &str) -> (Self, Vec<String>) {
        Renderer::render(raw)
    }

    /// Returns a text that is not in the raw text of the message.
    pub(super) fn made(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }

    /// Returns the text with all of it hidden, such as the description of a file that is a spoiler.
    pub(super) fn covered(self) -> Self {
        let all = Highlight { from: 0, to: self.text.chars().count() };
        Self { hidden: vec![all], ..self }
    }

    /// Returns the text as shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the parts that are hidden until the reader opens them, ascending and apart, in code points.
    #[must_use]
    pub fn hidden(&self) -> &[Highlight] {
        &self.hidden
    }

    /// Returns the parts of the raw text that are shown in `parts` of the text, ascending and without markup between:
    /// `**a** b` has two parts. What is shown only in another form, such as the name of a person, has no part.
    #[must_use]
    pub fn in_raw(&self, parts: &[Highlight]) -> Vec<Highlight> {
        let mut points: Vec<usize> = Vec::new();
        for part in parts {
            let origins = self.origins.get(part.from..part.to.min(self.origins.len())).unwrap_or_default();
            points.extend(origins.iter().flatten());
        }
        points.sort_unstable();
        Highlight::joined(points.into_iter().map(|at| Highlight { from: at, to: at + 1 }))
    }

    pub(super) fn forget_origins(&mut self) {
        self.origins = Vec::new();
    }

    /// Cuts the text to `length` code points, and returns how many it has.
    pub(super) fn truncate(&mut self, length: usize) -> usize {
        if let Some((end, _)) = self.text.char_indices().nth(length) {
            self.text.truncate(end);
            self.origins.truncate(length);
            self.hidden.retain(|part| part.from < length);
            if let Some(last) = self.hidden.last_mut() {
                last.to = last.to.min(length);
            }
            return length;
        }
        self.text.chars().count()
    }
}

/// Renders a text with markup, and records where its characters come from.
struct Renderer<'a> {
    raw: &'a str,
    /// For each byte of `raw`, the number of code points before it.
    points: Vec<usize>,
    text: SearchText,
    addresses: Vec<String>,
}

impl<'a> Renderer<'a> {
    /// Returns the text as shown, and the addresses of its links.
    fn render(raw: &'a str) -> (SearchText, Vec<String>) {
        let mut renderer =
            Self { raw, points: Vec::with_capacity(raw.len()), text: SearchText::default(), addresses: Vec::new() };
        for (point, char) in raw.chars().enumerate() {
            renderer.points.extend(std::iter::repeat_n(point, char.len_utf8()));
        }
        renderer.blocks(&markup::parse(raw));
        (renderer.text, renderer.addresses)
    }

    /// Adds a piece that was taken from the raw text, or one that was made.
    fn push(&mut self, piece: &str) {
        let start = piece.as_ptr().addr().checked_sub(self.raw.as_ptr().addr());
        let is_inside = |start: &usize| start + piece.len() <= self.raw.len();
        // An owned copy lies elsewhere.
        match start.filter(is_inside) {
            Some(start) => {
                let points = piece.char_indices().map(|(at, _)| self.points.get(start + at).copied());
                self.text.origins.extend(points);
                self.text.text.push_str(piece);
            }
            None => self.made(piece),
        }
    }

    fn made(&mut self, piece: &str) {
        self.text.origins.extend(piece.chars().map(|_| None));
        self.text.text.push_str(piece);
    }

    fn blocks(&mut self, blocks: &[Block<'a>]) {
        for block in blocks {
            match block {
                Block::Paragraph(content) | Block::Subtext(content) | Block::Heading { content, .. } => {
                    self.inlines(content);
                }
                Block::Quote(inner) => self.blocks(inner),
                Block::Code(code) => self.code(code),
                Block::List(list) => list.items.iter().for_each(|item| self.blocks(item)),
            }
            self.made("\n");
        }
    }

    fn code(&mut self, code: &CodeBlock<'a>) {
        self.made("\n");
        if code.language.is_some_and(|language| language.eq_ignore_ascii_case("ansi")) {
            uncolored(&code.text).for_each(|part| self.push(part));
        } else {
            self.push(&code.text);
        }
        self.made("\n");
    }

    fn inlines(&mut self, content: &[Inline<'a>]) {
        for inline in content {
            self.inline(inline);
        }
    }

    fn spoiler(&mut self, content: &[Inline<'a>]) {
        let from = self.text.origins.len();
        // Spoilers inside are parts of this one.
        let before = self.text.hidden.len();
        self.inlines(content);
        self.text.hidden.truncate(before);
        self.text.hidden.push(Highlight { from, to: self.text.origins.len() });
    }

    fn inline(&mut self, inline: &Inline<'a>) {
        match inline {
            Inline::Text(text) => self.push(text),
            Inline::LineBreak => self.made("\n"),
            Inline::Styled(Style::Spoiler, content) => self.spoiler(content),
            Inline::Styled(_, content) => self.inlines(content),
            Inline::Code(text) => self.push(text),
            Inline::CodeBlock(code) => self.code(code),
            Inline::Link(Link { url, label, .. }) => {
                self.addresses.push(url.to_string());
                match label {
                    Some(label) => self.inlines(label),
                    None => self.push(url),
                }
            }
            Inline::Person(person) => {
                let name = person.map(|person| person.name().to_string());
                self.made(&format!("@{}", name.as_deref().unwrap_or("unknown")));
            }
            Inline::Channel(_) | Inline::Role(_) | Inline::Time(..) => self.made(" "),
            Inline::Emoji { name, .. } => {
                self.made(":");
                self.push(name);
                self.made(":");
            }
            Inline::Command(name) => {
                self.made("/");
                self.push(name);
            }
            Inline::Navigation(page) => self.made(page.name()),
            Inline::Everyone => self.made("@everyone"),
            Inline::Here => self.made("@here"),
        }
    }
}

/// Returns the parts of a text between the codes that set a terminal's colours.
fn uncolored(text: &str) -> impl Iterator<Item = &str> {
    text.split("\u{1b}[").enumerate().map(|(index, part)| {
        let codes = part.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b';').count();
        match part[codes..].strip_prefix('m') {
            Some(rest) if index > 0 => rest,
            _ => part,
        }
    })
}
