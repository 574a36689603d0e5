//! Custom emojis that the exporter rendered: `:name:` becomes `<:name:id>` again, if its id is certain.

use std::collections::HashMap;
use std::ops::Range;

use domain::markup::{address_ranges, code_ranges};
use serde_json::Value;

use crate::object::{id_text, text};

/// An emoji in the list of those of a text.
struct Listed {
    id: String,
    is_animated: bool,
}

/// Returns `content` with custom emojis as `<:name:id>`, where the exporter has rendered them as `:name:`; `emojis` are
/// those of the text, in order. Each is repaired once, and none in code or in an address. If several of one name are
/// listed, each belongs to one occurrence; with more or fewer occurrences the assignment is unknown, and the text
/// stays.
pub(crate) fn with_emojis(content: String, emojis: Option<&Value>) -> String {
    let emojis = emojis.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut by_name: HashMap<&str, Vec<Listed>> = HashMap::new();
    for emoji in emojis {
        let (Some(id), Some(name)) = (id_text(emoji, "id"), text(emoji, "name")) else { continue };
        let is_number = id.bytes().all(|byte| byte.is_ascii_digit()) && id.parse().is_ok_and(|id: u64| id > 0);
        if is_number && !name.is_empty() && name.bytes().all(is_of_name) {
            let is_animated = emoji.get("isAnimated") == Some(&Value::Bool(true));
            by_name.entry(name).or_default().push(Listed { id: id.into_owned(), is_animated });
        }
    }
    if by_name.is_empty() {
        return content;
    }
    // Raw text already has the ids after the names.
    let Some(places) = places(&content, &by_name) else { return content };
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for place in &places {
        *counts.entry(&content[place.clone()]).or_default() += 1;
    }
    let mut used: HashMap<&str, usize> = HashMap::new();
    let (mut repaired, mut at) = (String::with_capacity(content.len()), 0);
    for place in places {
        let name = &content[place.clone()];
        let listed = &by_name[name];
        let turn = used.entry(name).or_default();
        let emoji = match listed.as_slice() {
            [one, others @ ..] if others.iter().all(|other| other.id == one.id) => one,
            several if counts[name] == several.len() => &several[*turn],
            _ => continue,
        };
        *turn += 1;
        repaired.push_str(&content[at..place.start - 1]);
        repaired.push_str(if emoji.is_animated { "<a:" } else { "<:" });
        repaired.push_str(name);
        repaired.push(':');
        repaired.push_str(&emoji.id);
        repaired.push('>');
        at = place.end + 1;
    }
    repaired.push_str(&content[at..]);
    repaired
}

/// Returns the positions of the names of rendered emojis between their colons, outside of code and addresses; `None` if
/// `content` has an emoji with its id, and so was not rendered.
fn places(content: &str, known: &HashMap<&str, Vec<Listed>>) -> Option<Vec<Range<usize>>> {
    let bytes = content.as_bytes();
    let mut closed = code_ranges(content).chain(address_ranges(content)).collect::<Vec<_>>();
    closed.sort_unstable_by_key(|range| range.start);
    let mut closed = closed.into_iter().peekable();
    let (mut places, mut at) = (Vec::new(), 0);
    while let Some(found) = content[at..].find(':') {
        let colon = at + found;
        at = colon + 1;
        while closed.next_if(|range| range.end <= colon).is_some() {}
        let length = bytes[at..].iter().take_while(|byte| is_of_name(**byte)).count();
        let end = at + length;
        if bytes.get(end) != Some(&b':') {
            continue;
        }
        let digits = bytes[end + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let opens = content[..colon].ends_with('<') || content[..colon].ends_with("<a");
        if opens && digits > 0 && bytes.get(end + 1 + digits) == Some(&b'>') {
            return None;
        }
        if closed.peek().is_none_or(|range| colon < range.start) && known.contains_key(&content[at..end]) {
            places.push(at..end);
            at = end + 1;
        }
    }
    Some(places)
}

const fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests;
