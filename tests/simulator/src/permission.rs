//! Discord's permission rules: <https://docs.discord.com/developers/topics/permissions>.

use serde_json::{Value, json};

/// Everything is allowed.
pub const ADMINISTRATOR: u64 = 1 << 3;
/// See who did what.
pub const VIEW_AUDIT_LOG: u64 = 1 << 7;
/// See the channel at all.
pub const VIEW_CHANNEL: u64 = 1 << 10;
/// Write messages.
pub const SEND_MESSAGES: u64 = 1 << 11;
/// Read what was written before.
pub const READ_MESSAGE_HISTORY: u64 = 1 << 16;
/// Enter a voice channel, and read its text.
pub const CONNECT: u64 = 1 << 20;
/// See and edit webhooks.
pub const MANAGE_WEBHOOKS: u64 = 1 << 29;
/// See all private threads.
pub const MANAGE_THREADS: u64 = 1 << 34;
/// Everything that Discord has defined.
pub(crate) const ALL: u64 = (1 << 53) - 1;

/// Whom an overwrite is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    /// Everybody with the role.
    Role,
    /// One member.
    Member,
}

/// What a channel allows and denies to a role or member, over what the guild says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overwrite {
    /// The role's or member's id; the guild's id is everybody.
    pub id: u64,
    /// Which of the two `id` is.
    pub subject: Subject,
    /// Rights that are added.
    pub allow: u64,
    /// Rights that are taken.
    pub deny: u64,
}

impl Overwrite {
    /// Over the rights of a role.
    #[must_use]
    pub const fn role(id: u64, allow: u64, deny: u64) -> Self {
        Self { id, subject: Subject::Role, allow, deny }
    }

    /// The overwrite object.
    pub(crate) fn json(&self) -> Value {
        let kind = u8::from(self.subject == Subject::Member);
        json!({"id": self.id.to_string(), "type": kind, "allow": self.allow.to_string(), "deny": self.deny.to_string()})
    }
}

/// What a member may do in the guild, from the rights of `@everyone` and of each of the member's roles.
pub(crate) fn in_guild(everyone: u64, roles: impl Iterator<Item = u64>) -> u64 {
    let all = roles.fold(everyone, |sum, role| sum | role);
    if all & ADMINISTRATOR == 0 { all } else { ALL }
}

/// What a member may do in a channel.
pub(crate) fn in_channel(base: u64, overwrites: &[Overwrite], guild: u64, member: u64, roles: &[u64]) -> u64 {
    if base & ADMINISTRATOR != 0 {
        return ALL;
    }
    let find = |id, subject| overwrites.iter().find(move |over| over.id == id && over.subject == subject);
    let mut rights = base;
    if let Some(over) = find(guild, Subject::Role) {
        rights = rights & !over.deny | over.allow;
    }
    let own = || roles.iter().filter_map(|role| find(*role, Subject::Role));
    let denied = own().fold(0, |sum, over| sum | over.deny);
    let allowed = own().fold(0, |sum, over| sum | over.allow);
    rights = rights & !denied | allowed;
    if let Some(over) = find(member, Subject::Member) {
        rights = rights & !over.deny | over.allow;
    }
    if rights & VIEW_CHANNEL == 0 { 0 } else { rights }
}

#[cfg(test)]
mod tests;
