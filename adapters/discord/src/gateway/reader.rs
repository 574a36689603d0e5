//! Makes events of frames, with the view of each guild that rights are computed from.

mod messages;

use std::collections::HashMap;
use std::sync::Arc;

use domain::access::GuildChannel;
use domain::event::{Event, GuildChange, event_name};
use domain::guild::GuildSnowflake;
use domain::snowflake::Id;
use domain::timestamp::Timestamp;
use ports::event::{GatewayError, GuildDirectory, Received};
use ports::guild::{GuildScope, Priority};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::counters::{Counters, count};
use super::frame::{Frame, Outline, Ready};
use crate::channel::{Shown, thread};
use crate::client::DiscordClient;
use crate::guild::BotUser;
use crate::payload::{self, Fields};
use crate::view::GuildView;

/// Events that change nothing in an archive.
const WITHOUT_EFFECT: [&str; 34] = [
    "APPLICATION_COMMAND_PERMISSIONS_UPDATE",
    "AUTO_MODERATION_ACTION_EXECUTION",
    "CHANNEL_TOPIC_UPDATE",
    "ENTITLEMENT_CREATE",
    "ENTITLEMENT_DELETE",
    "ENTITLEMENT_UPDATE",
    "GUILD_AUDIT_LOG_ENTRY_CREATE",
    "GUILD_BAN_ADD",
    "GUILD_BAN_REMOVE",
    "GUILD_INTEGRATIONS_UPDATE",
    "GUILD_JOIN_REQUEST_DELETE",
    "GUILD_JOIN_REQUEST_UPDATE",
    "GUILD_MEMBERS_CHUNK",
    "GUILD_MEMBER_ADD",
    "GUILD_MEMBER_REMOVE",
    "GUILD_SCHEDULED_EVENT_CREATE",
    "GUILD_SCHEDULED_EVENT_DELETE",
    "GUILD_SCHEDULED_EVENT_UPDATE",
    "GUILD_SOUNDBOARD_SOUNDS_UPDATE",
    "INTERACTION_CREATE",
    "INVITE_CREATE",
    "INVITE_DELETE",
    "PRESENCE_UPDATE",
    "RATE_LIMITED",
    "STAGE_INSTANCE_CREATE",
    "STAGE_INSTANCE_DELETE",
    "STAGE_INSTANCE_UPDATE",
    "THREAD_MEMBERS_UPDATE",
    "THREAD_MEMBER_UPDATE",
    "TYPING_START",
    "USER_UPDATE",
    "VOICE_CHANNEL_STATUS_UPDATE",
    "VOICE_STATE_UPDATE",
    "WEBHOOKS_UPDATE",
];

/// The ids by which an event is routed; its other fields may have any form.
#[derive(Debug, Default, Deserialize)]
struct Route<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    guild_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    channel_id: Option<&'a RawValue>,
}

/// Parses the id in a field.
fn id_of<T>(raw: Option<&RawValue>) -> Option<Id<T>> {
    payload::id(&serde_json::from_str(raw?.get()).ok()?)
}

/// One event that is being read.
struct Incoming<'a> {
    name: &'a str,
    scope: &'a GuildScope,
    at: Timestamp,
    route: Route<'a>,
    data: Result<Fields, payload::Odd>,
}

/// The reader of one shard.
pub(super) struct Reader {
    client: Arc<DiscordClient>,
    guilds: Arc<dyn GuildDirectory>,
    counters: Arc<Counters>,
    views: HashMap<GuildSnowflake, GuildView>,
}

impl Reader {
    pub(super) fn new(client: Arc<DiscordClient>, guilds: Arc<dyn GuildDirectory>, counters: Arc<Counters>) -> Self {
        Self { client, guilds, counters, views: HashMap::new() }
    }

    /// Returns what a frame means. A frame may be read again, if the future was dropped.
    pub(super) async fn read(&mut self, frame: &Frame) -> Result<Received, GatewayError> {
        let (sequence, received_at) = (frame.sequence, frame.received_at);
        let Some(outline) = Outline::of(&frame.text) else { return Ok(Received::Skipped { sequence }) };
        let name = outline.name.as_deref().unwrap_or_default();
        match name {
            "READY" => return Ok(self.ready(&outline, sequence)),
            "RESUMED" => return Ok(Received::Resumed { sequence }),
            _ => {}
        }
        let route: Route<'_> = outline.data().unwrap_or_default();
        let is_guild = matches!(name, "GUILD_CREATE" | "GUILD_UPDATE" | "GUILD_DELETE");
        let guild = id_of(if is_guild { route.id } else { route.guild_id });
        let Some((guild, scope)) = guild.and_then(|guild| Some((guild, self.guilds.scope(guild)?))) else {
            return Ok(Received::Skipped { sequence });
        };
        let Some(raw) = outline.data else { return Ok(Received::Skipped { sequence }) };
        let incoming = Incoming { name, scope: &scope, at: received_at, route, data: payload::object(raw) };
        let event = self.event(guild, incoming).await?;
        Ok(event.map_or(Received::Skipped { sequence }, |event| Received::Event {
            sequence,
            guild,
            received_at,
            event: Box::new(event),
        }))
    }

