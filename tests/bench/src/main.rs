//! Runs one of the measurements.

use std::path::PathBuf;

use bench::{Failure, ingest, pages};
use clap::{Parser, Subcommand};

/// Answers are made of many small pieces on many threads, which this allocator takes and gives back faster.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
    /// Pages of 50 messages over HTTP from a short and a long channel, against hyper serving the same bytes.
    Pages {
        /// Where the databases are kept for the next run.
        #[arg(long)]
        data: Option<PathBuf>,
        /// Messages of the short channel.
        #[arg(long, default_value_t = 10_000)]
        short: u64,
        /// Messages of the long channel.
        #[arg(long, default_value_t = 5_000_000)]
        long: u64,
        /// Connections that ask at the same time.
        #[arg(long, default_value_t = 8)]
        connections: u32,
        /// How long each server is asked.
        #[arg(long, default_value_t = 10)]
        seconds: u64,
        /// How often all are measured.
        #[arg(long, default_value_t = 3)]
        rounds: u32,
    },
    #[command(hide = true)]
    Serve { path: PathBuf },
    #[command(hide = true)]
    ServeBytes { path: PathBuf },
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    match Arguments::parse().what {
        Measurement::Ingest { messages, batch, pairs } => ingest::run(messages, batch, pairs).await,
        Measurement::Pages { data, short, long, connections, seconds, rounds } => {
            pages::run(&pages::Plan { data, short, long, connections, seconds, rounds }).await
        }
        Measurement::Serve { path } => pages::serve(&path).await,
        Measurement::ServeBytes { path } => pages::serve_bytes(&path).await,
    }
}
