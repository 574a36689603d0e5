//! Progress on standard error: drawn on a terminal, periodic lines elsewhere.

use std::io::{IsTerminal, stderr};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::terminal::eprintln;

/// The progress of a count.
pub(super) struct Progress {
    drawn: ProgressBar,
    is_terminal: bool,
    /// The counted items.
    noun: &'static str,
    /// The number of items after which a line is printed without a terminal.
    every: u64,
    /// The count at which the next line is due.
    due: AtomicU64,
}

impl Progress {
    /// Begins a count of `noun`, whose end is unknown or set by [`Progress::step`]; `template` is one of indicatif.
    pub(super) fn new(length: Option<u64>, template: &str, noun: &'static str, every: u64) -> Self {
        let drawn = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr());
        drawn.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        let is_terminal = stderr().is_terminal();
        if is_terminal {
            drawn.enable_steady_tick(Duration::from_millis(200));
        }
        Self { drawn, is_terminal, noun, every, due: AtomicU64::new(every) }
    }

    /// Begins again, for a step with this name and about so many items.
    pub(super) fn step(&self, name: &'static str, length: u64) {
        self.drawn.reset();
        self.drawn.set_prefix(name);
        self.drawn.set_length(length);
        self.due.store(self.every, Relaxed);
        if !self.is_terminal {
            eprintln!("{name} about {length} {}", self.noun);
        }
    }

    /// Sets the count.
    pub(super) fn set(&self, count: u64) {
        self.drawn.set_position(count);
        if !self.is_terminal && count >= self.due.load(Relaxed) {
            self.due.store(count + self.every, Relaxed);
            eprintln!("{count} {}", self.noun);
        }
    }

    /// Removes what is drawn.
    pub(super) fn finish(&self) {
        self.drawn.finish_and_clear();
    }
}
