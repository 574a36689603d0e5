use std::sync::Arc;

use super::{Connection, Connections};

fn open(all: &Arc<Connections>, peer: &str) -> Arc<Connection> {
    all.open(peer.parse().unwrap(), false).unwrap()
}

fn is_closed(connection: &Connection) -> bool {
    connection.close.is_cancelled()
}

fn count_closed(connections: &[Arc<Connection>]) -> usize {
    connections.iter().filter(|connection| is_closed(connection)).count()
}

#[test]
fn one_network_that_takes_everything_makes_room_for_others_and_for_itself() {
    let all = Connections::new(64);
    let idle: Vec<_> = (0..64).map(|_| open(&all, "192.0.2.1")).collect();
    let busy: Vec<_> = idle.iter().map(Connection::begin).collect();
    let visitor = open(&all, "198.51.100.1");
    assert!(is_closed(&idle[0]) && count_closed(&idle) == 1, "the longest busy one");
    // Further connections of the network replace its own ones alone.
    let more: Vec<_> = (0..500).map(|_| open(&all, "192.0.2.2")).collect();
    assert!(!is_closed(&visitor));
    assert_eq!(count_closed(&idle) + count_closed(&more), 501);
    assert!(!is_closed(&more[499]));
    drop(busy);
}

#[test]
fn an_idle_connection_of_a_network_goes_before_a_busy_one() {
    let all = Connections::new(4);
    let mut held: Vec<_> = (0..4).map(|_| open(&all, "192.0.2.1")).collect();
    let busy = [held[0].begin(), held[1].begin(), held[3].begin()];
    held.push(open(&all, "198.51.100.1"));
    assert_eq!(held.iter().map(|held| is_closed(held)).collect::<Vec<_>>(), [false, false, true, false, false]);
    drop(busy);
}

#[test]
fn the_address_that_holds_the_most_of_its_network_goes_first() {
    let all = Connections::new(8);
    let mut few = vec![open(&all, "2001:db8:1:1::1")];
    let many: Vec<_> = (1..7).map(|last| open(&all, &format!("2001:db8:1:2::{last}"))).collect();
    few.push(open(&all, "2001:db8:1:3::1"));
    let visitor = open(&all, "192.0.2.1");
    assert_eq!((count_closed(&few), count_closed(&many), is_closed(&visitor)), (0, 1, false));
    assert!(is_closed(&many[0]));
}

#[test]
fn where_no_network_has_more_than_its_share_the_longest_idle_goes() {
    let all = Connections::new(64);
    let mut held: Vec<_> = (0..63).map(|network| open(&all, &format!("10.0.{network}.1"))).collect();
    let proxy = all.open("10.1.0.1".parse().unwrap(), true).unwrap();
    drop(held[0].begin());
    held.push(open(&all, "10.2.0.1"));
    assert!(is_closed(&held[1]) && count_closed(&held) == 1, "the first one was used since");
    let busy: Vec<_> = held.iter().map(Connection::begin).collect();
    held.push(open(&all, "10.3.0.1"));
    assert!(is_closed(&proxy), "the only idle one");
    drop(busy);
}

#[test]
fn proxies_that_are_trusted_have_no_share() {
    let all = Connections::new(4);
    let proxy = || all.open("10.0.0.1".parse().unwrap(), true);
    let held: Vec<_> = (0..4).map(|_| proxy().unwrap()).collect();
    let busy: Vec<_> = held.iter().map(Connection::begin).collect();
    assert!(proxy().is_none() && all.open("192.0.2.1".parse().unwrap(), false).is_none());
    assert_eq!(count_closed(&held), 0);
    drop(busy);
    assert!(proxy().is_some());
    assert_eq!(count_closed(&held), 1);
}

#[test]
fn what_has_ended_is_counted_no_more() {
    let all = Connections::new(2);
    for round in 0..100 {
        let held = [open(&all, "192.0.2.1"), open(&all, "2001:db8::1")];
        assert_eq!(count_closed(&held), 0, "{round}");
    }
    let state = all.state();
    assert!(state.open.is_empty() && state.of_network.is_empty() && state.of_address.is_empty());
}
