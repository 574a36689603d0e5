//! Generated texts in many languages, the definition of a phrase in words, and an index in memory.

use proptest::prelude::*;
use unicode_normalization::char::canonical_combining_class;

use super::super::text::{FoldedText, Phrase, Token, TokenPattern};

const PIECES: [&str; 13] = [
    "the quick Über naïve café Œuvre o’clock don't node.js x86_64 3.14 Ærø Łódź résumé",
    "Straße STRASSE Fußball groß Maß Öl",
    "İstanbul ISPARTA ırmak Iğdır şeker ÇAY",
    "Ὀδυσσεύς ΟΔΥΣΣΕΥΣ λόγος ΆΛΦΑ ᾳ",
    "Ёлка ёлка ЙОД йод Київ ў Щука",
    "مُحَمَّد محمد مـرحبا أهلا می\u{200c}خواهم ١٢٣",
    "שָׁלוֹם שלום עולם צה״ל",
    "किताब नमस्ते हिन्दी क़लम ज्ञान",
    "สวัสดีครับ ภาษาไทย ที่นี่ น้ำ กำลัง ๒๕๖๗",
    "中文搜索 東京大学 搜索引擎 我们 𠮷野家",
    "とうきょうタワー カタカナ ｶﾞｷﾞ がぎ 日本語、テスト 々〆 ーー",
    "한국어 검색 안녕하세요 ㅋㅋㅋ \u{1112}\u{1161}\u{11ab} 검색을",
    "👨\u{200d}👩\u{200d}👧 🇩🇪🇫🇷 👍🏽 ❤\u{fe0f} 1\u{fe0f}\u{20e3} ＡＢＣ１２３ ﬁn ﷺ ½ ™ ① Z\u{335}\u{323}\u{301}algo \u{301}",
];

const SEPARATORS: [&str; 12] = [" ", "  ", "\n", ", ", "-", "、", "。", "・", "", "", "\u{200b}", "/"];

/// A text of pieces of words in several languages, with anything between.
pub(super) fn text() -> impl Strategy<Value = String> {
    let word = (0..PIECES.len(), any::<prop::sample::Index>()).prop_map(|(language, index)| {
        let words: Vec<&str> = PIECES[language].split(' ').collect();
        (*index.get(&words)).to_owned()
    });
    let part = (0..PIECES.len(), any::<prop::sample::Index>(), 1..4_usize).prop_map(|(language, index, length)| {
        let chars: Vec<char> = PIECES[language].chars().collect();
        chars[index.index(chars.len())..].iter().take(length).collect()
    });
    let piece = prop_oneof![
        6 => word,
        3 => part,
        1 => any::<char>().prop_map(|char| char.to_string()),
        1 => Just("a".repeat(64)),
        1 => (60..140_usize).prop_map(|length| "ab".chars().cycle().take(length).collect()),
        1 => "[aあ]{1,5}",
        // Marks of several scripts in any order, kept ones and dropped ones.
        2 => "[\u{93c}\u{94d}\u{e38}\u{e48}\u{3099}\u{301}\u{306}\u{323}aकกかиᄒ\u{1161}\u{11ab}]{1,8}",
    ];
    let separator = prop::sample::select(&SEPARATORS[..]);
    prop::collection::vec((piece, separator), 0..12)
        .prop_map(|parts| parts.into_iter().flat_map(|(piece, separator)| [piece, separator.to_owned()]).collect())
}

pub(super) fn has_kept_marks(text: &str) -> bool {
    use unicode_normalization::UnicodeNormalization;
    text.nfkd().any(|char| canonical_combining_class(char) != 0)
}

#[derive(Debug, Clone, PartialEq)]
enum Segment {
    Word(String),
    Run(String),
}

/// The segments of a text, cut by its tokens' definition in words: a run is what has a letter that needs no blanks.
fn segments(text: &str) -> Vec<Segment> {
    let folded = FoldedText::new(text);
    let letters: String = folded.letters().iter().collect();
    // A run of two and more has a token for each character; a word of so few characters has one in all.
    let unspaced = |segment: &str| {
        let doubled: String = segment.chars().chain(segment.chars()).take(60).collect();
        FoldedText::new(&doubled).tokens(0).count() > 1
    };
    letters
        .split(' ')
        .filter(|segment| !segment.is_empty())
        .map(
            |segment| {
                if unspaced(segment) { Segment::Run(segment.to_owned()) } else { Segment::Word(segment.to_owned()) }
            },
        )
        .collect()
}

/// Whether a text contains a phrase, by comparing segments one by one.
pub(super) fn contains(text: &str, phrase: &str, is_prefix: bool) -> bool {
    let (text, phrase) = (segments(text), segments(phrase));
    let last = phrase.len() - 1;
    let fits = |index: usize, found: &Segment| match (&phrase[index], found) {
        (Segment::Word(wanted), Segment::Word(found)) if is_prefix && index == last => found.starts_with(wanted),
        (Segment::Word(wanted), Segment::Word(found)) => wanted == found,
        (Segment::Run(wanted), Segment::Run(found)) => match (index == 0, index == last) {
            (true, true) => found.contains(wanted),
            (true, false) => found.ends_with(wanted),
            (false, true) => found.starts_with(wanted),
            (false, false) => wanted == found,
        },
        _ => false,
    };
    text.windows(phrase.len()).any(|found| found.iter().enumerate().all(|(index, found)| fits(index, found)))
}

/// Whether tokens at successive positions match the phrase's patterns, as an index finds it.
pub(super) fn index_finds(tokens: &[Token], phrase: &Phrase) -> bool {
    let patterns = phrase.patterns();
    let at = |position: u32, pattern: &TokenPattern| {
        tokens.iter().any(|token| token.position == position && pattern.accepts(&token.text))
    };
    tokens.iter().map(|token| token.position).any(|start| (start..).zip(&patterns).all(|(place, one)| at(place, one)))
}
