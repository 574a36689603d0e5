//! `verta sync`.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use app_core::browse::{Audience, Browse, BrowseError};
use app_core::process::describe;
use app_core::removals::Removals;
use app_core::retry::{OUTAGE, retry};
use app_core::sync::{Candidate, Leader, Stops, SyncError, SyncJobs, SyncJobsError, SyncListener, SyncMode};
use app_core::tenants::{Tenants, TenantsError};
use app_web::wire::JobBody;
use domain::access::GuildChannel;
use domain::channel::{ChannelId, ChannelSnowflake};
use domain::job::{Job, JobId, JobState, SyncScope};
use domain::lease::Holder;
use domain::tenant::Tenant;
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use ports::error::StoreError;
use ports::guild::GuildSource;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;
use tracing::warn;

use super::terminal::{eprintln, escaped, stdout};
use super::{Outcome, SyncArguments, Tools};

/// The exit codes of a process that was ended by SIGINT or SIGTERM, as shells report them.
const INTERRUPTED: i32 = 130;
const TERMINATED: i32 = 143;
/// How often the progress of another process is polled.
const LOOK: Duration = Duration::from_millis(500);
/// How often a line is printed without a terminal.
const LINE: Duration = Duration::from_secs(10);

pub(super) async fn run(arguments: &SyncArguments, tools: &Tools) -> Outcome {
    let source = tools.guilds.clone().ok_or(
        "DISCORD_BOT_TOKEN is not set: make a bot in Discord's developer portal, turn its Message Content Intent on, \
         invite it with the rights to view channels and to read their history, and give its token here",
    )?;
    let jobs = SyncJobs::new(Arc::clone(&tools.store), Arc::clone(&tools.clock));
    let job = retry(&OUTAGE, RequestError::is_transient, || request(arguments, &jobs, tools)).await?;
    let stops = Stops::default();
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let waiting = tokio::spawn({
        let (stop, jobs, id) = (stops.cancel.clone(), jobs.clone(), job.id);
        async move {
            either(&mut interrupt, &mut terminate).await;
            stop.cancel();
            // A second signal ends the process at once; the next run resumes the job.
            let again = tokio::select! {
                () = cancel(&jobs, id) => either(&mut interrupt, &mut terminate).await,
                code = either(&mut interrupt, &mut terminate) => code,
            };
            std::process::exit(again);
        }
    });
    let display = Display::new();
    let job = finish(job, &jobs, source, tools, &stops, &display).await;
    display.bar.finish_and_clear();
    waiting.abort();
    let job = job?;
    if arguments.json {
        writeln!(stdout(), "{}", serde_json::to_string(&JobBody::new(&job, tools.clock.now()))?)?;
    } else {
        print(&job)?;
    }
    let removals = Removals::new(Arc::clone(&tools.store), Arc::clone(&tools.media), Arc::clone(&tools.clock));
    removals.remove_once(&stops.cancel).await;
    Ok(job.state == JobState::Done)
}

/// Waits for either signal, and returns its exit code.
async fn either(interrupt: &mut Signal, terminate: &mut Signal) -> i32 {
    tokio::select! {
        _ = interrupt.recv() => INTERRUPTED,
        _ = terminate.recv() => TERMINATED,
    }
}

