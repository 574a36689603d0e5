use super::*;

fn asked(range: &str, size: u64) -> Wanted {
    let headers = [(RANGE, header(range))].into_iter().collect();
    wanted(&headers, &HeaderValue::from_static("\"a\""), size)
}

#[test]
fn a_range_is_cut_to_the_file_and_what_is_none_is_all_of_it() {
    let part = |first, last| Wanted::Part { first, last };
    for (range, expected) in [
        ("bytes=0-0", part(0, 0)),
        ("bytes=2-5", part(2, 5)),
        ("bytes=2-", part(2, 9)),
        ("bytes=2-99", part(2, 9)),
        ("bytes=-3", part(7, 9)),
        ("bytes=-99", part(0, 9)),
        ("bytes=10-", Wanted::Beyond),
        ("bytes=10-12", Wanted::Beyond),
        ("bytes=-0", Wanted::Beyond),
        ("bytes=5-2", Wanted::All),
        ("bytes=0-1,4-5", Wanted::All),
        ("bytes=-", Wanted::All),
        ("lines=1-2", Wanted::All),
    ] {
        assert_eq!(asked(range, 10), expected, "{range}");
    }
    assert_eq!((asked("bytes=0-", 0), asked("bytes=-1", 0)), (Wanted::Beyond, Wanted::Beyond));
}

#[test]
fn a_part_of_other_bytes_than_are_known_is_not_given() {
    let headers = [(RANGE, header("bytes=0-1")), (IF_RANGE, header("\"b\""))].into_iter().collect();
    assert_eq!(wanted(&headers, &HeaderValue::from_static("\"a\""), 10), Wanted::All);
}

#[test]
fn a_saved_name_hides_no_ending() {
    for (name, expected) in [
        ("sea otter.png", "sea otter.png"),
        ("größe.txt", "größe.txt"),
        ("invoice\u{202e}fdp.exe", "invoicefdp.exe"),
        ("\u{2066}a\u{2069}\u{200f}.txt", "a.txt"),
        ("../a\\b\r\n.txt", ".._a_b__.txt"),
        ("\u{202e}", "file"),
    ] {
        assert_eq!(saved_name(name), expected, "{name:?}");
    }
}
