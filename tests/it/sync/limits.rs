//! Discord's real limits, met by the whole engine.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use app_core::sync::SyncListener;
use discord_simulator::{ChannelPlan, Options, Request, kind};
use domain::access::GuildChannel;
use domain::job::JobState;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::backend::Backend;
use super::world::{MESSAGES, SyncOptions, World};

/// The latency of a response.
const LATENCY_MS: u64 = 120;

fn channels(count: usize, messages: u64) -> Vec<ChannelPlan> {
    (0..count).map(|number| ChannelPlan::new(&format!("c{number}"), kind::TEXT, messages)).collect()
}

/// These channels behind real limits, with incorrect headers.
async fn limited(plan: Vec<ChannelPlan>) -> World {
    World::start(Backend::Sqlite, Options { rest_latency_ms: LATENCY_MS, ..Options::planned(1, plan) }).await
}

fn reads(world: &World) -> Vec<Request> {
    world.simulator.requests(0).into_iter().filter(|request| request.route == MESSAGES).collect()
}

#[tokio::test(start_paused = true)]
async fn a_60_channels_parallel() {
    let world = limited(channels(60, 3_000)).await;
    let run = timeout(Duration::from_secs(25), world.sync()).await;
    assert!(run.is_err(), "there is more than that to read");
    // Every request counts from the first page on, including those for lists of threads.
    let (asked, reads) = (world.simulator.requests(0), reads(&world));
    let began_ms = reads[0].at_ms;
    let ms = reads.last().unwrap().at_ms - began_ms;
    assert!(ms > 20_000, "{ms}");
    let share = asked.iter().filter(|request| request.at_ms >= began_ms).count() as u64 * 100_000 / (ms * 50);
    assert!(share >= 90, "{share} % of what is allowed in {ms} ms");
    let totals = world.simulator.totals();
    assert!(totals.busiest_second <= 50, "{}", totals.busiest_second);
    assert_eq!(totals.limited, 0);
    let mut each: BTreeMap<u64, u32> = BTreeMap::new();
    for request in &reads {
        *each.entry(request.major).or_default() += 1;
    }
    let (most, least) = (each.values().max().unwrap(), each.values().min().unwrap());
    assert!(each.len() == 60 && most - least <= 3, "{each:?}");
}

/// The times at which the channels were read, by name.
struct Ends(Instant, Mutex<BTreeMap<String, Duration>>);

impl SyncListener for Ends {
    fn begin(&self, _: &GuildChannel) {}

    fn end(&self, channel: &GuildChannel) {
        self.1.lock().unwrap().insert(channel.channel.name.clone(), self.0.elapsed());
    }

    fn at(&self, _: domain::job::Progress) {}
}

/// Reads thirty short channels, with or without an additional long one; returns the time until the last of them ended,
/// and until the long one did.
async fn beside(long: Option<u64>) -> (Duration, Option<Duration>, World) {
    let mut plan: Vec<_> = long.map(|messages| ChannelPlan::new("long", kind::TEXT, messages)).into_iter().collect();
    plan.extend(channels(30, 380));
    let world = limited(plan).await;
    let ends = Ends(Instant::now(), Mutex::default());
    let job = world.run_with(SyncOptions::default(), &CancellationToken::new(), &ends).await;
    assert_eq!(job.state, JobState::Done);
    let mut ends = ends.1.into_inner().unwrap();
    let long = ends.remove("long");
    (ends.into_values().max().unwrap(), long, world)
}

#[tokio::test(start_paused = true)]
async fn one_channel_at_one_request_a_second_slows_no_other() {
    let (alone, _, _) = beside(None).await;
    let (others, long, world) = beside(Some(4_000)).await;
    let long = long.unwrap();
    assert!(long > Duration::from_secs(36), "{long:?}: it is held to one request a second");
    assert!(long < Duration::from_secs(41 * 11 / 10 + 5), "{long:?}: and read as fast as it may");
    assert!(others <= alone + Duration::from_secs(1), "{others:?} instead of {alone:?}");
    assert_eq!(world.simulator.totals().limited, 1, "its headers lie once");
    world.assert_whole(world.id("long")).await;
}
