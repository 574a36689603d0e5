//! Permissions: <https://docs.discord.com/developers/topics/permissions>.

use domain::access::{Access, Denied};
use domain::channel::ChannelKind;

use crate::payload::Fields;

/// Everything is allowed.
const ADMINISTRATOR: u64 = 1 << 3;
/// See the channel at all.
pub(crate) const VIEW_CHANNEL: u64 = 1 << 10;
/// Read earlier messages.
pub(crate) const READ_MESSAGE_HISTORY: u64 = 1 << 16;
/// Enter a voice channel, and read its text.
pub(crate) const CONNECT: u64 = 1 << 20;
/// See all private threads.
pub(crate) const MANAGE_THREADS: u64 = 1 << 34;

/// The permissions that a channel allows and denies to a role or member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Overwrite {
    pub(crate) id: u64,
    pub(crate) of_member: bool,
    pub(crate) allow: u64,
    pub(crate) deny: u64,
}

impl Overwrite {
    /// Reads an overwrite object; for invalid permissions, all are denied to its role or member.
    pub(crate) fn read(mut fields: Fields) -> Option<Self> {
        let id = fields.number("id")?;
        let of_member = match fields.any("type") {
            Some(kind) => kind == 1 || kind == "1" || kind == "member",
            None => false,
        };
        let (allow, deny) = (fields.text("allow"), fields.text("deny"));
        let bits = |text: Option<String>| rights(text.as_deref()?);
        let (allow, deny) = bits(allow).zip(bits(deny)).unwrap_or((0, u64::MAX));
        Some(Self { id, of_member, allow, deny })
    }
}

/// Parses a set of permissions, as Discord writes it: a decimal number of any size, of which the low 64 bits have a
/// meaning.
pub(crate) fn rights(text: &str) -> Option<u64> {
    let bits: u128 = text.parse().ok()?;
    u64::try_from(bits & u128::from(u64::MAX)).ok()
}

/// A member whose permissions are computed.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    /// Whether it is the guild's owner, who may do everything.
    pub(crate) owner: bool,
    /// The member's own id; `None` for the public, without any role.
    pub(crate) id: Option<u64>,
    pub(crate) roles: Vec<u64>,
    /// The permissions of the @everyone role and of all the member's roles.
    pub(crate) base: u64,
    /// Whether the member is timed out and may only read.
    pub(crate) timed_out: bool,
}

impl Member {
    /// Returns the public: a member without roles.
    pub(crate) const fn everyone(base: u64) -> Self {
        Self { owner: false, id: None, roles: Vec::new(), base, timed_out: false }
    }

    /// Returns the member's permissions in a channel of `guild` with these overwrites.
    pub(crate) fn rights(&self, guild: u64, overwrites: &[Overwrite]) -> u64 {
        if self.owner || self.base & ADMINISTRATOR != 0 {
            return u64::MAX;
        }
        let find = |id: u64, of_member: bool| overwrites.iter().find(move |o| o.id == id && o.of_member == of_member);
        let mut rights = self.base;
        if let Some(over) = find(guild, false) {
            rights = rights & !over.deny | over.allow;
        }
        let own = || self.roles.iter().filter_map(|role| find(*role, false));
        let denied = own().fold(0, |sum, over| sum | over.deny);
        let allowed = own().fold(0, |sum, over| sum | over.allow);
        rights = rights & !denied | allowed;
        if let Some(over) = self.id.and_then(|id| find(id, true)) {
            rights = rights & !over.deny | over.allow;
        }
        if self.timed_out {
            rights &= VIEW_CHANNEL | READ_MESSAGE_HISTORY;
        }
        // Without the permission to see a channel, the others have no effect.
        if rights & VIEW_CHANNEL == 0 { 0 } else { rights }
    }
}

/// Returns whether these permissions are enough to read a channel of this kind.
pub(crate) const fn access(kind: ChannelKind, rights: u64) -> Access {
    let voice = matches!(kind, ChannelKind::VOICE | ChannelKind::STAGE);
    if rights & VIEW_CHANNEL == 0 {
        Access::Denied(Denied::View)
    } else if rights & READ_MESSAGE_HISTORY == 0 {
        Access::Denied(Denied::History)
    } else if voice && rights & CONNECT == 0 {
        Access::Denied(Denied::Connect)
    } else {
        Access::Readable
    }
}

#[cfg(test)]
mod tests;
