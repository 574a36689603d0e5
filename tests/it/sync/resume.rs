//! A run that is ended, and the next one.

use std::collections::HashMap;

use discord_simulator::{ChannelPlan, kind};
use domain::job::JobState;
use tokio_util::sync::CancellationToken;

use super::world::{MESSAGES, SyncOptions, When, World};

async fn guild() -> World {
    let plan = ["one", "two", "three"].map(|name| ChannelPlan::new(name, kind::TEXT, 850)).to_vec();
    World::of(plan).await
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_run_is_gone_on_with_and_no_page_is_fetched_twice() {
    let world = guild().await;
    let stop = CancellationToken::new();
    let job = world.run_with(SyncOptions::default(), &stop, &When::stored(900, || stop.cancel())).await;
    assert_eq!(job.state, JobState::Cancelled);
    assert!(job.ended_at.is_some() && job.progress.messages < 2_550, "{job:?}");
    assert_eq!(world.sync().await.state, JobState::Done);
    for name in ["one", "two", "three"] {
        assert_eq!(world.held(world.id(name)).await, world.true_ids(world.id(name)));
    }
    let mut asked = HashMap::new();
    for request in world.simulator.requests(0).into_iter().filter(|request| request.route == MESSAGES) {
        *asked.entry((request.path, request.query)).or_insert(0) += 1;
    }
    assert!(asked.values().all(|times| *times == 1), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn runs_that_are_dropped_anywhere_lose_a_page_at_most() {
    let world = guild().await;
    let ends = 20_u32;
    for end in 1..=ends {
        let killed = tokio::sync::Notify::new();
        let (stop, options) = (CancellationToken::new(), SyncOptions::default());
        let when = When::stored(u64::from(end % 4 * 100), || killed.notify_one());
        tokio::select! {
            biased;
            () = killed.notified() => {}
            _ = world.run_with(options, &stop, &when) => {}
        }
    }
    let job = world.sync().await;
    assert_eq!(job.state, JobState::Done);
    for name in ["one", "two", "three"] {
        assert_eq!(world.held(world.id(name)).await, world.true_ids(world.id(name)));
    }
    // Ten pages a channel with their ends, and for each end the requests that were under way.
    let asked = world.asked(MESSAGES);
    assert!(asked <= 3 * 10 + 3 * usize::try_from(ends).unwrap(), "{asked}");
}
