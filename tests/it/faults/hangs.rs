//! A server that stops responding: every caller gets an error within the limit of its operation.
//!
//! The limits are the real ones. Once the statement under test hangs, time jumps to the next of them.

use std::time::Duration;

use futures::FutureExt;
use ports::store::Store;
use tokio::time::Instant;

use super::{Aborted, Kind, Rig, Unavailable, kind};
use crate::contract::fixture::{interval, page};
use crate::proxy::Fault;

/// The limit of a connection with a transaction begun on it.
const BEGIN: Duration = Duration::from_secs(4);
/// The limit of a statement in a snapshot.
const READ: Duration = Duration::from_secs(5);
/// The limit of a statement or the commit of a unit.
const WRITE: Duration = Duration::from_secs(30);

/// Returns the outcome of `work`, which meets the next fault and hangs there, and the time that this takes on its
/// clock.
async fn hangs<T>(rig: &Rig, work: impl Future<Output = T>) -> (T, Duration) {
    let met = rig.proxy.met();
    let skip = async {
        rig.proxy.has_met(met + 1).await;
        tokio::time::pause();
    };
    let start = Instant::now();
    tokio::pin!(work);
    let done = tokio::select! {
        biased;
        () = skip => work.await,
        _ = &mut work => panic!("the work ended, and none of its statements met the fault"),
    };
    let took = start.elapsed();
    tokio::time::resume();
    (done, took)
}

