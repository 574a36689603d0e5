//! Peak memory of a process, as the kernel counted it.

use std::fs;

/// The largest resident size that this process has had so far, in MiB; `None` where the kernel does not say.
#[must_use]
pub fn peak_mib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib / 1024)
}
