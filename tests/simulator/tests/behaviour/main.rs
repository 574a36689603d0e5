//! The simulator from outside: over HTTP and `WebSocket`, by clients that others wrote, against Discord's own schemas.
#![recursion_limit = "256"]
#![expect(clippy::unwrap_used, reason = "what helps a test may fail as a test does")]

mod client;
mod determinism;
mod limits;
mod rest;
mod threads;
