use std::cell::Cell;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{BRIEF_OUTAGE, LOST_RACE, OUTAGE, PLATFORM, Policy, Verdict, retry, retry_until};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Failure {
    #[error("lost a race")]
    Race,
    #[error("the server is down")]
    Down,
    #[error("the disk is full")]
    Full,
}

fn is_race(error: &Failure) -> bool {
    *error == Failure::Race
}

fn is_transient(error: &Failure) -> bool {
    *error != Failure::Full
}

/// Runs work that always fails with `error`; returns the number of attempts and the time that they took.
async fn failing(policy: &Policy, error: Failure) -> (u32, Duration) {
    let (attempts, start) = (Cell::new(0), Instant::now());
    let outcome: Result<(), _> = retry(policy, is_transient, || async {
        attempts.set(attempts.get() + 1);
        Err(error.clone())
    })
    .await;
    assert_eq!(outcome, Err(error));
    (attempts.get(), start.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_retryable_error_is_retried_until_success() {
    let attempts = Cell::new(0);
    let outcome = retry(&LOST_RACE, is_race, || async {
        attempts.set(attempts.get() + 1);
        if attempts.get() < 4 { Err(Failure::Race) } else { Ok(attempts.get()) }
    });
    assert_eq!(outcome.await, Ok(4));
}

#[tokio::test(start_paused = true)]
async fn a_final_error_is_returned_at_once() {
    for policy in [LOST_RACE, BRIEF_OUTAGE, OUTAGE, PLATFORM] {
        assert_eq!(failing(&policy, Failure::Full).await, (1, Duration::ZERO));
    }
}

#[tokio::test(start_paused = true)]
async fn the_attempts_of_a_lost_race_are_bounded_and_so_are_their_pauses() {
    let mut paused = Duration::ZERO;
    for _ in 0..32 {
        let (attempts, elapsed) = failing(&LOST_RACE, Failure::Race).await;
        assert_eq!(attempts, 8);
        // 20 ms, doubled six times.
        assert!(elapsed <= Duration::from_millis(20 + 40 + 80 + 160 + 320 + 640 + 1280), "{elapsed:?}");
        paused += elapsed;
    }
    // Half of that on average.
    assert!(paused > Duration::from_secs(10), "{paused:?}");
}

#[tokio::test(start_paused = true)]
async fn a_brief_outage_is_bridged_for_fifteen_seconds() {
    let (attempts, elapsed) = failing(&BRIEF_OUTAGE, Failure::Down).await;
    assert!((15..=17).contains(&elapsed.as_secs()), "{elapsed:?}");
    assert!(attempts > 15 / 2, "{attempts}");
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_bridged_for_two_minutes() {
    let (attempts, elapsed) = failing(&OUTAGE, Failure::Down).await;
    assert!((120..=124).contains(&elapsed.as_secs()), "{elapsed:?}");
    assert!(attempts > 120 / 4, "{attempts}");
    // The time of the attempts counts, too: the one in progress when the time is over is the last.
    let slow = async || {
        sleep(Duration::from_mins(2)).await;
        Err::<(), _>(Failure::Down)
    };
    let start = Instant::now();
    assert_eq!(retry(&OUTAGE, is_transient, slow).await, Err(Failure::Down));
    assert_eq!(start.elapsed(), Duration::from_mins(2));
}

#[tokio::test(start_paused = true)]
async fn an_error_decides_its_own_pause_and_is_judged_only_before_another_attempt() {
    let (attempts, judged, start) = (Cell::new(0), Cell::new(0), Instant::now());
    let judge = |_: &Failure| {
        judged.set(judged.get() + 1);
        Some(Duration::from_secs(30))
    };
    let outcome: Result<(), _> = retry(&PLATFORM, judge, || async {
        attempts.set(attempts.get() + 1);
        Err(Failure::Down)
    })
    .await;
    assert_eq!(outcome, Err(Failure::Down));
    assert_eq!((attempts.get(), judged.get(), start.elapsed()), (5, 4, Duration::from_mins(2)));
    assert_eq!(Verdict::from(None), Verdict::Final);
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_a_pause_and_allows_one_attempt() {
    let (stop, attempts) = (CancellationToken::new(), Cell::new(0));
    let down = async || {
        attempts.set(attempts.get() + 1);
        Err::<(), _>(Failure::Down)
    };
    let start = Instant::now();
    let pause = |_: &Failure| Some(Duration::from_hours(1));
    let (outcome, ()) = tokio::join!(retry_until(&stop, &PLATFORM, pause, down), async {
        sleep(Duration::from_secs(5)).await;
        stop.cancel();
    });
    assert_eq!((outcome, attempts.get(), start.elapsed()), (Err(Failure::Down), 1, Duration::from_secs(5)));
    assert_eq!(retry_until(&stop, &OUTAGE, is_transient, down).await, Err(Failure::Down));
    assert_eq!((attempts.get(), start.elapsed()), (2, Duration::from_secs(5)));
    assert_eq!(retry_until(&stop, &OUTAGE, is_transient, async || Ok(7)).await, Ok(7));
}

#[tokio::test(start_paused = true)]
async fn a_lost_race_within_an_outage_is_retried_even_after_a_stop() {
    let (stop, attempts) = (CancellationToken::new(), Cell::new(0));
    stop.cancel();
    let races = async || {
        attempts.set(attempts.get() + 1);
        if attempts.get() < 3 { Err(Failure::Race) } else { Ok(()) }
    };
    let outcome = retry_until(&stop, &OUTAGE, is_transient, || retry(&LOST_RACE, is_race, races));
    assert_eq!((outcome.await, attempts.get()), (Ok(()), 3));
}
