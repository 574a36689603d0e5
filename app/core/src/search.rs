//! Search: finds the messages of a community by a query.
//!
//! [`Indexer`] keeps the index up to date with the change log, and rebuilds it where it cannot. [`Search`] answers a
//! query: the index proposes candidates, and each is compared with the store before it is shown.

mod documents;
mod indexer;
mod progress;
mod snapshots;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::channel::ChannelId;
use domain::message::Message;
use domain::search::{ChannelRef, Highlight, SearchQuery, SearchText};
use domain::tenant::Tenant;
use domain::timestamp::Timestamp;
use ports::search::{
    COUNTED, Candidate, CandidateQuery, Candidates, IndexPosition, MAX_CANDIDATES, SearchError, SearchIndex,
    SearchScope, SearchSort,
};
use tokio::time::{Instant, timeout_at};
use tracing::error;

pub(crate) use self::documents::{may_start, place_of, started};
pub use self::indexer::{Indexer, IndexerError, Wake};
pub use self::progress::{Building, IndexProgress};
pub use self::snapshots::Snapshots;
use crate::browse::{Audience, Browse, BrowseError, ChannelView, Entry, FileStates, Roles};

/// The time that the work for one page may take. Then it ends with what was found.
const TIME: Duration = Duration::from_secs(2);

/// The most comparisons of candidates with the store for one page, each of up to [`MAX_CANDIDATES`].
const ROUNDS: u32 = 10;

/// A request for a page of matches.
#[derive(Debug, Clone)]
pub struct SearchRequest {
    /// The query.
    pub query: SearchQuery,
    /// The channel to which it is limited, with its threads: a slug, a UUID or a platform id.
    pub channel: Option<String>,
    /// The order.
    pub sort: SearchSort,
    /// [`SearchPage::next`] of the page before.
    pub after: Option<Candidate>,
    /// The maximum number of matches: 1 to 50.
    pub limit: usize,
}

/// A message that matches.
#[derive(Debug, Clone)]
pub struct SearchHit {
    /// Its position among the matches.
    pub at: Candidate,
    /// The message.
    pub entry: Entry,
    /// Its channel.
    pub channel: ChannelView,
    /// The parts of its content that match, in code points.
    pub highlights: Vec<Highlight>,
    /// A part of its texts.
    pub excerpt: Excerpt,
}

/// A part of a text of a message as readers see it, around its first match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Excerpt {
    /// The pieces of the part.
    pub pieces: Vec<Piece>,
}

/// A piece of an excerpt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Piece {
    /// Its text.
    pub text: String,
    /// Whether it matches.
    pub is_match: bool,
    /// Whether it is inside a spoiler, so that it must not be shown before the reader opens it.
    pub is_hidden: bool,
}

impl Excerpt {
    /// The number of code points before the first match, and of all.
    const SIZE: (usize, usize) = (60, 280);
    /// The number of code points that are left out so that it starts with a word.
    const WORD: usize = 20;

    /// Returns a part of the first of `texts` that matches, or else of the first that is not empty.
    pub(crate) fn new(query: &SearchQuery, texts: &[SearchText]) -> Self {
        let marked = texts.iter().map(|text| (text, query.highlights(text.as_str())));
        let marked = marked.filter(|(text, _)| !text.as_str().trim().is_empty());
        let Some((text, marks)) =
            marked.reduce(|first, next| if first.1.is_empty() && !next.1.is_empty() { next } else { first })
        else {
            return Self::default();
        };
        let first = marks.first().map_or(0, |mark| mark.from);
        let start = first.saturating_sub(Self::SIZE.0);
        // At the start of a word, if it is not too long.
        let before = text.as_str().chars().take(first).enumerate().skip(start.saturating_sub(1)).take(Self::WORD);
        let start = before
            .filter(|(_, char)| char.is_whitespace())
            .map(|(at, _)| at + 1)
            .next()
            .filter(|_| start > 0)
            .unwrap_or(start);
        let length = text.as_str().chars().count();
        let end = length.min(start + Self::SIZE.1);
        let cut = || Piece { text: "…".to_owned(), ..Piece::default() };
        let mut pieces: Vec<Piece> = Vec::new();
        if start > 0 {
            pieces.push(cut());
        }
        let (mut marks, mut hidden) = (marks.as_slice(), text.hidden());
        for (at, char) in text.as_str().chars().enumerate().take(end).skip(start) {
            let (is_match, is_hidden) = (is_in(&mut marks, at), is_in(&mut hidden, at));
            match pieces.last_mut().filter(|last| (last.is_match, last.is_hidden) == (is_match, is_hidden)) {
                Some(last) => last.text.push(char),
                None => pieces.push(Piece { text: char.to_string(), is_match, is_hidden }),
            }
        }
        if end < length {
            pieces.push(cut());
        }
        Self { pieces }
    }
}