/// The reason why a sync was not requested.
#[derive(Debug, thiserror::Error)]
enum RequestError {
    #[error(transparent)]
    Tenant(#[from] TenantsError),
    #[error(transparent)]
    Channel(#[from] BrowseError),
    #[error(transparent)]
    Job(#[from] SyncJobsError),
}

impl RequestError {
    /// Returns whether the store failed with a transient error.
    fn is_transient(&self) -> bool {
        let store = match self {
            Self::Tenant(TenantsError::Store(error))
            | Self::Channel(BrowseError::Store(error))
            | Self::Job(SyncJobsError::Store(error)) => Some(error),
            _ => None,
        };
        store.is_some_and(StoreError::is_transient)
    }
}

/// Requests the job that the arguments describe. Idempotent: an already waiting job is returned.
async fn request(arguments: &SyncArguments, jobs: &SyncJobs, tools: &Tools) -> Result<Job, RequestError> {
    let tenant = Tenants::new(Arc::clone(&tools.store), Arc::clone(&tools.clock)).find(&arguments.tenant).await?;
    let mode = if arguments.full { SyncMode::Full } else { SyncMode::Incremental };
    let scope = SyncScope { channels: channels(&tenant, &arguments.channels, tools).await?, since: None };
    Ok(jobs.request(&tenant, mode, &scope).await?)
}

/// Requests the cancellation of a job from the process that runs it.
async fn cancel(jobs: &SyncJobs, id: JobId) {
    // Any other error means that the job has ended, and the process ends with it.
    if let Err(SyncJobsError::Store(error)) = retry(&OUTAGE, SyncJobsError::is_transient, || jobs.cancel(id)).await {
        warn!(job.id = %id, error = &error as &dyn std::error::Error, "job not cancelled");
    }
}

/// Runs the job, or follows its progress: one process at a time leads for a token. Another leader runs this job, too,
/// or leaves it to this process when it ends.
async fn finish(
    job: Job,
    jobs: &SyncJobs,
    source: Arc<dyn GuildSource>,
    tools: &Tools,
    stops: &Stops,
    display: &Display,
) -> Result<Job, Box<dyn std::error::Error>> {
    let (store, clock) = (Arc::clone(&tools.store), Arc::clone(&tools.clock));
    let candidate = Candidate::new(store, clock, tools.process.clone(), &source.account());
    let syncer = tools.syncer(source, None);
    let mut told = false;
    let look = async || match candidate.elect().await? {
        Ok(leader) => Ok(Seen::Free(leader)),
        Err(lease) => Ok(Seen::Busy(lease.holder, jobs.find(job.id).await?)),
    };
    loop {
        match retry(&OUTAGE, SyncJobsError::is_transient, look).await? {
            Seen::Free(leader) => {
                let outcome = tokio::select! {
                    outcome = syncer.run(&job, &leader, stops, display) => outcome,
                    never = leader.renew_lease() => match never {},
                };
                if !matches!(outcome, Err(SyncError::Deposed)) {
                    leader.resign().await;
                    return Ok(outcome?);
                }
            }
            Seen::Busy(_, job) if job.has_ended() => return Ok(job),
            Seen::Busy(holder, job) => {
                if !told {
                    told = true;
                    let who = describe(&holder);
                    display.say(&format!(
                        "{who} leads for this token: it runs this sync, or this process does after it ends"
                    ));
                }
                display.at(job.progress);
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The leader of the token.
enum Seen {
    /// This process, from now on.
    Free(Leader),
    /// Another process; with the state of the job.
    Busy(Holder, Job),
}

/// Returns the platform ids of channels that are named by slug or id; a channel named by id need not be stored yet.
async fn channels(tenant: &Tenant, references: &[String], tools: &Tools) -> Result<Vec<ChannelSnowflake>, BrowseError> {
    let mut found = Vec::with_capacity(references.len());
    let mut at = Browse::new(Arc::clone(&tools.store)).open(Audience::Admin).await;
    for reference in references {
        found.push(at.snowflake(tenant, reference).await?);
    }
    Ok(found)
}

/// The channels that are being read, and the total progress, on standard error.
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
        let template = "{pos}/{len} channels {bar:24} {msg}\n{prefix}";
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        let terminal = std::io::stderr().is_terminal();
        if terminal {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        let now = Instant::now();
        Self { bar, terminal, reading: Mutex::default(), said: Mutex::new(now), start: now }
    }

    /// Prints a separate line.
    fn say(&self, line: &str) {
        if self.terminal { self.bar.println(escaped(line)) } else { eprintln!("{line}") }
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

impl SyncListener for Display {
    fn begin(&self, channel: &GuildChannel) {
        let name = escaped(&channel.channel.name.chars().take(24).collect::<String>());
        self.show(|reading| drop(reading.insert(channel.channel.id, name)));
    }

    fn end(&self, channel: &GuildChannel) {
        self.show(|reading| drop(reading.remove(&channel.channel.id)));
    }

    fn at(&self, progress: domain::job::Progress) {
        let seconds = self.start.elapsed().as_secs().max(1);
        let left = progress.seconds_left.map(Duration::from_secs);
        let left = left.map_or_else(String::new, |left| format!(", about {} left", HumanDuration(left)));
        let text = format!(
            "{} messages, {}/s, {} requests, {} waits{left}",
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
            eprintln!("{}/{} channels, {text}", progress.channels_done, progress.channels_total);
        }
    }
}

/// Prints the job as text, on standard output.
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
