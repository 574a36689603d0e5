//! The pure rules of an archive: tenants, channels, messages and the coverage of channels.
//!
//! This crate does not wait, and reads no file or clock. Time and new ids come in as arguments, so every rule is a
//! function whose result a test can state.
//!
//! Values are parsed once, at the boundary, into types that cannot be invalid:
//!
//! ```
//! use domain::channel::{Channel, ChannelId, ChannelKind};
//! use domain::slug::TenantSlug;
//! use domain::snowflake::Id;
//! use domain::tenant::{Platform, PlatformId, TenantId};
//!
//! assert!(TenantSlug::new("Our Community").is_err());
//! assert_eq!(TenantSlug::from_name("Our Community").as_str(), "our-community");
//!
//! // Ids derive from those of the platform, so that two archives of one community agree on them.
//! let tenant = TenantId::of(Platform::Discord, &PlatformId::new("81384788765712384")?);
//! let id = Id::new(381_870_553_235_193_857).expect("not zero");
//! let channel = Channel::new(tenant, id, ChannelKind::TEXT, "general".to_owned());
//! assert_eq!(channel.id, ChannelId::of(tenant, id));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! To add a rule: find the aggregate that it is about (one per module), write it as a method or function of its types,
//! and add cases to the `tests.rs` beside the module.

pub mod access;
pub mod change;
pub mod channel;
pub mod color;
pub mod coverage;
pub mod crawling;
pub mod day;
pub mod domain_name;
pub mod emoji;
pub mod event;
pub mod export;
pub mod guild;
pub mod interaction;
pub mod job;
pub mod json;
pub mod lease;
pub mod markup;
pub mod media;
pub mod message;
pub mod page;
pub mod picture;
pub mod profile;
pub mod pseudonym;
pub mod removal;
pub mod retention;
pub mod search;
pub mod slug;
pub mod snowflake;
pub mod solved;
pub mod sync;
pub mod tenant;
pub mod timestamp;
pub mod unreadable;
pub mod visibility;
