//! Checks of an installation: whether everything that copying and serving need is there, and what to do otherwise.
//!
//! Nothing is created or changed, and a failed check does not prevent the others.

mod files;
mod guild;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use domain::domain_name::DomainName;
use domain::pseudonym::KeyCheck;
use domain::slug::TenantSlug;
use ports::error::StoreError;
use ports::event::{EventSource, GatewayError, SESSION_RESERVE};
use ports::guild::{GuildError, GuildSource};
use ports::page::Page;
use ports::store::Store;
use serde::Serialize;
use tokio::time::timeout;

pub use self::files::Files;
use crate::domains;
use crate::key::ArchiveKey;

/// The time for one response of the platform or of the store.
const PATIENCE: Duration = Duration::from_secs(30);
/// The most names in one detail.
const NAMES: usize = 10;

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It works; there may be a remark.
    Ok,
    /// It works, but incompletely.
    Warning,
    /// It does not work.
    Failed,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// The subject; for a community followed by its slug.
    pub name: String,
    /// The result.
    pub state: State,
    /// The findings, their location, and what to do.
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

/// The state of the archive, as far as it is readable without a change.
pub enum Archive {
    /// There is no archive at this path yet; the first command that needs one creates it.
    Absent(PathBuf),
    /// It cannot be opened; the text contains the reason and what to do.
    Broken(String),
    /// It lacks these migrations.
    Behind(Vec<String>),
    /// It is ready for this program.
    Ready(Arc<dyn Store>),
}

/// The state of the pseudonyms' key.
pub enum Key {
    /// It is among the settings.
    Set {
        /// The file beside the archive, if it contains another key.
        other: Option<PathBuf>,
        /// Its check value.
        check: KeyCheck,
    },
    /// It is in a file.
    File {
        /// The file.
        path: PathBuf,
        /// The mode of the file, as in `0o600`.
        mode: u32,
        /// Its check value.
        check: KeyCheck,
    },
    /// There is no key; if the archive is a file, one would be created at this path.
    Missing(Option<PathBuf>),
    /// It cannot be read; the text contains the reason.
    Broken(String),
}

/// The bot that reads communities.
pub enum Bot {
    /// There is no token.
    Missing,
    /// Its settings are invalid; the text contains the reason.
    Broken(String),
    /// It has a token.
    Set {
        /// Its requests.
        guilds: Arc<dyn GuildSource>,
        /// Its events.
        events: Arc<dyn EventSource>,
    },
}

/// The parts of an installation.
pub struct Doctor {
    /// The archive.
    pub archive: Archive,
    /// The key of the pseudonyms.
    pub key: Key,
    /// The media store.
    pub files: Files,
    /// The bot.
    pub bot: Bot,
    /// Whether there is a key of the admin API.
    pub has_admin_key: bool,
    /// The public address, if it is set.
    pub public_url: Option<String>,
    /// The address on which the site listens.
    pub bind: SocketAddr,
    /// Whether requests are counted by the address of the connection, without a trusted proxy.
    pub counts_peers: bool,
}

