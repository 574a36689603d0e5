//! Measurements of the whole, each against a baseline in the same run: what counts is the ratio.

pub mod generate;
pub mod import;
pub mod ingest;
pub mod memory;
pub mod pages;
pub mod plain;
pub mod sync;
pub mod tidb;

/// Why a measurement could not be made.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
