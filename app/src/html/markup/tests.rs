use super::{Channels, excerpt, render};

fn html(text: &str) -> String {
    render(text, &Channels::new()).into_string()
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
    assert!(html("<@00000000000000000000000000000000>").contains("@Amber Badger 0000"));
    assert!(html("<#1>").contains("#unknown-channel"));
    assert!(html("||a||").contains("class=\"spoiler\""));
    assert!(html("<t:1772366400>").contains("1 March 2026 at 12:00 UTC"));
}

#[test]
fn an_excerpt_is_plain_text_and_keeps_spoilers_hidden() {
    let channels = Channels::new();
    assert_eq!(excerpt("**a** `b`\n\n> c ||the butler|| <#1>", 100, &channels), "a b c █████ #unknown-channel");
    assert_eq!(excerpt("# one\n- two\n```rs\nthree\n```", 100, &channels), "one two three");
    assert_eq!(excerpt("letters of any script: 日本語", 25, &channels), "letters of any script: 日…");
}

#[test]
fn the_direction_of_a_list_follows_its_letters() {
    assert_eq!(html("- אחת\n- שתיים"), "<ul dir=\"auto\"><li><p>אחת</p></li><li><p>שתיים</p></li></ul>");
}
