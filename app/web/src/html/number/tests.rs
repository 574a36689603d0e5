use super::*;

#[test]
fn digits_are_grouped_by_three() {
    for (number, expected) in
        [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345, "12,345"), (123_456, "123,456"), (1_234_567, "1,234,567")]
    {
        assert_eq!(grouped(number), expected);
    }
    assert_eq!(grouped(u64::MAX), "18,446,744,073,709,551,615");
}

#[test]
fn a_single_thing_is_named_as_one() {
    assert_eq!(counted(1, "reply", "replies"), "1 reply");
    assert_eq!(counted(0, "reply", "replies"), "0 replies");
    assert_eq!(counted(2_000, "message", "messages"), "2,000 messages");
}
