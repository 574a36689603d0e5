//! The side that has the indexes.

use std::sync::Arc;
use std::time::Duration;

use domain::search::tokenizer_version;
use domain::tenant::TenantId;
use ports::search::{CandidateQuery, IndexPosition, SearchError, SearchIndex};
use tokio::time::timeout;
use tracing::{error, warn};

use crate::wire::{Call, Found, Request, Response, State};

/// The longest time of a search, whatever the caller demands.
const LONGEST: Duration = Duration::from_secs(2);
/// The time beyond that of a search in which it must end, its wait for other searches included.
const GRACE: Duration = Duration::from_millis(50);

/// Returns the position up to which an index has every change; `None` if it has not reached the end of the log yet.
type Current = Box<dyn Fn(TenantId) -> Option<IndexPosition> + Send + Sync>;

/// Answers requests of [`SearchNodes`](crate::SearchNodes) from an index.
pub struct SearchNode {
    index: Arc<dyn SearchIndex>,
    current: Current,
}

impl SearchNode {
    /// Returns a node with `index`. `current` returns how far the index of a tenant is known to be, which is further
    /// than the position of its last commit if nothing changed since.
    #[must_use]
    pub fn new(
        index: Arc<dyn SearchIndex>,
        current: impl Fn(TenantId) -> Option<IndexPosition> + Send + Sync + 'static,
    ) -> Self {
        Self { index, current: Box::new(current) }
    }

    /// Returns the response to the body of a request, both as JSON; `None` for a body that is not a request.
    pub async fn answer(&self, body: &[u8]) -> Option<Vec<u8>> {
        let Request { tokenizer, tenant, call } = serde_json::from_slice(body).ok()?;
        let response = if tokenizer == tokenizer_version() {
            match call {
                Call::State => self.state(TenantId(tenant)).await,
                Call::Find(find) => self.find(TenantId(tenant), find.query(LONGEST)?).await,
            }
        } else {
            warn!("search request of another version of the program rejected");
            Response::Failed
        };
        Some(serde_json::to_vec(&response).expect("numbers and texts are JSON"))
    }

    async fn state(&self, tenant: TenantId) -> Response {
        match self.index.state(tenant).await {
            Ok(state) => Response::State(State::from(&state)),
            Err(error) => failed(&error),
        }
    }

    async fn find(&self, tenant: TenantId, query: CandidateQuery) -> Response {
        // Before the index is read, which is no older then.
        let current = (self.current)(tenant);
        let time = query.time + GRACE;
        match timeout(time, self.index.find(tenant, query)).await.unwrap_or(Err(SearchError::TimedOut)) {
            Ok(mut candidates) => {
                let is_current = current.is_some();
                let newer = current.filter(|current| current.as_of > candidates.position.as_of);
                candidates.position = newer.unwrap_or(candidates.position);
                Response::Found(Found::new(&candidates, is_current))
            }
            Err(error) => failed(&error),
        }
    }
}

fn failed(error: &SearchError) -> Response {
    match error {
        SearchError::Missing | SearchError::Damaged(_) => Response::Missing,
        SearchError::TimedOut => Response::TimedOut,
        SearchError::Locked | SearchError::Full(_) | SearchError::Backend(_) => {
            error!(error = error as &dyn std::error::Error, "search index failed");
            Response::Failed
        }
    }
}
