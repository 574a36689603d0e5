//! The routing table.

use domain::day::Day;
use domain::job::JobId;
use domain::media::ThumbnailWidth;
use domain::message::{AttachmentId, MessageId};
use http::Method;

use super::call::{Call, Captures, Work};
use super::capture::{ChannelRef, FeedFormat, FileName, PageNumber, PartRef, SitemapName, TagRef, TenantRef};
use super::request::Area;
use super::{about, admin, feed, file, health, job, node, public, search, site, sitemap, stream};

/// The audience of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Health checks: for everyone, even with a wrong key, which a proxy may have been given for itself.
    Health,
    /// Metrics, for operators, who have the admin key.
    Operator,
    /// For other processes of the installation, which have a token of their own.
    Node,
    /// For everyone, and the same for everyone.
    Public,
    /// For everyone; clients with the admin key see more.
    Reader,
    /// For clients with the admin key.
    Admin,
}

impl Access {
    /// Returns whether the route requires the admin key.
    pub(super) const fn needs_key(self) -> bool {
        matches!(self, Self::Operator | Self::Admin)
    }
}

/// An address, with the handler of one method.
pub(super) struct Route {
    pub(super) method: Method,
    /// The path, with the names of captured parts in braces, each alone or between fixed texts: the name of the route in logs
    /// and metrics.
    pub(super) path: &'static str,
    pub(super) access: Access,
    /// The parameters of the query. The API rejects all others; pages ignore them, since other sites add some to links.
    pub(super) parameters: &'static [&'static str],
    /// The captured parts that the handler takes, by name.
    #[cfg(test)]
    pub(super) captures: &'static [&'static str],
    pub(super) handler: for<'a> fn(&'a Call<'a>) -> Work<'a>,
}

impl Route {
    /// Returns whether it is an address of the server itself, on the domains of tenants, too. The page at the root, and its
    /// twin, are the tenant's there.
    pub(super) fn is_on_every_host(&self) -> bool {
        let is_of_tenant = |first: &str| matches!(first, "" | ".md") || first.starts_with("{tenant}");
        self.path.split('/').nth(1).is_some_and(|first| !is_of_tenant(first))
    }

    /// Returns whether it is a page, sitemap or feed of a tenant, which is on the tenant's domain alone. Files are not:
    /// pages of other sites can show them, by the addresses that the API names.
    pub(super) fn is_of_site(&self) -> bool {
        self.path.starts_with("/{tenant}") && self.access == Access::Public
    }

    /// Returns the captured parts of a path, which is given by its decoded segments; `None` if it is another path.
    pub(super) fn matched<'a>(&self, area: Area, segments: &[&'a str]) -> Option<Captures<'a>> {
        // The number of segments tells most routes apart, at once.
        if self.path.bytes().filter(|byte| *byte == b'/').count() != segments.len().max(1) {
            return None;
        }
        let mut pattern = self.path.split('/').skip(1).filter(|part| !part.is_empty());
        let mut captures = Vec::new();
        for segment in segments {
            let part = pattern.next()?;
            match captured(part) {
                Some((before, name, after)) => {
                    captures.push((name, segment.strip_prefix(before)?.strip_suffix(after)?));
                }
                None if part == *segment => {}
                None => return None,
            }
        }
        // A page's address has a tenant's name in first place, which is none of the words of the other areas.
        (pattern.next().is_none() && Area::of(self.path) == area).then_some(captures)
    }
}

/// Returns the name of the captured part of a segment of a pattern, between the texts before and after it.
fn captured(segment: &'static str) -> Option<(&'static str, &'static str, &'static str)> {
    let (before, rest) = segment.split_once('{')?;
    let (name, after) = rest.split_once('}')?;
    Some((before, name, after))
}

/// Makes the table: method, path, audience and parameters, then the handler with the types of the captured parts.
macro_rules! routes {
    ($($method:ident $path:literal $access:ident [$($parameter:literal)*] $handler:path,
        ($($name:ident: $kind:ty),*);)*) => {
        /// The routes. Of several that match a path, the first one is meant.
        pub(super) static ROUTES: &[Route] = &[$(Route {
            method: Method::$method,
            path: $path,
            access: Access::$access,
            parameters: &[$($parameter),*],
            #[cfg(test)]
            captures: &[$(stringify!($name)),*],
            handler: |call| Box::pin(async move { $handler(call $(, call.capture::<$kind>(stringify!($name))?)*).await }),
        }),*];
    };
}

