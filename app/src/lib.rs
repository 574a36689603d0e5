//! The use cases of an archive, and its command line, REST API and site.

pub mod browse;
mod channels;
pub mod cli;
pub mod config;
pub mod copy;
pub mod doctor;
pub mod follow;
pub mod html;
pub mod http;
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
pub mod wire;
