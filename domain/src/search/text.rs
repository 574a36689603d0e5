//! Words, and the tokens under which an index stores them.
//!
//! A text is folded and cut into segments. In scripts that separate words, a segment is a word: letters, digits and
//! marks up to the next other character. In scripts that do not, and in Korean, it is a *run*: all characters of such
//! scripts up to the next other one. A word matches as a whole, a run by any part of it.

use unicode_normalization::char::is_combining_mark;

use super::fold::{Folded, fold};

/// The version of the rules in this module and of folding. It changes with every change that can make another token of
/// any text.
pub const TOKENIZER: u32 = 2;

/// The maximum number of characters of a token, apart from its marks: longer words become several tokens.
pub const MAX_WORD: usize = 64;

/// Stands between two segments of a folded text, and at both ends.
pub(super) const BREAK: char = ' ';
/// Marks the cut ends of a word that is longer than [`MAX_WORD`]; never a part of a word itself.
const CUT: char = '-';

/// Returns the version under which an index is stored: [`TOKENIZER`] with the versions of the Unicode tables of the
/// standard library and of normalization, `1/17.0.0/17.0.0`. Under another version the index must be rebuilt.
#[must_use]
pub fn tokenizer_version() -> String {
    let (major, minor, patch) = char::UNICODE_VERSION;
    let tables = unicode_normalization::UNICODE_VERSION;
    format!("{TOKENIZER}/{major}.{minor}.{patch}/{}.{}.{}", tables.0, tables.1, tables.2)
}

/// The part that a character has in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Separates segments.
    Break,
    /// A character of a word.
    Word,
    /// A character of a run.
    Run,
}

fn class(char: char) -> Class {
    if char.is_ascii() {
        return if char.is_ascii_alphanumeric() { Class::Word } else { Class::Break };
    }
    if is_pictograph(char) {
        return Class::Run;
    }
    match char.is_alphanumeric() || is_combining_mark(char) {
        true if is_unspaced(char) => Class::Run,
        true => Class::Word,
        false => Class::Break,
    }
}

/// Returns whether a letter or mark belongs to a script that does not separate words by spaces, or to Korean, whose
/// words have endings.
fn is_unspaced(char: char) -> bool {
    matches!(
        char,
        // Thai, Lao, Tibetan; Myanmar; Hangul's parts; Khmer; Tai Le to Tai Tham; Balinese.
        '\u{E00}'..='\u{FFF}' | '\u{1000}'..='\u{109F}' | '\u{1100}'..='\u{11FF}' | '\u{1780}'..='\u{17FF}'
            | '\u{1950}'..='\u{1AAF}' | '\u{1B00}'..='\u{1B7F}'
            // Radicals, kana, Bopomofo, Hangul's parts, ideographs and Yi.
            | '\u{2E80}'..='\u{A4CF}'
            // Hangul's parts; Javanese, Myanmar, Cham, Tai Viet; Hangul.
            | '\u{A960}'..='\u{A97F}' | '\u{A980}'..='\u{A9FF}' | '\u{AA00}'..='\u{AADF}' | '\u{AC00}'..='\u{D7FF}'
            // Ideographs and kana that have another form, and those beyond 16 bits.
            | '\u{F900}'..='\u{FAFF}' | '\u{FF66}'..='\u{FF9F}' | '\u{16FE0}'..='\u{18DFF}'
            | '\u{1AFF0}'..='\u{1B2FF}' | '\u{20000}'..='\u{3FFFF}'
    )
}

/// Returns whether it is an emoji or a similar picture, which readers search for like an ideograph.
fn is_pictograph(char: char) -> bool {
    matches!(char, '\u{2300}'..='\u{23FF}' | '\u{2600}'..='\u{27BF}' | '\u{2B00}'..='\u{2BFF}' | '\u{1F000}'..='\u{1FAFF}')
}

/// A text as search compares it: folded, its segments separated by one blank, with a blank at both ends.
///
/// Making it takes time proportional to the length of the text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FoldedText {
    letters: Vec<char>,
    /// For each of `letters`, the code points of the text that it was made from; empty for a blank.
    sources: Vec<(usize, usize)>,
}

impl FoldedText {
    /// Folds `text`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut folded = Self { letters: vec![BREAK], sources: vec![(0, 0)] };
        let mut before = Class::Break;
        for Folded { letter, from, to } in fold(text) {
            let class = class(letter);
            if class != before && before != Class::Break {
                folded.push(BREAK, (from, from));
            }
            if class != Class::Break {
                folded.push(letter, (from, to));
            }
            before = class;
        }
        if before != Class::Break {
            folded.push(BREAK, (0, 0));
        }
        folded
    }

    fn push(&mut self, letter: char, source: (usize, usize)) {
        self.letters.push(letter);
        self.sources.push(source);
    }

    /// Returns whether the text has no character that can be searched for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.letters.len() <= 1
    }

    /// Returns the segments in their order, each with the index of its first letter.
    fn segments(&self) -> impl Iterator<Item = (usize, &[char])> {
        let mut at = 0;
        self.letters.split(|letter| *letter == BREAK).filter_map(move |segment| {
            let start = at;
            at += segment.len() + 1;
            (!segment.is_empty()).then_some((start, segment))
        })
    }

    /// Returns the tokens in their order, the first at `position`. Positions ascend by one; the caller leaves at least
    /// one out between two texts, so that no phrase reaches from one into the other.
    pub fn tokens(&self, position: u32) -> impl Iterator<Item = Token> {
        let tokens = self.segments().flat_map(|(start, segment)| {
            let cuts = if is_run(segment) { run_tokens(segment) } else { word_tokens(segment) };
            cuts.into_iter().map(move |(text, from, to)| (text, start + from, start + to))
        });
        (position..).zip(tokens).map(|(position, (text, from, to))| {
            let (from, to) = self.source(from, to).unwrap_or_default();
            Token { text, position, from, to }
        })
    }

    /// Returns the characters of the folded text; for tests of folding.
    #[must_use]
    pub fn letters(&self) -> &[char] {
        &self.letters
    }

    /// Returns the code points of the text that the folded characters of a range were made from, without the blanks at
    /// its ends; `None` if it has only blanks.
    pub(super) fn source(&self, from: usize, to: usize) -> Option<(usize, usize)> {
        let letters = self.letters[from..to].iter().zip(&self.sources[from..to]);
        // Marks can be in another order than in the text.
        let sources = letters.filter(|(letter, _)| **letter != BREAK).map(|(_, source)| *source);
        sources.reduce(|all, one| (all.0.min(one.0), all.1.max(one.1)))
    }

    /// Returns the index after the segment in which `at` is.
    pub(super) fn segment_end(&self, at: usize) -> usize {
        self.letters[at..].iter().position(|letter| *letter == BREAK).map_or(self.letters.len(), |len| at + len)
    }
}

