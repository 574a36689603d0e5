//! A store that attaches a companion to its units and snapshots: a value that lives as long as they do.

use async_trait::async_trait;
use ports::archive::ArchiveRepository;
use ports::change::ChangeRepository;
use ports::channel::ChannelRepository;
use ports::coverage::CoverageRepository;
use ports::day::DayRepository;
use ports::error::StoreError;
use ports::gateway::GatewaySessionRepository;
use ports::guild::repository::GuildRepository;
use ports::job::JobRepository;
use ports::lease::LeaseRepository;
use ports::media::MediaRepository;
use ports::message::MessageRepository;
use ports::picture::PictureRepository;
use ports::removal::RemovalRepository;
use ports::store::{Repositories, UnitOfWork};
use ports::sync::SyncStateRepository;
use ports::tenant::TenantRepository;
use ports::unreadable::UnreadableRepository;
use ports::unused::UnusedFileRepository;
use ports::version::VersionRepository;

/// A value that lives as long as a unit or snapshot.
#[async_trait]
pub(super) trait Company: Send {
    /// Returns the result that the caller gets for a commit that ended in `outcome`.
    async fn committed(self, outcome: Result<(), StoreError>) -> Result<(), StoreError>
    where
        Self: Sized,
    {
        outcome
    }

    /// Called with the name of each repository that a unit or snapshot uses.
    fn used(&self, _repositories: &'static str) {}
}

/// A unit or snapshot with its companion, which is dropped last.
pub(super) struct With<R: ?Sized, C>(pub(super) Box<R>, pub(super) C);

impl<R: Repositories + ?Sized, C: Company> Repositories for With<R, C> {
    fn archive(&mut self) -> &mut dyn ArchiveRepository {
        self.0.archive()
    }

    fn tenants(&mut self) -> &mut dyn TenantRepository {
        self.0.tenants()
    }

    fn channels(&mut self) -> &mut dyn ChannelRepository {
        self.1.used("channels");
        self.0.channels()
    }

    fn messages(&mut self) -> &mut dyn MessageRepository {
        self.1.used("messages");
        self.0.messages()
    }

    fn coverage(&mut self) -> &mut dyn CoverageRepository {
        self.1.used("coverage");
        self.0.coverage()
    }

    fn changes(&mut self) -> &mut dyn ChangeRepository {
        self.0.changes()
    }

    fn jobs(&mut self) -> &mut dyn JobRepository {
        self.0.jobs()
    }

    fn leases(&mut self) -> &mut dyn LeaseRepository {
        self.1.used("leases");
        self.0.leases()
    }

    fn guilds(&mut self) -> &mut dyn GuildRepository {
        self.0.guilds()
    }

    fn unreadable(&mut self) -> &mut dyn UnreadableRepository {
        self.0.unreadable()
    }

    fn media(&mut self) -> &mut dyn MediaRepository {
        self.0.media()
    }

    fn pictures(&mut self) -> &mut dyn PictureRepository {
        self.0.pictures()
    }

    fn sync_states(&mut self) -> &mut dyn SyncStateRepository {
        self.1.used("sync_states");
        self.0.sync_states()
    }

    fn gateway_sessions(&mut self) -> &mut dyn GatewaySessionRepository {
        self.1.used("gateway_sessions");
        self.0.gateway_sessions()
    }

    fn removals(&mut self) -> &mut dyn RemovalRepository {
        self.0.removals()
    }

    fn unused_files(&mut self) -> &mut dyn UnusedFileRepository {
        self.0.unused_files()
    }

    fn days(&mut self) -> &mut dyn DayRepository {
        self.0.days()
    }

    fn versions(&mut self) -> &mut dyn VersionRepository {
        self.0.versions()
    }
}

#[async_trait]
impl<C: Company> UnitOfWork for With<dyn UnitOfWork, C> {
    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        let Self(unit, company) = *self;
        let outcome = unit.commit().await;
        company.committed(outcome).await
    }
}
