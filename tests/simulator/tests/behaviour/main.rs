//! The simulator from outside: over HTTP and `WebSocket`, by third-party clients, against Discord's own schemas.
#![recursion_limit = "256"]
#![expect(clippy::unwrap_used, reason = "what helps a test may fail as a test does")]

mod acts;
mod client;
mod determinism;
mod faults;
mod gateway;
mod limits;
mod openapi;
mod rest;
mod socket;
mod talk;
mod threads;
mod twilight;
