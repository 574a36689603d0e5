//! The pages of the site, complete without script.

pub(crate) mod about;
pub(crate) mod ansi;
pub(crate) mod card;
mod channel;
mod code;
mod community;
pub(crate) mod component;
mod days;
pub(crate) mod embed;
mod fault;
mod feed;
mod forum;
mod frame;
mod head;
mod language;
mod markup;
pub(crate) mod message;
mod number;
mod picture;
pub(crate) mod poll;
mod search;
mod structured;
pub(crate) mod system;
pub(crate) mod time;

use std::collections::HashMap;
use std::sync::LazyLock;

use app_core::browse::{ChannelView, FileStates, Opener, OpenerState, PageContext, TagEmojis};
use domain::channel::Channel;
use domain::color::Color;
use domain::message::{Message, MessageId};
use domain::tenant::{Branding, Tenant};
use domain::timestamp::Timestamp;

pub use self::about::about;
pub use self::channel::{Position, channel};
pub(crate) use self::channel::{shown_opener, title};
pub use self::community::{home, tenant};
pub use self::fault::error_page;
pub use self::feed::{Feed, Part};
pub(crate) use self::forum::applied;
pub use self::forum::forum;
pub(crate) use self::frame::sign;
pub(crate) use self::markup::{Names, excerpt, role_name};
use self::picture::ShownPictures;
pub use self::search::{SearchState, search};
use self::system::Line;
use crate::address::{Base, markdown_path};

/// The style sheet of every page.
pub const STYLE: &str = include_str!("../assets/site.css");
/// The script that sets the theme of a page before it is drawn.
pub static THEME_SCRIPT: LazyLock<String> = LazyLock::new(|| lean(include_str!("../assets/theme.js")));
/// The script of every page, which works without it.
pub static SCRIPT: LazyLock<String> = LazyLock::new(|| lean(include_str!("../assets/site.js")));
/// The script of the pages of channels, which work without it: it shows changes to an open page.
pub static LIVE_SCRIPT: LazyLock<String> = LazyLock::new(|| lean(include_str!("../assets/live.js")));
/// The icon of the site.
pub const ICON: &str = include_str!("../assets/favicon.svg");

/// Returns a script without the indentation and the comments, which have lines of their own.
fn lean(script: &str) -> String {
    let lines = script.lines().map(str::trim_start).filter(|line| !line.is_empty() && !line.starts_with("//"));
    lines.fold(String::new(), |lean, line| lean + line + "\n")
}

/// The grounds of text with the least contrast, in the light and the dark theme: the one of a marked message.
const GROUNDS: [u32; 2] = [0xff_f3c4, 0x3b_3416];
/// The least contrast of text (<https://www.w3.org/TR/WCAG22/#contrast-minimum>).
const LEAST_CONTRAST: f64 = 4.5;

/// Returns the style sheet with the colours of a tenant, over the common one: its accent, as light or dark as readers need
/// to read a link in it.
#[must_use]
pub fn theme(branding: &Branding) -> String {
    let Some(color) = branding.accent_color.or(branding.primary_color) else { return String::new() };
    let [light, dark] = GROUNDS.map(|ground| {
        let ground = Color::from_rgb(ground).expect("a colour has six digits");
        color.readable_on(ground, LEAST_CONTRAST)
    });
    format!(":root{{--accent:light-dark({light},{dark})}}")
}

/// The common parts of every page of a tenant.
pub struct Frame<'a> {
    /// The tenant of the page, and the addresses of its site.
    pub base: Base<'a>,
    /// Its channels, in tree order.
    pub channels: &'a [ChannelView],
    /// The time at which the page is made, for relative times; without it they are shown as dates.
    pub now: Option<Timestamp>,
}

impl Frame<'_> {
    /// Returns the channels that a text on the page can name without a query.
    pub(crate) fn named(&self) -> Names {
        let named =
            |view: &ChannelView| (view.channel.platform_id, (view.channel.clone(), self.base.channel(&view.channel)));
        let channels = self.channels.iter().map(named).collect();
        Names { channels, guild: guild(self.base.tenant), now: self.now, ..Names::default() }
    }
}

/// Returns the guild id of a tenant.
fn guild(tenant: &Tenant) -> Option<u64> {
    tenant.platform_id.as_str().parse().ok()
}

/// The objects that the messages of a page refer to, with the paths of their pages.
#[derive(Default)]
pub(crate) struct Links {
    pub(crate) names: Names,
    /// `None` for a message that was deleted.
    pub(crate) messages: HashMap<MessageId, Option<Message>>,
    pub(crate) files: FileStates,
    /// The message that the thread was started from, with the path of its channel.
    opener: Option<(Opener, String)>,
    emojis: TagEmojis,
}

impl Links {
    pub(crate) fn new(frame: &Frame<'_>, context: PageContext) -> Self {
        let PageContext { channels, roles, messages, files, opener, emojis, pictures } = context;
        let path = |channel: &Channel| frame.base.channel(channel);
        let channels = channels.into_iter().map(|(id, channel)| {
            let path = path(&channel);
            (id, (channel, path))
        });
        let channels = channels.collect();
        let pictures = ShownPictures::new(frame.base, pictures);
        let guild = guild(frame.base.tenant);
        let names = Names { channels, roles, guild, now: frame.now, pictures, ..Names::default() };
        let opener = opener.map(|opener| {
            let path = path(&opener.channel);
            (opener, path)
        });
        Self { names, messages, files, opener, emojis }
    }

    /// Returns the origin of a thread: ` from a message in #general`, linked to the position of the message.
    pub(crate) fn began(&self) -> Line {
        let Some((opener, path)) = &self.opener else { return Line::of(" from a message in the channel above") };
        let place = match &opener.state {
            OpenerState::Shown(_) => format!("{path}/{}", opener.id),
            // Its own page would be an error: the message is missing or deleted.
            _ => format!("{path}?after={}", opener.id.previous().map_or_else(|| "0".to_owned(), |id| id.to_string())),
        };
        let what = match &opener.state {
            OpenerState::Shown(_) => "a message",
            OpenerState::Deleted => "a message that was deleted",
            OpenerState::Unknown => "a message that is not stored",
        };
        let channel = Line::of(sign(opener.channel.kind)).written(opener.channel.name.as_str());
        Line::of(format!(" from {what} in ")).link(place, channel)
    }
}

/// The way in which search engines should list a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// The path of the page with the same content under which they should list it; `None` if there is none.
    pub canonical: Option<String>,
    /// Whether they should not list it.
    pub noindex: bool,
    /// The path of the same page as Markdown, which programs may read instead; `None` if it is not named.
    pub twin: Option<String>,
}

impl Listing {
    /// Returns the listing of a page under this path.
    #[must_use]
    pub fn under(path: String) -> Self {
        Self { twin: Some(markdown_path(&path)), canonical: Some(path), noindex: false }
    }

    /// Returns the listing of one of many views of the same content.
    #[must_use]
    pub const fn not_at_all() -> Self {
        Self { canonical: None, noindex: true, twin: None }
    }

    /// Returns the same, but not listed if a page `is_thin`.
    #[must_use]
    pub fn unless(self, is_thin: bool) -> Self {
        Self { noindex: self.noindex || is_thin, ..self }
    }
}

#[cfg(test)]
mod tests;
