//! Jobs: long work on a tenant, persisted as a row so that it outlives the worker's process.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use uuid::Uuid;

use crate::channel::ChannelSnowflake;
use crate::tenant::{TenantId, UnknownWord};
use crate::timestamp::Timestamp;

/// The id of a job: UUID v4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct JobId(pub Uuid);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! words {
    ($name:ident, $expected:literal, $($variant:ident => $word:literal),+) => {
        impl $name {
            /// Returns its name in stores and in the API.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(UnknownWord::new(text, $expected)),
                }
            }
        }
    };
}

/// The kind of work of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum JobKind {
    /// Reads everything again.
    Full,
    /// Reads new messages.
    Incremental,
    /// Reads some channels.
    Channels,
    /// Imports the export files of another tool.
    Import,
    /// Removes one author's content.
    Erase,
    /// Removes the tenant with all its data.
    Delete,
    /// Builds the search index of the tenant.
    Index,
}

impl JobKind {
    /// Returns whether it copies from the platform.
    #[must_use]
    pub const fn is_sync(self) -> bool {
        matches!(self, Self::Full | Self::Incremental | Self::Channels)
    }
}

words!(JobKind, "full, incremental, channels, import, erase, delete, index",
    Full => "full", Incremental => "incremental", Channels => "channels",
    Import => "import", Erase => "erase", Delete => "delete", Index => "index");

/// The state of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// Not started.
    Queued,
    /// A worker runs it, or did when its process ended.
    Running,
    /// Finished.
    Done,
    /// Ended by an error.
    Failed,
    /// Cancelled by request.
    Cancelled,
}

words!(JobState, "queued, running, done, failed, cancelled",
    Queued => "queued", Running => "running", Done => "done", Failed => "failed", Cancelled => "cancelled");

/// The counters of a job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Finished channels.
    pub channels_done: u64,
    /// All channels of the job.
    pub channels_total: u64,
    /// Processed messages.
    pub messages: u64,
    /// Requests to the platform.
    pub requests: u64,
    /// How often the platform made it wait.
    pub waits: u64,
    /// The estimated remaining time, if there is an estimate.
    pub seconds_left: Option<u64>,
}

/// The scope of a job that copies from the platform.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncScope {
    /// Only these channels and their threads; all if empty.
    pub channels: Vec<ChannelSnowflake>,
    /// Messages sent since then are read once more, for edits and deletions; with `None` the job decides.
    pub since: Option<Timestamp>,
}

/// A job on one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// Its tenant; a job outlives the tenant that it deleted.
    pub tenant_id: TenantId,
    /// Its kind.
    pub kind: JobKind,
    /// Its scope, if it copies from the platform.
    pub scope: SyncScope,
    /// Its state.
    pub state: JobState,
    /// Whether its worker is requested to end it.
    pub cancel_requested: bool,
    /// When it was requested.
    pub created_at: Timestamp,
    /// When it was started.
    pub started_at: Option<Timestamp>,
    /// When it ended, in whatever state.
    pub ended_at: Option<Timestamp>,
    /// Its counters.
    pub progress: Progress,
    /// Why it failed: one sentence.
    pub error: Option<String>,
    /// Whether a schedule requested it instead of an operator: it runs beside the tenant's other job, and yields to it.
    pub background: bool,
}

impl Job {
    /// Returns a queued job.
    #[must_use]
    pub fn new(id: JobId, tenant_id: TenantId, kind: JobKind, now: Timestamp) -> Self {
        Self {
            id,
            tenant_id,
            kind,
            scope: SyncScope::default(),
            state: JobState::Queued,
            cancel_requested: false,
            created_at: now,
            started_at: None,
            ended_at: None,
            progress: Progress::default(),
            error: None,
            background: false,
        }
    }

    /// Returns whether it copies from the platform all that a job of this kind and scope would, or more of the same
    /// channels.
    #[must_use]
    pub fn reads(&self, kind: JobKind, scope: &SyncScope) -> bool {
        let everything = self.kind == JobKind::Full && kind.is_sync() && self.scope.channels == scope.channels;
        everything || (self.kind == kind && self.scope == *scope)
    }

    /// Starts it, or resumes it after the process of its worker ended.
    pub fn start(&mut self, now: Timestamp) {
        self.state = JobState::Running;
        self.started_at.get_or_insert(now);
    }

    /// Ends it: done, or failed with the reason.
    pub fn end(&mut self, outcome: Result<(), String>, now: Timestamp) {
        self.ended_at = Some(now);
        self.error = outcome.err();
        self.state = if self.error.is_some() { JobState::Failed } else { JobState::Done };
        self.progress.seconds_left = None;
    }

    /// Ends it because of a request to cancel.
    pub fn cancel(&mut self, now: Timestamp) {
        self.ended_at = Some(now);
        self.state = JobState::Cancelled;
        self.progress.seconds_left = None;
    }

    /// Requests its end: a queued job ends at once, a running one is ended by its worker. An ended job stays as it is.
    pub fn request_cancel(&mut self, now: Timestamp) {
        match self.state {
            JobState::Queued => self.cancel(now),
            JobState::Running => self.cancel_requested = true,
            JobState::Done | JobState::Failed | JobState::Cancelled => {}
        }
    }

    /// Leaves it for the next process, which resumes it.
    pub const fn leave(&mut self) {
        self.state = JobState::Queued;
        self.progress.seconds_left = None;
    }

    /// Returns whether it has ended.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        matches!(self.state, JobState::Done | JobState::Failed | JobState::Cancelled)
    }
}

#[cfg(test)]
mod tests;
