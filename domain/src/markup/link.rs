//! Addresses on the web, bare and behind a text.

/// The longest address that becomes a link. It bounds the work for each bracket of a hostile text.
const LONGEST_URL: usize = 2_048;
/// The same with its title and the parentheses around both.
const LONGEST_TARGET: usize = 2 * LONGEST_URL;

/// The address at the start of `text`, up to the first blank, without the punctuation that ends a sentence.
pub(super) fn bare_url(text: &str) -> Option<&str> {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    if !host.starts_with(char::is_alphanumeric) {
        return None;
    }
    let stops = |char: char| char.is_whitespace() || char.is_control() || char == '<' || char == '>';
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

/// Where the text between brackets leads.
pub(super) struct Target<'a> {
    pub(super) url: &'a str,
    pub(super) title: Option<&'a str>,
    /// The length of all of it, with both parentheses.
    pub(super) len: usize,
}

/// Reads `(url)`, `(<url>)` or `(url "title")` at the start of `text`; only `http://` and `https://` lead anywhere.
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
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    if !host.starts_with(char::is_alphanumeric) || url.contains(|char: char| char.is_whitespace() || char.is_control())
    {
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
    Some(Target { url, title, len: line.len() - rest.len() })
}

/// Up to a blank, or the parenthesis that closes none of the address's own.
fn url_len(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    for (at, byte) in text.bytes().enumerate().take(LONGEST_URL) {
        match byte {
            b' ' => return Some(at),
            b'(' => open += 1,
            b')' if open == 0 => return Some(at),
            b')' => open -= 1,
            _ => {}
        }
    }
    None
}
