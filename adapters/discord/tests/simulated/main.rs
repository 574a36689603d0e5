//! The adapter against the simulator, in a time that passes only when nothing else happens.

mod archived;
mod faults;
mod guild;
mod limits;
mod pages;
mod world;
