//! Stores the changes of many channels in one unit of work.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use domain::channel::{ChannelId, ChannelSnowflake};
use domain::event::MessageChange;
use domain::guild::GuildSnowflake;
use domain::message::{MessageId, StoredMessage};
use domain::page::MessagePage;
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use ports::clock::Clock;
use ports::error::StoreError;
use ports::event::{GatewaySession, ShardId};
use ports::guild::GuildScope;
use ports::store::UnitOfWork;
use tracing::{Instrument, debug_span};

use super::fold::{Folded, named};
use crate::ingest::{IngestError, record_files, write_page};
use crate::sync::Leader;

/// A change of the messages of a channel, as it was received.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) scope: GuildScope,
    pub(super) channel: ChannelSnowflake,
    pub(super) sequence: u64,
    pub(super) received_at: Timestamp,
    pub(super) kind: MessageChange,
}

/// A part of a channel that has to be requested, because an event does not show it or could not be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unclear {
    pub(super) tenant: TenantId,
    pub(super) guild: GuildSnowflake,
    pub(super) channel: ChannelSnowflake,
    /// The message; `None` for the newest messages of the channel.
    pub(super) message: Option<MessageId>,
    /// The event that showed that; it has to be received again if the request is not made.
    pub(super) sequence: u64,
}

impl Unclear {
    /// Returns the newest messages of a channel.
    pub(super) const fn newest(scope: &GuildScope, channel: ChannelSnowflake, sequence: u64) -> Self {
        Self { tenant: scope.tenant, guild: scope.guild, channel, message: None, sequence }
    }

    fn of(change: &Change, message: Option<MessageId>) -> Self {
        Self { message, ..Self::newest(&change.scope, change.channel, change.sequence) }
    }
}

/// Stores changes of one shard, while this process leads.
pub(super) struct Writer<'a> {
    pub(super) leader: &'a Leader,
    pub(super) clock: &'a Arc<dyn Clock>,
    pub(super) account: &'a str,
    pub(super) shard: ShardId,
}

impl Writer<'_> {
    /// Stores `changes`, which are in the order of the session, and `session` with the sequence up to which every effect
    /// is stored then: the last of them, or one before the first that needs a request, here or according to `held`.
    /// Returns the parts to request.
    ///
    /// # Errors
    /// [`IngestError`]; nothing is stored then.
    pub(super) async fn store(
        &self,
        changes: &[Change],
        session: Option<&GatewaySession>,
        held: Option<u64>,
    ) -> Result<Vec<Unclear>, IngestError> {
        let span = debug_span!("live.unit", events = changes.len());
        self.store_in_span(changes, session, held).instrument(span).await
    }

    async fn store_in_span(
        &self,
        changes: &[Change],
        session: Option<&GatewaySession>,
        held: Option<u64>,
    ) -> Result<Vec<Unclear>, IngestError> {
        let mut unit = self.leader.begin().await?.ok_or(IngestError::Deposed)?;
        let mut by_channel: BTreeMap<ChannelId, Vec<&Change>> = BTreeMap::new();
        for change in changes {
            let id = ChannelId::of(change.scope.tenant, change.channel);
            by_channel.entry(id).or_default().push(change);
        }
        let mut unclear = Vec::new();
        for (channel, changes) in by_channel {
            if !unit.channels().fence(channel, self.leader.fence()).await? {
                if unit.channels().find(channel).await?.is_some() {
                    return Err(IngestError::Deposed);
                }
                unclear.extend(of_unknown_channel(&changes));
                continue;
            }
            unclear.extend(self.store_channel(&mut *unit, channel, &changes).await?);
        }
        let first = unclear.iter().map(|unclear| unclear.sequence).chain(held).min();
        if let Some((session, last)) = session.zip(changes.last()) {
            let sequence = first.map_or(last.sequence, |first| last.sequence.min(first.saturating_sub(1)));
            let session = GatewaySession { sequence: sequence.max(session.sequence), ..session.clone() };
            unit.gateway_sessions().upsert(self.account, self.shard, &session, self.clock.now()).await?;
        }
        unit.commit().await?;
        Ok(unclear)
    }

    /// Stores the changes of one channel, which is fenced.
    async fn store_channel(
        &self,
        unit: &mut dyn UnitOfWork,
        channel: ChannelId,
        changes: &[&Change],
    ) -> Result<Vec<Unclear>, StoreError> {
        let keys: Vec<_> =
            named(changes.iter().map(|change| &change.kind)).into_iter().map(|id| (channel, id)).collect();
        let stored = if keys.is_empty() { Vec::new() } else { unit.messages().find_all(&keys).await? };
        let stored = stored.into_iter().map(|stored: StoredMessage| (stored.message.id, stored)).collect();
        let folded = Folded::new(changes.iter().map(|change| (change.received_at, &change.kind)), &stored);
        let Some(observed_at) = folded.observed_at else { return Ok(Vec::new()) };
        let unclear = folded.unclear.iter().filter_map(|id| {
            // The first event that named it has to be received again.
            let change = changes.iter().find(|change| names(&change.kind, *id))?;
            Some(Unclear::of(change, Some(*id)))
        });
        let unclear = unclear.collect();
        if !folded.deleted.is_empty() {
            let page = MessagePage::deleted(channel, folded.deleted, observed_at);
            write_page(unit, channel, &page, &[]).await?;
        }
        if !folded.shown.is_empty() || !folded.unreadable.is_empty() {
            let page = MessagePage::new(None, observed_at, folded.shown.into_values().collect())
                .expect("the messages of a map ascend");
            let outcome = write_page(unit, channel, &page, &folded.unreadable).await?;
            record_files(unit, changes[0].scope.tenant, self.clock.now(), &page, &outcome).await?;
        }
        Ok(unclear)
    }

    /// Stores the session alone.
    ///
    /// # Errors
    /// [`IngestError`].
    pub(super) async fn store_session(&self, session: &GatewaySession) -> Result<(), IngestError> {
        let mut unit = self.leader.begin().await?.ok_or(IngestError::Deposed)?;
        unit.gateway_sessions().upsert(self.account, self.shard, session, self.clock.now()).await?;
        Ok(unit.commit().await?)
    }
}

/// Returns all that happened in a channel that is not stored: its newest messages, and those that were named.
fn of_unknown_channel(changes: &[&Change]) -> Vec<Unclear> {
    let Some(first) = changes.first() else { return Vec::new() };
    let folded = Folded::new(changes.iter().map(|change| (change.received_at, &change.kind)), &HashMap::new());
    let ids = folded.unclear.into_iter().chain(folded.shown.into_keys());
    std::iter::once(Unclear::of(first, None)).chain(ids.map(|id| Unclear::of(first, Some(id)))).collect()
}

/// Returns whether a change is one of this message.
fn names(change: &MessageChange, id: MessageId) -> bool {
    match change {
        MessageChange::Created(message) => message.id == id,
        MessageChange::Updated(patch) => patch.id == id,
        MessageChange::Deleted(ids) => ids.contains(&id),
        MessageChange::ReactionAdded(reaction) | MessageChange::ReactionRemoved(reaction) => reaction.message == id,
        MessageChange::ReactionsCleared { message, .. } => *message == id,
        MessageChange::VoteAdded(vote) | MessageChange::VoteRemoved(vote) => vote.message == id,
        MessageChange::PinsChanged => false,
        MessageChange::Unreadable(unreadable) => unreadable.message_id == Some(id),
    }
}
