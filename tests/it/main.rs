//! Everything that takes more than one crate to show.

mod contract;
mod hostile;
mod http;
mod import;
mod program;
