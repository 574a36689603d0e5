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

/// The result of a poll, as far as it is known.
pub(crate) struct Outcome<'a> {
    /// The question.
    pub(crate) question: &'a str,
    /// The answer with the most votes.
    pub(crate) winner: Option<Winner<'a>>,
    /// The number of all votes.
    pub(crate) total: Option<&'a str>,
}

/// The answer with the most votes.
pub(crate) struct Winner<'a> {
    /// The emoji before its text.
    pub(crate) emoji: Option<&'a str>,
    /// Its text.
    pub(crate) answer: &'a str,
    /// Its number of votes.
    pub(crate) votes: Option<&'a str>,
}

impl<'a> Outcome<'a> {
    /// Returns the result that Discord's system message carries in the fields of an embed.
    pub(crate) fn of(embeds: &'a [Value]) -> Option<Self> {
        let fields = || embeds.iter().filter_map(|embed| embed.get("fields")?.as_array()).flatten();
        let value = |name: &str| fields().find(|field| text(field, "name") == name).map(|field| text(field, "value"));
        let winner = value("victor_answer_text").map(|answer| Winner {
            emoji: value("victor_answer_emoji_name"),
            answer,
            votes: value("victor_answer_votes"),
        });
        Some(Self { question: value("poll_question_text")?, winner, total: value("total_votes") })
    }
}

/// Returns the result of a poll, if it is known.
pub(super) fn result(embeds: &[Value]) -> Markup {
    let Some(Outcome { question, winner, total }) = Outcome::of(embeds) else { return Markup::default() };
    html! {
        div class="card poll" dir="auto" {
            p class="h" { (question) }
            @match winner {
                Some(Winner { emoji, answer, votes }) => p {
                    @if let Some(emoji) = emoji { (emoji) " " }
                    strong { (answer) }
                    @if let Some((votes, total)) = votes.zip(total) {
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

#[cfg(test)]
mod tests;
