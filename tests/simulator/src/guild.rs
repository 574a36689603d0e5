//! The properties of the guild itself: roles, emojis, stickers, webhooks.

use serde_json::{Value, json};

use crate::channel::made_at;
use crate::moment::{GUILD_BORN_MS, iso};
use crate::people::People;
use crate::permission::{
    ADMINISTRATOR, CONNECT, MANAGE_THREADS, MANAGE_WEBHOOKS, READ_MESSAGE_HISTORY, SEND_MESSAGES, VIEW_AUDIT_LOG,
    VIEW_CHANNEL,
};
use crate::random::Draw;
use crate::words;

const GUILD: u64 = 0x6775_696C;

/// One role.
#[derive(Debug, Clone)]
pub(crate) struct Role {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) permissions: u64,
    pub(crate) position: u32,
    pub(crate) color: u32,
    pub(crate) managed: bool,
}

impl Role {
    /// Returns the role object.
    pub(crate) fn json(&self) -> Value {
        json!({
            "id": self.id.to_string(), "name": self.name, "permissions": self.permissions.to_string(),
            "position": self.position, "color": self.color, "hoist": self.position > 3, "managed": self.managed,
            "colors": {"primary_color": self.color, "secondary_color": null, "tertiary_color": null},
            "mentionable": true, "icon": null, "unicode_emoji": null, "flags": 0,
        })
    }
}

/// The hash of the icon of the guild.
const ICON: &str = "7d2f6a0c94be51837f1d0e6b2a9c4853";

/// One emoji of the guild.
#[derive(Debug, Clone)]
pub(crate) struct Emoji {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) animated: bool,
}

/// The guild in its current state.
#[derive(Debug, Clone)]
pub(crate) struct Guild {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) owner_id: u64,
    pub(crate) roles: Vec<Role>,
    pub(crate) emojis: Vec<Emoji>,
    pub(crate) stickers: Vec<(u64, String)>,
    pub(crate) nsfw_level: u8,
}

impl Guild {
    /// Returns the guild of a seed.
    pub(crate) fn new(seed: u64, people: &People) -> Self {
        let mut draw = Draw::of(&[seed, GUILD]);
        let id = made_at(GUILD_BORN_MS, draw.next());
        let open = VIEW_CHANNEL | READ_MESSAGE_HISTORY | CONNECT | SEND_MESSAGES;
        let role = |position: u32, name: &str, permissions, managed, color| Role {
            id: if position == 0 { id } else { made_at(GUILD_BORN_MS + u64::from(position) * 90_000, id >> 3) },
            name: name.to_owned(),
            permissions,
            position,
            color,
            managed,
        };
        let mut roles = vec![
            role(0, "@everyone", open, false, 0),
            role(1, "Archive", VIEW_CHANNEL | READ_MESSAGE_HISTORY, true, 0),
            role(2, "Moderator", ADMINISTRATOR | MANAGE_THREADS | VIEW_AUDIT_LOG | MANAGE_WEBHOOKS, false, 0xE7_4C3C),
        ];
        for position in 3..15 {
            let color = u32::try_from(draw.below(0xFF_FFFF)).expect("24 bits");
            roles.push(role(position, &words::name(&mut draw, " "), u64::from(position % 2) << 11, false, color));
        }
        let emojis = (0..20)
            .map(|number| Emoji {
                id: made_at(GUILD_BORN_MS + 3_600_000 + number * 60_000, id >> 5),
                name: format!("{}_{number}", words::name(&mut draw, "_")),
                animated: number % 5 == 0,
            })
            .collect();
        let stickers = (0..5)
            .map(|number| {
                (made_at(GUILD_BORN_MS + 7_200_000 + number * 60_000, id >> 7), words::name(&mut draw, " wave "))
            })
            .collect();
        Self {
            id,
            name: format!("The {} guild", words::name(&mut draw, " ")),
            owner_id: people.id(0),
            roles,
            emojis,
            stickers,
            nsfw_level: 0,
        }
    }

