//! `verta import`.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use app_core::import::{
    AbsentMessages, FileCounts, FileReport, FileStatus, ImportListener, Importer, Options, Readers, Report,
};
use indicatif::{HumanBytes, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::terminal::{eprintln, stdout};
use super::{ImportArguments, Outcome, Tools};

/// The number of bytes after which a progress line is printed without a terminal.
const LINE_BYTES: u64 = 256 << 20;

pub(super) async fn run(arguments: &ImportArguments, tools: &Tools) -> Outcome {
    let options = Options {
        tenant: arguments.tenant.clone(),
        visibility: arguments.visibility,
        complete: arguments.complete,
        dry_run: arguments.dry_run,
    };
    let report = import(&arguments.paths, &options, tools).await?;
    if arguments.json {
        writeln!(stdout(), "{}", serde_json::to_string(&report)?)?;
    } else {
        print(&report, arguments.dry_run)?;
    }
    Ok(report.is_whole())
}

/// Imports with progress on standard error.
pub(super) async fn import(
    paths: &[PathBuf],
    options: &Options,
    tools: &Tools,
) -> Result<Report, app_core::import::ImportError> {
    let importer =
        Importer::new(Arc::clone(&tools.store), Arc::clone(&tools.source), tools.key(), Arc::clone(&tools.clock))
            .with_media(Arc::clone(&tools.media), tools.file_bytes);
    let bar = Bar::new();
    let report = importer.run(paths, options, &bar).await;
    bar.drawn.finish_and_clear();
    let report = report?;
    if report.files.is_empty() {
        eprintln!("no exports found: there is no .json, .json.gz or .zip file");
    }
    if let Some(line) = kept(report.kept) {
        eprintln!("{line}");
    }
    if let Some(line) = readers(&report.readers) {
        eprintln!("{line}");
    }
    Ok(report)
}

/// Returns the count of stored messages that newer exports lack, in one line.
fn kept(count: u64) -> Option<String> {
    let (messages, they) = if count == 1 { ("message is", "it") } else { ("messages are", "them") };
    (count > 0).then(|| {
        format!(
            "{count} stored {messages} missing from newer exports and not deleted: if the exports are whole, \
             --complete would delete {they}"
        )
    })
}

/// Returns the visibility of the channels, in one line.
fn readers(readers: &Readers) -> Option<String> {
    let names = |names: &BTreeSet<String>| {
        let shown: Vec<String> = names.iter().take(50).map(|name| name.chars().take(100).collect()).collect();
        let more = names.len() - shown.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{}{more}", shown.join(", "))
    };
    let published = (!readers.published.is_empty()).then(|| format!("Now public: {}", names(&readers.published)));
    let private = (!readers.private.is_empty()).then(|| format!("Private: {}", names(&readers.private)));
    let parts: Vec<String> = published.into_iter().chain(private).collect();
    (!parts.is_empty()).then(|| parts.join(". "))
}

/// Progress on standard error: a bar on a terminal, periodic lines elsewhere.
struct Bar {
    drawn: ProgressBar,
    terminal: bool,
    /// Bytes at which the next line is due.
    due: AtomicU64,
    /// Bytes of files at which the next line of them is due.
    files_due: AtomicU64,
    /// The number of stored files.
    files: AtomicU64,
    importing: AtomicBool,
}

impl Bar {
    fn new() -> Self {
        let drawn = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        let template = "{prefix} {bytes}/{total_bytes} {wide_bar} {msg} {bytes_per_sec}, {eta} left";
        drawn.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        drawn.set_prefix("scanning");
        let terminal = std::io::stderr().is_terminal();
        if terminal {
            drawn.enable_steady_tick(Duration::from_millis(200));
        }
        Self {
            drawn,
            terminal,
            due: AtomicU64::new(LINE_BYTES),
            files_due: AtomicU64::new(LINE_BYTES),
            files: AtomicU64::new(0),
            importing: AtomicBool::new(false),
        }
    }

    /// Prints a line if one is due.
    fn line(&self, bytes: u64, text: impl FnOnce() -> String) {
        if !self.terminal && bytes >= self.due.load(Relaxed) {
            self.due.store(bytes + LINE_BYTES, Relaxed);
            eprintln!("{}", text());
        }
    }
}

impl ImportListener for Bar {
    fn look(&self, bytes: u64, total_bytes: u64) {
        self.drawn.set_length(total_bytes);
        self.drawn.set_position(bytes);
        self.line(bytes, || format!("scanned {} of {}", HumanBytes(bytes), HumanBytes(total_bytes)));
    }

    fn file(&self, path: &str, total_bytes: u64) {
        if !self.importing.swap(true, Relaxed) {
            self.drawn.reset();
            self.drawn.set_prefix("importing");
            self.due.store(LINE_BYTES, Relaxed);
        }
        self.drawn.set_length(total_bytes);
        if !self.terminal {
            eprintln!("importing {path}");
        }
    }

    fn at(&self, bytes: u64, messages: u64) {
        self.drawn.set_position(bytes);
        let files = self.files.load(Relaxed);
        let and_files = if files > 0 { format!(", {files} files") } else { String::new() };
        self.drawn.set_message(format!("{messages} messages{and_files}"));
        self.line(bytes, || {
            let (eta, total) = (HumanDuration(self.drawn.eta()), HumanBytes(self.drawn.length().unwrap_or(bytes)));
            format!("{messages} messages{and_files}, {} of {total}, about {eta} left", HumanBytes(bytes))
        });
    }

    fn files(&self, files: u64, bytes: u64) {
        self.files.store(files, Relaxed);
        self.drawn.set_message(format!("{files} files, {}", HumanBytes(bytes)));
        if !self.terminal && bytes >= self.files_due.load(Relaxed) {
            self.files_due.store(bytes + LINE_BYTES, Relaxed);
            eprintln!("{files} files stored, {}", HumanBytes(bytes));
        }
    }
}

/// Prints the result as text, on standard output.
pub(super) fn print(report: &Report, dry_run: bool) -> io::Result<()> {
    for file in &report.files {
        let FileReport { path, read, added, updated, unchanged, deleted, .. } = file;
        let status = match file.status {
            FileStatus::Ok => "ok",
            FileStatus::Partial => "partial",
            FileStatus::Unchanged => "unchanged",
            FileStatus::Failed => "failed",
        };
        writeln!(stdout(), "{status:>9}  {path}")?;
        if *read > 0 {
            writeln!(
                stdout(),
                "           {read} read: {added} added, {updated} updated, {unchanged} unchanged, {deleted} deleted"
            )?;
        }
        if let Some(line) = attachments(file.attachments) {
            writeln!(stdout(), "           files: {line}")?;
        }
        if let Some(error) = &file.error {
            let byte = file.byte.map_or_else(String::new, |byte| format!(" at byte {byte}"));
            let last = file.last_message_id.map_or_else(String::new, |id| format!("; the last stored message is {id}"));
            writeln!(stdout(), "           {error}{byte}{last}")?;
        }
    }
    for AbsentMessages { channel, messages, .. } in report.absent.iter().flatten() {
        let ids: Vec<String> = messages.iter().map(ToString::to_string).collect();
        writeln!(stdout(), "{channel}: {} messages would be deleted: {}", ids.len(), ids.join(", "))?;
    }
    let tenants: Vec<&str> = report.tenants.iter().map(domain::slug::TenantSlug::as_str).collect();
    let done = if dry_run { "would be imported" } else { "imported" };
    let tenants = if tenants.is_empty() { "none".to_owned() } else { tenants.join(", ") };
    let files = report.files.len();
    let named = if files == 1 { "file" } else { "files" };
    writeln!(stdout(), "{files} {named}, communities {done}: {tenants}, {:.1} s", report.seconds)
}

/// Returns the state of the files beside an export, in one line; none without files.
fn attachments(counts: FileCounts) -> Option<String> {
    let FileCounts { stored, stored_bytes, unchanged, missing, too_large, failed } = counts;
    let of_bytes = format!("stored ({})", HumanBytes(stored_bytes));
    let counts = [
        (stored, of_bytes.as_str()),
        (unchanged, "unchanged"),
        (missing, "not beside the export"),
        (too_large, "larger than MEDIA_FILE_MIB"),
        (failed, "not readable"),
    ];
    let counts: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, name)| format!("{count} {name}")).collect();
    (!counts.is_empty()).then(|| counts.join(", "))
}
