//! The settings: one table, read from flags and the environment, checked before any other work.

mod secret;
mod value;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use domain::pseudonym::PseudonymKey;
use http::Uri;
use ipnet::IpNet;

pub(crate) use self::secret::{AdminKey, BotToken, BucketSecret, IndexKey};
pub(crate) use self::value::{LogFilter, LogFormat, MediaUrl, PublicUrl, StoreUrl};

/// The time between syncs while changes arrive by events, unless an operator sets one: syncs only make sure then.
const SYNC_INTERVAL_WITH_EVENTS: Duration = Duration::from_hours(6);

/// One setting, as `--help` shows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    /// The environment variable; the flag is the same in lower case with hyphens.
    pub(crate) name: &'static str,
    /// The placeholder for its value in a usage line.
    pub(crate) placeholder: &'static str,
    /// The value without it.
    pub(crate) default: Option<&'static str>,
    /// Its meaning, in one sentence.
    pub(crate) help: &'static str,
}

impl Setting {
    /// Returns the name of its flag, without the leading hyphens.
    #[must_use]
    pub(crate) fn flag(&self) -> String {
        self.name.to_ascii_lowercase().replace('_', "-")
    }
}

const fn setting(
    name: &'static str,
    placeholder: &'static str,
    default: Option<&'static str>,
    help: &'static str,
) -> Setting {
    Setting { name, placeholder, default, help }
}

/// All settings.
pub(crate) const SETTINGS: [Setting; 24] = [
    setting(
        "DATABASE_URL",
        "URL",
        Some("sqlite:data/verta.db"),
        "The archive: sqlite:PATH, or mysql://user:password@host:4000/database",
    ),
    setting(
        "DATABASE_POOL_SIZE",
        "NUMBER",
        Some("10"),
        "The number of readers of SQLite, or of connections to the server, 1 to 1000",
    ),
    setting("DISCORD_BOT_TOKEN", "TOKEN", None, "The token of the bot that reads communities from Discord"),
    setting("DISCORD_API_URL", "URL", None, "The address of Discord's API, with its version; Discord's own by default"),
    setting(
        "SYNC_INTERVAL",
        "DURATION",
        Some("1h"),
        "The time between syncs of each community, such as 30m or 12h, at least a minute; 0: only on request; unless it \
         is set, 6h while events arrive",
    ),
    setting(
        "SYNC_FULL_INTERVAL",
        "DURATION",
        Some("7d"),
        "The time between background passes that read everything again, for changes of any age; 0: only on request",
    ),
    setting(
        "MEDIA_URL",
        "URL",
        Some("folder:data/media"),
        "The store of the files of messages: folder:PATH, or s3://BUCKET/PREFIX?region=REGION, with &endpoint=URL for a \
         store of another provider than AWS",
    ),
    setting("AWS_ACCESS_KEY_ID", "ID", None, "The id of the access key for MEDIA_URL, if that is a bucket"),
    setting("AWS_SECRET_ACCESS_KEY", "KEY", None, "Its secret"),
    setting("AWS_SESSION_TOKEN", "TOKEN", None, "Its session token, if it is a temporary key"),
    setting(
        "MEDIA_FILE_MIB",
        "NUMBER",
        Some("100"),
        "The largest file that is fetched or imported, in MiB, 1 to 100000; 0: none",
    ),
    setting(
        "INDEX_DIR",
        "PATH",
        Some("data/index"),
        "The folder of the search indexes, on this machine; they are rebuilt from the archive if it is empty",
    ),
    setting(
        "SEARCH_URL",
        "URLS",
        None,
        "The search nodes to search in, in place of indexes of this process: http://HOST:PORT, separated by commas",
    ),
    setting(
        "ADMIN_API_KEY",
        "KEY",
        None,
        "The key of the admin API, 16 characters or more; without it that API is off",
    ),
    setting(
        "PSEUDONYM_KEY",
        "HEX",
        None,
        "The key of the pseudonyms, 64 hexadecimal digits; without it a file beside an SQLite database holds one",
    ),
    setting("BIND", "ADDRESS", Some("127.0.0.1:25000"), "The listen address"),
    setting("PUBLIC_URL", "URL", None, "The public address of the site, for canonical links"),
    setting(
        "INDEXNOW_KEY",
        "KEY",
        None,
        "The key that search engines find at /KEY.txt, 8 to 128 letters, digits and hyphens; with it they are told which \
         pages changed, by IndexNow",
    ),
    setting(
        "INDEXNOW_URL",
        "URL",
        Some("https://api.indexnow.org/indexnow"),
        "The endpoint of IndexNow, which passes submissions on to all search engines that take part",
    ),
    setting("LOG", "LEVEL", Some("info"), "The log filter: off, error, warn, info, debug, trace, or module=level,…"),
    setting("LOG_FORMAT", "FORMAT", Some("text"), "The log format: text or json"),
    setting("RATE_LIMIT", "NUMBER", Some("600"), "The number of requests per minute from one address; 0: no limit"),
    setting(
        "CACHE_MIB",
        "NUMBER",
        Some("64"),
        "The memory for responses that are sent again until they change, in MiB, 1 to 100000; 0: none",
    ),
    setting(
        "TRUSTED_PROXIES",
        "NETWORKS",
        None,
        "The proxies whose X-Forwarded-For is trusted: addresses and networks such as 10.0.0.0/8, separated by commas",
    ),
];

