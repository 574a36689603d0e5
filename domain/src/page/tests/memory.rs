//! A store in memory, which executes plans and nothing else, compared with the model after every step.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::channel::{ChannelId, ChannelSnowflake};
use crate::coverage::{
    Coverage, CoverageFacts, CoveragePlan, Interval, NearSegments, Observation, Segment, Segments, StoredCoverage,
};
use crate::day::{Day, DayCounts};
use crate::message::{Message, MessageId, StoredMessage};
use crate::page::model::{ABOVE, Known, Model, Observed, Random, at, id, span, steps};
use crate::page::{
    Activity, ActivityPlan, DayPlan, MessagePage, Newest, PageOutcome, RestorePlan, RestoreState, StatsPlan,
    StoredState, StoredStats, StoredVersion, WritePlan,
};

/// The number of sequences; the seed of a failing one is in its message.
const SEQUENCES: u64 = 1_500;

#[derive(Default)]
struct Memory {
    messages: BTreeMap<MessageId, StoredMessage>,
    segments: BTreeMap<MessageId, Segment>,
    coverage: StoredCoverage,
    message_count: u64,
    newest: Option<Newest>,
    days: BTreeMap<Day, [i64; 3]>,
}

fn channel() -> ChannelId {
    ChannelId(Uuid::nil())
}

fn platform_id() -> ChannelSnowflake {
    "7".parse().unwrap()
}

impl Memory {
    fn find_newest(&self) -> Option<Newest> {
        self.messages.values().rev().find(|stored| stored.is_shown()).map(|stored| Newest::from(&stored.message))
    }

    fn stats(&self) -> StoredStats {
        StoredStats { platform_id: platform_id(), message_count: self.message_count, newest: self.newest }
    }

    /// Reads segments as a store does: those that begin in the interval or right after it, and two below.
    fn near(&self, of: Interval) -> NearSegments {
        let after = of.high().next().unwrap_or(of.high());
        let mut rows: Vec<_> = self.segments.range(..of.low()).rev().take(NearSegments::BELOW as usize).collect();
        rows.reverse();
        rows.extend(self.segments.range(of.low()..=after));
        let mut near =
            NearSegments::from_stored(rows.into_iter().map(|(_, segment)| segment.clone()).collect()).unwrap();
        while let Some(low) = near.lists_below() {
            near.extend_below(
                self.segments.range(..low).rev().take(1).map(|(_, segment)| segment.interval()).collect(),
            );
        }
        near
    }

    /// Stores a page by its plan, made from a state that may lack the newest message, as that of an earlier version does.
    fn store(&mut self, page: &MessagePage, newest: Option<Newest>) -> PageOutcome {
        let Some(of) = page.span() else { return PageOutcome::default() };
        let row = |(id, stored): (&MessageId, &StoredMessage)| {
            let StoredMessage { message, deletion } = stored;
            let Message { kind, version, .. } = *message;
            let counts = DayCounts::of(message);
            StoredVersion { id: *id, kind, version, digest: message.digest(), deletion: *deletion, counts }
        };
        let rows = self.messages.range(of.low()..=of.high()).map(row).collect();
        let (near, coverage, stats) = (self.near(of), self.coverage.clone(), StoredStats { newest, ..self.stats() });
        let before = StoredState { rows, near, coverage, stats, has_unreadable: false };
        let plan = WritePlan::new(channel(), page, &before);
        for write in plan.insert.iter().chain(&plan.update) {
            let stored = StoredMessage { message: write.message.clone(), deletion: write.deletion };
            self.messages.insert(write.message.id, stored);
        }
        for (touch, ids) in &plan.touch {
            for id in ids {
                let stored = self.messages.get_mut(id).unwrap();
                (stored.message.version.observed_at, stored.message.version.origin) = (touch.observed_at, touch.origin);
                stored.deletion = touch.deletion;
            }
        }
        for id in &plan.delete {
            self.messages.get_mut(id).unwrap().deletion = plan.deletion;
        }
        for (id, deletion) in &plan.clear {
            let stored = self.messages.get_mut(id).unwrap();
            *stored = StoredMessage { message: stored.message.cleared(), deletion: Some(*deletion) };
        }
        self.set_stats(plan.stats);
        self.count(&plan.days);
        self.record(plan.coverage);
        plan.outcome
    }

    fn set_stats(&mut self, stats: Option<StatsPlan>) {
        let Some(StatsPlan { message_count, activity }) = stats else { return };
        self.message_count = message_count;
        let activity = match activity {
            ActivityPlan::Set(activity) => activity,
            ActivityPlan::Reread => Activity::of(self.find_newest(), platform_id()),
        };
        self.newest = activity.newest;
    }

    fn count(&mut self, days: &[DayPlan]) {
        for plan in days {
            let day = self.days.entry(plan.day).or_default();
            *day = std::array::from_fn(|index| day[index] + plan.growth()[index]);
        }
    }

    /// Asserts that the counters of the days are those of the rows.
    fn check_days(&self) {
        let mut counted: BTreeMap<Day, DayCounts> = BTreeMap::new();
        for (id, stored) in self.messages.iter().filter(|(_, stored)| stored.is_shown()) {
            let day = counted.entry(Day::of(*id)).or_default();
            *day = day.plus(DayCounts::of(&stored.message));
        }
        let counted = counted
            .into_iter()
            .map(|(day, counts)| (day, [counts.messages, counts.by_people, counts.text_bytes].map(u64::cast_signed)));
        let stored: BTreeMap<_, _> = self.days.iter().filter(|(_, counts)| **counts != [0; 3]).collect();
        assert_eq!(stored, counted.collect::<BTreeMap<_, _>>().iter().collect());
    }

