//! Tests that involve more than one crate.
#![expect(clippy::unwrap_used, reason = "what fails here fails a test")]
#![expect(clippy::disallowed_methods, reason = "cases make ids of their own, and programs run in the system's time")]

mod at_rest;
mod boundaries;
mod cache;
mod channel_days;
mod cli;
mod compose;
mod contract;
mod copy;
mod deletion;
mod downloads;
mod faults;
mod follow;
mod hostile;
mod http;
mod import;
mod key;
mod listings;
mod media;
mod nodes;
mod only_tidb;
mod openapi;
mod opening;
mod pictures;
mod program;
mod proxy;
mod real;
mod same;
mod search;
mod server;
mod shown_counts;
mod statements;
mod streams;
mod submissions;
mod sync;
mod tls;
