//! Imports files that other tools wrote.

mod channels;
mod files;
mod pictures;
mod plan;
mod report;
mod roles;
mod tiles;
mod together;

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use domain::channel::ChannelId;
use domain::coverage::{Interval, Observation};
use domain::guild::RoleObservation;
use domain::message::{Message, MessageId};
use domain::page::{MessagePage, PageOutcome};
use domain::pseudonym::{KnownPeople, PseudonymKey, Pseudonymizer};
use domain::slug::TenantSlug;
use domain::tenant::{Platform, Tenant, TenantId, TenantName};
use domain::timestamp::Timestamp;
use domain::unreadable::Unreadable;
use domain::visibility::Visibility;
use ports::clock::Clock;
use ports::error::StoreError;
use ports::media::MediaStore;
use ports::page::MessageRange;
use ports::source::{ExportFile, ExportSource, ExportSummary};
use ports::store::Store;
use tokio::time::Instant;

use self::files::{Files, Standing, Tally};
use self::plan::{Planned, plan};
use self::report::{failed, reason, shown};
use self::tiles::Tiles;
use self::together::{Together, in_order};
use crate::ingest::{record_pictures, stored_as_shown, write_page};
use crate::portion::in_portions;
use crate::retry::{BRIEF_OUTAGE, LOST_RACE, retry};
use crate::slug::free_tenant_slug;
use crate::unreadable;

pub use self::channels::Readers;
pub use self::files::FileCounts;
pub use self::report::{AbsentMessages, FileReport, FileStatus, Report};

/// The options of an import.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The slug of the one community of the files.
    pub tenant: Option<TenantSlug>,
    /// The visibility of the channels; `None` makes new ones public and leaves others as they are.
    pub visibility: Option<Visibility>,
    /// Whether the files are declared complete, so that messages that they lack inside the ranges that they cover were
    /// deleted.
    pub complete: bool,
    /// Whether the import commits nothing.
    pub dry_run: bool,
}

/// The reason why an import did not begin or did not complete.
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
        /// The requested slug.
        wanted: TenantSlug,
        /// The stored slug.
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
    const fn of_store(&self) -> Option<&StoreError> {
        if let Self::Store(error) = self { Some(error) } else { None }
    }

    /// Returns whether another unit was faster. If another import took a name in the meantime, the next attempt finds it
    /// taken.
    fn is_lost_race(&self) -> bool {
        self.of_store().is_some_and(|error| error.is_retryable() || matches!(error, StoreError::Duplicate { .. }))
    }

    /// Returns whether the store may be back in a moment. If a response was lost, the commit may have succeeded, and
    /// repeating it has no further effect. A server that shuts down aborts its queries.
    fn is_transient(&self) -> bool {
        self.of_store().is_some_and(StoreError::is_transient)
    }
}

/// Runs `work` in the store: retries it after a lost race, and during a brief outage. `work` must be idempotent.
async fn retried<T, W: Future<Output = Result<T, ImportError>>>(work: impl Fn() -> W) -> Result<T, ImportError> {
    retry(&BRIEF_OUTAGE, ImportError::is_transient, || retry(&LOST_RACE, ImportError::is_lost_race, &work)).await
}

/// Receives the progress of an import.
pub trait ImportListener: Send + Sync {
    /// This many bytes of all files, as stored on disk, are examined, before any of them is imported.
    fn look(&self, bytes: u64, total_bytes: u64);
    /// A file begins; `total_bytes` is the size of all files.
    fn file(&self, path: &str, total_bytes: u64);
    /// This many messages are stored, out of this many bytes of all files.
    fn at(&self, bytes: u64, messages: u64);
    /// This many files beside the exports are stored, of this many bytes together.
    fn files(&self, files: u64, bytes: u64);
}

/// Imports files into a store.
pub struct Importer {
    store: Arc<dyn Store>,
    source: Arc<dyn ExportSource>,
    key: PseudonymKey,
    clock: Arc<dyn Clock>,
    files: Option<Files>,
}

