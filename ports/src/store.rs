//! The store: snapshots to read, units of work to write.

use async_trait::async_trait;
use domain::channel::ChannelId;
use domain::day::Day;
use domain::guild::RoleId;
use domain::message::MessageId;
use domain::picture::PictureKey;
use domain::tenant::TenantId;
use futures::future::BoxFuture;

use crate::archive::ArchiveRepository;
use crate::change::ChangeRepository;
use crate::channel::{ChannelRepository, ThreadCursor, ThreadFilter};
use crate::coverage::CoverageRepository;
use crate::day::DayRepository;
use crate::error::StoreError;
use crate::gateway::GatewaySessionRepository;
use crate::guild::repository::GuildRepository;
use crate::job::JobRepository;
use crate::lease::LeaseRepository;
use crate::media::MediaRepository;
use crate::message::MessageRepository;
use crate::page::{MessageRange, Page};
use crate::picture::PictureRepository;
use crate::removal::RemovalRepository;
use crate::sync::SyncStateRepository;
use crate::tenant::TenantRepository;
use crate::unreadable::UnreadableRepository;
use crate::unused::UnusedFileRepository;
use crate::version::VersionRepository;

/// The store of the archive.
#[async_trait]
pub trait Store: Send + Sync {
    /// Opens a read-only snapshot: everything read through it is as of one moment, which lies between this call and the
    /// end of its first query. Writes through it cannot be committed.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the store does not respond in time.
    async fn read(&self) -> Result<Box<dyn Repositories>, StoreError>;

    /// Begins a unit of work: all of it happens, or nothing, and until the commit no other reader sees any of it. A row
    /// that it read by `find` and then replaced was not replaced by another unit in between: the other unit waited, or
    /// one of the two ended with [`StoreError::Aborted`], at any call or at the commit. After a failed call the unit
    /// can only be dropped.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the store does not respond in time.
    async fn begin(&self) -> Result<Box<dyn UnitOfWork>, StoreError>;

    /// Waits until a unit of this process has committed changes to the change log since the last such wait ended. Meant
    /// for one waiting task; other processes are not observed. A store that does not track its commits waits for ever.
    async fn appended(&self) {
        std::future::pending::<()>().await;
    }

    /// Returns the number of units of this process whose commits appended to the change log, those included whose
    /// responses were lost. A unit is counted before its commit returns, so a reader that finds this number unchanged
    /// has missed no change of this process. 0 from a store that does not track its commits.
    fn commits(&self) -> u64 {
        0
    }

    /// Removes remains of deleted rows on the disk outside the tables, such as a log; called after a deletion, when no
    /// unit of the caller is open. Idempotent. A database server manages its own files.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if readers keep the log in use for long.
    async fn purge(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Requests the status of the store; returns in well under a second or fails.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the store does not respond in time.
    async fn status(&self) -> Result<StoreStatus, StoreError>;

    /// Runs `work`, which calls this store repeatedly and waits for nothing else, where it does not block other tasks.
    /// A store whose calls block gives all of it one thread instead of one per call; any other store runs it in place.
    /// The work may continue after the caller stops waiting.
    async fn run(&self, work: BoxFuture<'static, ()>) {
        work.await;
    }
}

/// The status of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreStatus {
    /// The adapter: `sqlite` or `tidb`.
    pub store: &'static str,
    /// The version of the server or library.
    pub server_version: String,
    /// The newest applied migration.
    pub schema_version: u32,
}

/// A read that follows, as the repository method of that name returns it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ahead {
    /// [`ChannelRepository::find_all`].
    Channels(Vec<ChannelId>),
    /// [`ChannelRepository::list_threads`].
    Threads(ChannelId, ThreadFilter, Page<ThreadCursor>),
    /// [`MessageRepository::list`]: its messages, and nothing of what belongs to them.
    Messages(ChannelId, MessageRange, u32),
    /// [`MessageRepository::nearest`].
    Nearest(ChannelId, MessageRange),
    /// [`MessageRepository::find`].
    Message(ChannelId, MessageId),
    /// [`MessageRepository::find_all`].
    Keys(Vec<(ChannelId, MessageId)>),
    /// [`MediaRepository::list`].
    Files(ChannelId, MessageId, MessageId),
    /// [`MediaRepository::find_all`].
    FilesOf(Vec<(ChannelId, MessageId)>),
    /// [`GuildRepository::find_roles`].
    Roles(TenantId, Vec<RoleId>),
    /// [`GuildRepository::list`].
    Items(TenantId),
    /// [`PictureRepository::find_all`].
    Pictures(TenantId, Vec<PictureKey>),
    /// [`DayRepository::list`].
    Days(ChannelId, Day, Day),
    /// [`DayRepository::months`].
    Months(ChannelId),
    /// [`DayRepository::neighbours`].
    Neighbours(ChannelId, Day),
}

/// The repositories of one snapshot or unit.
#[async_trait]
pub trait Repositories: Send {
    /// Announces reads that follow in a snapshot, and that do not depend on each other. A store to which each is a round
    /// trip makes them together, and has their results when they are called; the results are the same without.
    /// Announced messages and nearest ones are those without restricted kinds.
    ///
    /// # Errors
    /// As for the reads.
    async fn ahead(&mut self, _reads: &[Ahead]) -> Result<(), StoreError> {
        Ok(())
    }

    /// The archive as a whole.
    fn archive(&mut self) -> &mut dyn ArchiveRepository;
    /// Tenants.
    fn tenants(&mut self) -> &mut dyn TenantRepository;
    /// Channels and threads.
    fn channels(&mut self) -> &mut dyn ChannelRepository;
    /// Messages with their attachments and reactions.
    fn messages(&mut self) -> &mut dyn MessageRepository;
    /// The coverage of each channel.
    fn coverage(&mut self) -> &mut dyn CoverageRepository;
    /// The change log.
    fn changes(&mut self) -> &mut dyn ChangeRepository;
    /// Jobs.
    fn jobs(&mut self) -> &mut dyn JobRepository;
    /// Leases.
    fn leases(&mut self) -> &mut dyn LeaseRepository;
    /// Roles, emoji and stickers of guilds.
    fn guilds(&mut self) -> &mut dyn GuildRepository;
    /// Unreadable entries of channels.
    fn unreadable(&mut self) -> &mut dyn UnreadableRepository;
    /// The download state of attachments.
    fn media(&mut self) -> &mut dyn MediaRepository;
    /// The pictures of guilds and of texts.
    fn pictures(&mut self) -> &mut dyn PictureRepository;
    /// The sync states of channels.
    fn sync_states(&mut self) -> &mut dyn SyncStateRepository;
    /// Sessions of the gateway.
    fn gateway_sessions(&mut self) -> &mut dyn GatewaySessionRepository;
    /// Content that is due to be removed.
    fn removals(&mut self) -> &mut dyn RemovalRepository;
    /// Files whose bytes are to be removed.
    fn unused_files(&mut self) -> &mut dyn UnusedFileRepository;
    /// The days of channels.
    fn days(&mut self) -> &mut dyn DayRepository;
    /// Earlier texts of messages.
    fn versions(&mut self) -> &mut dyn VersionRepository;
}

/// Repositories whose writes happen together or not at all.
#[async_trait]
pub trait UnitOfWork: Repositories {
    /// Commits every write of the unit. Dropping the unit instead rolls it back.
    ///
    /// # Errors
    /// [`StoreError::Aborted`] if another unit won a race: nothing happened. [`StoreError::Unavailable`] if the
    /// response was lost: it may have happened.
    async fn commit(self: Box<Self>) -> Result<(), StoreError>;
}
