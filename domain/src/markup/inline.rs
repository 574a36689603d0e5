//! What stands inside of lines.
//!
//! One pass finds what no marker can cut (code, mentions) and the rows of markers; a second one builds the tree and
//! asks for the row that closes each opening marker. Positions are bytes of the whole text.

use std::borrow::Cow;

use super::run::Runs;
use super::ticks::{CodeSpan, TickIndex};
use super::{CodeBlock, Inline, Link, MAX_DEPTH, Style, angle, link};

/// Its markup characters are meant.
const SHRUG: &str = r"¯\_(ツ)_/¯";

/// The most characters of a code block's language.
const LONGEST_LANGUAGE: usize = 20;

/// What a line starts with that is no part of what it says.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Margin {
    /// Every line of the stretch starts with `> `.
    pub(super) quoted: bool,
    /// At most this many blanks: the column at which the text of a list item starts.
    pub(super) indent: usize,
}

impl Margin {
    /// Where the line after the break at `newline` starts, its blanks included.
    pub(super) fn line_start(self, text: &str, newline: usize) -> usize {
        let start = newline + 1;
        if !self.quoted {
            return start;
        }
        let line = text[start..].trim_start_matches(' ');
        text.len() - line.strip_prefix("> ").unwrap_or(line).len()
    }

    /// Where the text of that line starts.
    fn text_start(self, text: &str, newline: usize) -> usize {
        let start = self.line_start(text, newline);
        start + text[start..].bytes().take(self.indent).take_while(|&byte| byte == b' ').count()
    }

    /// `text[start..end]` without the margin of its lines.
    fn without(self, text: &str, start: usize, end: usize) -> Cow<'_, str> {
        let whole = &text[start..end];
        if (!self.quoted && self.indent == 0) || !whole.contains('\n') {
            return Cow::Borrowed(whole);
        }
        let mut lines = String::with_capacity(whole.len());
        let mut at = start;
        while let Some(found) = text[at..end].find('\n') {
            lines.push_str(&text[at..=at + found]);
            at = self.text_start(text, at + found).min(end);
        }
        lines.push_str(&text[at..end]);
        Cow::Owned(lines)
    }
}

/// Whether a backslash before `byte` makes it plain. Characters beyond ASCII need no backslash.
pub(super) const fn is_escapable(byte: u8) -> bool {
    byte.is_ascii_punctuation()
}

/// The tree of `text[start..end]`.
pub(super) fn parse<'a>(text: &'a str, ticks: &TickIndex, start: usize, end: usize, margin: Margin) -> Vec<Inline<'a>> {
    let mut parser = Parser { text, margin, ..Parser::default() };
    parser.find(ticks, start, end);
    parser.build(start, end, 0, true)
}

#[derive(Default)]
struct Parser<'a> {
    text: &'a str,
    margin: Margin,
    /// What no marker can cut, with where it starts and ends.
    atoms: Vec<(usize, usize, Inline<'a>)>,
    stars: Runs,
    underscores: Runs,
    tildes: Runs,
    pipes: Runs,
    /// `[` and the `]` that closes it, where a `(` follows.
    brackets: Vec<(usize, usize)>,
    /// Where addresses start.
    urls: Vec<usize>,
}

impl<'a> Parser<'a> {
    /// The first pass.
    fn find(&mut self, ticks: &TickIndex, start: usize, end: usize) {
        let bytes = self.text.as_bytes();
        let mut open_brackets = Vec::new();
        let mut at = start;
        while at < end {
            match bytes[at] {
                b'\n' => at = self.margin.text_start(self.text, at),
                b'\\' if at + 1 < end && is_escapable(bytes[at + 1]) => at += 2,
                b'`' => at = self.find_code(ticks, at, end),
                b'<' => {
                    let found = angle::parse(&self.text[at..end]);
                    at += found.map_or(1, |(inline, len)| {
                        self.atoms.push((at, at + len, inline));
                        len
                    });
                }
                b'*' | b'_' | b'~' | b'|' => at = self.find_run(at, start, end),
                b'[' => {
                    open_brackets.push(at);
                    at += 1;
                }
                b']' => {
                    if let Some(open) = open_brackets.pop()
                        && bytes[at + 1..end].first() == Some(&b'(')
                    {
                        self.brackets.push((open, at));
                    }
                    at += 1;
                }
                b'h' if self.is_url(at, end) => {
                    self.urls.push(at);
                    at += "http".len();
                }
                0xC2 if self.text[at..end].starts_with(SHRUG) => {
                    self.atoms.push((at, at + SHRUG.len(), Inline::Text(SHRUG)));
                    at += SHRUG.len();
                }
                _ => at += 1,
            }
        }
        self.brackets.sort_unstable();
        for runs in [&mut self.stars, &mut self.underscores, &mut self.tildes, &mut self.pipes] {
            runs.link();
        }
    }

