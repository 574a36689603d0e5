//! Lists of channels, in tree order.

use std::collections::HashMap;
use std::sync::Arc;

use domain::channel::{Channel, ChannelId, ChannelKind};
use domain::tenant::Tenant;
use ports::channel::{ChannelCursor, ThreadCursor, ThreadOrder};
use ports::page::Page;

use super::{Audience, BrowseError, ChannelView, Reading, Threads};

/// The maximum number of channels that are sorted as a tree: twice the number that Discord allows in a guild.
pub const MAX_TREE: usize = 1_000;

/// The number of channels and threads that are read at once.
const BATCH: u32 = 100;

/// The number of batches that are searched for one page, so that a filter with few matches costs no more.
const ROUNDS: u32 = 10;

/// The filter of a list of channels.
#[derive(Debug, Clone, Copy, Default)]
pub struct ChannelFilter<'a> {
    /// Only the direct children of this channel, its threads included; `None` for the channels of a community without
    /// threads.
    pub parent: Option<&'a ChannelView>,
    /// Only channels of this type.
    pub kind: Option<ChannelKind>,
}

impl ChannelFilter<'_> {
    fn selects(&self, channel: &Channel) -> bool {
        self.kind.is_none_or(|kind| channel.kind == kind)
            && self.parent.is_none_or(|parent| channel.parent_id == Some(parent.channel.id))
    }

    fn selects_threads(&self) -> bool {
        self.parent.is_some() && self.kind.is_none_or(ChannelKind::is_thread)
    }
}

/// A page of channels.
#[derive(Debug, Clone)]
pub struct ChannelPage {
    /// The channels.
    pub channels: Vec<ChannelView>,
    /// The channel after which the next page begins.
    pub next: Option<ChannelId>,
}

/// The channels that are sorted as a tree.
struct Tree {
    views: Vec<ChannelView>,
    /// The position after which the other channels begin; `None` if there are none.
    rest: Option<ChannelCursor>,
}

impl Reading {
    /// Returns the channels of a tenant, except threads, that this client may read, in tree order: by position, then
    /// id, each followed by its children; of a tenant with more than [`MAX_TREE`], the first ones by position. They have no
    /// counts.
    ///
    /// # Errors
    /// [`BrowseError::Store`].
    pub async fn channels(&mut self, tenant: &Tenant) -> Result<Arc<[ChannelView]>, BrowseError> {
        match self.structure(tenant.id) {
            Some(structure) => Ok(Arc::clone(&structure.views)),
            None => Ok(self.tree(tenant).await?.views.into()),
        }
    }

    /// Returns channels that this client may read and that the filter selects, at most `limit` after `after`: those of
    /// the tree, then the others by position and id, then threads, the oldest first. A page of fewer than `limit` need
    /// not be the last.
    ///
    /// # Errors
    /// [`BrowseError::Store`].
    pub async fn channel_page(
        &mut self,
        tenant: &Tenant,
        filter: ChannelFilter<'_>,
        after: Option<&ChannelView>,
        limit: usize,
    ) -> Result<ChannelPage, BrowseError> {
        let tree = self.tree(tenant).await?;
        let (mut rest, mut threads) = (tree.rest, None);
        let mut start = 0;
        if let Some(ChannelView { channel, .. }) = after {
            let index = tree.views.iter().position(|view| view.channel.id == channel.id);
            start = index.map_or(tree.views.len(), |index| index + 1);
            if channel.kind.is_thread() {
                (rest, threads) = (None, Some(ThreadCursor::from(channel)));
            } else if index.is_none() {
                rest = Some(ChannelCursor::from(channel));
            }
        }
        let mut found: Vec<ChannelView> = tree.views.into_iter().skip(start).collect();
        found.retain(|view| filter.selects(&view.channel));
        let mut next = None;
        let mut rounds = 0..ROUNDS;
        while let Some(position) = rest.filter(|_| found.len() <= limit) {
            if rounds.next().is_none() {
                return Ok(cut(found, limit, next));
            }
            let (views, left) = self.flat(tenant, position).await?;
            next = views.last().map(|view| view.channel.id).or(next);
            found.extend(views.into_iter().filter(|view| filter.selects(&view.channel)));
            rest = left;
        }
        let Some(parent) = filter.parent.filter(|_| filter.selects_threads()) else {
            return Ok(cut(found, limit, None));
        };
        while found.len() <= limit {
            if rounds.next().is_none() {
                return Ok(cut(found, limit, next));
            }
            let (views, left) = self.bare_threads(parent, OLDEST_FIRST, threads, BATCH).await?;
            next = views.last().map(|view| view.channel.id).or(next);
            found.extend(views.into_iter().filter(|view| filter.selects(&view.channel)));
            threads = left;
            if threads.is_none() {
                break;
            }
        }
        Ok(cut(found, limit, None))
    }

