//! What commands print: each line as one, whatever is in the names and texts that it shows.
//!
//! Names come from files and from the platform. A terminal obeys control characters, so that a name could clear the
//! screen, write over other lines or change the clipboard. Here they are written out, as `\u001b`, which is what JSON
//! does, too. Every command prints through [`stdout`] and this module's `eprintln`.

use std::fmt;
use std::io::{self, Write};

/// Whether a terminal obeys a character instead of showing it, or shows what follows in another order.
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text with its control characters written out.
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

/// Prints a line on standard error. That it cannot be printed changes nothing of what a command does.
macro_rules! eprintln {
    ($($argument:tt)*) => {{
        use std::io::Write as _;
        writeln!($crate::cli::terminal::stderr(), $($argument)*).ok();
    }};
}
pub(super) use eprintln;

#[cfg(test)]
mod tests;
