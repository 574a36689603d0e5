//! Markup inside lines.
//!
//! The rules are those of Discord's clients: at each position the first rule that matches consumes its range, and the
//! text inside is parsed by itself. Positions are bytes of the whole text.

use std::borrow::Cow;
use std::cell::Cell;
use std::ops::Range;

use super::ticks::{CodeSpan, TickIndex};
use super::{CodeBlock, Inline, Link, MAX_DEPTH, Style, angle, link};

/// Its markup characters are literal.
const SHRUG: &str = r"¯\_(ツ)_/¯";

/// The maximum number of bytes that are scanned for closing markers in a text of ordinary length.
const SCANNED: usize = 1 << 20;

/// The margin of a line: a prefix that is not part of its text.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Margin {
    /// Every line of the range starts with `> `.
    pub(super) quoted: bool,
    /// At most this many blanks: the column at which the text of a list item starts.
    pub(super) indent: usize,
}

impl Margin {
    /// Returns the start of the line after the break at `newline`, its blanks included.
    pub(super) fn line_start(self, text: &str, newline: usize) -> usize {
        let start = newline + 1;
        if !self.quoted {
            return start;
        }
        let line = text[start..].trim_start_matches(' ');
        text.len() - line.strip_prefix("> ").unwrap_or(line).len()
    }

    /// Returns the start of that line's text.
    fn text_start(self, text: &str, newline: usize) -> usize {
        let start = self.line_start(text, newline);
        start + text[start..].bytes().take(self.indent).take_while(|&byte| byte == b' ').count()
    }

    /// Returns `text[start..end]` without the margin of its lines.
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

/// Returns whether a backslash before `text` escapes its first character: all but ASCII letters and digits, and blanks.
pub(super) fn is_escapable(text: &str) -> bool {
    text.chars().next().is_some_and(|first| !first.is_ascii_alphanumeric() && !is_blank(first))
}

/// Returns whether a character is a blank in JavaScript's regular expressions, which Discord's clients use.
pub(super) fn is_blank(char: char) -> bool {
    char == '\u{feff}' || (char.is_whitespace() && char != '\u{85}')
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Returns the tree of `text[start..end]`.
pub(super) fn parse<'a>(text: &'a str, ticks: &TickIndex, start: usize, end: usize, margin: Margin) -> Vec<Inline<'a>> {
    let budget = Cell::new(SCANNED.max(64 * (end - start)));
    let parser = Parser { text, ticks, margin, brackets: brackets(text, start, end), budget };
    parser.build(Scope { start, end, depth: 0, links: true, italic: false })
}

/// Returns each `[` with its closing `]` if a `(` follows, in the order of the `[`.
fn brackets(text: &str, start: usize, end: usize) -> Vec<(usize, usize)> {
    let bytes = text.as_bytes();
    let (mut open, mut pairs) = (Vec::new(), Vec::new());
    let mut at = start;
    while at < end {
        match bytes[at] {
            b'\\' if is_escapable(&text[at + 1..end]) => at += 1,
            b'[' => open.push(at),
            b']' => {
                if let Some(open) = open.pop()
                    && bytes[at + 1..end].first() == Some(&b'(')
                {
                    pairs.push((open, at));
                }
            }
            _ => {}
        }
        at += 1;
    }
    pairs.sort_unstable();
    pairs
}

struct Parser<'a, 't> {
    text: &'a str,
    ticks: &'t TickIndex,
    margin: Margin,
    brackets: Vec<(usize, usize)>,
    /// The remaining number of bytes that may be scanned for closing markers. After that markers are text, so that the
    /// time is proportional to the length of a hostile text.
    budget: Cell<usize>,
}

/// A range of the text and the markup allowed in it.
#[derive(Clone, Copy)]
struct Scope {
    start: usize,
    end: usize,
    /// The nesting depth of styles.
    depth: usize,
    /// Whether addresses become links; otherwise they are text.
    links: bool,
    /// Whether it is italic already: italics inside italics have no effect.
    italic: bool,
}

/// A style, its text without the markers, and its end with them.
struct Styled {
    style: Style,
    inner: Range<usize>,
    end: usize,
}

