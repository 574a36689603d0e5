//! The unit of a store, with all of its repositories.

use std::future::Future;

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
use ports::store::{Ahead, Repositories, UnitOfWork};
use ports::sync::SyncStateRepository;
use ports::tenant::TenantRepository;
use ports::unreadable::UnreadableRepository;
use ports::unused::UnusedFileRepository;
use ports::version::VersionRepository;

use crate::archive::ArchiveStatements;
use crate::change::ChangeStatements;
use crate::channel::ChannelStatements;
use crate::coverage::CoverageStatements;
use crate::day::DayStatements;
use crate::gateway::GatewaySessionStatements;
use crate::guild::GuildStatements;
use crate::job::JobStatements;
use crate::lease::LeaseStatements;
use crate::media::MediaStatements;
use crate::message::repository::MessageStatements;
use crate::picture::PictureStatements;
use crate::removal::RemovalStatements;
use crate::sync::SyncStateStatements;
use crate::tenant::TenantStatements;
use crate::unreadable::UnreadableStatements;
use crate::unused::UnusedFileStatements;
use crate::version::VersionStatements;

/// The transaction of a store, with the statements and operations of each repository that differ between stores.
pub trait StoreUnit:
    ArchiveStatements
    + TenantStatements
    + ChannelStatements
    + JobStatements
    + LeaseStatements
    + GuildStatements
    + UnreadableStatements
    + MediaStatements
    + PictureStatements
    + SyncStateStatements
    + GatewaySessionStatements
    + RemovalStatements
    + UnusedFileStatements
    + DayStatements
    + VersionStatements
    + ChangeStatements
    + MessageStatements
    + CoverageStatements
    + 'static
{
    /// Commits like [`UnitOfWork::commit`].
    fn commit(self) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// A unit that implements every repository by the statements and operations of the store's own unit.
pub struct SqlUnit<U>(pub U);

impl<U: StoreUnit> SqlUnit<U> {
    async fn call(&mut self, read: &Ahead) -> Result<(), StoreError> {
        match read {
            Ahead::Channels(ids) => self.channels().find_all(ids).await.map(drop),
            Ahead::Threads(parent, filter, page) => {
                self.channels().list_threads(*parent, *filter, *page).await.map(drop)
            }
            Ahead::Messages(channel, range, limit) => {
                self.messages().list(*channel, *range, false, *limit).await.map(drop)
            }
            Ahead::Nearest(channel, range) => self.messages().nearest(*channel, *range, false).await.map(drop),
            Ahead::Message(channel, id) => self.messages().find(*channel, *id).await.map(drop),
            Ahead::Keys(keys) => self.messages().find_all(keys).await.map(drop),
            Ahead::Files(channel, low, high) => self.media().list(*channel, *low, *high).await.map(drop),
            Ahead::FilesOf(keys) => self.media().find_all(keys).await.map(drop),
            Ahead::Roles(tenant, ids) => self.guilds().find_roles(*tenant, ids).await.map(drop),
            Ahead::Items(tenant) => self.guilds().list(*tenant).await.map(drop),
            Ahead::Pictures(tenant, keys) => self.pictures().find_all(*tenant, keys).await.map(drop),
            Ahead::Days(channel, first, last) => self.days().list(*channel, *first, *last).await.map(drop),
            Ahead::Months(channel) => self.days().months(*channel).await.map(drop),
            Ahead::Neighbours(channel, day) => self.days().neighbours(*channel, *day).await.map(drop),
        }
    }
}

#[async_trait]
impl<U: StoreUnit> Repositories for SqlUnit<U> {
    async fn ahead(&mut self, reads: &[Ahead]) -> Result<(), StoreError> {
        if reads.is_empty() || !self.0.collect() {
            return Ok(());
        }
        for read in reads {
            self.call(read).await?;
        }
        self.0.run_collected().await?;
        // What belongs to the messages of several lists is one more round trip, and not one for each.
        let lists = reads.iter().filter(|read| matches!(read, Ahead::Messages(..)));
        if lists.clone().count() > 1 && self.0.collect() {
            for list in lists {
                self.call(list).await?;
            }
            self.0.run_collected().await?;
        }
        Ok(())
    }

    fn archive(&mut self) -> &mut dyn ArchiveRepository {
        self
    }

    fn tenants(&mut self) -> &mut dyn TenantRepository {
        self
    }

    fn channels(&mut self) -> &mut dyn ChannelRepository {
        self
    }

    fn messages(&mut self) -> &mut dyn MessageRepository {
        self
    }

    fn coverage(&mut self) -> &mut dyn CoverageRepository {
        self
    }

    fn changes(&mut self) -> &mut dyn ChangeRepository {
        self
    }

    fn jobs(&mut self) -> &mut dyn JobRepository {
        self
    }

    fn leases(&mut self) -> &mut dyn LeaseRepository {
        self
    }

    fn guilds(&mut self) -> &mut dyn GuildRepository {
        self
    }

    fn unreadable(&mut self) -> &mut dyn UnreadableRepository {
        self
    }

    fn media(&mut self) -> &mut dyn MediaRepository {
        self
    }

    fn pictures(&mut self) -> &mut dyn PictureRepository {
        self
    }

    fn sync_states(&mut self) -> &mut dyn SyncStateRepository {
        self
    }

    fn gateway_sessions(&mut self) -> &mut dyn GatewaySessionRepository {
        self
    }

    fn removals(&mut self) -> &mut dyn RemovalRepository {
        self
    }

    fn unused_files(&mut self) -> &mut dyn UnusedFileRepository {
        self
    }

    fn days(&mut self) -> &mut dyn DayRepository {
        self
    }

    fn versions(&mut self) -> &mut dyn VersionRepository {
        self
    }
}

#[async_trait]
impl<U: StoreUnit> UnitOfWork for SqlUnit<U> {
    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.0.commit().await
    }
}
