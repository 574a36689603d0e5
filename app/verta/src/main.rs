//! Builds the adapters that the settings name, and runs a command with them.

mod archive;
mod cli;
mod config;
mod key_file;
mod media;
mod meter;

use std::fs;
use std::io::{self, IsTerminal};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use adapter_dce::DiscordChatExporter;
use adapter_discord::{ClientConfig, DiscordClient, DiscordGateway, ParseApiUrlError, ParseTokenError};
use adapter_image::ImageThumbnailer;
use adapter_nodes::SearchNodes;
use adapter_tantivy::{TantivyIndex, folder_of};
use app_core::doctor::{Archive, Bot, Doctor, Files, Key};
use app_core::process::Process;
use app_core::search::Snapshots;
use domain::pseudonym::PseudonymKey;
use domain::timestamp::Timestamp;
use ports::clock::Clock;
use ports::event::EventSource;
use ports::guild::GuildSource;
use ports::media::FileSource;
use ports::search::SearchIndex;
use ports::store::Store;
use tokio::runtime::Builder;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use self::archive::{Opened, archive};
use self::cli::{Command, MediaCommand, MigrationReport, ParseError, Tools};
use self::config::{Config, ConfigError, LogFormat, PublicUrl, StoreUrl};
use self::key_file::{KeyUse, beside, check_copy, key_of, makes_archive, needed, read};
use self::media::{Media, media};
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
    if let Command::Media(MediaCommand::Copy { from, to, json }) = command {
        return media::copy(&from, &to, json, config).await;
    }
    if let Command::Doctor { json } = command {
        return doctor(json, config).await;
    }
    run(command, config, guilds(config)?).await
}

async fn copy(from: &str, to: &str, json: bool, config: &Config) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let wrong = |variable, reason| ConfigError { variable, reason };
    let from = StoreUrl::parse(from).map_err(|reason| wrong("--from", reason))?;
    let to = StoreUrl::parse(to).map_err(|reason| wrong("--to", reason))?;
    let (from, to) = (archive(&from, "--from")?, archive(&to, "--to")?);
    if from.path().is_some_and(|path| !path.exists()) {
        return Err(wrong("--from", "there is no archive".to_owned()).into());
    }
    if from.identity() == to.identity() {
        return Err(wrong("--to", "it is the same archive as --from".to_owned()).into());
    }
    let pool_size = usize::try_from(config.pool_size)?;
    let source = from.open(pool_size).await?;
    if let Err(error) = check_copy(&*source.store(), config, [from.path(), to.path()]).await {
        source.close().await;
        return Err(error);
    }
    let (from, to) = (source, to.open(pool_size).await?);
    let code = cli::copy::run(from.store(), to.store(), json).await;
    from.close().await;
    to.close().await;
    Ok(code)
}

/// Checks an installation without changing it. A part that cannot be read becomes a failed check.
async fn doctor(json: bool, config: &Config) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let at = archive(&config.store, "DATABASE_URL");
    let path = at.as_ref().ok().and_then(|at| at.path().map(Path::to_owned));
    let opened = look_at_archive(at, config).await;
    let archive = match (&opened, &path) {
        (_, Some(path)) if !path.exists() => Archive::Absent(path.clone()),
        (Ok(Ok(store)), _) => Archive::Ready(store.store()),
        (Ok(Err(pending)), _) => Archive::Behind(pending.clone()),
        (Err(error), _) => Archive::Broken(cli::with_causes(&**error)),
    };
    let key = look_at_key(config, path.as_deref());
    let bot = match guilds(config) {
        Ok(Some(client)) => {
            let events = Arc::new(DiscordGateway::new(Arc::clone(&client), Arc::new(SystemClock)));
            Bot::Set { guilds: client, events }
        }
        Ok(None) => Bot::Missing,
        Err(error) => Bot::Broken(error.to_string()),
    };
    let public_url = config.public_url.as_ref().map(|url: &PublicUrl| url.as_str().to_owned());
    let counts_peers = config.rate_limit.is_some() && config.trusted_proxies.is_empty();
    let has_admin_key = config.admin_key.is_some();
    let files = match media(&config.media, "MEDIA_URL", config) {
        Ok(media) => Files::Set(media.upkeep),
        Err(error) => Files::Broken(error.to_string()),
    };
    let doctor = Doctor { archive, key, files, bot, has_admin_key, public_url, bind: config.bind, counts_peers };
    let code = cli::doctor::run(&doctor, json).await;
    drop(doctor);
    if let Ok(Ok(opened)) = opened {
        opened.close().await;
    }
    Ok(code)
}

