//! The code and the addresses in a text, which must not be changed.

use std::ops::Range;

use super::ticks::TickIndex;

/// Returns the code spans and blocks of `text`, ascending, each with its backticks.
pub fn code_ranges(text: &str) -> impl Iterator<Item = Range<usize>> {
    let ticks = TickIndex::new(text);
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            at += text[at..].find(['`', '\\'])?;
            if text[at..].starts_with('\\') {
                // The character after it is escaped.
                at += 1 + text[at + 1..].chars().next()?.len_utf8();
            } else if let Some(code) = ticks.code_at(text, at, text.len()) {
                at = code.whole.end;
                return Some(code.whole);
            } else {
                at = ticks.row_end(at);
            }
        }
    })
}

/// Returns the web addresses in `text`, ascending, each up to the next blank or angle bracket.
pub fn address_ranges(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let start = at + text[at..].find("http")?;
            let rest = &text[start..];
            if !rest.starts_with("http://") && !rest.starts_with("https://") {
                at = start + "http".len();
                continue;
            }
            let ends = |letter: char| letter.is_whitespace() || letter == '<' || letter == '>';
            at = rest.find(ends).map_or(text.len(), |length| start + length);
            return Some(start..at);
        }
    })
}

#[cfg(test)]
mod tests;