/// A setting with an invalid value. The reason never repeats a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {reason}")]
pub(crate) struct ConfigError {
    /// The name of its environment variable.
    pub(crate) variable: &'static str,
    /// The error, and the valid values.
    pub(crate) reason: String,
}

/// The interval between syncs; `None` for only on request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SyncInterval {
    /// While changes are found by syncs alone.
    pub(crate) usual: Option<Duration>,
    /// While changes arrive by events.
    pub(crate) with_events: Option<Duration>,
}

impl SyncInterval {
    /// Returns the interval that an operator chose for both, or the default, which depends on events.
    fn of((usual, is_chosen): (Option<Duration>, bool)) -> Self {
        Self { usual, with_events: if is_chosen { usual } else { Some(SYNC_INTERVAL_WITH_EVENTS) } }
    }
}

/// The settings of the program.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// The address of the archive.
    pub(crate) store: StoreUrl,
    /// The number of concurrent readers of it, or connections to it.
    pub(crate) pool_size: u32,
    /// The token of the bot; without one nothing is read from Discord.
    pub(crate) bot_token: Option<BotToken>,
    /// The address of Discord's API, as it was given; its adapter parses it.
    pub(crate) api_url: Option<String>,
    /// The interval between syncs of each tenant.
    pub(crate) sync_interval: SyncInterval,
    /// The interval between full passes over each tenant in the background; `None` for only on request of an operator.
    pub(crate) sync_full_interval: Option<Duration>,
    /// The address of the files of messages.
    pub(crate) media: MediaUrl,
    /// The id of the access key for a bucket.
    pub(crate) access_key_id: Option<String>,
    /// Its secret.
    pub(crate) secret_access_key: Option<BucketSecret>,
    /// Its session token, if it is a temporary one.
    pub(crate) session_token: Option<BucketSecret>,
    /// The largest file that is fetched, in bytes; `None` fetches none.
    pub(crate) media_file_bytes: Option<u64>,
    /// The folder of the search indexes.
    pub(crate) index: PathBuf,
    /// The addresses of the search nodes; with any, a process that serves the site has no indexes.
    pub(crate) search_nodes: Vec<String>,
    /// The key of the admin API, which is off without one.
    pub(crate) admin_key: Option<AdminKey>,
    /// The key of the pseudonyms, if it was given; else it is in a file beside an SQLite database.
    pub(crate) pseudonym_key: Option<PseudonymKey>,
    /// The address on which the site listens.
    pub(crate) bind: SocketAddr,
    /// The public address of the site.
    pub(crate) public_url: Option<PublicUrl>,
    /// The key of submissions to search engines, which are off without one.
    pub(crate) index_key: Option<IndexKey>,
    /// The endpoint of those submissions.
    pub(crate) index_url: Uri,
    /// The filter of the log.
    pub(crate) log: LogFilter,
    /// The format of the log.
    pub(crate) log_format: LogFormat,
    /// Requests a minute from one address; `None` for no limit.
    pub(crate) rate_limit: Option<NonZeroU32>,
    /// The memory for responses, in bytes; `None` for no cache.
    pub(crate) cache_bytes: Option<usize>,
    /// The proxies whose `X-Forwarded-For` is trusted.
    pub(crate) trusted_proxies: Vec<IpNet>,
}

