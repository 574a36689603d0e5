//! The parts of programs below a text: embeds, components and polls.

use serde_json::Value;

use super::Scope;
use super::markup::{line, render};
use super::text::{Text, link, quoted};
use crate::html::component::emoji;
use crate::html::embed::{Own, Shown, grouped, picture_name, web};
use crate::html::message::text;
use crate::html::poll::{self, Outcome, Winner};
use crate::html::time::moment;

/// The depth below which components are left out: Discord nests three levels.
const DEPTH: u8 = 8;

/// Returns the embeds of a message, each as a quote.
pub(super) fn embeds(embeds: &[Value], scope: &Scope<'_>, own: Own<'_>) -> Vec<String> {
    grouped(embeds).iter().map(|shown| embed(shown, scope, own)).filter(|embed| !embed.is_empty()).collect()
}

fn embed(shown: &Shown<'_>, scope: &Scope<'_>, own: Own<'_>) -> String {
    let embed = shown.embed;
    let part = |key: &str| embed.get(key).filter(|part| part.is_object());
    let named = |key: &str| part(key).filter(|part| !text(part, "name").is_empty());
    let mut parts: Vec<String> = Vec::new();
    parts.extend(named("provider").map(|provider| linked(&Text::line(text(provider, "name")), web(provider, "url"))));
    parts.extend(named("author").map(|author| linked(&Text::line(text(author, "name")), web(author, "url"))));
    let (title, url) = (text(embed, "title"), web(embed, "url"));
    parts.push(match (title, url) {
        ("", None) => String::new(),
        ("", Some(url)) => address(url),
        (title, Some(url)) => link(&line(title, scope, true), url),
        (title, None) => line(title, scope, false),
    });
    parts.push(render(text(embed, "description"), scope));
    let fields = embed.get("fields").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for field in fields {
        parts.push(line(text(field, "name"), scope, false));
        parts.push(render(text(field, "value"), scope));
    }
    parts.extend(shown.pictures.iter().map(|one| picture(one, None, own)));
    parts.extend(part("video").filter(|_| url.is_none()).and_then(|video| Some(link("Video", web(video, "url")?))));
    parts.extend(part("thumbnail").map(|one| picture(one, None, own)));
    let footer = part("footer").map(|footer| Text::line(text(footer, "text"))).filter(|text| !text.is_empty());
    let at = text(embed, "timestamp").parse().ok().map(moment);
    parts.push(footer.into_iter().chain(at).collect::<Vec<_>>().join(" · "));
    quote(parts)
}

/// Returns the parts as one quote; nothing if all of them are empty.
fn quote(mut parts: Vec<String>) -> String {
    parts.retain(|part| !part.is_empty());
    if parts.is_empty() { String::new() } else { quoted(&parts.join("\n\n")) }
}

fn address(url: &str) -> String {
    let mut text = Text::default();
    text.address(url);
    text.finish()
}

fn linked(name: &str, url: Option<&str>) -> String {
    url.map_or_else(|| name.to_owned(), |url| link(name, url))
}

/// Returns a picture: itself if its bytes are on this server, or else a named link.
fn picture(picture: &Value, name: Option<&str>, own: Own<'_>) -> String {
    let name = Text::line(picture_name(picture, name));
    let stored = ["url", "proxy_url", "canonicalUrl"].into_iter().find_map(|key| own(text(picture, key)));
    match stored {
        Some(stored) => format!("!{}", link(&name, &stored)),
        None => format!("Picture: {}", linked(&name, web(picture, "url").or_else(|| web(picture, "proxy_url")))),
    }
}

/// Returns the components of a message, in their order; those that only work in Discord are named.
pub(super) fn components(components: &[Value], scope: &Scope<'_>, own: Own<'_>) -> Vec<String> {
    let mut parts = Vec::new();
    for component in components {
        one(component, scope, own, DEPTH, &mut parts);
    }
    parts.retain(|part| !part.is_empty());
    parts
}

fn one(component: &Value, scope: &Scope<'_>, own: Own<'_>, depth: u8, to: &mut Vec<String>) {
    if depth == 0 {
        return;
    }
    let inner = |key: &str| component.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let name = |key: &str| Text::line(text(component, key));
    let media = |item: &Value| {
        let media = item.get("media").unwrap_or(&Value::Null);
        let description = Some(text(item, "description")).filter(|name| !name.is_empty());
        if item.get("spoiler") == Some(&Value::Bool(true)) {
            return picture(media, Some(description.unwrap_or("A picture that is a spoiler")), &|_| None);
        }
        picture(media, description, own)
    };
    // https://discord.com/developers/docs/components/reference#component-object-component-types
    match component.get("type").and_then(Value::as_u64) {
        Some(2) => to.push(button(component)),
        Some(3 | 5..=8) => to.push(format!("List: {}", name("placeholder"))),
        Some(10) => to.push(render(text(component, "content"), scope)),
        Some(11) => to.push(media(component)),
        Some(12) => to.extend(inner("items").iter().map(media)),
        Some(13) => to.push(format!("File: {}", name("name"))),
        Some(14) => {}
        _ => {
            for child in inner("components").iter().chain(component.get("accessory")) {
                one(child, scope, own, depth - 1, to);
            }
        }
    }
}

fn button(component: &Value) -> String {
    let emoji = component.get("emoji").map(emoji).unwrap_or_default();
    let label = Text::line(&format!("{emoji} {}", text(component, "label")));
    format!("Button: {}", linked(&label, web(component, "url")))
}

/// Returns a poll: the question, its answers, and the votes where they are known.
pub(super) fn poll(poll: &Value) -> String {
    let mut lines = vec![format!("Poll: {}", Text::line(poll::question(poll))), String::new()];
    for (answer, votes) in poll::answers(poll) {
        let votes = votes.map_or_else(String::new, |votes| format!(" · {votes} votes"));
        lines.push(format!("- {}{votes}", Text::line(&answer)));
    }
    lines.join("\n")
}

/// Returns the result of a poll, if it is known.
pub(super) fn poll_result(embeds: &[Value]) -> Option<String> {
    let Outcome { question, winner, total } = Outcome::of(embeds)?;
    let outcome = match (winner, total) {
        (Some(Winner { emoji, answer, votes }), total) => {
            let answer = emoji.into_iter().chain([answer]).collect::<Vec<_>>().join(" ");
            votes
                .zip(total)
                .map_or_else(|| answer.clone(), |(votes, total)| format!("{answer} · {votes} of {total} votes"))
        }
        (None, Some(total)) => format!("No answer won · {total} votes"),
        (None, None) => "No answer won".to_owned(),
    };
    Some(quoted(&format!("{}\n\n{}", Text::line(question), Text::line(&outcome))))
}
