use super::*;

#[test]
fn a_time_is_written_as_discord_writes_it() {
    assert_eq!(iso(1_499_794_027_299_000), "2017-07-11T17:27:07.299000+00:00");
    assert_eq!(iso(1_499_794_027_000_000), "2017-07-11T17:27:07+00:00");
}

#[test]
fn a_time_is_read_with_an_offset_or_z_and_not_with_a_space() {
    assert_eq!(parse_iso("2017-07-11T17:27:07.299001+00:00"), Some(1_499_794_027_299_001));
    assert_eq!(parse_iso("2017-07-11T17:27:07Z"), Some(1_499_794_027_000_000));
    assert_eq!(parse_iso("2017-07-11T17:27:07 00:00"), None);
}

#[test]
fn an_id_holds_its_time() {
    assert_eq!(ms_of(snowflake(GUILD_BORN_MS, 0x3F_FFFF)), GUILD_BORN_MS);
    assert_eq!(ms_of(175_928_847_299_117_063), 1_462_015_105_796);
}
