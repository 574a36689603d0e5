//! Checks of an installation: whether all is there that copying and serving need, and what to do where it is not.
//!
//! Nothing is made or changed, and no check that fails keeps another from being made.

mod guild;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use domain::pseudonym::KeyCheck;
use ports::error::StoreError;
use ports::guild::{GuildError, GuildSource};
use ports::store::Store;
use serde::Serialize;
use tokio::time::timeout;

use crate::key::ArchiveKey;

/// For one answer of the platform or of the store.
const PATIENCE: Duration = Duration::from_secs(30);
/// Names in one detail.
const NAMES: usize = 10;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// All is well, or there is something to know.
    Ok,
    /// It works, and something is left out.
    Warning,
    /// Something does not work.
    Failed,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at; for a community with its slug behind it.
    pub name: String,
    /// How it ended.
    pub state: State,
    /// What was found, where, and what to do.
    pub detail: String,
}

impl Check {
    fn new(name: impl Into<String>, state: State, detail: impl Into<String>) -> Self {
        Self { name: name.into(), state, detail: detail.into() }
    }

    fn ok(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(name, State::Ok, detail)
    }

    fn warning(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(name, State::Warning, detail)
    }

    fn failed(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(name, State::Failed, detail)
    }
}

/// The archive, as far as it could be looked at without changing it.
pub enum Archive {
    /// There is none yet at this path; the first command that needs one makes it.
    Absent(PathBuf),
    /// It cannot be opened; the text says why and what to do.
    Broken(String),
    /// It lacks these migrations.
    Behind(Vec<String>),
    /// It is as this program needs it.
    Ready(Arc<dyn Store>),
}

/// The key of the pseudonyms.
pub enum Key {
    /// It is among the settings.
    Set {
        /// The file beside the archive, if that holds another key.
        other: Option<PathBuf>,
        /// Its check value.
        check: KeyCheck,
    },
    /// It is in a file.
    File {
        /// The file.
        path: PathBuf,
        /// Who may do what with it, as in `0o600`.
        mode: u32,
        /// Its check value.
        check: KeyCheck,
    },
    /// It is nowhere; where the archive is a file, one would be made at this path.
    Missing(Option<PathBuf>),
    /// It cannot be read; the text says why.
    Broken(String),
}

/// The bot that reads communities.
pub enum Bot {
    /// There is no token.
    Missing,
    /// Its settings cannot be used; the text says why.
    Broken(String),
    /// It can be asked.
    Set(Arc<dyn GuildSource>),
}

/// What an installation consists of.
pub struct Doctor {
    /// The archive.
    pub archive: Archive,
    /// The key of the pseudonyms.
    pub key: Key,
    /// The bot.
    pub bot: Bot,
    /// Whether there is a key of the admin API.
    pub has_admin_key: bool,
    /// The address that the public uses, if it is set.
    pub public_url: Option<String>,
    /// Where the site listens.
    pub bind: SocketAddr,
    /// Whether requests are counted by address while no proxy is trusted to name its clients.
    pub counts_peers: bool,
}

impl Doctor {
    /// Makes every check.
    pub async fn run(&self) -> Vec<Check> {
        let mut checks = self.archive().await;
        checks.push(self.checked_key().await);
        checks.extend(self.bot().await);
        checks.push(if self.has_admin_key {
            Check::ok("admin key", "is set: the admin API is on")
        } else {
            Check::ok("admin key", "is not set: the admin API is off; ADMIN_API_KEY turns it on")
        });
        checks.push(match &self.public_url {
            Some(url) => Check::ok("public url", format!("pages name {url} as their address")),
            None => Check::ok("public url", "is not set: pages do not name their address; PUBLIC_URL is for that"),
        });
        checks.push(Check::ok("bind", format!("the site listens on {}", self.bind)));
        if self.counts_peers && self.public_url.is_some() {
            let detail = "TRUSTED_PROXIES is not set: if the site is behind a proxy, all visitors share one RATE_LIMIT; \
                          set it to the addresses from which the proxy connects";
            checks.push(Check::warning("proxy", detail));
        }
        checks
    }

    async fn archive(&self) -> Vec<Check> {
        match &self.archive {
            Archive::Absent(path) => {
                let detail =
                    format!("there is none at {} yet; `verta serve` or `verta migrate` makes it", path.display());
                vec![Check::warning("database", detail)]
            }
            Archive::Broken(reason) => vec![Check::failed("database", reason)],
            Archive::Behind(pending) => {
                let waiting = names(pending);
                let detail =
                    format!("waiting: {waiting}; run `verta migrate`, on a server with a user that may make tables");
                vec![Check::ok("database", "it answers"), Check::warning("migrations", detail)]
            }
            Archive::Ready(store) => match within(store.status()).await {
                Some(Ok(status)) => {
                    let detail = format!("it answers: {} {}", status.store, status.server_version);
                    let version = format!("all are applied, up to {}", status.schema_version);
                    vec![Check::ok("database", detail), Check::ok("migrations", version)]
                }
                Some(Err(error)) => vec![Check::failed("database", with_causes(&error))],
                None => vec![Check::failed("database", silent("the database"))],
            },
        }
    }