fn is_run(segment: &[char]) -> bool {
    segment.first().is_some_and(|letter| class(*letter) == Class::Run)
}

type Cut = (String, usize, usize);

/// Each two neighbours, then the last character alone, which is also where the run ends.
fn run_tokens(run: &[char]) -> Vec<Cut> {
    (0..run.len())
        .map(|at| {
            let end = (at + 2).min(run.len());
            (run[at..end].iter().collect(), at, end)
        })
        .collect()
}

/// The word; a long one in parts, with a mark where it was cut, so that a part is never equal to a whole word.
fn word_tokens(word: &[char]) -> Vec<Cut> {
    let parts = word.len().div_ceil(MAX_WORD);
    let cut = |is_cut: bool| is_cut.then_some(CUT);
    (word.chunks(MAX_WORD).enumerate())
        .map(|(index, part)| {
            let from = index * MAX_WORD;
            let text = cut(index > 0).into_iter().chain(part.iter().copied()).chain(cut(index + 1 < parts)).collect();
            (text, from, from + part.len())
        })
        .collect()
}

/// A term of an index, at one place of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// A word, two neighbours in a run, or the last character of a run; at most [`MAX_WORD`] + 2 characters.
    pub text: String,
    /// Its position among the tokens.
    pub position: u32,
    /// The first code point of its source in the text.
    pub from: usize,
    /// The code point after its source.
    pub to: usize,
}

/// What one token of a text must be.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TokenPattern {
    /// This text.
    Exact(String),
    /// Any text that starts with this one.
    Prefix(String),
}

impl TokenPattern {
    /// Returns whether a token with this text is one of the pattern.
    #[must_use]
    pub fn accepts(&self, token: &str) -> bool {
        match self {
            Self::Exact(text) => token == text,
            Self::Prefix(prefix) => token.starts_with(prefix.as_str()),
        }
    }
}

/// Segments that follow each other: what one word or quoted phrase of a query demands of a text.
///
/// Words match as a whole, except that with [`Phrase::is_prefix`] the last one is the start of a word. A run at the
/// start or end of the phrase can be a part of a longer run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phrase {
    text: FoldedText,
    is_prefix: bool,
}

impl Phrase {
    /// Returns the phrase that `text` demands, or `None` if it has no character that can be searched for.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        Self::with_prefix(text, false)
    }

    /// Returns the phrase that `text` demands; the last word may go on.
    #[must_use]
    pub fn prefix(text: &str) -> Option<Self> {
        Self::with_prefix(text, true)
    }

    fn with_prefix(text: &str, is_prefix: bool) -> Option<Self> {
        let text = FoldedText::new(text);
        (!text.is_empty()).then_some(Self { text, is_prefix })
    }

    /// Returns whether the last word may go on.
    #[must_use]
    pub const fn is_prefix(&self) -> bool {
        self.is_prefix
    }

    /// Returns whether it ends in a run, which can always go on.
    pub(super) fn ends_in_run(&self) -> bool {
        self.text.segments().last().is_some_and(|(_, segment)| is_run(segment))
    }

    /// Returns the folded characters that a text's folded characters must contain. A blank at an end stands for the
    /// start or end of a segment.
    pub(super) fn needle(&self) -> &[char] {
        let letters = &self.text.letters;
        let from = usize::from(self.text.segments().next().is_some_and(|(_, segment)| is_run(segment)));
        let open = self.is_prefix || self.ends_in_run();
        &letters[from..letters.len() - usize::from(open)]
    }

    /// Returns the patterns of successive tokens: a text contains the phrase if and only if its tokens at successive
    /// positions match them in this order. Only the last can be a prefix.
    #[must_use]
    pub fn patterns(&self) -> Vec<TokenPattern> {
        let mut patterns = Vec::new();
        let mut segments = self.text.segments().peekable();
        while let Some((_, segment)) = segments.next() {
            let is_last = segments.peek().is_none();
            let run = is_run(segment);
            let mut tokens = if run { run_tokens(segment) } else { word_tokens(segment) };
            let open = is_last && (run || self.is_prefix);
            // A part of a run does not end where the run ends, unless it is a single character, which can start two.
            let last = tokens.pop().map(|(text, ..)| text).filter(|_| !open || !run || tokens.is_empty());
            let exact = tokens.into_iter().map(|(text, ..)| TokenPattern::Exact(text));
            let last = last.map(|text| if open { TokenPattern::Prefix(text) } else { TokenPattern::Exact(text) });
            patterns.extend(exact.chain(last));
        }
        patterns
    }
}