impl Importer {
    /// Returns an importer from `source` into `store`, with pseudonyms by `key`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, source: Arc<dyn ExportSource>, key: PseudonymKey, clock: Arc<dyn Clock>) -> Self {
        Self { store, source, key, clock, files: None }
    }

    /// Makes the importer also store the files beside the exports in `media`, except those of more than `size_bytes`.
    #[must_use]
    pub fn with_media(self, media: Arc<dyn MediaStore>, size_bytes: u64) -> Self {
        Self { files: Some(Files::new(media, size_bytes)), ..self }
    }

    /// Imports the files under `paths`. An error in one file does not stop the others.
    ///
    /// # Errors
    /// [`ImportError`] if nothing can be imported with these options, or the store fails permanently.
    pub async fn run(
        &self,
        paths: &[PathBuf],
        options: &Options,
        progress: &dyn ImportListener,
    ) -> Result<Report, ImportError> {
        let start = Instant::now();
        let known = Arc::default();
        let (mut files, summaries) = self.look(paths, &known, progress).await;
        let known = Arc::new(std::mem::take(&mut *known.lock().unwrap_or_else(PoisonError::into_inner)));
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
        if !options.dry_run {
            for (id, observations) in roles::of_files(&summaries, &self.key) {
                retried(|| self.roles(id, &observations)).await?;
            }
        }
        let (mut bytes, mut messages) = (0, 0);
        let mut readers = Readers::default();
        let tally = Tally::new(progress);
        let planned = plan(summaries, &self.key);
        let mut together = Together::new(&planned);
        let mut reports: Vec<Option<FileReport>> = vec![None; planned.len()];
        for index in in_order(&planned) {
            let planned = &planned[index];
            progress.file(&shown(&planned.file), total);
            let on_progress = |read: u64, at: u64| progress.at(bytes + at, messages + read);
            together.begin(index);
            let (report, of_file) = self.file(planned, &known, options, &mut together, on_progress, &tally).await?;
            readers.extend(of_file);
            bytes += planned.summary.size_bytes;
            messages += report.read;
            reports[index] = Some(report);
        }
        files.extend(reports.into_iter().flatten());
        let kept = if options.complete { 0 } else { together.absent_count() };
        let absent = (options.complete && options.dry_run).then(|| together.absent(&planned));
        let seconds = start.elapsed().as_secs_f64();
        let tenants = tenants.into_values().map(|tenant| tenant.slug).collect();
        Ok(Report { files, tenants, absent, kept, seconds, readers })
    }

    /// Examines all files and collects their people; reports the errors of those that are not exports.
    async fn look(
        &self,
        paths: &[PathBuf],
        known: &Arc<Mutex<KnownPeople>>,
        progress: &dyn ImportListener,
    ) -> (Vec<FileReport>, Vec<(ExportFile, ExportSummary)>) {
        let found = self.source.find(paths).await;
        let mut failures: Vec<FileReport> = found.failed.iter().map(|(file, error)| failed(file, error)).collect();
        let mut summaries = Vec::with_capacity(found.files.len());
        let total = found.files.iter().map(|file| file.stored_bytes).sum();
        let mut behind = 0;
        for file in found.files {
            progress.look(behind, total);
            let mut on_progress = |read: u64| progress.look(behind + read.min(file.stored_bytes), total);
            match self.source.summarize(&file, known, &mut on_progress).await {
                Ok(summary) => summaries.push((file.clone(), summary)),
                Err(error) => failures.push(failed(&file, &error)),
            }
            behind += file.stored_bytes;
        }
        (failures, summaries)
    }

    /// Returns the tenant of an export, and creates it if it is not stored yet.
    async fn tenant(&self, summary: &ExportSummary, options: &Options) -> Result<Tenant, ImportError> {
        retried(|| self.tenant_once(summary, options)).await
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
            None => free_tenant_slug(&mut *unit, &guild.name).await?,
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

    /// Imports one file; returns its report, and the visibility of its channel.
    async fn file(
        &self,
        planned: &Planned,
        known: &Arc<KnownPeople>,
        options: &Options,
        together: &mut Together,
        progress: impl Fn(u64, u64),
        tally: &Tally<'_>,
    ) -> Result<(FileReport, Readers), ImportError> {
        let summary = &planned.summary;
        let tenant = planned.channel.tenant_id;
        let mut report = FileReport::new(shown(&planned.file), FileStatus::Ok);
        let people = Arc::new(Pseudonymizer::new(&self.key, tenant));
        let mut reader = match self.source.read(&planned.file, tenant, summary, people, Arc::clone(known)).await {
            Ok(reader) => reader,
            Err(error) => return Ok((failed(&planned.file, &error), Readers::default())),
        };
        let readers =
            if options.dry_run { Readers::default() } else { retried(|| self.channels(planned, options)).await? };
        let mut tiles = Tiles::new(planned.proof);
        let mut left = summary.messages;
        let (mut refused_ids, mut lacking, mut ended) = (Vec::new(), 0, false);
        loop {
            let batch = match reader.next().await {
                Ok(Some(batch)) => batch,
                Ok(None) => {
                    ended = true;
                    break;
                }
                Err(error) => {
                    report.status = FileStatus::Partial;
                    report.error = Some(reason(&error));
                    break;
                }
            };
            let mut messages = batch.messages;
            let last = messages.last().map(|message| message.id);
            messages.sort_by_key(|message| message.id);
            dedup_last(&mut messages);
            let read = messages.len() as u64;
            left = left.saturating_sub(read);
            let interval = tiles.next(&messages, left == 0);
            let Ok(page) = MessagePage::new(interval, summary.exported_at, messages) else {
                report.status = FileStatus::Partial;
                report.error = Some("the file was changed while it was read".to_owned());
                break;
            };
            let page = page.sparing(together.read());
            let page = Arc::new(if options.complete { page } else { page.without_evidence() });
            let standing = Mutex::new(Standing::new());
            let standing_at = &standing;
            let stored = in_portions(Arc::clone(&page), ImportError::of_store, |part| async move {
                retried(|| self.page(planned, &part, options, standing_at)).await
            })
            .await?;
            let standing = standing.into_inner().unwrap_or_else(PoisonError::into_inner);
            let refused = unreadable::of_refused(planned.channel.id, &stored.refused, summary.exported_at);
            for unreadable in [&refused, &batch.unreadable] {
                if !unreadable.is_empty() && !options.dry_run {
                    retried(|| self.record_unreadable(planned.channel.id, unreadable)).await?;
                }
            }
            refused_ids.extend(stored.refused.iter().map(|refusal| refusal.message_id));
            lacking += stored.outcomes.iter().map(|outcome| outcome.lacking).sum::<u64>();
            together.page(planned.channel.id, &page, &stored.outcomes);
            report.count(&page, last, &stored);
            if report.no_files.is_none() {
                let dry = options.dry_run.then_some(&standing);
                let (counts, broken) = self.files(planned, &page, &batch.beside, dry, tally).await?;
                report.attachments += counts;
                report.no_files = broken;
                if report.no_files.is_none() && !options.dry_run {
                    report.no_files = self.pictures(planned, &batch.pictures).await?;
                }
            }
            progress(report.read, batch.byte);
        }
        if !options.dry_run {
            // A file that lacks stored messages may be filtered. Then it proves nothing about further messages.
            let claimed = planned.proof.interval().filter(|_| ended && !options.complete && lacking == 0);
            let claimed = claimed.map(|interval| claims(interval, summary.exported_at, refused_ids));
            if let Some(claimed) = claimed {
                retried(|| self.record_segments(planned.channel.id, &claimed)).await?;
            }
            let whole = summary.is_whole() && report.status == FileStatus::Ok;
            let reason = (!whole).then(|| "truncated".to_owned());
            // If there are messages, the pages have recorded their range.
            let from_start = summary.has_range && summary.after.is_none() && summary.part.number == 1;
            let start = whole && summary.ids.is_none() && from_start;
            retried(|| self.record_check(planned.channel.id, summary.exported_at, start, reason.clone())).await?;
        }
        report.conclude(summary);
        Ok((report, readers))
    }

    async fn channels(&self, planned: &Planned, options: &Options) -> Result<Readers, ImportError> {
        let mut unit = self.store.begin().await?;
        let readers = channels::store(&mut *unit, planned, options.visibility).await?;
        unit.commit().await?;
        Ok(readers)
    }

    /// Stores a page; a dry run adds the files that its messages would have to `standing`, and stores nothing.
    async fn page(
        &self,
        planned: &Planned,
        page: &MessagePage,
        options: &Options,
        standing: &Mutex<Standing>,
    ) -> Result<PageOutcome, ImportError> {
        let would_stand = |files| standing.lock().unwrap_or_else(PoisonError::into_inner).extend(files);
        let mut unit = self.store.begin().await?;
        if options.dry_run {
            if unit.tenants().find(planned.channel.tenant_id).await?.is_none() {
                would_stand(files::standing_of_new(page));
                let added = page.messages().len() as u64;
                return Ok(PageOutcome { added, ..PageOutcome::default() });
            }
            channels::store(&mut *unit, planned, options.visibility).await?;
        }
        let outcome = write_page(&mut *unit, planned.channel.id, page, &[]).await?;
        let shown = stored_as_shown(page, &outcome);
        record_pictures(&mut *unit, planned.channel.tenant_id, self.clock.now(), shown).await?;
        if options.dry_run {
            would_stand(files::standing(&mut *unit, planned.channel.id, page).await?);
        } else {
            unit.commit().await?;
        }
        Ok(outcome)
    }

    /// Stores the roles of a tenant that the files describe.
    async fn roles(&self, tenant: TenantId, observations: &[RoleObservation]) -> Result<(), ImportError> {
        let mut unit = self.store.begin().await?;
        let stored = unit.guilds().list(tenant).await?;
        let Some(changes) = stored.after_files(observations) else { return Ok(()) };
        unit.guilds().upsert_all(tenant, &changes).await?;
        Ok(unit.commit().await?)
    }

    async fn record_unreadable(&self, channel: ChannelId, refused: &[Unreadable]) -> Result<(), ImportError> {
        let mut unit = self.store.begin().await?;
        unit.unreadable().upsert_all(channel, refused).await?;
        Ok(unit.commit().await?)
    }

    async fn record_segments(&self, channel: ChannelId, claimed: &[Observation]) -> Result<(), ImportError> {
        let mut unit = self.store.begin().await?;
        unit.coverage().record(channel, claimed).await?;
        Ok(unit.commit().await?)
    }

    async fn record_check(
        &self,
        channel: ChannelId,
        at: Timestamp,
        seen_empty: bool,
        reason: Option<String>,
    ) -> Result<(), ImportError> {
        let mut unit = self.store.begin().await?;
        // The count leaves out messages that are hidden from readers.
        let start_reached = seen_empty && unit.messages().nearest(channel, MessageRange::Oldest, true).await?.is_none();
        unit.coverage().record_check(channel, at, start_reached, reason).await?;
        Ok(unit.commit().await?)
    }
}

/// Returns the claims of a file that is not known to be complete: its interval, except for the messages that the store
/// rejected.
fn claims(interval: Interval, observed_at: Timestamp, mut refused: Vec<MessageId>) -> Vec<Observation> {
    refused.sort_unstable();
    let (mut claims, mut low) = (Vec::new(), Some(interval.low()));
    for id in refused.into_iter().filter(|id| interval.contains(*id)) {
        let below = low.zip(id.previous()).and_then(|(low, high)| Interval::new(low, high));
        claims.extend(below);
        low = id.next();
    }
    claims.extend(low.and_then(|low| Interval::new(low, interval.high())));
    claims.into_iter().map(|interval| Observation { interval, observed_at, proves_absence: false }).collect()
}

/// Keeps the last of messages with the same id.
fn dedup_last(messages: &mut Vec<Message>) {
    messages.reverse();
    messages.dedup_by_key(|message| message.id);
    messages.reverse();
}
