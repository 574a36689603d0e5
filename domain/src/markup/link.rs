//! Web addresses, bare and with a text.

use std::borrow::Cow;

use super::inline::{is_blank, is_escapable};

/// The maximum length of an address that becomes a link. It bounds the work for each bracket of a hostile text.
const LONGEST_URL: usize = 2_048;
/// The maximum length of an address with its title and the parentheses around both.
pub(super) const LONGEST_TARGET: usize = 2 * LONGEST_URL;

/// Returns the address at the start of `text`, up to the first blank, without the punctuation that ends a sentence.
pub(super) fn bare_url(text: &str) -> Option<&str> {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    if !host.starts_with(char::is_alphanumeric) {
        return None;
    }
    let stops = |char: char| is_blank(char) || char.is_control() || char == '<';
    let end = text.char_indices().find(|&(_, char)| stops(char)).map_or(text.len(), |(at, _)| at);
    let mut url = &text[..end];
    let mut open = i64::MIN;
    while let Some(last) = url.chars().next_back() {
        let keeps = match last {
            '.' | ',' | ':' | ';' | '"' | '\'' | ']' => false,
            ')' => {
                if open == i64::MIN {
                    open = url.bytes().map(|byte| i64::from(byte == b'(') - i64::from(byte == b')')).sum();
                }
                open >= 0
            }
            _ => true,
        };
        if keeps {
            break;
        }
        if last == ')' {
            open += 1;
        }
        url = &url[..url.len() - last.len_utf8()];
    }
    Some(url)
}

/// Returns whether the whole of `text` is a web address.
pub(super) fn is_address(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| host.starts_with(char::is_alphanumeric))
        && !text.contains(|char: char| is_blank(char) || char.is_control())
}

/// The target of a link.
pub(super) struct Target<'a> {
    pub(super) url: Cow<'a, str>,
    pub(super) title: Option<Cow<'a, str>>,
    /// The length of the whole target, with both parentheses.
    pub(super) len: usize,
}

/// Parses `(url)`, `(<url>)` or `(url "title")` at the start of `text`; only `http://` and `https://` are accepted.
pub(super) fn target(text: &str) -> Option<Target<'_>> {
    let line = text[..text.floor_char_boundary(LONGEST_TARGET)].lines().next()?;
    let rest = line.strip_prefix('(')?.trim_start_matches(' ');
    let (url, rest) = match rest.strip_prefix('<') {
        Some(rest) => {
            let close = rest.bytes().take(LONGEST_URL).position(|byte| byte == b'>')?;
            (&rest[..close], &rest[close + 1..])
        }
        None => rest.split_at(url_len(rest)?),
    };
    if !is_address(url) {
        return None;
    }
    let trimmed = rest.trim_start_matches(' ');
    let quote = trimmed.chars().next().filter(|&char| (char == '"' || char == '\'') && trimmed.len() < rest.len());
    let (title, rest) = match quote {
        Some(quote) => {
            let close = trimmed.bytes().skip(1).take(LONGEST_URL).position(|byte| byte == quote as u8)? + 1;
            (Some(&trimmed[1..close]), trimmed[close + 1..].trim_start_matches(' '))
        }
        None => (None, trimmed),
    };
    let rest = rest.strip_prefix(')')?;
    Some(Target { url: unescaped(url), title: title.map(unescaped), len: line.len() - rest.len() })
}

/// Returns a text without the backslashes that escape the characters after them.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        let after = &text[at + char.len_utf8()..];
        let plain_char =
            if char == '\\' && is_escapable(after) { chars.next().map(|(_, next)| next) } else { Some(char) };
        plain.extend(plain_char);
    }
    Cow::Owned(plain)
}

/// Returns the length up to a blank, or to the first unmatched closing parenthesis; a backslash includes the next
/// character.
fn url_len(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().take(LONGEST_URL) {
        match byte {
            _ if std::mem::take(&mut escaped) && byte != b' ' => {}
            b'\\' => escaped = true,
            b' ' => return Some(at),
            b'(' => open += 1,
            b')' if open == 0 => return Some(at),
            b')' => open -= 1,
            _ => {}
        }
    }
    None
}
