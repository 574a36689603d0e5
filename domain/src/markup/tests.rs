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

/// The parts of a text that is one paragraph.
fn inlines(text: &str) -> Vec<Inline<'_>> {
    match parse(text).pop() {
        Some(Block::Paragraph(inlines)) => inlines,
        other => panic!("{text}: {other:?}"),
    }
}

/// A text with its styles in brackets: `[Bold a]`.
fn shape(text: &str) -> String {
    fn of(inlines: &[Inline<'_>]) -> String {
        let one = |inline: &Inline<'_>| match inline {
            Inline::Text(text) => (*text).to_owned(),
            Inline::LineBreak => "/".to_owned(),
            Inline::Styled(style, content) => format!("[{style:?} {}]", of(content)),
            Inline::Code(text) => format!("[Code {text}]"),
            Inline::Link(link) => format!("[Link {}]", link.url),
            other => format!("[{other:?}]"),
        };
        inlines.iter().map(one).collect()
    }
    of(&inlines(text))
}

#[test]
fn lone_underscores_stay_and_italics_hold_no_other() {
    for text in ["_t_est", "t_e_st", "_id_field", "snake_case", "call _foo_bar(x) and _baz_qux(y)", "_a _b"] {
        assert_eq!(shape(text), text);
    }
    assert_eq!(shape("_a_"), "[Italic a]");
    assert_eq!(shape("_a b_, c"), "[Italic a b], c");
    assert_eq!(shape("_a __b__ c_"), "[Italic a [Underline b] c]");
    assert_eq!(shape("use _id_field and other_id_ then"), "use _id_field and other[Italic id] then");
    assert_eq!(shape("___a___"), "[Italic [Underline a]]");
}

#[test]
fn a_backslash_makes_plain_what_is_no_letter_digit_or_blank() {
    assert_eq!(shape(r"\*a\* \_b\_ \`c\` \\ \~~d~~"), r"*a* _b_ `c` \ ~~d~~");
    assert_eq!(shape(r"\é \漢 \👍"), "é 漢 👍");
    for text in [r"\a", r"\1", r"\ ", "\\\u{a0}"] {
        assert_eq!(shape(&format!("{text}.")), format!("{text}."));
    }
    assert_eq!(shape(r"¯\_(ツ)_/¯ \_(ツ)_"), r"¯\_(ツ)_/¯ _(ツ)_");
    assert_eq!(shape(r"`\*`"), r"[Code \*]", "code has no escapes");
}

#[test]
fn escapes_in_a_masked_address_and_its_title_are_dropped() {
    let text = r#"[Wick](https://wiki.example/Wick_\(lamp\) "Wick \(lamp\)") [Oil](https://wiki.example/Oil\_lamp)"#;
    let links: Vec<_> = inlines(text)
        .into_iter()
        .filter_map(|inline| match inline {
            Inline::Link(link) => Some((link.url.into_owned(), link.title.map(std::borrow::Cow::into_owned))),
            _ => None,
        })
        .collect();
    let link = |url: &str, title: Option<&str>| (url.to_owned(), title.map(str::to_owned));
    let wick = link("https://wiki.example/Wick_(lamp)", Some("Wick (lamp)"));
    assert_eq!(links, [wick, link("https://wiki.example/Oil_lamp", None)]);
    assert_eq!(shape(r"https://wiki.example/Oil\_lamp"), r"[Link https://wiki.example/Oil\_lamp]", "a bare one stays");
}

#[test]
fn of_two_styles_the_longer_one_wins() {
    assert_eq!(shape("***a***"), "[Italic [Bold a]]");
    assert_eq!(shape("**a *b* c**"), "[Bold a [Italic b] c]");
    assert_eq!(shape("*a **b** c*"), "[Italic a [Bold b] c]");
    assert_eq!(shape("x * a* *b *c"), "x * a* *b *c");
    assert_eq!(shape("**a"), "**a");
    assert_eq!(shape("~~a~~_ ~~b~~"), "[Strikethrough a~~_ ]b~~");
    assert_eq!(shape("||a `||` b||"), "[Spoiler a `]` b||");
    assert_eq!(shape("*a _b *c* d_*"), "*a [Italic b c d]*");
}

#[test]
fn a_time_has_at_most_17_digits_and_no_plus() {
    use super::{Moment, TimeStyle};
    let time = |text: &str| match inlines(text).first() {
        Some(Inline::Time(moment, style)) => Some((moment.map(Moment::seconds), *style)),
        _ => None,
    };
    assert_eq!(time("<t:1618953630>"), Some((Some(1_618_953_630), TimeStyle::ShortDateTime)));
    assert_eq!(time("<t:-5:S>"), Some((Some(-5), TimeStyle::CompactDateTimeSeconds)));
    assert_eq!(time("<t:8640000000000:R>"), Some((Some(8_640_000_000_000), TimeStyle::Relative)));
    assert_eq!(time("<t:8640000000001:R>"), Some((None, TimeStyle::Relative)), "beyond what a date can be");
    assert_eq!(time("<t:99999999999999999:d>"), Some((None, TimeStyle::ShortDate)));
    for text in ["<t:999999999999999999>", "<t:+5>", "<t:>", "<t:5:x>", "<t:5:>", "<t:5.5>"] {
        assert_eq!(time(text), None, "{text}");
    }
}

#[test]
fn hostile_markers_take_time_in_proportion_to_their_number() {
    for text in ["*a ", "**a", "_a_b", "__a", "||a", "~~", "`a``", "[a](", "*a**", "\\*_", "***", "___ "] {
        let text = text.repeat(200_000 / text.len());
        assert!(parse(&text).len() <= text.len());
    }
}
