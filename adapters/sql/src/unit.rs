//! The accessors of a unit.

/// Implements [`Repositories`](ports::store::Repositories) for a unit that implements every repository.
#[macro_export]
macro_rules! repositories {
    ($unit:ty) => {
        $crate::repositories! { $unit:
            archive: ports::archive::ArchiveRepository,
            tenants: ports::tenant::TenantRepository,
            channels: ports::channel::ChannelRepository,
            messages: ports::message::MessageRepository,
            coverage: ports::coverage::CoverageRepository,
            changes: ports::change::ChangeRepository,
            jobs: ports::job::JobRepository,
            leases: ports::lease::LeaseRepository,
            guilds: ports::guild::repository::GuildRepository,
            unreadable: ports::unreadable::UnreadableRepository,
            media: ports::media::MediaRepository,
            sync_states: ports::sync::SyncStateRepository,
        }
    };
    ($unit:ty: $($name:ident: $repository:path),+ $(,)?) => {
        impl ports::store::Repositories for $unit {
            $(fn $name(&mut self) -> &mut dyn $repository {
                self
            })+
        }
    };
}
