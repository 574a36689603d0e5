use std::net::IpAddr;

use http::{HeaderMap, HeaderValue};

use super::RateLimit;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn forwarded(value: &'static str) -> HeaderMap {
    HeaderMap::from_iter([("x-forwarded-for".parse().unwrap(), HeaderValue::from_static(value))])
}

#[test]
fn a_share_is_used_up_by_one_client_alone() {
    let limit = RateLimit::new(2, vec![]);
    assert_eq!([(); 2].map(|()| limit.check(address("192.0.2.1"))), [Ok(()), Ok(())]);
    let wait = limit.check(address("192.0.2.1")).unwrap_err();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(limit.check(address("192.0.2.2")), Ok(()));
}

#[test]
fn the_addresses_of_one_ipv6_network_are_one_client() {
    let limit = RateLimit::new(1, vec![]);
    assert_eq!(limit.check(address("2001:db8::1")), Ok(()));
    assert!(limit.check(address("2001:db8::2")).is_err());
    assert_eq!(limit.check(address("2001:db8:0:1::1")), Ok(()));
}

#[test]
fn zero_is_no_limit() {
    let limit = RateLimit::new(0, vec![]);
    assert!((0..10_000).all(|_| limit.check(address("192.0.2.1")).is_ok()));
}

#[test]
fn only_a_trusted_proxy_may_say_who_its_client_is() {
    let limit = RateLimit::new(1, vec!["10.0.0.0/8".parse().unwrap()]);
    let headers = forwarded("198.51.100.9, 203.0.113.7, 10.0.0.2");
    assert_eq!(limit.client(address("10.0.0.1"), &headers), address("203.0.113.7"));
    assert_eq!(limit.client(address("192.0.2.1"), &headers), address("192.0.2.1"));
    assert_eq!(limit.client(address("10.0.0.1"), &forwarded("nonsense")), address("10.0.0.1"));
    let with_ports = forwarded("203.0.113.7:51234, [::ffff:10.0.0.2]:443");
    assert_eq!(limit.client(address("10.0.0.1"), &with_ports), address("203.0.113.7"));
    assert_eq!(limit.client(address("::ffff:10.0.0.1"), &headers), address("203.0.113.7"));
}
