//! Builds the adapters that the settings name, and runs a command with them.

mod cli;
mod config;
mod key_file;
mod meter;

use std::fs;
use std::io::{self, IsTerminal};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::cli::{Command, MigrationReport, ParseError, Tools};
use crate::config::{Config, ConfigError, LogFormat, PublicUrl, ServerUrl, StoreUrl};
use adapter_dce::DiscordChatExporter;
use adapter_discord::{ClientConfig, DiscordClient, ParseApiUrlError, ParseTokenError};
use adapter_media::MediaFolder;
use adapter_sqlite::SqliteStore;
use adapter_tidb::url::{DatabaseUrl, DatabaseUrlError};
use adapter_tidb::{OpenOptions as ServerOptions, TidbStore};
use app_core::doctor::{Archive, Bot, Doctor, Key};
use app_core::process::Process;
use domain::pseudonym::PseudonymKey;
use domain::timestamp::Timestamp;
use ports::clock::Clock;
use ports::guild::GuildSource;
use ports::media::FileSource;
use ports::store::Store;
use tokio::runtime::Builder;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use self::key_file::{KeyUse, beside, key_of, makes_archive, needed, read};
use self::meter::{Measured, meter};

/// Responses are made of many small pieces on many threads, which this allocator allocates and frees faster; it retains
/// little of a large message whose memory another thread used last.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Threads that wait for files while an archive is copied: one for each store. Each retains the memory for a page of
/// messages and more, so many threads that take turns would use many times the memory of one.
const COPY_THREADS: usize = 2;
/// The time that blocking calls are given to finish when the process shuts down.
const END_TIMEOUT: Duration = Duration::from_secs(3);
/// The exit code for wrong usage.
const USAGE: u8 = 2;

/// The client for guilds.
type Guilds = Option<Arc<DiscordClient>>;

struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let millis = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millis(millis).expect("the system's clock is before the year 9999")
    }
}

fn main() -> ExitCode {
    let (cli, config) = match cli::parse() {
        Ok(parsed) => parsed,
        Err(ParseError::Words(error)) => {
            error.print().ok();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(USAGE));
        }
        Err(error) => {
            cli::complain(&error);
            return ExitCode::from(USAGE);
        }
    };
    log(&config, matches!(cli.command, Command::Serve { .. }));
    let mut runtime = Builder::new_multi_thread();
    if let Command::Copy { .. } = cli.command {
        runtime.max_blocking_threads(COPY_THREADS);
    }
    let runtime = match runtime.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return cli::failure(&error),
    };
    let outcome = runtime.block_on(start(cli.command, &config));
    // A call that waits for a hanging disk must not delay the shutdown.
    runtime.shutdown_timeout(END_TIMEOUT);
    match outcome {
        Ok(code) => code,
        Err(error) => {
            let code = cli::failure(&*error);
            if error.is::<ConfigError>() { ExitCode::from(USAGE) } else { code }
        }
    }
}

async fn start(command: Command, config: &Config) -> Result<ExitCode, Box<dyn std::error::Error>> {
    if let Command::Copy { from, to, json } = command {
        return copy(&from, &to, json, config).await;
    }
    if let Command::Doctor { json } = command {
        return doctor(json, config).await;
    }
    let guilds = guilds(config)?;
    match &config.store {
        StoreUrl::Sqlite(path) => on_sqlite(command, config, guilds, path).await,
        StoreUrl::Server(url) => on_server(command, config, guilds, url).await,
    }
}

