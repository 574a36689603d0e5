//! Runs one of the measurements.

use std::ffi::OsString;
use std::path::PathBuf;

use bench::{Failure, import, ingest, pages, sync, tidb};
use clap::{Parser, Subcommand};

/// Answers are made of many small pieces on many threads, which this allocator takes and gives back faster.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

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
    /// How fast an export is imported, against typed parsing of the same file.
    Import {
        /// The size of the file, in MB.
        #[arg(long, default_value_t = 200)]
        megabytes: u64,
        /// How often both are measured.
        #[arg(long, default_value_t = 3)]
        pairs: u32,
    },
    /// The peak memory of importing a small and a large file.
    Memory {
        /// The size of the small file, in MB.
        #[arg(long, default_value_t = 200)]
        small: u64,
        /// The size of the large file, in MB.
        #[arg(long, default_value_t = 2_000)]
        large: u64,
        /// Where the files are made, one after the other; the system's temporary folder without it.
        #[arg(long)]
        folder: Option<PathBuf>,
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
    /// Rows a second on the server at `TIDB_URL`, against raw multi-row upserts, by batch and writers.
    TidbIngest {
        /// Messages to store with each batch and number of writers.
        #[arg(long, default_value_t = 32_000)]
        messages: u64,
        /// How often both are measured.
        #[arg(long, default_value_t = 2)]
        pairs: u64,
    },
    /// Pages of 50 messages over HTTP from the server at `TIDB_URL`, out of a short and a long channel.
    TidbPages {
        /// Messages of the short channel.
        #[arg(long, default_value_t = 10_000)]
        short: u64,
        /// Messages of the long channel.
        #[arg(long, default_value_t = 2_000_000)]
        long: u64,
        /// Connections that ask at the same time.
        #[arg(long, default_value_t = 8)]
        connections: u32,
        /// How long each is asked.
        #[arg(long, default_value_t = 10)]
        seconds: u64,
        /// How often both are measured.
        #[arg(long, default_value_t = 3)]
        rounds: u32,
    },
    /// How fast tenants are deleted on the server at `TIDB_URL`.
    TidbDelete {
        /// Messages of each tenant.
        #[arg(default_values_t = [20_000, 200_000])]
        messages: Vec<u64>,
    },
    /// A whole guild read from `discord-simulator` into `DATABASE_URL` (a file without it), and every channel of it by
    /// checksum against what the simulator says; then a second run.
    Sync {
        /// How big the guild is: small, large or huge.
        #[arg(long, default_value = "large")]
        guild: String,
        /// What the guild is made from.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// What the client may ask in a second.
        #[arg(long, default_value_t = 10_000)]
        requests_per_second: u32,
    },
    #[command(hide = true)]
    SyncOne {
        #[arg(long)]
        requests_per_second: u32,
        api: String,
        guild: String,
    },
    #[command(hide = true)]
    ImportOne { file: PathBuf },
    #[command(hide = true)]
    Serve { location: OsString },
    #[command(hide = true)]
    ServeBytes { path: PathBuf },
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    match Arguments::parse().what {
        Measurement::Ingest { messages, batch, pairs } => ingest::run(messages, batch, pairs).await,
        Measurement::Import { megabytes, pairs } => import::run(megabytes, pairs),
        Measurement::Memory { small, large, folder } => import::memory(small, large, folder),
        Measurement::ImportOne { file } => import::once(file).await,
        Measurement::Pages { data, short, long, connections, seconds, rounds } => {
            pages::run(&pages::Plan { data, short, long, connections, seconds, rounds }).await
        }
        Measurement::TidbIngest { messages, pairs } => {
            tidb::ingest::run(&tidb::Server::from_env()?, messages, pairs).await
        }
        Measurement::TidbPages { short, long, connections, seconds, rounds } => {
            let plan = pages::Plan { data: None, short, long, connections, seconds, rounds };
            tidb::pages::run(&tidb::Server::from_env()?, &plan).await
        }
        Measurement::TidbDelete { messages } => tidb::delete::run(&tidb::Server::from_env()?, &messages).await,
        Measurement::Sync { guild, seed, requests_per_second } => {
            let database = std::env::var("DATABASE_URL").ok();
            sync::run(&sync::Plan { guild, seed, database, requests_per_second }).await
        }
        Measurement::SyncOne { requests_per_second, api, guild } => sync::once(&api, &guild, requests_per_second).await,
        Measurement::Serve { location } => pages::serve(&location).await,
        Measurement::ServeBytes { path } => pages::serve_bytes(&path).await,
    }
}
