//! The ports of the core: the traits by which use cases reach the archive, Discord, exports, files and the clock.
//!
//! A use case takes ports as trait objects and knows no adapter. Reads go through one snapshot ([`store::Store::read`]),
//! writes through a unit of work ([`store::Store::begin`]) that is all or nothing: leaving it without
//! [`commit`](store::UnitOfWork::commit), by `?` or by drop, rolls it back.
//!
//! ```
//! use domain::channel::{Channel, ChannelId};
//! use ports::error::StoreError;
//! use ports::store::Store;
//!
//! /// Renames a channel. The caller repeats the whole function if [`StoreError::is_retryable`].
//! async fn rename(store: &dyn Store, id: ChannelId, name: &str) -> Result<(), StoreError> {
//!     let mut unit = store.begin().await?;
//!     let channel = unit.channels().find(id).await?.ok_or(StoreError::Missing { what: "channel" })?;
//!     unit.channels().upsert(&Channel { name: name.to_owned(), ..channel }).await?;
//!     unit.commit().await
//! }
//! ```
//!
//! To add a repository:
//! 1. Write its trait in a module of its own. The documentation states what every store guarantees: order, ties,
//!    limits, repetition and errors. Add its accessor to [`store::Repositories`] and its mock to `mock`.
//! 2. Write a migration in both dialects under `migrations/`, with the same name.
//! 3. Implement the trait in `adapters/sqlite` and `adapters/tidb`, each statement a constant beside its method.
//! 4. Prove each guarantee with a case in `tests/it/contract`, which runs against both stores.

pub mod archive;
pub mod change;
pub mod channel;
pub mod clock;
pub mod coverage;
pub mod day;
pub mod engine;
pub mod error;
pub mod event;
pub mod gateway;
pub mod guild;
pub mod job;
pub mod lease;
pub mod media;
pub mod message;
#[cfg(feature = "mock")]
pub mod mock;
pub mod page;
pub mod picture;
pub mod removal;
pub mod search;
pub mod snapshot;
pub mod source;
pub mod store;
pub mod sync;
pub mod tenant;
pub mod thumbnail;
pub mod unreadable;
pub mod unused;
pub mod upkeep;
pub mod version;
