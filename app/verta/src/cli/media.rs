//! `verta media copy`.

use std::io::Write;
use std::process::ExitCode;

use app_core::media_copy::{MediaCopier, MediaCopyListener, MediaSide};
use indicatif::HumanBytes;

use super::progress::Progress;
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
    let bar = Progress::new(None, "{spinner} copying, {pos} files, {per_sec}", "files", LINE_FILES);
    let report = MediaCopier::new(from, to).run(&bar).await;
    bar.finish();
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

impl MediaCopyListener for Progress {
    fn done(&self, files: u64) {
        self.set(files);
    }
}
