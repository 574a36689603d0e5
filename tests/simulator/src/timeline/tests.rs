use super::*;
use crate::moment::{GUILD_BORN_MS, HISTORY_END_MS};

#[test]
fn ids_rise_and_each_is_found_at_its_position() {
    for key in 0..4 {
        let line = Timeline::between(key, GUILD_BORN_MS, HISTORY_END_MS, 5_000);
        let ids: Vec<u64> = (0..5_000).map(|index| line.id(index)).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
        for (index, id) in (0_u64..).zip(&ids) {
            assert_eq!(line.position(*id), Some(index));
            assert_eq!((line.rank(*id), line.rank(*id + 1)), (index, index + 1));
        }
        assert_eq!(line.position(ids[7] ^ 0x10), None);
        assert_eq!((line.rank(0), line.rank(u64::MAX)), (0, 5_000));
        assert!(ms_of(ids[4_999]) < HISTORY_END_MS);
    }
}

#[test]
fn some_ids_share_their_millisecond() {
    let line = Timeline::between(9, GUILD_BORN_MS, HISTORY_END_MS, 10_000);
    let ties = (1..10_000).filter(|index| ms_of(line.id(*index)) == ms_of(line.id(index - 1))).count();
    assert!((20..200).contains(&ties), "{ties}");
}

#[test]
fn a_crowded_line_still_rises() {
    let line = Timeline::between(3, GUILD_BORN_MS, GUILD_BORN_MS + 10, 1_000);
    assert!((1..1_000).all(|index| line.id(index) > line.id(index - 1)));
}

#[test]
fn an_empty_line_has_no_ids() {
    let line = Timeline::between(3, GUILD_BORN_MS, HISTORY_END_MS, 0);
    for line in [line, Timeline::default()] {
        assert_eq!((line.rank(u64::MAX), line.position(5)), (0, None));
    }
}
