//! Importing files that other tools wrote.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use domain::channel::{Channel, ChannelId};
use domain::coverage::Interval;
use domain::message::{Message, MessageId};
use domain::page::MessagePage;
use domain::pseudonym::{PseudonymKey, Pseudonymizer};
use domain::slug::{ChannelSlug, TenantSlug};
use domain::tenant::{Platform, Tenant, TenantId, TenantName};
use domain::timestamp::Timestamp;
use domain::visibility::Visibility;
use ports::clock::Clock;
use ports::error::StoreError;
use ports::message::PageOutcome;
use ports::source::{ExportEnd, ExportFile, ExportSource, ExportSummary, MessageOrder, SourceError};
use ports::store::{Store, UnitOfWork};
use serde::Serialize;

use crate::retry::retry;
use crate::tenants::free_slug;

/// How an import is to be done.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The slug of the one community that the files are of.
    pub tenant: Option<TenantSlug>,
    /// Who may read the channels; `None` makes new ones public and leaves others as they are.
    pub visibility: Option<Visibility>,
    /// Whether nothing is to be written for good.
    pub dry_run: bool,
}

/// How the import of a file ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FileStatus {
    /// All of it is stored.
    Ok,
    /// What could be read of it is stored.
    Partial,
    /// All of it was stored before.
    Unchanged,
    /// Nothing of it is stored.
    Failed,
}

/// What became of one file.
#[derive(Debug, Clone, Serialize)]
pub struct FileReport {
    /// Its path; `archive.zip!/entry.json` inside a ZIP file.
    pub path: String,
    /// How its import ended.
    pub status: FileStatus,
    /// What is wrong with it.
    pub error: Option<String>,
    /// Where that is, in bytes from its start.
    pub byte: Option<u64>,
    /// The last message that was kept.
    pub last_message_id: Option<MessageId>,
    /// Messages that were kept.
    pub read: u64,
    /// New messages.
    pub added: u64,
    /// Messages that a newer version replaced.
    pub updated: u64,
    /// Messages that stayed as they were.
    pub unchanged: u64,
    /// Messages that are now deleted.
    pub deleted: u64,
}

/// What became of an import.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// File by file.
    pub files: Vec<FileReport>,
    /// The communities that the files are of, by slug.
    pub tenants: BTreeSet<TenantSlug>,
    /// How long it took.
    pub seconds: f64,
    /// The channels that everybody may read from now on.
    #[serde(skip)]
    pub published: BTreeSet<String>,
}

impl Report {
    /// Whether every file is stored as a whole.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.files.iter().all(|file| matches!(file.status, FileStatus::Ok | FileStatus::Unchanged))
    }
}

/// Why an import was not begun, or not brought to its end.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// `--tenant` names one community, and the files are of several.
    #[error("the files are of several communities: {0}; import each by itself, or leave --tenant out")]
    SeveralTenants(String),
    /// The slug belongs to another community.
    #[error("the slug {0} belongs to another community")]
    SlugTaken(TenantSlug),
    /// The community has another slug.
    #[error(
        "the community of the files is stored as {stored}, not as {wanted}; change its slug first, or leave --tenant out"
    )]
    OtherSlug {
        /// The slug that was asked for.
        wanted: TenantSlug,
        /// The slug that it has.
        stored: TenantSlug,
    },
    /// The community is being deleted.
    #[error("{0} is being deleted; import it when that is done")]
    Deleting(TenantSlug),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl ImportError {
    fn is_retryable(&self) -> bool {
        // A name that another import took in the meantime is found taken in the next try.
        matches!(self, Self::Store(error) if error.is_retryable() || matches!(error, StoreError::Duplicate { .. }))
    }
}

/// Hears how far an import is.
pub trait Progress: Send + Sync {
    /// A file begins, of so many bytes in all files.
    fn file(&self, path: &str, total_bytes: u64);
    /// So many messages are stored, out of so many bytes of all files.
    fn at(&self, bytes: u64, messages: u64);
}

/// Imports files into a store.
pub struct Importer {
    store: Arc<dyn Store>,
    source: Arc<dyn ExportSource>,
    key: PseudonymKey,
    clock: Arc<dyn Clock>,
}

