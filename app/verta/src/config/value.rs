//! The value types of settings.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use jiff::{Span, SpanRelativeTo};

/// The address of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StoreUrl {
    /// One SQLite file.
    Sqlite(PathBuf),
    /// A database on a server that speaks MySQL's protocol.
    Server(ServerUrl),
}

/// The address of a database on a server, as it was given; its adapter parses it. Its debug form is redacted, because
/// it can contain a password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ServerUrl(String);

impl ServerUrl {
    /// Returns the address with the password; never to show.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerUrl(***)")
    }
}

impl StoreUrl {
    /// Parses `sqlite:PATH`, and accepts `mysql://…` as it is.
    ///
    /// # Errors
    /// The reason. It never repeats the value, because such an address can contain a password.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("sqlite", path)) => sqlite(path),
            Some(("mysql", _)) => Ok(Self::Server(ServerUrl(text.to_owned()))),
            _ => Err("expected sqlite:PATH, such as sqlite:data/verta.db, or mysql://user:password@host:4000/database"
                .into()),
        }
    }
}

fn sqlite(path: &str) -> Result<StoreUrl, String> {
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.is_empty() || path.ends_with('/') {
        return Err("expected the path of a file after sqlite:, such as sqlite:data/verta.db".into());
    }
    if path.contains(['?', '#']) || path.starts_with(':') {
        return Err("expected a plain path after sqlite:, without ? or #, and not :memory:".into());
    }
    Ok(StoreUrl::Sqlite(PathBuf::from(path)))
}

/// The address of the files of messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MediaUrl {
    /// A folder.
    Folder(PathBuf),
    /// A bucket of S3, as it was given; its adapter parses it.
    Bucket(String),
}

impl MediaUrl {
    /// Parses `folder:PATH`, and accepts `s3://…` as it is.
    ///
    /// # Errors
    /// The reason. It never repeats the value, because such an address can contain a key by mistake.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("folder", path)) if !path.is_empty() => Ok(Self::Folder(PathBuf::from(path))),
            Some(("s3", _)) => Ok(Self::Bucket(text.to_owned())),
            _ => Err("expected folder:PATH, such as folder:data/media, or s3://BUCKET/PREFIX?region=REGION".into()),
        }
    }

    /// Returns whether both are one place, as far as the addresses show it.
    #[must_use]
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Folder(one), Self::Folder(other)) => {
                let real = |path: &PathBuf| path.canonicalize().unwrap_or_else(|_| path.clone());
                real(one) == real(other)
            }
            _ => self == other,
        }
    }
}

/// The public address of the site: no slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PublicUrl(String);

impl PublicUrl {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("{} is not an address such as https://archive.example.org", shown(text));
        let uri: http::Uri = text.parse().map_err(|_| wrong())?;
        let scheme = matches!(uri.scheme_str(), Some("http" | "https"));
        let host = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        if !scheme || !host || uri.query().is_some() || text.contains('#') {
            return Err(wrong());
        }
        if uri.path() != "/" {
            return Err("the site needs a host of its own: expected an address without a path".into());
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }

    /// Returns the address.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The filter of the log: a level, or levels of modules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogFilter(String);

impl LogFilter {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let level = |word: &str| {
            ["off", "error", "warn", "info", "debug", "trace"].iter().any(|level| level.eq_ignore_ascii_case(word))
        };
        let wrong = text.split(',').map(str::trim).find(|part| match part.rsplit_once('=') {
            Some((module, word)) => module.is_empty() || !level(word),
            None => !level(part),
        });
        if let Some(part) = wrong {
            return Err(format!(
                "{} is neither off, error, warn, info, debug or trace, nor a module=level",
                shown(part)
            ));
        }
        match tracing_subscriber::EnvFilter::try_new(text) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(error) => Err(format!("{} is not a filter: {error}", shown(text))),
        }
    }

    /// Returns the text, which the log's filter can parse.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The format of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// Lines of text.
    Text,
    /// A JSON object a line.
    Json,
}