    /// Returns the role that was created with the bot.
    pub(crate) fn bot_role(&self) -> u64 {
        self.roles[1].id
    }

    /// Returns the webhook that posts into channels, and its id.
    pub(crate) fn webhook_id(&self) -> u64 {
        made_at(GUILD_BORN_MS + 9_000_000, self.id >> 9)
    }

    /// Returns the emoji objects.
    pub(crate) fn emojis_json(&self) -> Value {
        self.emojis
            .iter()
            .map(|emoji| {
                json!({"id": emoji.id.to_string(), "name": emoji.name, "roles": [], "require_colons": true,
                       "managed": false, "animated": emoji.animated, "available": true})
            })
            .collect()
    }

    /// Returns the sticker objects.
    pub(crate) fn stickers_json(&self) -> Value {
        let each = self.stickers.iter().zip([1, 2, 3, 4, 1]).map(|((id, name), format)| {
            json!({"id": id.to_string(), "name": name, "tags": "wave", "type": 2, "format_type": format,
                   "description": null, "available": true, "guild_id": self.id.to_string()})
        });
        each.collect()
    }

    /// Returns the role objects.
    pub(crate) fn roles_json(&self) -> Value {
        self.roles.iter().map(Role::json).collect()
    }

    /// Returns the guild object, without channels and members.
    pub(crate) fn json(&self, members: Option<u64>) -> Value {
        let mut guild = json!({
            "id": self.id.to_string(), "name": self.name, "icon": ICON, "description": "Invented for tests.",
            "home_header": null, "splash": null, "discovery_splash": null, "features": ["COMMUNITY", "NEWS"],
            "banner": null, "owner_id": self.owner_id.to_string(), "application_id": null, "region": "deprecated",
            "afk_channel_id": null, "afk_timeout": 300, "system_channel_id": null, "system_channel_flags": 0,
            "widget_enabled": false, "widget_channel_id": null, "verification_level": 1, "roles": self.roles_json(),
            "default_message_notifications": 1, "mfa_level": 0, "explicit_content_filter": 2, "max_presences": null,
            "max_members": 500_000, "max_stage_video_channel_users": 50, "max_video_channel_users": 25,
            "vanity_url_code": null, "premium_tier": 0, "premium_subscription_count": 0, "preferred_locale": "en-US",
            "rules_channel_id": null, "safety_alerts_channel_id": null, "public_updates_channel_id": null,
            "premium_progress_bar_enabled": false, "nsfw": self.nsfw_level == 1 || self.nsfw_level == 3,
            "nsfw_level": self.nsfw_level, "emojis": self.emojis_json(), "stickers": self.stickers_json(),
            "incidents_data": null, "hub_type": null, "latest_onboarding_question_id": null,
        });
        if let Some(members) = members {
            guild["approximate_member_count"] = json!(members);
            guild["approximate_presence_count"] = json!(members / 4);
        }
        guild
    }

    /// Returns the member object of user `number`.
    pub(crate) fn member_json(&self, people: &People, number: u64) -> Value {
        let mut member = self.member_without_user(people, number);
        member["user"] = people.user(number);
        member
    }

    /// Returns the member object in the form embedded in a message.
    pub(crate) fn member_without_user(&self, people: &People, number: u64) -> Value {
        let mut draw = Draw::of(&[self.id, GUILD, number]);
        let roles: Vec<String> =
            self.roles.iter().skip(3).filter(|_| draw.chance(200)).map(|role| role.id.to_string()).collect();
        json!({
            "avatar": null, "banner": null, "communication_disabled_until": null, "flags": 0,
            "joined_at": iso(people.joined_ms(number) * 1000), "nick": people.nick(number), "pending": false,
            "premium_since": null, "roles": roles, "mute": false, "deaf": false, "avatar_decoration_data": null,
        })
    }
}
