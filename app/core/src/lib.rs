//! The use cases of an archive. They call ports and know no adapter, no HTTP and no command line.
//!
//! Each module is one use case: [`sync`] copies from Discord, and [`ingest`] stores what it fetched; [`import`] copies
//! from exports, [`mod@copy`] from another archive, and [`media_copy`] its files from another media store; [`browse`]
//! reads for an audience, [`thumbnails`] makes small pictures of large ones, [`jobs`] and [`tenants`] administer,
//! [`follow`] follows the change log, [`domains`] finds the community of a domain, [`submissions`] tells search engines
//! what changed, and [`doctor`] checks an installation. A use case gets its ports as trait objects when it is made, and
//! is tested with the mocks of `ports` or against a real store in `tests/it`.

pub mod browse;
mod channels;
pub mod copy;
pub mod doctor;
pub mod domains;
pub mod follow;
pub mod import;
pub mod ingest;
pub mod jobs;
pub mod key;
pub mod live;
pub mod media_copy;
mod portion;
pub mod process;
pub mod removals;
pub mod retry;
pub mod search;
mod slug;
mod stored;
pub mod submissions;
pub mod sync;
pub mod tenants;
pub mod thumbnails;
mod unreadable;