impl LogFormat {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(format!("{} is neither text nor json", shown(text))),
        }
    }
}

pub(super) fn pool_size(text: &str) -> Result<u32, String> {
    let size = text.parse().ok().filter(|size| (1..=1_000).contains(size));
    size.ok_or_else(|| format!("{} is not a number from 1 to 1000", shown(text)))
}

pub(super) fn file_bytes(text: &str) -> Result<Option<u64>, String> {
    let mib: Option<u64> = text.parse().ok().filter(|mib| *mib <= 100_000);
    let mib = mib.ok_or_else(|| format!("{} is not a number from 0 to 100000", shown(text)))?;
    Ok((mib > 0).then_some(mib << 20))
}

pub(super) fn bind(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| format!("{} is not an address with a port, such as 127.0.0.1:25000 or [::]:80", shown(text)))
}

/// Parses the addresses of search nodes, which are in the same network: without encryption and without a path.
pub(super) fn node_urls(text: &str) -> Result<Vec<String>, String> {
    let node = |part: &str| {
        let wrong = || format!("{} is not an address such as http://search-1:25000", shown(part));
        let uri: http::Uri = part.parse().map_err(|_| wrong())?;
        let host = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        let is_whole = uri.path() == "/" && uri.query().is_none() && !part.contains('#');
        if uri.scheme_str() == Some("http") && host && is_whole {
            Ok(part.trim_end_matches('/').to_owned())
        } else {
            Err(wrong())
        }
    };
    text.split(',').map(str::trim).map(node).collect()
}

/// Parses the address of an endpoint on another server.
pub(super) fn endpoint(text: &str) -> Result<http::Uri, String> {
    let wrong = || format!("{} is not an address such as https://api.indexnow.org/indexnow", shown(text));
    let uri: http::Uri = text.parse().map_err(|_| wrong())?;
    let scheme = matches!(uri.scheme_str(), Some("http" | "https"));
    let host = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    if scheme && host && !text.contains('#') { Ok(uri) } else { Err(wrong()) }
}

pub(super) fn rate_limit(text: &str) -> Result<Option<NonZeroU32>, String> {
    let limit: u32 = text.parse().map_err(|_| format!("{} is not a number from 0 to 4294967295", shown(text)))?;
    Ok(NonZeroU32::new(limit))
}

pub(super) fn cache_bytes(text: &str) -> Result<Option<usize>, String> {
    let size = text.parse().ok().filter(|size: &usize| *size <= 100_000);
    let size = size.ok_or_else(|| format!("{} is not a number from 0 to 100000", shown(text)))?;
    Ok((size > 0).then_some(size << 20))
}

/// Parses an interval of a minute at least and a year at most: it is for work that makes requests to another server.
pub(super) fn interval(text: &str) -> Result<Option<Duration>, String> {
    if text == "0" {
        return Ok(None);
    }
    let days = SpanRelativeTo::days_are_24_hours();
    let read = text.parse::<Span>().ok().and_then(|span| Duration::try_from(span.to_duration(days).ok()?).ok());
    let fits = |duration: &Duration| (Duration::from_mins(1)..=Duration::from_hours(24 * 365)).contains(duration);
    let wrong = || format!("{} is not a duration of a minute or more, such as 30m, 6h or 7d, nor 0", shown(text));
    read.filter(fits).map(Some).ok_or_else(wrong)
}

pub(super) fn networks(text: &str) -> Result<Vec<IpNet>, String> {
    let network = |part: &str| {
        let alone = part.parse::<IpAddr>().map(IpNet::from);
        alone
            .or_else(|_| part.parse())
            .map_err(|_| format!("{} is neither an address nor a network such as 10.0.0.0/8", shown(part)))
    };
    text.split(',').map(str::trim).map(network).collect()
}

/// Returns a bad value, quoted and cut to 64 characters.
fn shown(text: &str) -> String {
    format!("{:?}", text.chars().take(64).collect::<String>())
}
