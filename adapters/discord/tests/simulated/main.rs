//! The adapter against the simulator, in a time that passes only when nothing else happens.
#![expect(clippy::unwrap_used, reason = "what helps a test may fail as a test does")]

mod archived;
mod faults;
mod guild;
mod limits;
mod pages;
mod world;
