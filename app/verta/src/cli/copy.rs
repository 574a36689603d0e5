//! `verta copy`.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use app_core::copy::{Copier, CopyListener};
use ports::store::Store;

use super::progress::Progress;
use super::terminal::{eprintln, stdout};
use super::{Outcome, failure};

/// The number of messages after which a progress line is printed without a terminal.
const LINE_MESSAGES: u64 = 100_000;

/// Copies `from` to `to`, and prints the result.
pub(crate) async fn run(from: Arc<dyn Store>, to: Arc<dyn Store>, json: bool) -> ExitCode {
    match copy(from, to, json).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => failure(&*error),
    }
}

async fn copy(from: Arc<dyn Store>, to: Arc<dyn Store>, json: bool) -> Outcome {
    let template = "{prefix} {pos}/{len} messages {wide_bar} {per_sec}, {eta} left";
    let bar = Progress::new(Some(0), template, "messages", LINE_MESSAGES);
    let report = Copier::new(from, to).run(&bar).await;
    bar.finish();
    let report = report?;
    for tenant in &report.differing_tenants {
        eprintln!("verta: the roles, emoji and stickers of {tenant} are not the same in both archives");
    }
    for channel in &report.differing {
        eprintln!("verta: channel {channel} is not the same in both archives");
    }
    let is_same = report.differing.is_empty() && report.differing_tenants.is_empty();
    if json {
        writeln!(stdout(), "{}", serde_json::to_string(&report)?)?;
    } else {
        let tenants: Vec<&str> = report.tenants.iter().map(domain::slug::TenantSlug::as_str).collect();
        let messages: u64 = report.channels.iter().map(|channel| channel.messages + channel.deleted).sum();
        let (channels, same) = (report.channels.len(), if is_same { "" } else { "not " });
        let (tenants, seconds) = (tenants.join(", "), report.seconds);
        writeln!(
            stdout(),
            "{messages} messages in {channels} channels, communities: {tenants}, {seconds:.1} s; the archives are \
             {same}the same"
        )?;
    }
    Ok(is_same)
}

impl CopyListener for Progress {
    fn begin(&self, messages: u64) {
        self.step("copying", messages);
    }

    fn copied(&self, messages: u64) {
        self.set(messages);
    }

    fn verify(&self, messages: u64) {
        self.step("verifying", messages);
    }
}