/// Returns whether one of the parts, which ascend, contains a code point. Forgets those before it.
fn is_in(parts: &mut &[Highlight], at: usize) -> bool {
    while let [first, others @ ..] = *parts
        && first.to <= at
    {
        *parts = others;
    }
    parts.first().is_some_and(|part| part.from <= at)
}

/// The number of matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    /// This many.
    Exactly(u64),
    /// This many, and possibly more.
    AtLeast(u64),
}

/// A page of matches.
#[derive(Debug, Clone)]
pub struct SearchPage {
    /// The community.
    pub tenant: Tenant,
    /// The channel to which the search was limited.
    pub channel: Option<ChannelView>,
    /// The matches, in the requested order.
    pub hits: Vec<SearchHit>,
    /// The position of the next page; `None` at the end.
    pub next: Option<Candidate>,
    /// The number of all matches.
    pub total: Total,
    /// Every change before this time is considered.
    pub as_of: Timestamp,
    /// Whether the search ended because it took long. There may be more matches than the page has.
    pub timed_out: bool,
    /// The order.
    pub sort: SearchSort,
    /// The roles that the messages mention.
    pub roles: Roles,
    /// The download state of the attachments.
    pub files: FileStates,
}

/// Why a search has no answer.
#[derive(Debug, thiserror::Error)]
pub enum SearchFailure {
    /// The community or channel is not there, or the store failed.
    #[error(transparent)]
    Browse(#[from] BrowseError),
    /// The index is being built.
    #[error("the search index is being built")]
    Building,
    /// The index cannot be used by this process.
    #[error("search is not available")]
    Unavailable,
    /// It found nothing in the time that it may take.
    #[error("the search took too long: make the query more specific")]
    TimedOut,
}

impl From<ports::error::StoreError> for SearchFailure {
    fn from(error: ports::error::StoreError) -> Self {
        Self::Browse(error.into())
    }
}

impl From<SearchError> for SearchFailure {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Missing | SearchError::Damaged(_) => Self::Building,
            SearchError::TimedOut => Self::TimedOut,
            SearchError::Locked | SearchError::Full(_) | SearchError::Backend(_) => {
                error!(error = &error as &dyn std::error::Error, "search index failed");
                Self::Unavailable
            }
        }
    }
}

/// The channels that a query may find messages in, as the store has them now.
pub(crate) struct Reach {
    pub(crate) scope: SearchScope,
    pub(crate) channels: HashMap<ChannelRef, Vec<ChannelId>>,
}

/// A candidate as the store has it: a message that the reader may see, which may match.
pub(crate) struct Found {
    pub(crate) message: Message,
    pub(crate) channel: ChannelView,
    pub(crate) thread: Option<domain::channel::Channel>,
    pub(crate) highlights: Vec<Highlight>,
    pub(crate) excerpt: Excerpt,
}

/// Answers queries.
#[derive(Clone)]
pub struct Search {
    browse: Browse,
    index: Arc<dyn SearchIndex>,
    progress: IndexProgress,
    time: Duration,
}

/// What was found so far.
#[derive(Default)]
struct Progress {
    hits: Vec<(Candidate, SearchHit)>,
    /// The last candidate that was compared with the store.
    after: Option<Candidate>,
    first: Option<Candidates>,
    /// The number of comparisons.
    rounds: u32,
    /// Whether the count of the index is also that of the store.
    is_counted: bool,
    ended: bool,
    timed_out: bool,
}

impl Search {
    /// Returns a search in `index`, whose builds `progress` follows.
    #[must_use]
    pub fn new(browse: Browse, index: Arc<dyn SearchIndex>, progress: IndexProgress) -> Self {
        Self { browse, index, progress, time: TIME }
    }

    /// Returns the same search with another time for one page, 2 s by default. Then a page ends with what was found.
    #[must_use]
    pub fn with_time(self, time: Duration) -> Self {
        Self { time, ..self }
    }

    /// Returns the progress of the index.
    #[must_use]
    pub const fn progress(&self) -> &IndexProgress {
        &self.progress
    }

