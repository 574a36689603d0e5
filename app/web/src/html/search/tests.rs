use super::*;

#[test]
fn an_excerpt_marks_matches_and_covers_spoilers() {
    let piece = |text: &str, is_match, is_hidden| Piece { text: text.to_owned(), is_match, is_hidden };
    let pieces = vec![piece("a <", false, false), piece("b", true, false), piece("c", false, true), piece("d", true, true)];
    let expected = "a &lt;<mark>b</mark><span class=\"spoiler\" tabindex=\"0\">c<mark>d</mark></span>";
    assert_eq!(excerpt(&Excerpt { pieces }).into_string(), expected);
}
