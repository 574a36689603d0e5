//! `verta copy`.

use std::io::{IsTerminal, Write, stderr};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use app_core::copy::{Copier, CopyListener};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ports::store::Store;

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
    let bar = Bar::new();
    let report = Copier::new(from, to).run(&bar).await;
    bar.drawn.finish_and_clear();
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

/// Progress on standard error: a bar on a terminal, periodic lines elsewhere.
struct Bar {
    drawn: ProgressBar,
    terminal: bool,
    /// Messages at which the next line is due.
    due: AtomicU64,
}

impl Bar {
    fn new() -> Self {
        let drawn = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        let template = "{prefix} {pos}/{len} messages {wide_bar} {per_sec}, {eta} left";
        drawn.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        let terminal = stderr().is_terminal();
        if terminal {
            drawn.enable_steady_tick(Duration::from_millis(200));
        }
        Self { drawn, terminal, due: AtomicU64::new(LINE_MESSAGES) }
    }

    fn step(&self, name: &'static str, messages: u64) {
        self.drawn.reset();
        self.drawn.set_prefix(name);
        self.drawn.set_length(messages);
        self.due.store(LINE_MESSAGES, Relaxed);
        if !self.terminal {
            eprintln!("{name} about {messages} messages");
        }
    }
}

impl CopyListener for Bar {
    fn begin(&self, messages: u64) {
        self.step("copying", messages);
    }

    fn copied(&self, messages: u64) {
        self.drawn.set_position(messages);
        if !self.terminal && messages >= self.due.load(Relaxed) {
            self.due.store(messages + LINE_MESSAGES, Relaxed);
            eprintln!("{messages} messages");
        }
    }

    fn verify(&self, messages: u64) {
        self.step("verifying", messages);
    }
}