    /// Returns a page of the matches that `audience` may see in the tenant with this slug. The pages of a request have
    /// no gap and no repeat, as long as its matches do not change.
    ///
    /// # Errors
    /// [`SearchFailure`].
    pub async fn page(
        &self,
        audience: Audience,
        slug: &str,
        request: &SearchRequest,
    ) -> Result<SearchPage, SearchFailure> {
        let deadline = Instant::now() + self.time;
        let mut at = self.browse.open(audience).await;
        let tenant = at.tenant(slug).await?;
        // Before the index is read, which is no older then.
        let current = self.progress.current(tenant.id);
        let channel = match &request.channel {
            Some(reference) => Some(at.channel(&tenant, reference).await?),
            None => None,
        };
        let reach = at.reach(&tenant, &request.query).await?;
        drop(at);
        let within = channel.as_ref().map(|view| view.channel.id);
        let mut found = Progress { after: request.after, ..Progress::default() };
        while !found.ended && !found.timed_out && found.hits.len() <= request.limit {
            let limit = if found.first.is_none() { request.limit + 1 } else { MAX_CANDIDATES };
            let query = CandidateQuery {
                query: request.query.clone(),
                channels: reach.channels.clone(),
                scope: reach.scope.clone(),
                within,
                sort: request.sort,
                after: found.after,
                limit,
                is_counted: found.first.is_none(),
                // The rest is for the store.
                time: deadline.saturating_duration_since(Instant::now()) * 3 / 4,
            };
            let round = self.round(audience, &tenant, within, query, current.as_ref(), &mut found);
            match timeout_at(deadline, round).await {
                Ok(Ok(())) => {}
                Err(_) | Ok(Err(SearchFailure::TimedOut)) if found.first.is_some() => found.timed_out = true,
                Err(_) => return Err(SearchFailure::TimedOut),
                Ok(Err(failure)) => return Err(failure),
            }
        }
        let mut page = self.finish(audience, tenant, channel, request, found).await?;
        page.as_of = current.map_or(page.as_of, |current| current.as_of.max(page.as_of));
        Ok(page)
    }

    /// Compares the next candidates with the store. They are read in a snapshot that is newer than the index.
    async fn round(
        &self,
        audience: Audience,
        tenant: &Tenant,
        within: Option<ChannelId>,
        query: CandidateQuery,
        current: Option<&IndexPosition>,
        found: &mut Progress,
    ) -> Result<(), SearchFailure> {
        let candidates = self.index.find(tenant.id, query.clone()).await?;
        let mut at = self.browse.open(audience).await;
        if found.first.is_none() && !at.has_reached(&candidates.position.changes).await? {
            // It answers no longer once the process that has it reads the log.
            return Err(SearchFailure::Building);
        }
        if query.is_counted {
            // The index's count must not reveal what the store has deleted or hidden since.
            let position = current.map_or(&candidates.position.changes, |current| &current.changes);
            found.is_counted = candidates.exact && at.has_all_since(tenant.id, position).await?;
        }
        let keys: Vec<_> = candidates.items.iter().map(|one| (one.channel, one.id)).collect();
        let mut matching = at.matching(tenant, &query.query, within, &keys).await?;
        for candidate in &candidates.items {
            if let Some(one) = matching.remove(&(candidate.channel, candidate.id)) {
                let entry = Entry { thread: one.thread.map(Box::new), ..one.message.into() };
                let hit = SearchHit {
                    at: *candidate,
                    entry,
                    channel: one.channel,
                    highlights: one.highlights,
                    excerpt: one.excerpt,
                };
                found.hits.push((*candidate, hit));
            }
        }
        found.rounds += 1;
        found.ended = !candidates.more;
        // The index ended early.
        let is_late = candidates.more && candidates.items.len() < query.limit;
        found.timed_out = is_late || found.rounds >= ROUNDS && candidates.more;
        found.after = candidates.items.last().copied().or(found.after);
        found.first.get_or_insert(candidates);
        Ok(())
    }

    async fn finish(
        &self,
        audience: Audience,
        tenant: Tenant,
        channel: Option<ChannelView>,
        request: &SearchRequest,
        mut found: Progress,
    ) -> Result<SearchPage, SearchFailure> {
        let has_more = found.hits.len() > request.limit;
        found.hits.truncate(request.limit);
        // Never a candidate that was not shown. A search that ended early goes on after the last hit, if it has one.
        let next = found.hits.last().map(|(candidate, _)| *candidate).filter(|_| has_more || found.timed_out);
        let first = found.first.ok_or(SearchFailure::TimedOut)?;
        let hits: Vec<SearchHit> = found.hits.into_iter().map(|(_, hit)| hit).collect();
        let seen = hits.len() as u64;
        let total = match (request.after, next) {
            (None, None) if !found.timed_out => Total::Exactly(seen),
            _ if first.exact && first.total >= COUNTED => Total::AtLeast(COUNTED),
            _ if found.is_counted => Total::Exactly(first.total.max(seen)),
            _ => Total::AtLeast(seen),
        };
        let messages: Vec<&Message> = hits.iter().map(|hit| &**hit.entry.message).collect();
        let mut at = self.browse.open(audience).await;
        let (roles, files) = at.referred_by(tenant.id, messages).await?;
        let as_of = first.position.as_of;
        let (sort, timed_out) = (request.sort, found.timed_out);
        Ok(SearchPage { tenant, channel, hits, next, total, as_of, timed_out, sort, roles, files })
    }
}

#[cfg(test)]
mod tests;
