use tokio::sync::mpsc;

use super::*;

#[test]
fn a_thousand_sessions_a_day_and_one_in_five_seconds() {
    let mut hub = Hub::new(10, 1000);
    for number in 0..1000 {
        assert_eq!(hub.admit(number * 5000, true), Admission::Granted);
    }
    assert_eq!(hub.identify_left(5_000_000), (0, DAY_MS - 5_000_000));
    assert_eq!(hub.admit(5_000_000, true), Admission::BudgetSpent);
    assert_eq!(hub.admit(DAY_MS, true), Admission::Granted);
    assert_eq!(Hub::new(10, 1000).admit(0, true), Admission::Granted);
}

#[test]
fn the_second_session_within_five_seconds_is_too_soon() {
    let mut hub = Hub::new(10, 1000);
    assert_eq!(hub.admit(0, true), Admission::Granted);
    assert_eq!(hub.admit(4999, true), Admission::TooSoon);
    assert_eq!(hub.admit(5000, true), Admission::Granted);
    assert_eq!(hub.admit(5001, false), Admission::Granted, "without limits");
}

fn hub_with_session(room: usize) -> (Hub, String) {
    let mut hub = Hub::new(room, 1000);
    let (link, _) = mpsc::unbounded_channel();
    let session = hub.open((1, link), 0, (0, 1));
    for _ in 0..5 {
        session.dispatch("X", &json!({}), &Disturbance::default());
    }
    let id = session.id.clone();
    hub.close(1, false, 0);
    (hub, id)
}

fn resume(hub: &mut Hub, id: &str, seq: u64, now_ms: u64) -> Result<usize, Option<(u16, &'static str)>> {
    let (link, mut orders) = mpsc::unbounded_channel();
    hub.resume(id, seq, (2, link), now_ms)?;
    Ok(std::iter::from_fn(|| orders.try_recv().ok()).count())
}

#[test]
fn resuming_replays_what_was_missed_and_says_that_it_did() {
    let (mut hub, id) = hub_with_session(10);
    assert_eq!(resume(&mut hub, &id, 3, 500), Ok(3));
}

#[test]
fn a_session_cannot_be_resumed_with_a_bad_number_too_late_or_from_what_is_forgotten() {
    let (mut hub, id) = hub_with_session(10);
    assert_eq!(resume(&mut hub, &id, 9, 500), Err(Some((4007, "Invalid seq"))));
    assert_eq!(resume(&mut hub, &id, 5, 1001), Err(None));
    let (mut hub, id) = hub_with_session(2);
    assert_eq!(resume(&mut hub, &id, 2, 500), Err(None));
    assert_eq!(resume(&mut hub, "unknown", 2, 500), Err(None));
}
