//! A request that has found its route, as a handler gets it.

use app_core::browse::Audience;
use app_core::domains::Site;
use domain::tenant::Tenant;
use futures::future::BoxFuture;

use super::ServerState;
use super::capture::Capture;
use super::error::ApiError;
use super::query::Query;
use super::request::Request;
use super::response::{Response, moved};
use crate::address::{Base, markdown_path};

/// The form of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// The page itself.
    Html,
    /// Its twin for programs, at the address of the page with `.md` behind it.
    Markdown,
}

impl Form {
    /// Returns the form of the pages of a route.
    pub(super) fn of(route: &str) -> Self {
        if route.strip_suffix(".md").is_some() { Self::Markdown } else { Self::Html }
    }

    /// Returns the path of this form of the page at `path`.
    pub(super) fn path(self, path: String) -> String {
        match self {
            Self::Html => path,
            Self::Markdown => markdown_path(&path),
        }
    }
}

/// A request for a route.
pub(super) struct Call<'a> {
    pub(super) state: &'a ServerState,
    pub(super) request: &'a Request,
    /// The tenant whose domain the request is for.
    pub(super) site: Option<&'a Site>,
    /// The audience whose view of the archive the response shows.
    pub(super) audience: Audience,
    pub(super) query: Query,
    pub(super) form: Form,
    captures: Captures<'a>,
}

/// The captured parts of a path, by name.
pub(super) type Captures<'a> = Vec<(&'static str, &'a str)>;

impl<'a> Call<'a> {
    pub(super) fn new(
        state: &'a ServerState,
        request: &'a Request,
        audience: Audience,
        query: Query,
        form: Form,
        captures: Captures<'a>,
    ) -> Self {
        Self { state, request, site: request.host.site(), audience, query, form, captures }
    }

    /// Returns the addresses of a tenant's site.
    pub(super) const fn base<'t>(&self, tenant: &'t Tenant) -> Base<'t>
    where
        'a: 't,
    {
        Base::of_site(tenant, &self.state.public)
    }

    /// Returns the redirect to a path of a tenant's site, which may be on another host.
    pub(super) fn moved(&self, tenant: &Tenant, path: &str) -> Response {
        let base = self.base(tenant);
        let address = if base.has_domain() { base.address(path) } else { None };
        moved(address.as_deref().unwrap_or(path))
    }

    /// Parses the part of the path that the route captures under `name`.
    pub(super) fn capture<T: Capture<'a>>(&self, name: &str) -> Result<T, ApiError> {
        let part = self.captures.iter().find(|(known, _)| *known == name);
        let (_, text) = part.ok_or_else(|| ApiError::not_found("there is nothing at this address"))?;
        T::parse(text)
    }
}

/// The work of a handler.
pub(super) type Work<'a> = BoxFuture<'a, Result<Response, ApiError>>;
