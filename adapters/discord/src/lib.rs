//! Discord, as a source of guilds: its REST API, read by a client of our own.

mod answer;
mod config;
mod convert;
mod gate;
mod limit;
mod payload;
mod permission;
mod rest;
mod scrub;

pub use crate::config::{ApiUrl, ClientConfig, ParseApiUrlError, ParseTokenError, Token};
