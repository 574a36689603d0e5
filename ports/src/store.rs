//! The store: one snapshot to read, one unit to write.

use async_trait::async_trait;
use futures::future::BoxFuture;

use crate::archive::ArchiveRepository;
use crate::change::ChangeRepository;
use crate::channel::ChannelRepository;
use crate::coverage::CoverageRepository;
use crate::error::StoreError;
use crate::guild::repository::GuildRepository;
use crate::job::JobRepository;
use crate::lease::LeaseRepository;
use crate::media::MediaRepository;
use crate::message::MessageRepository;
use crate::sync::SyncStateRepository;
use crate::tenant::TenantRepository;
use crate::unreadable::UnreadableRepository;

/// Where the archive is kept.
#[async_trait]
pub trait Store: Send + Sync {
    /// One snapshot: all that is read through it is of one moment, which lies between this call and the end of its first
    /// question, and nothing can be written for good.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the store does not answer in time.
    async fn read(&self) -> Result<Box<dyn Repositories>, StoreError>;

    /// A unit of work: all of it happens, or nothing, and until then nobody else sees any of it. What it read by `find`
    /// and then replaced, no other unit replaced in between: the other waited, or one of the two ended with
    /// [`StoreError::Aborted`], at any call or at the commit. After a call that failed it is only good for dropping.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the store does not answer in time.
    async fn begin(&self) -> Result<Box<dyn UnitOfWork>, StoreError>;

    /// Waits until a unit of this process has committed changes to the change log since the last such wait ended. Meant for
    /// one waiting task; other processes are not noticed. A store that does not know its commits waits for ever.
    async fn appended(&self) {
        std::future::pending::<()>().await;
    }

    /// Removes what deleted rows left on the disk beside the tables, such as a log; called after a deletion, when no unit of
    /// the caller is open. Repeating it is fine. A server's files are the server's own affair.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if readers keep the log in use for long.
    async fn purge(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// What the store says of itself; asks it, and answers in well under a second or fails.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the store does not answer in time.
    async fn status(&self) -> Result<StoreStatus, StoreError>;

    /// Carries out `work`, which asks this store again and again and waits for nothing else, where that holds nobody
    /// up. A store whose calls block gives all of it one thread instead of one a call; any other leaves it here.
    /// Should the caller stop waiting, the work may go on.
    async fn run(&self, work: BoxFuture<'static, ()>) {
        work.await;
    }
}

/// What a store says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreStatus {
    /// Which adapter: `sqlite` or `tidb`.
    pub store: &'static str,
    /// The version of the server or library.
    pub server_version: String,
    /// The newest migration that was applied.
    pub schema_version: u32,
}

/// Everything that can be asked of one moment of the archive.
pub trait Repositories: Send {
    /// The archive as a whole.
    fn archive(&mut self) -> &mut dyn ArchiveRepository;
    /// Tenants.
    fn tenants(&mut self) -> &mut dyn TenantRepository;
    /// Channels and threads.
    fn channels(&mut self) -> &mut dyn ChannelRepository;
    /// Messages with their attachments and reactions.
    fn messages(&mut self) -> &mut dyn MessageRepository;
    /// What is held of each channel.
    fn coverage(&mut self) -> &mut dyn CoverageRepository;
    /// What changed, in order.
    fn changes(&mut self) -> &mut dyn ChangeRepository;
    /// Long work.
    fn jobs(&mut self) -> &mut dyn JobRepository;
    /// Who alone may do something.
    fn leases(&mut self) -> &mut dyn LeaseRepository;
    /// What guilds have beside channels.
    fn guilds(&mut self) -> &mut dyn GuildRepository;
    /// What could not be read of channels.
    fn unreadable(&mut self) -> &mut dyn UnreadableRepository;
    /// What became of the files of messages.
    fn media(&mut self) -> &mut dyn MediaRepository;
    /// What syncs remember of channels.
    fn sync_states(&mut self) -> &mut dyn SyncStateRepository;
}

/// Repositories whose writes happen together or not at all.
#[async_trait]
pub trait UnitOfWork: Repositories {
    /// Makes everything that was written last. Dropping the unit instead rolls it back.
    ///
    /// # Errors
    /// [`StoreError::Aborted`] if another unit won a race: nothing happened.
    /// [`StoreError::Unavailable`] if the answer was lost: it may have happened.
    async fn commit(self: Box<Self>) -> Result<(), StoreError>;
}
