//! The identity of a process, and whether another one still runs.

use std::fs;
use std::io::ErrorKind;

use domain::lease::Holder;
use uuid::Uuid;

/// The identity of a machine and a process; unknown parts are `-`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Identity<'a> {
    /// The name of the machine, for operators.
    host: &'a str,
    /// The id of this boot of its kernel.
    boot: &'a str,
    /// The kernel's namespace of process ids.
    space: &'a str,
    /// The process id.
    number: &'a str,
    /// The start time of the process, in the kernel's ticks: process ids are reused.
    begun: &'a str,
}

/// The placeholder for an unknown part.
const UNKNOWN: &str = "-";

/// This process, as a holder of leases.
#[derive(Debug, Clone)]
pub struct Process {
    holder: Holder,
}

impl Process {
    /// Returns this process. Each call returns a distinct holder.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "a name of its own, also where the system's facts are unknown")]
    pub fn current() -> Self {
        let read = |path: &str| fs::read_to_string(path).map_or_else(|_| UNKNOWN.to_owned(), |text| plain(&text));
        let number = std::process::id().to_string();
        let space = fs::read_link("/proc/self/ns/pid");
        let space = space.map_or_else(|_| UNKNOWN.to_owned(), |link| plain(&link.to_string_lossy()));
        let begun = fs::read_to_string(stat(&number)).ok().and_then(|stat| began(&stat));
        let begun = begun.unwrap_or_else(|| UNKNOWN.to_owned());
        let (host, boot) = (read("/proc/sys/kernel/hostname"), read("/proc/sys/kernel/random/boot_id"));
        let name = format!("{host}/{boot}/{space}/{number}/{begun}/{}", Uuid::new_v4());
        Self { holder: Holder::new(&name).expect("every part is short and plain") }
    }

    /// Returns its name as a holder.
    #[must_use]
    pub const fn holder(&self) -> &Holder {
        &self.holder
    }

    /// Returns whether the process of `other` has certainly ended: it ran here, and is not found here. The state of a
    /// process of another machine or container is unknown here.
    #[must_use]
    pub fn knows_gone(&self, other: &Holder) -> bool {
        let (Some(here), Some(there)) = (Identity::of(&self.holder), Identity::of(other)) else { return false };
        let known = ![here.boot, here.space, there.begun].contains(&UNKNOWN);
        known && (here.boot, here.space) == (there.boot, there.space) && is_gone(there.number, there.begun)
    }
}

/// Returns a description of a holder for operators.
#[must_use]
pub fn describe(holder: &Holder) -> String {
    match Identity::of(holder) {
        Some(of) => format!("process {} on {}", of.number, of.host),
        None => "another process".to_owned(),
    }
}

impl<'a> Identity<'a> {
    fn of(holder: &'a Holder) -> Option<Self> {
        let parts: Vec<_> = holder.as_str().split('/').collect();
        let &[host, boot, space, number, begun, _] = &parts[..] else { return None };
        Some(Self { host, boot, space, number, begun })
    }
}

/// Returns whether no process here has this id and start time. The state is unknown if the processes of other users are
/// hidden.
fn is_gone(number: &str, then: &str) -> bool {
    match fs::read_to_string(stat(number)) {
        Ok(stat) => began(&stat).is_some_and(|began| began != then),
        Err(error) => error.kind() == ErrorKind::NotFound && fs::read_to_string(stat("1")).is_ok(),
    }
}

fn stat(number: &str) -> String {
    format!("/proc/{number}/stat")
}

/// Returns the start time of a process, from its `stat` file.
fn began(stat: &str) -> Option<String> {
    // The name of the program is in brackets and may contain any character. The rest starts with the third value; the
    // start time is the 22nd (<https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>).
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(19).map(plain)
}

/// Returns a short text without the characters that are not valid in a holder.
fn plain(text: &str) -> String {
    let kept: String = text.trim().chars().filter(|c| c.is_ascii_graphic() && *c != '/').take(40).collect();
    if kept.is_empty() { UNKNOWN.to_owned() } else { kept }
}

#[cfg(test)]
mod tests;
