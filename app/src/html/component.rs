//! Components: texts, buttons and pictures that programs put into a message.

use maud::{Markup, html};
use serde_json::Value;

use super::Links;
use super::markup::render;
use super::message::text;

/// Components deeper than this are left out: Discord nests three levels.
const DEPTH: u8 = 8;

/// The components of a message, in their order; those that only work in Discord are named.
pub(super) fn components(components: &[Value], links: &Links) -> Markup {
    html! { @for component in components { (one(component, links, DEPTH)) } }
}

fn one(component: &Value, links: &Links, depth: u8) -> Markup {
    if depth == 0 {
        return html! {};
    }
    let inner = |key: &str| component.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let nested = html! {
        @for child in inner("components") { (one(child, links, depth - 1)) }
        @if let Some(accessory) = component.get("accessory") { (one(accessory, links, depth - 1)) }
    };
    // https://discord.com/developers/docs/components/reference#component-object-component-types
    match component.get("type").and_then(Value::as_u64) {
        Some(1) => html! { p class="buttons" { (nested) } },
        Some(2) => button(component),
        Some(3 | 5..=8) => html! { span class="button" { (text(component, "placeholder")) " ▾" } },
        Some(10) => render(text(component, "content"), &links.names),
        Some(11) => picture(component),
        Some(12) => html! { @for item in inner("items") { (picture(item)) } },
        Some(13) => html! { p class="card" { "📎 " (text(component, "name")) } },
        Some(14) => html! { hr; },
        Some(17) => html! { div class="card" { (nested) } },
        _ => nested,
    }
}

fn button(component: &Value) -> Markup {
    let label = text(component, "label");
    let emoji = component.get("emoji").map(|emoji| text(emoji, "name")).unwrap_or_default();
    html! {
        @match web(text(component, "url")) {
            Some(url) => a class="button" href=(url) rel="nofollow ugc noopener" { (emoji) " " (label) },
            None => span class="button" { (emoji) " " (label) },
        }
        " "
    }
}

/// Media of an item, as a link: what Discord hosts is no longer there a day later.
fn picture(item: &Value) -> Markup {
    let url = item.get("media").map(|media| text(media, "url")).and_then(web);
    let name = Some(text(item, "description")).filter(|name| !name.is_empty()).unwrap_or("a picture");
    html! {
        p class="card" {
            "🖼 " @match url {
                Some(url) => a href=(url) rel="nofollow ugc noopener" { (name) },
                None => (name),
            }
        }
    }
}

fn web(url: &str) -> Option<&str> {
    Some(url).filter(|url| url.starts_with("https://") || url.starts_with("http://"))
}

#[cfg(test)]
mod tests;
