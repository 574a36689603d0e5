//! A storm: everything fails at random while people write, and a backfill runs beside.
//!
//! Its first part also loses and reorders events, which no receiver can notice. So that part ends with a session that
//! cannot be resumed, whose gap a sync closes. The second part has all other faults, and must end well by itself.
//!
//! The people change only messages of their own time: a sync rechecks those after a gap, and older ones in a full pass
//! alone.

mod content;
mod files;
mod people;
mod weather;

use std::collections::{BTreeSet, VecDeque};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use discord_simulator::{ChannelPlan, GatewayFault, Options, Origin, ThreadPlan, kind};
use domain::page::model::Random;
use domain::pseudonym::Pseudonymizer;
use tokio::time::{Instant, sleep};

use super::super::backend::{Backend, cases};
use super::super::world::{KEY, World};
use super::{Following, Running};

use self::people::People;
use self::weather::{Slow, Weather};

cases![a_storm_ends_in_the_state_of_the_ledger];

/// The seeds, if `STORM_SEEDS` does not name others, as `1-20`.
const SEEDS: RangeInclusive<u64> = 1..=2;
/// The length of the part that also loses and reorders events.
const WILD: Duration = Duration::from_mins(22);
/// The length of the other part.
const ORDERLY: Duration = Duration::from_mins(8);
/// The longest pause between two steps, in milliseconds.
const PAUSE_MS: u64 = 2_000;
/// The time in which the archive must equal the guild after a part.
const PATIENCE: Duration = Duration::from_mins(10);
/// The number of steps that are printed after a failure.
const PRINTED: usize = 40;

fn seeds() -> RangeInclusive<u64> {
    let Ok(given) = std::env::var("STORM_SEEDS") else { return SEEDS };
    let ends = given.split_once('-').and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
    let (first, last) = ends.unwrap_or_else(|| panic!("STORM_SEEDS: {given:?} is not like 1-20"));
    first..=last
}

async fn a_storm_ends_in_the_state_of_the_ledger(backend: Backend) {
    for seed in seeds() {
        let mut storm = Storm::begin(backend, seed).await;
        storm.pass(WILD, true).await;
        // Whatever was lost is in the gap of this session.
        storm.following.fault(&GatewayFault::InvalidSession { resumable: false });
        storm.assert_equal().await;
        storm.pass(ORDERLY, false).await;
        storm.assert_equal().await;
        println!("seed {seed}: {}", storm.summary());
    }
}

/// The last steps, which are printed after a failure.
struct Steps {
    seed: u64,
    begun: Instant,
    last: VecDeque<String>,
}

impl Steps {
    fn add(&mut self, step: &str) {
        if self.last.len() == PRINTED {
            self.last.pop_front();
        }
        self.last.push_back(format!("{:7.1} s: {step}", self.begun.elapsed().as_secs_f64()));
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let steps: Vec<String> = self.last.drain(..).collect();
            eprintln!("the storm of seed {}; its last steps:\n{}", self.seed, steps.join("\n"));
        }
    }
}

struct Storm {
    following: Following,
    people: People,
    weather: Weather,
    random: Random,
    steps: Steps,
}

fn plan() -> Vec<ChannelPlan> {
    let thread = |messages| ThreadPlan::new(kind::PUBLIC_THREAD, Origin::Standalone, messages);
    vec![
        ChannelPlan::new("general", kind::TEXT, 1_500).threads(vec![thread(3), thread(120)]),
        ChannelPlan::new("other", kind::TEXT, 5),
        ChannelPlan::new("news", kind::ANNOUNCEMENT, 300),
        ChannelPlan::new("help", kind::FORUM, 0).threads(vec![thread(30)]),
    ]
}

impl Storm {
    async fn begin(backend: Backend, seed: u64) -> Self {
        let options = Options { rest_latency_ms: 80, ..Options::planned(seed, plan()) };
        let mut world = World::start(backend, options).await;
        let slow = Slow::default();
        world.store = Arc::new(slow.store(&world.store));
        let (people, weather) = (People::new(&world.simulator), Weather::new(slow));
        let mut following = Following::of(world);
        following.run();
        let steps = Steps { seed, begun: Instant::now(), last: VecDeque::new() };
        Self { following, people, weather, random: Random(seed), steps }
    }

