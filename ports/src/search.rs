//! The search index: finds messages by their words and properties.
//!
//! The index is derived. Everything in it can be built again from the store, so an index that is missing, damaged or of
//! another version is not repaired but rebuilt. It returns *candidates*: keys of messages that may match. The caller
//! loads each candidate from the store, checks that its reader may see it, and decides with
//! [`SearchQuery::matches`](domain::search::SearchQuery::matches); so neither the age nor a defect of an index shows a
//! reader anything hidden.
//!
//! Each tenant has an index of its own. A position of the change log is committed together with the documents that it
//! accounts for.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use domain::change::ChangePosition;
use domain::channel::ChannelId;
use domain::coverage::Interval;
use domain::message::MessageId;
use domain::search::{ChannelRef, SearchDocument, SearchQuery};
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;

use crate::error::Source;

/// The greatest [`CandidateQuery::limit`].
pub const MAX_CANDIDATES: usize = 200;

/// The number of matches up to which [`Candidates::total`] is exact.
pub const COUNTED: u64 = 1_000;

/// The number of matches that take part in [`SearchSort::Relevance`]: the newest ones, which bounds the work.
pub const RANKED: usize = 200_000;

/// Why a call to the index failed.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The tenant has no usable index: it must be rebuilt.
    #[error("the search index is not built")]
    Missing,
    /// Files of the index are broken or gone: it must be rebuilt.
    #[error("the search index is damaged")]
    Damaged(#[source] Source),
    /// The disk is full. The index is as it was before the call.
    #[error("the disk of the search index is full")]
    Full(#[source] Source),
    /// Another process writes the index; this one can only search in it.
    #[error("another process writes the search index")]
    Locked,
    /// The search took longer than it may.
    #[error("the search took too long")]
    TimedOut,
    /// Anything else: a missing privilege, an open-file limit. The index is as it was before the call.
    #[error("the search index failed")]
    Backend(#[source] Source),
}

/// How far an index has followed the change log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexPosition {
    /// The position in the change log; its epoch is a part of it.
    pub changes: ChangePosition,
    /// The time at which that position was the end of the log: every earlier change is in the index.
    pub as_of: Timestamp,
}

/// Whether a tenant has an index, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexState {
    /// It contains every change up to the position.
    Ready(IndexPosition),
    /// There is none that was finished.
    Missing,
    /// Another schema or another version of the tokenizer made it.
    Outdated,
    /// Its files are broken.
    Damaged,
}

/// A message as the index stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedMessage {
    /// Its id.
    pub id: MessageId,
    /// The words and properties by which it is found, with its channel.
    pub document: SearchDocument,
    /// The channel whose readers may read it: the parent of a thread, or else its own channel. `None` in a private
    /// thread, which only [`SearchScope::All`] contains.
    pub root: Option<ChannelId>,
    /// Whether its type is [shown](domain::message::MessageKind::is_shown); the others are only in
    /// [`SearchScope::All`].
    pub shown: bool,
}

/// The messages of a channel whose documents a batch replaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexRange {
    /// All of the channel.
    Channel(ChannelId),
    /// The ids of an interval of the channel.
    Interval(ChannelId, Interval),
}

/// Changes of an index, which happen together or not at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexBatch {
    /// The documents to delete, before any is added.
    pub delete: Vec<IndexRange>,
    /// The documents to add; each replaces the one with the same channel and id.
    pub put: Vec<IndexedMessage>,
}

/// The order of candidates. Each is total: ties of the id, such as a thread's opener in two channels, by channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SearchSort {
    /// By id, descending, then channel, ascending.
    #[default]
    Newest,
    /// By id, ascending, then channel, ascending.
    Oldest,
    /// By score, descending, then as [`SearchSort::Newest`]. The scores depend on the documents and the query alone, so
    /// that two indexes with the same documents agree.
    Relevance,
}

/// The messages among which a query finds candidates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SearchScope {
    /// All messages.
    All,
    /// The shown messages of these channels and of their threads, except private threads.
    Channels(Vec<ChannelId>),
}

/// A candidate, and the position after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Candidate {
    /// Its score; 0 unless sorted by relevance.
    pub score: u32,
    /// The message.
    pub id: MessageId,
    /// Its channel.
    pub channel: ChannelId,
}

/// A request for candidates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CandidateQuery {
    /// The query.
    pub query: SearchQuery,
    /// The channels that each reference of the query names; a reference that is absent names none.
    pub channels: HashMap<ChannelRef, Vec<ChannelId>>,
    /// Where to search.
    pub scope: SearchScope,
    /// A channel to which the search is limited, with its threads.
    pub within: Option<ChannelId>,
    /// The order.
    pub sort: SearchSort,
    /// The last candidate already returned; `None` for the first page.
    pub after: Option<Candidate>,
    /// The maximum number of candidates: 1 to [`MAX_CANDIDATES`].
    pub limit: usize,
    /// Whether to count all candidates; [`Candidates::total`] is 0 otherwise.
    pub is_counted: bool,
    /// The time after which the search ends with what it found.
    pub time: Duration,
}

