//! A snapshot that records what is read of it. Reads go through it alone, so that none is forgotten.

mod segments;

use std::sync::Arc;

use domain::channel::{Channel, ChannelId};
use domain::coverage::Interval;
use domain::day::{Day, DayStats};
use domain::guild::{GuildItems, Role, RoleId};
use domain::media::File;
use domain::message::{Message, MessageId, StoredMessage};
use domain::picture::{Picture, PictureKey};
use domain::slug::{ChannelSlug, TenantSlug};
use domain::tenant::{Tenant, TenantId, TenantStatus};
use ports::channel::{ChannelCursor, ThreadCursor, ThreadFilter};
use ports::day::ChannelTotals;
use ports::error::StoreError;
use ports::page::{MessageRange, Page};
use ports::store::{Ahead, Repositories, Store};

use super::ChannelView;
use super::memory::need_store;
use super::reads::{Part, Recorder, Topic, whole};
use super::shared::{SharedMessage, listed};
use super::structure::{Structure, guild_icon, with_icon};
use segments::{LEAST, SharedList};

pub(super) use self::segments::Segments;

/// The mark of a time that pages show as the distance from now, as messages write it.
const RELATIVE: &str = ":R>";

/// A snapshot of the archive.
pub(super) struct Snapshot {
    state: State,
    recorder: Option<Recorder>,
    /// The segments that this snapshot may use, and the position of their changes before it was opened.
    segments: Option<(Arc<Segments>, u64)>,
}

/// The store of a snapshot, which is opened by the first read that is not answered from memory.
enum State {
    Closed(Arc<dyn Store>),
    Open(Box<dyn Repositories>),
}

impl Snapshot {
    pub(super) fn new(
        store: Arc<dyn Store>,
        recorder: Option<Recorder>,
        segments: Option<(Arc<Segments>, u64)>,
    ) -> Self {
        Self { state: State::Closed(store), recorder, segments }
    }

    /// Returns the snapshot of the store.
    async fn at(&mut self) -> Result<&mut dyn Repositories, StoreError> {
        if let State::Closed(store) = &self.state {
            need_store().await;
            self.state = State::Open(store.read().await?);
        }
        match &mut self.state {
            State::Open(at) => Ok(&mut **at),
            State::Closed(_) => unreachable!("it was opened above"),
        }
    }

    /// Records that a response depends on parts of the archive.
    pub(super) fn record(&self, parts: impl IntoIterator<Item = Part>) {
        if let Some(recorder) = &self.recorder {
            recorder.add(parts);
        }
    }

    /// Loads the structure of the active tenant with this slug; `None` without one, or if it cannot be shared.
    pub(super) async fn structure(&mut self, slug: &TenantSlug) -> Result<Option<Structure>, StoreError> {
        let found = self.at().await?.tenants().find_by_slug(slug).await?;
        let is_served = |tenant: &Tenant| tenant.status == TenantStatus::Active && tenant.deleting_since.is_none();
        match found.filter(is_served) {
            Some(tenant) => Structure::load(self.at().await?, tenant).await,
            None => Ok(None),
        }
    }

    /// Records that a response shows a part of a structure. A change to the channels of a tenant that makes no difference
    /// to the shared structure is not told, so a response that has none of it is not traced.
    pub(super) fn record_structure(&self, structure: Option<&Structure>) {
        match (&self.recorder, structure) {
            (Some(recorder), Some(structure)) => recorder.add([whole(Topic::Tenant(structure.tenant.id))]),
            (Some(recorder), None) => recorder.add_untraced(),
            (None, _) => {}
        }
    }

    /// Records the texts of a channel of a structure.
    pub(super) fn record_view(&self, view: &ChannelView) {
        self.record_channel_texts([&view.channel]);
    }

    /// Announces reads, which are recorded when they are called.
    pub(super) async fn ahead(&mut self, reads: &[Ahead]) -> Result<(), StoreError> {
        if reads.is_empty() { Ok(()) } else { self.at().await?.ahead(reads).await }
    }

    /// Records that a response shows something of which no change is told.
    pub(super) fn record_untraced(&self) {
        if let Some(recorder) = &self.recorder {
            recorder.add_untraced();
        }
    }

    /// Returns everything, for reads of which no change is told.
    pub(super) async fn untraced(&mut self) -> Result<&mut dyn Repositories, StoreError> {
        self.record_untraced();
        self.at().await
    }

