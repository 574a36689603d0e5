//! Checks the bot's permissions in the guilds of the communities.

use std::collections::HashSet;
use std::fmt::Write;
use std::sync::Arc;

use domain::access::{Access, Denied, GuildChannel, GuildStructure};
use domain::channel::ChannelKind;
use domain::guild::GuildSnowflake;
use domain::pseudonym::{PseudonymKey, Pseudonymizer};
use domain::tenant::{Platform, Tenant, TenantId};
use ports::error::StoreError;
use ports::guild::{GuildError, GuildScope, GuildSource, JoinedGuild};
use ports::page::Page;
use ports::store::Store;

use crate::channels;

use super::{Archive, Check, Doctor, State, names, refusal, silent, with_causes, within};

/// The number of tenants in one query of the store.
const TENANTS: u32 = 100;

/// The number of channels in one query of the store.
const CHANNELS: u32 = 100;

/// A community on Discord, and its stored facts that are compared with the guild.
struct Community {
    tenant: Tenant,
    guild: GuildSnowflake,
    /// Whether its guild was ever read by a bot.
    was_read: bool,
}

impl Doctor {
    /// Checks the guild of every community.
    pub(super) async fn guilds(&self, source: &dyn GuildSource) -> Vec<Check> {
        let joined = match within(source.guilds()).await {
            Some(Ok(joined)) => joined,
            Some(Err(error)) => return vec![Check::failed("guilds", refusal(&error))],
            None => return vec![Check::failed("guilds", silent("Discord"))],
        };
        let mut checks = vec![match joined.len() {
            0 => Check::failed(
                "guilds",
                "the bot is in none: invite it with the link that the developer portal generates",
            ),
            count => Check::ok("guilds", format!("the bot is in {count}")),
        }];
        let Archive::Ready(store) = &self.archive else {
            let detail = "not checked: the archive cannot be read yet";
            checks.push(Check::warning("communities", detail));
            return checks;
        };
        match within(communities(&**store)).await {
            Some(Ok(communities)) => {
                for community in communities {
                    checks.extend(look(source, &**store, &joined, &community).await);
                }
            }
            Some(Err(error)) => checks.push(Check::failed("communities", with_causes(&error))),
            None => checks.push(Check::failed("communities", silent("the database"))),
        }
        checks
    }
}

/// Returns every community that is a guild on Discord; direct messages are not in a guild.
async fn communities(store: &dyn Store) -> Result<Vec<Community>, StoreError> {
    let mut read = store.read().await?;
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = read.tenants().list(Page { after, limit: TENANTS }).await?;
        let Some(last) = page.last() else { return Ok(found) };
        after = Some(last.slug.clone());
        for tenant in page.into_iter().filter(|tenant| tenant.platform == Platform::Discord) {
            if let Ok(guild) = tenant.platform_id.as_str().parse() {
                let was_read = read.guilds().list(tenant.id).await?.observed_at.is_some();
                found.push(Community { tenant, guild, was_read });
            }
        }
    }
}

async fn look(
    source: &dyn GuildSource,
    store: &dyn Store,
    joined: &[JoinedGuild],
    community: &Community,
) -> Vec<Check> {
    let named = |what: &str| format!("{what} {}", community.tenant.slug);
    let Some(guild) = joined.iter().find(|guild| guild.id == community.guild) else {
        let detail = format!("the bot is not in the guild {}: invite it", community.guild);
        return vec![if community.was_read {
            Check::failed(named("guild"), format!("{detail} again; its stored messages remain"))
        } else {
            Check::warning(named("guild"), format!("{detail}, to sync this community from Discord"))
        }];
    };
    let mut checks =
        vec![Check::ok(named("guild"), format!("the bot is in {}", names(std::slice::from_ref(&guild.name))))];
    // The pseudonyms are not stored, so any key will do.
    let people = Arc::new(Pseudonymizer::new(&PseudonymKey::new([0; 32]), community.tenant.id));
    let scope = GuildScope { tenant: community.tenant.id, guild: community.guild, people, background: false };
    let structure = match within(source.structure(&scope)).await {
        Some(Ok(structure)) => structure,
        Some(Err(GuildError::Parked)) => {
            checks.push(Check::failed(named("channels"), "Discord does not offer this guild here; try again later"));
            return checks;
        }
        Some(Err(error)) => {
            checks.push(Check::failed(named("channels"), refusal(&error)));
            return checks;
        }
        None => {
            checks.push(Check::failed(named("channels"), silent("Discord")));
            return checks;
        }
    };
    let unseen = match within(unseen(store, community.tenant.id, &structure)).await {
        Some(Ok(unseen)) => unseen,
        Some(Err(error)) => {
            checks.push(Check::failed(named("channels held of"), with_causes(&error)));
            Vec::new()
        }
        None => {
            checks.push(Check::failed(named("channels held of"), silent("the database")));
            Vec::new()
        }
    };
    match within(aside(store, community.tenant.id)).await {
        Some(Ok(0)) => {}
        Some(Ok(count)) => {
            let detail = format!("{count} could not be read or stored, and are set aside; `verta coverage");
            let detail = format!("{detail} {}` lists their channels", community.tenant.slug);
            checks.push(Check::warning(named("messages"), detail));
        }
        Some(Err(error)) => checks.push(Check::failed(named("messages"), with_causes(&error))),
        None => checks.push(Check::failed(named("messages"), silent("the database"))),
    }
    let (state, detail) = readable(&structure, &unseen);
    checks.push(Check::new(named("channels"), state, detail));
    let (state, detail) = threads(&structure);
    checks.push(Check::new(named("private threads"), state, detail));
    checks
}

