use super::*;

#[test]
fn a_script_of_one_language_names_it() {
    for (text, expected) in [
        ("今日はいい天気ですね", Some("ja")),
        ("今天天气很好", Some("zh")),
        ("오늘 날씨가 좋네요, right?", Some("ko")),
        ("שלום לכולם", Some("he")),
        ("Καλημέρα", Some("el")),
        ("สวัสดี", Some("th")),
        ("Grüße aus Köln", None),
        ("Привет", None),
        ("مرحبا", None),
        ("a long sentence about שלום in English", None),
        ("plain", None),
        ("🦀 123", None),
        ("", None),
    ] {
        assert_eq!(of(text), expected, "{text}");
    }
}
