//! Requests to a node and its responses, as JSON.

use std::collections::HashMap;
use std::time::Duration;

use domain::change::ChangePosition;
use domain::channel::ChannelId;
use domain::message::MessageId;
use domain::search::{ChannelRef, tokenizer_version};
use domain::slug::ChannelSlug;
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use ports::search::{
    Candidate, CandidateQuery, Candidates, IndexPosition, IndexState, MAX_CANDIDATES, SearchScope, SearchSort,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    /// The version of the tokenizer by which the caller compares candidates: a node with another one would miss some.
    pub(crate) tokenizer: String,
    pub(crate) tenant: Uuid,
    pub(crate) call: Call,
}

/// The method of the port that is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Call {
    State,
    Find(Find),
}

/// The arguments of a search.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Find {
    query: String,
    channels: Vec<(Reference, Vec<Uuid>)>,
    /// `None` for all messages.
    scope: Option<Vec<Uuid>>,
    within: Option<Uuid>,
    sort: Sort,
    after: Option<Key>,
    limit: usize,
    is_counted: bool,
    time_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reference {
    Id(Uuid),
    Number(String),
    Slug(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Sort {
    Newest,
    Oldest,
    Relevance,
}

/// A candidate: its score, id and channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Key(u32, u64, Uuid);

/// A response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Response {
    Found(Found),
    State(State),
    /// The index must be built.
    Missing,
    /// The search took too long.
    TimedOut,
    /// Anything else, which the node has logged.
    Failed,
}

/// A page of candidates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Found {
    items: Vec<Key>,
    more: bool,
    total: u64,
    exact: bool,
    position: Position,
    /// Whether the node has followed the log to its end since it started. Another node may know more.
    pub(crate) is_current: bool,
}

/// The state of an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    Ready(Position),
    Missing,
    Outdated,
    Damaged,
}

/// A position, with its time in milliseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position(String, i64);

impl Request {
    pub(crate) fn new(tenant: TenantId, call: Call) -> Self {
        Self { tokenizer: tokenizer_version(), tenant: tenant.0, call }
    }
}

impl Find {
    /// Returns the arguments, with another time than that of `query`.
    pub(crate) fn new(query: &CandidateQuery, time: Duration) -> Self {
        let ids = |ids: &Vec<ChannelId>| ids.iter().map(|id| id.0).collect();
        Self {
            query: query.query.to_string(),
            channels: query.channels.iter().map(|(reference, named)| (reference.into(), ids(named))).collect(),
            scope: match &query.scope {
                SearchScope::All => None,
                SearchScope::Channels(channels) => Some(ids(channels)),
            },
            within: query.within.map(|within| within.0),
            sort: match query.sort {
                SearchSort::Newest => Sort::Newest,
                SearchSort::Oldest => Sort::Oldest,
                SearchSort::Relevance => Sort::Relevance,
            },
            after: query.after.map(Into::into),
            limit: query.limit,
            is_counted: query.is_counted,
            time_ms: u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// Returns the query, whose time is at most `longest`; `None` if a part is invalid.
    pub(crate) fn query(self, longest: Duration) -> Option<CandidateQuery> {
        let ids = |ids: Vec<Uuid>| ids.into_iter().map(ChannelId).collect::<Vec<_>>();
        let channels = self.channels.into_iter().map(|(reference, named)| Some((reference.parse()?, ids(named))));
        Some(CandidateQuery {
            query: self.query.parse().ok()?,
            channels: channels.collect::<Option<HashMap<_, _>>>()?,
            scope: self.scope.map_or(SearchScope::All, |channels| SearchScope::Channels(ids(channels))),
            within: self.within.map(ChannelId),
            sort: match self.sort {
                Sort::Newest => SearchSort::Newest,
                Sort::Oldest => SearchSort::Oldest,
                Sort::Relevance => SearchSort::Relevance,
            },
            after: match self.after {
                Some(key) => Some(key.candidate()?),
                None => None,
            },
            limit: Some(self.limit).filter(|limit| (1..=MAX_CANDIDATES).contains(limit))?,
            is_counted: self.is_counted,
            time: Duration::from_millis(self.time_ms).min(longest),
        })
    }
}

impl From<&ChannelRef> for Reference {
    fn from(reference: &ChannelRef) -> Self {
        match reference {
            ChannelRef::Id(id) => Self::Id(id.0),
            ChannelRef::Number(number) => Self::Number(number.to_string()),
            ChannelRef::Slug(slug) => Self::Slug(slug.as_str().to_owned()),
        }
    }
}

impl Reference {
    fn parse(self) -> Option<ChannelRef> {
        Some(match self {
            Self::Id(id) => ChannelRef::Id(ChannelId(id)),
            Self::Number(number) => ChannelRef::Number(number.parse().ok()?),
            Self::Slug(slug) => ChannelRef::Slug(ChannelSlug::new(&slug).ok()?),
        })
    }
}

impl From<Candidate> for Key {
    fn from(candidate: Candidate) -> Self {
        Self(candidate.score, candidate.id.get(), candidate.channel.0)
    }
}

impl Key {
    fn candidate(self) -> Option<Candidate> {
        Some(Candidate { score: self.0, id: MessageId::new(self.1)?, channel: ChannelId(self.2) })
    }
}

impl Found {
    pub(crate) fn new(candidates: &Candidates, is_current: bool) -> Self {
        Self {
            items: candidates.items.iter().copied().map(Into::into).collect(),
            more: candidates.more,
            total: candidates.total,
            exact: candidates.exact,
            position: (&candidates.position).into(),
            is_current,
        }
    }

    /// Returns the candidates; `None` if a part is invalid, or if there are more than `limit`.
    pub(crate) fn candidates(self, limit: usize) -> Option<Candidates> {
        Some(Candidates {
            items: Some(self.items)
                .filter(|items| items.len() <= limit)?
                .into_iter()
                .map(Key::candidate)
                .collect::<Option<_>>()?,
            more: self.more,
            total: self.total,
            exact: self.exact,
            position: self.position.parse()?,
        })
    }
}

impl From<&IndexPosition> for Position {
    fn from(position: &IndexPosition) -> Self {
        Self(position.changes.as_text().to_owned(), position.as_of.as_millis())
    }
}

impl Position {
    fn parse(self) -> Option<IndexPosition> {
        Some(IndexPosition { changes: ChangePosition::from_text(self.0), as_of: Timestamp::from_millis(self.1)? })
    }
}

impl From<&IndexState> for State {
    fn from(state: &IndexState) -> Self {
        match state {
            IndexState::Ready(position) => Self::Ready(position.into()),
            IndexState::Missing => Self::Missing,
            IndexState::Outdated => Self::Outdated,
            IndexState::Damaged => Self::Damaged,
        }
    }
}

impl State {
    pub(crate) fn parse(self) -> Option<IndexState> {
        Some(match self {
            Self::Ready(position) => IndexState::Ready(position.parse()?),
            Self::Missing => IndexState::Missing,
            Self::Outdated => IndexState::Outdated,
            Self::Damaged => IndexState::Damaged,
        })
    }
}
