//! The result of an import.

use std::collections::BTreeSet;

use domain::channel::ChannelId;
use domain::message::MessageId;
use domain::page::{MessagePage, PageOutcome};
use domain::slug::TenantSlug;
use ports::source::{ExportEnd, ExportFile, ExportSummary, SourceError};
use serde::Serialize;

use super::channels::Readers;
use super::files::FileCounts;
use crate::portion::{Refusal, Stored};

/// The status of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FileStatus {
    /// It is completely stored.
    Ok,
    /// Its readable part is stored.
    Partial,
    /// It was completely stored before.
    Unchanged,
    /// Nothing of it is stored.
    Failed,
}

/// The result of one file.
#[derive(Debug, Clone, Serialize)]
pub struct FileReport {
    /// Its path; `archive.zip!/entry.json` inside a ZIP file.
    pub path: String,
    /// The status.
    pub status: FileStatus,
    /// The errors in it.
    pub error: Option<String>,
    /// The position of the error, in bytes from its start.
    pub byte: Option<u64>,
    /// The last message that was read.
    pub last_message_id: Option<MessageId>,
    /// The number of messages that were read.
    pub read: u64,
    /// The number of new messages.
    pub added: u64,
    /// The number of messages that were replaced by a newer version.
    pub updated: u64,
    /// The number of unchanged messages.
    pub unchanged: u64,
    /// The number of messages that are now deleted.
    pub deleted: u64,
    /// The counts of the files beside it.
    #[serde(skip)]
    pub attachments: FileCounts,
    /// The reason why files cannot be stored, which becomes part of `error`.
    #[serde(skip)]
    pub(super) no_files: Option<String>,
    /// The number of stored messages that it lacks inside the range that it covers, though it is newer: those that are
    /// now deleted, or that `--complete` would delete.
    pub absent: u64,
    /// The messages that the store rejected, which become part of `error`.
    #[serde(skip)]
    refused: Vec<Refusal>,
}

/// Messages of one channel that an import of complete exports would delete.
#[derive(Debug, Clone, Serialize)]
pub struct AbsentMessages {
    /// The channel.
    pub channel_id: ChannelId,
    /// Its name.
    pub channel: String,
    /// The messages, ascending.
    pub messages: Vec<MessageId>,
}

/// The result of an import.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The results of the files.
    pub files: Vec<FileReport>,
    /// The communities of the files, by slug.
    pub tenants: BTreeSet<TenantSlug>,
    /// The messages that would be deleted, by channel; only in a dry run of an import of complete exports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub absent: Option<Vec<AbsentMessages>>,
    /// The number of stored messages that newer exports lack and that stay, because the exports are not declared
    /// complete.
    #[serde(skip)]
    pub kept: u64,
    /// The duration.
    pub seconds: f64,
    /// The visibility of the channels; empty in a dry run.
    #[serde(skip)]
    pub readers: Readers,
}

impl Report {
    /// Returns whether every file is completely stored.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.files.iter().all(|file| matches!(file.status, FileStatus::Ok | FileStatus::Unchanged))
    }
}

impl FileReport {
    pub(super) fn new(path: String, status: FileStatus) -> Self {
        Self {
            path,
            status,
            error: None,
            byte: None,
            last_message_id: None,
            read: 0,
            added: 0,
            updated: 0,
            unchanged: 0,
            deleted: 0,
            attachments: FileCounts::default(),
            no_files: None,
            absent: 0,
            refused: Vec::new(),
        }
    }

    /// Counts the result of a page; `last` is its last message in the order of the file.
    pub(super) fn count(&mut self, page: &MessagePage, last: Option<MessageId>, stored: &Stored<PageOutcome>) {
        let is_kept = |id: &MessageId| stored.refused.iter().all(|refusal| refusal.message_id != *id);
        let kept = || page.messages().iter().map(|message| message.id).filter(is_kept);
        self.read += kept().count() as u64;
        self.last_message_id = last.filter(is_kept).or_else(|| kept().next_back()).or(self.last_message_id);
        for outcome in &stored.outcomes {
            self.added += outcome.added;
            self.updated += outcome.updated;
            self.unchanged += outcome.unchanged;
            self.deleted += outcome.deleted;
            self.absent += outcome.absent.len() as u64;
        }
        self.refused.extend_from_slice(&stored.refused);
        if !self.refused.is_empty() {
            self.status = FileStatus::Partial;
        }
    }

    pub(super) fn conclude(&mut self, summary: &ExportSummary) {
        let fault = match &summary.end {
            ExportEnd::Broken { reason, byte } => Some((reason.clone(), *byte)),
            ExportEnd::Whole => summary.unreadable.first().map(|(reason, byte)| match summary.unreadable.len() {
                1 => (reason.clone(), *byte),
                more => (format!("{reason}; {} more messages cannot be read", more - 1), *byte),
            }),
        };
        if let Some((reason, byte)) = fault {
            (self.status, self.error, self.byte) = (FileStatus::Partial, Some(reason), Some(byte));
        } else if self.status == FileStatus::Ok
            && self.added + self.updated + self.deleted + self.attachments.stored == 0
            && self.read > 0
        {
            self.status = FileStatus::Unchanged;
        }
        if let Some(reason) = self.no_files.take() {
            self.status = FileStatus::Partial;
            self.error = Some(self.error.take().map_or(reason.clone(), |error| format!("{error}; {reason}")));
        }
        if let Some(first) = self.refused.first() {
            let more = match self.refused.len() {
                1 => String::new(),
                count => format!("; {} more messages were rejected", count - 1),
            };
            let refused = format!("the store rejected message {}: {}{more}", first.message_id, first.reason);
            self.error = Some(self.error.take().map_or(refused.clone(), |error| format!("{error}; {refused}")));
        }
    }
}

/// Returns the report of a file of which nothing is stored.
pub(super) fn failed(file: &ExportFile, error: &SourceError) -> FileReport {
    let byte = if let SourceError::Format { byte, .. } = error { Some(*byte) } else { None };
    FileReport { error: Some(reason(error)), byte, ..FileReport::new(shown(file), FileStatus::Failed) }
}

/// Returns an error in one line.
pub(super) fn reason(error: &SourceError) -> String {
    match error {
        SourceError::Io(source) => format!("{error}: {source}"),
        _ => error.to_string(),
    }
}

/// Returns the name of a file for reports.
pub(super) fn shown(file: &ExportFile) -> String {
    let path = file.path.display();
    file.entry.as_ref().map_or_else(|| path.to_string(), |entry| format!("{path}!/{entry}"))
}
