use std::io::Write;

use super::{Lines, escaped};

#[test]
fn control_characters_are_written_out() {
    assert_eq!(escaped("a\u{1b}[2J\u{7}b\rc\nd\te"), r"a\u001b[2J\u0007b\rc\nd\te");
    assert_eq!(escaped("\u{7f}\u{9b}31m\u{202e}x\u{2066}"), r"\u007f\u009b31m\u202ex\u2066");
    let plain = "Ünïcödé 日本語 🦀 \\ ' \"";
    assert_eq!(escaped(plain), plain);
}

#[test]
fn a_name_stays_on_its_line() {
    let mut printed = Lines(Vec::new());
    let name = "a\nfailed  b\u{1b}[1A";
    writeln!(printed, "ok  {name}").unwrap();
    assert_eq!(String::from_utf8(printed.0).unwrap(), "ok  a\\nfailed  b\\u001b[1A\n");
}

#[test]
fn json_stays_json() {
    let value = serde_json::json!({"name": "\u{1b}\u{7f}\u{9b}\u{202e}\n\"\\"});
    let printed = escaped(&value.to_string());
    assert!(printed.is_ascii());
    assert_eq!(serde_json::from_str::<serde_json::Value>(&printed).unwrap(), value);
}
