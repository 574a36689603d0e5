//! The permanent pages of channels: of days, and of threads by number. Each has 200 messages.

use std::sync::Arc;

use domain::channel::Channel;
use domain::coverage::Interval;
use domain::day::{Day, DayCounts, DayStats, Month, PAGE};
use domain::message::MessageId;
use ports::channel::{ThreadFilter, ThreadOrder};
use ports::message::{LISTED_BYTES, size_bytes};
use ports::page::{MessageRange, Page};
use ports::store::Ahead;

use super::messages::Rest;
use super::{After, BrowseError, ChannelView, Find, Messages, Reading, SharedMessage, Threads};

/// [`PAGE`], as a number of rows to read.
const BATCH: u32 = 200;

/// The position of a page among those of a day or thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbered {
    /// Its number, from 1.
    pub number: u64,
    /// The number of all pages, at least 1.
    pub pages: u64,
    /// The counters of the day or thread.
    pub counts: DayCounts,
}

/// The page under which search engines list a message, because it shows the message for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CanonicalPage {
    /// The day, in a channel; `None` in a thread.
    pub day: Option<Day>,
    /// The number of the page.
    pub number: u64,
    /// Whether that page says too little to be listed.
    pub is_thin: bool,
}

/// A day of a channel, as its pages show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayView {
    /// The day.
    pub day: Day,
    /// The page.
    pub page: Numbered,
    /// The nearest days with messages before and after it.
    pub neighbours: (Option<Day>, Option<Day>),
    /// The days of its month that have messages, ascending.
    pub month: Vec<DayStats>,
}

/// The page of a channel itself: its newest messages, and the lists that lead to all others.
#[derive(Debug, Clone)]
pub struct Front {
    /// The newest messages.
    pub messages: Messages,
    /// The months with messages, as [`Reading::months`] returns them.
    pub months: Vec<(Day, u64)>,
    /// The threads with the latest activity.
    pub threads: Vec<ChannelView>,
    /// Whether there are more threads.
    pub has_more_threads: bool,
}

impl Reading {
    /// Returns the page of a channel that is not a thread: its newest `limit` (1..=100) messages, and at most `threads`
    /// threads.
    ///
    /// # Errors
    /// [`BrowseError::Store`].
    pub async fn front(&mut self, of: &ChannelView, limit: u32, threads: u32) -> Result<Front, BrowseError> {
        let channel = &of.channel;
        // A page of the newest messages alone would not be announced.
        let mut others = vec![Ahead::Messages(channel.id, MessageRange::Newest, limit + 1), Ahead::Months(channel.id)];
        let has_threads = channel.stats.thread_count > 0;
        if has_threads {
            let filter = ThreadFilter { order: ThreadOrder::Activity, with_private: false };
            others.push(Ahead::Threads(channel.id, filter, Page { after: None, limit: threads + 1 }));
        }
        let messages = self.messages_beside(of, Find::Newest, limit, others).await?;
        let months = self.months(of).await?;
        let filter = Threads::all(ThreadOrder::Activity);
        let (threads, next) =
            if has_threads { self.bare_threads(of, filter, None, threads).await? } else { (Vec::new(), None) };
        Ok(Front { messages, months, threads, has_more_threads: next.is_some() })
    }

    /// Announces the reads of the first page of a day or thread.
    async fn announce_first(
        &mut self,
        channel: &Channel,
        start: MessageId,
        number: u64,
        mut reads: Vec<Ahead>,
    ) -> Result<(), BrowseError> {
        if number == 1 && !self.with_restricted() {
            reads.push(Ahead::Messages(channel.id, MessageRange::From(start), BATCH + 1));
            let reads = self.at.unanswered(reads);
            self.at.ahead(&reads).await?;
        }
        Ok(())
    }