impl<'a> Parser<'a, '_> {
    fn build(&self, scope: Scope) -> Vec<Inline<'a>> {
        let Scope { start, end, .. } = scope;
        let bytes = self.text.as_bytes();
        let mut inlines = Vec::new();
        let mut plain_from = start;
        let mut at = start;
        while at < end {
            let byte = bytes[at];
            if byte == b'\\' && is_escapable(&self.text[at + 1..end]) {
                push_text(&mut inlines, &self.text[plain_from..at]);
                plain_from = at + 1;
                at += 1 + self.text[at + 1..end].chars().next().map_or(0, char::len_utf8);
                continue;
            }
            let found = match byte {
                b'\n' => Some((Inline::LineBreak, self.margin.text_start(self.text, at).min(end))),
                b'`' => self.code(at, end),
                b'<' => angle::parse(&self.text[at..end])
                    .filter(|(inline, _)| scope.links || !matches!(inline, Inline::Link(_)))
                    .map(|(inline, len)| (inline, at + len)),
                0xC2 if self.text[at..end].starts_with(SHRUG) => Some((Inline::Text(SHRUG), at + SHRUG.len())),
                b'[' if scope.links => self.masked_link(at, scope),
                b'h' if scope.links => link::bare_url(&self.text[at..end])
                    .map(|url| (Inline::Link(Link { url: url.into(), label: None, title: None }), at + url.len())),
                b'@' => everyone(&self.text[at..end]).map(|(inline, len)| (inline, at + len)),
                b'*' | b'_' | b'~' | b'|' if scope.depth < MAX_DEPTH => {
                    if let Some(styled) = self.style(at, end) {
                        push_text(&mut inlines, &self.text[plain_from..at]);
                        (at, plain_from) = (styled.end, styled.end);
                        self.push_styled(&mut inlines, &styled, scope);
                        continue;
                    }
                    None
                }
                _ => None,
            };
            match found {
                Some((inline, next)) => {
                    push_text(&mut inlines, &self.text[plain_from..at]);
                    inlines.push(inline);
                    (at, plain_from) = (next, next);
                }
                None => at += 1,
            }
        }
        push_text(&mut inlines, &self.text[plain_from..end]);
        inlines
    }

    fn push_styled(&self, inlines: &mut Vec<Inline<'a>>, styled: &Styled, scope: Scope) {
        let italic = styled.style == Style::Italic;
        let Range { start, end } = styled.inner;
        let inner = self.build(Scope { start, end, depth: scope.depth + 1, italic: scope.italic || italic, ..scope });
        if italic && scope.italic {
            inlines.extend(inner);
        } else {
            inlines.push(Inline::Styled(styled.style, inner));
        }
    }

    fn code(&self, at: usize, end: usize) -> Option<(Inline<'a>, usize)> {
        let code = self.ticks.code_at(self.text, at, end)?;
        let inline = if code.is_block {
            Inline::CodeBlock(self.code_block(&code))
        } else {
            Inline::Code(trim_code(self.margin.without(self.text, code.inner.start, code.inner.end)))
        };
        Some((inline, code.whole.end))
    }

    fn code_block(&self, code: &CodeSpan) -> CodeBlock<'a> {
        let mut start = code.inner.start;
        let mut language = None;
        let inner = &self.text[start..code.inner.end];
        if let Some((first, rest)) = inner.split_once('\n')
            && !first.is_empty()
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

    /// Returns the style that the marker at `at` opens; of two possible ones the longer, italics before the other.
    fn style(&self, at: usize, end: usize) -> Option<Styled> {
        let bytes = &self.text.as_bytes()[..end];
        let double = bytes.get(at + 1) == Some(&bytes[at]);
        let found = |style: Style, markers: usize, close: usize| Styled {
            style,
            inner: at + markers..close,
            end: close + markers,
        };
        let (single, style) = match bytes[at] {
            b'~' if double => {
                let close = self.close_plain(bytes, at + 2, |after| after != Some(&b'_'))?;
                return Some(found(Style::Strikethrough, 2, close));
            }
            b'|' if double => return Some(found(Style::Spoiler, 2, self.close_plain(bytes, at + 2, |_| true)?)),
            b'*' => (self.close_star(bytes, at + 1), Style::Bold),
            b'_' => (self.close_underscore(bytes, at + 1), Style::Underline),
            _ => return None,
        };
        let pair = if double { self.close_pair(bytes, at + 2, bytes[at]) } else { None };
        match (single, pair) {
            (Some(single), Some(pair)) if pair + 2 > single + 1 => Some(found(style, 2, pair)),
            (Some(single), _) => Some(found(Style::Italic, 1, single)),
            (None, Some(pair)) => Some(found(style, 2, pair)),
            (None, None) => None,
        }
    }

    /// Takes the bytes scanned from `from` to `to` off the budget; `None` once it is used up.
    fn spend(&self, from: usize, to: usize) -> Option<()> {
        let left = self.budget.get().checked_sub(to - from);
        self.budget.set(left.unwrap_or(0));
        left.map(drop)
    }

    /// Returns the `*` that closes italics opened before `from`: not after a blank, and not part of `**`.
    fn close_star(&self, bytes: &[u8], from: usize) -> Option<usize> {
        let mut at = from;
        if bytes.get(at).is_none() || self.blank_len(bytes, at) > 0 {
            return None;
        }
        let closed = loop {
            let blanks = self.blanks_end(bytes, at);
            if blanks > at && (bytes.get(blanks) == Some(&b'*') && bytes.get(blanks + 1) != Some(&b'*')) {
                break None;
            }
            at = blanks;
            match bytes.get(at) {
                Some(b'*') if bytes.get(at + 1) == Some(&b'*') => at += 2,
                Some(b'*') => break Some(at).filter(|close| *close > from),
                Some(b'\\') if at + 1 < bytes.len() => at += 1 + self.char_len(at + 1),
                None | Some(b'\\') => break None,
                Some(_) => at += 1,
            }
        };
        self.spend(from, at)?;
        closed
    }

    /// Returns the `_` that closes italics opened before `from`: not before a letter, digit or `_`. There is no other
    /// single `_` between the two.
    fn close_underscore(&self, bytes: &[u8], from: usize) -> Option<usize> {
        let mut at = from;
        let closed = loop {
            match bytes.get(at) {
                Some(b'_') if at > from && bytes.get(at + 1).is_none_or(|after| !is_word(*after)) => break Some(at),
                Some(b'_') if bytes.get(at + 1) == Some(&b'_') => at += 2,
                Some(b'\\') if at + 1 < bytes.len() => at += 1 + self.char_len(at + 1),
                None | Some(b'_' | b'\\') => break None,
                Some(_) => at += 1,
            }
        };
        self.spend(from, at)?;
        closed
    }

    /// Returns the first two of `marker` from `from` on that close a pair of them: the last two of a row, with some
    /// text before them.
    fn close_pair(&self, bytes: &[u8], from: usize, marker: u8) -> Option<usize> {
        let mut at = from;
        let closed = loop {
            let Some(&byte) = bytes.get(at) else { break None };
            let row = |offset: usize| bytes.get(at + offset) == Some(&marker);
            if byte == marker && at > from && row(1) && !row(2) {
                break Some(at);
            }
            at += match byte {
                b'\\' if at + 1 < bytes.len() => 1 + self.char_len(at + 1),
                b'\\' => break None,
                _ => 1,
            };
        };
        self.spend(from, at)?;
        closed
    }

    /// Returns the first two markers like the one before `from`, with some text before them, whose next character
    /// passes `may_end`. A backslash does not escape them.
    fn close_plain(&self, bytes: &[u8], from: usize, may_end: fn(Option<&u8>) -> bool) -> Option<usize> {
        let marker = bytes[from - 1];
        let rest = bytes.get(from + 1..)?;
        let found =
            rest.windows(2).enumerate().find(|(index, two)| two == &[marker; 2] && may_end(rest.get(index + 2)));
        let close = found.map(|(index, _)| from + 1 + index);
        self.spend(from, close.unwrap_or(bytes.len()))?;
        close
    }

    fn char_len(&self, at: usize) -> usize {
        self.text[at..].chars().next().map_or(1, char::len_utf8)
    }

    /// Returns the length of the blank at `at`; 0 for any other character.
    fn blank_len(&self, bytes: &[u8], at: usize) -> usize {
        match bytes.get(at) {
            Some(byte) if byte.is_ascii() => usize::from(is_blank(char::from(*byte))),
            // Every non-ASCII blank starts with one of these bytes.
            Some(0xC2 | 0xE1 | 0xE2 | 0xE3 | 0xEF) => {
                self.text[at..bytes.len()].chars().next().filter(|char| is_blank(*char)).map_or(0, char::len_utf8)
            }
            _ => 0,
        }
    }

    fn blanks_end(&self, bytes: &[u8], mut at: usize) -> usize {
        loop {
            match self.blank_len(bytes, at) {
                0 => return at,
                len => at += len,
            }
        }
    }

    fn masked_link(&self, at: usize, scope: Scope) -> Option<(Inline<'a>, usize)> {
        let index = self.brackets.binary_search_by_key(&at, |&(open, _)| open).ok()?;
        let (close, end) = (self.brackets[index].1, scope.end);
        if close >= end || scope.depth >= MAX_DEPTH || self.text[at + 1..close].trim_start().is_empty() {
            return None;
        }
        // A text that shows one address and leads to another is not a link.
        self.spend(at, close)?;
        let label = &self.text[at + 1..close];
        if label.contains("://") && label.match_indices('h').any(|(index, _)| link::bare_url(&label[index..]).is_some())
        {
            return None;
        }
        let rest = &self.text[close + 1..end];
        let Some(target) = link::target(rest) else {
            return self.spend(0, rest.len().min(link::LONGEST_TARGET)).and(None);
        };
        let label = self.build(Scope { start: at + 1, end: close, depth: scope.depth + 1, links: false, ..scope });
        let link = Link { url: target.url, label: Some(label), title: target.title };
        Some((Inline::Link(link), close + 1 + target.len))
    }
}

/// Returns `@everyone` or `@here` at the start of `text`, and its length.
fn everyone(text: &str) -> Option<(Inline<'static>, usize)> {
    let words = [("@everyone", Inline::Everyone), ("@here", Inline::Here)];
    words.into_iter().find_map(|(word, inline)| text.starts_with(word).then_some((inline, word.len())))
}

fn push_text<'a>(inlines: &mut Vec<Inline<'a>>, text: &'a str) {
    if !text.is_empty() {
        inlines.push(Inline::Text(text));
    }
}

/// Drops the blank that separates a backtick of the code from those around it.
fn trim_code(code: Cow<'_, str>) -> Cow<'_, str> {
    let from = usize::from(code.starts_with(' ') && code.trim_start_matches(' ').starts_with('`'));
    let to = code.len() - usize::from(code.ends_with(' ') && code.trim_end_matches(' ').ends_with('`'));
    match code {
        Cow::Borrowed(code) => Cow::Borrowed(&code[from..to]),
        Cow::Owned(code) => Cow::Owned(code[from..to].to_owned()),
    }
}
