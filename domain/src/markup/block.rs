//! Markup that starts on a line of its own.

use super::inline::{self, Margin, is_escapable};
use super::ticks::TickIndex;
use super::{Block, Inline, List, MAX_DEPTH};

/// The maximum number of digits of a list's number.
const LONGEST_NUMBER: usize = 9;

/// Returns the blocks of a whole text.
pub(super) fn parse(text: &str) -> Vec<Block<'_>> {
    let parser = Parser { text, ticks: TickIndex::new(text) };
    parser.blocks(Scope { start: 0, end: text.len(), margin: Margin::default(), column: 0, quotes: true, depth: 0 })
}

struct Parser<'a> {
    text: &'a str,
    ticks: TickIndex,
}

/// A range of the text and the markup allowed in it.
#[derive(Clone, Copy)]
struct Scope {
    start: usize,
    end: usize,
    margin: Margin,
    /// The column at which the first line starts.
    column: usize,
    quotes: bool,
    /// The nesting depth of lists.
    depth: usize,
}

/// The start of a list item.
struct Bullet {
    column: usize,
    number: Option<u32>,
    /// The position and the column at which its text starts.
    content: usize,
    content_column: usize,
}

impl<'a> Parser<'a> {
    fn blocks(&self, scope: Scope) -> Vec<Block<'a>> {
        let mut blocks = Vec::new();
        let mut at = scope.start;
        while at < scope.end {
            let line_end = self.line_end(at, scope.end);
            let line = &self.text[at..line_end];
            let mut end = line_end;
            if line.trim().is_empty() {
                // Blank lines are dropped.
            } else if let Some(content) = quote_to_end(line).filter(|_| scope.quotes) {
                let inside = Scope { start: at + content, column: 0, quotes: false, ..scope };
                blocks.push(Block::Quote(self.blocks(inside)));
                end = scope.end;
            } else if let Some(content) = quote_line(line).filter(|_| scope.quotes) {
                end = self.quote_end(line_end, scope.end);
                let margin = Margin { quoted: true, indent: 0 };
                let inside = Scope { start: at + content, end, margin, column: 0, quotes: false, ..scope };
                blocks.push(Block::Quote(self.blocks(inside)));
            } else if let Some((level, content)) = heading(dedent(line, scope)) {
                let content = self.inlines(line_end - content.len(), line_end, scope);
                blocks.push(match level {
                    Some(level) => Block::Heading { level, content },
                    None => Block::Subtext(content),
                });
            } else if let Some(bullet) = self.bullet(at, scope) {
                let (list, list_end) = self.list(bullet, scope);
                blocks.push(Block::List(list));
                end = list_end;
            } else {
                end = self.paragraph_end(at, scope);
                self.paragraph(at, end, scope, &mut blocks);
            }
            at = if end < scope.end { scope.margin.line_start(self.text, end) } else { end };
        }
        blocks
    }

    fn line_end(&self, at: usize, end: usize) -> usize {
        self.text[at..end].find('\n').map_or(end, |found| at + found)
    }

    fn inlines(&self, start: usize, end: usize, scope: Scope) -> Vec<Inline<'a>> {
        inline::parse(self.text, &self.ticks, start, end, scope.margin)
    }

    /// Returns the end of the last of consecutive quoted lines, given that of the first.
    fn quote_end(&self, mut line_end: usize, end: usize) -> usize {
        while line_end < end {
            let next_end = self.line_end(line_end + 1, end);
            if quote_line(&self.text[line_end + 1..next_end]).is_none() {
                break;
            }
            line_end = next_end;
        }
        line_end
    }

    fn starts_block(&self, at: usize, scope: Scope) -> bool {
        let line = &self.text[at..self.line_end(at, scope.end)];
        (scope.quotes && (quote_line(line).is_some() || quote_to_end(line).is_some()))
            || heading(dedent(line, scope)).is_some()
            || self.bullet(at, scope).is_some()
    }

    /// Returns the end of the line from `at` on. Code continues over the end of a line. `spoiler` is whether one is
    /// open.
    fn logical_end(&self, mut at: usize, scope: Scope, spoiler: &mut bool) -> usize {
        let bytes = self.text.as_bytes();
        while at < scope.end {
            match bytes[at] {
                b'\n' => return at,
                b'\\' if is_escapable(&self.text[at + 1..scope.end]) => at += 2,
                b'`' => {
                    let code = self.ticks.code_at(self.text, at, scope.end);
                    at = code.map_or_else(|| self.ticks.row_end(at).min(scope.end), |code| code.whole.end);
                }
                b'|' => {
                    let count = bytes[at..scope.end].iter().take_while(|&&byte| byte == b'|').count();
                    *spoiler ^= count >= 2;
                    at += count;
                }
                _ => at += 1,
            }
        }
        scope.end
    }

    /// Returns the end of the paragraph that starts at `at`: before the next block, but never inside code or a spoiler.
    fn paragraph_end(&self, mut at: usize, scope: Scope) -> usize {
        let mut spoiler = false;
        let mut last_pipes = None;
        loop {
            let end = self.logical_end(at, scope, &mut spoiler);
            if end >= scope.end {
                return scope.end;
            }
            at = scope.margin.line_start(self.text, end).min(scope.end);
            let last = || self.text[end..scope.end].rfind("||").map_or(0, |found| end + found);
            let closes = spoiler && *last_pipes.get_or_insert_with(last) > end;
            if !closes && self.starts_block(at, scope) {
                return end;
            }
        }
    }

    /// Adds the lines of a paragraph, split at the code blocks in it.
    fn paragraph(&self, at: usize, end: usize, scope: Scope, blocks: &mut Vec<Block<'a>>) {
        let start = at + self.text[at..end].len() - dedent(&self.text[at..end], scope).len();
        let mut lines = Vec::new();
        for inline in self.inlines(start, end, scope) {
            match inline {
                Inline::CodeBlock(code) => {
                    push_paragraph(blocks, &mut lines);
                    blocks.push(Block::Code(code));
                }
                other => lines.push(other),
            }
        }
        push_paragraph(blocks, &mut lines);
    }

    fn bullet(&self, at: usize, scope: Scope) -> Option<Bullet> {
        if scope.depth >= MAX_DEPTH {
            return None;
        }
        let line = &self.text[at..self.line_end(at, scope.end)];
        let marker = line.trim_start_matches(' ');
        let digits = marker.bytes().take(LONGEST_NUMBER + 1).take_while(u8::is_ascii_digit).count();
        let (number, rest) = match marker.as_bytes().first()? {
            b'-' | b'*' => (None, &marker[1..]),
            b'0'..=b'9' if digits <= LONGEST_NUMBER => {
                (Some(marker[..digits].parse().ok()?), marker[digits..].strip_prefix('.')?)
            }
            _ => return None,
        };
        let content = rest.trim_start_matches(' ');
        if content.len() == rest.len() || content.trim().is_empty() {
            return None;
        }
        let base = if at == scope.start { scope.column } else { 0 };
        let column = base + line.len() - marker.len();
        let skipped = line.len() - content.len();
        Some(Bullet { column, number, content: at + skipped, content_column: base + skipped })
    }

    /// Returns the list that starts with `bullet`, and its end.
    fn list(&self, mut bullet: Bullet, scope: Scope) -> (List<'a>, usize) {
        let mut list = List { start: bullet.number, items: Vec::new() };
        loop {
            let (end, next) = self.item_end(&bullet, scope);
            let margin = Margin { indent: bullet.content_column, ..scope.margin };
            let (start, column, depth) = (bullet.content, bullet.content_column, scope.depth + 1);
            list.items.push(self.blocks(Scope { start, end, margin, column, quotes: false, depth }));
            match next.filter(|next| next.number.is_some() == list.start.is_some()) {
                Some(next) => bullet = next,
                None => return (list, end),
            }
        }
    }

    /// Returns the end of an item, and the bullet of the next one.
    fn item_end(&self, item: &Bullet, scope: Scope) -> (usize, Option<Bullet>) {
        let mut end = self.logical_end(item.content, scope, &mut false);
        while end < scope.end {
            let at = scope.margin.line_start(self.text, end).min(scope.end);
            let line = &self.text[at..self.line_end(at, scope.end)];
            match self.bullet(at, scope) {
                Some(next) if next.column <= item.column => return (end, Some(next)),
                None if !line.starts_with(' ') || line.trim().is_empty() => break,
                _ => end = self.logical_end(at, scope, &mut false),
            }
        }
        (end, None)
    }
}