impl Config {
    /// Reads every setting through `var`, which returns the value of a variable or that it is unset. An empty value is
    /// an unset one.
    ///
    /// # Errors
    /// [`ConfigError`] for the first invalid value, whether or not this run would use it.
    pub(crate) fn from_vars(var: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let vars = Vars(&var);
        Ok(Self {
            store: vars.required("DATABASE_URL", StoreUrl::parse)?,
            pool_size: vars.required("DATABASE_POOL_SIZE", value::pool_size)?,
            bot_token: vars.optional("DISCORD_BOT_TOKEN", |text| Ok(BotToken(text.to_owned())))?,
            api_url: vars.optional("DISCORD_API_URL", |text| Ok(text.to_owned()))?,
            sync_interval: SyncInterval::of(vars.with_origin("SYNC_INTERVAL", value::interval)?),
            sync_full_interval: vars.required("SYNC_FULL_INTERVAL", value::interval)?,
            media: vars.required("MEDIA_URL", MediaUrl::parse)?,
            access_key_id: vars.optional("AWS_ACCESS_KEY_ID", |text| Ok(text.to_owned()))?,
            secret_access_key: vars.optional("AWS_SECRET_ACCESS_KEY", |text| Ok(BucketSecret(text.to_owned())))?,
            session_token: vars.optional("AWS_SESSION_TOKEN", |text| Ok(BucketSecret(text.to_owned())))?,
            media_file_bytes: vars.required("MEDIA_FILE_MIB", value::file_bytes)?,
            index: vars.required("INDEX_DIR", |text| Ok(PathBuf::from(text)))?,
            search_nodes: vars.optional("SEARCH_URL", value::node_urls)?.unwrap_or_default(),
            admin_key: vars.optional("ADMIN_API_KEY", AdminKey::parse)?,
            pseudonym_key: vars.optional("PSEUDONYM_KEY", |text| text.parse().map_err(|error| format!("{error}")))?,
            bind: vars.required("BIND", value::bind)?,
            public_url: vars.optional("PUBLIC_URL", PublicUrl::parse)?,
            index_key: vars.optional("INDEXNOW_KEY", IndexKey::parse)?,
            index_url: vars.required("INDEXNOW_URL", value::endpoint)?,
            log: vars.required("LOG", LogFilter::parse)?,
            log_format: vars.required("LOG_FORMAT", LogFormat::parse)?,
            rate_limit: vars.required("RATE_LIMIT", value::rate_limit)?,
            cache_bytes: vars.required("CACHE_MIB", value::cache_bytes)?,
            trusted_proxies: vars.optional("TRUSTED_PROXIES", value::networks)?.unwrap_or_default(),
        })
    }
}

/// Reads values and names the variable of a bad one.
struct Vars<'a, F>(&'a F);

impl<F: Fn(&str) -> Option<String>> Vars<'_, F> {
    fn optional<T>(
        &self,
        variable: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, ConfigError> {
        let Some(text) = (self.0)(variable).filter(|text| !text.is_empty()) else { return Ok(None) };
        parse(&text).map(Some).map_err(|reason| ConfigError { variable, reason })
    }

    fn required<T>(&self, variable: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> Result<T, ConfigError> {
        self.with_origin(variable, parse).map(|(value, _)| value)
    }

    /// Returns a value, and whether it is not the default.
    fn with_origin<T>(
        &self,
        variable: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<(T, bool), ConfigError> {
        if let Some(value) = self.optional(variable, &parse)? {
            return Ok((value, true));
        }
        let default = SETTINGS.iter().find(|setting| setting.name == variable).and_then(|setting| setting.default);
        let value = parse(default.unwrap_or_default()).map_err(|reason| ConfigError { variable, reason })?;
        Ok((value, false))
    }
}

#[cfg(test)]
mod tests;
