//! Ids that a program's text labels as those of people: `User ID: 80351110224678912`, `Name (80351110224678912)`.

use super::keys::{is_id_word, is_person_word, is_thing_word};
use super::text::{Edit, ID_DIGITS, LONGEST_WORD, Rules, SHORTEST, Scan, What, may_name};
use super::view::{Unit, view};

/// Words before `ID` that say that it is not a person's, beside those for Discord's items.
const THING_LABELS: [&str; 8] = ["server", "case", "ticket", "command", "order", "transaction", "log", "post"];

/// Words before `id` in one word, beside those for people: `AccountID`.
const ACCOUNTS: [&str; 3] = ["account", "discord", "u"];

/// Returns the ids of people that a program's text labels as such. `label` stands before the text, as the name of an
/// embed's field does. In time linear in the lengths of both.
pub(super) fn scan_labelled(text: &str, label: &str) -> Vec<Edit> {
    if !may_name(text) {
        return Vec::new();
    }
    let scan = Scan::new(text, Rules { hidden: false, known: None, own: None, fresh: true });
    let label = view(label);
    let label = &label[label.len().saturating_sub(2 * LONGEST_WORD)..];
    let (mut edits, mut at) = (Vec::new(), 0);
    while at < scan.units.len() {
        let end = scan.digits(at);
        if ID_DIGITS.contains(&(end - at)) && is_labelled(&scan, at, end, label) {
            edits.push(scan.edit(at..end, What::Id(scan.string(at..end))));
        }
        at = end.max(at + 1);
    }
    edits
}

/// Returns whether the words before the digits say that they are the id of a person; `label` is before the text.
fn is_labelled(scan: &Scan<'_>, at: usize, end: usize, label: &[Unit]) -> bool {
    // Underscores are markup where no word is behind them.
    let mut before = scan.units[at.saturating_sub(LONGEST_WORD)..at].iter().rev().map(|unit| unit.letter);
    let mut after = scan.units[end..].iter().take(LONGEST_WORD).map(|unit| unit.letter);
    let before = before.find(|letter| *letter != '_');
    let after = after.find(|letter| *letter != '_');
    let is_of_name = |letter: char| letter.is_alphanumeric() || "#&@!/=-.".contains(letter);
    if before.is_some_and(is_of_name) || after.is_some_and(|after| after == '>' || after != '.' && is_of_name(after)) {
        return false;
    }
    let back = label.iter().chain(&scan.units[start(&scan.units, at)..at]).map(|unit| unit.letter);
    let said: String = back.collect();
    let mut words = said.split(|letter: char| !letter.is_alphanumeric()).rev().filter(|word| !word.is_empty());
    let (last, other) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let is_thing = |word: &str| is_thing_word(word) || THING_LABELS.contains(&word);
    if is_id_word(last) {
        return !is_thing(other);
    }
    let noun = last.strip_suffix("ids").or_else(|| last.strip_suffix("id")).unwrap_or(last);
    if is_person_word(noun) || noun != last && ACCOUNTS.contains(&noun) {
        return true;
    }
    let in_brackets = before == Some('(') && after == Some(')');
    let token = said.trim_end_matches(['(', ' ', '_']).rsplit(char::is_whitespace).next().unwrap_or_default();
    let is_item = token.starts_with(['#', '<']) || token.ends_with('>') || is_thing(last) || is_thing(noun);
    in_brackets && !is_item
}

/// Returns the start of the part of a text before `at` that can contain the label of an id.
fn start(units: &[Unit], at: usize) -> usize {
    let from = at.saturating_sub(2 * LONGEST_WORD);
    // The last id before this one has a label of its own.
    let past = units[from..at].windows(SHORTEST).rposition(|part| part.iter().all(|unit| unit.letter.is_ascii_digit()));
    past.map_or(from, |past| from + past + SHORTEST)
}
