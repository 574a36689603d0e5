//! Stores the channels that files describe, and their visibility.

use std::collections::BTreeSet;

use domain::channel::{Channel, ChannelKind};
use domain::visibility::Visibility;
use ports::error::StoreError;
use ports::store::UnitOfWork;

use super::plan::{Planned, certainty};
use crate::slug::channel_slug;

/// The visibility of the channels of an import, by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Readers {
    /// Channels that the import made public.
    pub published: BTreeSet<String>,
    /// Channels of the files that only the holder of the admin key may read.
    pub private: BTreeSet<String>,
}

impl Readers {
    pub(super) fn extend(&mut self, more: Self) {
        self.published.extend(more.published);
        self.private.extend(more.private);
    }
}

/// The origin of a channel's description.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    /// Its own file.
    Own,
    /// Its own file, which is older than the stored state.
    Older,
    /// The file of a child.
    Hearsay,
}

/// A channel before and after it was stored from a file.
struct StoredChannel {
    before: Option<Channel>,
    after: Channel,
}

/// Stores the channel of a file and its parent.
pub(super) async fn store(
    unit: &mut dyn UnitOfWork,
    planned: &Planned,
    visibility: Option<Visibility>,
) -> Result<Readers, StoreError> {
    let above = match &planned.parent {
        Some(parent) => Some(store_one(unit, parent.clone(), visibility, Word::Hearsay).await?),
        None => None,
    };
    let looked = unit.coverage().find(planned.channel.id).await?.and_then(|coverage| coverage.checked_at);
    let word = if looked.is_some_and(|at| at > planned.described_at) { Word::Older } else { Word::Own };
    let own = store_one(unit, planned.channel.clone(), visibility, word).await?;
    let above = match (above, own.after.parent_id) {
        (None, Some(parent)) => unit
            .channels()
            .find(parent)
            .await?
            .map(|parent| StoredChannel { before: Some(parent.clone()), after: parent }),
        (above, _) => above,
    };
    let (parent_before, parent_after) =
        above.as_ref().map_or((None, None), |above| (above.before.as_ref(), Some(&above.after)));
    let mut readers = Readers::default();
    let public = own.after.is_public(parent_after);
    if !public {
        readers.private.insert(own.after.name.clone());
    } else if !own.before.as_ref().is_some_and(|before| before.is_public(parent_before)) {
        readers.published.insert(own.after.name.clone());
    }
    // A category has nothing to read but its name.
    for parent in above.into_iter().filter(|above| above.after.kind != ChannelKind::CATEGORY) {
        let was_public = parent.before.as_ref().is_some_and(|before| before.is_public(None));
        if parent.after.is_public(None) && !was_public {
            readers.published.insert(parent.after.name);
        }
    }
    Ok(readers)
}

/// Stores a channel as described by `word`: with its existing slug or a free one, and with the fields that only other
/// sources describe.
async fn store_one(
    unit: &mut dyn UnitOfWork,
    described: Channel,
    visibility: Option<Visibility>,
    word: Word,
) -> Result<StoredChannel, StoreError> {
    let before = unit.channels().find(described.id).await?;
    let mut after = match before.clone() {
        Some(stored) if word == Word::Hearsay => {
            // If only its children describe it, they determine its visibility and kind.
            let looked = unit.coverage().find(stored.id).await?.and_then(|coverage| coverage.checked_at);
            let stub = looked.is_none() && is_bare(&stored);
            let surer = stub && certainty(described.kind) > certainty(stored.kind);
            let kind = if surer { described.kind } else { stored.kind };
            let visibility = visibility.filter(|_| stub).unwrap_or(stored.visibility);
            Channel { kind, visibility, ..stored }
        }
        Some(stored) if word == Word::Older => Channel {
            visibility: visibility.unwrap_or(stored.visibility),
            parent_id: stored.parent_id.or(described.parent_id),
            ..stored
        },
        Some(stored) => Channel {
            slug: stored.slug,
            visibility: visibility.unwrap_or(stored.visibility),
            position: stored.position,
            nsfw: stored.nsfw,
            archived: stored.archived,
            locked: stored.locked,
            tags: stored.tags,
            applied_tags: stored.applied_tags,
            parent_id: described.parent_id.or(stored.parent_id),
            stats: stored.stats,
            ..described
        },
        None => Channel { visibility: visibility.unwrap_or(Visibility::Public), ..described },
    };
    let deleted = match &before {
        Some(stored) => unit.coverage().find(stored.id).await?.is_some_and(|coverage| coverage.is_deleted()),
        None => false,
    };
    // A channel that was deleted on the platform is not shown to readers, even if an older export shows it.
    if deleted || after.kind.is_always_private() {
        after.visibility = Visibility::Private;
    }
    after.slug = channel_slug(unit, &after, before.as_ref().map(|before| &before.slug)).await?;
    if before.as_ref() != Some(&after) {
        unit.channels().upsert(&after).await?;
    }
    Ok(StoredChannel { before, after })
}

/// Returns whether only the name and type of a channel are known.
fn is_bare(channel: &Channel) -> bool {
    let unsaid = channel.topic.is_none() && channel.extra.is_none() && channel.tags.is_empty();
    unsaid && channel.position == 0 && !channel.nsfw && channel.stats.message_count == 0
}