/// A page of candidates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidates {
    /// The candidates, in the requested order: no gap and no repeat with regard to the page before, as long as the
    /// documents do not change.
    pub items: Vec<Candidate>,
    /// Whether there may be more after them: there are, or the time was over.
    pub more: bool,
    /// The number of all candidates, up to [`COUNTED`]; the true number is greater if it is [`COUNTED`].
    pub total: u64,
    /// Whether each candidate matches the query, as far as the index is current, and all were counted. If not, the
    /// candidates are a superset of the matches, and the total says nothing.
    pub exact: bool,
    /// How far the index had followed.
    pub position: IndexPosition,
}

/// The search indexes of all tenants.
///
/// Several processes can share indexes. One of them writes; the others see its commits, and their calls that would change
/// an index fail with [`SearchError::Locked`].
///
/// Calls of one tenant may overlap: a search sees the index before or after a batch, never a part of it. Each call may
/// block a thread of its own for long, but never the caller's.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait SearchIndex: Send + Sync {
    /// Makes this process the writer, if there is none; returns whether it is.
    ///
    /// # Errors
    /// [`SearchError::Backend`].
    async fn acquire(&self) -> Result<bool, SearchError>;

    /// Returns the state of a tenant's index. The first call since the process started reads and checks all its files.
    ///
    /// # Errors
    /// [`SearchError::Backend`].
    async fn state(&self, tenant: TenantId) -> Result<IndexState, SearchError>;

    /// Checks the files of a tenant's index again; returns whether they are intact. A damaged index is
    /// [`IndexState::Damaged`] from then on.
    ///
    /// # Errors
    /// As [`SearchIndex::state`].
    async fn verify(&self, tenant: TenantId) -> Result<bool, SearchError>;

    /// Changes a tenant's index and moves its position, in one commit. Idempotent. At most 1,000 documents are added.
    ///
    /// # Errors
    /// [`SearchError`]; the index is as it was before.
    async fn apply(&self, tenant: TenantId, batch: IndexBatch, to: IndexPosition) -> Result<(), SearchError>;

    /// Returns a page of candidates: a superset of the messages that match, as far as the index has followed.
    ///
    /// # Errors
    /// [`SearchError::Missing`], [`SearchError::Damaged`], [`SearchError::Backend`], and [`SearchError::TimedOut`] if
    /// the time was over before the first candidate.
    async fn find(&self, tenant: TenantId, query: CandidateQuery) -> Result<Candidates, SearchError>;

    /// Returns whether all documents of a channel and of its threads have this [`IndexedMessage::root`]; true if there
    /// are none.
    ///
    /// # Errors
    /// As [`SearchIndex::find`].
    async fn has_root(
        &self,
        tenant: TenantId,
        channel: ChannelId,
        root: Option<ChannelId>,
    ) -> Result<bool, SearchError>;

    /// Begins a new index beside the one that answers. An unfinished one of the tenant is discarded.
    ///
    /// # Errors
    /// [`SearchError::Full`], [`SearchError::Locked`], [`SearchError::Backend`].
    async fn rebuild(&self, tenant: TenantId) -> Result<Box<dyn IndexBuild>, SearchError>;

    /// Removes every trace of deleted documents from the files. Searches go on meanwhile.
    ///
    /// # Errors
    /// [`SearchError`]; the index answers as before.
    async fn purge(&self, tenant: TenantId) -> Result<(), SearchError>;

    /// Removes a tenant's index with all its files. A missing one is not an error.
    ///
    /// # Errors
    /// [`SearchError::Locked`], [`SearchError::Backend`] if something is left.
    async fn remove(&self, tenant: TenantId) -> Result<(), SearchError>;

    /// Returns the tenants that have files in the index, in no order: those that the store no longer has can be removed.
    ///
    /// # Errors
    /// [`SearchError::Backend`].
    async fn tenants(&self) -> Result<Vec<TenantId>, SearchError>;
}

/// An index that is being built. Dropping it discards it.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait IndexBuild: Send {
    /// Adds documents, each channel and id once; at most 1,000.
    ///
    /// # Errors
    /// [`SearchError::Full`], [`SearchError::Damaged`], [`SearchError::Backend`]: the build cannot continue.
    async fn add(&mut self, documents: Vec<IndexedMessage>) -> Result<(), SearchError>;

    /// Replaces the index that answers by this one, which contains every change up to `position`.
    ///
    /// # Errors
    /// As [`IndexBuild::add`]; the other index still answers.
    async fn finish(self: Box<Self>, position: IndexPosition) -> Result<(), SearchError>;
}