routes! {
    GET "/healthz" Health [] health::healthz, ();
    GET "/readyz" Health [] health::readyz, ();
    GET "/metrics" Operator [] health::metrics, ();
    POST "/api/internal/search" Node [] node::answer, ();

    GET "/api/v1/openapi.yaml" Reader [] public::document, ();
    GET "/api/v1/tenants/{slug}" Reader [] public::tenant, (slug: TenantRef<'_>);
    GET "/api/v1/tenants/{slug}/channels" Reader ["type" "parent" "limit" "cursor"]
        public::channels, (slug: TenantRef<'_>);
    GET "/api/v1/tenants/{slug}/channels/{channel}" Reader []
        public::channel, (slug: TenantRef<'_>, channel: ChannelRef<'_>);
    GET "/api/v1/tenants/{slug}/channels/{channel}/messages" Reader ["before" "after" "around" "at" "limit"]
        public::messages, (slug: TenantRef<'_>, channel: ChannelRef<'_>);
    GET "/api/v1/tenants/{slug}/channels/{channel}/threads" Reader ["sort" "archived" "limit" "cursor"]
        public::threads, (slug: TenantRef<'_>, channel: ChannelRef<'_>);
    GET "/api/v1/tenants/{slug}/channels/{channel}/days" Reader ["month"]
        public::days, (slug: TenantRef<'_>, channel: ChannelRef<'_>);
    GET "/api/v1/tenants/{slug}/messages/{id}" Reader ["channel"]
        public::message, (slug: TenantRef<'_>, id: MessageId);
    GET "/api/v1/tenants/{slug}/search" Reader ["q" "channel" "sort" "cursor" "limit"]
        search::search, (slug: TenantRef<'_>);
    GET "/api/v1/tenants/{slug}/events" Reader ["channel" "last_event_id"] stream::events, (slug: TenantRef<'_>);
    GET "/api/v1/tenants/{slug}/coverage" Reader ["limit" "cursor"] public::coverage, (slug: TenantRef<'_>);

    GET "/api/v1/admin/tenants" Admin ["limit" "cursor"] admin::list, ();
    POST "/api/v1/admin/tenants" Admin [] admin::create, ();
    GET "/api/v1/admin/tenants/{id}" Admin [] admin::show, (id: TenantRef<'_>);
    PATCH "/api/v1/admin/tenants/{id}" Admin [] admin::update, (id: TenantRef<'_>);
    DELETE "/api/v1/admin/tenants/{id}" Admin [] admin::delete, (id: TenantRef<'_>);
    PUT "/api/v1/admin/tenants/{id}/icon" Admin [] admin::set_icon, (id: TenantRef<'_>);
    DELETE "/api/v1/admin/tenants/{id}/icon" Admin [] admin::remove_icon, (id: TenantRef<'_>);
    POST "/api/v1/admin/tenants/{id}/sync" Admin [] job::sync, (id: TenantRef<'_>);
    GET "/api/v1/admin/tenants/{id}/jobs" Admin ["limit" "cursor"] job::list, (id: TenantRef<'_>);
    GET "/api/v1/admin/tenants/{id}/channels/{channel}/messages/{message}/versions" Admin ["limit" "cursor"]
        admin::versions, (id: TenantRef<'_>, channel: ChannelRef<'_>, message: MessageId);
    GET "/api/v1/admin/jobs/{id}" Admin [] job::show, (id: JobId);
    DELETE "/api/v1/admin/jobs/{id}" Admin [] job::cancel, (id: JobId);
    POST "/api/v1/admin/jobs/{id}/retry" Admin [] job::retry, (id: JobId);

    GET "/favicon.ico" Public [] site::icon, ();
    GET "/favicon.svg" Public [] site::icon, ();
    GET "/robots.txt" Public [] sitemap::robots, ();
    GET "/{key}.txt" Public [] sitemap::key, (key: FileName<'_>);
    GET "/assets/{file}" Public [] site::asset, (file: FileName<'_>);
    GET "/assets/{tenant}/theme.css" Reader [] site::theme, (tenant: TenantRef<'_>);
    GET "/assets/{tenant}/icon" Reader [] site::tenant_icon, (tenant: TenantRef<'_>);
    GET "/assets/{tenant}/card.png" Reader [] site::card, (tenant: TenantRef<'_>);
    GET "/" Public ["cursor"] site::home, ();
    GET "/.md" Public ["cursor"] site::home, ();
    GET "/{tenant}.md" Public ["cursor"] site::tenant, (tenant: TenantRef<'_>);
    GET "/{tenant}" Public ["cursor"] site::tenant, (tenant: TenantRef<'_>);
    GET "/{tenant}/search" Public ["q" "channel" "sort" "cursor"] search::page, (tenant: TenantRef<'_>);
    GET "/{tenant}/about" Public [] about::page, (tenant: TenantRef<'_>);
    GET "/{tenant}/about.md" Public [] about::page, (tenant: TenantRef<'_>);
    GET "/{tenant}/sitemap.xml" Public [] sitemap::index, (tenant: TenantRef<'_>);
    GET "/{tenant}/sitemap-{month}.xml" Public [] sitemap::month, (tenant: TenantRef<'_>, month: SitemapName);
    GET "/{tenant}/feed.{format}" Public [] feed::tenant, (tenant: TenantRef<'_>, format: FeedFormat);
    GET "/{tenant}/{channel}/feed.{format}" Public []
        feed::channel, (tenant: TenantRef<'_>, channel: ChannelRef<'_>, format: FeedFormat);
    GET "/{tenant}/{channel}/tag/{tag}/feed.{format}" Public []
        feed::tag, (tenant: TenantRef<'_>, channel: ChannelRef<'_>, tag: TagRef<'_>, format: FeedFormat);
    GET "/{tenant}/{channel}.md" Public ["before" "after" "sort" "tag" "cursor"]
        site::channel, (tenant: TenantRef<'_>, channel: ChannelRef<'_>);
    GET "/{tenant}/{channel}" Public ["before" "after" "sort" "tag" "cursor"]
        site::channel, (tenant: TenantRef<'_>, channel: ChannelRef<'_>);
    GET "/{tenant}/{channel}/{part}.md" Public []
        site::part, (tenant: TenantRef<'_>, channel: ChannelRef<'_>, part: PartRef);
    GET "/{tenant}/{channel}/{part}" Public []
        site::part, (tenant: TenantRef<'_>, channel: ChannelRef<'_>, part: PartRef);
    GET "/{tenant}/{channel}/p/{number}.md" Public []
        site::thread_page, (tenant: TenantRef<'_>, channel: ChannelRef<'_>, number: PageNumber);
    GET "/{tenant}/{channel}/p/{number}" Public []
        site::thread_page, (tenant: TenantRef<'_>, channel: ChannelRef<'_>, number: PageNumber);
    GET "/{tenant}/{channel}/{day}/{number}.md" Public []
        site::day_page, (tenant: TenantRef<'_>, channel: ChannelRef<'_>, day: Day, number: PageNumber);
    GET "/{tenant}/{channel}/{day}/{number}" Public []
        site::day_page, (tenant: TenantRef<'_>, channel: ChannelRef<'_>, day: Day, number: PageNumber);
    GET "/{tenant}/files/{channel}/{message}/{attachment}/{name}" Reader []
        file::file, (tenant: TenantRef<'_>, channel: ChannelRef<'_>, message: MessageId, attachment: AttachmentId,
            name: FileName<'_>);
    GET "/{tenant}/files/picture/{kind}/{id}" Reader []
        file::picture, (tenant: TenantRef<'_>, kind: FileName<'_>, id: FileName<'_>);
    GET "/{tenant}/files/{channel}/{message}/{attachment}/thumbnail/{width}" Reader []
        file::thumbnail, (tenant: TenantRef<'_>, channel: ChannelRef<'_>, message: MessageId, attachment: AttachmentId,
            width: ThumbnailWidth);
}

#[cfg(test)]
mod tests;
