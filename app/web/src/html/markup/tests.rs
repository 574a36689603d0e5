use domain::guild::Role;
use domain::tenant::Color;

use super::{Names, excerpt, render};

fn html(text: &str) -> String {
    render(text, &Names::default()).into_string()
}

#[test]
fn what_is_typed_is_escaped_everywhere() {
    for text in [
        "<script>alert(1)</script>",
        "**<script>**",
        "`<script>`",
        "```<script>\n<script>```",
        "[<script>](https://example.org/\"onclick=\"x)",
        "# <script>",
        "||<script>||",
        "> <script>",
    ] {
        let page = html(text);
        assert!(!page.contains("<script") && !page.contains("\"onclick"), "{text}: {page}");
    }
}

#[test]
fn markup_becomes_elements() {
    assert_eq!(html("**a** *b*"), "<p dir=\"auto\"><strong>a</strong> <em>b</em></p>");
    assert!(html("<@00000000000000000000000000000000>").contains("@<bdi>Amber Badger 00000</bdi>"));
    assert!(html("<#1>").contains("#unknown-channel"));
    assert!(html("||a||").contains("class=\"spoiler\""));
    assert!(html("<t:1772366400>").contains("1 March 2026 at 12:00 UTC"));
}

#[test]
fn an_excerpt_is_plain_text_and_keeps_spoilers_hidden() {
    let names = Names::default();
    assert_eq!(excerpt("**a** `b`\n\n> c ||the butler|| <#1>", 100, &names), "a b c █████ #unknown-channel");
    assert_eq!(excerpt("# one\n- two\n```rs\nthree\n```", 100, &names), "one two three");
    assert_eq!(excerpt("letters of any script: 日本語", 25, &names), "letters of any script: 日…");
}

#[test]
fn the_direction_of_a_list_follows_its_letters() {
    assert_eq!(html("- אחת\n- שתיים"), "<ul dir=\"auto\"><li><p>אחת</p></li><li><p>שתיים</p></li></ul>");
}

#[test]
fn a_role_is_shown_by_its_name_and_colour() {
    let role = |raw: u64, name: &str, rgb: u32| {
        let id = raw.to_string().parse().unwrap();
        (id, Role { id, name: name.to_owned(), color: Color::from_rgb(rgb).filter(|_| rgb > 0), position: 1 })
    };
    let roles = [role(7, "<b>Weavers</b>", 0xE7_4C3C), role(8, "Knitters", 0), role(9, "@everyone", 0)];
    let names = Names { roles: roles.into_iter().collect(), ..Names::default() };
    let page = render("<@&7> <@&8> <@&9> <@&10> <@&0>", &names).into_string();
    assert!(page.contains("fill=\"#e74c3c\"") && page.contains("@<bdi>&lt;b&gt;Weavers&lt;/b&gt;</bdi>"), "{page}");
    assert_eq!(page.matches("<svg").count(), 1, "{page}");
    assert!(page.contains(">@<bdi>Knitters<") && page.contains(">@<bdi>everyone<"), "{page}");
    assert_eq!(page.matches(">@<bdi>role<").count(), 2, "{page}");
    assert_eq!(excerpt("<@&7> <@&8> <@&10>", 100, &names), "@<b>Weavers</b> @Knitters @role");
}
