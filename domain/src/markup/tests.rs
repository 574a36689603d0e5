use proptest::prelude::*;

use super::{Block, Inline, Style, parse};

#[test]
fn styles_nest_and_unmatched_markers_are_text() {
    let blocks = parse("**bold *both*** and * alone");
    let [Block::Paragraph(inlines)] = &blocks[..] else { panic!("{blocks:?}") };
    assert!(matches!(&inlines[0], Inline::Styled(Style::Bold, inside) if inside.len() == 2), "{inlines:?}");
    assert!(matches!(&inlines[1], Inline::Text(text) if text.contains("* alone")), "{inlines:?}");
}

#[test]
fn nothing_inside_code_is_markup() {
    let blocks = parse("```rust\nlet a = **b**;\n```");
    assert!(
        matches!(&blocks[..], [Block::Code(code)] if code.language == Some("rust") && code.text == "let a = **b**;")
    );
}

#[test]
fn an_address_is_a_link_only_on_the_web() {
    let blocks = parse("[x](javascript:alert(1)) https://example.org/a");
    let [Block::Paragraph(inlines)] = &blocks[..] else { panic!("{blocks:?}") };
    let links: Vec<_> = inlines.iter().filter(|inline| matches!(inline, Inline::Link(_))).collect();
    assert!(matches!(links[..], [Inline::Link(link)] if link.url == "https://example.org/a"), "{inlines:?}");
}

proptest! {
    #[test]
    fn any_text_is_read(text in r"(\*|_|\||~|`|>|#|-|\[|\]|\(|\)|<@|<#|:|\n| |a|1){0,200}") {
        prop_assert!(parse(&text).len() <= text.len());
    }
}

#[test]
fn a_long_hostile_text_is_read() {
    for marker in ["*", "||", ">", "[", "`", "> ", "- ", "<@", "__", "\\"] {
        let text = marker.repeat(20_000);
        assert!(parse(&text).len() <= text.len());
    }
}
