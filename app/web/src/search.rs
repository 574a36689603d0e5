//! Search, as JSON and as a page.

use app_core::search::{Search, SearchFailure, SearchPage, SearchRequest};
use domain::channel::ChannelId;
use domain::search::SearchQuery;
use http::{HeaderValue, StatusCode, header};
use ports::search::{Candidate, SearchSort};
use uuid::Uuid;

use super::call::Call;
use super::capture::TenantRef;
use super::error::ApiError;
use super::query::Query;
use super::response::{Response, html, json};
use crate::address::sort_name;
use crate::html::{self as pages, SearchState};
use crate::wire::SearchBody;

/// The default and the greatest number of matches of a page.
const LIMITS: (usize, usize) = (25, 50);

fn parse_cursor(text: &str, sort: SearchSort) -> Option<Candidate> {
    let mut parts = text.strip_prefix(sort_name(sort))?.strip_prefix('-')?.splitn(3, '-');
    let score = parts.next()?.parse().ok()?;
    let id = parts.next()?.parse().ok()?;
    let channel = ChannelId(Uuid::try_parse(parts.next()?).ok()?);
    Some(Candidate { score, id, channel })
}

fn sort(query: &Query) -> Result<SearchSort, ApiError> {
    match query.get("sort") {
        None | Some("new") => Ok(SearchSort::Newest),
        Some("old") => Ok(SearchSort::Oldest),
        Some("relevant") => Ok(SearchSort::Relevance),
        Some(_) => Err(ApiError::bad_value("sort", "expected new, old or relevant")),
    }
}

/// Parses a request; the query is given apart.
fn request(query: &Query, words: SearchQuery) -> Result<SearchRequest, ApiError> {
    let wrong = || ApiError::bad_value("limit", format!("expected a number from 1 to {}", LIMITS.1));
    let limit = match query.get("limit") {
        None => LIMITS.0,
        Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().map_err(|_| wrong())?,
        Some(_) => return Err(wrong()),
    };
    if !(1..=LIMITS.1).contains(&limit) {
        return Err(wrong());
    }
    let wrong = || ApiError::bad_value("cursor", "expected `next` of a page of this search, in the same order");
    let sort = sort(query)?;
    let after = query.get("cursor").map(|text| parse_cursor(text, sort).ok_or_else(wrong)).transpose()?;
    Ok(SearchRequest { query: words, channel: query.get("channel").map(str::to_owned), sort, after, limit })
}

async fn find(call: &Call<'_>, slug: &str, request: &SearchRequest) -> Result<SearchPage, ApiError> {
    let state = call.state;
    if let Err(seconds) = state.searches.check(call.request.client) {
        state.metrics.limited.inc();
        let error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", "too many searches from this address");
        return Err(ApiError { retry_after: Some(seconds), ..error });
    }
    let search: &Search = state.search.as_ref().ok_or(SearchFailure::Unavailable)?;
    Ok(search.page(call.audience, slug, request).await?)
}

/// Answers differ with every message, so no cache keeps them.
fn unstored(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

pub(super) async fn search(call: &Call<'_>, slug: TenantRef<'_>) -> Result<Response, ApiError> {
    let text = call.query.get("q").unwrap_or_default();
    let words =
        text.parse().map_err(|error: domain::search::QueryError| ApiError::bad_value("q", error.to_string()))?;
    let request = request(&call.query, words)?;
    let page = find(call, slug.0, &request).await?;
    Ok(unstored(json(StatusCode::OK, &SearchBody::new(&page))))
}

/// Returns the page of results, or that of a search that has none yet: an empty or wrong query, an index that is being
/// built.
pub(super) async fn page(call: &Call<'_>, slug: TenantRef<'_>) -> Result<Response, ApiError> {
    let mut at = call.state.browse.open(call.audience).await;
    let tenant = at.tenant(slug.0).await?;
    let channels = at.channels(&tenant).await?;
    drop(at);
    let query = &call.query;
    let text = query.get("q").unwrap_or_default();
    let parsed: Result<SearchQuery, _> = text.parse();
    let (status, state) = match &parsed {
        Err(_) if text.trim().is_empty() => (StatusCode::OK, SearchState::Empty),
        Err(error) => (StatusCode::BAD_REQUEST, SearchState::Invalid(error)),
        Ok(words) => {
            let request = request(query, words.clone())?;
            let request = SearchRequest { channel: request.channel.filter(|channel| !channel.is_empty()), ..request };
            match find(call, slug.0, &request).await {
                Ok(page) => (StatusCode::OK, SearchState::Found(Box::new(page))),
                Err(error) if matches!(error.code, "search_building" | "timeout" | "unavailable" | "rate_limited") => {
                    (error.status, SearchState::Failed(error.detail.clone(), error.retry_after))
                }
                Err(error) => return Err(error),
            }
        }
    };
    let retry_after = match &state {
        SearchState::Failed(_, seconds) => *seconds,
        _ => None,
    };
    let now = call.state.clock.now();
    let frame = pages::Frame { base: call.base(&tenant), channels: &channels, now: Some(now) };
    let shown = pages::search(&frame, text, query.get("channel").unwrap_or_default(), parsed.as_ref().ok(), &state);
    let mut response = unstored(html(StatusCode::OK, shown));
    *response.status_mut() = status;
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    Ok(response)
}
