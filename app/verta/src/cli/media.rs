//! `verta media copy`.

use std::io::{IsTerminal, Write, stderr};
use std::process::ExitCode;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use app_core::media_copy::{MediaCopier, MediaCopyListener, MediaSide};
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::terminal::{eprintln, stdout};
use super::{Outcome, failure};

/// The number of files after which a progress line is printed without a terminal.
const LINE_FILES: u64 = 10_000;

/// Copies the files of `from` to `to`, and prints the result.
pub(crate) async fn run(from: MediaSide, to: MediaSide, json: bool) -> ExitCode {
    match copy(from, to, json).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => failure(&*error),
    }
}

async fn copy(from: MediaSide, to: MediaSide, json: bool) -> Outcome {
    let bar = Bar::new();
    let report = MediaCopier::new(from, to).run(&bar).await;
    bar.drawn.finish_and_clear();
    let report = report?;
    for file in &report.failed {
        eprintln!("verta: {}/{} is not copied: {}", file.tenant_id, file.hash, file.error);
    }
    if json {
        writeln!(stdout(), "{}", serde_json::to_string(&report)?)?;
    } else {
        let (copied, bytes, unchanged) = (report.copied, HumanBytes(report.bytes), report.unchanged);
        let (failed, seconds) = (report.failed.len(), report.seconds);
        writeln!(
            stdout(),
            "{copied} files copied ({bytes}), {unchanged} already there, {failed} not copied, {seconds:.1} s"
        )?;
    }
    Ok(report.failed.is_empty())
}

/// Progress on standard error: a counter on a terminal, periodic lines elsewhere.
struct Bar {
    drawn: ProgressBar,
    terminal: bool,
    /// Files at which the next line is due.
    due: AtomicU64,
}

impl Bar {
    fn new() -> Self {
        let drawn = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let template = "{spinner} copying, {pos} files, {per_sec}";
        drawn.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner()));
        let terminal = stderr().is_terminal();
        if terminal {
            drawn.enable_steady_tick(Duration::from_millis(200));
        }
        Self { drawn, terminal, due: AtomicU64::new(LINE_FILES) }
    }
}

impl MediaCopyListener for Bar {
    fn done(&self, files: u64) {
        self.drawn.set_position(files);
        if !self.terminal && files >= self.due.load(Relaxed) {
            self.due.store(files + LINE_FILES, Relaxed);
            eprintln!("{files} files");
        }
    }
}
