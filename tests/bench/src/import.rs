//! The speed and memory use of an import, compared with parsing the same file into types.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use adapter_dce::DiscordChatExporter;
use adapter_sqlite::SqliteStore;
use app_core::import::{ImportListener, Importer, Options};
use domain::pseudonym::PseudonymKey;

use crate::pages::SystemClock;
use crate::{Failure, generate, memory, plain};

const MB: u64 = 1_000_000;

/// A listener that ignores all progress.
struct Quiet;

impl ImportListener for Quiet {
    fn look(&self, _: u64, _: u64) {}
    fn file(&self, _: &str, _: u64) {}
    fn at(&self, _: u64, _: u64) {}
    fn files(&self, _: u64, _: u64) {}
}

/// Imports one file into a new database, and prints the messages, the seconds and the peak memory in MiB.
///
/// # Errors
/// If the file is not imported completely.
pub async fn once(file: PathBuf) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let store = Arc::new(SqliteStore::open(&folder.path().join("verta.db"), 1)?);
    let key = PseudonymKey::new([7; 32]);
    let importer = Importer::new(store, Arc::new(DiscordChatExporter::default()), key, Arc::new(SystemClock));
    let start = Instant::now();
    let report = importer.run(&[file], &Options::default(), &Quiet).await?;
    let seconds = start.elapsed().as_secs_f64();
    if !report.is_whole() {
        return Err(format!("the file was not imported: {:?}", report.files).into());
    }
    let read: u64 = report.files.iter().map(|file| file.read).sum();
    println!("{read} {seconds} {}", memory::peak_mib().ok_or("the kernel does not tell the peak memory")?);
    Ok(())
}

/// The cost of one import.
struct Import {
    messages: u64,
    seconds: f64,
    peak_mib: u64,
}

impl Import {
    /// Imports in a process of its own, so that its memory is measured separately.
    fn of(file: &Path) -> Result<Self, Failure> {
        let output = Command::new(std::env::current_exe()?).arg("import-one").arg(file).output()?;
        let text = String::from_utf8(output.stdout)?;
        let figures: Vec<&str> = text.split_whitespace().collect();
        let [messages, seconds, peak] = figures[..] else {
            return Err(format!("the import failed: {}", String::from_utf8_lossy(&output.stderr)).into());
        };
        Ok(Self { messages: messages.parse()?, seconds: seconds.parse()?, peak_mib: peak.parse()? })
    }
}

/// Runs the pairs and prints them.
///
/// # Errors
/// If the file cannot be created or imported.
pub fn run(megabytes: u64, pairs: u32) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("export.json");
    generate::export(&file, megabytes * MB)?;
    #[expect(clippy::cast_precision_loss, reason = "a rate for people to read")]
    let size = std::fs::metadata(&file)?.len() as f64 / MB as f64;
    println!("import: a file of {size:.0} MB into an empty database, against typed parsing of the same file");
    for pair in 1..=pairs {
        let start = Instant::now();
        let parsed = plain::parse(&file)?;
        let plain_seconds = start.elapsed().as_secs_f64();
        let Import { messages, seconds, .. } = Import::of(&file)?;
        if messages != parsed {
            return Err(format!("{parsed} messages were parsed and {messages} imported").into());
        }
        println!(
            "  pair {pair}: {:.1} MB/s, {:.0} messages/s; parsing {:.1} MB/s; ratio {:.2}",
            size / seconds,
            rate(messages, seconds),
            size / plain_seconds,
            plain_seconds / seconds
        );
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people to read")]
fn rate(messages: u64, seconds: f64) -> f64 {
    messages as f64 / seconds
}

/// Imports a small and a large file and prints the peak memory of both.
///
/// # Errors
/// If a file cannot be created or imported.
pub fn memory(small: u64, large: u64, folder: Option<PathBuf>) -> Result<(), Failure> {
    let scratch = match folder {
        Some(folder) => tempfile::tempdir_in(folder)?,
        None => tempfile::tempdir()?,
    };
    let mut peaks = Vec::new();
    for megabytes in [small, large] {
        let file = scratch.path().join("export.json");
        generate::export(&file, megabytes * MB)?;
        let Import { messages, seconds, peak_mib } = Import::of(&file)?;
        println!("  {megabytes} MB, {messages} messages: peak {peak_mib} MiB, {seconds:.0} s");
        peaks.push(peak_mib);
    }
    println!("  difference {} MiB", peaks[1].abs_diff(peaks[0]));
    Ok(())
}
