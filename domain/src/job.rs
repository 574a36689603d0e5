//! Long work on a tenant, kept as a row so that it outlives the process that does it.

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
            /// The word that stores and clients use.
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

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum JobKind {
    /// Reads everything again.
    Full,
    /// Reads what is new.
    Incremental,
    /// Reads some channels.
    Channels,
    /// Reads files that another tool wrote.
    Import,
    /// Removes what one author wrote.
    Erase,
    /// Removes the tenant with all that it has.
    Delete,
}

impl JobKind {
    /// Whether it copies from the platform.
    #[must_use]
    pub const fn is_sync(self) -> bool {
        matches!(self, Self::Full | Self::Incremental | Self::Channels)
    }
}

words!(JobKind, "full, incremental, channels, import, erase, delete",
    Full => "full", Incremental => "incremental", Channels => "channels",
    Import => "import", Erase => "erase", Delete => "delete");

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// Nobody has begun.
    Queued,
    /// Somebody is at it, or was when the process ended.
    Running,
    /// Finished.
    Done,
    /// Ended by an error.
    Failed,
    /// Ended by somebody's wish.
    Cancelled,
}

words!(JobState, "queued, running, done, failed, cancelled",
    Queued => "queued", Running => "running", Done => "done", Failed => "failed", Cancelled => "cancelled");

/// What a job has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Channels that are finished.
    pub channels_done: u64,
    /// Channels that there are to do.
    pub channels_total: u64,
    /// Messages that went through.
    pub messages: u64,
    /// Requests to the platform.
    pub requests: u64,
    /// Times that the platform made it wait.
    pub waits: u64,
    /// How long the rest takes, as far as anybody can tell.
    pub seconds_left: Option<u64>,
}

/// What a job that copies from the platform is to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncScope {
    /// Only these channels and their threads; all if there are none.
    pub channels: Vec<ChannelSnowflake>,
    /// What was written since then is read once more, for edits and deletions; `None` leaves it to the job.
    pub since: Option<Timestamp>,
}

/// Long work on one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// On which tenant; a job outlives the tenant that it deleted.
    pub tenant_id: TenantId,
    /// What it does.
    pub kind: JobKind,
    /// What it reads, if it copies from the platform.
    pub scope: SyncScope,
    /// How far it is.
    pub state: JobState,
    /// Whether somebody wishes that whoever is at it ends it.
    pub cancel_requested: bool,
    /// When somebody asked for it.
    pub created_at: Timestamp,
    /// When it was begun.
    pub started_at: Option<Timestamp>,
    /// When it ended, however.
    pub ended_at: Option<Timestamp>,
    /// What it has done so far.
    pub progress: Progress,
    /// Why it failed: one sentence.
    pub error: Option<String>,
    /// Whether a schedule asked for it and no operator: it runs beside the tenant's other job, and gives way to it.
    pub background: bool,
}

impl Job {
    /// A job that nobody has begun.
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

    /// Whether it copies from the platform what a job of this kind and scope would, or more of the same channels.
    #[must_use]
    pub fn reads(&self, kind: JobKind, scope: &SyncScope) -> bool {
        let everything = self.kind == JobKind::Full && kind.is_sync() && self.scope.channels == scope.channels;
        everything || (self.kind == kind && self.scope == *scope)
    }

    /// Begins it, or goes on with it after the process that did it ended.
    pub fn start(&mut self, now: Timestamp) {
        self.state = JobState::Running;
        self.started_at.get_or_insert(now);
    }

    /// Ends it, well or with the reason why not.
    pub fn end(&mut self, outcome: Result<(), String>, now: Timestamp) {
        self.ended_at = Some(now);
        self.error = outcome.err();
        self.state = if self.error.is_some() { JobState::Failed } else { JobState::Done };
        self.progress.seconds_left = None;
    }

    /// Ends it because somebody wished so.
    pub fn cancel(&mut self, now: Timestamp) {
        self.ended_at = Some(now);
        self.state = JobState::Cancelled;
        self.progress.seconds_left = None;
    }

    /// Asks for its end: at once where nobody is at it, else by who is. What has ended stays as it is.
    pub fn request_cancel(&mut self, now: Timestamp) {
        match self.state {
            JobState::Queued => self.cancel(now),
            JobState::Running => self.cancel_requested = true,
            JobState::Done | JobState::Failed | JobState::Cancelled => {}
        }
    }

    /// Leaves it for the next process, which goes on with it.
    pub const fn leave(&mut self) {
        self.state = JobState::Queued;
        self.progress.seconds_left = None;
    }

    /// Whether nothing more will happen to it.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        matches!(self.state, JobState::Done | JobState::Failed | JobState::Cancelled)
    }
}

#[cfg(test)]
mod tests;
