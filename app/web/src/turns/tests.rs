use std::net::Ipv4Addr;

use futures::poll;

use super::*;

fn client(network: u8, host: u8) -> IpAddr {
    Ipv4Addr::new(203, 0, network, host).into()
}

#[tokio::test]
async fn one_network_leaves_turns_to_others() {
    for (most, share) in [(2, 1), (3, 2), (4, 3), (10, 8), (64, 48)] {
        let turns = Turns::new(most);
        let mut taken = Vec::new();
        for host in 0..share {
            taken.push(turns.take(client(1, u8::try_from(host).unwrap())).await);
        }
        assert!(poll!(Box::pin(turns.take(client(1, 99)))).is_pending(), "{share} of {most}");
        taken.push(turns.take(client(2, 1)).await);
        assert_eq!(taken.len(), share + 1);
    }
}

#[tokio::test]
async fn a_turn_that_ends_goes_to_the_next() {
    let turns = Turns::new(1);
    let first = turns.take(client(1, 1)).await;
    let mut second = Box::pin(turns.take(client(2, 1)));
    assert!(poll!(&mut second).is_pending());
    drop(first);
    second.await;
}

#[tokio::test]
async fn networks_without_a_request_are_forgotten() {
    let turns = Turns::new(4);
    for network in 0..100 {
        drop(turns.take(client(network, 1)).await);
    }
    assert!(turns.of_network.lock().unwrap().len() <= 1);
}
