//! Runs one of the measurements.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use bench::{Failure, import, ingest, live, pages, search, streams, sync, tidb};
use clap::{Parser, Subcommand};

/// Responses consist of many small pieces on many threads, which this allocator allocates and frees faster.
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
    /// Rows a second through the unit of work, compared with prepared multi-row inserts of the same rows.
    Ingest {
        /// The number of messages to store.
        #[arg(long, default_value_t = 200_000)]
        messages: u64,
        /// The number of messages in one unit.
        #[arg(long, default_value_t = 500)]
        batch: u64,
        /// The number of measurements of both.
        #[arg(long, default_value_t = 3)]
        pairs: u32,
    },
    /// The speed of an import, compared with typed parsing of the same file.
    Import {
        /// The size of the file, in MB.
        #[arg(long, default_value_t = 200)]
        megabytes: u64,
        /// The number of measurements of both.
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
        /// The folder for the files, created one after the other; the system's temporary folder by default.
        #[arg(long)]
        folder: Option<PathBuf>,
    },
    /// Pages of 50 messages over HTTP from a short and a long channel, compared with hyper serving the same bytes.
    Pages {
        /// The folder in which the databases are kept for the next run.
        #[arg(long)]
        data: Option<PathBuf>,
        /// The number of messages in the short channel.
        #[arg(long, default_value_t = 10_000)]
        short: u64,
        /// The number of messages in the long channel.
        #[arg(long, default_value_t = 5_000_000)]
        long: u64,
        /// The number of concurrent connections.
        #[arg(long, default_value_t = 8)]
        connections: u32,
        /// The duration of the load on each server.
        #[arg(long, default_value_t = 10)]
        seconds: u64,
        /// The number of measurements of each server.
        #[arg(long, default_value_t = 3)]
        rounds: u32,
    },
    /// Rows a second on the server at `TIDB_URL`, compared with raw multi-row upserts, by batch and writers.
    TidbIngest {
        /// The number of messages to store with each batch and number of writers.
        #[arg(long, default_value_t = 32_000)]
        messages: u64,
        /// The numbers of messages in one unit.
        #[arg(long, value_delimiter = ',', default_values_t = [1, 100, 500, 1000])]
        batch: Vec<u64>,
        /// The numbers of concurrent writers, each with a channel of its own.
        #[arg(long, value_delimiter = ',', default_values_t = [1, 4, 8])]
        writers: Vec<u64>,
        /// The number of measurements of both.
        #[arg(long, default_value_t = 2)]
        pairs: u64,
        /// The time that is added to each round trip to the server, as in a cluster.
        #[arg(long, default_value_t = 0)]
        round_trip_ms: u64,
    },
    /// Pages of 50 messages over HTTP from the server at `TIDB_URL`, out of a short and a long channel.
    TidbPages {
        /// The number of messages in the short channel.
        #[arg(long, default_value_t = 10_000)]
        short: u64,
        /// The number of messages in the long channel.
        #[arg(long, default_value_t = 2_000_000)]
        long: u64,
        /// The number of concurrent connections.
        #[arg(long, default_value_t = 8)]
        connections: u32,
        /// The duration of the load on each channel.
        #[arg(long, default_value_t = 10)]
        seconds: u64,
        /// The number of measurements of both.
        #[arg(long, default_value_t = 3)]
        rounds: u32,
    },
    /// The speed of deleting tenants on the server at `TIDB_URL`.
    TidbDelete {
        /// The number of messages of each tenant.
        #[arg(default_values_t = [20_000, 200_000])]
        messages: Vec<u64>,
    },
    /// A whole guild read from `discord-simulator` into `DATABASE_URL` (a file by default), with the checksum of every
    /// channel compared with the simulator's; then a second run.
    Sync {
        /// The size of the guild: small, large or huge.
        #[arg(long, default_value = "large")]
        guild: String,
        /// The seed of the guild.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// The maximum number of requests of the client per second.
        #[arg(long, default_value_t = 10_000)]
        requests_per_second: u32,
    },
    /// Search over HTTP in an archive in ten languages: the build of the index, its size and memory, ten kinds of query
    /// while the archive stands still and while messages arrive, and the time until a message is found.
    Search {
        /// The folder in which the archive is kept for the next run.
        #[arg(long)]
        data: Option<PathBuf>,
        /// The number of messages.
        #[arg(long, default_value_t = 1_000_000)]
        messages: u64,
        /// The number of channels.
        #[arg(long, default_value_t = 300)]
        channels: u64,
        /// The number of requests for each kind of query and each order.
        #[arg(long, default_value_t = 200)]
        requests: u64,
        /// The number of messages that arrive in a second.
        #[arg(long, default_value_t = 50)]
        per_second: u32,
        /// The number of messages whose time until they are found is measured, about one a second.
        #[arg(long, default_value_t = 100)]
        probes: u64,
    },
    /// Pages over HTTP without streams, beside silent streams, and beside streams while messages arrive; the memory of a
    /// stream, and the time from a commit until every stream has its event.
    Streams {
        /// The number of streams.
        #[arg(long, default_value_t = 1_000)]
        streams: u32,
        /// The number of messages that arrive in a second.
        #[arg(long, default_value_t = 50)]
        per_second: u32,
        /// The number of concurrent connections that request pages.
        #[arg(long, default_value_t = 2)]
        connections: u32,
        /// The duration of each measurement.
        #[arg(long, default_value_t = 10)]
        seconds: u64,
    },
    /// A guild of `discord-simulator` that `verta serve` follows in `DATABASE_URL`, which must be empty (a file by default):
    /// the time from sending a message until the API and a stream have it, compared with a socket of the gateway; the
    /// highest rate that is followed; and the rate at which a backlog is stored, compared with raw inserts.
    Live {
        /// The number of messages that are sent in a second while the delay is measured.
        #[arg(long, default_value_t = 50)]
        per_second: u32,
        /// The rates that are tried, in messages a second, until one is not followed.
        #[arg(long, value_delimiter = ',', default_values_t = [100, 200, 350, 500, 700, 1000, 1400, 2000])]
        rates: Vec<u32>,
        /// The duration of each of these.
        #[arg(long, default_value_t = 20)]
        seconds: u64,
        /// The number of messages in the backlog.
        #[arg(long, default_value_t = 10_000)]
        backlog: u32,
    },
    #[command(hide = true)]
    ServeSearch { database: PathBuf, index: PathBuf },
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
        Measurement::TidbIngest { messages, batch, writers, pairs, round_trip_ms } => {
            let server = tidb::Server::from_env()?.delayed(Duration::from_millis(round_trip_ms)).await?;
            tidb::ingest::run(&server, &tidb::ingest::Plan { messages, batches: batch, writers, pairs }).await
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
        Measurement::Search { data, messages, channels, requests, per_second, probes } => {
            search::run(&search::Plan { data, messages, channels, requests, per_second, probes }).await
        }
        Measurement::Streams { streams, per_second, connections, seconds } => {
            streams::run(&streams::Plan { streams, per_second, connections, seconds }).await
        }
        Measurement::Live { per_second, rates, seconds, backlog } => {
            let database = std::env::var("DATABASE_URL").ok();
            live::run(&live::Plan { database, per_second, rates, seconds, backlog }).await
        }
        Measurement::ServeSearch { database, index } => search::serve(&database, index).await,
        Measurement::SyncOne { requests_per_second, api, guild } => sync::once(&api, &guild, requests_per_second).await,
        Measurement::Serve { location } => pages::serve(&location).await,
        Measurement::ServeBytes { path } => pages::serve_bytes(&path).await,
    }
}
