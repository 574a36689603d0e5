//! Case, accents and compatibility forms folded, with each character's source.

use unicode_normalization::char::{canonical_combining_class, compose, decompose_compatible};

/// The Greek mark whose capital is a letter of its own.
const IOTA_BELOW: char = '\u{345}';

/// A folded character and the characters of the text that it was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Folded {
    /// The character.
    pub(super) letter: char,
    /// The first code point of its source.
    pub(super) from: usize,
    /// The code point after its source, dropped accents included.
    pub(super) to: usize,
}

/// Returns the characters of `text` after NFKC, with full case folding and without accents.
///
/// The time is proportional to the length, except that `n` successive marks of a script that needs its marks are
/// sorted. A code point becomes at most 18 characters (U+FDFA).
pub(super) fn fold(text: &str) -> Vec<Folded> {
    let mut letters = Vec::with_capacity(text.len());
    for (at, char) in text.chars().enumerate() {
        let mut push = |letter| letters.push(Folded { letter, from: at, to: at + 1 });
        if char.is_ascii() {
            push(char.to_ascii_lowercase());
        } else {
            // A letter for case folding, and a mark until marks are in order.
            let mut fold = |part| if part == IOTA_BELOW { push(part) } else { fold_case(part, &mut push) };
            decompose_compatible(char, &mut fold);
        }
    }
    if text.is_ascii() {
        return letters;
    }
    letters.retain(|folded| !is_invisible(folded.letter));
    sort_marks(&mut letters);
    for below in letters.iter_mut().filter(|folded| folded.letter == IOTA_BELOW) {
        below.letter = 'ι';
    }
    recompose(without_accents(letters))
}

/// Full case folding, which the standard library lacks: a capital sharp s has only a lower case, a small one only an
/// upper case of two letters. Letters that have a stroke instead of an accent lose it, and ligatures are separated.
fn fold_case(char: char, mut emit: impl FnMut(char)) {
    let upper = char.to_lowercase().flat_map(char::to_uppercase);
    for lower in upper.flat_map(char::to_lowercase) {
        let plain = match lower {
            'æ' => "ae",
            'đ' | 'ð' => "d",
            'ħ' => "h",
            'ł' => "l",
            'ø' => "o",
            'œ' => "oe",
            'ŧ' => "t",
            'þ' => "th",
            _ => {
                emit(lower);
                continue;
            }
        };
        plain.chars().for_each(&mut emit);
    }
}

/// Returns whether a character is not seen, and does not separate words either: soft hyphen, tatweel, fillers,
/// zero-width characters, directions, tags.
fn is_invisible(char: char) -> bool {
    matches!(
        char,
        '\u{AD}' | '\u{640}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180E}'
            | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}'
            | '\u{E0000}'..='\u{E00FF}' | '\u{E01F0}'..='\u{E0FFF}'
    )
}

/// Returns whether a decomposed character is an accent, a vowel point or a selector of a variant. The marks of scripts
/// that write vowels and tones with them, such as Devanagari and Thai, are none.
fn is_accent(char: char) -> bool {
    matches!(
        char,
        // Of Latin, Greek and Cyrillic letters; around symbols.
        '\u{300}'..='\u{36F}' | '\u{483}'..='\u{489}' | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}'
            | '\u{20D0}'..='\u{20FF}' | '\u{2DE0}'..='\u{2DFF}' | '\u{A66F}'..='\u{A672}' | '\u{A674}'..='\u{A67D}'
            | '\u{A69E}' | '\u{A69F}' | '\u{FE20}'..='\u{FE2F}'
            // Hebrew, Arabic and Syriac points.
            | '\u{591}'..='\u{5BD}' | '\u{5BF}' | '\u{5C1}' | '\u{5C2}' | '\u{5C4}' | '\u{5C5}' | '\u{5C7}'
            | '\u{610}'..='\u{61A}' | '\u{64B}'..='\u{65F}' | '\u{670}' | '\u{6D6}'..='\u{6DC}'
            | '\u{6DF}'..='\u{6E4}' | '\u{6E7}' | '\u{6E8}' | '\u{6EA}'..='\u{6ED}' | '\u{711}'
            | '\u{730}'..='\u{74A}' | '\u{898}'..='\u{89F}' | '\u{8CA}'..='\u{8E1}' | '\u{8E3}'..='\u{8FF}'
            | '\u{FB1E}'
            // Variants.
            | '\u{180B}'..='\u{180D}' | '\u{180F}' | '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}'
    )
}

/// Puts successive marks into the canonical order.
fn sort_marks(letters: &mut [Folded]) {
    for marks in letters.chunk_by_mut(|a, b| class(a) != 0 && class(b) != 0) {
        marks.sort_by_key(class);
    }
}

/// Drops the accents; the character before one gets its source as well.
fn without_accents(letters: Vec<Folded>) -> Vec<Folded> {
    let mut kept: Vec<Folded> = Vec::with_capacity(letters.len());
    // The last character that is not a mark.
    let mut base = None;
    for folded in letters {
        if !is_accent(folded.letter) {
            if class(&folded) == 0 {
                base = Some(kept.len());
            }
            kept.push(folded);
            continue;
        }
        if let Some(before) = kept.last_mut().filter(|before| folded.from <= before.to) {
            before.to = before.to.max(folded.to);
        }
        // Not an accent, but another letter of the alphabet.
        if let Some(base) = base.map(|base: usize| &mut kept[base])
            && (base.letter, folded.letter) == ('и', '\u{306}')
        {
            base.letter = 'й';
        }
    }
    kept
}

fn class(folded: &Folded) -> u8 {
    if folded.letter < '\u{300}' { 0 } else { canonical_combining_class(folded.letter) }
}

/// Composes what Unicode composes: <https://www.unicode.org/reports/tr15/#Description_Norm>.
fn recompose(letters: Vec<Folded>) -> Vec<Folded> {
    let mut composed: Vec<Folded> = Vec::with_capacity(letters.len());
    // The last starter, and the class of the last character after it that stayed.
    let mut starter: Option<usize> = None;
    let mut last_class = 0;
    for next in letters {
        if next.letter < '\u{300}' {
            starter = Some(composed.len());
            last_class = 0;
            composed.push(next);
            continue;
        }
        let class = class(&next);
        if let Some(at) = starter {
            let adjacent = at + 1 == composed.len();
            let blocked = !adjacent && last_class >= class;
            if !blocked && let Some(letter) = compose(composed[at].letter, next.letter) {
                let base = &mut composed[at];
                base.letter = letter;
                base.to = base.to.max(next.to);
                continue;
            }
        }
        if class == 0 {
            starter = Some(composed.len());
        }
        last_class = class;
        composed.push(next);
    }
    composed
}
