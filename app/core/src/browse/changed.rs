//! The pages of a tenant that changes concern, of those that search engines should list.

use std::collections::{BTreeMap, BTreeSet};

use domain::change::ChangeKind;
use domain::channel::{Channel, ChannelId, ChannelKind};
use domain::coverage::Interval;
use domain::day::{Day, DayCounts, DayStats, PAGE};
use domain::message::MessageId;
use domain::tenant::Tenant;

use super::sitemap::month_at;
use super::{BrowseError, ChannelView, Reading, SitemapPage, is_thin_thread};

/// The number of channels that are read at once.
const BATCH: usize = 100;
/// The number of deleted messages of a day that are examined.
const EXAMINED: u32 = 200;

impl Reading {
    /// Passes the pages of a tenant that changes concern to `visit`, in any order and maybe repeatedly: those that
    /// search engines should list now, and those of days whose messages were all deleted, if they had enough of them to
    /// be listed. Channels that were closed are left out: their names are no longer public.
    ///
    /// # Errors
    /// [`BrowseError::Store`].
    pub async fn changed_pages(
        &mut self,
        tenant: &Tenant,
        kinds: &[ChangeKind],
        mut visit: impl FnMut(SitemapPage<'_>) + Send,
    ) -> Result<(), BrowseError> {
        if kinds.contains(&ChangeKind::Tenant) {
            let month = month_at(tenant.created_at);
            for is_about in [false, true] {
                visit(SitemapPage { channel: None, is_about, day: None, number: 1, month, changed_at: None });
            }
        }
        let mut intervals: BTreeMap<ChannelId, Vec<Interval>> = BTreeMap::new();
        let is_closed =
            |kind: &&ChangeKind| matches!(kind, ChangeKind::ChannelGone { .. } | ChangeKind::ChannelClosed { .. });
        for kind in kinds.iter().filter(|kind| !is_closed(kind)) {
            if let Some(channel) = kind.channel() {
                intervals.entry(channel).or_default().extend(kind.interval());
            }
        }
        let ids: Vec<ChannelId> = intervals.keys().copied().collect();
        for batch in ids.chunks(BATCH) {
            let views = self.views(tenant, batch.iter().copied().collect()).await?;
            for (id, view) in &views {
                let is_listed = view.public && !view.is_age_gated() && view.channel.kind != ChannelKind::CATEGORY;
                if is_listed {
                    self.changed_pages_of(view, &intervals[id], &mut visit).await?;
                }
            }
        }
        Ok(())
    }

    /// Passes the pages of a channel with the messages of `intervals`, and the page of the channel itself.
    async fn changed_pages_of(
        &mut self,
        view: &ChannelView,
        intervals: &[Interval],
        visit: &mut (impl FnMut(SitemapPage<'_>) + Send),
    ) -> Result<(), BrowseError> {
        let channel = &view.channel;
        if channel.kind.is_thread() {
            // The list of posts shows their first message and their activity.
            if let Some(forum) = view.parent.as_ref().filter(|parent| parent.kind.is_forum()) {
                visit(front(forum));
            }
            return self.changed_pages_of_thread(view, intervals, visit).await;
        }
        if self.has_content(view).await? {
            visit(front(channel));
        }
        let (Some(first), Some(last)) = (
            intervals.iter().map(|interval| Day::of(interval.low())).min(),
            intervals.iter().map(|interval| Day::of(interval.high())).max(),
        ) else {
            return Ok(());
        };
        for stats in self.at.days(channel.id, first, last).await? {
            let numbers = if !is_in(stats.day.interval(), intervals) {
                BTreeSet::new()
            } else if stats.counts.messages == 0 {
                if self.was_listed(channel.id, stats.day).await? { BTreeSet::from([1]) } else { BTreeSet::new() }
            } else if stats.counts.is_thin_day() {
                BTreeSet::new()
            } else {
                self.numbers(channel.id, &stats, 0, intervals).await?
            };
            for number in numbers {
                visit(SitemapPage { day: Some(stats.day), number, month: stats.day.month(), ..front(channel) });
            }
        }
        Ok(())
    }

    async fn changed_pages_of_thread(
        &mut self,
        view: &ChannelView,
        intervals: &[Interval],
        visit: &mut (impl FnMut(SitemapPage<'_>) + Send),
    ) -> Result<(), BrowseError> {
        let days = self.all_days(&view.channel).await?;
        let counts = days.iter().fold(DayCounts::default(), |sum, stats| sum.plus(stats.counts));
        if is_thin_thread(view, counts) {
            return Ok(());
        }
        // The title of a thread is on its first page; that of the others changes little.
        let (mut numbers, mut before) = (BTreeSet::new(), 0);
        if intervals.is_empty() {
            numbers.insert(1);
        }
        for stats in days {
            if is_in(stats.day.interval(), intervals) {
                numbers.extend(self.numbers(view.channel.id, &stats, before, intervals).await?);
            }
            before += stats.counts.messages;
        }
        for number in numbers.into_iter().filter(|number| *number <= counts.pages()) {
            visit(SitemapPage { number, ..front(&view.channel) });
        }
        Ok(())
    }

    /// Returns the numbers of the pages that show the messages of `intervals` which are of a day; the pages have
    /// `before` messages of earlier days.
    async fn numbers(
        &mut self,
        channel: ChannelId,
        stats: &DayStats,
        before: u64,
        intervals: &[Interval],
    ) -> Result<BTreeSet<u64>, BrowseError> {
        let (day, first) = (stats.day.interval(), before / PAGE + 1);
        if before % PAGE + stats.counts.messages <= PAGE {
            return Ok(BTreeSet::from([first]));
        }
        let firsts = self.at.page_starts(channel, day, before % PAGE).await?;
        let begun = (before.div_ceil(PAGE) + 1..).zip(firsts).map(|(number, start)| (start, number));
        let pages: Vec<(MessageId, u64)> = std::iter::once((day.low(), first)).chain(begun).collect();
        let ends = pages.iter().skip(1).map(|(next, _)| next.previous()).chain([Some(day.high())]);
        let is_shown = |((low, _), high): &(&(MessageId, u64), Option<MessageId>)| {
            high.and_then(|high| Interval::new(*low, high)).is_some_and(|page| is_in(page, intervals))
        };
        Ok(pages.iter().zip(ends).filter(is_shown).map(|((_, number), _)| *number).collect())
    }

    /// Returns whether a day whose messages were all deleted had as many as one that is listed. How long their texts
    /// were is not known any more.
    async fn was_listed(&mut self, channel: ChannelId, day: Day) -> Result<bool, BrowseError> {
        let interval = day.interval();
        let stored =
            self.at.untraced().await?.messages().list_stored(channel, interval.low().previous(), EXAMINED).await?;
        let of_day = stored.iter().map(|stored| &stored.message).filter(|message| interval.contains(message.id));
        let shown = of_day.filter(|message| message.kind.is_shown());
        let counts = shown.fold(DayCounts::default(), |sum, message| sum.plus(DayCounts::of(message)));
        Ok(!DayCounts { text_bytes: u64::MAX, ..counts }.is_thin_day())
    }
}

/// Returns the page of a channel, or the first one of a thread.
fn front(channel: &Channel) -> SitemapPage<'_> {
    let month = Day::of(channel.platform_id.cast()).month();
    SitemapPage { channel: Some(channel), is_about: false, day: None, number: 1, month, changed_at: None }
}

fn is_in(page: Interval, intervals: &[Interval]) -> bool {
    intervals.iter().any(|interval| interval.overlaps(page))
}
