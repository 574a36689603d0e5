//! Polls and their results.

use maud::{Markup, html};
use serde_json::Value;

use super::component::emoji;
use super::message::text;

/// Returns a poll as Discord describes it: the question, its answers, and the votes where they are known.
pub(super) fn poll(poll: &Value) -> Markup {
    let empty = Vec::new();
    let answers = poll.get("answers").and_then(Value::as_array).unwrap_or(&empty);
    let counts = poll.pointer("/results/answer_counts").and_then(Value::as_array).unwrap_or(&empty);
    let votes = |answer: &Value| {
        let id = answer.get("answer_id")?;
        counts.iter().find(|count| count.get("id") == Some(id))?.get("count")?.as_u64()
    };
    html! {
        div class="card poll" dir="auto" {
            p class="h" { (poll.pointer("/question/text").and_then(Value::as_str).unwrap_or("Poll")) }
            ul { @for answer in answers {
                li {
                    @if let Some(media) = answer.get("poll_media") {
                        @if let Some(sign) = media.get("emoji") { (emoji(sign)) " " }
                        (text(media, "text"))
                    }
                    @if let Some(votes) = votes(answer) { span class="meta" { " · " (votes) " votes" } }
                }
            } }
        }
    }
}

/// Returns the result that Discord's system message carries in the fields of an embed. `poll` names it.
pub(super) fn result(embeds: &[Value], poll: &Markup) -> Markup {
    let fields = || embeds.iter().filter_map(|embed| embed.get("fields")?.as_array()).flatten();
    let value = |name: &str| fields().find(|field| text(field, "name") == name).map(|field| text(field, "value"));
    let total = value("total_votes");
    html! {
        p class="system" dir="auto" { "closed " (poll) }
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
