//! Runs one of the measurements.

use std::error::Error;

use bench::ingest;
use clap::{Parser, Subcommand};

/// Measures Verta against a baseline in the same run.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: Measurement,
}

#[derive(Subcommand)]
enum Measurement {
    /// Rows a second through the unit of work, against prepared multi-row inserts of the same rows.
    Ingest {
        /// Messages to store.
        #[arg(long, default_value_t = 200_000)]
        messages: u64,
        /// Messages of one unit.
        #[arg(long, default_value_t = 500)]
        batch: u64,
        /// How often both are measured.
        #[arg(long, default_value_t = 3)]
        pairs: u32,
    },
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    match Arguments::parse().what {
        Measurement::Ingest { messages, batch, pairs } => ingest::run(messages, batch, pairs).await,
    }
}
