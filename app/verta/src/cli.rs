//! The command line.

pub(crate) mod copy;
pub(crate) mod doctor;
mod import;
pub(crate) mod media;
mod progress;
mod report;
mod serve;
mod sync;
mod tenant;
mod terminal;

use std::convert::Infallible;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use app_core::process::Process;
use app_core::search::Snapshots;
use app_core::sync::{FileLimits, Files, Syncer};
use app_core::tenants::Change;
use clap::{Arg, ArgGroup, ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use domain::crawling::AiTraining;
use domain::domain_name::{DomainName, DomainNameError};
use domain::profile::{Contact, Description, Footer, Link, ProfileError};
use domain::pseudonym::PseudonymKey;
use domain::retention::RetentionPeriod;
use domain::slug::TenantSlug;
use domain::solved::{SolvedTags, SolvedTagsError};
use domain::tenant::{Color, PlatformId, TenantName, TenantStatus};
use domain::visibility::Visibility;
use ports::clock::Clock;
use ports::event::EventSource;
use ports::guild::GuildSource;
use ports::media::{FileSource, MediaStore};
use ports::search::SearchIndex;
use ports::source::ExportSource;
use ports::store::Store;
use ports::thumbnail::Thumbnailer;

use crate::config::{Config, ConfigError, SETTINGS};

pub(crate) use self::report::MigrationReport;

/// Archives a Discord community and serves it as a web site and a REST API.
#[derive(Debug, Parser)]
#[command(
    name = "verta",
    version,
    after_help = "Examples:\n  verta serve --import examples     import a folder and open http://127.0.0.1:25000\n  \
                  verta import ~/exports --dry-run  report what an import would do\n  \
                  verta sync my-community           copy new messages from Discord\n  \
                  verta coverage my-community       list the stored part of each channel\n  \
                  verta doctor                      check this installation"
)]
pub(crate) struct Cli {
    /// The command.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands of the program.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the site and the API, until SIGTERM or Ctrl-C
    Serve {
        /// Files or folders to import first
        #[arg(long, num_args = 1.., value_name = "PATH")]
        import: Vec<PathBuf>,
        /// What this process does: web serves the site and the API, sync copies from Discord, all does both; search has
        /// the search indexes for web processes that have none
        #[arg(long, value_enum, default_value_t)]
        role: Role,
    },
    /// Import exports of DiscordChatExporter: .json, .json.gz, .zip, or folders of them
    Import(ImportArguments),
    /// Copy a community from Discord: new messages, those never read, and recent edits and deletions
    Sync(SyncArguments),
    /// Create, list, show, change or delete communities
    #[command(subcommand)]
    Tenant(TenantCommand),
    /// Bring the database up to date, or list its migrations
    Migrate {
        /// Change nothing: list the steps
        #[arg(long)]
        status: bool,
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Copy the whole archive from one store to another, or resume a copy, and verify it
    Copy {
        /// The archive to read: `sqlite:PATH`, or `mysql://user:password@host:4000/database`
        #[arg(long, value_name = "URL")]
        from: String,
        /// The archive to write, of the same form
        #[arg(long, value_name = "URL")]
        to: String,
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Copy the files of messages to another media store
    #[command(subcommand)]
    Media(MediaCommand),
    /// Check the database, the key, the media store, the bot and its permissions, and print what to do; change nothing
    Doctor {
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Print what is stored of each channel of a community
    Coverage {
        /// The community's slug or id
        tenant: String,
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
}

/// The commands for media stores.
#[derive(Debug, Subcommand)]
pub(crate) enum MediaCommand {
    /// Copy all files that the target lacks, or resume a copy, and verify each by its hash
    Copy {
        /// The media store to read: `folder:PATH`, or `s3://BUCKET/PREFIX?region=REGION`
        #[arg(long, value_name = "URL")]
        from: String,
        /// The media store to write, of the same form
        #[arg(long, value_name = "URL")]
        to: String,
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
}

/// The role of a process that serves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Serves the site and the API.
    Web,
    /// Copies from Discord; serves only health and metrics.
    Sync,
    /// Both.
    #[default]
    All,
    /// Has the search indexes, for web processes that have none; serves only them, health and metrics.
    Search,
}

/// The arguments of an import.
#[derive(Debug, Args)]
pub(crate) struct ImportArguments {
    /// Files or folders
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// The one community of the files, by slug; it is created if it is new
    #[arg(long, value_name = "SLUG", value_parser = |text: &str| TenantSlug::new(text))]
    pub(crate) tenant: Option<TenantSlug>,
    /// Who may read the channels: public or private; without it new channels are public
    #[arg(long, value_parser = |text: &str| text.parse::<Visibility>())]
    pub(crate) visibility: Option<Visibility>,
    /// These exports are complete: messages that they lack inside the range that they cover were deleted
    #[arg(long)]
    pub(crate) complete: bool,
    /// Print what would happen and write nothing; with --complete, list what would be deleted
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// The arguments of a sync.
#[derive(Debug, Args)]
pub(crate) struct SyncArguments {
    /// The community's slug or id
    pub(crate) tenant: String,
    /// Read everything again
    #[arg(long)]
    pub(crate) full: bool,
    /// Read only this channel and its threads: its slug or id, as often as needed
    #[arg(long = "channel", value_name = "CHANNEL")]
    pub(crate) channels: Vec<String>,
    /// Print the job as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// The commands for communities.
#[derive(Debug, Subcommand)]
pub(crate) enum TenantCommand {
    /// Create a community before anything of it is imported
    Create {
        /// The guild's id
        #[arg(value_parser = |text: &str| PlatformId::guild(text))]
        platform_id: PlatformId,
        /// Its name
        #[arg(value_parser = |text: &str| TenantName::new(text))]
        name: TenantName,
        /// Its name in addresses; made from the name if left out
        #[arg(long, value_parser = |text: &str| TenantSlug::new(text))]
        slug: Option<TenantSlug>,
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// List the communities
    List {
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show a community
    Show {
        /// Its slug or id
        tenant: String,
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Change a community; name at least one thing to change
    #[command(group = ArgGroup::new("change")
        .args(["name", "slug", "status", "retain_deleted", "retain_edited", "solved_tag", "domain", "ai_training",
            "primary_color", "secondary_color", "accent_color", "description", "footer", "contact", "link", "icon"])
        .required(true)
        .multiple(true))]
    Update {
        /// Its slug or id
        tenant: String,
        /// A new name
        #[arg(long, value_parser = |text: &str| TenantName::new(text))]
        name: Option<TenantName>,
        /// A new slug
        #[arg(long, value_parser = |text: &str| TenantSlug::new(text))]
        slug: Option<TenantSlug>,
        /// ACTIVE, MAINTENANCE or CANCELLED
        #[arg(long, value_parser = |text: &str| text.parse::<TenantStatus>())]
        status: Option<TenantStatus>,
        /// How long the texts of deleted messages are stored for moderators: a number of days, or `forever`; 0 at first
        #[arg(long, value_name = "DAYS", value_parser = |text: &str| text.parse::<RetentionPeriod>())]
        retain_deleted: Option<RetentionPeriod>,
        /// How long the texts that edits replace are stored for moderators: a number of days, or `forever`; 0 at first
        #[arg(long, value_name = "DAYS", value_parser = |text: &str| text.parse::<RetentionPeriod>())]
        retain_edited: Option<RetentionPeriod>,
        /// The name of a forum tag that marks a post as solved; repeat it for more, all of which replace those of before.
        /// An empty name removes them
        #[arg(long, value_name = "NAME", value_parser = solved_tag)]
        solved_tag: Vec<SolvedTags>,
        /// The domain of its site, whose DNS and TLS proxy are yours to set up. An empty name removes it
        #[arg(long, value_parser = domain)]
        domain: Option<Change<DomainName>>,
        /// Whether programs may collect the text of the community to train models, as robots.txt tells them: `deny`, at
        /// first, or `allow`
        #[arg(long, value_name = "POLICY", value_parser = |text: &str| text.parse::<AiTraining>())]
        ai_training: Option<AiTraining>,
        #[command(flatten)]
        look: Box<LookArguments>,
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Delete a community with everything that is stored of it
    Delete {
        /// Its slug or id
        tenant: String,
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
}

/// The look of a community, and what it says of itself. An empty value removes that of before.
#[derive(Debug, Args)]
pub(crate) struct LookArguments {
    /// The colour of its header and links, such as #5865f2. An empty one removes it
    #[arg(long, value_name = "COLOR", value_parser = or_empty::<Color, _>(|text| text.parse()))]
    pub(crate) primary_color: Option<Change<Color>>,
    /// The colour beside it. An empty one removes it
    #[arg(long, value_name = "COLOR", value_parser = or_empty::<Color, _>(|text| text.parse()))]
    pub(crate) secondary_color: Option<Change<Color>>,
    /// The colour of highlights. An empty one removes it
    #[arg(long, value_name = "COLOR", value_parser = or_empty::<Color, _>(|text| text.parse()))]
    pub(crate) accent_color: Option<Change<Color>>,
    /// What it says of itself: plain text of at most 1000 characters. An empty one removes it
    #[arg(long, value_name = "TEXT", value_parser = or_empty(Description::new))]
    pub(crate) description: Option<Change<Description>>,
    /// The text at the end of its pages: plain text of at most 500 characters. An empty one removes it
    #[arg(long, value_name = "TEXT", value_parser = or_empty(Footer::new))]
    pub(crate) footer: Option<Change<Footer>>,
    /// Whom to contact about the archive: an e-mail address or an https address. An empty one removes it
    #[arg(long, value_name = "ADDRESS", value_parser = or_empty(Contact::new))]
    pub(crate) contact: Option<Change<Contact>>,
    /// A link at the end of its pages, such as `Our forum=https://forum.example.org`; repeat it for more, all of which
    /// replace those of before. An empty one removes them
    #[arg(long, value_name = "LABEL=URL", value_parser = link)]
    pub(crate) link: Vec<Option<Link>>,
    /// A file with its icon: PNG, JPEG, WebP or GIF, at most 1 MiB. An empty name removes it
    #[arg(long, value_name = "FILE", value_parser = |text: &str| Ok::<_, Infallible>(PathBuf::from(text)))]
    pub(crate) icon: Option<PathBuf>,
}

/// Returns a parser of a value; an empty one removes that of before.
fn or_empty<T, E>(parse: fn(&str) -> Result<T, E>) -> impl Fn(&str) -> Result<Change<T>, E> + Clone {
    move |text| if text.trim().is_empty() { Ok(Change::Clear) } else { parse(text).map(Change::Set) }
}

/// Parses a link; an empty one is none.
fn link(text: &str) -> Result<Option<Link>, ProfileError> {
    if text.is_empty() {
        return Ok(None);
    }
    let (label, url) = text.split_once("=https://").ok_or(ProfileError::Address)?;
    Link::new(label, &format!("https://{url}")).map(Some)
}

/// Parses the name of a tag; an empty one names none.
fn solved_tag(text: &str) -> Result<SolvedTags, SolvedTagsError> {
    SolvedTags::new(Some(text).filter(|text| !text.is_empty()))
}

/// Parses a domain; an empty one removes that of before.
fn domain(text: &str) -> Result<Change<DomainName>, DomainNameError> {
    if text.is_empty() { Ok(Change::Clear) } else { DomainName::new(text).map(Change::Set) }
}

/// Parses the command line and the environment.
///
/// # Errors
/// The error of clap, which prints itself and knows its exit code, or a bad setting.
pub(crate) fn parse() -> Result<(Cli, Config), ParseError> {
    let mut command = Cli::command();
    for setting in SETTINGS {
        let default = setting.default.map_or_else(String::new, |default| format!(" [default: {default}]"));
        command = command.arg(
            Arg::new(setting.name)
                .long(setting.flag())
                .value_name(setting.placeholder)
                .global(true)
                .help_heading("Settings, or environment variables of the same name")
                .help(format!("{}{default} [env: {}]", setting.help, setting.name)),
        );
    }
    let matches = command.try_get_matches()?;
    let flag = |name: &str| find(&matches, name);
    let config = Config::from_vars(|name| flag(name).or_else(|| std::env::var(name).ok()))?;
    Ok((Cli::from_arg_matches(&matches)?, config))
}

fn find(matches: &ArgMatches, name: &str) -> Option<String> {
    let here = matches.try_get_one::<String>(name).ok().flatten().cloned();
    here.or_else(|| matches.subcommand().and_then(|(_, below)| find(below, name)))
}

/// A command line that cannot be run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ParseError {
    /// An invalid argument.
    #[error(transparent)]
    Words(#[from] clap::Error),
    /// An invalid setting.
    #[error(transparent)]
    Setting(#[from] ConfigError),
}

/// The adapters and values that commands work with.
pub(crate) struct Tools {
    /// The archive.
    pub(crate) store: Arc<dyn Store>,
    /// The source of export files.
    pub(crate) source: Arc<dyn ExportSource>,
    /// The source of guilds, if there is a token.
    pub(crate) guilds: Option<Arc<dyn GuildSource>>,
    /// The source of the events of guilds, if there is a token.
    pub(crate) events: Option<Arc<dyn EventSource>>,
    /// The source of the files of messages, if they are to be fetched.
    pub(crate) files: Option<Arc<dyn FileSource>>,
    /// The store of those files.
    pub(crate) media: Arc<dyn MediaStore>,
    /// Makes thumbnails of those that are pictures.
    pub(crate) thumbnailer: Arc<dyn Thumbnailer>,
    /// The search indexes of this process.
    pub(crate) index: Arc<dyn SearchIndex>,
    /// The snapshots of them.
    pub(crate) snapshots: Snapshots,
    /// Those of search nodes, if there are any.
    pub(crate) nodes: Option<Arc<dyn SearchIndex>>,
    /// The largest file that is fetched, in bytes.
    pub(crate) file_bytes: u64,
    /// The key of the pseudonyms; `None` for a command that writes none.
    pub(crate) key: Option<PseudonymKey>,
    /// The clock.
    pub(crate) clock: Arc<dyn Clock>,
    /// This process.
    pub(crate) process: Process,
}

impl Tools {
    /// Returns the key of a command that writes pseudonyms.
    fn key(&self) -> PseudonymKey {
        self.key.clone().expect("a command that writes pseudonyms does not start without a key")
    }

    /// Returns a syncer that copies from `source`, and fetches files for at most this time in each run.
    fn syncer(&self, source: Arc<dyn GuildSource>, files_for: Option<Duration>) -> Syncer {
        let syncer = Syncer::new(Arc::clone(&self.store), source, self.key(), Arc::clone(&self.clock));
        let limits = FileLimits { size_bytes: self.file_bytes, time: files_for };
        match &self.files {
            Some(files) => syncer.with_files(Files::new(Arc::clone(files), Arc::clone(&self.media), limits)),
            None => syncer,
        }
    }
}

/// Runs a command.
pub(crate) async fn run(command: Command, config: &Config, tools: Tools) -> ExitCode {
    let outcome = match command {
        Command::Serve { import, role } => serve::run(&import, role, config, &tools).await,
        Command::Import(arguments) => import::run(&arguments, &tools).await,
        Command::Sync(arguments) => sync::run(&arguments, &tools).await,
        Command::Tenant(command) => tenant::run(command, &tools).await,
        Command::Coverage { tenant, json } => report::coverage(&tenant, json, &tools).await,
        // These open their stores themselves.
        Command::Migrate { .. } | Command::Copy { .. } | Command::Media(_) | Command::Doctor { .. } => Ok(true),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => failure(&*error),
    }
}

/// Prints an error, and returns the exit code. A reader that closes the output early is not a failure.
pub(crate) fn failure(error: &(dyn std::error::Error + 'static)) -> ExitCode {
    let closed = |error: &std::io::Error| error.kind() == std::io::ErrorKind::BrokenPipe;
    if error.downcast_ref().is_some_and(closed) {
        return ExitCode::SUCCESS;
    }
    complain(error);
    ExitCode::FAILURE
}

/// Prints an error with its causes on standard error.
pub(crate) fn complain(error: &(dyn std::error::Error + 'static)) {
    terminal::eprintln!("verta: {}", with_causes(error));
}

/// Returns an error and its causes, on one line.
#[must_use]
pub(crate) fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut causes: Vec<String> =
        std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect();
    // Some errors repeat their causes.
    causes.dedup();
    causes.join(": ")
}

type Outcome = Result<bool, Box<dyn std::error::Error>>;
