use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization;

use super::super::fold::fold;

fn folded(text: &str) -> String {
    fold(text).into_iter().map(|folded| folded.letter).collect()
}

fn sources(text: &str) -> Vec<(char, usize, usize)> {
    fold(text).into_iter().map(|folded| (folded.letter, folded.from, folded.to)).collect()
}

#[test]
fn case_and_accents_are_folded() {
    for (text, expected) in [
        ("Ünïcode ÉCOLE", "unicode ecole"),
        ("Straße STRASSE ẞ", "strasse strasse ss"),
        ("İstanbul ISTANBUL ıstanbul", "istanbul istanbul istanbul"),
        ("Łódź Ærø Œuvre Þór", "lodz aero oeuvre thor"),
        ("Ὀδυσσεύς ΟΔΥΣΣΕΎΣ", "οδυσσευσ οδυσσευσ"),
        ("Ёлка ЕЛКА", "елка елка"),
        ("Tiếng Việt Đà Nẵng", "tieng viet da nang"),
        ("ＡＢＣ　１２３ ﬁ Ⅳ ², ½", "abc 123 fi iv 2, 1⁄2"),
        ("ŞĞIİşğıi", "sgiisgii"),
        ("ǅ Ǆ ǆ", "dz dz dz"),
    ] {
        assert_eq!(folded(text), expected, "{text}");
    }
}

#[test]
fn points_of_hebrew_and_arabic_are_folded() {
    assert_eq!(folded("שָׁלוֹם"), "שלום");
    assert_eq!(folded("مُحَمَّد أحمد"), "محمد احمد");
    assert_eq!(folded("مـــرحبا"), "مرحبا", "a tatweel is only length");
    assert_eq!(folded("می\u{200c}خواهم"), "میخواهم");
}

#[test]
fn marks_that_make_another_letter_are_kept() {
    assert_eq!(folded("й И\u{306} и"), "й й и");
    assert_eq!(folded("が か\u{3099} ｶﾞ"), "が が ガ");
    assert_eq!(folded("किताब"), "किताब");
    assert_eq!(folded("ที่นี่"), "ที่นี่");
    assert_eq!(folded("\u{1112}\u{1161}\u{11ab}글"), "한글");
}

#[test]
fn a_folded_character_has_the_range_of_its_source() {
    assert_eq!(sources("aß"), [('a', 0, 1), ('s', 1, 2), ('s', 1, 2)]);
    assert_eq!(sources("e\u{301}\u{302}x"), [('e', 0, 3), ('x', 3, 4)]);
    assert_eq!(sources("a\u{200d}b"), [('a', 0, 1), ('b', 2, 3)]);
    assert_eq!(sources("\u{1112}\u{1161}\u{11ab}"), [('한', 0, 3)]);
    assert_eq!(sources("и\u{306}х"), [('й', 0, 2), ('х', 2, 3)]);
}

#[test]
fn a_long_row_of_marks_is_no_long_work() {
    let text = format!("a{}", "\u{301}".repeat(200_000));
    assert_eq!(sources(&text), [('a', 0, 200_001)]);
    // Kept marks of two classes, alternating.
    let text = format!("क{}", "\u{94d}\u{93c}".repeat(50_000));
    assert_eq!(fold(&text).len(), 100_001);
}

#[test]
fn folding_every_character_twice_is_folding_it_once() {
    for char in (0..=u32::from(char::MAX)).filter_map(char::from_u32) {
        let once = folded(&char.to_string());
        assert_eq!(folded(&once), once, "{char} U+{:04X}", u32::from(char));
    }
}

#[test]
fn every_character_is_folded_like_its_other_cases_and_forms() {
    for char in (0..=u32::from(char::MAX)).filter_map(char::from_u32) {
        if char.nfkd().eq([char]) && char.to_lowercase().eq([char]) && char.to_uppercase().eq([char]) {
            continue;
        }
        let text = char.to_string();
        let once = folded(&text);
        for other in
            [text.nfkc().collect::<String>(), text.nfd().collect(), text.nfkd().collect(), text.nfc().collect()]
        {
            assert_eq!(folded(&other), once, "{char} U+{:04X} as {other:?}", u32::from(char));
        }
        // The letter iota below another one is an accent, but has a capital of its own.
        if !text.nfkd().any(|part| part == '\u{345}') {
            assert_eq!(folded(&text.to_lowercase()), once, "{char} U+{:04X}", u32::from(char));
            assert_eq!(folded(&text.to_uppercase()), once, "{char} U+{:04X}", u32::from(char));
        }
    }
}

#[test]
fn an_iota_below_a_letter_comes_after_the_marks_before_it_in_every_form() {
    for text in ["ᾳ\u{94d} ", "α\u{345}\u{94d} ", "α\u{94d}\u{345} "] {
        assert_eq!(folded(text), "α\u{94d}ι ", "{text:?}");
    }
    assert_eq!((folded("ᾴ"), folded("ᾼ")), ("αι".to_owned(), "αι".to_owned()));
}

proptest! {
    #[test]
    fn the_form_of_a_text_makes_no_difference(text in super::model::text()) {
        let once = folded(&text);
        prop_assert_eq!(&folded(&once), &once);
        prop_assert_eq!(&folded(&text.nfd().collect::<String>()), &once);
        prop_assert_eq!(&folded(&text.nfkc().collect::<String>()), &once);
    }

    #[test]
    fn sources_ascend_and_are_in_the_text(text in super::model::text()) {
        let length = text.chars().count();
        let mut before = 0;
        for folded in fold(&text) {
            prop_assert!(folded.from < folded.to && folded.to <= length);
            prop_assert!(folded.from >= before || super::model::has_kept_marks(&text));
            before = folded.from;
        }
    }
}