/// A file that can be imported.
struct Planned {
    file: ExportFile,
    summary: ExportSummary,
    channel: Channel,
    parent: Option<Channel>,
}

impl Importer {
    /// Imports from `source` into `store`, with pseudonyms by `key`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, source: Arc<dyn ExportSource>, key: PseudonymKey, clock: Arc<dyn Clock>) -> Self {
        Self { store, source, key, clock }
    }

    /// Imports what lies under `paths`. What is wrong with one file stops no other.
    ///
    /// # Errors
    /// [`ImportError`] if nothing can be imported so, or the store fails for good.
    pub async fn run(
        &self,
        paths: &[PathBuf],
        options: &Options,
        progress: &dyn Progress,
    ) -> Result<Report, ImportError> {
        let start = Instant::now();
        let found = self.source.find(paths).await;
        let mut files: Vec<FileReport> = found.failed.iter().map(|(file, error)| failed(file, error)).collect();
        let mut summaries = Vec::new();
        for file in found.files {
            match self.source.summarize(&file).await {
                Ok(summary) => summaries.push((file, summary)),
                Err(error) => files.push(failed(&file, &error)),
            }
        }
        let guilds: BTreeMap<&str, &str> = summaries
            .iter()
            .map(|(_, summary)| (summary.guild.platform_id.as_str(), summary.guild.name.as_str()))
            .collect();
        if options.tenant.is_some() && guilds.len() > 1 {
            return Err(ImportError::SeveralTenants(guilds.into_values().collect::<Vec<_>>().join(", ")));
        }
        let total: u64 = summaries.iter().map(|(_, summary)| summary.size_bytes).sum();
        let mut tenants: HashMap<TenantId, Tenant> = HashMap::new();
        for (_, summary) in &summaries {
            let id = TenantId::of(Platform::Discord, &summary.guild.platform_id);
            if let Entry::Vacant(unknown) = tenants.entry(id) {
                unknown.insert(self.tenant(summary, options).await?);
            }
        }
        let (mut bytes, mut messages) = (0, 0);
        let mut published = BTreeSet::new();
        let mut parts: HashMap<(ChannelId, Option<PathBuf>, u32), MessageId> = HashMap::new();
        for planned in self.plan(summaries) {
            let name = shown(&planned.file);
            progress.file(&name, total);
            let tenant = &tenants[&planned.channel.tenant_id];
            let place = |part| (planned.channel.id, planned.file.path.parent().map(Path::to_owned), part);
            let before = planned.summary.part.and_then(|part| parts.get(&place(part.checked_sub(1)?)).copied());
            let report = |read: u64, at: u64| progress.at(bytes + at, messages + read);
            let (report, made_public) = self.file(&planned, tenant, before, options, report).await?;
            if let (ExportEnd::Whole, Some((_, high))) = (&planned.summary.end, planned.summary.ids) {
                parts.insert(place(planned.summary.part.unwrap_or(1)), high);
            }
            published.extend(made_public.then(|| planned.channel.name.clone()));
            bytes += planned.summary.size_bytes;
            messages += report.read;
            files.push(report);
        }
        Ok(Report {
            files,
            tenants: tenants.into_values().map(|tenant| tenant.slug).collect(),
            seconds: start.elapsed().as_secs_f64(),
            published,
        })
    }

    /// The tenant that an export is of, made if it is not stored yet.
    async fn tenant(&self, summary: &ExportSummary, options: &Options) -> Result<Tenant, ImportError> {
        retry(ImportError::is_retryable, || self.tenant_once(summary, options)).await
    }

    async fn tenant_once(&self, summary: &ExportSummary, options: &Options) -> Result<Tenant, ImportError> {
        let guild = &summary.guild;
        let mut unit = self.store.begin().await?;
        if let Some(stored) = unit.tenants().find(TenantId::of(Platform::Discord, &guild.platform_id)).await? {
            if stored.deleting_since.is_some() {
                return Err(ImportError::Deleting(stored.slug));
            }
            return match &options.tenant {
                Some(wanted) if *wanted != stored.slug => {
                    Err(ImportError::OtherSlug { wanted: wanted.clone(), stored: stored.slug })
                }
                _ => Ok(stored),
            };
        }
        let slug = match &options.tenant {
            Some(slug) if unit.tenants().find_by_slug(slug).await?.is_some() => {
                return Err(ImportError::SlugTaken(slug.clone()));
            }
            Some(slug) => slug.clone(),
            None => free_slug(&mut *unit, &guild.name).await?,
        };
        let fallback = || TenantName::new("Community").expect("a plain word is a name");
        let name = TenantName::new(&guild.name).unwrap_or_else(|_| fallback());
        let tenant = Tenant::new(Platform::Discord, guild.platform_id.clone(), slug, name, self.clock.now());
        unit.tenants().insert(&tenant).await?;
        if !options.dry_run {
            unit.commit().await?;
        }
        Ok(tenant)
    }

    /// The channels of the files: what a channel's own file says of it beats what its children say.
    fn plan(&self, summaries: Vec<(ExportFile, ExportSummary)>) -> Vec<Planned> {
        let own: HashMap<(String, u64), ExportSummary> = summaries
            .iter()
            .map(|(_, summary)| {
                ((summary.guild.platform_id.to_string(), summary.channel.platform_id.get()), summary.clone())
            })
            .collect();
        let plan = |(file, summary): (ExportFile, ExportSummary)| {
            let tenant = TenantId::of(Platform::Discord, &summary.guild.platform_id);
            let people = Pseudonymizer::new(&self.key, tenant);
            let mut channel = summary.channel.to_channel(tenant, &people);
            let parent = summary.channel.parent.as_ref().map(|parent| {
                let key = (summary.guild.platform_id.to_string(), parent.platform_id.get());
                if let Some(own) = own.get(&key) {
                    own.channel.to_channel(tenant, &people)
                } else {
                    let name = people.text(&parent.name, &[]).into_owned();
                    Channel::new(tenant, parent.platform_id, parent.kind, name)
                }
            });
            channel.parent_id = parent.as_ref().map(|parent| parent.id);
            Planned { file, summary, channel, parent }
        };
        summaries.into_iter().map(plan).collect()
    }

    /// Imports one file; tells what became of it, and whether everybody may read its channel from now on.
    async fn file(
        &self,
        planned: &Planned,
        tenant: &Tenant,
        part_before: Option<MessageId>,
        options: &Options,
        progress: impl Fn(u64, u64),
    ) -> Result<(FileReport, bool), ImportError> {
        let summary = &planned.summary;
        let mut report = FileReport::new(shown(&planned.file), FileStatus::Ok);
        let made_public = if options.dry_run {
            false
        } else {
            retry(ImportError::is_retryable, || self.channels(planned, options)).await?
        };
        let people = Arc::new(Pseudonymizer::new(&self.key, tenant.id));
        let mut reader = match self.source.read(&planned.file, tenant.id, summary, people).await {
            Ok(reader) => reader,
            Err(error) => return Ok((failed(&planned.file, &error), false)),
        };
        let whole = summary.end == ExportEnd::Whole && summary.unreadable.is_empty();
        let ordered = summary.order != MessageOrder::Mixed;
        let falling = summary.order == MessageOrder::Descending;
        let mut tiles = Tiles::new(summary, part_before, whole && ordered);
        let mut left = summary.messages;
        loop {
            let batch = match reader.next().await {
                Ok(Some(batch)) => batch,
                Ok(None) => break,
                Err(error) => {
                    report.status = FileStatus::Partial;
                    report.error = Some(reason(&error));
                    break;
                }
            };
            let mut messages = batch.messages;
            messages.sort_by_key(|message| message.id);
            dedup_last(&mut messages);
            left = left.saturating_sub(messages.len() as u64);
            let interval = tiles.next(&messages, falling, left == 0);
            report.read += messages.len() as u64;
            report.last_message_id = messages.last().map(|message| message.id).or(report.last_message_id);
            let page = MessagePage::new(interval, summary.exported_at, messages)
                .map_err(|error| StoreError::Backend(error.into()))?;
            let outcome = retry(ImportError::is_retryable, || self.page(planned, &page, options)).await?;
            report.count(outcome);
            progress(report.read, batch.byte);
        }
        if !options.dry_run {
            let reason = (!whole).then(|| "truncated".to_owned());
            // Where there are messages, the pages have said how far they reach.
            let start = whole && summary.ids.is_none() && summary.after.is_none() && summary.part.is_none();
            retry(ImportError::is_retryable, || {
                self.note(planned.channel.id, summary.exported_at, start, reason.clone())
            })
            .await?;
        }
        report.conclude(summary);
        Ok((report, made_public))
    }

    /// Stores the channel of a file and the one above it; tells whether everybody may read it from now on.
    async fn channels(&self, planned: &Planned, options: &Options) -> Result<bool, ImportError> {
        let mut unit = self.store.begin().await?;
        if let Some(parent) = &planned.parent {
            store_channel(&mut *unit, parent.clone(), options.visibility, true).await?;
        }
        let made_public = store_channel(&mut *unit, planned.channel.clone(), options.visibility, false).await?;
        unit.commit().await?;
        Ok(made_public)
    }

    async fn page(&self, planned: &Planned, page: &MessagePage, options: &Options) -> Result<PageOutcome, ImportError> {
        let mut unit = self.store.begin().await?;
        if options.dry_run {
            if unit.tenants().find(planned.channel.tenant_id).await?.is_none() {
                let added = page.messages().len() as u64;
                return Ok(PageOutcome { added, ..PageOutcome::default() });
            }
            if let Some(parent) = &planned.parent {
                store_channel(&mut *unit, parent.clone(), options.visibility, true).await?;
            }
            store_channel(&mut *unit, planned.channel.clone(), options.visibility, false).await?;
        }
        let outcome = unit.messages().replace_interval(planned.channel.id, page).await?;
        if !options.dry_run {
            unit.commit().await?;
        }
        Ok(outcome)
    }

    async fn note(
        &self,
        channel: ChannelId,
        at: Timestamp,
        start_reached: bool,
        reason: Option<String>,
    ) -> Result<(), ImportError> {
        let mut unit = self.store.begin().await?;
        unit.coverage().note(channel, at, start_reached, reason).await?;
        Ok(unit.commit().await?)
    }
}