/// Opens the archive if it exists and has every migration, else returns the pending migrations.
async fn look_at_archive(
    at: Result<Box<dyn archive::Archive>, ConfigError>,
    config: &Config,
) -> Result<Result<Opened, Vec<String>>, Box<dyn std::error::Error>> {
    let at = at?;
    let steps = at.migrations(false).await?.into_iter();
    let pending: Vec<String> = steps.filter(|step| step.applied_at.is_none()).map(|step| step.name).collect();
    if pending.is_empty() { Ok(Ok(at.open(usize::try_from(config.pool_size)?).await?)) } else { Ok(Err(pending)) }
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

/// Returns the search nodes, if there are any and a key for them.
fn nodes(config: &Config) -> Result<Option<Arc<dyn SearchIndex>>, ConfigError> {
    let Some(key) = config.admin_key.as_ref().filter(|_| !config.search_nodes.is_empty()) else { return Ok(None) };
    match SearchNodes::new(&config.search_nodes, key.as_bytes()) {
        Ok(nodes) => Ok(Some(Arc::new(nodes))),
        Err(error) => Err(ConfigError { variable: "SEARCH_URL", reason: error.to_string() }),
    }
}

/// Runs a command that works with one archive.
async fn run(command: Command, config: &Config, guilds: Guilds) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let at = archive(&config.store, "DATABASE_URL")?;
    let media = media(&config.media, "MEDIA_URL", config)?;
    let pool_size = usize::try_from(config.pool_size)?;
    if let Command::Migrate { status, json } = command {
        if !status {
            at.open(1).await?.close().await;
        }
        MigrationReport::print(at.migrations(true).await?, json)?;
        return Ok(ExitCode::SUCCESS);
    }
    // A command that only reads, or a dry run, creates no archive and treats a missing one as empty.
    let absent = at.path().is_some_and(|path| !path.exists()) && !makes_archive(&command);
    let scratch = absent.then(|| tempfile::Builder::new().prefix("verta-").tempdir()).transpose()?;
    let scratch_file = scratch.as_ref().map(|folder| archive::file(folder.path().join("verta.db")));
    let uses = match KeyUse::of(&command, guilds.is_some()) {
        KeyUse::Write if absent => KeyUse::Compare,
        uses => uses,
    };
    if at.path().is_none() && config.pseudonym_key.is_none() && matches!(uses, KeyUse::Write | KeyUse::Compare) {
        return Err(needed().into());
    }
    let nodes = nodes(config)?;
    let opened = scratch_file.as_ref().unwrap_or(&at).open(pool_size).await?;
    let code = match key_of(&*opened.store(), uses, config, at.path()).await {
        Ok(key) => {
            media.tidy(&command).await;
            let tools = Tools { nodes, ..tools(opened.store(), media, &at.location(), guilds, key, config) };
            Ok(cli::run(command, config, tools).await)
        }
        Err(error) => Err(error),
    };
    opened.close().await;
    code
}

fn tools(
    store: Arc<dyn Store>,
    media: Media,
    location: &str,
    client: Guilds,
    key: Option<PseudonymKey>,
    config: &Config,
) -> Tools {
    let (source, clock) = (Arc::new(DiscordChatExporter::default()), Arc::new(SystemClock));
    let index = Arc::new(TantivyIndex::new(folder_of(&config.index, location)));
    let snapshots = Snapshots::new(Arc::<TantivyIndex>::clone(&index), media.snapshots);
    let files = client.clone().filter(|_| config.media_file_bytes.is_some());
    let files = files.map(|client| -> Arc<dyn FileSource> { client });
    let events = client.clone().map(|client| -> Arc<dyn EventSource> {
        Arc::new(DiscordGateway::new(client, Arc::<SystemClock>::clone(&clock)))
    });
    let guilds = client.map(|client| -> Arc<dyn GuildSource> { client });
    let file_bytes = config.media_file_bytes.unwrap_or_default();
    let process = Process::current();
    Tools {
        store,
        guilds,
        events,
        files,
        media: media.files,
        thumbnailer: Arc::new(ImageThumbnailer),
        index,
        snapshots,
        nodes: None,
        file_bytes,
        source,
        key,
        clock,
        process,
    }
}

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