/// Returns a line without the indentation of its list item.
fn dedent(line: &str, scope: Scope) -> &str {
    let blanks = line.bytes().take(scope.margin.indent).take_while(|&byte| byte == b' ').count();
    &line[blanks..]
}

/// Returns the start of a line's text after `> `.
fn quote_line(line: &str) -> Option<usize> {
    let content = line.trim_start_matches(' ').strip_prefix("> ")?;
    Some(line.len() - content.len())
}

/// Returns the start of a line's text after `>>> `, which quotes everything that follows.
fn quote_to_end(line: &str) -> Option<usize> {
    let content = line.trim_start_matches(' ').strip_prefix(">>> ")?;
    Some(line.len() - content.len())
}

/// Returns the level of a heading, `None` for small text, and its text.
fn heading(line: &str) -> Option<(Option<u8>, &str)> {
    let prefixes = [("# ", Some(1)), ("## ", Some(2)), ("### ", Some(3)), ("-# ", None)];
    let (level, content) = prefixes.iter().find_map(|&(prefix, level)| Some((level, line.strip_prefix(prefix)?)))?;
    let content = content.trim_start();
    (!content.is_empty()).then_some((level, content))
}

/// Makes a paragraph of `lines` without the breaks at both ends, if anything is left.
fn push_paragraph<'a>(blocks: &mut Vec<Block<'a>>, lines: &mut Vec<Inline<'a>>) {
    let is_blank = |inline: &Inline<'_>| match inline {
        Inline::LineBreak => true,
        Inline::Text(text) => text.trim().is_empty(),
        _ => false,
    };
    let end = lines.iter().rposition(|inline| !is_blank(inline)).map_or(0, |last| last + 1);
    lines.truncate(end);
    let start = lines.iter().position(|inline| !is_blank(inline)).unwrap_or(0);
    lines.drain(..start);
    if !lines.is_empty() {
        blocks.push(Block::Paragraph(std::mem::take(lines)));
    }
}
