//! The use cases of an archive. They call ports and know no adapter, no HTTP and no command line.

pub mod browse;
mod channels;
pub mod copy;
pub mod doctor;
pub mod follow;
pub mod import;
pub mod jobs;
pub mod key;
mod portion;
pub mod process;
pub mod retry;
mod slug;
pub mod sync;
pub mod tenants;
mod unreadable;
