//! The ports of the core: the store of the archive, the files to import, and the clock.

pub mod archive;
pub mod change;
pub mod channel;
pub mod clock;
pub mod coverage;
pub mod error;
pub mod guild;
pub mod job;
pub mod lease;
pub mod media;
pub mod message;
#[cfg(feature = "mock")]
pub mod mock;
pub mod page;
pub mod source;
pub mod store;
pub mod sync;
pub mod tenant;
pub mod unreadable;
