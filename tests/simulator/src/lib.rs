//! A local Discord: REST API, gateway, files, rate limits and faults, with a guild generated from a seed.
//!
//! Message number *i* of a channel is computed from the seed, so a guild of ten million messages needs no memory. Live
//! changes are stored as an overlay. The ledger gives the content of a complete archive of it.

#![recursion_limit = "256"]

mod act;
mod api;
mod cdn;
mod channel;
mod clock;
mod control;
mod delivery;
mod event;
mod fault;
mod gateway;
mod guild;
mod ledger;
mod limit;
mod message;
mod moment;
mod options;
mod overlay;
mod people;
mod permission;
mod plan;
mod random;
mod requests;
mod rest;
mod server;
mod simulator;
mod talk;
mod timeline;
mod words;
mod world;

pub use act::{Act, ActError, BotChange, ChannelChange};
pub use channel::{Origin, kind};
pub use clock::Clock;
pub use fault::{Fault, FaultRule, LimitScope, Match};
pub use gateway::GatewayFault;
pub use ledger::Ledger;
pub use limit::Limits;
pub use moment::{HISTORY_END_MS, iso, ms_of, parse_iso, snowflake};
pub use options::Options;
pub use permission::{
    ADMINISTRATOR, CONNECT, MANAGE_THREADS, MANAGE_WEBHOOKS, Overwrite, READ_MESSAGE_HISTORY, SEND_MESSAGES, Subject,
    VIEW_AUDIT_LOG, VIEW_CHANNEL,
};
pub use plan::{Archive, ChannelPlan, GuildSize, Rights, ThreadPlan};
pub use requests::{Request, Totals};
pub use simulator::Simulator;
