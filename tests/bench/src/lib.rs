//! Measurements of the whole program, each compared with a baseline in the same run: only the ratio counts.
#![expect(clippy::disallowed_methods, reason = "measurements take real time")]

mod cached;
pub mod generate;
pub mod import;
pub mod ingest;
pub mod live;
pub mod memory;
pub mod pages;
pub mod plain;
pub mod search;
mod simulator;
pub mod streams;
pub mod sync;
pub mod tidb;
mod took;

/// The error of a measurement that failed.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Returns the path of another program of the same build.
fn beside(program: &str) -> Result<std::path::PathBuf, Failure> {
    let path = std::env::current_exe()?.with_file_name(program);
    if path.exists() {
        return Ok(path);
    }
    Err(format!("{} is not there: cargo build --release -p {program}", path.display()).into())
}
