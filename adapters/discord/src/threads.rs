//! Lists threads: the active ones of a guild, and the archived ones of a channel, whatever their number and ties.

use std::collections::BTreeSet;

use domain::access::{Access, ArchivedList, GuildChannel, GuildStructure};
use domain::channel::{ChannelKind, ChannelSnowflake};
use domain::timestamp::Timestamp;
use ports::guild::{ArchivedCursor, GuildError, GuildScope, Priority, ThreadPage};
use serde::{Deserialize, Serialize};

use crate::channel::{parent_of, thread};
use crate::client::DiscordClient;
use crate::limit::Target;
use crate::payload::{self, Fields, Threads};
use crate::rest::Call;

/// The number of threads on a page; Discord permits 2 to 100.
const PAGE: usize = 100;
/// The number of threads on a page of a search.
const SEARCH_PAGE: usize = 25;

/// Discord's code for a time before the channel was made, when no thread can exist.
const BEFORE_CREATION: u64 = 50_085;

impl DiscordClient {
    pub(crate) async fn read_active(
        &self,
        scope: &GuildScope,
        structure: &GuildStructure,
    ) -> Result<Vec<GuildChannel>, GuildError> {
        let guild = scope.guild;
        let target = Target { route: "/guilds/{g}/threads/active", major: guild.get() };
        let (path, priority) = (format!("/guilds/{guild}/threads/active"), scope.priority(Priority::CatchUp));
        let call = Call { target, path, priority };
        let reply = self.rest.get(&call, "list of threads", payload::threads).await?;
        let (listed, at) = (reply.value.threads, reply.sent_at);
        let made = listed.into_iter().filter_map(|wire| thread(scope, parent_of(structure, &wire), at, wire));
        Ok(once(made.collect()))
    }

    pub(crate) async fn read_archived(
        &self,
        scope: &GuildScope,
        parent: &GuildChannel,
        list: ArchivedList,
        cursor: Option<ArchivedCursor>,
    ) -> Result<ThreadPage, GuildError> {
        if let Access::Denied(denied) = parent.access {
            return Err(GuildError::Forbidden(denied));
        }
        let ask = Ask { client: self, scope, parent, list };
        let position = cursor.map(|cursor| Position::parse(&cursor)).transpose()?;
        match (position, list) {
            (Some(Position::Search { below, then }), _) => ask.search(below, then).await,
            (Some(Position::IdBelow(id)), _) => ask.joined(Some(id)).await,
            (None, ArchivedList::JoinedPrivate) => ask.joined(None).await,
            (Some(Position::ArchivedBefore { micros, seen }), _) => ask.by_time(Some(micros), &seen).await,
            (None, ArchivedList::Public | ArchivedList::Private) => ask.by_time(None, &[]).await,
        }
    }
}

/// The position where a list resumes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Position {
    /// Threads archived before this microsecond since the Unix epoch, without those already returned.
    ArchivedBefore {
        /// The time, exclusive.
        micros: i64,
        /// Threads of the last page that were archived at its last microsecond, and so are returned again.
        seen: Vec<ChannelSnowflake>,
    },
    /// Threads with a smaller id.
    IdBelow(ChannelSnowflake),
    /// More threads were archived at one moment than a page holds, so the list is completed by a search: all archived
    /// threads with a smaller id, then the list again from before that moment.
    Search {
        /// The smallest id found so far; `None` at first.
        below: Option<ChannelSnowflake>,
        /// Where the list resumes afterwards, in microseconds; `None` at its end.
        then: Option<i64>,
    },
}

impl Position {
    fn parse(cursor: &ArchivedCursor) -> Result<Self, GuildError> {
        serde_json::from_str(cursor.as_str()).map_err(|_| GuildError::Malformed("position of a list of threads"))
    }

    fn cursor(&self) -> ArchivedCursor {
        ArchivedCursor::new(serde_json::to_string(self).expect("numbers and ids are plain values"))
    }

    /// Returns the first whole millisecond that is not before its time.
    fn archived_before(&self) -> Option<Timestamp> {
        let Self::ArchivedBefore { micros, .. } = self else { return None };
        Timestamp::from_millis(micros.saturating_add(999).div_euclid(1000))
    }
}

struct Ask<'a> {
    client: &'a DiscordClient,
    scope: &'a GuildScope,
    parent: &'a GuildChannel,
    list: ArchivedList,
}

