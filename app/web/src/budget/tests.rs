use std::net::IpAddr;

use super::Budget;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn the_bytes_of_all_and_of_each_client_are_bounded() {
    let budget = Budget::new(100, 100, 40);
    let (one, other) = (address("192.0.2.1"), address("192.0.2.2"));
    let first = budget.take(one, 30).unwrap();
    assert!(budget.has_room(one));
    assert!(budget.take(one, 11).is_none());
    let second = budget.take(one, 10).unwrap();
    assert!(!budget.has_room(one) && budget.has_room(other));
    let large = budget.take(other, 60).expect("a client that has nothing may have one larger response");
    assert!(budget.take(address("192.0.2.3"), 1).is_none() && !budget.has_room(address("192.0.2.3")));
    drop((first, large));
    assert!(budget.take(one, 31).is_none());
    assert!(budget.take(one, 30).is_some());
    drop(second);
    let held = budget.held();
    assert!(held.total == 0 && held.of_client.is_empty() && held.of_network.is_empty());
}

#[test]
fn the_addresses_of_one_ipv6_customer_are_one_client() {
    let budget = Budget::new(100, 100, 40);
    let held = budget.take(address("2001:db8::1"), 40).unwrap();
    assert!(budget.take(address("2001:db8::2"), 1).is_none());
    assert!(budget.take(address("2001:db8:0:1::1"), 40).is_some());
    drop(held);
}

#[test]
fn a_response_larger_than_the_whole_budget_is_never_sent() {
    let budget = Budget::new(100, 100, 40);
    assert!(budget.take(address("192.0.2.1"), 101).is_none());
    assert!(budget.take(address("192.0.2.1"), 100).is_some());
}

#[test]
fn one_network_leaves_room_for_others() {
    let budget = Budget::new(100, 60, 40);
    let mut held: Vec<_> = (1..=3).map(|last| budget.take(address(&format!("192.0.2.{last}")), 20).unwrap()).collect();
    assert!(budget.take(address("192.0.2.4"), 1).is_none() && !budget.has_room(address("192.0.2.4")));
    assert!(budget.has_room(address("198.51.100.1")));
    held.push(budget.take(address("198.51.100.1"), 40).expect("another network has room"));
    held.remove(0);
    assert!(budget.take(address("192.0.2.4"), 20).is_some());
    let of_customer = |customer: u16| address(&format!("2001:db8:0:{customer:x}::1"));
    held.clear();
    held.extend((1..=3).map(|customer| budget.take(of_customer(customer), 20).unwrap()));
    assert!(budget.take(of_customer(4), 1).is_none());
    assert!(budget.take(address("2001:db8:1::1"), 40).is_some());
}