    async fn tree(&mut self, tenant: &Tenant) -> Result<Tree, BrowseError> {
        let (mut channels, mut rest) = (Vec::new(), None);
        while channels.len() < MAX_TREE {
            let (page, left) = self.flat_page(tenant, rest).await?;
            channels.extend(page);
            rest = left;
            if rest.is_none() {
                break;
            }
        }
        Ok(Tree { views: sorted(&channels), rest })
    }

    /// Returns the channels after a position, by position and id, and the position at which they end if more follow.
    async fn flat(
        &mut self,
        tenant: &Tenant,
        after: ChannelCursor,
    ) -> Result<(Vec<ChannelView>, Option<ChannelCursor>), BrowseError> {
        let (channels, left) = self.flat_page(tenant, Some(after)).await?;
        let mut ids: Vec<_> = channels.iter().filter_map(|channel| channel.parent_id).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut parents = if ids.is_empty() { Vec::new() } else { self.at.channels(&ids).await? };
        parents.retain(|parent| self.audience == Audience::Admin || parent.is_public(None));
        let parent_of = |channel: &Channel| parents.iter().find(|parent| Some(parent.id) == channel.parent_id);
        let view = |channel: Channel| ChannelView {
            parent: parent_of(&channel).cloned(),
            public: channel.is_public(None),
            channel,
        };
        Ok((channels.into_iter().map(view).collect(), left))
    }

    async fn flat_page(
        &mut self,
        tenant: &Tenant,
        after: Option<ChannelCursor>,
    ) -> Result<(Vec<Channel>, Option<ChannelCursor>), BrowseError> {
        let with_private = self.audience == Audience::Admin;
        let mut page = self.at.list_channels(tenant.id, with_private, Page { after, limit: BATCH }).await?;
        let left = page.last().filter(|_| page.len() == BATCH as usize).map(ChannelCursor::from);
        page.retain(|channel| with_private || channel.is_public(None));
        Ok((page, left))
    }
}

const OLDEST_FIRST: Threads<'_> = Threads::all(ThreadOrder::Oldest);

/// Cuts a page to `limit` channels; `next` is the last channel that was examined, if more follow.
fn cut(mut channels: Vec<ChannelView>, limit: usize, next: Option<ChannelId>) -> ChannelPage {
    if channels.len() <= limit {
        return ChannelPage { channels, next };
    }
    channels.truncate(limit);
    let next = channels.last().map(|view| view.channel.id);
    ChannelPage { channels, next }
}

/// Sorts channels, given by position and then id, so that each comes after its parent.
pub(super) fn sorted(channels: &[Channel]) -> Vec<ChannelView> {
    let known: HashMap<ChannelId, &Channel> = channels.iter().map(|channel| (channel.id, channel)).collect();
    let parent_of = |channel: &Channel| channel.parent_id.and_then(|id| known.get(&id).copied());
    let mut children: HashMap<Option<ChannelId>, Vec<&Channel>> = HashMap::new();
    for channel in channels {
        children.entry(parent_of(channel).map(|parent| parent.id)).or_default().push(channel);
    }
    let mut views = Vec::with_capacity(channels.len());
    let mut waiting: Vec<&Channel> = children.remove(&None).unwrap_or_default();
    waiting.reverse();
    while let Some(channel) = waiting.pop() {
        views.push(ChannelView {
            channel: channel.clone(),
            parent: parent_of(channel).cloned(),
            public: channel.is_public(None),
        });
        waiting.extend(children.remove(&Some(channel.id)).unwrap_or_default().into_iter().rev());
    }
    // Parents in a circle have no root; the remaining channels come last, unsorted.
    let mut rest: Vec<_> = children.into_values().flatten().collect();
    rest.sort_unstable_by_key(|channel| (channel.position, channel.platform_id));
    views.extend(rest.into_iter().map(|channel| ChannelView {
        channel: channel.clone(),
        parent: parent_of(channel).cloned(),
        public: channel.is_public(None),
    }));
    views
}
