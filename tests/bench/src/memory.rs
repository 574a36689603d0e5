//! The peak memory of a process, as counted by the kernel.

use std::fmt;
use std::fs;

/// Returns the largest resident size of this process so far, in MiB; `None` if the kernel does not report it.
#[must_use]
pub fn peak_mib() -> Option<u64> {
    mib(&fs::read_to_string("/proc/self/status").ok()?, "VmHWM:")
}

/// The memory of another process, in MiB.
#[derive(Debug, Clone, Copy)]
pub struct Resident {
    /// The memory of its own.
    pub anonymous: u64,
    /// The pages of files that it has mapped, which the system can drop.
    pub mapped: u64,
    /// The largest resident size so far.
    pub peak: u64,
}

impl Resident {
    /// Returns the memory of a process; `None` if the kernel does not report it.
    #[must_use]
    pub fn of(process: u32) -> Option<Self> {
        let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        let of = |field| mib(&status, field);
        Some(Self { anonymous: of("RssAnon:")?, mapped: of("RssFile:")?, peak: of("VmHWM:")? })
    }
}

impl fmt::Display for Resident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { anonymous, mapped, peak } = self;
        write!(f, "{anonymous} MiB of its own, {mapped} MiB of mapped files, {peak} MiB at the peak")
    }
}

fn mib(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib / 1024)
}