/// Returns the stored names of existing and deleted channels that the platform does not show to the bot.
async fn unseen(store: &dyn Store, tenant: TenantId, structure: &GuildStructure) -> Result<Vec<String>, StoreError> {
    let shown: HashSet<_> = structure.channels.iter().map(|channel| channel.channel.platform_id).collect();
    let mut read = store.read().await?;
    let held = channels::without_threads(&mut *read, tenant).await?;
    let mut found = Vec::new();
    for channel in held.iter().filter(|channel| !shown.contains(&channel.platform_id)) {
        let coverage = read.coverage().find(channel.id).await?;
        let is_deleted = coverage.is_some_and(|coverage| coverage.is_deleted());
        if is_counted(channel.kind) && !is_deleted {
            found.push(sign(&channel.name));
        }
    }
    let unknown = structure.hidden.iter().filter(|id| held.iter().all(|channel| channel.platform_id != **id));
    found.extend(unknown.map(ToString::to_string));
    Ok(found)
}

/// Returns the number of unreadable items of a community.
async fn aside(store: &dyn Store, tenant: TenantId) -> Result<u64, StoreError> {
    let mut read = store.read().await?;
    let (mut count, mut after) = (0, None);
    loop {
        let page = read.coverage().list(tenant, Page { after, limit: CHANNELS }).await?;
        let Some(last) = page.last() else { return Ok(count) };
        after = Some(last.channel_id);
        count += page.iter().map(|coverage| coverage.unreadable_count).sum::<u64>();
    }
}

/// Returns whether a channel has messages or threads: a category does not.
const fn is_counted(kind: ChannelKind) -> bool {
    !matches!(kind, ChannelKind::CATEGORY)
}

fn sign(name: &str) -> String {
    format!("#{name}")
}

/// Checks how much of the guild the bot may read.
fn readable(structure: &GuildStructure, unseen: &[String]) -> (State, String) {
    let counted: Vec<&GuildChannel> =
        structure.channels.iter().filter(|channel| is_counted(channel.channel.kind)).collect();
    let denied = |denied: Denied| {
        let are = counted.iter().filter(|channel| channel.access == Access::Denied(denied));
        are.map(|channel| sign(&channel.channel.name)).collect::<Vec<String>>()
    };
    let no_view: Vec<String> = denied(Denied::View).into_iter().chain(unseen.iter().cloned()).collect();
    let reasons = [
        ("may not view", "View Channels", no_view),
        ("may not read the history of", "Read Message History", denied(Denied::History)),
        ("may not connect to", "Connect", denied(Denied::Connect)),
        ("may not read", "every permission to read", denied(Denied::Other)),
    ];
    let all = counted.len() + unseen.len();
    let count = counted.iter().filter(|channel| channel.access == Access::Readable).count();
    let mut detail = format!("the bot may read {count} of {all}");
    for (what, right, channels) in reasons.iter().filter(|(.., channels)| !channels.is_empty()) {
        write!(detail, "; it {what} {}: grant it {right} there", names(channels)).expect("a string takes any text");
    }
    let state = match count {
        0 => State::Failed,
        _ if count < all => State::Warning,
        _ => State::Ok,
    };
    (state, detail)
}

/// Checks whether the bot sees archived private threads, which only text channels have.
fn threads(structure: &GuildStructure) -> (State, String) {
    let texts = structure.channels.iter().filter(|channel| {
        channel.channel.kind == ChannelKind::TEXT && channel.access == Access::Readable && !channel.manages_threads
    });
    let without: Vec<String> = texts.map(|channel| sign(&channel.channel.name)).collect();
    if without.is_empty() {
        return (State::Ok, "the bot sees all of them".to_owned());
    }
    let detail = "without the permission Manage Threads the bot sees archived ones only where it has joined them: in";
    (State::Warning, format!("{detail} {}; grant it to archive them", names(&without)))
}