    fn record(&mut self, plan: Option<CoveragePlan>) {
        let Some(plan) = plan else { return };
        for low in plan.delete {
            self.segments.remove(&low).unwrap();
        }
        let update = plan.update.iter().all(|segment| self.segments.contains_key(&segment.interval().low()));
        let insert = plan.insert.iter().all(|segment| !self.segments.contains_key(&segment.interval().low()));
        assert!(update && insert);
        let written = plan.update.into_iter().chain(plan.insert);
        self.segments.extend(written.map(|segment| (segment.interval().low(), segment)));
        self.coverage = plan.coverage;
    }

    fn proven(&self) -> Segments {
        Segments::from_stored(&self.segments.values().cloned().collect::<Vec<_>>()).unwrap()
    }

    fn check(&self, model: &Model) {
        let known = self.messages.values().map(|stored| {
            let StoredMessage { message, deletion } = stored;
            (message.id.get(), Known::of(message, *deletion))
        });
        assert_eq!(known.collect::<BTreeMap<_, _>>(), model.known);
        let shown: Vec<u64> = model.shown().collect();
        let newest = shown.last().map(|raw| Newest::from_stored(id(*raw), None));
        assert_eq!((self.message_count, self.newest), (shown.len() as u64, newest));
        self.check_days();
        let proven = self.proven();
        for raw in 1..=ABOVE {
            let proof = model.cover.get(&raw).filter(|(proof, _)| *proof).map(|(_, time)| at(*time));
            assert_eq!((proven.absent_at(id(raw)), proven.confirmed_at(id(raw))), (proof, proof), "proof of {raw}");
        }
        let intervals: Vec<Interval> = self.segments.values().map(Segment::interval).collect();
        assert!(intervals.windows(2).all(|pair| !pair[0].touches(pair[1])), "touching segments are one");
        let run = model.run().map(span);
        assert_eq!(self.coverage.interval, run);
        assert_eq!(self.coverage.start_reached, run.is_some_and(Interval::reaches_start));
        let checked_at = model.checked_at.map(crate::page::model::at);
        assert_eq!((self.coverage.checked_at, self.coverage.reason.is_some()), (checked_at, model.reason));
    }
}

#[test]
fn plans_do_what_the_model_does() {
    for seed in 0..SEQUENCES {
        let (mut memory, mut random) = (Memory::default(), Random(seed));
        let steps = steps(&mut random);
        let mut before = Model::default();
        for done in 1..=steps.len() {
            println!("seed {seed}, step {done}: {:?}", steps[done - 1]);
            let after = Model::of(&steps[..done]);
            match steps[done - 1].observed(channel(), &mut random) {
                Observed::Page(page) => {
                    let newest = memory.newest.filter(|_| random.below(4) > 0);
                    let outcome = memory.store(&page, newest);
                    assert_eq!([outcome.added, outcome.deleted, outcome.updated], after.changes_since(&before));
                }
                Observed::Claim(claims) => {
                    for claim in claims {
                        let near = memory.near(claim.interval);
                        memory.record(CoveragePlan::new(claim, &near, &memory.coverage));
                    }
                }
                Observed::Note(time, reason) => memory.coverage = memory.coverage.after_check(time, false, reason),
            }
            memory.check(&after);
            before = after;
        }
    }
}

#[test]
fn a_copy_of_an_archive_is_equal_to_it() {
    for seed in 0..SEQUENCES / 10 {
        let (mut memory, mut random) = (Memory::default(), Random(seed));
        for step in steps(&mut random) {
            if let Observed::Page(page) = step.observed(channel(), &mut random) {
                memory.store(&page, memory.newest);
            }
        }
        let (mut copy, copies) = (Memory::default(), memory.messages.values().cloned().collect::<Vec<_>>());
        for _ in 0..2 {
            let (held, proven, stats) =
                (copy.messages.values().cloned().collect::<Vec<_>>(), copy.proven(), copy.stats());
            let before = RestoreState { messages: &held, proven: &proven, stats: &stats };
            let plan = RestorePlan::new(channel(), &copies, &memory.proven(), before);
            assert_eq!(plan.changes.is_empty(), plan.messages.is_empty());
            for write in plan.writes() {
                let stored = StoredMessage { message: write.message.clone(), deletion: write.deletion };
                copy.messages.insert(write.message.id, stored);
            }
            copy.set_stats(plan.stats);
            copy.count(&plan.days);
            copy.check_days();
            assert_eq!((&copy.messages, copy.message_count), (&memory.messages, memory.message_count), "seed {seed}");
            assert_eq!(copy.newest, memory.newest);
        }
        let coverage = Coverage::from_stored(channel(), memory.coverage.clone(), CoverageFacts::default());
        let restored = copy.coverage.restored(&copy.proven(), &coverage, &memory.proven());
        let expected = (memory.coverage.clone() != StoredCoverage::default()).then_some(&memory.coverage);
        assert_eq!(restored.as_ref(), expected);
    }
}

#[test]
fn an_archive_with_a_segment_for_each_page_is_read_down_to_the_end_of_the_gapless_interval() {
    let mut memory = Memory::default();
    // As an earlier release stored them: they touch, except the lowest.
    for (low, high) in [(1, 1), (3, 4), (5, 6), (7, 8), (9, 10)] {
        let interval = Interval::new(id(low), id(high)).unwrap();
        let segment = Segments::new([Observation::new(interval, at(1))]);
        memory.segments.extend(segment.segments().map(|segment| (id(low), segment)));
    }
    memory.coverage.interval = Interval::new(id(15), id(20));
    let seen = Observation::new(Interval::new(id(10), id(14)).unwrap(), at(2));
    let plan = CoveragePlan::new(seen, &memory.near(seen.interval), &memory.coverage).unwrap();
    assert_eq!(plan.coverage.interval, Interval::new(id(3), id(20)));
}
