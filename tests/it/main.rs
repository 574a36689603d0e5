//! Everything that takes more than one crate to show.
#![expect(clippy::unwrap_used, reason = "what fails here fails a test")]

mod cli;
mod contract;
mod deletion;
mod hostile;
mod http;
mod import;
mod openapi;
mod program;
mod same;
mod server;