    /// Returns a page of a day, from 1, with its messages.
    ///
    /// # Errors
    /// [`BrowseError::NotFound`] if the day has no such page, and [`BrowseError::Gone`] if all of its messages were
    /// deleted.
    pub async fn day_page(
        &mut self,
        of: &ChannelView,
        day: Day,
        number: u64,
    ) -> Result<(DayView, Messages), BrowseError> {
        let (first, last) = day.month().days();
        let (start, channel) = (day.interval().low(), of.channel.id);
        let reads = vec![Ahead::Days(channel, first, last), Ahead::Neighbours(channel, day)];
        self.announce_first(&of.channel, start, number, reads).await?;
        let mut month = self.at.days(of.channel.id, first, last).await?;
        let stats = month.iter().find(|stats| stats.day == day).ok_or(NO_DAY)?;
        let page = Numbered { number, pages: stats.counts.pages(), counts: stats.counts };
        if page.counts.messages == 0 {
            return Err(BrowseError::Gone("every message of this day was deleted"));
        }
        let neighbours = self.at.neighbours(of.channel.id, day).await?;
        month.retain(|stats| stats.counts.messages > 0);
        let messages = self.numbered(&of.channel, day.interval(), 0, page).await?.ok_or(NO_DAY)?;
        Ok((DayView { day, page, neighbours, month }, messages))
    }

    /// Returns a page of a thread, from 1, with its messages. The first one exists even without messages.
    ///
    /// # Errors
    /// [`BrowseError::NotFound`] if the thread has no such page.
    pub async fn thread_page(&mut self, of: &ChannelView, number: u64) -> Result<(Numbered, Messages), BrowseError> {
        let (first, last) = (Day::of(MessageId::MIN), Day::of(MessageId::MAX));
        let reads = vec![Ahead::Days(of.channel.id, first, last)];
        self.announce_first(&of.channel, MessageId::MIN, number, reads).await?;
        let days = self.all_days(&of.channel).await?;
        let counts = days.iter().fold(DayCounts::default(), |sum, day| sum.plus(day.counts));
        let page = Numbered { number, pages: counts.pages(), counts };
        // The day in which the page begins, and the number of messages before it.
        let (mut before, start) = (0, number.saturating_sub(1).saturating_mul(PAGE));
        let day = days.iter().find(|day| {
            let is_in = before + day.counts.messages > start;
            before += if is_in { 0 } else { day.counts.messages };
            is_in
        });
        let interval = match day {
            _ if number == 1 => Interval::ALL,
            Some(day) => Interval::new(day.day.interval().low(), MessageId::MAX).ok_or(NO_PAGE)?,
            None => return Err(NO_PAGE),
        };
        let messages = self.numbered(&of.channel, interval, before, page).await?;
        Ok((page, messages.ok_or(NO_PAGE)?))
    }

    /// Returns the page that shows a message of a channel for ever.
    ///
    /// # Errors
    /// [`BrowseError::Store`].
    pub async fn canonical_page(&mut self, of: &ChannelView, id: MessageId) -> Result<CanonicalPage, BrowseError> {
        let (day, channel) = (Day::of(id), &of.channel);
        let is_thread = channel.kind.is_thread();
        let days = if is_thread { self.all_days(channel).await? } else { self.at.days(channel.id, day, day).await? };
        let counts = days.iter().fold(DayCounts::default(), |sum, day| sum.plus(day.counts));
        let before: u64 = days.iter().filter(|stats| stats.day < day).map(|stats| stats.counts.messages).sum();
        let number = if counts.messages <= PAGE {
            1
        } else {
            let starts = self.at.page_starts(channel.id, day.interval(), before % PAGE).await?;
            let begun = starts.iter().filter(|start| **start <= id).count() as u64;
            (before.div_ceil(PAGE) + begun).max(1)
        };
        let is_thin = if is_thread { is_thin_thread(of, counts) } else { counts.is_thin_day() };
        Ok(CanonicalPage { day: (!is_thread).then_some(day), number, is_thin })
    }

