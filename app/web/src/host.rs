//! The host that a request is for.
//!
//! A client can send any name, so it only selects among the domains of tenants and is never shown. A name that is none of
//! them means the installation.

use std::borrow::Cow;
use std::sync::Arc;

use app_core::domains::{Site, Sites};
use domain::domain_name::DomainName;
use domain::slug::TenantSlug;
use http::header;

use super::ServerState;
use super::request::Area;

/// The host of a request, among all domains of tenants.
#[derive(Debug, Clone, Default)]
pub(super) struct Host {
    site: Option<Arc<Site>>,
    sites: Arc<Sites>,
}

impl Host {
    /// Returns the host of a request for a page. The other areas are the same on every host.
    pub(super) async fn of<B>(state: &ServerState, request: &http::Request<B>, area: Area) -> Self {
        let Some(domains) = state.domains.as_ref().filter(|_| area == Area::Pages) else {
            return Self::default();
        };
        let sites = domains.sites(&state.store).await;
        let name = if sites.is_empty() { None } else { domain(request) };
        Self { site: name.and_then(|name| sites.of_domain(&name).cloned()), sites }
    }

    /// Returns the tenant whose domain it is; `None` if it is no tenant's.
    pub(super) fn site(&self) -> Option<&Site> {
        self.site.as_deref()
    }

    /// Returns the domain with the pages of the tenant with this slug, if this host is no tenant's.
    pub(super) fn elsewhere(&self, slug: &str) -> Option<&Site> {
        let slug = TenantSlug::new(slug).ok().filter(|_| self.site.is_none())?;
        self.sites.of_slug(&slug).map(Arc::as_ref)
    }

    /// Returns whether no domain changed since. A response that is made for a host from before a change must not be stored
    /// after it.
    pub(super) fn is_current(&self, state: &ServerState) -> bool {
        state.domains.as_ref().is_none_or(|domains| domains.are_current(&self.sites))
    }

    /// Returns the name of the response to `target`, which begins with a slash, in the cache: that of the domain is in
    /// front of it, which has none.
    pub(super) fn key<'a>(&self, target: &'a str) -> Cow<'a, str> {
        match &self.site {
            Some(site) => Cow::from(format!("{}{target}", site.domain)),
            None => Cow::from(target),
        }
    }
}

/// Returns the domain that a request names. The authority of an address takes precedence (RFC 9112, section 3.2.2).
fn domain<B>(request: &http::Request<B>) -> Option<DomainName> {
    let header = || request.headers().get(header::HOST)?.to_str().ok();
    let authority = request.uri().authority().map(http::uri::Authority::as_str).or_else(header)?;
    DomainName::of_authority(authority)
}
