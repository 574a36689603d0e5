//! Embeds: the objects of programs and links below a text.

use domain::tenant::Color;
use maud::{Markup, html};
use serde_json::Value;

use super::Links;
use super::markup::{line, render};
use super::message::text;
use super::time::moment;

/// A function from the address of a file on the web to the address of its bytes on this server.
pub(crate) type Own<'a> = &'a dyn Fn(&str) -> Option<String>;

/// An embed with the pictures of those that follow it and have the same address.
pub(crate) struct Shown<'a> {
    pub(crate) embed: &'a Value,
    pub(crate) pictures: Vec<&'a Value>,
}

/// Returns the embeds of a message.
pub(super) fn embeds(embeds: &[Value], links: &Links, own: Own<'_>) -> Markup {
    html! { @for one in &grouped(embeds) { (embed_box(one, links, own)) } }
}

/// Returns embeds as they are shown: those that have the same address are one with several pictures, as in Discord.
pub(crate) fn grouped(embeds: &[Value]) -> Vec<Shown<'_>> {
    let mut shown: Vec<Shown<'_>> = Vec::new();
    for embed in embeds {
        let address = text(embed, "url");
        let same = |first: &&mut Shown<'_>| !address.is_empty() && text(first.embed, "url") == address;
        match shown.iter_mut().find(same) {
            Some(first) if adds_only_pictures(first.embed, embed) => first.pictures.extend(pictures(embed)),
            _ => shown.push(Shown { embed, pictures: pictures(embed) }),
        }
    }
    shown
}

/// Returns whether `embed` has a picture, and apart from it nothing that `first` lacks.
fn adds_only_pictures(first: &Value, embed: &Value) -> bool {
    let same = |key: &str| {
        let part = embed
            .get(key)
            .filter(|part| !part.is_null() && part != &&Value::from("") && part != &&Value::Array(Vec::new()));
        part.is_none_or(|part| first.get(key) == Some(part))
    };
    !pictures(embed).is_empty() && ["title", "description", "fields", "author", "footer", "video"].into_iter().all(same)
}

/// Returns the large pictures of an embed. An exporter lists them, the first of them also by itself.
fn pictures(embed: &Value) -> Vec<&Value> {
    let listed: Vec<&Value> = embed.get("images").and_then(Value::as_array).into_iter().flatten().collect();
    if listed.is_empty() { embed.get("image").filter(|image| image.is_object()).into_iter().collect() } else { listed }
}

fn embed_box(shown: &Shown<'_>, links: &Links, own: Own<'_>) -> Markup {
    let embed = shown.embed;
    let part = |key: &str| embed.get(key).filter(|part| part.is_object());
    let (thumbnail, video) = (part("thumbnail"), part("video"));
    let fields = embed.get("fields").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let author = part("author").filter(|author| !text(author, "name").is_empty());
    let provider = part("provider").filter(|provider| !text(provider, "name").is_empty());
    let footer = part("footer").map(|footer| text(footer, "text")).filter(|text| !text.is_empty());
    let at = text(embed, "timestamp").parse().ok().map(moment);
    let (title, description) = (text(embed, "title"), text(embed, "description"));
    let says =
        author.is_some() || footer.is_some() || !(title.is_empty() && description.is_empty() && fields.is_empty());
    let kind = text(embed, "type");
    if !says {
        // A link to a picture, and a GIF, are shown as pictures alone.
        let is_gif = kind == "gifv" || (thumbnail.is_some() && video.is_some());
        let all = shown.pictures.iter().copied();
        let found: Vec<&Value> =
            if is_gif { thumbnail.or(video).into_iter().collect() } else { all.chain(thumbnail).collect() };
        let name = is_gif.then_some("GIF");
        let link = web(embed, "url").filter(|_| is_gif);
        return match (&found[..], video, web(embed, "url")) {
            ([], Some(video), _) => html! { div class="embed bare" { (film(video, links_to(embed))) } },
            ([], None, Some(url)) => html! {
                div class="embed" {
                    @if let Some(provider) = provider { p class="meta" { bdi { (text(provider, "name")) } } }
                    p { a href=(url) rel="nofollow ugc noopener" { (url) } }
                }
            },
            ([], None, None) => html! {},
            (found, ..) => html! {
                div class="embed bare" { @for one in found { (picture(one, name, link, own)) } }
            },
        };
    }
    let gallery = if shown.pictures.len() > 1 { "pictures gallery" } else { "pictures" };
    html! {
        div class="embed" dir="auto" {
            (bar(embed))
            @if let Some(provider) = provider { p class="meta" { (linked(text(provider, "name"), web(provider, "url"))) } }
            @if let Some(author) = author { p class="by" { (linked(text(author, "name"), web(author, "url"))) } }
            @if !title.is_empty() {
                p class="h" { @match web(embed, "url") {
                    Some(url) => a href=(url) rel="nofollow ugc noopener" { (line(title, &links.names, false)) },
                    None => (line(title, &links.names, true)),
                } }
            }
            (render(description, &links.names))
            @if !fields.is_empty() {
                dl { @for field in fields {
                    div class=[is_inline(field).then_some("inline")] {
                        dt { (line(text(field, "name"), &links.names, true)) }
                        dd { (render(text(field, "value"), &links.names)) }
                    }
                } }
            }
            @if !shown.pictures.is_empty() {
                div class=(gallery) { @for one in &shown.pictures { (picture(one, None, None, own)) } }
            }
            @if let Some(video) = video { (film(video, links_to(embed))) }
            @if let Some(thumbnail) = thumbnail { (picture(thumbnail, None, None, own)) }
            @if footer.is_some() || at.is_some() {
                p class="meta" {
                    @if let Some(footer) = footer { bdi { (footer) } }
                    @if footer.is_some() && at.is_some() { " · " }
                    @if let Some(at) = at { time datetime=(text(embed, "timestamp")) { (at) } }
                }
            }
        }
    }
}