/// Stores a channel as a file describes it: with the slug that it has or a free one, and what only others know of it
/// kept. What a child says of its parent (`hearsay`) changes nothing that is stored, but for a text channel that turns
/// out to be a forum. Tells whether everybody may read it from now on.
async fn store_channel(
    unit: &mut dyn UnitOfWork,
    described: Channel,
    visibility: Option<Visibility>,
    hearsay: bool,
) -> Result<bool, ImportError> {
    let stored = unit.channels().find(described.id).await?;
    let mut channel = match stored.clone() {
        Some(stored) if hearsay => {
            let kind =
                if described.kind.is_forum() && stored.stats.message_count == 0 { described.kind } else { stored.kind };
            Channel { kind, ..stored }
        }
        Some(stored) => Channel {
            slug: stored.slug,
            visibility: stored.visibility,
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
        None => {
            let slug = free_channel_slug(unit, described.tenant_id, &described.slug).await?;
            Channel { slug, visibility: Visibility::Public, ..described }
        }
    };
    channel.visibility = visibility.unwrap_or(channel.visibility);
    if channel.kind.is_always_private() {
        channel.visibility = Visibility::Private;
    }
    let made_public = channel.visibility == Visibility::Public
        && stored.as_ref().is_none_or(|stored| stored.visibility == Visibility::Private);
    if stored.as_ref() != Some(&channel) {
        unit.channels().upsert(&channel).await?;
    }
    Ok(made_public)
}

/// The slug itself if nobody has it, else with the smallest number behind it that a doubling search finds free: names
/// that ten thousand threads share cost a few look-ups each.
async fn free_channel_slug(
    unit: &mut dyn UnitOfWork,
    tenant: TenantId,
    wanted: &ChannelSlug,
) -> Result<ChannelSlug, ImportError> {
    if unit.channels().find_by_slug(tenant, wanted).await?.is_none() {
        return Ok(wanted.clone());
    }
    let (mut taken, mut free) = (1, 2);
    while unit.channels().find_by_slug(tenant, &wanted.with_suffix(free)).await?.is_some() {
        taken = free;
        free *= 2;
    }
    while free - taken > 1 {
        let middle = u32::midpoint(taken, free);
        match unit.channels().find_by_slug(tenant, &wanted.with_suffix(middle)).await? {
            Some(_) => taken = middle,
            None => free = middle,
        }
    }
    Ok(wanted.with_suffix(free))
}

/// Lays the range that a whole, ordered file proves out over its batches, so that none of it is left between two.
struct Tiles {
    proves: bool,
    first: MessageId,
    next: Option<MessageId>,
    last: Option<MessageId>,
}

impl Tiles {
    fn new(summary: &ExportSummary, part_before: Option<MessageId>, proves: bool) -> Self {
        let after = summary.after.and_then(MessageId::next);
        let part = summary
            .part
            .filter(|part| *part > 1)
            .and_then(|_| part_before.and_then(MessageId::next).or(summary.ids.map(|(low, _)| low)));
        let first = part.or(after).unwrap_or(MessageId::MIN);
        let first = summary.ids.map_or(first, |(low, _)| first.min(low));
        Self { proves, first, next: Some(first), last: summary.ids.map(|(_, high)| high) }
    }

    fn next(&mut self, messages: &[Message], falling: bool, is_last: bool) -> Option<Interval> {
        let (low, high) = (messages.first()?.id, messages.last()?.id);
        if !self.proves {
            return None;
        }
        if falling {
            let top = self.last?;
            let bottom = if is_last { self.first } else { low };
            self.last = bottom.previous();
            Interval::new(bottom, top)
        } else {
            let bottom = self.next?;
            self.next = high.next();
            Interval::new(bottom, high)
        }
    }
}

/// Keeps the last of messages with the same id.
fn dedup_last(messages: &mut Vec<Message>) {
    messages.reverse();
    messages.dedup_by_key(|message| message.id);
    messages.reverse();
}

impl FileReport {
    const fn new(path: String, status: FileStatus) -> Self {
        Self {
            path,
            status,
            error: None,
            byte: None,
            last_message_id: None,
            read: 0,
            added: 0,
            updated: 0,
            unchanged: 0,
            deleted: 0,
        }
    }

    const fn count(&mut self, outcome: PageOutcome) {
        self.added += outcome.added;
        self.updated += outcome.updated;
        self.unchanged += outcome.unchanged;
        self.deleted += outcome.deleted;
    }

    fn conclude(&mut self, summary: &ExportSummary) {
        let fault = match &summary.end {
            ExportEnd::Broken { reason, byte } => Some((reason.clone(), *byte)),
            ExportEnd::Whole => summary.unreadable.first().map(|(reason, byte)| match summary.unreadable.len() {
                1 => (reason.clone(), *byte),
                more => (format!("{reason}; {} more messages cannot be read", more - 1), *byte),
            }),
        };
        if let Some((reason, byte)) = fault {
            (self.status, self.error, self.byte) = (FileStatus::Partial, Some(reason), Some(byte));
        } else if self.status == FileStatus::Ok && self.added + self.updated + self.deleted == 0 && self.read > 0 {
            self.status = FileStatus::Unchanged;
        }
    }
}

fn failed(file: &ExportFile, error: &SourceError) -> FileReport {
    let byte = if let SourceError::Format { byte, .. } = error { Some(*byte) } else { None };
    FileReport { error: Some(reason(error)), byte, ..FileReport::new(shown(file), FileStatus::Failed) }
}

fn reason(error: &SourceError) -> String {
    match error {
        SourceError::Io(source) => format!("{error}: {source}"),
        _ => error.to_string(),
    }
}

fn shown(file: &ExportFile) -> String {
    let path = file.path.display();
    file.entry.as_ref().map_or_else(|| path.to_string(), |entry| format!("{path}!/{entry}"))
}
