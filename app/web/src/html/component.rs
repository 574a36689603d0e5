//! Components: texts, buttons and pictures that programs put into a message.

use maud::{Markup, html};
use serde_json::Value;

use super::Links;
use super::embed::{Own, picture};
use super::markup::render;
use super::message::{kind, text};

/// The depth below which components are left out: Discord nests three levels.
const DEPTH: u8 = 8;

/// Returns the components of a message, in their order; those that only work in Discord are named.
pub(super) fn components(components: &[Value], links: &Links, own: Own<'_>) -> Markup {
    html! { @for component in components { (one(component, links, own, DEPTH)) } }
}

fn one(component: &Value, links: &Links, own: Own<'_>, depth: u8) -> Markup {
    if depth == 0 {
        return html! {};
    }
    let inner = |key: &str| component.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let nested = html! {
        @for child in inner("components") { (one(child, links, own, depth - 1)) }
        @if let Some(accessory) = component.get("accessory") { (one(accessory, links, own, depth - 1)) }
    };
    // https://discord.com/developers/docs/components/reference#component-object-component-types
    match component.get("type").and_then(Value::as_u64) {
        Some(1) => html! { p class="buttons" { (nested) } },
        Some(2) => button(component),
        Some(3 | 5..=8) => html! { span class="button" { (text(component, "placeholder")) " ▾" } },
        Some(10) => render(text(component, "content"), &links.names),
        Some(11) => media(component, own),
        Some(12) => html! { @for item in inner("items") { (media(item, own)) } },
        Some(13) => {
            html! { p class="card file" dir="auto" { (kind(text(component, "name"))) bdi { (text(component, "name")) } } }
        }
        Some(14) => html! { hr; },
        Some(17) => html! { div class="card" { (nested) } },
        _ => nested,
    }
}

fn button(component: &Value) -> Markup {
    let label = text(component, "label");
    let emoji = component.get("emoji").map(emoji).unwrap_or_default();
    html! {
        @match web(text(component, "url")) {
            Some(url) => a class="button" href=(url) rel="nofollow ugc noopener" { (emoji) " " bdi { (label) } },
            None => span class="button" { (emoji) " " bdi { (label) } },
        }
        " "
    }
}

/// Returns the media of an item, under its description. A spoiler is a link.
fn media(item: &Value, own: Own<'_>) -> Markup {
    let media = item.get("media").unwrap_or(&Value::Null);
    let description = Some(text(item, "description")).filter(|name| !name.is_empty());
    if item.get("spoiler") == Some(&Value::Bool(true)) {
        return picture(media, Some(description.unwrap_or("A picture that is a spoiler")), None, &|_| None);
    }
    picture(media, description, None, own)
}

/// Returns a Unicode emoji as it is, a custom one by its name.
pub(crate) fn emoji(emoji: &Value) -> String {
    match (text(emoji, "name"), emoji.get("id").filter(|id| !id.is_null() && *id != "")) {
        ("", _) => String::new(),
        (name, Some(_)) => format!(":{name}:"),
        (name, None) => name.to_owned(),
    }
}

fn web(url: &str) -> Option<&str> {
    Some(url).filter(|url| url.starts_with("https://") || url.starts_with("http://"))
}

#[cfg(test)]
mod tests;
