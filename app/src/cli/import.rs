//! `verta import`.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{ImportArguments, Outcome, Tools};
use crate::import::{FileReport, FileStatus, Importer, Options, Progress, Report};

/// How often a progress line is printed where there is no terminal.
const LINES: u64 = 50_000;

pub(super) async fn run(arguments: &ImportArguments, tools: &Tools) -> Outcome {
    let options =
        Options { tenant: arguments.tenant.clone(), visibility: arguments.visibility, dry_run: arguments.dry_run };
    let report = import(&arguments.paths, &options, tools).await?;
    if arguments.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report, arguments.dry_run);
    }
    Ok(report.is_whole())
}

/// Imports with progress on standard error.
pub(super) async fn import(
    paths: &[PathBuf],
    options: &Options,
    tools: &Tools,
) -> Result<Report, crate::import::ImportError> {
    let importer =
        Importer::new(Arc::clone(&tools.store), Arc::clone(&tools.source), tools.key.clone(), Arc::clone(&tools.clock));
    let bar = Bar::new();
    let report = importer.run(paths, options, &bar).await;
    bar.0.finish_and_clear();
    let report = report?;
    if !report.published.is_empty() && !options.dry_run {
        let names: Vec<String> =
            report.published.iter().take(50).map(|name| name.chars().take(100).collect()).collect();
        let more = report.published.len() - names.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        eprintln!("Everybody may now read: {}{more}", names.join(", "));
    }
    Ok(report)
}

struct Bar(ProgressBar);

impl Bar {
    fn new() -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        let template = "{bytes}/{total_bytes} {wide_bar} {msg} {bytes_per_sec}, {eta} left";
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        if std::io::stderr().is_terminal() {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Self(bar)
    }
}

impl Progress for Bar {
    fn file(&self, path: &str, total_bytes: u64) {
        self.0.set_length(total_bytes);
        if !std::io::stderr().is_terminal() {
            eprintln!("importing {path}");
        }
    }

    fn at(&self, bytes: u64, messages: u64) {
        self.0.set_position(bytes);
        self.0.set_message(format!("{messages} messages"));
        if !std::io::stderr().is_terminal() && messages % LINES < 500 && messages >= LINES {
            eprintln!("{messages} messages, {bytes} bytes");
        }
    }
}

/// The result for people, on standard output.
pub(super) fn print(report: &Report, dry_run: bool) {
    for file in &report.files {
        let FileReport { path, read, added, updated, unchanged, deleted, .. } = file;
        let status = match file.status {
            FileStatus::Ok => "ok",
            FileStatus::Partial => "partial",
            FileStatus::Unchanged => "unchanged",
            FileStatus::Failed => "failed",
        };
        println!("{status:>9}  {path}");
        if *read > 0 {
            println!(
                "           {read} read: {added} added, {updated} updated, {unchanged} unchanged, {deleted} deleted"
            );
        }
        if let Some(error) = &file.error {
            let byte = file.byte.map_or_else(String::new, |byte| format!(" at byte {byte}"));
            let last = file.last_message_id.map_or_else(String::new, |id| format!("; the last message kept is {id}"));
            println!("           {error}{byte}{last}");
        }
    }
    let tenants: Vec<&str> = report.tenants.iter().map(domain::slug::TenantSlug::as_str).collect();
    let done = if dry_run { "would be imported" } else { "imported" };
    println!("{} files, communities {done}: {}, {:.1} s", report.files.len(), tenants.join(", "), report.seconds);
}
