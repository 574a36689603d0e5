//! Discord's permission rules: <https://docs.discord.com/developers/topics/permissions>.

use serde_json::{Value, json};

/// The right to do everything.
pub const ADMINISTRATOR: u64 = 1 << 3;
/// The right to see the audit log.
pub const VIEW_AUDIT_LOG: u64 = 1 << 7;
/// The right to see the channel at all.
pub const VIEW_CHANNEL: u64 = 1 << 10;
/// The right to send messages.
pub const SEND_MESSAGES: u64 = 1 << 11;
/// The right to read earlier messages.
pub const READ_MESSAGE_HISTORY: u64 = 1 << 16;
/// The right to enter a voice channel and to read its text.
pub const CONNECT: u64 = 1 << 20;
/// The right to see and edit webhooks.
pub const MANAGE_WEBHOOKS: u64 = 1 << 29;
/// The right to see all private threads.
pub const MANAGE_THREADS: u64 = 1 << 34;
/// Every right that Discord has defined.
pub(crate) const ALL: u64 = (1 << 53) - 1;

/// The target of an overwrite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    /// All members with the role.
    Role,
    /// One member.
    Member,
}

/// The rights that a channel allows and denies to a role or member, in addition to those of the guild.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overwrite {
    /// The role's or member's id; the guild's id stands for `@everyone`.
    pub id: u64,
    /// The kind of `id`.
    pub subject: Subject,
    /// The rights that are added.
    pub allow: u64,
    /// The rights that are removed.
    pub deny: u64,
}

impl Overwrite {
    /// Returns an overwrite of a role's rights.
    #[must_use]
    pub const fn role(id: u64, allow: u64, deny: u64) -> Self {
        Self { id, subject: Subject::Role, allow, deny }
    }

    /// Returns the overwrite object.
    pub(crate) fn json(&self) -> Value {
        let kind = u8::from(self.subject == Subject::Member);
        json!({"id": self.id.to_string(), "type": kind, "allow": self.allow.to_string(), "deny": self.deny.to_string()})
    }
}

/// Returns the rights of a member in the guild, from those of `@everyone` and of each of the member's roles.
pub(crate) fn in_guild(everyone: u64, roles: impl Iterator<Item = u64>) -> u64 {
    let all = roles.fold(everyone, |sum, role| sum | role);
    if all & ADMINISTRATOR == 0 { all } else { ALL }
}

/// Returns the rights of a member in a channel.
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