fn assert_limit(took: Duration, limit: Duration, why: &str) {
    assert!(took >= limit && took < limit + Duration::from_secs(2), "{why}: {took:?}");
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_statement_that_hangs_ends_in_time_and_is_rolled_back() {
    let rig = Rig::new(1).await;
    let mut held = Vec::new();
    for (id, words) in [(1, "FOR UPDATE"), (2, "INTO messages"), (3, "FROM coverage_segments")] {
        rig.proxy.next(words, Fault::Stall);
        let (done, took) = hangs(&rig, rig.put(id)).await;
        assert_eq!((kind(&done.0.unwrap_err()), done.1), (Unavailable, 1), "{words}");
        assert_limit(took, WRITE, words);
        rig.proxy.resume();
        assert_eq!(rig.put(id).await.0.unwrap().added, 1, "{words}");
        held.push(id);
        rig.holds(&held, words).await;
    }
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_commit_that_hangs_ends_in_time_and_may_happen_later() {
    let rig = Rig::new(1).await;
    rig.proxy.next("COMMIT", Fault::Stall);
    let (done, took) = hangs(&rig, rig.put(5)).await;
    assert_eq!((kind(&done.0.unwrap_err()), done.1), (Unavailable, 1));
    assert_limit(took, WRITE, "COMMIT");
    rig.holds(&[], "it did not come to the server").await;
    rig.proxy.resume();
    // It waits for the lock of the previous unit, whose last statements reach the server now. `MariaDB` executes all of
    // them; `TiDB` stops once it cannot send the response to one of them.
    let repeated = rig.put(5).await.0.unwrap();
    assert_eq!(repeated.unchanged + repeated.added, 1, "{repeated:?}");
    rig.holds(&[5], "it came late or not at all").await;
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_snapshot_and_a_beginning_that_hang_end_in_time() {
    let rig = Rig::new(1).await;
    for words in ["SET SESSION TRANSACTION", "START TRANSACTION"] {
        for writes in [false, true] {
            rig.proxy.next(words, Fault::Stall);
            let begin = async { if writes { rig.store.begin().await.err() } else { rig.store.read().await.err() } };
            let (error, took) = hangs(&rig, begin).await;
            assert_eq!(kind(&error.unwrap()), Unavailable, "{words}");
            assert_limit(took, BEGIN, words);
            rig.proxy.resume();
        }
    }
    let mut read = rig.store.read().await.unwrap();
    rig.proxy.next("FROM channels", Fault::Stall);
    let (found, took) = hangs(&rig, read.channels().find(rig.channel.id)).await;
    assert_eq!(kind(&found.unwrap_err()), Unavailable);
    assert_limit(took, READ, "a snapshot");
    rig.proxy.resume();
    let found = rig.store.read().await.unwrap().channels().find(rig.channel.id).await.unwrap();
    assert_eq!(found.as_ref(), Some(&rig.channel));
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_rollback_that_hangs_delays_no_caller_for_longer_than_its_limit() {
    let rig = Rig::new(1).await;
    let mut unit = rig.store.begin().await.unwrap();
    unit.messages().replace_interval(rig.channel.id, &page(&rig.channel, interval(4, 4), 1, [4], "a")).await.unwrap();
    rig.proxy.next("ROLLBACK", Fault::Stall);
    // The only connection is free again when its rollback is given up, after 5 seconds; `begin` waits for 4.
    let (error, took) = hangs(&rig, async {
        drop(unit);
        rig.store.begin().await.err()
    })
    .await;
    assert_eq!(kind(&error.unwrap()), Unavailable);
    assert_limit(took, BEGIN, "ROLLBACK");
    rig.proxy.resume();
    assert_eq!(rig.put(5).await.1, 1);
    rig.holds(&[5], "the unit was dropped").await;
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_server_that_hangs_blocks_no_caller_and_all_continue_with_it() {
    let rig = Rig::new(2).await;
    let held = rig.store.read().await.unwrap();
    rig.proxy.hang();
    let ask = async || -> [Kind; 3] {
        let (begun, read, status) = tokio::join!(rig.store.begin(), rig.store.read(), rig.store.status());
        [kind(&begun.err().unwrap()), kind(&read.err().unwrap()), kind(&status.unwrap_err())]
    };
    // No data passes from now on, so time may jump to every limit.
    tokio::time::pause();
    for round in 0..4 {
        let start = Instant::now();
        let asked = tokio::join!(ask(), ask(), ask());
        assert_eq!(asked, ([Unavailable; 3], [Unavailable; 3], [Unavailable; 3]), "{round}");
        assert!(start.elapsed() < BEGIN + Duration::from_secs(1), "{round}: {:?}", start.elapsed());
    }
    let start = Instant::now();
    assert!(rig.store.status().await.is_err());
    assert!(start.elapsed() < Duration::from_secs(1), "readiness: {:?}", start.elapsed());
    drop(held);
    tokio::time::resume();
    rig.proxy.resume();
    rig.store.status().await.unwrap();
    assert_eq!(rig.put(5).await.1, 1);
    rig.holds(&[5], "the server is back").await;
    let (one, other) = tokio::join!(rig.store.read(), rig.store.begin());
    assert!(one.is_ok() && other.is_ok(), "no place for a connection was lost");
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_response_to_a_cancelled_caller_is_never_taken_for_another() {
    let rig = Rig::new(1).await;
    for _ in 0..10 {
        // Polled once and then dropped: the response is still outstanding when the unit is dropped.
        let mut read = rig.store.read().await.unwrap();
        assert!(read.channels().find(rig.channel.id).now_or_never().is_none());
        drop(read);
        let found = rig.store.read().await.unwrap().channels().find(rig.channel.id).await.unwrap();
        assert_eq!(found.as_ref(), Some(&rig.channel));

        let mut unit = rig.store.begin().await.unwrap();
        let page = page(&rig.channel, interval(4, 4), 1, [4], "a");
        assert!(unit.messages().replace_interval(rig.channel.id, &page).now_or_never().is_none());
        let error = unit.messages().replace_interval(rig.channel.id, &page).await.unwrap_err();
        assert_eq!(kind(&error), Aborted, "the unit is only good for dropping");
        assert_eq!(kind(&unit.commit().await.unwrap_err()), Aborted);
    }
    assert_eq!(rig.put(5).await.0.unwrap().added, 1);
    rig.holds(&[5], "no other unit was committed").await;
}