    fn find_code(&mut self, ticks: &TickIndex, at: usize, end: usize) -> usize {
        let Some(code) = ticks.code_at(self.text, at, end) else {
            return ticks.row_end(at).min(end);
        };
        let inline = if code.is_block {
            Inline::CodeBlock(self.code_block(&code))
        } else {
            Inline::Code(trim_code(self.margin.without(self.text, code.inner.start, code.inner.end)))
        };
        self.atoms.push((at, code.whole.end, inline));
        code.whole.end
    }

    fn code_block(&self, code: &CodeSpan) -> CodeBlock<'a> {
        let mut start = code.inner.start;
        let mut language = None;
        let inner = &self.text[start..code.inner.end];
        if let Some((first, rest)) = inner.split_once('\n')
            && (1..=LONGEST_LANGUAGE).contains(&first.len())
            && first.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+-.#".contains(&byte))
            && !rest.trim_matches('\n').is_empty()
        {
            language = Some(first);
            start = self.margin.text_start(self.text, start + first.len()).min(code.inner.end);
        }
        let text = match self.margin.without(self.text, start, code.inner.end) {
            Cow::Borrowed(text) => Cow::Borrowed(text.trim_matches('\n')),
            Cow::Owned(text) => Cow::Owned(text.trim_matches('\n').to_owned()),
        };
        CodeBlock { language, text }
    }

    /// Notes the row of markers at `at`; where it ends.
    fn find_run(&mut self, at: usize, start: usize, end: usize) -> usize {
        let bytes = self.text.as_bytes();
        let row_end = at + bytes[at..end].iter().take_while(|&&byte| byte == bytes[at]).count();
        let before = (at > start).then(|| bytes[at - 1]);
        let after = bytes[..end].get(row_end);
        match bytes[at] {
            b'*' => {
                let blocks = row_end - at == 1 && before.is_some_and(|byte| byte.is_ascii_whitespace());
                self.stars.push(at..row_end, blocks);
            }
            b'_' => {
                let word_before = before.is_some_and(|byte| byte.is_ascii_alphanumeric());
                let word_after = after.is_some_and(u8::is_ascii_alphanumeric);
                // `snake_case`: no marker at all.
                if row_end - at > 1 || !word_before || !word_after {
                    self.underscores.push(at..row_end, word_after);
                }
            }
            b'~' => self.tildes.push(at..row_end, false),
            _ => self.pipes.push(at..row_end, false),
        }
        row_end
    }

    fn is_url(&self, at: usize, end: usize) -> bool {
        let bytes = self.text.as_bytes();
        (at == 0 || !bytes[at - 1].is_ascii_alphanumeric())
            && (bytes[at..end].starts_with(b"https://") || bytes[at..end].starts_with(b"http://"))
    }

    /// The second pass. Without `links` every address is text.
    fn build(&self, start: usize, end: usize, depth: usize, links: bool) -> Vec<Inline<'a>> {
        let bytes = self.text.as_bytes();
        let mut inlines = Vec::new();
        let mut plain_from = start;
        let mut at = start;
        while at < end {
            let byte = bytes[at];
            if byte == b'\\' && at + 1 < end && is_escapable(bytes[at + 1]) {
                push_text(&mut inlines, &self.text[plain_from..at]);
                plain_from = at + 1;
                at += 2;
                continue;
            }
            let found = match byte {
                b'\n' => Some((Inline::LineBreak, self.margin.text_start(self.text, at).min(end))),
                b'`' | b'<' | 0xC2 => self.atom(at, end),
                b'*' | b'_' => self.emphasis(at, end, depth, links),
                b'~' => self.pair(&self.tildes, Style::Strikethrough, at, end, depth, links),
                b'|' => self.pair(&self.pipes, Style::Spoiler, at, end, depth, links),
                b'[' if links => self.masked_link(at, end, depth),
                b'h' if links && self.is_url(at, end) => link::bare_url(&self.text[at..end])
                    .map(|url| (Inline::Link(Link { url, label: None, title: None }), at + url.len())),
                b'@' => self.everyone(at, start, end),
                _ => None,
            };
            let Some((inline, next)) = found else {
                at += 1;
                continue;
            };
            push_text(&mut inlines, &self.text[plain_from..at]);
            inlines.push(inline);
            plain_from = next;
            at = next;
        }
        push_text(&mut inlines, &self.text[plain_from..end]);
        inlines
    }

    fn atom(&self, at: usize, end: usize) -> Option<(Inline<'a>, usize)> {
        let index = self.atoms.binary_search_by_key(&at, |&(start, ..)| start).ok()?;
        let (_, atom_end, inline) = &self.atoms[index];
        (*atom_end <= end).then(|| (inline.clone(), *atom_end))
    }

    /// `*`, `**`, `_` and `__`: of one and two the longer wins, and one wins over two.
    fn emphasis(&self, at: usize, end: usize, depth: usize, links: bool) -> Option<(Inline<'a>, usize)> {
        let bytes = self.text.as_bytes();
        let is_star = bytes[at] == b'*';
        let (runs, double) = if is_star { (&self.stars, Style::Bold) } else { (&self.underscores, Style::Underline) };
        if depth >= MAX_DEPTH {
            return None;
        }
        let (count, next) = runs.at(at, end)?;
        let may_open = if is_star {
            bytes[..end].get(at + 1).is_some_and(|byte| !byte.is_ascii_whitespace())
        } else {
            at == 0 || !bytes[at - 1].is_ascii_alphanumeric()
        };
        let single = (count % 2 == 1 && may_open).then(|| runs.single(next, end)).flatten();
        let pair = (count >= 2).then(|| runs.last_pair(next, end)).flatten();
        let pair_is_longer = |close| pair.is_some_and(|pair| pair + 2 > close + 1);
        let (style, len, close) = match single {
            Some(close) if !pair_is_longer(close) => (Style::Italic, 1, close),
            _ => (double, 2, pair?),
        };
        Some((Inline::Styled(style, self.build(at + len, close, depth + 1, links)), close + len))
    }

    fn pair(
        &self,
        runs: &Runs,
        style: Style,
        at: usize,
        end: usize,
        depth: usize,
        links: bool,
    ) -> Option<(Inline<'a>, usize)> {
        let (count, next) = runs.at(at, end)?;
        if count < 2 || depth >= MAX_DEPTH {
            return None;
        }
        let close = runs.first_pair(next, end)?;
        Some((Inline::Styled(style, self.build(at + 2, close, depth + 1, links)), close + 2))
    }

    fn masked_link(&self, at: usize, end: usize, depth: usize) -> Option<(Inline<'a>, usize)> {
        let index = self.brackets.binary_search_by_key(&at, |&(open, _)| open).ok()?;
        let close = self.brackets[index].1;
        if close >= end || depth >= MAX_DEPTH || self.text[at + 1..close].trim_start().is_empty() {
            return None;
        }
        // A text that shows one address and leads to another is no link.
        let next_url = self.urls.get(self.urls.partition_point(|&url| url < at));
        if next_url.is_some_and(|&url| url < close) {
            return None;
        }
        let target = link::target(&self.text[close + 1..end])?;
        let label = Some(self.build(at + 1, close, depth + 1, false));
        Some((Inline::Link(Link { url: target.url, label, title: target.title }), close + 1 + target.len))
    }

    fn everyone(&self, at: usize, start: usize, end: usize) -> Option<(Inline<'a>, usize)> {
        let bytes = self.text.as_bytes();
        if at > start && bytes[at - 1].is_ascii_alphanumeric() {
            return None;
        }
        [("@everyone", Inline::Everyone), ("@here", Inline::Here)].into_iter().find_map(|(word, inline)| {
            let after = at + word.len();
            let ends = bytes[..end].get(after).is_none_or(|byte| !byte.is_ascii_alphanumeric());
            (ends && bytes[at..end].starts_with(word.as_bytes())).then_some((inline, after))
        })
    }
}

fn push_text<'a>(inlines: &mut Vec<Inline<'a>>, text: &'a str) {
    if !text.is_empty() {
        inlines.push(Inline::Text(text));
    }
}

/// Drops the blank that parts a backtick of the code from those around it.
fn trim_code(code: Cow<'_, str>) -> Cow<'_, str> {
    let from = usize::from(code.starts_with(' ') && code.trim_start_matches(' ').starts_with('`'));
    let to = code.len() - usize::from(code.ends_with(' ') && code.trim_end_matches(' ').ends_with('`'));
    match code {
        Cow::Borrowed(code) => Cow::Borrowed(&code[from..to]),
        Cow::Owned(code) => Cow::Owned(code[from..to].to_owned()),
    }
}
