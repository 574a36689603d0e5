//! The language of a text, as far as its script determines it.

/// Returns the language of a text as a BCP 47 tag: that of the script of most of its letters, if only one language is
/// commonly written in it. Latin, Cyrillic, Arabic and Devanagari text can be in many languages, so it has none.
pub(super) fn of(text: &str) -> Option<&'static str> {
    // Most messages are in Latin letters, and need no count.
    if text.is_ascii() {
        return None;
    }
    let mut letters = 0_usize;
    let mut counts = [0_usize; LANGUAGES.len()];
    for letter in text.chars().filter(|letter| letter.is_alphabetic()) {
        letters += 1;
        let found = LANGUAGES
            .iter()
            .position(|(_, ranges)| ranges.iter().any(|(first, last)| (*first..=*last).contains(&letter)));
        if let Some(found) = found {
            counts[found] += 1;
        }
    }
    // Japanese is written in kana and Chinese characters together.
    if counts[KANA] > 0 {
        counts[KANA] += std::mem::take(&mut counts[HAN]);
    }
    let (index, most) = counts.into_iter().enumerate().max_by_key(|(_, count)| *count)?;
    (most * 2 > letters).then_some(LANGUAGES[index].0)
}

const KANA: usize = 0;
const HAN: usize = 1;

/// Languages with a script of their own, and the first and last characters of its blocks
/// (<https://www.unicode.org/Public/UCD/latest/ucd/Blocks.txt>).
const LANGUAGES: [(&str, &[(char, char)]); 10] = [
    ("ja", &[('\u{3040}', '\u{30ff}')]),
    ("zh", &[('\u{3400}', '\u{4dbf}'), ('\u{4e00}', '\u{9fff}')]),
    ("ko", &[('\u{1100}', '\u{11ff}'), ('\u{3130}', '\u{318f}'), ('\u{ac00}', '\u{d7af}')]),
    ("he", &[('\u{0590}', '\u{05ff}')]),
    ("el", &[('\u{0370}', '\u{03ff}'), ('\u{1f00}', '\u{1fff}')]),
    ("hy", &[('\u{0530}', '\u{058f}')]),
    ("ka", &[('\u{10a0}', '\u{10ff}')]),
    ("th", &[('\u{0e00}', '\u{0e7f}')]),
    ("ta", &[('\u{0b80}', '\u{0bff}')]),
    ("km", &[('\u{1780}', '\u{17ff}')]),
];

#[cfg(test)]
mod tests;
