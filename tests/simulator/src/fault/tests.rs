use super::*;

const MESSAGES: &str = "/channels/{c}/messages";

#[test]
fn a_rule_strikes_as_often_as_it_says_and_only_what_it_matches() {
    let mut faults = Faults::default();
    faults.add(FaultRule::on(MESSAGES, 2, Fault::Stall).in_channel(5));
    assert_eq!(faults.strike("GET", MESSAGES, 6), None);
    assert_eq!(faults.strike("GET", "/gateway", 5), None);
    assert_eq!(faults.strike("GET", MESSAGES, 5), Some(Fault::Stall));
    assert_eq!(faults.strike("GET", MESSAGES, 5), Some(Fault::Stall));
    assert_eq!(faults.strike("GET", MESSAGES, 5), None);
    assert_eq!(faults.rules().count(), 0);
}

#[test]
fn a_rule_can_wait_for_the_nth_request_and_last_for_ever() {
    let mut faults = Faults::default();
    faults.add(FaultRule::on(MESSAGES, 0, Fault::Reset).from_nth(3));
    let struck: Vec<bool> = (0..5).map(|_| faults.strike("GET", MESSAGES, 1).is_some()).collect();
    assert_eq!(struck, [false, false, true, true, true]);
    faults.clear();
    assert_eq!(faults.strike("GET", MESSAGES, 1), None);
}

#[test]
fn a_rule_is_read_from_json() {
    let text = r#"{"match":{"route":"/gateway","nth":2},"count":3,
        "action":{"type":"limited","scope":"shared","retry_after":1.5,"header":"1.5"}}"#;
    let rule: FaultRule = serde_json::from_str(text).unwrap();
    let action = Fault::Limited { scope: LimitScope::Shared, retry_after: 1.5, header: Some("1.5".to_owned()) };
    assert_eq!(rule, FaultRule::on("/gateway", 3, action).from_nth(2));
}