    /// Begins a session: every guild follows.
    fn ready(&mut self, outline: &Outline<'_>, sequence: u64) -> Received {
        self.views.clear();
        let user = outline.data.and_then(|raw| payload::object(raw).ok()).and_then(|mut data| data.object("user"));
        if let Some(bot) = user.and_then(|mut user| user.id::<BotUser>("id")) {
            // It never changes: a value that is there is the same.
            let _ = self.client.bot.set(bot);
        }
        let ready: Option<Ready> = outline.data();
        ready.map_or(Received::Skipped { sequence }, |ready| Received::Ready(ready.session(sequence)))
    }

    async fn event(&mut self, guild: GuildSnowflake, incoming: Incoming<'_>) -> Result<Option<Event>, GatewayError> {
        let name = incoming.name;
        if name.starts_with("MESSAGE_") || name == "CHANNEL_PINS_UPDATE" {
            return Ok(self.message_event(incoming));
        }
        let Ok(mut data) = incoming.data else {
            self.unreadable(name);
            return Ok(None);
        };
        let (scope, at) = (incoming.scope, incoming.at);
        let event = match name {
            "GUILD_DELETE" => {
                self.views.remove(&guild);
                Some(if data.flag("unavailable") { Event::GuildUnavailable } else { Event::GuildGone })
            }
            "GUILD_CREATE" if data.flag("unavailable") => Some(Event::GuildUnavailable),
            "GUILD_CREATE" => self.available(scope, at, data).await?,
            "GUILD_UPDATE"
            | "GUILD_ROLE_CREATE"
            | "GUILD_ROLE_UPDATE"
            | "GUILD_ROLE_DELETE"
            | "GUILD_EMOJIS_UPDATE"
            | "GUILD_STICKERS_UPDATE"
            | "GUILD_MEMBER_UPDATE" => self.changed(name, scope, at, data).await?,
            "CHANNEL_CREATE" | "CHANNEL_UPDATE" => self.channel(scope, at, data).await?,
            "CHANNEL_DELETE" => {
                let id = data.id("id");
                if let Some((view, id)) = self.views.get_mut(&guild).zip(id) {
                    view.remove_channel(id);
                }
                id.map(Event::ChannelDeleted)
            }
            "THREAD_CREATE" | "THREAD_UPDATE" => {
                let thread = self.thread(scope, at, data).await?;
                thread.map(|thread| Event::ThreadUpserted(Box::new(thread)))
            }
            "THREAD_DELETE" => data.id("id").map(Event::ThreadDeleted),
            "THREAD_LIST_SYNC" => {
                let parents = data.has("channel_ids").then(|| data.list("channel_ids"));
                let parents = parents.map(|ids| ids.iter().filter_map(payload::id).collect());
                let threads = self.threads(scope, at, data.objects("threads")).await?;
                Some(Event::ThreadsListed { parents, threads })
            }
            _ => {
                if WITHOUT_EFFECT.binary_search(&name).is_err() {
                    self.counters.unknown("event", name);
                }
                return Ok(None);
            }
        };
        if event.is_none() && name != "GUILD_MEMBER_UPDATE" {
            self.unreadable(name);
        }
        Ok(event)
    }

    /// Reads a guild that is there.
    async fn available(
        &mut self,
        scope: &GuildScope,
        at: Timestamp,
        mut data: Fields,
    ) -> Result<Option<Event>, GatewayError> {
        let bot = self.client.bot_id().await?;
        let mut members = data.objects("members").into_iter();
        let own = members.find(|member| member.clone().object("user").and_then(|mut user| user.id("id")) == Some(bot));
        let (channels, threads) = (data.objects("channels"), data.objects("threads"));
        match own {
            Some(own) => _ = self.views.insert(scope.guild, GuildView::new(bot, data, own, channels)),
            // Without the bot's roles its rights are unknown: the whole guild is requested.
            None => _ = self.views.remove(&scope.guild),
        }
        let structure = self.view(scope).await?.and_then(|view| view.structure(scope, at));
        let threads = self.threads(scope, at, threads).await?;
        Ok(structure.map(|structure| Event::GuildAvailable { structure: Box::new(structure), threads }))
    }

