//! A request that has found its route, as a handler gets it.

use app_core::browse::Audience;
use futures::future::BoxFuture;

use super::ServerState;
use super::capture::Capture;
use super::error::ApiError;
use super::query::Query;
use super::request::Request;
use super::response::Response;

/// A request for a route.
pub(super) struct Call<'a> {
    pub(super) state: &'a ServerState,
    pub(super) request: &'a Request,
    /// The audience whose view of the archive the response shows.
    pub(super) audience: Audience,
    pub(super) query: Query,
    captures: Vec<(&'static str, &'a str)>,
}

impl<'a> Call<'a> {
    pub(super) const fn new(
        state: &'a ServerState,
        request: &'a Request,
        audience: Audience,
        query: Query,
        captures: Vec<(&'static str, &'a str)>,
    ) -> Self {
        Self { state, request, audience, query, captures }
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
