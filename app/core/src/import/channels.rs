//! Stores the channels that files describe, and their visibility.

use std::collections::BTreeSet;

use domain::channel::{Channel, ChannelKind};
use domain::visibility::Visibility;
use ports::error::StoreError;
use ports::store::UnitOfWork;

use super::plan::Planned;
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
enum Origin {
    /// Its own file.
    Own,
    /// The file of a child.
    Child,
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
        Some(parent) => Some(store_one(unit, parent, visibility, Origin::Child).await?),
        None => None,
    };
    let own = store_one(unit, &planned.channel, visibility, Origin::Own).await?;
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

/// Stores a channel as an export describes it, with its existing slug or a free one, and with the `visibility` that the
/// operator gave, if any.
async fn store_one(
    unit: &mut dyn UnitOfWork,
    described: &Channel,
    visibility: Option<Visibility>,
    origin: Origin,
) -> Result<StoredChannel, StoreError> {
    let before = unit.channels().find(described.id).await?;
    let coverage = match &before {
        Some(stored) => unit.coverage().find(stored.id).await?,
        None => None,
    };
    let messages_observed_at = coverage.as_ref().and_then(|coverage| coverage.checked_at);
    // If only its children describe a channel, they determine its visibility and type.
    let is_stub = before.as_ref().is_none_or(|stored| messages_observed_at.is_none() && stored.is_bare());
    let mut after = match origin {
        Origin::Own => described.after_export(before.as_ref(), messages_observed_at),
        Origin::Child => described.after_mention(before.as_ref(), is_stub),
    };
    if let Some(given) = visibility.filter(|_| origin == Origin::Own || is_stub) {
        after.visibility = given;
    } else if before.is_none() {
        after.visibility = Visibility::Public;
    }
    // A channel that was deleted on the platform is not shown to readers, even if an older export shows it.
    if coverage.is_some_and(|coverage| coverage.is_deleted()) || after.kind.is_always_private() {
        after.visibility = Visibility::Private;
    }
    after.slug = channel_slug(unit, &after, before.as_ref().map(|before| &before.slug)).await?;
    if before.as_ref() != Some(&after) {
        unit.channels().upsert(&after).await?;
    }
    Ok(StoredChannel { before, after })
}
