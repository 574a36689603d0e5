//! Measurements of the whole program, each compared with a baseline in the same run: only the ratio counts.
#![expect(clippy::disallowed_methods, reason = "measurements take real time")]

pub mod generate;
pub mod import;
pub mod ingest;
pub mod memory;
pub mod pages;
pub mod plain;
pub mod search;
pub mod streams;
pub mod sync;
pub mod tidb;

/// The error of a measurement that failed.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
