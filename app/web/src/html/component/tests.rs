use serde_json::{Value, json};

use super::{Links, components};

fn page(component: Value) -> String {
    components(&[component], &Links::default(), &|_| None).into_string()
}

#[test]
fn texts_are_shown_however_deep_they_stand() {
    let text = json!({"type": 10, "content": "**deep** <b>"});
    let page = page(json!({"type": 17, "components": [{"type": 9, "components": [text]}]}));
    assert!(page.contains("<strong>deep</strong> &lt;b&gt;"), "{page}");
}

#[test]
fn a_button_leads_nowhere_but_to_the_web() {
    let button = |url: &str| json!({"type": 1, "components": [{"type": 2, "label": "Go", "url": url}]});
    assert!(page(button("https://example.org/")).contains("<a class=\"button\" href=\"https://example.org/\""));
    assert!(!page(button("javascript:alert(1)")).contains("href"));
}

#[test]
fn endless_nesting_ends() {
    let deep =
        (0..100).fold(json!({"type": 10, "content": "hidden"}), |inner, _| json!({"type": 17, "components": [inner]}));
    assert!(!page(deep).contains("hidden"));
}
