//! Discord, as a source of guilds, of the files of messages, and of events: a client of its REST API and its gateway.
//!
//! [`DiscordGateway`] implements [`ports::event::EventSource`]: `gateway` describes its parts. [`DiscordClient`]
//! implements [`ports::guild::GuildSource`] and [`ports::media::FileSource`]. A request passes through these parts, each of which can be tested alone:
//! - the limiter, a pure function of the clock and the responses, decides when it may be sent; the gate releases it;
//! - the REST client sends it, and retries what is transient;
//! - the payload parser reads each object on its own, so that one bad message does not fail its page;
//! - the pseudonymizer removes people before any value leaves this crate, and the converters build domain types.
//!
//! Limits and errors follow Discord's documentation, which is linked where a number comes from it.

mod channel;
mod client;
mod config;
mod convert;
mod files;
mod gate;
mod gateway;
mod guild;
mod limit;
mod messages;
mod patch;
mod payload;
mod permission;
mod response;
mod rest;
mod scrub;
mod threads;
mod view;

pub use crate::client::DiscordClient;
pub use crate::config::{ApiUrl, ClientConfig, ParseApiUrlError, ParseTokenError, Token};
pub use crate::gateway::DiscordGateway;
