use super::{MessageId, SAME_TIME_MS, time_beside};
use crate::timestamp::Timestamp;

#[test]
fn an_id_is_a_snowflake_if_its_time_is_at_most_a_day_from_the_sources() {
    let id = MessageId::new(1_235_168_840_908_800_000).unwrap();
    let beside = |millis: i64| {
        let time = Timestamp::from_millis(id.created_at().as_millis() + millis).unwrap();
        (time_beside(id, time), time)
    };
    let day = i64::try_from(SAME_TIME_MS).unwrap();
    for near in [0, 1, -1, 14 * 60 * 60 * 1000, day, -day] {
        assert_eq!(beside(near).0, None, "{near}");
    }
    for far in [day + 1, -day - 1, 400 * day] {
        let (found, time) = beside(far);
        assert_eq!(found, Some(time), "{far}");
    }
    let counted = MessageId::new(17).unwrap();
    let time = "2019-03-05T10:00:00Z".parse().unwrap();
    assert_eq!(time_beside(counted, time), Some(time));
}
