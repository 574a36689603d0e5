//! The adapter against the simulator, in a paused time that advances only when all tasks are idle.
#![expect(clippy::unwrap_used, reason = "what helps a test may fail as a test does")]

mod archived;
mod faults;
mod gateway;
mod guild;
mod limits;
mod pages;
mod world;