    /// Returns the days of a month of a channel that have messages, ascending.
    ///
    /// # Errors
    /// [`BrowseError::Store`].
    pub async fn days(&mut self, of: &ChannelView, month: Month) -> Result<Vec<DayStats>, BrowseError> {
        let (first, last) = month.days();
        let mut days = self.at.days(of.channel.id, first, last).await?;
        days.retain(|stats| stats.counts.messages > 0);
        Ok(days)
    }

    /// Returns the months of a channel that have messages, ascending: the first day of each with messages, and their
    /// number.
    ///
    /// # Errors
    /// [`BrowseError::Store`].
    pub async fn months(&mut self, of: &ChannelView) -> Result<Vec<(Day, u64)>, BrowseError> {
        Ok(self.at.months(of.channel.id).await?)
    }

    pub(super) async fn all_days(&mut self, channel: &Channel) -> Result<Vec<DayStats>, BrowseError> {
        Ok(self.at.days(channel.id, Day::of(MessageId::MIN), Day::of(MessageId::MAX)).await?)
    }

    /// Returns the messages of a page that begins in `interval`, before which come `before` messages; `None` if there is
    /// no such page.
    async fn numbered(
        &mut self,
        channel: &Channel,
        interval: Interval,
        before: u64,
        page: Numbered,
    ) -> Result<Option<Messages>, BrowseError> {
        if page.number == 0 || page.number > page.pages {
            return Ok(None);
        }
        let mut start = interval.low();
        let skipped = page.number - 1 - before.div_ceil(PAGE);
        if page.number > 1 {
            // The starts of a thread's pages are looked for only in the day in which the page begins.
            let within = Interval::new(start, Day::of(start).interval().high()).unwrap_or(interval);
            let starts = self.at.page_starts(channel.id, within, before % PAGE).await?;
            let Some(found) = usize::try_from(skipped).ok().and_then(|index| starts.get(index)) else {
                return Ok(None);
            };
            start = *found;
        }
        let (messages, newer) = self.filled(channel, Interval::new(start, interval.high()).unwrap_or(interval)).await?;
        let newer = newer.map(After::Message);
        self.dressed(channel, messages, None, newer, 0).await.map(Some)
    }

    /// Returns the first messages of an interval, at most [`PAGE`], and the last of them if its bytes end the page early.
    async fn filled(
        &mut self,
        channel: &Channel,
        interval: Interval,
    ) -> Result<(Vec<Arc<SharedMessage>>, Option<MessageId>), BrowseError> {
        let (mut messages, mut bytes) = (Vec::new(), 0);
        let mut next = Some(interval.low());
        while let Some(from) = next.filter(|from| interval.contains(*from)) {
            let room = PAGE.saturating_sub(messages.len() as u64).min(BATCH.into());
            let Some(room) = u32::try_from(room).ok().filter(|room| *room > 0) else { break };
            let (part, rest) = self.part(channel, MessageRange::From(from), room).await?;
            next = match rest {
                Rest::None => None,
                Rest::Beyond => part.last().and_then(|last| last.id.next()),
                Rest::From(examined) => examined.next(),
            };
            bytes += part.iter().map(|message| size_bytes(message)).sum::<usize>();
            let ended = part.last().is_some_and(|last| last.id > interval.high());
            messages.extend(part.into_iter().filter(|message| interval.contains(message.id)));
            if bytes >= LISTED_BYTES && !ended && next.is_some() {
                let last = messages.last().map(|last| last.id);
                return Ok((messages, last));
            }
        }
        Ok((messages, None))
    }
}

/// Returns whether a thread with these counters says too little for a search engine.
#[must_use]
pub fn is_thin_thread(of: &ChannelView, counts: DayCounts) -> bool {
    let is_post = of.parent.as_ref().is_some_and(|parent| parent.kind.is_forum());
    counts.is_thin_thread(!is_post)
}

const NO_DAY: BrowseError = BrowseError::NotFound("day");
const NO_PAGE: BrowseError = BrowseError::NotFound("page");