    fn record_texts<'a>(&self, messages: impl IntoIterator<Item = &'a Message>) {
        let Some(recorder) = &self.recorder else { return };
        if messages.into_iter().any(has_relative_time) {
            recorder.add_relative_time();
        }
    }

    fn record_channel_texts<'a>(&self, channels: impl IntoIterator<Item = &'a Channel>) {
        let Some(recorder) = &self.recorder else { return };
        if channels.into_iter().any(|channel| channel.topic.as_ref().is_some_and(|topic| topic.contains(RELATIVE))) {
            recorder.add_relative_time();
        }
    }

    pub(super) async fn tenant_by_slug(&mut self, slug: &TenantSlug) -> Result<Option<Tenant>, StoreError> {
        // Which tenant has a slug is a part of the list.
        let found = self.at().await?.tenants().find_by_slug(slug).await?;
        self.record([whole(found.as_ref().map_or(Topic::Tenants, |tenant| Topic::Tenant(tenant.id)))]);
        Ok(found)
    }

    pub(super) async fn tenant(&mut self, id: TenantId) -> Result<Option<Tenant>, StoreError> {
        self.record([whole(Topic::Tenant(id))]);
        self.at().await?.tenants().find(id).await
    }

    /// Gives a tenant that was found the icon of its guild, if it has none of its own; a change to that one is one to the
    /// tenant.
    pub(super) async fn with_icon(&mut self, tenant: Tenant) -> Result<Tenant, StoreError> {
        with_icon(self.at().await?, tenant).await
    }

    pub(super) async fn tenants(&mut self, page: Page<TenantSlug>) -> Result<Vec<Tenant>, StoreError> {
        self.record([whole(Topic::Tenants)]);
        self.at().await?.tenants().list(page).await
    }

    /// Gives each tenant of a list what [`Snapshot::with_icon`] gives it, with all reads announced.
    pub(super) async fn with_icons(&mut self, tenants: Vec<Tenant>) -> Result<Vec<Tenant>, StoreError> {
        let read = |tenant: &Tenant| Some(Ahead::Pictures(tenant.id, vec![guild_icon(tenant)?]));
        let reads: Vec<Ahead> = tenants.iter().filter_map(read).collect();
        self.at().await?.ahead(&reads).await?;
        let mut shown = Vec::with_capacity(tenants.len());
        for tenant in tenants {
            shown.push(with_icon(self.at().await?, tenant).await?);
        }
        Ok(shown)
    }

    pub(super) async fn public_tenants(&mut self, ids: &[TenantId]) -> Result<Vec<TenantId>, StoreError> {
        self.record([whole(Topic::Tenants)]);
        self.at().await?.tenants().find_public(ids).await
    }

    /// Finds a channel; its counts are recorded only by [`Snapshot::record_counts`].
    pub(super) async fn channel(&mut self, id: ChannelId) -> Result<Option<Channel>, StoreError> {
        self.record([whole(Topic::Channel(id))]);
        let found = self.at().await?.channels().find(id).await?;
        self.record_channel_texts(&found);
        Ok(found)
    }

    pub(super) async fn channel_by_slug(
        &mut self,
        tenant: TenantId,
        slug: &ChannelSlug,
    ) -> Result<Option<Channel>, StoreError> {
        let found = self.at().await?.channels().find_by_slug(tenant, slug).await?;
        // Any channel may get a slug that none has.
        self.record([whole(found.as_ref().map_or(Topic::Everything(tenant), |channel| Topic::Channel(channel.id)))]);
        self.record_channel_texts(&found);
        Ok(found)
    }

    /// Finds channels; their counts are recorded only by [`Snapshot::record_counts`].
    pub(super) async fn channels(&mut self, ids: &[ChannelId]) -> Result<Vec<Channel>, StoreError> {
        self.record(ids.iter().map(|id| whole(Topic::Channel(*id))));
        self.at().await?.channels().find_all(ids).await
    }

    /// Finds the threads that were started from messages of `parent`, with their counts.
    pub(super) async fn threads_of(
        &mut self,
        parent: &Channel,
        messages: impl IntoIterator<Item = MessageId>,
    ) -> Result<Vec<Channel>, StoreError> {
        let ids: Vec<_> = messages.into_iter().map(|id| ChannelId::of(parent.tenant_id, id.cast())).collect();
        self.record([whole(Topic::Threads(parent.id))]);
        let found = self.at().await?.channels().find_all(&ids).await?;
        self.record_counts(&found);
        Ok(found)
    }

    /// Records that a response shows the counts of channels.
    pub(super) fn record_counts<'a>(&self, channels: impl IntoIterator<Item = &'a Channel>) {
        self.record(channels.into_iter().map(|channel| whole(Topic::Counts(channel.id))));
    }

    pub(super) async fn list_channels(
        &mut self,
        tenant: TenantId,
        with_private: bool,
        page: Page<ChannelCursor>,
    ) -> Result<Vec<Channel>, StoreError> {
        self.record([whole(Topic::Everything(tenant))]);
        let found = self.at().await?.channels().list(tenant, with_private, page).await?;
        self.record_channel_texts(&found);
        Ok(found)
    }

    pub(super) async fn list_threads(
        &mut self,
        parent: ChannelId,
        filter: ThreadFilter,
        page: Page<ThreadCursor>,
    ) -> Result<Vec<Channel>, StoreError> {
        self.record([whole(Topic::Activity(parent))]);
        self.at().await?.channels().list_threads(parent, filter, page).await
    }

    /// Lists messages; the part that is recorded reaches from the bound to the farthest message that decided the page.
    pub(super) async fn messages(
        &mut self,
        of: &Channel,
        range: MessageRange,
        with_restricted: bool,
        limit: u32,
    ) -> Result<SharedList, StoreError> {
        let list = if let Some(segments) = self.segments.clone().filter(|_| !with_restricted) {
            self.list_shared(segments, of, range, limit).await?
        } else {
            let list = self.at().await?.messages().list(of.id, range, with_restricted, limit).await?;
            SharedList { examined_to: list.examined_to, messages: listed(list, SharedMessage::new) }
        };
        let is_full = list.messages.len() == limit as usize && list.examined_to.is_none();
        let far = if is_before(range) { list.messages.first() } else { list.messages.last() };
        let far = list.examined_to.or(far.filter(|_| is_full).map(|message| message.id));
        self.record(reach(range, far).map(|interval| (Topic::Messages(of.id), interval)));
        if let Some(recorder) = self.recorder.as_ref().filter(|_| list.messages.iter().any(|one| one.has_relative_time))
        {
            recorder.add_relative_time();
        }
        Ok(list)
    }

    /// Returns whether a range has messages, or may have some beyond those that were examined.
    pub(super) async fn any(
        &mut self,
        channel: ChannelId,
        range: MessageRange,
        with_restricted: bool,
    ) -> Result<bool, StoreError> {
        let known = self.segments.as_ref().filter(|_| !with_restricted);
        if let Some(known) = known.and_then(|(segments, _)| segments.any(channel, range)) {
            self.record([(Topic::Messages(channel), Interval::only(known))]);
            return Ok(true);
        }
        let found = self.at().await?.messages().nearest(channel, range, with_restricted).await?;
        self.record(reach(range, found).map(|interval| (Topic::Messages(channel), interval)));
        Ok(found.is_some())
    }

    /// Returns the reads of `announced` that are not answered by segments, as they are made where there are segments.
    pub(super) fn unanswered(&self, announced: Vec<Ahead>) -> Vec<Ahead> {
        let Some((segments, _)) = &self.segments else { return announced };
        let made = |read| match read {
            Ahead::Messages(channel, range, _) if segments.has(channel, range) => None,
            Ahead::Messages(channel, range, limit) => Some(Ahead::Messages(channel, range, limit.max(LEAST))),
            Ahead::Nearest(channel, range) if segments.any(channel, range).is_some() => None,
            read => Some(read),
        };
        announced.into_iter().filter_map(made).collect()
    }

    pub(super) async fn message(
        &mut self,
        channel: ChannelId,
        id: MessageId,
    ) -> Result<Option<StoredMessage>, StoreError> {
        self.record([(Topic::Messages(channel), Interval::only(id))]);
        self.at().await?.ahead(&[Ahead::Message(channel, id)]).await?;
        let found = self.at().await?.messages().find(channel, id).await?;
        self.record_texts(found.iter().map(|found| &found.message));
        Ok(found)
    }

    pub(super) async fn messages_by_key(
        &mut self,
        keys: &[(ChannelId, MessageId)],
    ) -> Result<Vec<StoredMessage>, StoreError> {
        self.record(keys.iter().map(|(channel, id)| (Topic::Messages(*channel), Interval::only(*id))));
        self.at().await?.ahead(&[Ahead::Keys(keys.to_vec())]).await?;
        let found = self.at().await?.messages().find_all(keys).await?;
        self.record_texts(found.iter().map(|found| &found.message));
        Ok(found)
    }

    pub(super) async fn messages_in_tenant(
        &mut self,
        tenant: TenantId,
        id: MessageId,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        self.record([(Topic::Ids(tenant), Interval::only(id))]);
        let found = self.at().await?.messages().find_in_tenant(tenant, id).await?;
        self.record_texts(found.iter().map(|found| &found.message));
        Ok(found)
    }

    /// Lists the days of a channel; those that have no message yet are recorded, too.
    pub(super) async fn days(
        &mut self,
        channel: ChannelId,
        first: Day,
        last: Day,
    ) -> Result<Vec<DayStats>, StoreError> {
        let ids = Interval::new(first.interval().low(), last.interval().high());
        self.record(ids.map(|ids| (Topic::Messages(channel), ids)));
        self.at().await?.days().list(channel, first, last).await
    }

    pub(super) async fn months(&mut self, channel: ChannelId) -> Result<Vec<(Day, u64)>, StoreError> {
        self.record([whole(Topic::Messages(channel))]);
        self.at().await?.days().months(channel).await
    }

    /// Finds the nearest days with messages, and records them with all between them.
    pub(super) async fn neighbours(
        &mut self,
        channel: ChannelId,
        day: Day,
    ) -> Result<(Option<Day>, Option<Day>), StoreError> {
        let (previous, next) = self.at().await?.days().neighbours(channel, day).await?;
        let low = previous.map_or(MessageId::MIN, |day| day.interval().low());
        let high = next.map_or(MessageId::MAX, |day| day.interval().high());
        self.record(Interval::new(low, high).map(|ids| (Topic::Messages(channel), ids)));
        Ok((previous, next))
    }

    pub(super) async fn day_totals(&mut self, channels: &[ChannelId]) -> Result<Vec<ChannelTotals>, StoreError> {
        self.record(channels.iter().map(|channel| whole(Topic::Messages(*channel))));
        self.at().await?.days().totals(channels).await
    }

    pub(super) async fn page_starts(
        &mut self,
        channel: ChannelId,
        interval: Interval,
        before: u64,
    ) -> Result<Vec<MessageId>, StoreError> {
        self.record([(Topic::Messages(channel), interval)]);
        self.at().await?.days().page_starts(channel, interval, before).await
    }

    /// Lists the files of messages that were read; a change to a file is one to its message.
    pub(super) async fn files(
        &mut self,
        channel: ChannelId,
        low: MessageId,
        high: MessageId,
    ) -> Result<Vec<File>, StoreError> {
        self.at().await?.media().list(channel, low, high).await
    }

    /// Finds the files of messages that were read; a change to a file is one to its message.
    pub(super) async fn files_by_key(&mut self, keys: &[(ChannelId, MessageId)]) -> Result<Vec<File>, StoreError> {
        self.at().await?.media().find_all(keys).await
    }

    /// Finds pictures; a change to one is one to the items of the tenant.
    pub(super) async fn pictures(&mut self, tenant: TenantId, keys: &[PictureKey]) -> Result<Vec<Picture>, StoreError> {
        self.record([whole(Topic::Items(tenant))]);
        self.at().await?.pictures().find_all(tenant, keys).await
    }

    pub(super) async fn roles(&mut self, tenant: TenantId, ids: &[RoleId]) -> Result<Vec<Role>, StoreError> {
        self.record([whole(Topic::Items(tenant))]);
        self.at().await?.guilds().find_roles(tenant, ids).await
    }

    pub(super) async fn items(&mut self, tenant: TenantId) -> Result<GuildItems, StoreError> {
        self.record([whole(Topic::Items(tenant))]);
        self.at().await?.ahead(&[Ahead::Items(tenant)]).await?;
        self.at().await?.guilds().list(tenant).await
    }
}

const fn is_before(range: MessageRange) -> bool {
    matches!(range, MessageRange::Newest | MessageRange::Before(_))
}

/// Returns the ids from the bound of a range to `far`, or to the end of the range.
fn reach(range: MessageRange, far: Option<MessageId>) -> Option<Interval> {
    let near = match range {
        MessageRange::Newest => MessageId::MAX,
        MessageRange::Oldest => MessageId::MIN,
        MessageRange::Before(id) => id.previous()?,
        MessageRange::After(id) => id.next()?,
        MessageRange::From(id) => id,
    };
    if is_before(range) {
        Interval::new(far.unwrap_or(MessageId::MIN), near)
    } else {
        Interval::new(near, far.unwrap_or(MessageId::MAX))
    }
}

/// Returns whether a text of the message has a time that pages show as the distance from now.
pub(super) fn has_relative_time(message: &Message) -> bool {
    let Message { content, embeds, components, snapshots, poll, .. } = message;
    let parts = [embeds, components, snapshots, poll].into_iter().flatten();
    parts.map(domain::json::Json::as_str).chain([content.as_str()]).any(|text| text.contains(RELATIVE))
}
