use serde_json::json;

use super::{poll, result};

#[test]
fn a_poll_shows_its_question_and_what_each_answer_got() {
    let page = poll(&json!({
        "question": {"text": "Tea <or> coffee?"},
        "answers": [
            {"answer_id": 1, "poll_media": {"text": "Tea", "emoji": {"name": "🍵"}}},
            {"answer_id": 2, "poll_media": {"text": "Coffee"}}
        ],
        "results": {"answer_counts": [{"id": 1, "count": 3}]}
    }));
    let page = page.into_string();
    assert!(page.contains("Tea &lt;or&gt; coffee?"), "{page}");
    assert!(page.contains("<li>🍵 Tea<span class=\"meta\"> · 3 votes</span></li><li>Coffee</li>"), "{page}");
}

#[test]
fn a_result_names_the_winner_or_says_that_there_is_none() {
    let field = |name: &str, value: &str| json!({"name": name, "value": value});
    let won = [
        field("poll_question_text", "Which?"),
        field("victor_answer_text", "Herringbone"),
        field("victor_answer_votes", "37"),
        field("total_votes", "58"),
    ];
    let page = result(&[json!({"fields": won})]).into_string();
    assert!(page.contains("<strong>Herringbone</strong><span class=\"meta\"> · 37 of 58 votes</span>"), "{page}");
    let page = result(&[json!({"fields": [won[0], won[3]]})]).into_string();
    assert!(page.contains("No answer won · 58 votes"), "{page}");
}
