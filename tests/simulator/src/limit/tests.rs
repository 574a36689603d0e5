use super::*;

const MESSAGES: &str = "/channels/{c}/messages";

fn header<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
}

fn passed(verdict: Verdict) -> Headers {
    let Verdict::Pass(headers) = verdict else { panic!("refused: {verdict:?}") };
    headers
}

fn refused(verdict: Verdict) -> Refusal {
    let Verdict::Limited(refusal) = verdict else { panic!("not limited: {verdict:?}") };
    refusal
}

#[test]
fn headers_lie_until_the_refusal_that_tells_the_truth() {
    let mut limiter = Limiter::new(Limits::default());
    for _ in 0..5 {
        let headers = passed(limiter.judge(1000, MESSAGES, 7));
        assert_eq!(header(&headers, "x-ratelimit-limit"), Some("1000"));
        assert_eq!(header(&headers, "x-ratelimit-remaining"), Some("999"));
        assert_eq!(header(&headers, "x-ratelimit-scope"), None);
    }
    let lying = passed(limiter.judge(1000, MESSAGES, 8));
    let refusal = refused(limiter.judge(2500, MESSAGES, 7));
    assert_eq!(header(&refusal.headers, "x-ratelimit-limit"), Some("5"));
    assert_eq!(header(&refusal.headers, "x-ratelimit-remaining"), Some("0"));
    assert_eq!(header(&refusal.headers, "retry-after"), Some("4"));
    assert_eq!(header(&refusal.headers, "x-ratelimit-scope"), Some("user"));
    assert_eq!(refusal.body["retry_after"], 3.5);
    assert_ne!(header(&refusal.headers, "x-ratelimit-bucket"), header(&lying, "x-ratelimit-bucket"));
    passed(limiter.judge(6000, MESSAGES, 7));
}

#[test]
fn honest_headers_count_down() {
    let mut limiter = Limiter::new(Limits { lying_headers: false, ..Limits::default() });
    let left: Vec<Headers> = (0..5).map(|_| passed(limiter.judge(1000, MESSAGES, 7))).collect();
    let left: Vec<_> = left.iter().map(|headers| header(headers, "x-ratelimit-remaining")).collect();
    assert_eq!(left, [Some("4"), Some("3"), Some("2"), Some("1"), Some("0")]);
}

#[test]
fn fifty_requests_a_second_over_all_channels_and_then_everything_waits() {
    let mut limiter = Limiter::new(Limits::default());
    for channel in 0..50 {
        passed(limiter.judge(1000, MESSAGES, channel));
    }
    let refusal = refused(limiter.judge(1400, MESSAGES, 99));
    assert_eq!(header(&refusal.headers, "x-ratelimit-global"), Some("true"));
    assert_eq!((&refusal.body["global"], &refusal.body["retry_after"]), (&json!(true), &json!(0.6)));
    passed(limiter.judge(2000, MESSAGES, 99));
}

#[test]
fn ten_thousand_invalid_requests_in_ten_minutes_ban_the_address() {
    let mut limiter = Limiter::new(Limits::default());
    (0..9_999).for_each(|_| limiter.count_invalid(1000));
    assert_eq!(limiter.ban(1000), None);
    limiter.count_invalid(1000 + BAN_WINDOW_MS);
    assert_eq!(limiter.ban(1000 + BAN_WINDOW_MS), None, "the first ones are too long ago");
    (0..9_999).for_each(|_| limiter.count_invalid(1001 + BAN_WINDOW_MS));
    assert_eq!(limiter.ban(1001 + BAN_WINDOW_MS), Some(Verdict::Banned { retry_after_s: 600 }));
    assert_eq!(limiter.ban(1001 + 2 * BAN_WINDOW_MS), None);
}
