//! The addresses of pages and files.

use std::borrow::Cow;
use std::fmt::Display;

use app_core::browse::Threads;
use domain::channel::Channel;
use domain::day::Day;
use domain::domain_name::DomainName;
use domain::media::{FileKey, ThumbnailWidth};
use domain::message::MessageId;
use domain::tenant::Tenant;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ports::channel::{ThreadCursor, ThreadOrder};
use ports::search::{Candidate, SearchSort};

/// The characters of a path segment that are not escaped.
pub(crate) const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The public address of the installation, if it is set.
#[derive(Debug, Clone, Default)]
pub struct PublicAddress(Option<String>);

impl PublicAddress {
    /// Returns an address: scheme, host and maybe a port, without a slash at its end.
    #[must_use]
    pub const fn new(address: Option<String>) -> Self {
        Self(address)
    }

    /// Returns the address; empty if it is not set.
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// Returns the address of a path, which begins with a slash; `None` without a public address.
    pub(crate) fn of(&self, path: &str) -> Option<String> {
        self.0.as_ref().map(|address| format!("{address}{path}"))
    }

    /// Returns the address of a domain: in front of it are the same proxies, so it has the same scheme and port.
    pub(crate) fn of_domain(&self, domain: &DomainName) -> String {
        let (scheme, host) = self.as_str().split_once("://").unwrap_or(("https", ""));
        let port = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
        port.map_or_else(|| format!("{scheme}://{domain}"), |(_, port)| format!("{scheme}://{domain}:{port}"))
    }
}

/// The addresses of a tenant: its pages and files are below its slug, or, if it has a domain, at the root of that.
#[derive(Debug, Clone, Copy)]
pub struct Base<'a> {
    /// The tenant.
    pub tenant: &'a Tenant,
    domain: Option<&'a DomainName>,
    public: Option<&'a PublicAddress>,
}

impl<'a> Base<'a> {
    /// Returns the addresses on the site of a tenant, in an installation with this public address.
    #[must_use]
    pub const fn of_site(tenant: &'a Tenant, public: &'a PublicAddress) -> Self {
        Self { tenant, domain: tenant.domain.as_ref(), public: Some(public) }
    }

    /// Returns the paths that the API names: below the slug, which are valid on every host.
    #[must_use]
    pub const fn of_api(tenant: &'a Tenant) -> Self {
        Self { tenant, domain: None, public: None }
    }

    /// Returns whether the tenant has a domain, where all pages are its own.
    pub(crate) const fn has_domain(self) -> bool {
        self.domain.is_some()
    }

    /// Returns the address of a path, which begins with a slash; `None` without a public address.
    pub(crate) fn address(self, path: &str) -> Option<String> {
        self.origin().map(|origin| format!("{origin}{path}"))
    }

    /// Returns scheme, host and port; `None` without a public address.
    pub(crate) fn origin(self) -> Option<String> {
        let public = self.public?;
        match self.domain {
            Some(domain) => Some(public.of_domain(domain)),
            None => public.of(""),
        }
    }

    /// Returns a path of the tenant; `rest` is the part after the slug, which begins with a slash.
    pub(crate) fn path(self, rest: impl Display) -> String {
        if self.has_domain() { rest.to_string() } else { format!("/{}{rest}", self.tenant.slug) }
    }

    /// Returns the path of its page.
    pub(crate) fn home(self) -> String {
        if self.has_domain() { "/".to_owned() } else { self.path("") }
    }

    /// Returns the path of the page about its archive.
    pub(crate) fn about(self) -> String {
        self.path("/about")
    }

    /// Returns the reference to its page from the page of all communities.
    pub(crate) fn reference(self) -> String {
        let home = self.home();
        if self.has_domain() { self.address(&home).unwrap_or(home) } else { home }
    }

    /// Returns the path of a channel's page.
    pub(crate) fn channel(self, channel: &Channel) -> String {
        self.path(format_args!("/{}", utf8_percent_encode(&segment(channel), SEGMENT)))
    }

    /// Returns the path of a message's page.
    pub(crate) fn message(self, channel: &Channel, message: MessageId) -> String {
        format!("{}/{message}", self.channel(channel))
    }

