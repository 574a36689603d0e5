use super::{plain, render};

#[test]
fn codes_become_classes() {
    let text = "a\u{1b}[1;31mred\u{1b}[4;40m<b>\u{1b}[0m end";
    assert_eq!(
        render(text).into_string(),
        "a<span class=\"ansi-1 ansi-31\">red</span><span class=\"ansi-1 ansi-4 ansi-31 ansi-40\">&lt;b&gt;</span> end"
    );
    assert_eq!(plain(text), "ared<b> end");
}

#[test]
fn a_code_without_number_resets_and_unknown_ones_change_nothing() {
    assert_eq!(
        render("\u{1b}[32mg\u{1b}[m.\u{1b}[2;33my\u{1b}[99m!").into_string(),
        "<span class=\"ansi-32\">g</span>.<span class=\"ansi-33\">y</span><span class=\"ansi-33\">!</span>"
    );
}

#[test]
fn what_is_no_code_stays() {
    for text in ["\u{1b}[", "\u{1b}[31", "\u{1b}[31x", "\u{1b}]0;title", "plain", ""] {
        assert_eq!(plain(text), text);
    }
    assert_eq!(plain(&"\u{1b}[".repeat(50_000)).len(), 100_000);
}