impl Doctor {
    /// Runs every check.
    pub async fn run(&self) -> Vec<Check> {
        let mut checks = self.archive().await;
        checks.push(self.checked_key().await);
        checks.push(self.files.check().await);
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
        checks.extend(self.shared_domain().await);
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
                    format!("there is none at {} yet; `verta serve` or `verta migrate` creates it", path.display());
                vec![Check::warning("database", detail)]
            }
            Archive::Broken(reason) => vec![Check::failed("database", reason)],
            Archive::Behind(pending) => {
                let waiting = names(pending);
                let detail =
                    format!("pending: {waiting}; run `verta migrate`, on a server as a user that may create tables");
                vec![Check::ok("database", "reachable"), Check::warning("migrations", detail)]
            }
            Archive::Ready(store) => match within(store.status()).await {
                Some(Ok(status)) => {
                    let detail = format!("reachable: {} {}", status.store, status.server_version);
                    let version = format!("all are applied, up to {}", status.schema_version);
                    vec![Check::ok("database", detail), Check::ok("migrations", version)]
                }
                Some(Err(error)) => vec![Check::failed("database", with_causes(&error))],
                None => vec![Check::failed("database", silent("the database"))],
            },
        }
    }

    /// Checks the key, and compares it with the check value of the archive.
    async fn checked_key(&self) -> Check {
        let found = self.key();
        let Archive::Ready(store) = &self.archive else { return found };
        // A store that fails is reported by the check of the database.
        let Some(Ok(archive)) = within(ArchiveKey::of(&**store)).await else { return found };
        let (Key::Set { check, .. } | Key::File { check, .. }) = &self.key else {
            return match &self.key {
                Key::Missing(Some(path)) if archive.is_new() => {
                    let path = path.display();
                    Check::ok("key", format!("there is none yet; the first command that writes creates it, at {path}"))
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
                    "{}; the archive has no check value of it yet; the next import or sync records it",
                    found.detail
                ),
                ..found
            },
        }
    }

    /// Warns if the domain of a community is the host of the installation: the pages of all others are hidden then.
    async fn shared_domain(&self) -> Option<Check> {
        let (Archive::Ready(store), Some(url)) = (&self.archive, &self.public_url) else { return None };
        let host = DomainName::of_authority(url.split_once("://")?.1)?;
        // A store that fails is reported by the check of the database.
        let slug = within(hidden_by(&**store, &host)).await?.ok()??;
        let detail = format!(
            "its domain {host} is the host of PUBLIC_URL, so that the list of communities, and those without a domain, cannot \
             be reached there: give it another domain, or none"
        );
        Some(Check::warning(format!("domain {slug}"), detail))
    }

    fn key(&self) -> Check {
        match &self.key {
            Key::Set { other: None, .. } => Check::ok("key", "PSEUDONYM_KEY is set"),
            Key::Set { other: Some(path), .. } => {
                let detail = "PSEUDONYM_KEY is set, and there is another key in";
                let what = "an archive written with that one has other names for the same people: use only one of them";
                Check::warning("key", format!("{detail} {}; {what}", path.display()))
            }
            Key::File { path, mode, .. } if mode & 0o077 != 0 => {
                let detail = "other users can read it: run chmod 600";
                Check::warning("key", format!("in {} with mode {mode:o}; {detail} on it", path.display()))
            }
            Key::File { path, .. } => Check::ok("key", format!("in {}", path.display())),
            Key::Missing(Some(path)) if matches!(self.archive, Archive::Absent(_)) => {
                Check::ok("key", format!("there is none yet; it is created with the archive, at {}", path.display()))
            }
            Key::Missing(Some(path)) => Check::failed(
                "key",
                format!(
                    "there is an archive and no key: put the file back to {}, or set PSEUDONYM_KEY; a new key would give \
                     every author another name",
                    path.display()
                ),
            ),
            Key::Missing(None) => Check::failed(
                "key",
                "PSEUDONYM_KEY is not set, which an archive on a server needs: 64 hexadecimal digits, such as \
                 `openssl rand -hex 32` prints; never change it",
            ),
            Key::Broken(reason) => Check::failed("key", reason),
        }
    }

    async fn bot(&self) -> Vec<Check> {
        let (source, events) = match &self.bot {
            Bot::Set { guilds, events } => (guilds, events),
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
            Check::ok("members", "the Server Members Intent is on; Verta does not need it")
        } else {
            Check::ok("members", "the Server Members Intent is off; Verta does not need it")
        });
        checks.push(if identity.has_interactions_endpoint {
            let detail = "the application has an Interactions Endpoint URL, so Discord sends commands and buttons there; \
                          Verta does not need them";
            Check::ok("interactions", detail)
        } else {
            Check::ok("interactions", "the application has no Interactions Endpoint URL, and Verta does not need one")
        });
        checks.push(gateway(&**events).await);
        checks.extend(self.guilds(&**source).await);
        checks
    }
}

/// Returns the slug of the tenant that has `host` as its domain, if there are others.
async fn hidden_by(store: &dyn Store, host: &DomainName) -> Result<Option<TenantSlug>, StoreError> {
    if store.read().await?.tenants().list(Page { after: None, limit: 2 }).await?.len() < 2 {
        return Ok(None);
    }
    Ok(domains::read(store).await?.of_domain(host).map(|site| site.slug.clone()))
}

/// Checks whether live updates can begin.
async fn gateway(events: &dyn EventSource) -> Check {
    let plan = match within(events.plan()).await {
        Some(Ok(plan)) => plan,
        Some(Err(GatewayError::Request(error))) => return Check::failed("gateway", refusal(&error)),
        Some(Err(error)) => return Check::failed("gateway", error.to_string()),
        None => return Check::failed("gateway", silent("Discord")),
    };
    let (left, at) = (plan.identifies_left, plan.resets_at);
    if left < SESSION_RESERVE {
        let detail = format!(
            "only {left} new sessions may be started until {at}, and Verta uses none of the last {SESSION_RESERVE}: find \
             the program with this token that starts so many"
        );
        return Check::warning("gateway", detail);
    }
    let shards = if plan.shards == 1 { "1 shard".to_owned() } else { format!("{} shards", plan.shards) };
    Check::ok("gateway", format!("reachable with {shards}; {left} new sessions may be started until {at}"))
}

/// Returns the reason why a call of the platform failed, and what to do.
fn refusal(error: &GuildError) -> String {
    match error {
        GuildError::Unauthorized => {
            "Discord rejects it: create a new one in Discord's developer portal, under Bot, and set DISCORD_BOT_TOKEN"
                .to_owned()
        }
        error => format!("the request to Discord failed: {error}; check the network, and DISCORD_API_URL if it is set"),
    }
}

fn silent(who: &str) -> String {
    format!("{who} does not respond within {} s: check that it runs and can be reached", PATIENCE.as_secs())
}

async fn within<T>(call: impl Future<Output = T>) -> Option<T> {
    timeout(PATIENCE, call).await.ok()
}

fn with_causes(error: &StoreError) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    let causes: Vec<String> = causes.map(ToString::to_string).collect();
    format!("{}: check the file or the server, and its log", causes.join(": "))
}

/// Returns the first names of a list, and the number of further ones.
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
