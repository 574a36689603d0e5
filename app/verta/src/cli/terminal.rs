//! The output of commands: each line stays one line, whatever names and texts it contains.
//!
//! Names come from files and from the platform. A terminal interprets control characters, so that a name could clear
//! the screen, write over other lines or change the clipboard. Here they are escaped, as `\u001b`, like in JSON. Every
//! command prints through [`stdout`] and this module's `eprintln`.

use std::fmt;
use std::io::{self, Write};

/// Returns whether a terminal interprets a character instead of showing it, or reorders the text after it.
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns a text with its control characters escaped.
#[must_use]
pub(super) fn escaped(text: &str) -> String {
    use std::fmt::Write as _;

    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            c if is_obeyed(c) => {
                write!(escaped, "\\u{:04x}", u32::from(c)).expect("a string takes any text");
            }
            c => escaped.push(c),
        }
    }
    escaped
}

/// A stream on which each `writeln!` makes one line.
pub(super) struct Lines<W>(W);

/// Standard output.
pub(super) fn stdout() -> Lines<io::Stdout> {
    Lines(io::stdout())
}

/// Standard error.
pub(super) fn stderr() -> Lines<io::Stderr> {
    Lines(io::stderr())
}

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }

    fn write_fmt(&mut self, arguments: fmt::Arguments<'_>) -> io::Result<()> {
        let text = arguments.to_string();
        match text.strip_suffix('\n') {
            Some(line) => self.0.write_all(format!("{}\n", escaped(line)).as_bytes()),
            None => self.0.write_all(escaped(&text).as_bytes()),
        }
    }
}

/// Prints a line on standard error. A failure to print it does not affect the command.
macro_rules! eprintln {
    ($($argument:tt)*) => {{
        use std::io::Write as _;
        writeln!($crate::cli::terminal::stderr(), $($argument)*).ok();
    }};
}
pub(super) use eprintln;

#[cfg(test)]
mod tests;
