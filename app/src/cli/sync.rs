//! `verta sync`.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write, stdout};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::channel::{ChannelId, ChannelSnowflake};
use domain::job::{Job, JobState};
use domain::tenant::Tenant;
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use ports::guild::GuildChannel;
use tokio_util::sync::CancellationToken;

use super::{Outcome, SyncArguments, Tools};
use crate::browse::{Audience, Browse};
use crate::sync::{Progress, SyncOptions, Syncer};
use crate::tenants::Tenants;
use crate::wire::JobBody;

/// How often a line is printed where there is no terminal.
const LINE: Duration = Duration::from_secs(10);

pub(super) async fn run(arguments: &SyncArguments, tools: &Tools) -> Outcome {
    let source = tools.guilds.clone().ok_or(
        "DISCORD_BOT_TOKEN is not set: make a bot in Discord's developer portal, turn its Message Content Intent on, \
         invite it with the rights to view channels and to read their history, and give its token here",
    )?;
    let tenant = Tenants::new(Arc::clone(&tools.store), Arc::clone(&tools.clock)).find(&arguments.tenant).await?;
    let options = SyncOptions { full: arguments.full, channels: channels(&tenant, &arguments.channels, tools).await? };
    let stop = CancellationToken::new();
    let waiting = tokio::spawn({
        let stop = stop.clone();
        async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                stop.cancel();
            }
        }
    });
    let syncer = Syncer::new(Arc::clone(&tools.store), source, tools.key.clone(), Arc::clone(&tools.clock));
    let display = Display::new();
    let job = syncer.run(tenant.id, &options, &stop, &display).await;
    display.bar.finish_and_clear();
    waiting.abort();
    let job = job?;
    if arguments.json {
        writeln!(stdout(), "{}", serde_json::to_string(&JobBody::new(&job, tools.clock.now()))?)?;
    } else {
        print(&job)?;
    }
    Ok(job.state == JobState::Done)
}

/// The platform's ids of channels that are named by slug or id; an id need not be held yet.
async fn channels(
    tenant: &Tenant,
    references: &[String],
    tools: &Tools,
) -> Result<Vec<ChannelSnowflake>, Box<dyn std::error::Error>> {
    let mut found = Vec::with_capacity(references.len());
    let mut at = Browse::new(Arc::clone(&tools.store)).open(Audience::Admin).await?;
    for reference in references {
        found.push(match reference.parse() {
            Ok(id) => id,
            Err(_) => at.channel(tenant, reference).await?.channel.platform_id,
        });
    }
    Ok(found)
}

/// Channels that are read at the moment, and how far all of it is, on standard error.
struct Display {
    bar: ProgressBar,
    terminal: bool,
    reading: Mutex<BTreeMap<ChannelId, String>>,
    said: Mutex<Instant>,
    start: Instant,
}

impl Display {
    fn new() -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        let template = "{pos}/{len} channels {bar:24} {msg}, {eta} left\n{prefix}";
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        let terminal = std::io::stderr().is_terminal();
        if terminal {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        let now = Instant::now();
        Self { bar, terminal, reading: Mutex::default(), said: Mutex::new(now), start: now }
    }

    fn show(&self, change: impl FnOnce(&mut BTreeMap<ChannelId, String>)) {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut reading);
        let shown: Vec<_> = reading.values().take(4).map(|name| format!("#{name}")).collect();
        let more = reading.len() - shown.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        self.bar.set_prefix(format!("reading {}{more}", shown.join(", ")));
    }
}

impl Progress for Display {
    fn begin(&self, channel: &GuildChannel) {
        let name: String = channel.channel.name.chars().filter(|c| !c.is_control()).take(24).collect();
        self.show(|reading| drop(reading.insert(channel.channel.id, name)));
    }

    fn end(&self, channel: &GuildChannel) {
        self.show(|reading| drop(reading.remove(&channel.channel.id)));
    }

    fn at(&self, progress: domain::job::Progress) {
        let seconds = self.start.elapsed().as_secs().max(1);
        let text = format!(
            "{} messages, {}/s, {} requests, {} waits",
            progress.messages,
            progress.messages / seconds,
            progress.requests,
            progress.waits
        );
        self.bar.set_length(progress.channels_total);
        self.bar.set_position(progress.channels_done);
        self.bar.set_message(text.clone());
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.terminal && said.elapsed() >= LINE {
            *said = Instant::now();
            let left = match progress.channels_done {
                0 => String::new(),
                _ => format!(", about {} left", HumanDuration(self.bar.eta())),
            };
            eprintln!("{}/{} channels, {text}{left}", progress.channels_done, progress.channels_total);
        }
    }
}

/// The job for people, on standard output.
fn print(job: &Job) -> io::Result<()> {
    let progress = job.progress;
    writeln!(
        stdout(),
        "{}: {} of {} channels, {} messages read in {} requests",
        job.state.as_str(),
        progress.channels_done,
        progress.channels_total,
        progress.messages,
        progress.requests
    )?;
    match &job.error {
        Some(error) => writeln!(stdout(), "{error}"),
        None => Ok(()),
    }
}
