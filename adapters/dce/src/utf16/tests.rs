use std::io::{BufReader, Read};

use super::{CHUNK, Utf16, is_big_endian};

fn units(text: &str, is_big_endian: bool) -> Vec<u8> {
    text.encode_utf16().flat_map(|unit| if is_big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
}

fn read(bytes: &[u8], is_big_endian: bool) -> String {
    let mut text = String::new();
    // A small buffer cuts characters in the middle.
    Utf16::new(BufReader::with_capacity(3, bytes), is_big_endian).read_to_string(&mut text).unwrap();
    text
}

#[test]
fn every_letter_is_read_in_both_orders() {
    let long = "aä字👩\u{200d}👩 ".repeat(CHUNK / 3);
    for text in ["", "{}", "\u{feff}{\"ä\": \"👍\"}", &long] {
        for order in [false, true] {
            assert_eq!(read(&units(text, order), order), text);
        }
    }
}

#[test]
fn half_a_pair_is_the_sign_for_what_is_unknown() {
    for (units, text) in [
        (vec![0xd83d, 0x61], "\u{fffd}a"),
        (vec![0xdc4d, 0x61], "\u{fffd}a"),
        (vec![0xd83d, 0xd83d, 0xdc4d], "\u{fffd}👍"),
        (vec![0x61, 0xd83d], "a\u{fffd}"),
    ] {
        let bytes: Vec<u8> = units.iter().flat_map(|unit: &u16| unit.to_le_bytes()).collect();
        assert_eq!(read(&bytes, false), text);
    }
    assert_eq!(read(b"a\0b", false), "a");
}

#[test]
fn the_order_is_told_by_the_mark_or_by_the_zeros() {
    for (head, order) in [
        (&b"\xff\xfe{\0"[..], Some(false)),
        (b"\xfe\xff\0{", Some(true)),
        (b"{\0\n\0", Some(false)),
        (b"\0{\0\n", Some(true)),
        (b"{\n", None),
        (b"\xef\xbb\xbf{", None),
        (b"{", None),
        (b"", None),
    ] {
        assert_eq!(is_big_endian(head), order, "{head:?}");
    }
}
