//! Discord, as a source of guilds: a client of its REST API.

mod channel;
mod client;
mod config;
mod convert;
mod files;
mod gate;
mod guild;
mod limit;
mod messages;
mod payload;
mod permission;
mod response;
mod rest;
mod scrub;
mod threads;

pub use crate::client::DiscordClient;
pub use crate::config::{ApiUrl, ClientConfig, ParseApiUrlError, ParseTokenError, Token};