    /// Lets people act in bad weather for this long, and ends it.
    async fn pass(&mut self, length: Duration, is_wild: bool) {
        let end = Instant::now() + length;
        while Instant::now() < end {
            sleep(Duration::from_millis(self.random.below(PAUSE_MS))).await;
            for step in self.weather.clear(&mut self.following) {
                self.steps.add(step);
            }
            if let Some(step) = self.weather.change(&mut self.random, &mut self.following, is_wild).await {
                self.steps.add(&step);
            }
            let step = self.people.act(&mut self.random, &self.following.world.simulator);
            self.steps.add(&step);
            let process = self.following.running.as_ref();
            let has_ended = |process: &Running| process.task.is_finished() || process.removing.is_finished();
            assert!(!process.is_some_and(has_ended), "the process has ended");
        }
        self.weather.end(&mut self.following);
        self.people.end(&self.following.world.simulator);
        self.steps.add("the weather is fine");
    }

    /// Asserts that soon the archive equals the guild, and that the content of deleted messages is gone.
    async fn assert_equal(&self) {
        let world = &self.following.world;
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end && !self.is_settled().await {
            sleep(Duration::from_secs(10)).await;
        }
        assert!(self.has_ended_jobs().await, "{:?}", self.following.jobs().await);
        for id in world.simulator.channels() {
            let ledger = world.simulator.ledger(id).unwrap();
            let stored = world.channel(id).await;
            if ledger.unreadable.is_none() {
                self.assert_same_messages(id).await;
                world.assert_whole(id).await;
                assert_eq!(world.coverage(id).await.unwrap().reason, None, "{id}");
            }
            for gone in ledger.tombstones {
                let tombstone = world.find(id, gone.parse().unwrap()).await;
                let is_one = tombstone.is_none_or(|found| {
                    found.is_deleted() && (!found.is_final() || found.message == found.message.cleared())
                });
                assert!(is_one || ledger.unreadable.is_some(), "{gone} in {id} is deleted, with all that it said");
            }
            let is_public = match stored {
                Some(channel) => {
                    let parent = match channel.parent_id {
                        Some(parent) => world.store.read().await.unwrap().channels().find(parent).await.unwrap(),
                        None => None,
                    };
                    channel.is_public(parent.as_ref())
                }
                None => false,
            };
            assert_eq!(is_public, self.people.is_public(id), "{id} is public");
        }
        for id in self.people.deleted() {
            if let Some(coverage) = world.coverage(*id).await {
                assert!(coverage.is_deleted(), "{id} is deleted");
                assert!(!world.channel(*id).await.unwrap().is_public(None), "{id} is deleted, and not public");
            }
        }
        assert_eq!(self.wrong_content().await, [""; 0]);
    }

    async fn is_settled(&self) -> bool {
        self.has_ended_jobs().await && self.is_equal().await && self.wrong_content().await.is_empty()
    }

    /// Asserts that a channel has the same messages in the archive, with a message that names the others.
    async fn assert_same_messages(&self, id: u64) {
        let world = &self.following.world;
        let [stored, real] = [world.held(id).await, world.true_ids(id)].map(BTreeSet::from_iter);
        let missing: Vec<&u64> = real.difference(&stored).collect();
        let left: Vec<&u64> = stored.difference(&real).collect();
        let segments = world.store.read().await.unwrap().coverage().segments(world.of_channel(id)).await.unwrap();
        assert!(missing.is_empty() && left.is_empty(), "{id}: {missing:?} missing, {left:?} left; {segments:?}");
    }

    async fn has_ended_jobs(&self) -> bool {
        self.following.status().is_working() && self.following.jobs().await.iter().all(domain::job::Job::has_ended)
    }

    async fn is_equal(&self) -> bool {
        let world = &self.following.world;
        let people = Pseudonymizer::new(&KEY, world.tenant.id);
        for id in world.simulator.channels() {
            let ledger = world.simulator.ledger(id).unwrap();
            if ledger.unreadable.is_some() {
                continue;
            }
            let truth = ledger::of_shown(&world.simulator.messages(id, 0, usize::MAX), &people);
            if ledger::of_held(&*world.store, world.of_channel(id)).await.ok().as_ref() != Some(&truth) {
                return false;
            }
        }
        true
    }

    fn summary(&self) -> String {
        let (stats, weather) = (self.following.status().stats(), &self.weather);
        let totals = self.following.world.simulator.totals();
        let (acts, files) = (self.people.acts(), self.people.files().count());
        format!("{acts} acts, {files} files, {weather}, {} requests, {stats:?}", totals.requests)
    }
}
