//! The authors: users computed from their number.

use serde_json::{Value, json};

use crate::moment::{GUILD_BORN_MS, ms_of};
use crate::random::Draw;
use crate::timeline::Timeline;
use crate::words;

const YEAR_MS: u64 = 31_536_000_000;
const USERS: u64 = 0x7573;

/// All users that the guild ever had. Their ids ascend with their numbers.
#[derive(Debug, Clone)]
pub(crate) struct People {
    seed: u64,
    line: Timeline,
}

impl People {
    /// Returns a set of `count` users.
    pub(crate) fn new(seed: u64, count: u64) -> Self {
        let key = Draw::of(&[seed, USERS]).next();
        Self { seed, line: Timeline::between(key, GUILD_BORN_MS - 3 * YEAR_MS, GUILD_BORN_MS + 5 * YEAR_MS, count) }
    }

    /// Returns the number of users.
    pub(crate) const fn count(&self) -> u64 {
        self.line.count()
    }

    /// Returns the id of user `number`, which wraps around.
    pub(crate) fn id(&self, number: u64) -> u64 {
        self.line.id(number % self.line.count())
    }

    /// Returns the number of the user with this id.
    pub(crate) fn number(&self, id: u64) -> Option<u64> {
        self.line.position(id)
    }

    /// Returns the number of the first user whose id is above `id`.
    pub(crate) fn first_above(&self, id: u64) -> u64 {
        self.line.rank(id.saturating_add(1))
    }

    /// Returns whether user `number` is still in the guild.
    pub(crate) fn is_member(&self, number: u64) -> bool {
        number == 0 || Draw::of(&[self.seed, USERS, number, 1]).below(7) != 0
    }

    /// Returns whether user `number` is a bot.
    const fn is_bot(number: u64) -> bool {
        number % 40 == 3
    }

    /// Returns the user object.
    pub(crate) fn user(&self, number: u64) -> Value {
        let number = number % self.line.count();
        let mut draw = Draw::of(&[self.seed, USERS, number, 2]);
        let bot = Self::is_bot(number);
        let deleted = !bot && number % 23 == 5;
        let base = words::name(&mut draw, "");
        let username =
            if deleted { format!("deleted_user_{}", draw.hex(12)) } else { format!("{base}.{number}{}", draw.hex(4)) };
        let global_name = (!deleted && draw.chance(700)).then(|| format!("{} {}", words::name(&mut draw, " "), number));
        let avatar = (!deleted && draw.chance(650)).then(|| draw.hex(32));
        let clan = (!deleted && draw.chance(30)).then(|| {
            json!({"identity_guild_id": self.id(number + 1).to_string(), "identity_enabled": true, "tag": "OTTR",
                   "badge": draw.hex(32)})
        });
        let mut user = json!({
            "id": self.id(number).to_string(), "username": username, "global_name": global_name, "avatar": avatar,
            "discriminator": if bot { format!("{:04}", 1 + draw.below(9999)) } else { "0".to_owned() },
            "public_flags": if draw.chance(50) { 64 } else { 0 }, "flags": 0, "banner": null, "accent_color": null,
            "avatar_decoration_data": null, "collectibles": null, "primary_guild": clan, "clan": clan,
        });
        if bot {
            user["bot"] = json!(true);
        }
        user
    }

    /// Returns the nickname of user `number` in the guild.
    pub(crate) fn nick(&self, number: u64) -> Option<String> {
        let mut draw = Draw::of(&[self.seed, USERS, number, 3]);
        draw.chance(250).then(|| words::name(&mut draw, "-"))
    }

    /// Returns the time at which user `number` joined, in milliseconds.
    pub(crate) fn joined_ms(&self, number: u64) -> u64 {
        ms_of(self.id(number)).max(GUILD_BORN_MS) + Draw::of(&[self.seed, USERS, number, 4]).below(YEAR_MS)
    }
}

/// Returns the user object of the bot whose token the client uses.
pub(crate) fn bot_user(id: u64) -> Value {
    json!({
        "id": id.to_string(), "username": "archive-keeper", "global_name": null, "avatar": null,
        "discriminator": "4821", "public_flags": 0, "flags": 0, "bot": true, "banner": null, "accent_color": null,
        "avatar_decoration_data": null, "collectibles": null, "primary_guild": null, "clan": null,
    })
}

/// Returns the same object as the bot itself sees it.
pub(crate) fn own_user(id: u64) -> Value {
    let mut user = bot_user(id);
    user["mfa_enabled"] = json!(true);
    user["locale"] = json!("en-US");
    user["verified"] = json!(true);
    user["email"] = Value::Null;
    user
}

/// Returns the user object of a user who is not among the generated ones.
pub(crate) fn deleted_user(id: u64) -> Value {
    let mut user = bot_user(id);
    user["username"] = json!(format!("deleted_user_{id:x}"));
    user["discriminator"] = json!("0");
    user["bot"] = json!(false);
    user
}
