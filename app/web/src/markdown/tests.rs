use std::collections::HashSet;

use domain::markup::{Block, Inline, parse};
use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag};
use serde_json::{Value, json};

use super::embed::poll_result;
use super::markup::{line, render};
use super::text::{Text, quoted};
use super::{Document, Scope};
use crate::html::Names;

fn markdown(text: &str) -> String {
    render(text, &Scope { names: &Names::default(), origin: "https://archive.example" })
}

/// Returns the addresses of the links in a text.
fn addresses(blocks: &[Block<'_>], to: &mut HashSet<String>) {
    for block in blocks {
        match block {
            Block::Paragraph(content) | Block::Heading { content, .. } | Block::Subtext(content) => {
                in_line(content, to);
            }
            Block::Quote(inner) => addresses(inner, to),
            Block::List(list) => list.items.iter().for_each(|item| addresses(item, to)),
            Block::Code(_) => {}
        }
    }
}

fn in_line(content: &[Inline<'_>], to: &mut HashSet<String>) {
    for inline in content {
        match inline {
            Inline::Link(link) => drop(to.insert(link.url.to_string())),
            Inline::Styled(_, content) => in_line(content, to),
            _ => {}
        }
    }
}

/// Checks that a document has no HTML, heading or picture, and no link but those to `allowed` addresses.
fn check(document: &str, allowed: &HashSet<String>) {
    for options in [Options::empty(), Options::ENABLE_GFM | Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH] {
        for event in Parser::new_ext(document, options) {
            match event {
                Event::Html(html) | Event::InlineHtml(html) => panic!("HTML {html:?} in {document:?}"),
                Event::Start(Tag::Link { dest_url, .. }) => {
                    let url =
                        dest_url.replace("%5C", "\\").replace("%22", "\"").replace("%60", "`").replace("%7C", "|");
                    let url = url.replace("%3C", "<").replace("%3E", ">");
                    assert!(allowed.contains(&*dest_url) || allowed.contains(&url), "link to {url:?} in {document:?}");
                }
                Event::Start(tag @ (Tag::Heading { .. } | Tag::Image { .. } | Tag::HtmlBlock | Tag::Table(_))) => {
                    panic!("{tag:?} in {document:?}")
                }
                Event::Rule => panic!("a rule in {document:?}"),
                _ => {}
            }
        }
    }
}

/// Parts of texts that mean something in Discord, in `CommonMark` or in HTML.
fn part() -> impl Strategy<Value = String> {
    let known = [
        "*",
        "**",
        "***",
        "_",
        "__",
        "~~",
        "~~~",
        "||",
        "`",
        "``",
        "```",
        "```rs\n",
        "\n```\n",
        "\n",
        "\n\n",
        "\r",
        "\r\n",
        " ",
        "    ",
        "\t",
        "#",
        "# ",
        "### ",
        "-",
        "- ",
        "+ ",
        "* ",
        "1.",
        "1. ",
        "2) ",
        "123456789. ",
        ">",
        "> ",
        ">>> ",
        "-# ",
        "<b>",
        "<script>",
        "</b>",
        "<!--",
        "<?",
        "<a href=x>",
        "&lt;",
        "&#60;",
        "&",
        ";",
        "[",
        "]",
        "](",
        "![",
        "!",
        "(",
        ")",
        "[x]: https://ref.example",
        "[^1]",
        "https://plain.example/a_b",
        "https://odd.example/<x>`&copy;",
        "<https://angle.example/x>",
        "[label](https://label.example/y \"title\")",
        "[*a* `b`](https://styled.example/`z`)",
        "<@00000000000000000000000000000000>",
        "<#1>",
        "<@&1>",
        "<:name:1>",
        "<t:1772366400:R>",
        "</command:1>",
        "---",
        "***\n",
        "===",
        "\\",
        "|",
        "|-|",
        "a | b",
        ":-:",
        "+++",
        "x",
        "1",
        "é",
        "\u{a0}",
        "\u{1}",
        "\u{2028}",
        "word",
    ];
    prop_oneof![
        6 => proptest::sample::select(known.to_vec()).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

fn hostile() -> impl Strategy<Value = String> {
    proptest::collection::vec(part(), 0..24).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_text_breaks_out(text in hostile()) {
        let mut allowed = HashSet::new();
        addresses(&parse(&text), &mut allowed);
        let document = markdown(&text);
        check(&document, &allowed);
        check(&quoted(&document), &allowed);
        let names = Names::default();
        let scope = Scope { names: &names, origin: "" };
        check(&line(&text, &scope, false), &allowed);
        check(&format!("[{}](https://own.example/)", line(&text, &scope, true)), &["https://own.example/".to_owned()].into());
    }

    #[test]
    fn text_stays_the_same_text(text in hostile()) {
        let mut written = Text::default();
        written.push(&text);
        let written = written.finish();
        let mut shown = String::new();
        for event in Parser::new(&written) {
            match event {
                Event::Text(text) => shown.push_str(&text),
                Event::SoftBreak | Event::HardBreak | Event::Start(Tag::Paragraph) => shown.push(' '),
                Event::End(_) => {}
                event => panic!("{event:?} in {written:?}"),
            }
        }
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let is_shown = |char: &char| !char.is_control() || matches!(char, '\r' | '\n' | '\t');
        let expected: String = text.chars().filter(is_shown).collect();
        prop_assert_eq!(words(&shown), words(&expected));
    }

    #[test]
    fn a_title_is_one_heading(text in hostile()) {
        let mut document = Document::new(&text);
        document.open();
        let document = document.finish();
        let headings = Parser::new(&document).filter(|event| matches!(event, Event::Start(Tag::Heading { .. }))).count();
        prop_assert_eq!(headings, 1, "{:?}", document);
        let others = Parser::new(&document).filter(|event| matches!(event, Event::Start(tag) if !matches!(tag, Tag::Heading { .. })));
        prop_assert_eq!(others.count(), 0, "{:?}", document);
    }
}

#[test]
fn markup_keeps_its_meaning() {
    for (text, expected) in [
        ("**bold** *italic* __under__ ~~gone~~ ||hidden||", "**bold** *italic* _under_ ~~gone~~ ||hidden||"),
        ("# A heading", "**A heading**"),
        ("a\nb\n\nc", "a  \nb  \n\nc"),
        ("`let x = 1;` and ``a`b``", "`let x = 1;` and ``a`b``"),
        ("```rs\nfn main() {}\n# not a heading\n```", "```rs\nfn main() {}\n# not a heading\n```"),
        ("> quoted\n> twice", "> quoted  \n> twice"),
        ("- one\n- two\n  - nested", "- one\n- two\n  - nested"),
        ("3. three\n4. four", "3. three\n4. four"),
        ("see https://example.org/a_b?c=1&d=2", "see <https://example.org/a_b?c=1&d=2>"),
        ("[a *label*](https://example.org/)", "[a *label*](https://example.org/)"),
        ("<@00000000000000000000000000000000>, <#7>, <@&8>", "@Amber Badger 00000, #unknown-channel, @role"),
        ("<:wave:123> <t:1772366400:R>", ":wave: 1 March 2026 at 12:00 UTC"),
        ("snake_case stays, 1.5 and 3. stay", "snake_case stays, 1.5 and 3. stay"),
        ("<b>5 * 3 [x]</b>", "\\<b\\>5 \\* 3 \\[x\\]\\</b\\>"),
    ] {
        assert_eq!(markdown(text), expected, "{text}");
    }
}

#[test]
fn the_result_of_a_poll_is_that_of_the_page() {
    let field = |(name, value): (&str, &str)| json!({"name": name, "value": value});
    let result = |fields: &[(&str, &str)]| {
        let fields: Vec<Value> = fields.iter().copied().map(field).collect();
        poll_result(&[json!({"fields": fields})])
    };
    let (question, answer) = (("poll_question_text", "Which?"), ("victor_answer_text", "Wool"));
    let (emoji, votes, total) =
        (("victor_answer_emoji_name", "🧶"), ("victor_answer_votes", "3"), ("total_votes", "5"));
    for (fields, expected) in [
        (&[question, answer, emoji, votes, total][..], Some("> Which?\n>\n> 🧶 Wool · 3 of 5 votes")),
        (&[question, answer, votes], Some("> Which?\n>\n> Wool")),
        (&[question, total], Some("> Which?\n>\n> No answer won · 5 votes")),
        (&[question], Some("> Which?\n>\n> No answer won")),
        (&[answer], None),
    ] {
        assert_eq!(result(fields).as_deref(), expected);
    }
}