async fn copy(from: &str, to: &str, json: bool, config: &Config) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let wrong = |variable, reason| ConfigError { variable, reason };
    let from_url = StoreUrl::parse(from).map_err(|reason| wrong("--from", reason))?;
    let to_url = StoreUrl::parse(to).map_err(|reason| wrong("--to", reason))?;
    if let StoreUrl::Sqlite(path) = &from_url
        && !path.exists()
    {
        return Err(wrong("--from", "there is no archive".to_owned()).into());
    }
    if is_same(&from_url, &to_url) {
        return Err(wrong("--to", "it is the same archive as --from".to_owned()).into());
    }
    let from = Opened::new(&from_url, "--from", config).await?;
    let to = Opened::new(&to_url, "--to", config).await?;
    let code = cli::copy::run(from.store(), to.store(), json).await;
    from.close().await;
    to.close().await;
    Ok(code)
}

/// Checks an installation without changing it. A part that cannot be read becomes a failed check.
async fn doctor(json: bool, config: &Config) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let opened = look_at_archive(config).await;
    let archive = match &opened {
        Ok(Ok(store)) => Archive::Ready(store.store()),
        Ok(Err(pending)) => Archive::Behind(pending.clone()),
        Err(error) => Archive::Broken(cli::with_causes(&**error)),
    };
    let (archive, key) = match &config.store {
        StoreUrl::Sqlite(path) if !path.exists() => (Archive::Absent(path.clone()), look_at_key(config, Some(path))),
        StoreUrl::Sqlite(path) => (archive, look_at_key(config, Some(path))),
        StoreUrl::Server(_) => (archive, look_at_key(config, None)),
    };
    let bot = match guilds(config) {
        Ok(Some(source)) => Bot::Set(source),
        Ok(None) => Bot::Missing,
        Err(error) => Bot::Broken(error.to_string()),
    };
    let public_url = config.public_url.as_ref().map(|url: &PublicUrl| url.as_str().to_owned());
    let counts_peers = config.rate_limit.is_some() && config.trusted_proxies.is_empty();
    let has_admin_key = config.admin_key.is_some();
    let doctor = Doctor { archive, key, bot, has_admin_key, public_url, bind: config.bind, counts_peers };
    let code = cli::doctor::run(&doctor, json).await;
    drop(doctor);
    if let Ok(Ok(opened)) = opened {
        opened.close().await;
    }
    Ok(code)
}

/// Opens the archive if it exists and has every migration, else returns the pending migrations.
async fn look_at_archive(config: &Config) -> Result<Result<Opened, Vec<String>>, Box<dyn std::error::Error>> {
    let pending: Vec<String> = match &config.store {
        StoreUrl::Sqlite(path) => {
            let steps = SqliteStore::migrations(path)?.into_iter();
            steps.filter(|step| step.applied_at.is_none()).map(|step| step.name).collect()
        }
        StoreUrl::Server(url) => {
            let wrong = |error: DatabaseUrlError| ConfigError { variable: "DATABASE_URL", reason: error.to_string() };
            let url: DatabaseUrl = url.as_str().parse().map_err(wrong)?;
            let options = ServerOptions { patience: Duration::ZERO, ..ServerOptions::default() };
            let steps = TidbStore::migrations(&url, options).await?.into_iter();
            steps.filter(|step| step.applied_at.is_none()).map(|step| step.name).collect()
        }
    };
    if pending.is_empty() {
        Ok(Ok(Opened::new(&config.store, "DATABASE_URL", config).await?))
    } else {
        Ok(Err(pending))
    }
}

/// Returns the state of the pseudonyms' key; `database` is the archive's file, if it is one.
fn look_at_key(config: &Config, database: Option<&Path>) -> Key {
    let path = database.map(beside);
    let held = path.as_deref().and_then(|path| match read(path) {
        Ok(key) => key.map(|key| Ok((path.to_owned(), key))),
        Err(error) => Some(Err(error.to_string())),
    });
    match (&config.pseudonym_key, held) {
        (Some(set), Some(Ok((path, key)))) => {
            Key::Set { other: (!key.is_same(set)).then_some(path), check: set.check() }
        }
        (Some(set), _) => Key::Set { other: None, check: set.check() },
        (None, Some(Ok((path, key)))) => match fs::metadata(&path) {
            Ok(file) => Key::File { path, mode: file.mode() & 0o777, check: key.check() },
            Err(error) => Key::Broken(format!("{}: {error}; it holds the pseudonyms' key", path.display())),
        },
        (None, Some(Err(reason))) => Key::Broken(reason),
        (None, None) => Key::Missing(path),
    }
}

