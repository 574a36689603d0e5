//! The guilds that are followed, and their channels as the platform showed them last.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use domain::access::{GuildChannel, GuildStructure};
use domain::channel::ChannelSnowflake;
use domain::guild::GuildSnowflake;
use domain::pseudonym::{PseudonymKey, Pseudonymizer};
use domain::tenant::Tenant;
use ports::error::StoreError;
use ports::event::GuildDirectory;
use ports::guild::{GuildError, GuildScope, GuildSource};
use ports::page::Page;
use ports::store::Store;

use crate::sync::is_synced;

/// The guilds of the tenants of an archive, as of the last refresh.
pub(super) struct Directory {
    key: PseudonymKey,
    scopes: RwLock<HashMap<GuildSnowflake, GuildScope>>,
}

impl Directory {
    pub(super) fn new(key: PseudonymKey) -> Self {
        Self { key, scopes: RwLock::default() }
    }

    /// Reads the tenants from the store.
    pub(super) async fn refresh(&self, store: &dyn Store) -> Result<(), StoreError> {
        let (mut scopes, mut after) = (HashMap::new(), None);
        loop {
            let page = store.read().await?.tenants().list(Page { after, limit: 100 }).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.slug.clone());
            scopes.extend(page.iter().filter_map(|tenant| self.scope_of(tenant)).map(|scope| (scope.guild, scope)));
        }
        *self.scopes.write().unwrap_or_else(PoisonError::into_inner) = scopes;
        Ok(())
    }

    fn scope_of(&self, tenant: &Tenant) -> Option<GuildScope> {
        if !is_synced(tenant) || tenant.deleting_since.is_some() {
            return None;
        }
        let guild = tenant.platform_id.as_str().parse().ok()?;
        if let Some(known) = self.scope(guild).filter(|known| known.tenant == tenant.id) {
            return Some(known);
        }
        let people = Arc::new(Pseudonymizer::new(&self.key, tenant.id));
        Some(GuildScope { tenant: tenant.id, guild, people, background: false })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.scopes.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

impl GuildDirectory for Directory {
    fn scope(&self, guild: GuildSnowflake) -> Option<GuildScope> {
        self.scopes.read().unwrap_or_else(PoisonError::into_inner).get(&guild).cloned()
    }
}

/// A guild as the platform showed it last.
#[derive(Default)]
struct Shown {
    structure: Option<Arc<GuildStructure>>,
    /// Its active threads.
    threads: HashMap<ChannelSnowflake, GuildChannel>,
}

/// The channels of guilds as the platform showed them last, so that a message can be requested without a request for
/// its channel before.
#[derive(Default)]
pub(super) struct ShownGuilds(Mutex<HashMap<GuildSnowflake, Shown>>);

impl ShownGuilds {
    fn guilds(&self) -> MutexGuard<'_, HashMap<GuildSnowflake, Shown>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces all that is known of a guild.
    pub(super) fn replace(&self, guild: GuildSnowflake, structure: GuildStructure, threads: Vec<GuildChannel>) {
        let threads = threads.into_iter().map(|thread| (thread.channel.platform_id, thread)).collect();
        self.guilds().insert(guild, Shown { structure: Some(Arc::new(structure)), threads });
    }

    /// Takes over a channel or thread.
    pub(super) fn upsert(&self, guild: GuildSnowflake, channel: &GuildChannel) {
        let id = channel.channel.platform_id;
        self.remove(guild, id);
        if channel.channel.kind.is_thread() {
            if !channel.channel.archived {
                self.guilds().entry(guild).or_default().threads.insert(id, channel.clone());
            }
            return;
        }
        // A part of a structure would be taken for all of it.
        if let Some(structure) = self.guilds().get_mut(&guild).and_then(|shown| shown.structure.as_mut()) {
            Arc::make_mut(structure).channels.push(channel.clone());
        }
    }

    /// Forgets a channel with its threads, or a thread.
    pub(super) fn remove(&self, guild: GuildSnowflake, id: ChannelSnowflake) {
        let mut guilds = self.guilds();
        let Some(shown) = guilds.get_mut(&guild) else { return };
        shown.threads.remove(&id);
        if let Some(structure) = shown.structure.as_mut().filter(|structure| structure.channel(id).is_some()) {
            let structure = Arc::make_mut(structure);
            let gone = structure.channel(id).map(|channel| channel.channel.id);
            structure.channels.retain(|channel| channel.channel.platform_id != id);
            shown.threads.retain(|_, thread| thread.channel.parent_id != gone);
        }
    }

    /// Forgets a guild.
    pub(super) fn forget(&self, guild: GuildSnowflake) {
        self.guilds().remove(&guild);
    }

    fn shown(
        &self,
        guild: GuildSnowflake,
        id: ChannelSnowflake,
    ) -> (Option<Arc<GuildStructure>>, Option<GuildChannel>) {
        let guilds = self.guilds();
        let Some(shown) = guilds.get(&guild) else { return (None, None) };
        let in_structure = shown.structure.as_ref().and_then(|structure| structure.channel(id));
        (shown.structure.clone(), in_structure.or_else(|| shown.threads.get(&id)).cloned())
    }

    /// Returns a channel or thread, requested from `source` unless it was shown.
    pub(super) async fn find(
        &self,
        source: &dyn GuildSource,
        scope: &GuildScope,
        id: ChannelSnowflake,
    ) -> Result<GuildChannel, GuildError> {
        let structure = match self.shown(scope.guild, id) {
            (_, Some(channel)) => return Ok(channel),
            (Some(structure), None) => structure,
            (None, None) => {
                let structure = Arc::new(source.structure(scope).await?);
                self.guilds().entry(scope.guild).or_default().structure = Some(Arc::clone(&structure));
                structure
            }
        };
        match structure.channel(id) {
            Some(channel) => Ok(channel.clone()),
            None => source.find_channel(scope, &structure, id).await,
        }
    }
}
