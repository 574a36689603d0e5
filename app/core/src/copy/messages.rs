//! Copies the messages of a channel.

use std::collections::HashSet;

use domain::channel::ChannelId;
use domain::coverage::{Interval, Segments};
use domain::message::{MessageId, MessageMark, StoredMessage};
use domain::page::MessagePage;
use ports::error::StoreError;
use ports::store::Store;

use super::{CHANNELS, Copier, CopyError, CopyListener, PAGE};
use crate::portion::in_portions;
use crate::retry::{LOST_RACE, retry};

impl Copier {
    /// Marks deleted those messages of a channel that only the target has, where a later observation of the source
    /// proves their absence.
    pub(super) async fn absent(&self, channel: ChannelId, proven: &Segments) -> Result<(), CopyError> {
        let mut after = None;
        loop {
            let copied = marks(&*self.to, channel, after).await.map_err(CopyError::To)?;
            let Some(last) = copied.last().map(|mark| mark.id) else { return Ok(()) };
            let stored = self.ids(channel, after, last).await?;
            let is_gone = |mark: &&MessageMark| {
                let absent_at = proven.absent_at(mark.id).filter(|at| *at > mark.version.observed_at);
                mark.deletion.is_none() && absent_at.is_some() && !stored.contains(&mark.id)
            };
            let gone: Vec<MessageId> = copied.iter().filter(is_gone).map(|mark| mark.id).collect();
            for some in gone.chunks(CHANNELS as usize) {
                retry(&LOST_RACE, CopyError::is_retryable, || self.mark_absent(channel, some, proven)).await?;
            }
            after = Some(last);
        }
    }

    async fn mark_absent(&self, channel: ChannelId, gone: &[MessageId], proven: &Segments) -> Result<(), CopyError> {
        let mut unit = self.begin().await?;
        for id in gone {
            let Some(absent_at) = proven.absent_at(*id) else { continue };
            let page = MessagePage::new(Some(Interval::only(*id)), absent_at, Vec::new());
            let page = page.expect("a page without messages has them in order");
            unit.messages().replace_interval(channel, &page).await.map_err(CopyError::To)?;
        }
        unit.commit().await.map_err(CopyError::To)
    }

    /// Returns the messages of the source after `after`, up to `last`.
    async fn ids(
        &self,
        channel: ChannelId,
        mut after: Option<MessageId>,
        last: MessageId,
    ) -> Result<HashSet<MessageId>, CopyError> {
        let mut found = HashSet::new();
        loop {
            let stored = marks(&*self.from, channel, after).await.map_err(CopyError::From)?;
            found.extend(stored.iter().map(|mark| mark.id).filter(|id| *id <= last));
            match stored.last().map(|mark| mark.id) {
                Some(reached) if reached < last => after = Some(reached),
                _ => return Ok(found),
            }
        }
    }

    /// Copies the messages of a channel, of which the source's observations prove `proven`; returns those that the
    /// target rejects, and whether the two archives differed.
    pub(super) async fn messages(
        &self,
        channel: ChannelId,
        proven: &Segments,
        copied: &mut u64,
        progress: &dyn CopyListener,
    ) -> Result<(Vec<MessageId>, bool), CopyError> {
        let (mut refused, mut has_new, mut after) = (Vec::new(), false, None);
        let mut compared = Compared::Different;
        loop {
            if compared != Compared::Nothing {
                compared = self.compare(channel, after).await?;
            }
            if let Compared::Same { last, count } = compared {
                after = Some(last);
                *copied += count;
                progress.copied(*copied);
                continue;
            }
            let mut read = self.from.read().await.map_err(CopyError::From)?;
            let page = read.messages().list_stored(channel, after, PAGE).await.map_err(CopyError::From)?;
            drop(read);
            let Some(last) = page.last() else { return Ok((refused, has_new)) };
            (after, has_new) = (Some(last.message.id), true);
            let stored = in_portions(&page[..], CopyError::of_target, |part| {
                retry(&LOST_RACE, CopyError::is_retryable, move || self.store_messages(channel, part, proven))
            });
            refused.extend(stored.await?.refused.into_iter().map(|refusal| refusal.message_id));
            *copied += page.len() as u64;
            progress.copied(*copied);
        }
    }

    /// Compares the next page of the source with that of the target, by their marks.
    async fn compare(&self, channel: ChannelId, after: Option<MessageId>) -> Result<Compared, CopyError> {
        let copied = marks(&*self.to, channel, after).await.map_err(CopyError::To)?;
        if copied.is_empty() {
            return Ok(Compared::Nothing);
        }
        let stored = marks(&*self.from, channel, after).await.map_err(CopyError::From)?;
        let is_same = |mark: &MessageMark| {
            copied.binary_search_by_key(&mark.id, |other| other.id).is_ok_and(|index| copied[index] == *mark)
        };
        Ok(match stored.last() {
            Some(last) if stored.iter().all(is_same) => Compared::Same { last: last.id, count: stored.len() as u64 },
            _ => Compared::Different,
        })
    }

    async fn store_messages(
        &self,
        channel: ChannelId,
        page: &[StoredMessage],
        proven: &Segments,
    ) -> Result<(), CopyError> {
        let mut unit = self.begin().await?;
        unit.messages().restore(channel, page, proven).await.map_err(CopyError::To)?;
        unit.commit().await.map_err(CopyError::To)
    }
}

/// The result of comparing a page of the source with the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compared {
    /// Equal: this many messages, up to this one.
    Same { last: MessageId, count: u64 },
    /// Not equal.
    Different,
    /// The target has no message of the page, nor any after it.
    Nothing,
}

async fn marks(
    store: &dyn Store,
    channel: ChannelId,
    after: Option<MessageId>,
) -> Result<Vec<MessageMark>, StoreError> {
    store.read().await?.messages().list_marks(channel, after, PAGE).await
}
