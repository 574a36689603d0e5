use std::fmt::Write as _;

use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::super::text::{FoldedText, MAX_WORD, Phrase, TOKENIZER, TokenPattern, tokenizer_version};
use super::model::{contains, index_finds, text};

fn tokens(text: &str) -> Vec<String> {
    FoldedText::new(text).tokens(0).map(|token| token.text).collect()
}

fn exact(text: &str) -> TokenPattern {
    TokenPattern::Exact(text.to_owned())
}

fn prefix(text: &str) -> TokenPattern {
    TokenPattern::Prefix(text.to_owned())
}

fn patterns(text: &str) -> Vec<TokenPattern> {
    Phrase::new(text).unwrap().patterns()
}

#[test]
fn words_are_letters_and_digits() {
    assert_eq!(tokens("Don't panic: node.js, x86_64!"), ["don", "t", "panic", "node", "js", "x86", "64"]);
    assert_eq!(tokens("नमस्ते दुनिया"), ["नमस्ते", "दुनिया"]);
    assert_eq!(tokens(" -- \n… "), [""; 0]);
    assert!(FoldedText::new(" …").is_empty());
    assert!(FoldedText::new("").is_empty());
}

#[test]
fn scripts_without_spaces_are_pairs_and_the_last_character() {
    assert_eq!(tokens("東京都"), ["東京", "京都", "都"]);
    assert_eq!(tokens("검색을 해"), ["검색", "색을", "을", "해"]);
    assert_eq!(tokens("iPhoneを買う"), ["iphone", "を買", "買う", "う"]);
    assert_eq!(tokens("ไทย"), ["ไท", "ทย", "ย"]);
    assert_eq!(tokens("hi👍🏽"), ["hi", "👍🏽", "🏽"]);
    assert_eq!(tokens("⏰ ❤\u{fe0f}1\u{fe0f}\u{20e3}"), ["⏰", "❤", "1"]);
}

#[test]
fn a_phrase_demands_tokens_that_follow_each_other() {
    assert_eq!(patterns("Quick fox"), [exact("quick"), exact("fox")]);
    assert_eq!(patterns("京"), [prefix("京")]);
    assert_eq!(patterns("東京都"), [exact("東京"), exact("京都")]);
    assert_eq!(patterns("東京、大阪"), [exact("東京"), exact("京"), exact("大阪")]);
    assert_eq!(patterns("京 tower"), [exact("京"), exact("tower")]);
    assert_eq!(Phrase::prefix("quick fo").unwrap().patterns(), [exact("quick"), prefix("fo")]);
    assert_eq!(Phrase::prefix("東京").unwrap().patterns(), [exact("東京")]);
    assert_eq!(Phrase::new("…"), None);
}

#[test]
fn a_long_word_is_exact_although_it_is_cut() {
    let (a, b) = ("a".repeat(MAX_WORD), "b".repeat(MAX_WORD));
    assert_eq!(tokens(&format!("{a}b")), [format!("{a}-"), "-b".to_owned()]);
    let found = |text: &str, phrase: Option<Phrase>| {
        let (text, phrase) = (FoldedText::new(text), phrase.unwrap());
        let found = phrase.is_in(&text);
        assert_eq!(index_finds(&text.tokens(0).collect::<Vec<_>>(), &phrase), found);
        found
    };
    let both = format!("{a}{b}");
    assert!(found(&both, Phrase::new(&both)));
    assert!(found(&both, Phrase::prefix(&a)));
    assert!(!found(&both, Phrase::new(&a)));
    assert!(!found(&both, Phrase::new(&b)));
    assert!(tokens(&"x".repeat(100_000)).iter().all(|token| token.chars().count() <= MAX_WORD + 2));
}

#[test]
fn offsets_are_those_of_the_text() {
    let tokens: Vec<_> = FoldedText::new("Grüße 東京").tokens(7).collect();
    let places: Vec<_> = tokens.iter().map(|token| (token.position, token.from, token.to)).collect();
    assert_eq!(places, [(7, 0, 5), (8, 6, 8), (9, 7, 8)]);
}

/// If this fails, texts have other tokens than before: raise [`TOKENIZER`], so that indexes are rebuilt, then change the
/// digest. New versions of Unicode's tables change the version by themselves, so that then only the digest changes.
#[test]
fn the_version_changes_with_the_tokens() {
    let mut all = String::new();
    for char in (0..0x3100).filter_map(char::from_u32) {
        let around = format!("a{char}b {char}{char}語{char}c\u{301}{char}");
        for token in FoldedText::new(&around).tokens(0) {
            writeln!(all, "{} {} {}", token.text, token.from, token.to).unwrap();
        }
    }
    let digest = Sha256::digest(all.as_bytes());
    let digest = u64::from_be_bytes(*digest.first_chunk().unwrap());
    assert_eq!((TOKENIZER, format!("{digest:016x}")), (2, "d0f84e505919374a".to_owned()));
    assert!(tokenizer_version().starts_with(&format!("{TOKENIZER}/")), "{}", tokenizer_version());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn an_index_finds_what_contains_the_phrase(
        text in text(), other in text(), from in any::<prop::sample::Index>(), length in 1..8_usize, pre in any::<bool>()
    ) {
        let chars: Vec<char> = text.chars().collect();
        let from = from.index(chars.len() + 1);
        let part: String = chars[from..].iter().take(length).collect();
        for (wanted, inside) in [(part.as_str(), &text), (part.as_str(), &other), (other.as_str(), &text)] {
            let Some(phrase) = (if pre { Phrase::prefix(wanted) } else { Phrase::new(wanted) }) else { continue };
            let folded = FoldedText::new(inside);
            let tokens: Vec<_> = folded.tokens(3).collect();
            let expected = contains(inside, wanted, pre);
            prop_assert_eq!(phrase.is_in(&folded), expected, "{:?} in {:?}", wanted, inside);
            prop_assert_eq!(index_finds(&tokens, &phrase), expected, "index: {:?} in {:?}", wanted, inside);
        }
    }

    #[test]
    fn every_part_of_a_run_and_every_word_is_found(text in text(), at in any::<prop::sample::Index>(), length in 1..6_usize) {
        let folded = FoldedText::new(&text);
        let letters: String = folded.letters().iter().collect();
        let segments: Vec<&str> = letters.split(' ').filter(|segment| !segment.is_empty()).collect();
        if segments.is_empty() {
            return Ok(());
        }
        let segment = *at.get(&segments);
        prop_assert!(Phrase::new(segment).unwrap().is_in(&folded), "{}", segment);
        let chars: Vec<char> = segment.chars().collect();
        let from = at.index(chars.len());
        let part: String = chars[from..].iter().take(length).collect();
        if FoldedText::new(segment).tokens(0).count() == chars.len() && chars.len() > 1 {
            let phrase = Phrase::new(&part).unwrap();
            let tokens: Vec<_> = folded.tokens(0).collect();
            prop_assert!(phrase.is_in(&folded) && index_finds(&tokens, &phrase), "{} of {}", part, segment);
        }
        let phrase = Phrase::prefix(&chars[..=from].iter().collect::<String>()).unwrap();
        prop_assert!(phrase.is_in(&folded));
    }

    #[test]
    fn positions_ascend_by_one_and_offsets_are_in_the_text(text in text()) {
        let length = text.chars().count();
        for (index, token) in FoldedText::new(&text).tokens(0).enumerate() {
            prop_assert_eq!(token.position as usize, index);
            prop_assert!(token.from < token.to && token.to <= length);
            prop_assert!(token.text.chars().count() <= MAX_WORD + 2 && !token.text.contains(' '));
        }
    }
}
