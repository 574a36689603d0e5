//! The pure rules of an archive: tenants, channels, messages and the coverage of channels.
//!
//! This crate does not wait, and reads no file or clock. Time and new ids come in as arguments.

pub mod change;
pub mod channel;
pub mod coverage;
pub mod guild;
pub mod interaction;
pub mod job;
pub mod json;
pub mod lease;
pub mod markup;
pub mod media;
pub mod message;
pub mod page;
pub mod pseudonym;
pub mod slug;
pub mod snowflake;
pub mod sync;
pub mod tenant;
pub mod timestamp;
pub mod unreadable;
pub mod visibility;
