//! The peak memory of a process, as counted by the kernel.

use std::fs;

/// Returns the largest resident size of this process so far, in MiB; `None` if the kernel does not report it.
#[must_use]
pub fn peak_mib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib / 1024)
}
