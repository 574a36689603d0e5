use super::{address_ranges, code_ranges};

#[test]
fn code_is_found_with_its_backticks() {
    for (text, code) in [
        ("a `b` c ``d ` e``", vec!["`b`", "``d ` e``"]),
        ("```rs\n`\n``` `x`", vec!["```rs\n`\n```", "`x`"]),
        ("` alone", vec![]),
        ("\\`not code`", vec![]),
        ("\\", vec![]),
        ("ä`字`", vec!["`字`"]),
    ] {
        assert_eq!(code_ranges(text).map(|range| &text[range]).collect::<Vec<_>>(), code, "{text}");
    }
}

#[test]
fn addresses_end_at_a_blank_or_a_bracket() {
    let text = "see <https://a.example/x> http https:/no http://b.example/\nhttps://c";
    let found: Vec<_> = address_ranges(text).map(|range| &text[range]).collect();
    assert_eq!(found, ["https://a.example/x", "http://b.example/", "https://c"]);
}
