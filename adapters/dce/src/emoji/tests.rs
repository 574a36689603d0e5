use serde_json::{Value, json};

use super::with_emojis;

fn emojis(ids: &[(&str, Value)]) -> Value {
    ids.iter().map(|(name, id)| json!({"id": id, "name": name, "isAnimated": *name == "wave"})).collect()
}

fn repaired(content: &str, ids: &[(&str, Value)]) -> String {
    with_emojis(content.to_owned(), Some(&emojis(ids)))
}

#[test]
fn each_is_repaired_once_and_by_the_right_one() {
    let lamps = [("lamp", json!("500000000000000001")), ("lamp", json!("500000000000000002"))];
    for (content, expected) in [
        ("first :lamp: then :lamp: done", "first <:lamp:500000000000000001> then <:lamp:500000000000000002> done"),
        ("only :lamp:", "only :lamp:"),
        (":lamp: :lamp: :lamp:", ":lamp: :lamp: :lamp:"),
        (":lamp: `:lamp:` :lamp:", "<:lamp:500000000000000001> `:lamp:` <:lamp:500000000000000002>"),
    ] {
        assert_eq!(repaired(content, &lamps), expected);
    }
    let same = [("lamp", json!("5")), ("lamp", json!(5)), ("5", json!("7"))];
    assert_eq!(repaired(":lamp::lamp::lamp: :5:", &same), "<:lamp:5><:lamp:5><:lamp:5> <:5:7>");
}

#[test]
fn nothing_in_code_or_an_address_is_touched() {
    let lamp = [("lamp", json!("5")), ("wave", json!(6))];
    for (content, expected) in [
        ("`:lamp:` :lamp:", "`:lamp:` <:lamp:5>"),
        ("```\n:lamp:\n``` :wave:", "```\n:lamp:\n``` <a:wave:6>"),
        ("``a ` :lamp:`` :lamp:", "``a ` :lamp:`` <:lamp:5>"),
        ("` :lamp:", "` <:lamp:5>"),
        ("\\`:lamp:`", "\\`<:lamp:5>`"),
        ("https://example.org/:lamp:/x :lamp:", "https://example.org/:lamp:/x <:lamp:5>"),
        ("[:lamp:](http://example.org/:lamp:)", "[<:lamp:5>](http://example.org/:lamp:)"),
        ("10:lamp:20 :lamp:lamp: ::lamp::", "10<:lamp:5>20 <:lamp:5>lamp: :<:lamp:5>:"),
        ("ä:lamp:é", "ä<:lamp:5>é"),
    ] {
        assert_eq!(repaired(content, &lamp), expected);
    }
}

#[test]
fn raw_text_stays() {
    let lamp = [("lamp", json!("5"))];
    for raw in ["<:lamp:5> and :lamp:", "<a:other:77> :lamp:"] {
        assert_eq!(repaired(raw, &lamp), raw);
    }
    assert_eq!(with_emojis(":lamp:".to_owned(), None), ":lamp:");
}