/// Returns a stripe in the embed's colour. The site allows no style in the page itself.
fn bar(embed: &Value) -> Markup {
    let color = embed.get("color").and_then(Value::as_u64).and_then(|color| u32::try_from(color).ok());
    html! {
        @if let Some(color) = color.and_then(Color::from_rgb) {
            svg class="bar" viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true" {
                rect width="1" height="1" fill=(color) {}
            }
        }
    }
}

fn linked(name: &str, url: Option<&str>) -> Markup {
    html! {
        @match url {
            Some(url) => a href=(url) rel="nofollow ugc noopener" { bdi { (name) } },
            None => bdi { (name) },
        }
    }
}

fn is_inline(field: &Value) -> bool {
    ["inline", "isInline"].into_iter().any(|key| field.get(key) == Some(&Value::Bool(true)))
}

/// Returns the address of a video's page, which Discord links as well.
fn links_to(embed: &Value) -> Option<&str> {
    web(embed, "url")
}

fn film(video: &Value, page: Option<&str>) -> Markup {
    let url = page.or_else(|| web(video, "url"));
    card("▶", "Video", url, video)
}

/// Returns a picture: itself if its bytes are on this server, or else a named link. Pages load nothing from other
/// hosts.
pub(super) fn picture(picture: &Value, name: Option<&str>, link: Option<&str>, own: Own<'_>) -> Markup {
    let addresses = ["url", "proxy_url", "canonicalUrl"].map(|key| text(picture, key));
    let stored = addresses.into_iter().find_map(own);
    let description = Some(text(picture, "description")).filter(|text| !text.is_empty());
    if let Some(stored) = stored {
        let (width, height) = (size(picture, "width"), size(picture, "height"));
        return html! {
            p { a href=(stored) {
                img class="picture" loading="lazy" src=(stored) width=[width] height=[height]
                    alt=(description.or(name).unwrap_or("A picture"));
            } }
        };
    }
    let url = link.or_else(|| web(picture, "url")).or_else(|| web(picture, "proxy_url"));
    card("🖼", picture_name(picture, name), url, picture)
}

/// Returns the name of a picture that has none of its own: its description, or the end of its address.
pub(crate) fn picture_name<'a>(picture: &'a Value, name: Option<&'a str>) -> &'a str {
    let description = Some(text(picture, "description")).filter(|text| !text.is_empty());
    name.or(description).or_else(|| last_segment(text(picture, "url"))).unwrap_or("A picture")
}

/// Returns a card for media that is not on this server, with its name, host and size.
fn card(sign: &str, name: &str, url: Option<&str>, media: &Value) -> Markup {
    let host = web(media, "url").or(url).and_then(host);
    let sizes = size(media, "width").zip(size(media, "height"));
    html! {
        p class="card media" {
            (sign) " "
            @match url {
                Some(url) => a href=(url) rel="nofollow ugc noopener" { bdi { (name) } },
                None => bdi { (name) },
            }
            @if let Some(host) = host { span class="meta" { " · " bdi { (host) } } }
            @if let Some((width, height)) = sizes { span class="meta" { " · " (width) " × " (height) } }
        }
    }
}

fn size(media: &Value, key: &str) -> Option<u64> {
    media.get(key).and_then(Value::as_u64).filter(|size| *size > 0)
}

pub(crate) fn web<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    Some(text(value, key)).filter(|url| url.starts_with("https://") || url.starts_with("http://"))
}

/// Returns the host of an address on the web, without a user name before it.
pub(super) fn host(url: &str) -> Option<&str> {
    let authority = url.split_once("://")?.1.split(['/', '?', '#']).next()?;
    Some(authority.rsplit('@').next().unwrap_or(authority)).filter(|host| !host.is_empty())
}

/// Returns the file name in an address.
fn last_segment(url: &str) -> Option<&str> {
    let path = url.split(['?', '#']).next()?;
    let path = path.split_once("://").map_or(path, |(_, rest)| rest);
    path.rsplit_once(['/', '\\']).map(|(_, name)| name).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests;