/// Returns whether two addresses are of one archive, as far as they show it.
fn is_same(one: &StoreUrl, other: &StoreUrl) -> bool {
    match (one, other) {
        (StoreUrl::Sqlite(one), StoreUrl::Sqlite(other)) => {
            let inode = |path| fs::metadata(path).map(|file| (file.dev(), file.ino())).ok();
            one == other || inode(one).is_some_and(|one| inode(other) == Some(one))
        }
        (StoreUrl::Server(one), StoreUrl::Server(other)) => {
            let place =
                |url: &ServerUrl| url.as_str().parse().map(|url: DatabaseUrl| (url.host, url.port, url.database));
            place(one).is_ok_and(|one| place(other) == Ok(one))
        }
        _ => false,
    }
}

/// A store of either kind.
enum Opened {
    File(Arc<SqliteStore>),
    Server(Arc<TidbStore>),
}

impl Opened {
    async fn new(url: &StoreUrl, flag: &'static str, config: &Config) -> Result<Self, Box<dyn std::error::Error>> {
        let pool_size = usize::try_from(config.pool_size)?;
        match url {
            StoreUrl::Sqlite(path) => Ok(Self::File(Arc::new(SqliteStore::open(path, pool_size)?))),
            StoreUrl::Server(url) => {
                let wrong = |error| ConfigError { variable: flag, reason: format!("{error}") };
                let url: DatabaseUrl = url.as_str().parse().map_err(|error: DatabaseUrlError| wrong(error))?;
                let options = ServerOptions { pool_size, ..ServerOptions::default() };
                Ok(Self::Server(Arc::new(TidbStore::open(&url, options).await?)))
            }
        }
    }

    fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::File(store) => Arc::<SqliteStore>::clone(store),
            Self::Server(store) => Arc::<TidbStore>::clone(store),
        }
    }

    async fn close(self) {
        if let Self::Server(store) = self
            && let Some(store) = Arc::into_inner(store)
        {
            store.close().await;
        }
    }
}

/// Returns the client for guilds, if there is a token for it.
fn guilds(config: &Config) -> Result<Guilds, ConfigError> {
    let wrong = |variable, reason: &dyn std::fmt::Display| ConfigError { variable, reason: reason.to_string() };
    let api = config.api_url.as_deref().map(str::parse).transpose();
    let api = api.map_err(|error: ParseApiUrlError| wrong("DISCORD_API_URL", &error))?;
    let Some(token) = &config.bot_token else { return Ok(None) };
    let token = token.as_str().parse();
    let client = ClientConfig::new(token.map_err(|error: ParseTokenError| wrong("DISCORD_BOT_TOKEN", &error))?);
    let client = ClientConfig { api: api.unwrap_or(client.api), ..client };
    Ok(Some(Arc::new(DiscordClient::new(client, Arc::new(SystemClock)))))
}

async fn on_server(
    command: Command,
    config: &Config,
    guilds: Guilds,
    url: &ServerUrl,
) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let wrong = |variable, reason| ConfigError { variable, reason };
    let url: DatabaseUrl = url.as_str().parse().map_err(|error| wrong("DATABASE_URL", format!("{error}")))?;
    let options = ServerOptions { pool_size: usize::try_from(config.pool_size)?, ..ServerOptions::default() };
    if let Command::Migrate { status, json } = command {
        if !status {
            TidbStore::open(&url, options).await?.close().await;
        }
        let steps = TidbStore::migrations(&url, options).await?.into_iter().map(|step| MigrationReport {
            version: step.version,
            name: step.name,
            applied_at: step.applied_at,
        });
        MigrationReport::print(steps.collect(), json)?;
        return Ok(ExitCode::SUCCESS);
    }
    let uses = KeyUse::of(&command, guilds.is_some());
    if config.pseudonym_key.is_none() && matches!(uses, KeyUse::Write | KeyUse::Compare) {
        return Err(needed().into());
    }
    let store = Arc::new(TidbStore::open(&url, options).await?);
    tidy_media(&command, config).await;
    let code = match key_of(&*store, uses, config, None).await {
        Ok(key) => cli::run(command, config, tools(store.clone(), guilds, key, config)).await,
        Err(error) => cli::failure(&*error),
    };
    if let Some(store) = Arc::into_inner(store) {
        store.close().await;
    }
    Ok(code)
}