impl Ask<'_> {
    async fn get(&self, route: &'static str, query: &str) -> Result<(Threads, Timestamp), GuildError> {
        let id = self.parent.channel.platform_id;
        let path = format!("{}?{query}", route.replace("{c}", &id.to_string()));
        let priority = self.scope.priority(Priority::CatchUp);
        let call = Call { target: Target { route, major: id.get() }, path, priority };
        let reply = self.client.rest.get(&call, "list of threads", payload::threads).await?;
        Ok((reply.value, reply.sent_at))
    }

    fn threads(&self, wire: Vec<Fields>, at: Timestamp) -> Vec<GuildChannel> {
        once(wire.into_iter().filter_map(|wire| thread(self.scope, Some(self.parent), at, wire)).collect())
    }

    /// Fetches a page of those archived before `micros`, except those that were `seen`: a page reaches one microsecond
    /// into the one before, because whole groups of threads are archived at the same time.
    async fn by_time(&self, micros: Option<i64>, seen: &[ChannelSnowflake]) -> Result<ThreadPage, GuildError> {
        let route = match self.list {
            ArchivedList::Private => "/channels/{c}/threads/archived/private",
            ArchivedList::Public | ArchivedList::JoinedPrivate => "/channels/{c}/threads/archived/public",
        };
        let before = micros.map(|micros| format!("&before={}", moment(micros))).unwrap_or_default();
        let (page, at) = match self.get(route, &format!("limit={PAGE}{before}")).await {
            Err(GuildError::Rejected { code: BEFORE_CREATION, .. }) => return Ok(end(Vec::new())),
            other => other?,
        };
        let times: Vec<(Option<ChannelSnowflake>, Option<i64>)> = page.threads.iter().map(archived_at).collect();
        let mut threads = self.threads(page.threads, at);
        threads.retain(|thread| !seen.contains(&thread.channel.platform_id));
        if !page.has_more {
            return Ok(end(threads));
        }
        let last = times.iter().filter_map(|(_, micros)| *micros).min();
        let stuck =
            threads.is_empty() || last.is_none() || last.zip(micros).is_some_and(|(last, micros)| last >= micros);
        let next = match last {
            Some(last) if !stuck => {
                let together = times.iter().filter(|(_, micros)| *micros == Some(last)).filter_map(|(id, _)| *id);
                let seen = together.chain(seen_at(seen, micros, last)).collect();
                Position::ArchivedBefore { micros: last.saturating_add(1), seen }
            }
            // More than a page of them at the same time, or an empty page that announces more.
            _ => Position::Search { below: None, then: last },
        };
        Ok(page_of(threads, Some(&next), false))
    }

    /// Fetches a page of those that the bot has joined, by their ids.
    async fn joined(&self, below: Option<ChannelSnowflake>) -> Result<ThreadPage, GuildError> {
        let before = below.map(|id| format!("&before={id}")).unwrap_or_default();
        let route = "/channels/{c}/users/@me/threads/archived/private";
        let (page, at) = self.get(route, &format!("limit={PAGE}{before}")).await?;
        let threads = self.threads(page.threads, at);
        let lowest = threads.first().map(|thread| thread.channel.platform_id);
        let lowest = lowest.filter(|lowest| page.has_more && below.is_none_or(|below| *lowest < below));
        Ok(page_of(threads, lowest.map(Position::IdBelow).as_ref(), false))
    }

    /// Fetches a page of a search through all archived threads of the channel, newest first.
    async fn search(&self, below: Option<ChannelSnowflake>, then: Option<i64>) -> Result<ThreadPage, GuildError> {
        let back = then.map(|micros| Position::ArchivedBefore { micros, seen: Vec::new() });
        let max = below.map(|id| format!("&max_id={id}")).unwrap_or_default();
        let query = format!("archived=true&sort_by=creation_time&sort_order=desc&limit={SEARCH_PAGE}{max}");
        let (page, at) = match self.get("/channels/{c}/threads/search", &query).await {
            Ok(page) => page,
            Err(error) if error.is_fatal() || matches!(error, GuildError::Gone(_) | GuildError::HeldBack { .. }) => {
                return Err(error);
            }
            Err(error) => {
                tracing::warn!(
                    channel.id = %self.parent.channel.id, %error,
                    "archived threads of one moment not listed whole"
                );
                return Ok(page_of(Vec::new(), back.as_ref(), true));
            }
        };
        let mut threads = self.threads(page.threads, at);
        let lowest = threads.first().map(|thread| thread.channel.platform_id);
        let lowest = lowest.filter(|lowest| below.is_none_or(|below| *lowest < below));
        let private = self.list != ArchivedList::Public;
        threads.retain(|thread| (thread.channel.kind == ChannelKind::PRIVATE_THREAD) == private);
        let next = lowest.map(|id| Position::Search { below: Some(id), then }).or(back);
        Ok(page_of(threads, next.as_ref(), false))
    }
}

const fn end(threads: Vec<GuildChannel>) -> ThreadPage {
    ThreadPage { threads, next: None, archived_before: None, incomplete: false }
}

/// Returns a page after which the list resumes at `next`.
fn page_of(threads: Vec<GuildChannel>, next: Option<&Position>, incomplete: bool) -> ThreadPage {
    let archived_before = next.and_then(Position::archived_before);
    ThreadPage { threads, next: next.map(Position::cursor), archived_before, incomplete }
}

/// Returns threads ascending by id, each once.
fn once(mut threads: Vec<GuildChannel>) -> Vec<GuildChannel> {
    let mut seen = BTreeSet::new();
    threads.retain(|thread| seen.insert(thread.channel.platform_id));
    threads.sort_unstable_by_key(|thread| thread.channel.platform_id);
    threads
}

/// Returns those of the last page that are repeated, if this page ends at the same time.
fn seen_at(seen: &[ChannelSnowflake], micros: Option<i64>, last: i64) -> impl Iterator<Item = ChannelSnowflake> {
    let same = micros == Some(last.saturating_add(1));
    seen.iter().copied().filter(move |_| same)
}

/// Returns the id of a thread, and its archive time, in microseconds since the Unix epoch.
fn archived_at(wire: &Fields) -> (Option<ChannelSnowflake>, Option<i64>) {
    let mut wire = wire.clone();
    let text = wire.object("thread_metadata").and_then(|mut metadata| metadata.text("archive_timestamp"));
    let micros = text.and_then(|text| text.parse::<jiff::Timestamp>().ok()).map(jiff::Timestamp::as_microsecond);
    (wire.id("id"), micros)
}

/// Formats a time for a query: with `Z`, because the `+` of an offset would be a blank.
fn moment(micros: i64) -> String {
    let at = jiff::Timestamp::from_microsecond(micros).unwrap_or(jiff::Timestamp::MAX);
    format!("{at:.6}")
}
