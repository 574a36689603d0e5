use std::time::Duration;

use domain::access::Denied;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use ports::guild::{GoneItem, GuildError};

use super::rejected;
use super::{Verdict, judge};
use crate::limit::{ResponseLimits, Scope};

fn judged(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> (Verdict, ResponseLimits) {
    let headers: HeaderMap =
        headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect();
    judge(StatusCode::from_u16(status).unwrap(), &headers, body.as_bytes())
}

fn coded(status: u16, code: u64) -> Verdict {
    judged(status, &[], &format!(r#"{{"message": "words", "code": {code}}}"#)).0
}

const PAGE: &str = "<!DOCTYPE html><html></html>";

#[test]
fn every_documented_error_says_what_can_be_done() {
    let last = Verdict::Final;
    let refused = |status, code| Verdict::Final(rejected(status, code));
    for code in [0, 40_001, 50_014] {
        assert_eq!(coded(401, code), last(GuildError::Unauthorized));
    }
    assert_eq!(coded(403, 50_001), last(GuildError::Forbidden(Denied::View)));
    assert_eq!(coded(403, 50_013), last(GuildError::Forbidden(Denied::Other)));
    assert_eq!(coded(404, 10_003), last(GuildError::Gone(GoneItem::Channel)));
    assert_eq!(coded(404, 10_004), last(GuildError::Gone(GoneItem::Guild)));
    assert_eq!(coded(404, 10_007), last(GuildError::Gone(GoneItem::Guild)), "the bot itself");
    assert_eq!(coded(404, 10_008), last(GuildError::Gone(GoneItem::Message)));
    assert_eq!(coded(403, 10_008), last(GuildError::Forbidden(Denied::Other)), "a block, not a deletion");
    assert_eq!(coded(400, 50_035), refused(400, 50_035));
    assert_eq!(coded(400, 50_024), refused(400, 50_024));
    assert_eq!(coded(403, 20_001), refused(403, 20_001));
    assert_eq!(coded(404, 0), refused(404, 0));
    assert_eq!(coded(403, 50_095), last(GuildError::Parked));
    assert_eq!(coded(400, 50_095), last(GuildError::Parked));
    for status in [500, 502, 503, 504, 520, 521, 522, 523, 524] {
        assert!(matches!(judged(status, &[], PAGE).0, Verdict::Retry(_, None)), "{status}");
    }
    assert!(matches!(coded(400, 130_000), Verdict::Retry(..)));
    assert_eq!(judged(301, &[("location", "https://example.org")], "").0, refused(301, 0));
}

#[test]
fn a_search_without_index_is_asked_again_when_it_says() {
    let (verdict, limits) = judged(202, &[], r#"{"code": 110000, "retry_after": 2.5}"#);
    assert!(matches!(verdict, Verdict::Retry(_, Some(wait)) if wait == Duration::from_millis(2500)));
    assert!(!limits.invalid);
}

#[test]
fn the_larger_of_two_waits_counts_and_fractions_do() {
    let wait = |headers: &[(&'static str, &'static str)], body: &str| judged(429, headers, body).1.refused.unwrap().1;
    let body = r#"{"retry_after": 4.25, "global": false}"#;
    assert_eq!(wait(&[("retry-after", "1.5")], body), Some(Duration::from_millis(4250)));
    assert_eq!(wait(&[("retry-after", "9")], body), Some(Duration::from_secs(9)));
    assert_eq!(wait(&[], "{}"), None);
    assert_eq!(wait(&[("retry-after", "-3")], "{}"), None);
    assert_eq!(wait(&[("retry-after", "1e300")], "{}"), None);
    assert_eq!(wait(&[("retry-after", "1e9")], "{}"), Some(Duration::from_hours(24)));
}

#[test]
fn refusals_are_about_whom_they_say() {
    let scope = |headers: &[(&'static str, &'static str)], body: &str| {
        let limits = judged(429, headers, body).1;
        (limits.refused.unwrap().0, limits.invalid)
    };
    assert_eq!(scope(&[("x-ratelimit-scope", "user")], "{}"), (Scope::User, true));
    assert_eq!(scope(&[("x-ratelimit-scope", "shared")], "{}"), (Scope::Shared, false));
    assert_eq!(scope(&[("x-ratelimit-scope", "global")], "{}"), (Scope::Global, true));
    assert_eq!(scope(&[("x-ratelimit-global", "true")], "{}"), (Scope::Global, true));
    assert_eq!(scope(&[], r#"{"global": true}"#), (Scope::Global, true));
    assert_eq!(scope(&[], r#"{"retry_after": 1}"#), (Scope::User, true));
    assert_eq!(scope(&[("retry-after", "7")], PAGE), (Scope::Proxy, true));
    let (verdict, limits) = judged(403, &[], PAGE);
    assert!(matches!(verdict, Verdict::Final(error) if error.retry_after() == Some(Duration::from_mins(1))));
    assert_eq!((limits.refused, limits.invalid), (Some((Scope::Proxy, None)), true));
    assert_eq!(judged(403, &[], r#"{"code": 40333}"#).1.refused, Some((Scope::Proxy, None)));
}

#[test]
fn headers_of_a_success_reach_the_limiter_and_nonsense_in_them_does_not() {
    let good = [
        ("x-ratelimit-bucket", "abc"),
        ("x-ratelimit-limit", "5"),
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset-after", "1.250"),
    ];
    let (verdict, limits) = judged(200, &good, "[]");
    assert_eq!(verdict, Verdict::Good);
    let expected = ResponseLimits {
        bucket: Some("abc".to_owned()),
        limit: Some(5),
        remaining: Some(0),
        reset_after: Some(Duration::from_millis(1250)),
        ..ResponseLimits::default()
    };
    assert_eq!(limits, expected);
    let bad = [("x-ratelimit-limit", "many"), ("x-ratelimit-remaining", "-1"), ("x-ratelimit-reset-after", "NaN")];
    assert_eq!(judged(200, &bad, "[]").1, ResponseLimits::default());
}