/// Closes the media folder to other users and removes the leftovers of killed processes, before a command that writes
/// to it.
async fn tidy_media(command: &Command, config: &Config) {
    let writes = match command {
        Command::Serve { .. } | Command::Sync(_) => true,
        Command::Import(arguments) => !arguments.dry_run,
        _ => false,
    };
    if !writes {
        return;
    }
    match MediaFolder::new(config.media.clone()).tidy().await {
        Ok(0) => {}
        Ok(files) => tracing::info!(files, "unfinished files removed"),
        Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "media folder not tidied"),
    }
}

fn tools(store: Arc<dyn Store>, client: Guilds, key: Option<PseudonymKey>, config: &Config) -> Tools {
    let (source, clock) = (Arc::new(DiscordChatExporter::default()), Arc::new(SystemClock));
    let media = Arc::new(MediaFolder::new(config.media.clone()));
    let files = client.clone().filter(|_| config.media_file_bytes.is_some());
    let files = files.map(|client| -> Arc<dyn FileSource> { client });
    let guilds = client.map(|client| -> Arc<dyn GuildSource> { client });
    let file_bytes = config.media_file_bytes.unwrap_or_default();
    Tools { store, guilds, files, media, file_bytes, source, key, clock, process: Process::current() }
}

async fn on_sqlite(
    command: Command,
    config: &Config,
    guilds: Guilds,
    path: &Path,
) -> Result<ExitCode, Box<dyn std::error::Error>> {
    if let Command::Migrate { status, json } = command {
        if !status {
            SqliteStore::open(path, 1)?;
        }
        let steps = SqliteStore::migrations(path)?.into_iter().map(|step| MigrationReport {
            version: step.version,
            name: step.name,
            applied_at: step.applied_at,
        });
        MigrationReport::print(steps.collect(), json)?;
        return Ok(ExitCode::SUCCESS);
    }
    // A command that only reads, or a dry run, creates no archive and treats a missing one as empty.
    let absent = !path.exists() && !makes_archive(&command);
    let scratch = absent.then(|| tempfile::Builder::new().prefix("verta-").tempdir()).transpose()?;
    let database = scratch.as_ref().map_or_else(|| path.to_owned(), |folder| folder.path().join("verta.db"));
    let uses = match KeyUse::of(&command, guilds.is_some()) {
        KeyUse::Write if absent => KeyUse::Compare,
        uses => uses,
    };
    let readers = usize::try_from(config.pool_size)?;
    let store = Arc::new(SqliteStore::open(&database, readers)?);
    let key = key_of(&*store, uses, config, Some(path)).await?;
    tidy_media(&command, config).await;
    Ok(cli::run(command, config, tools(store, guilds, key, config)).await)
}

/// Installs the subscriber: the log, and for a server the meter, whose spans the log's filter does not drop.
fn log(config: &Config, is_server: bool) {
    let filter = EnvFilter::try_new(config.log.as_str()).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    let lines = match config.log_format {
        LogFormat::Text => lines.with_target(false).boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    let metrics = is_server.then(|| meter().clone().with_filter(Measured));
    tracing_subscriber::registry().with(lines.with_filter(filter)).with(metrics).init();
}
