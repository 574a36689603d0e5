use std::cell::Cell;
use std::time::Duration;

use domain::access::Denied;
use domain::job::Progress;
use tokio::time::{Instant, sleep};

use super::*;
use crate::sync::tests::leader;

const BUSY: GuildError = GuildError::Unavailable { reason: "502", retry_after: Duration::from_secs(30) };

#[tokio::test(start_paused = true)]
async fn a_request_is_repeated_after_the_named_pause_and_all_are_counted() {
    let (leader, tally, stop) = (leader().await, Tally::new(Progress::default()), CancellationToken::new());
    let fetcher = Fetcher::new(&leader, &tally, &stop);
    let (left, start) = (Cell::new(2), Instant::now());
    let call = async || {
        left.set(left.get() - 1);
        if left.get() >= 0 { Err(BUSY) } else { Ok("page") }
    };
    assert_eq!(fetcher.request(call).await, Ok("page"));
    let progress = tally.progress();
    assert_eq!((progress.requests, progress.waits, start.elapsed()), (3, 2, Duration::from_mins(1)));
}

#[tokio::test(start_paused = true)]
async fn a_permanent_error_is_returned_at_once_and_a_lasting_one_after_five_requests() {
    let (leader, tally, stop) = (leader().await, Tally::new(Progress::default()), CancellationToken::new());
    let fetcher = Fetcher::new(&leader, &tally, &stop);
    let denied = GuildError::Forbidden(Denied::View);
    assert_eq!(fetcher.request(async || Err::<(), _>(denied.clone())).await, Err(denied.clone()));
    assert_eq!((tally.progress().requests, tally.progress().waits), (1, 0));
    assert_eq!(fetcher.request(async || Err::<(), _>(BUSY)).await, Err(BUSY));
    assert_eq!((tally.progress().requests, tally.progress().waits), (6, 4));
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_pause_before_a_request() {
    let (leader, tally, stop) = (leader().await, Tally::new(Progress::default()), CancellationToken::new());
    let fetcher = Fetcher::new(&leader, &tally, &stop);
    let (outcome, ()) = tokio::join!(fetcher.request(async || Err::<(), _>(BUSY)), async {
        sleep(Duration::from_secs(1)).await;
        stop.cancel();
    });
    assert_eq!((outcome, tally.progress().requests), (Err(BUSY), 1));
}

#[tokio::test]
async fn the_error_of_one_item_is_recorded_and_that_of_all_items_ends_the_run() {
    let (leader, tally, stop) = (leader().await, Tally::new(Progress::default()), CancellationToken::new());
    let fetcher = Fetcher::new(&leader, &tally, &stop);
    for fatal in [GuildError::Unauthorized, GuildError::Parked, GuildError::Gone(GoneItem::Guild)] {
        assert_eq!(fetcher.fail("general", fatal.clone()), Err(fatal));
    }
    assert_eq!(tally.failures(), None);
    assert_eq!(fetcher.fail("general", BUSY), Ok(()));
    let reported = tally.failures().unwrap();
    assert!(reported.starts_with("general: 502"), "{reported}");
    // After a stop, the item is left for the next run, which reports it if it still fails.
    stop.cancel();
    assert_eq!(fetcher.fail("random", BUSY), Ok(()));
    assert_eq!(tally.failures().unwrap(), reported);
}
