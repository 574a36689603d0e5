//! The rules by which an observation replaces the stored channel: one place for syncs, imports, copies and events.

use super::{Channel, ChannelKind};
use crate::timestamp::Timestamp;
use crate::visibility::Visibility;

impl Channel {
    /// Returns the channel to store after a source that shows all of a channel showed `self`; `None` if the stored one
    /// stays.
    ///
    /// - An older observation than the stored version changes nothing; of two at the same time, the later to be stored
    ///   wins.
    /// - One that shows no change does not raise the version, so that it costs no write.
    /// - The slug and the stats of the stored channel stay.
    #[must_use]
    pub fn after_observation(&self, stored: Option<&Self>) -> Option<Self> {
        let Some(stored) = stored else { return Some(self.clone()) };
        if self.observed_at < stored.observed_at {
            return None;
        }
        let shown = Self { slug: stored.slug.clone(), stats: stored.stats, ..self.clone() };
        (!shown.is_same(stored)).then_some(shown)
    }

    /// Returns the channel to store after its own export described it as `self`, given the stored channel and the time
    /// at which its messages were last observed. An export does not have all fields of a channel: the others stay. An
    /// older export only adds the parent, if that is unknown.
    #[must_use]
    pub fn after_export(&self, stored: Option<&Self>, messages_observed_at: Option<Timestamp>) -> Self {
        let Some(stored) = stored else { return self.clone() };
        if self.observed_at < stored.observed_at.max(messages_observed_at) {
            return Self { parent_id: stored.parent_id.or(self.parent_id), ..stored.clone() };
        }
        Self {
            slug: stored.slug.clone(),
            visibility: stored.visibility,
            position: stored.position,
            nsfw: stored.nsfw,
            archived: stored.archived,
            locked: stored.locked,
            tags: stored.tags.clone(),
            applied_tags: stored.applied_tags.clone(),
            parent_id: self.parent_id.or(stored.parent_id),
            stats: stored.stats,
            ..self.clone()
        }
    }

    /// Returns the channel to store after the export of a child named it as `self`: its type is taken over only if the
    /// stored channel is a stub, of which nothing else is known, and this type is more certain.
    #[must_use]
    pub fn after_mention(&self, stored: Option<&Self>, is_stub: bool) -> Self {
        let Some(stored) = stored else { return self.clone() };
        let is_surer = is_stub && self.kind.certainty() > stored.kind.certainty();
        Self { kind: if is_surer { self.kind } else { stored.kind }, ..stored.clone() }
    }

    /// Returns the channel to store in another archive, which has `stored`; `None` if that stays: it is the same, or was
    /// observed later.
    #[must_use]
    pub fn after_copy(&self, stored: Option<&Self>) -> Option<Self> {
        let Some(stored) = stored else { return Some(self.clone()) };
        // The stats of an archive change with its own messages and threads.
        let copy = Self { stats: stored.stats, ..self.clone() };
        (copy.observed_at >= stored.observed_at && copy != *stored).then_some(copy)
    }

    /// Returns the channel as readers no longer see it, as of `observed_at`; `None` if it is private already.
    #[must_use]
    pub fn concealed(&self, observed_at: Timestamp) -> Option<Self> {
        let observed_at = self.observed_at.max(Some(observed_at));
        let is_public = self.visibility == Visibility::Public;
        is_public.then(|| Self { visibility: Visibility::Private, observed_at, ..self.clone() })
    }

    /// Returns whether only the name and type of the channel are known.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        let unsaid = self.topic.is_none() && self.extra.is_none() && self.tags.is_empty();
        unsaid && self.position == 0 && !self.nsfw && self.stats.message_count == 0
    }

    /// Returns whether both are the same but for their versions.
    fn is_same(&self, other: &Self) -> bool {
        Self { observed_at: other.observed_at, ..self.clone() } == *other
    }
}

impl ChannelKind {
    /// Returns how certain it is that a channel is of this type if its children describe it: a channel that is not a
    /// thread can only be in a category, and only a forum's post begins with the message that has its id.
    #[must_use]
    pub const fn certainty(self) -> u8 {
        match self {
            Self::CATEGORY => 3,
            Self::FORUM => 2,
            Self::ANNOUNCEMENT => 1,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests;
