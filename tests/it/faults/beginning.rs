//! Connections that are refused, lost before their use, or exhausted.

use std::time::Duration;

use ports::store::Store;
use tokio::time::timeout;

use super::{Aborted, Backend, Rig, Throttled, TimedOut, Unavailable, kind};
use crate::contract::fixture::{interval, page};
use crate::proxy::Fault;

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_refused_connection_ends_as_it_should_and_leaves_nothing_behind() {
    let rig = Rig::new(2).await;
    for (code, expected) in [
        (1040, Unavailable),
        (1053, Unavailable),
        (1203, Unavailable),
        (1317, TimedOut),
        (8253, Throttled),
        (1045, Backend),
        (1049, Backend),
        (1129, Backend),
    ] {
        rig.proxy.cut().await;
        rig.proxy.refuse(Some(code));
        // More often than the pool has connections.
        for _ in 0..3 {
            let told = [
                kind(&rig.store.begin().await.err().unwrap()),
                kind(&rig.store.read().await.err().unwrap()),
                kind(&rig.store.status().await.unwrap_err()),
            ];
            assert_eq!(told, [expected; 3], "{code}");
        }
        rig.proxy.heal();
        assert_eq!(rig.put(5).await.1, 1, "{code}");
        rig.store.status().await.unwrap();
    }
    rig.holds(&[5], "it was stored again and again").await;
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn connections_that_were_lost_while_idle_are_replaced() {
    let rig = Rig::new(4).await;
    let opened = [rig.store.read().await, rig.store.read().await, rig.store.read().await, rig.store.read().await];
    assert!(opened.iter().all(Result::is_ok));
    drop(opened);
    rig.store.status().await.unwrap();
    rig.proxy.cut().await;
    assert_eq!(rig.put(5).await.1, 1);
    rig.store.read().await.unwrap();
    rig.store.status().await.unwrap();
    rig.holds(&[5], "all connections were lost").await;

    // A connection that looks alive and is not.
    rig.proxy.next("START TRANSACTION", Fault::CutBefore);
    assert_eq!(rig.put(6).await.1, 1);
    rig.holds(&[5, 6], "the connection ended as it was used").await;
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_server_that_restarts_is_found_again_by_the_same_store() {
    let rig = Rig::new(4).await;
    let mut unit = rig.store.begin().await.unwrap();
    unit.messages().replace_interval(rig.channel.id, &page(&rig.channel, interval(4, 4), 1, [4], "a")).await.unwrap();
    let mut read = rig.store.read().await.unwrap();

    rig.proxy.close().await;
    for _ in 0..5 {
        let told = timeout(Duration::from_secs(5), async {
            let (begun, read) = (rig.store.begin().await.err(), rig.store.read().await.err());
            [kind(&begun.unwrap()), kind(&read.unwrap()), kind(&rig.store.status().await.unwrap_err())]
        });
        assert_eq!(told.await.unwrap(), [Unavailable; 3], "it is told at once");
    }
    assert_eq!(kind(&read.channels().find(rig.channel.id).await.unwrap_err()), Aborted);
    assert_eq!(kind(&unit.commit().await.unwrap_err()), Unavailable, "its last statements may have been sent");
    drop(read);

    rig.proxy.open().await;
    assert_eq!(rig.put(5).await.1, 1);
    rig.store.status().await.unwrap();
    rig.holds(&[5], "the unit that the restart met is rolled back").await;
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn who_waits_for_a_connection_gets_the_first_that_is_free_and_is_told_if_none_is() {
    let rig = Rig::new(1).await;
    let held = rig.store.begin().await.unwrap();
    // Readiness has connections of its own.
    rig.store.status().await.unwrap();
    assert_eq!(kind(&rig.store.begin().await.err().unwrap()), Unavailable);
    let ((), waited) = tokio::join!(async { drop(held) }, rig.put(5));
    assert_eq!(waited.1, 1);
    rig.holds(&[5], "it waited").await;
}
