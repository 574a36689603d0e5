use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;

use super::{TRIES, retry};

#[tokio::test(start_paused = true)]
async fn what_can_be_retried_is_until_it_succeeds() {
    let tries = Cell::new(0);
    let outcome = retry(
        |error: &&str| *error == "lost a race",
        || async {
            tries.set(tries.get() + 1);
            if tries.get() < 4 { Err("lost a race") } else { Ok(tries.get()) }
        },
    );
    assert_eq!(outcome.await, Ok(4));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_retried_is_not() {
    let tries = Cell::new(0);
    let outcome: Result<(), _> = retry(
        |error: &&str| *error == "lost a race",
        || async {
            tries.set(tries.get() + 1);
            Err("the disk is full")
        },
    )
    .await;
    assert_eq!((outcome, tries.get()), (Err("the disk is full"), 1));
}

#[tokio::test(start_paused = true)]
async fn tries_are_bounded_and_so_are_their_waits() {
    let (tries, start) = (Cell::new(0), Instant::now());
    let outcome: Result<(), ()> = retry(
        |()| true,
        || async {
            tries.set(tries.get() + 1);
            Err(())
        },
    )
    .await;
    assert_eq!((outcome, tries.get()), (Err(()), TRIES));
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}
