//! The pages of a tenant that search engines should list, by month, made from the counters of days.

use domain::channel::{Channel, ChannelKind};
use domain::day::{Day, Month};
use domain::message::MessageId;
use domain::tenant::Tenant;
use domain::timestamp::Timestamp;
use ports::channel::{ThreadCursor, ThreadOrder};

use super::{BrowseError, ChannelView, Reading, Threads, is_thin_thread};

/// The number of threads that are read at once.
const BATCH: u32 = 100;

/// A page that search engines should list.
#[derive(Debug, Clone, Copy)]
pub struct SitemapPage<'a> {
    /// Its channel or thread; `None` for a page of the tenant itself.
    pub channel: Option<&'a Channel>,
    /// Whether it is the page about the tenant's archive.
    pub is_about: bool,
    /// The day that it shows.
    pub day: Option<Day>,
    /// Its number among the pages of the day or thread, from 1.
    pub number: u64,
    /// The month under which it is listed: that of the day, or that in which the thread, channel or tenant was created. So
    /// the list of a past month changes only with its pages.
    pub month: Month,
    /// When it changed; `None` if that is not known: several pages of a day or thread share their counters, and the pages
    /// of channels change with everything that they lead to.
    pub changed_at: Option<Timestamp>,
}

impl Reading {
    /// Passes the pages of a tenant that search engines should list to `visit`, all of them or those of one month, in a
    /// stable order. Pages that say too little, and those of age-gated channels, are left out.
    ///
    /// # Errors
    /// [`BrowseError::Store`].
    pub async fn sitemap(
        &mut self,
        tenant: &Tenant,
        month: Option<Month>,
        mut visit: impl FnMut(SitemapPage<'_>) + Send,
    ) -> Result<(), BrowseError> {
        let is_wanted = |of: Month| month.is_none_or(|month| month == of);
        let created = month_at(tenant.created_at);
        if is_wanted(created) {
            for is_about in [false, true] {
                let (channel, changed_at) = (None, None);
                visit(SitemapPage { channel, is_about, day: None, number: 1, month: created, changed_at });
            }
        }
        let views = self.channels(tenant).await?;
        let (first, last) = month.map_or_else(|| (Day::of(MessageId::MIN), Day::of(MessageId::MAX)), Month::days);
        for view in views.iter().filter(|view| view.channel.kind != ChannelKind::CATEGORY && !view.is_age_gated()) {
            let channel = &view.channel;
            let created = Day::of(channel.platform_id.cast()).month();
            let front = SitemapPage {
                channel: Some(channel),
                is_about: false,
                day: None,
                number: 1,
                month: created,
                changed_at: None,
            };
            let is_listed = is_wanted(created) && self.has_content(view).await?;
            if is_listed {
                visit(front);
            }
            if !channel.kind.is_forum() {
                for stats in self.at.days(channel.id, first, last).await? {
                    let pages = stats.counts.pages();
                    for number in (1..=pages).filter(|_| !stats.counts.is_thin_day()) {
                        let (day, month) = (Some(stats.day), stats.day.month());
                        let changed_at = Some(stats.changed_at).filter(|_| pages == 1);
                        visit(SitemapPage { day, number, month, changed_at, ..front });
                    }
                }
            }
            self.thread_pages(view, month, &mut visit).await?;
        }
        Ok(())
    }

    /// Returns whether the page of a channel shows anything.
    pub(super) async fn has_content(&mut self, view: &ChannelView) -> Result<bool, BrowseError> {
        if view.channel.kind.is_forum() {
            return Ok(view.channel.stats.thread_count > 0);
        }
        Ok(!self.months(view).await?.is_empty())
    }

    async fn thread_pages(
        &mut self,
        parent: &ChannelView,
        month: Option<Month>,
        visit: &mut (impl FnMut(SitemapPage<'_>) + Send),
    ) -> Result<(), BrowseError> {
        if parent.channel.stats.thread_count == 0 {
            return Ok(());
        }
        // The oldest first: from the start of the month on.
        let start = month.and_then(|month| month.interval().low().previous());
        let mut after = start.map(|id| ThreadCursor { active_at: id.created_at(), platform_id: id.cast() });
        let filter = Threads::all(ThreadOrder::Oldest);
        loop {
            let (threads, next) = self.bare_threads(parent, filter, after, BATCH).await?;
            let ids: Vec<_> = threads.iter().map(|thread| thread.channel.id).collect();
            let totals = self.at.day_totals(&ids).await?;
            for view in threads.iter().filter(|view| view.public && !view.is_age_gated()) {
                let created = Day::of(view.channel.platform_id.cast()).month();
                if month.is_some_and(|month| created > month) {
                    return Ok(());
                }
                let Some(totals) = totals.iter().find(|totals| totals.channel == view.channel.id) else { continue };
                let pages = totals.counts.pages();
                for number in (1..=pages).filter(|_| !is_thin_thread(view, totals.counts)) {
                    let changed_at = Some(totals.changed_at).filter(|_| pages == 1);
                    let channel = Some(&view.channel);
                    visit(SitemapPage { channel, is_about: false, day: None, number, month: created, changed_at });
                }
            }
            after = next;
            if after.is_none() {
                return Ok(());
            }
        }
    }
}

/// Returns the month of a time; the first one that a message can have for an earlier time.
pub(super) fn month_at(time: Timestamp) -> Month {
    Day::of(MessageId::first_at(time)).month()
}
