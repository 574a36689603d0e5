//! Polls and their results.

use maud::{Markup, html};
use serde_json::Value;

use super::component::emoji;
use super::message::text;

/// Returns a poll as Discord describes it: the question, its answers, and the votes where they are known.
pub(super) fn poll(poll: &Value) -> Markup {
    html! {
        div class="card poll" dir="auto" {
            p class="h" { (question(poll)) }
            ul { @for (answer, votes) in answers(poll) {
                li {
                    (answer)
                    @if let Some(votes) = votes { span class="meta" { " · " (votes) " votes" } }
                }
            } }
        }
    }
}

/// Returns the question of a poll.
pub(crate) fn question(poll: &Value) -> &str {
    poll.pointer("/question/text").and_then(Value::as_str).unwrap_or("Poll")
}

/// Returns the answers of a poll, with their votes where they are known.
pub(crate) fn answers(poll: &Value) -> Vec<(String, Option<u64>)> {
    let list = |at: &str| poll.pointer(at).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let counts = list("/results/answer_counts");
    let votes = |answer: &Value| {
        let id = answer.get("answer_id")?;
        counts.iter().find(|count| count.get("id") == Some(id))?.get("count")?.as_u64()
    };
    let text_of = |answer: &Value| {
        let media = answer.get("poll_media")?;
        let sign = media.get("emoji").map(|sign| emoji(sign) + " ").unwrap_or_default();
        Some(sign + text(media, "text"))
    };
    list("/answers").iter().map(|answer| (text_of(answer).unwrap_or_default(), votes(answer))).collect()
}

/// Returns the result that Discord's system message carries in the fields of an embed.
pub(super) fn result(embeds: &[Value]) -> Markup {
    let fields = || embeds.iter().filter_map(|embed| embed.get("fields")?.as_array()).flatten();
    let value = |name: &str| fields().find(|field| text(field, "name") == name).map(|field| text(field, "value"));
    let total = value("total_votes");
    html! {
        @if let Some(question) = value("poll_question_text") {
            div class="card poll" dir="auto" {
                p class="h" { (question) }
                @match value("victor_answer_text") {
                    Some(answer) => p {
                        @if let Some(emoji) = value("victor_answer_emoji_name") { (emoji) " " }
                        strong { (answer) }
                        @if let (Some(votes), Some(total)) = (value("victor_answer_votes"), total) {
                            span class="meta" { " · " (votes) " of " (total) " votes" }
                        }
                    },
                    None => p class="meta" {
                        "No answer won" @if let Some(total) = total { " · " (total) " votes" }
                    },
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
