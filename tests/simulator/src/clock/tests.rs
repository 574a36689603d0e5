use std::sync::Arc;

use super::*;

#[tokio::test]
async fn a_sleeper_wakes_when_time_is_moved_past_it_and_not_before() {
    let clock = Arc::new(Clock::manual());
    let sleeper = tokio::spawn({
        let clock = Arc::clone(&clock);
        async move { clock.sleep(1000).await }
    });
    while clock.next_wake_ms().is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!(clock.next_wake_ms(), Some(MANUAL_START_MS + 1000));
    clock.advance(999);
    tokio::task::yield_now().await;
    assert!(!sleeper.is_finished());
    clock.advance(1);
    sleeper.await.unwrap();
    assert_eq!(clock.next_wake_ms(), None);
}

#[test]
fn the_system_clock_starts_after_history() {
    assert!(Clock::system().now_ms() > HISTORY_END_MS);
}
