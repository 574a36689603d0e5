//! The head of a page: what search engines and previews of links show of it.

use app_core::browse::{FileStates, size_of, thumbnail_size};
use domain::media::{FileKey, FileState, ThumbnailWidth};
use domain::message::Message;
use maud::{Markup, html};
use serde_json::Value;

use super::card;
use super::frame::Head;
use super::markup::{Names, cut, excerpt};
use super::message::is_shown_picture;
use crate::address::Base;

/// The most characters of a title: search engines cut longer ones.
const MOST_OF_TITLE: usize = 60;
/// The most characters of a description.
const MOST_OF_DESCRIPTION: usize = 160;
/// The smallest width of a picture that a preview shows large.
const LARGE: u32 = 600;

/// A picture in the preview of a page.
pub(super) struct Picture {
    /// The path of its file.
    path: String,
    /// Its width and height, in pixels, if they are known.
    size: Option<(u32, u32)>,
    /// Its alternative text.
    alt: String,
}

/// The content of a page, as its head describes it.
#[derive(Default)]
pub(super) struct Summary {
    /// The text of the description.
    pub(super) description: String,
    /// The first picture of the page.
    pub(super) picture: Option<Picture>,
    /// What the page is to search engines, as structured data.
    pub(super) data: Vec<Value>,
    /// Whether the page is a text of its own, such as a thread, and not a list.
    pub(super) is_article: bool,
}

/// Returns the description of a page with these texts.
pub(super) fn description<'a>(texts: impl IntoIterator<Item = &'a str>, names: &Names) -> String {
    let mut line = String::new();
    for text in texts {
        let part = excerpt(text, MOST_OF_DESCRIPTION, names);
        if !part.is_empty() && !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&part);
        if line.chars().count() > MOST_OF_DESCRIPTION {
            break;
        }
    }
    cut(&mut line, MOST_OF_DESCRIPTION);
    line
}

/// Returns a plain text as a description.
pub(super) fn line(text: &str) -> String {
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    cut(&mut line, MOST_OF_DESCRIPTION);
    line
}

/// Returns the first picture of `messages` that is stored, and that readers see at once, in a width if it is wider.
pub(super) fn picture<'a>(
    base: Base<'_>,
    messages: impl IntoIterator<Item = &'a Message>,
    files: &FileStates,
    width: ThumbnailWidth,
) -> Option<Picture> {
    messages.into_iter().find_map(|message| {
        message.attachments.iter().filter(|file| !file.spoiler).find_map(|file| {
            let key = FileKey { channel: message.channel_id, message: message.id, attachment: file.id };
            let state = *files.get(&key)?;
            let FileState::Stored { content, .. } = state else { return None };
            let thumbnail = thumbnail_size(file, state, width);
            is_shown_picture(file, content).then(|| Picture {
                path: match thumbnail {
                    Some(_) => base.thumbnail(key, width),
                    None => base.file(key, &file.filename),
                },
                size: thumbnail.or_else(|| size_of(file, content)),
                alt: file.description.clone().unwrap_or_else(|| file.shown_name().into_owned()),
            })
        })
    })
}

impl Picture {
    /// Returns the picture next to the title of its post, which readers without it do not miss.
    pub(super) fn beside_title(&self) -> Markup {
        let (width, height) = self.size.unzip();
        html! {
            img class="thumb" src=(self.path) alt="" width=[width] height=[height] loading="lazy" decoding="async";
        }
    }

    /// Returns the address of the picture; `None` without a public address.
    pub(super) fn address(&self, base: Base<'_>) -> Option<String> {
        base.address(&self.path)
    }

    fn is_large(&self) -> bool {
        self.size.is_some_and(|(width, _)| width >= LARGE)
    }

    /// Returns the picture that is drawn for a tenant.
    fn card(base: Base<'_>) -> Self {
        let alt = base.tenant.name.as_str().to_owned();
        Self { path: base.card(), size: Some((card::WIDTH, card::HEIGHT)), alt }
    }
}

/// Returns the title of a page: its content first, then the community if there is room.
fn title(content: &str, base: Option<Base<'_>>) -> String {
    let mut title = content.to_owned();
    if let Some(name) = base.map(|base| base.tenant.name.as_str()).filter(|name| *name != content) {
        let whole = format!("{title} · {name}");
        if whole.chars().count() <= MOST_OF_TITLE {
            return whole;
        }
    }
    cut(&mut title, MOST_OF_TITLE);
    title
}

/// Returns the elements that describe a page. Those that need the public address of the site are left out without it.
pub(super) fn tags(head: &Head, base: Option<Base<'_>>) -> Markup {
    let summary = &head.summary;
    let title = title(&head.title, base);
    let name = base.map(|base| base.tenant.name.as_str());
    let description = match summary.description.as_str() {
        _ if head.adult => "",
        text => text,
    };
    let description = match (description, name) {
        ("", Some(name)) => format!("{}, in the archive of {name}.", head.title),
        ("", None) => "Archived communities.".to_owned(),
        (text, _) => text.to_owned(),
    };
    let card = base.map(Picture::card);
    let picture = summary.picture.as_ref().filter(|_| !head.adult).or(card.as_ref());
    let picture = picture.and_then(|picture| Some((picture, picture.address(base?)?)));
    let origin = base.and_then(Base::origin);
    let is_hidden = head.noindex || head.adult;
    html! {
        title { (title) }
        meta name="description" content=(description);
        meta name="robots" content=(if is_hidden { "noindex" } else { "max-image-preview:large,max-snippet:-1" });
        @if head.adult { meta name="rating" content="adult"; }
        @if let Some(address) = &head.canonical {
            link rel="canonical" href=(address);
            meta property="og:url" content=(address);
        }
        meta property="og:title" content=(title);
        meta property="og:type" content=(if summary.is_article { "article" } else { "website" });
        meta property="og:site_name" content=(name.unwrap_or("Verta"));
        meta property="og:description" content=(description);
        @if let Some((picture, address)) = &picture {
            meta property="og:image" content=(address);
            @if let Some((width, height)) = picture.size {
                meta property="og:image:width" content=(width);
                meta property="og:image:height" content=(height);
            }
            meta property="og:image:alt" content=(picture.alt);
        }
        @if let Some(path) = &head.twin { link rel="alternate" type="text/markdown" href=(path); }
        @if let Some(origin) = origin {
            @for (title, path) in &head.feeds {
                link rel="alternate" type="application/atom+xml" title=(title) href={(origin) (path) ".xml"};
                link rel="alternate" type="application/feed+json" title=(title) href={(origin) (path) ".json"};
            }
        }
        meta name="twitter:card" content={
            "summary" @if picture.is_some_and(|(picture, _)| picture.is_large()) { "_large_image" }
        };
    }
}

#[cfg(test)]
mod tests;