    /// Returns the path of a stored file. It has the channel's id, which stays when the channel is renamed.
    pub(crate) fn file(self, key: FileKey, filename: &str) -> String {
        let FileKey { channel, message, attachment } = key;
        let name = utf8_percent_encode(filename, SEGMENT);
        self.path(format_args!("/files/{channel}/{message}/{attachment}/{name}"))
    }

    /// Returns the path of the thumbnail of a stored file that is a picture.
    pub(crate) fn thumbnail(self, key: FileKey, width: ThumbnailWidth) -> String {
        let FileKey { channel, message, attachment } = key;
        self.path(format_args!("/files/{channel}/{message}/{attachment}/thumbnail/{}", width.pixels()))
    }

    /// Returns the path of the folder of stored pictures, below which the key of each is its path.
    pub(crate) fn pictures(self) -> String {
        self.path("/files/picture")
    }

    /// Returns the path of the style sheet with the tenant's colours, on every host.
    pub(crate) fn theme(self) -> String {
        format!("/assets/{}/theme.css", self.tenant.slug)
    }

    /// Returns the path of the tenant's icon, on every host; `None` if it has none.
    pub(crate) fn icon(self) -> Option<String> {
        self.tenant.profile.icon.map(|_| format!("/assets/{}/icon", self.tenant.slug))
    }

    /// Returns the path of the picture that is drawn for the tenant, on every host.
    pub(crate) fn card(self) -> String {
        format!("/assets/{}/card.png", self.tenant.slug)
    }
}

/// Returns the segment of a path that names a channel: its slug, or its platform id if the site uses the slug itself.
pub(crate) fn segment(channel: &Channel) -> Cow<'_, str> {
    if channel.slug.is_reserved() {
        Cow::from(channel.platform_id.to_string())
    } else {
        Cow::from(channel.slug.as_str())
    }
}

/// Returns the path with these segments.
pub(crate) fn path_of(segments: &[&str]) -> String {
    segments.iter().flat_map(|part| std::iter::once("/").chain(utf8_percent_encode(part, SEGMENT))).collect()
}

/// Returns the path of a page of a day: the first one has no number.
pub(crate) fn day_path(channel: &str, day: Day, number: u64) -> String {
    if number == 1 { format!("{channel}/{day}") } else { format!("{channel}/{day}/{number}") }
}

/// Returns the path of a page of a thread: the first one is the thread's own.
pub(crate) fn thread_path(thread: &str, number: u64) -> String {
    if number == 1 { thread.to_owned() } else { format!("{thread}/p/{number}") }
}

/// Returns the query of a page of a forum's posts, or of the threads of a channel, that begins after `after`.
pub(crate) fn threads_query(filter: Threads<'_>, after: Option<ThreadCursor>) -> String {
    let tag = filter.tag.map(|tag| format!("tag={}", utf8_percent_encode(tag, SEGMENT)));
    let sort = match filter.order {
        ThreadOrder::Created => Some("sort=created".to_owned()),
        // It is the order of a page that names none.
        _ => tag.is_none().then(|| "sort=activity".to_owned()),
    };
    let cursor = after.map(|after| format!("cursor={}-{}", after.active_at.as_millis(), after.platform_id));
    format!("?{}", [tag, sort, cursor].into_iter().flatten().collect::<Vec<_>>().join("&"))
}

/// Returns the path of the Markdown twin of the page at `path`.
pub(crate) fn markdown_path(path: &str) -> String {
    format!("{path}.md")
}

/// Returns the text of a position among the matches of a search in this order.
pub(crate) fn search_cursor(sort: SearchSort, at: Candidate) -> String {
    format!("{}-{}-{}-{}", sort_name(sort), at.score, at.id, at.channel.0.simple())
}

/// Returns the name of an order of matches in addresses.
pub(crate) const fn sort_name(sort: SearchSort) -> &'static str {
    match sort {
        SearchSort::Newest => "new",
        SearchSort::Oldest => "old",
        SearchSort::Relevance => "relevant",
    }
}

#[cfg(test)]
mod tests;