    /// Applies a change of a guild's own data.
    async fn changed(
        &mut self,
        name: &str,
        scope: &GuildScope,
        at: Timestamp,
        mut data: Fields,
    ) -> Result<Option<Event>, GatewayError> {
        let bot = self.client.bot_id().await?;
        let is_own = data.clone().object("user").and_then(|mut user| user.id("id")) == Some(bot);
        if name == "GUILD_MEMBER_UPDATE" && !is_own {
            return Ok(None);
        }
        // A view that is read only now may have the change already: then all channels count as changed.
        let before = self.views.get(&scope.guild).cloned();
        let Some(view) = self.view(scope).await? else { return Ok(None) };
        let mut change = GuildChange::default();
        match name {
            "GUILD_UPDATE" => {
                view.put_guild(data);
                change.name = Some(view.name().to_owned()).filter(|name| !name.is_empty());
                (change.roles, change.emojis, change.stickers) =
                    (view.roles(scope), view.emojis(), view.stickers(scope));
                change.icons = view.icons(scope);
            }
            "GUILD_EMOJIS_UPDATE" => {
                view.put_emojis(&mut data);
                change.emojis = view.emojis();
            }
            "GUILD_STICKERS_UPDATE" => {
                view.put_stickers(&mut data);
                change.stickers = view.stickers(scope);
            }
            "GUILD_MEMBER_UPDATE" => view.put_member(data),
            _ => {
                match (data.object("role"), data.id("role_id")) {
                    (Some(role), _) => view.put_role(role),
                    (None, Some(id)) => view.remove_role(id),
                    (None, None) => return Ok(None),
                }
                change.roles = view.roles(scope);
                change.icons = view.icons(scope);
            }
        }
        change.channels = view.changed_rights(before.as_ref(), scope, at);
        Ok(Some(Event::GuildChanged(Box::new(change))))
    }

    async fn channel(
        &mut self,
        scope: &GuildScope,
        at: Timestamp,
        data: Fields,
    ) -> Result<Option<Event>, GatewayError> {
        let Some(view) = self.view(scope).await? else { return Ok(None) };
        view.put_channel(data.clone());
        Ok(match view.channel(scope, at, data) {
            Some(Shown::Whole(channel)) => Some(Event::ChannelUpserted(channel)),
            Some(Shown::Hidden(id)) => Some(Event::ChannelHidden(id)),
            Some(Shown::Nothing) | None => None,
        })
    }

    async fn thread(
        &mut self,
        scope: &GuildScope,
        at: Timestamp,
        data: Fields,
    ) -> Result<Option<GuildChannel>, GatewayError> {
        let Some(view) = self.view(scope).await? else { return Ok(None) };
        let parent = view.parent_of(scope, at, &data);
        Ok(thread(scope, parent.as_ref(), at, data))
    }

    /// Returns threads ascending by id; unreadable ones are left out.
    async fn threads(
        &mut self,
        scope: &GuildScope,
        at: Timestamp,
        listed: Vec<Fields>,
    ) -> Result<Vec<GuildChannel>, GatewayError> {
        let mut threads = Vec::new();
        for data in listed {
            threads.extend(self.thread(scope, at, data).await?);
        }
        threads.sort_unstable_by_key(|thread| thread.channel.platform_id);
        threads.dedup_by_key(|thread| thread.channel.platform_id);
        Ok(threads)
    }

    /// Returns the view of a guild. A session that this process resumed begins without one; it is then requested.
    async fn view(&mut self, scope: &GuildScope) -> Result<Option<&mut GuildView>, GatewayError> {
        while !self.views.contains_key(&scope.guild) {
            match self.client.read_view(scope, Priority::Live).await {
                Ok((view, _)) => _ = self.views.insert(scope.guild, view),
                Err(error) if error.is_fatal() => return Err(error.into()),
                Err(error) => {
                    let Some(wait) = error.retry_after() else {
                        tracing::warn!(tenant.id = %scope.tenant, %error, "guild of an event unreadable");
                        return Ok(None);
                    };
                    tokio::time::sleep(wait).await;
                }
            }
        }
        Ok(self.views.get_mut(&scope.guild))
    }

    fn unreadable(&self, name: &str) {
        count(&self.counters.unreadable);
        tracing::warn!(name = %event_name(name), "gateway event unreadable");
    }
}

#[cfg(test)]
mod tests {
    use super::WITHOUT_EFFECT;

    #[test]
    fn the_names_are_in_order_for_the_search() {
        assert!(WITHOUT_EFFECT.is_sorted());
    }
}