    /// The key, compared with what the archive says about it.
    async fn checked_key(&self) -> Check {
        let found = self.key();
        let Archive::Ready(store) = &self.archive else { return found };
        // A store that fails is reported by the check of the database.
        let Some(Ok(archive)) = within(ArchiveKey::of(&**store)).await else { return found };
        let (Key::Set { check, .. } | Key::File { check, .. }) = &self.key else {
            return match &self.key {
                Key::Missing(Some(path)) if archive.is_new() => {
                    let path = path.display();
                    Check::ok("key", format!("there is none yet; the first command that writes makes it, at {path}"))
                }
                _ => found,
            };
        };
        match archive.check {
            Some(stored) if stored != *check => {
                let what = "the archive was written with another key, so commands that write are rejected: set \
                            PSEUDONYM_KEY to the archive's key, or put its key file back";
                Check::failed("key", format!("{}; {what}", found.detail))
            }
            Some(_) => Check { detail: format!("{}; the archive was written with it", found.detail), ..found },
            None => Check {
                detail: format!(
                    "{}; the archive has no check value of it yet, the next import or sync records it",
                    found.detail
                ),
                ..found
            },
        }
    }

    fn key(&self) -> Check {
        match &self.key {
            Key::Set { other: None, .. } => Check::ok("key", "PSEUDONYM_KEY is set"),
            Key::Set { other: Some(path), .. } => {
                let detail = "PSEUDONYM_KEY is set, and another key lies in";
                let what = "what was read with that one has other names for the same people: use one of the two";
                Check::warning("key", format!("{detail} {}; {what}", path.display()))
            }
            Key::File { path, mode, .. } if mode & 0o077 != 0 => {
                let detail = "others may use the file: run chmod 600";
                Check::warning("key", format!("it lies in {} with mode {mode:o}; {detail} on it", path.display()))
            }
            Key::File { path, .. } => Check::ok("key", format!("it lies in {}", path.display())),
            Key::Missing(Some(path)) if matches!(self.archive, Archive::Absent(_)) => {
                Check::ok("key", format!("there is none yet; it is made with the archive, at {}", path.display()))
            }
            Key::Missing(Some(path)) => Check::failed(
                "key",
                format!(
                    "there is an archive and no key: put the file back to {}, or set PSEUDONYM_KEY; a new key would give \
                     everybody another name",
                    path.display()
                ),
            ),
            Key::Missing(None) => Check::failed(
                "key",
                "PSEUDONYM_KEY is not set, which an archive on a server needs: 64 hexadecimal digits, such as \
                 `openssl rand -hex 32` prints, the same for good",
            ),
            Key::Broken(reason) => Check::failed("key", reason),
        }
    }

    async fn bot(&self) -> Vec<Check> {
        let source = match &self.bot {
            Bot::Set(source) => source,
            Bot::Broken(reason) => return vec![Check::failed("token", reason)],
            Bot::Missing => {
                let detail = "DISCORD_BOT_TOKEN is not set, so nothing is read from Discord; imports work without it";
                return vec![Check::warning("token", detail)];
            }
        };
        let identity = match within(source.identify()).await {
            Some(Ok(identity)) => identity,
            Some(Err(error)) => return vec![Check::failed("token", refusal(&error))],
            None => return vec![Check::failed("token", silent("Discord"))],
        };
        let mut checks = vec![Check::ok("token", "Discord accepts it")];
        checks.push(if identity.reads_content {
            Check::ok("message content", "the Message Content Intent is on")
        } else {
            Check::failed(
                "message content",
                "the Message Content Intent is off, so every message would be blank: turn it on in Discord's developer \
                 portal, under Bot",
            )
        });
        checks.push(if identity.reads_members {
            Check::ok("members", "the Server Members Intent is on; nothing here needs it")
        } else {
            Check::ok("members", "the Server Members Intent is off; nothing here needs it")
        });
        checks.extend(self.guilds(&**source).await);
        checks
    }
}

/// What a call of the platform failed with, and what to do.
fn refusal(error: &GuildError) -> String {
    match error {
        GuildError::Unauthorized => {
            "Discord refuses it: make a new one in Discord's developer portal, under Bot, and set DISCORD_BOT_TOKEN"
                .to_owned()
        }
        error => format!("Discord cannot be asked: {error}; check the network, and DISCORD_API_URL if it is set"),
    }
}

fn silent(who: &str) -> String {
    format!("{who} does not answer within {} s: check that it runs and can be reached", PATIENCE.as_secs())
}

async fn within<T>(answer: impl Future<Output = T>) -> Option<T> {
    timeout(PATIENCE, answer).await.ok()
}

fn with_causes(error: &StoreError) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    let causes: Vec<String> = causes.map(ToString::to_string).collect();
    format!("{}: check the file or the server, and its log", causes.join(": "))
}

/// The first names of a list, and how many more there are.
fn names(all: &[String]) -> String {
    let plain = |name: &String| name.chars().filter(|letter| !letter.is_control()).collect::<String>();
    let shown = all.iter().take(NAMES).map(plain).collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests;
