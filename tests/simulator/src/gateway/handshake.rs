//! The payloads that a client may send, and the responses.

use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

use super::hub::Admission;
use super::session::{Disturbance, Out};
use crate::event::{guild_create, intent};
use crate::people::own_user;
use crate::simulator::Shared;
use crate::world::{GUILD_MEMBERS_LIMITED, MESSAGE_CONTENT_LIMITED};

/// The connection that sent the payload.
pub(super) struct Peer {
    pub(super) number: u64,
    pub(super) link: UnboundedSender<Out>,
    pub(super) identified: bool,
    last_members_ms: Option<u64>,
}

/// Close codes: <https://docs.discord.com/developers/topics/opcodes-and-status-codes#gateway-gateway-close-event-codes>.
type Close = (u16, &'static str);

const BAD_TOKEN: Close = (4004, "Authentication failed.");

impl Peer {
    pub(super) const fn new(number: u64, link: UnboundedSender<Out>) -> Self {
        Self { number, link, identified: false, last_members_ms: None }
    }

    fn say(&self, payload: &Value) {
        // The receiver is dropped with the connection; the payload is then discarded.
        let _ = self.link.send(Out::Send(payload.to_string()));
    }

    /// Handles one payload from the client; an error closes the connection.
    pub(super) fn take(&mut self, shared: &Shared, text: &str) -> Result<(), Close> {
        if text.len() > 4096 {
            return Err((4002, "Payload too large"));
        }
        let payload: Value = serde_json::from_str(text).map_err(|_| (4002, "Error while decoding payload."))?;
        let data = &payload["d"];
        match payload["op"].as_u64() {
            Some(1) => {
                if !shared.hub().no_ack {
                    self.say(&json!({"op": 11}));
                }
                Ok(())
            }
            Some(2 | 6) if self.identified => Err((4005, "Already authenticated.")),
            Some(2) => self.identify(shared, data),
            Some(6) => self.resume(shared, data),
            Some(3 | 4 | 8 | 31 | 43) if !self.identified => Err((4003, "Not authenticated.")),
            Some(8) => {
                self.members(shared, data);
                Ok(())
            }
            Some(3 | 4 | 31 | 43) => Ok(()),
            _ => Err((4001, "Unknown opcode")),
        }
    }

    fn identify(&mut self, shared: &Shared, data: &Value) -> Result<(), Close> {
        let world = shared.world();
        if !is_token(&world.bot.token, data) || world.bot.token_revoked {
            return Err(BAD_TOKEN);
        }
        let intents = data["intents"].as_u64().and_then(|bits| u32::try_from(bits).ok());
        let intents = intents.filter(|bits| bits & !intent::ALL == 0).ok_or((4013, "Invalid intent(s)."))?;
        let privileged = [
            (intent::GUILD_MEMBERS, GUILD_MEMBERS_LIMITED),
            (intent::MESSAGE_CONTENT, MESSAGE_CONTENT_LIMITED),
            (intent::GUILD_PRESENCES, 0),
        ];
        if privileged.iter().any(|(bit, flag)| intents & bit != 0 && world.bot.flags & (flag | flag >> 1) == 0) {
            return Err((4014, "Disallowed intent(s)."));
        }
        let part = match &data["shard"] {
            Value::Null => (0, 1),
            given => match (given[0].as_u64(), given[1].as_u64()) {
                (Some(index), Some(count)) if index < count => (index, count),
                _ => return Err((4010, "Invalid shard")),
            },
        };
        let now_ms = shared.now_ms();
        let limited = shared.limiter().limits().enabled;
        let mut hub = shared.hub();
        match hub.admit(now_ms, limited) {
            Admission::Granted => {}
            Admission::TooSoon => {
                self.say(&json!({"op": 9, "d": false}));
                return Ok(());
            }
            Admission::BudgetSpent => {
                drop((hub, world));
                shared.world_mut().bot.token_revoked = true;
                return Err(BAD_TOKEN);
            }
        }
        self.identified = true;
        let padding = hub.guild_padding;
        let session = hub.open((self.number, self.link.clone()), intents, part);
        let here = (world.guild.id >> 22) % part.1 == part.0 && !world.removed;
        let guilds = if here { json!([{"id": world.guild.id.to_string(), "unavailable": true}]) } else { json!([]) };
        let ready = json!({
            "v": 10, "user": own_user(world.bot.id), "guilds": guilds, "session_id": session.id,
            "resume_gateway_url": format!("ws://{}", shared.address), "shard": [part.0, part.1],
            "application": {"id": world.bot.application_id.to_string(), "flags": world.bot.flags},
            "session_type": "normal", "private_channels": [], "presences": [], "relationships": [],
            "user_settings": {}, "guild_join_requests": [], "geo_ordered_rtc_regions": [], "_trace": [],
        });
        session.dispatch("READY", &ready, &Disturbance::default());
        if here && !world.guild_unavailable && intents & intent::GUILDS != 0 {
            let mut guild = guild_create(&world);
            if padding > 0 {
                guild["padding"] = json!("x".repeat(padding));
            }
            session.dispatch("GUILD_CREATE", &guild, &Disturbance::default());
        }
        Ok(())
    }

    fn resume(&mut self, shared: &Shared, data: &Value) -> Result<(), Close> {
        let world = shared.world();
        if !is_token(&world.bot.token, data) || world.bot.token_revoked {
            return Err(BAD_TOKEN);
        }
        let (Some(id), Some(seq)) = (data["session_id"].as_str(), data["seq"].as_u64()) else {
            return Err((4002, "Error while decoding payload."));
        };
        let resumed = shared.hub().resume(id, seq, (self.number, self.link.clone()), shared.now_ms());
        match resumed {
            Ok(()) => self.identified = true,
            Err(None) => self.say(&json!({"op": 9, "d": false})),
            Err(Some(close)) => return Err(close),
        }
        Ok(())
    }

    /// Op 8: members in chunks of a thousand; a request for all of them is allowed once in half a minute.
    fn members(&mut self, shared: &Shared, data: &Value) {
        let world = shared.world();
        let now_ms = shared.now_ms();
        let everyone = data["query"] == "" && data["limit"].as_u64().unwrap_or(0) == 0;
        let mut hub = shared.hub();
        let Some(session) = hub.session_of(self.number) else { return };
        if everyone && self.last_members_ms.is_some_and(|last| last + 30_000 > now_ms) {
            let limit = json!({"opcode": 8, "retry_after": 30.0, "meta": {"guild_id": data["guild_id"],
                               "nonce": data["nonce"]}});
            return session.dispatch("RATE_LIMITED", &limit, &Disturbance::default());
        }
        let wanted: Vec<&Value> = match &data["user_ids"] {
            Value::Array(ids) => ids.iter().collect(),
            Value::Null => Vec::new(),
            one => vec![one],
        };
        let named = wanted.iter().filter_map(|id| world.people.number(id.as_str()?.parse().ok()?));
        let numbers: Vec<u64> = if everyone && session.intents & intent::GUILD_MEMBERS != 0 {
            self.last_members_ms = Some(now_ms);
            (0..world.people.count()).filter(|number| world.people.is_member(*number)).collect()
        } else {
            named.filter(|number| world.people.is_member(*number)).collect()
        };
        let chunks = numbers.len().div_ceil(1000).max(1);
        for index in 0..chunks {
            let part = numbers.iter().skip(index * 1000).take(1000);
            let members: Vec<Value> = part.map(|number| world.guild.member_json(&world.people, *number)).collect();
            let chunk = json!({"guild_id": world.guild.id.to_string(), "members": members, "chunk_index": index,
                               "chunk_count": chunks, "not_found": [], "nonce": data["nonce"]});
            session.dispatch("GUILD_MEMBERS_CHUNK", &chunk, &Disturbance::default());
        }
    }
}

/// Returns whether a payload has this token, with or without its scheme.
fn is_token(token: &str, data: &Value) -> bool {
    let given = data["token"].as_str().unwrap_or_default();
    given.strip_prefix("Bot ").unwrap_or(given) == token
}
