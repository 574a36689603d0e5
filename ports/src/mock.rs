//! A mock store, for unit tests of use cases.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::timestamp::Timestamp;

use crate::archive::{ArchiveRepository, MockArchiveRepository};
use crate::change::{ChangeRepository, MockChangeRepository};
use crate::channel::{ChannelRepository, MockChannelRepository};
use crate::clock::Clock;
use crate::coverage::{CoverageRepository, MockCoverageRepository};
use crate::day::{DayRepository, MockDayRepository};
use crate::error::StoreError;
use crate::gateway::{GatewaySessionRepository, MockGatewaySessionRepository};
use crate::guild::repository::{GuildRepository, MockGuildRepository};
use crate::job::{JobRepository, MockJobRepository};
use crate::lease::{LeaseRepository, MockLeaseRepository};
use crate::media::{MediaRepository, MockMediaRepository};
use crate::message::{MessageRepository, MockMessageRepository};
use crate::picture::{MockPictureRepository, PictureRepository};
use crate::removal::{MockRemovalRepository, RemovalRepository};
use crate::store::{Repositories, Store, StoreStatus, UnitOfWork};
use crate::sync::{MockSyncStateRepository, SyncStateRepository};
use crate::tenant::{MockTenantRepository, TenantRepository};
use crate::unreadable::{MockUnreadableRepository, UnreadableRepository};
use crate::unused::{MockUnusedFileRepository, UnusedFileRepository};
use crate::version::{MockVersionRepository, VersionRepository};

/// The mocks of one snapshot or unit; a call that a case did not set up panics.
#[derive(Default)]
pub struct FakeUnitOfWork {
    /// The archive as a whole.
    pub archive: MockArchiveRepository,
    /// Tenants.
    pub tenants: MockTenantRepository,
    /// Channels.
    pub channels: MockChannelRepository,
    /// Messages.
    pub messages: MockMessageRepository,
    /// Coverage.
    pub coverage: MockCoverageRepository,
    /// Changes.
    pub changes: MockChangeRepository,
    /// Jobs.
    pub jobs: MockJobRepository,
    /// Leases.
    pub leases: MockLeaseRepository,
    /// Roles, emoji and stickers.
    pub guilds: MockGuildRepository,
    /// Unreadable entries of channels.
    pub unreadable: MockUnreadableRepository,
    /// The download state of attachments.
    pub media: MockMediaRepository,
    /// The pictures of guilds and of texts.
    pub pictures: MockPictureRepository,
    /// The sync states of channels.
    pub sync_states: MockSyncStateRepository,
    /// Sessions of the gateway.
    pub gateway_sessions: MockGatewaySessionRepository,
    /// Content that is due to be removed.
    pub removals: MockRemovalRepository,
    /// Files whose bytes are to be removed.
    pub unused_files: MockUnusedFileRepository,
    /// The days of channels.
    pub days: MockDayRepository,
    /// Earlier texts of messages.
    pub versions: MockVersionRepository,
    /// The error of the commit; `None` if it succeeds.
    pub commit_error: Option<StoreError>,
    committed: Arc<Mutex<u32>>,
}

impl Repositories for FakeUnitOfWork {
    fn archive(&mut self) -> &mut dyn ArchiveRepository {
        &mut self.archive
    }

    fn tenants(&mut self) -> &mut dyn TenantRepository {
        &mut self.tenants
    }

    fn channels(&mut self) -> &mut dyn ChannelRepository {
        &mut self.channels
    }

    fn messages(&mut self) -> &mut dyn MessageRepository {
        &mut self.messages
    }

    fn coverage(&mut self) -> &mut dyn CoverageRepository {
        &mut self.coverage
    }

    fn changes(&mut self) -> &mut dyn ChangeRepository {
        &mut self.changes
    }

    fn jobs(&mut self) -> &mut dyn JobRepository {
        &mut self.jobs
    }

    fn leases(&mut self) -> &mut dyn LeaseRepository {
        &mut self.leases
    }

    fn guilds(&mut self) -> &mut dyn GuildRepository {
        &mut self.guilds
    }

    fn unreadable(&mut self) -> &mut dyn UnreadableRepository {
        &mut self.unreadable
    }

    fn media(&mut self) -> &mut dyn MediaRepository {
        &mut self.media
    }

    fn pictures(&mut self) -> &mut dyn PictureRepository {
        &mut self.pictures
    }

    fn sync_states(&mut self) -> &mut dyn SyncStateRepository {
        &mut self.sync_states
    }

    fn gateway_sessions(&mut self) -> &mut dyn GatewaySessionRepository {
        &mut self.gateway_sessions
    }

    fn removals(&mut self) -> &mut dyn RemovalRepository {
        &mut self.removals
    }

    fn unused_files(&mut self) -> &mut dyn UnusedFileRepository {
        &mut self.unused_files
    }

    fn days(&mut self) -> &mut dyn DayRepository {
        &mut self.days
    }

    fn versions(&mut self) -> &mut dyn VersionRepository {
        &mut self.versions
    }
}

#[async_trait]
impl UnitOfWork for FakeUnitOfWork {
    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        if let Some(error) = self.commit_error {
            return Err(error);
        }
        *self.committed.lock().expect("no case panics while it holds the lock") += 1;
        Ok(())
    }
}

/// A store that returns the units that a case prepared, in order, for reading and writing alike.
#[derive(Default)]
pub struct FakeStore {
    units: Mutex<Vec<FakeUnitOfWork>>,
    committed: Arc<Mutex<u32>>,
}

impl FakeStore {
    /// Returns a store with these units; a call after the last one returns [`StoreError::Missing`].
    #[must_use]
    pub fn new(units: impl IntoIterator<Item = FakeUnitOfWork>) -> Self {
        let mut units: Vec<_> = units.into_iter().collect();
        units.reverse();
        Self { units: Mutex::new(units), committed: Arc::default() }
    }

    /// Returns the number of committed units.
    ///
    /// # Panics
    /// If a case panicked in a commit.
    #[must_use]
    pub fn committed(&self) -> u32 {
        *self.committed.lock().expect("no case panics while it holds the lock")
    }

    fn next(&self) -> Result<Box<FakeUnitOfWork>, StoreError> {
        let mut unit = self
            .units
            .lock()
            .expect("no case panics while it holds the lock")
            .pop()
            .ok_or(StoreError::Missing { what: "unit" })?;
        unit.committed = Arc::clone(&self.committed);
        Ok(Box::new(unit))
    }
}

#[async_trait]
impl Store for FakeStore {
    async fn read(&self) -> Result<Box<dyn Repositories>, StoreError> {
        Ok(self.next()?)
    }

    async fn begin(&self) -> Result<Box<dyn UnitOfWork>, StoreError> {
        Ok(self.next()?)
    }

    async fn status(&self) -> Result<StoreStatus, StoreError> {
        Ok(StoreStatus { store: "fake", server_version: "0".to_owned(), schema_version: 0 })
    }
}

/// A clock with a fixed time.
pub struct FakeClock(pub Timestamp);

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}
