use std::time::Duration;

use domain::timestamp::Timestamp;

use super::*;

/// Three frames, or 30 bytes, in front of the file, and 100 bytes behind it.
const SMALL: Bounds = Bounds { frames: 3, bytes: 30, unwritten: 100 };

fn queue(bounds: Bounds) -> (Arc<Queue>, Arc<Counters>) {
    let counters = Arc::new(Counters::default());
    (Arc::new(Queue::new(bounds, Arc::clone(&counters))), counters)
}

fn frame(number: usize) -> Frame {
    let received_at = Timestamp::from_millis(i64::try_from(number).unwrap()).unwrap();
    Frame { received_at, sequence: number as u64, text: format!("frame {number}") }
}

/// Waits until no frame is being written.
async fn written(queue: &Queue) {
    while queue.state().writing {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn frames_come_in_order_from_memory_the_file_and_behind_it() {
    let (queue, counters) = queue(SMALL);
    for number in 0..7 {
        queue.push(frame(number)).unwrap();
    }
    written(&queue).await;
    assert_eq!(queue.state().front.len(), 3);
    assert!(queue.state().spilled() > 0);
    for number in 7..12 {
        queue.push(frame(number)).unwrap();
    }
    for number in 0..12 {
        assert_eq!(queue.pop().await, Ok(frame(number)));
    }
    let stats = counters.stats();
    assert_eq!((stats.queued_events, stats.queued_bytes, stats.spilled_bytes), (0, 0, 0));
    assert!(tokio::time::timeout(Duration::ZERO, queue.pop()).await.is_err());
    assert!(queue.state().spill.is_none(), "the file is gone");
    queue.push(frame(12)).unwrap();
    assert_eq!(queue.state().front.len(), 1, "memory is used again");
}

#[tokio::test]
async fn a_reader_that_comes_and_goes_loses_nothing() {
    let (queue, _) = queue(SMALL);
    let sender = Arc::clone(&queue);
    let sent = tokio::spawn(async move {
        for number in 0..3000 {
            while sender.push(frame(number)).is_err() {
                tokio::task::yield_now().await;
            }
        }
    });
    let mut next = 0;
    while next < 3000 {
        // The future is dropped as soon as it would wait.
        if let Ok(popped) = tokio::time::timeout(Duration::ZERO, queue.pop()).await {
            assert_eq!(popped, Ok(frame(next)));
            next += 1;
        }
    }
    sent.await.unwrap();
    assert!(queue.state().is_empty());
}

#[tokio::test]
async fn a_large_frame_goes_through_the_file() {
    let (queue, _) = queue(SMALL);
    let large = Frame { text: "x".repeat(3 << 20), ..frame(1) };
    queue.push(frame(0)).unwrap();
    queue.push(large.clone()).unwrap();
    written(&queue).await;
    queue.push(frame(2)).unwrap();
    for expected in [frame(0), large, frame(2)] {
        assert_eq!(queue.pop().await.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_queue_that_cannot_be_written_takes_what_fits_in_memory() {
    let (queue, _) = queue(SMALL);
    queue.state().failed = true;
    let taken = (0..100).take_while(|number| queue.push(frame(*number)).is_ok()).count();
    assert_eq!(taken, 3 + 13, "three in front, and 100 bytes behind");
    for number in 0..taken {
        assert_eq!(queue.pop().await, Ok(frame(number)));
    }
    queue.emptied().await;
    assert_eq!(queue.push(frame(0)), Ok(()));
    assert!(!queue.state().failed, "it is tried again");
}

#[tokio::test]
async fn the_end_comes_after_all_frames_and_stays() {
    let (queue, counters) = queue(SMALL);
    (0..5).for_each(|number| queue.push(frame(number)).unwrap());
    queue.end(GatewayError::Closed);
    for number in 0..5 {
        assert_eq!(queue.pop().await, Ok(frame(number)));
    }
    assert_eq!(queue.pop().await, Err(GatewayError::Closed));
    assert_eq!(queue.pop().await, Err(GatewayError::Closed));
    drop(queue);
    assert_eq!(counters.stats().queued_events, 0);
}

#[tokio::test]
async fn a_queue_that_is_dropped_counts_no_more() {
    let (queue, counters) = queue(SMALL);
    (0..9).for_each(|number| queue.push(frame(number)).unwrap());
    written(&queue).await;
    assert_eq!(counters.stats().queued_events, 9);
    drop(queue);
    let stats = counters.stats();
    assert_eq!((stats.queued_events, stats.queued_bytes, stats.spilled_bytes), (0, 0, 0));
}
