//! A store compared with a slow and simple model: after every step of a random sequence both must agree.

use std::collections::{BTreeMap, BTreeSet};

use domain::channel::Channel;
use domain::coverage::{CoverageState, Interval, Observation};
use domain::message::{DeletionKind, Message, MessageId, MessageKind, Origin, Version};
use domain::page::MessagePage;
use ports::page::MessageRange;
use ports::store::Store;

use super::contract;
use super::fixture::{at, begin, id, message, one_channel, put, stored};

contract![a_store_does_what_the_model_does];

/// The number of sequences; the seed of a failing one is in its message.
const SEQUENCES: u64 = 40;
/// Messages have the ids from 1 to this one. All ids above are a single id in the model, up to the largest possible.
const LAST: u64 = 24;
const ABOVE: u64 = LAST + 1;
/// Few enough times that many are equal.
const TIMES: u64 = 6;

/// `SplitMix64`: the same numbers for the same seed, on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn time(&mut self) -> i64 {
        1 + self.below(TIMES).cast_signed()
    }
}

/// The ids that an observation covers, both ends included; an end above [`LAST`] covers all ids above it.
type Ends = (u64, u64);

#[derive(Debug, Clone)]
enum Step {
    /// A page: the ids it covers, the messages it shows, and whether an absence is evidence.
    Page { ends: Option<Ends>, time: i64, shown: BTreeSet<u64>, evidence: bool },
    /// An explicit deletion.
    Deleted { id: u64, time: i64 },
    /// Intervals that a source covers without proof of absences.
    Claim { ends: Vec<Ends>, time: i64 },
    /// A note with or without a reason.
    Note { time: i64, reason: bool },
}

/// Returns any two numbers in order; often the whole of a channel, its start or its end.
fn ends(random: &mut Random, before: Option<Ends>) -> Ends {
    match (random.below(10), before) {
        (0, _) => (1, ABOVE),
        (1, _) => (1, 1 + random.below(LAST)),
        (2, _) => (1 + random.below(LAST), ABOVE),
        // The same interval, one that touches it above or below, and one inside it.
        (3, Some(same)) => same,
        (4, Some((_, high))) if high < LAST => (high + 1, high + 1 + random.below(LAST - high)),
        (5, Some((low, _))) if low > 1 => (1 + random.below(low - 1), low - 1),
        (6, Some((low, high))) => {
            let low = low + random.below(high - low + 1);
            (low, low + random.below(high - low + 1))
        }
        _ => {
            let (a, b) = (1 + random.below(LAST), 1 + random.below(LAST));
            (a.min(b), a.max(b))
        }
    }
}

fn steps(random: &mut Random) -> Vec<Step> {
    let (mut steps, mut before): (Vec<Step>, _) = (Vec::new(), None);
    for _ in 0..6 + random.below(11) {
        let time = random.time();
        let step = match random.below(20) {
            0..=12 => {
                let covered = ends(random, before);
                before = Some(covered);
                let (low, high) = (covered.0, covered.1.min(LAST));
                let density = random.pick(&[0, 40, 80, 100]);
                let shown = (low..=high).filter(|_| random.chance(density)).collect();
                let ends = random.chance(80).then_some(covered);
                Step::Page { ends, time, shown, evidence: random.chance(75) }
            }
            13..=14 => Step::Deleted { id: 1 + random.below(LAST), time },
            15..=16 => {
                let (low, high) = ends(random, before);
                before = Some((low, high));
                let hole = low + random.below(high - low + 1);
                let apart = [(low, hole - 1), (hole + 1, high)].into_iter().filter(|(low, high)| low <= high).collect();
                Step::Claim { ends: if random.chance(50) { vec![(low, high)] } else { apart }, time }
            }
            17..=18 => Step::Note { time, reason: random.chance(40) },
            // Repeats the same step.
            _ => steps.last().cloned().unwrap_or(Step::Note { time, reason: false }),
        };
        steps.push(step);
    }
    steps
}

/// A message as of a time: for each time there is a single version, reported by sources of any kind.
fn version(channel: &Channel, raw: u64, time: i64, origin: Origin) -> Message {
    let edited_at = (raw.is_multiple_of(2) && changes(raw) && time > 2).then(|| at(if time > 4 { 4 } else { 2 }));
    let message = message(channel, raw, &text(raw, time), time);
    Message { kind: kind(raw, time), version: Version { edited_at, observed_at: at(time), origin }, ..message }
}

/// Some messages are always hidden from readers, and some for a while.
fn kind(raw: u64, time: i64) -> MessageKind {
    let is_hidden = raw % 5 == 1 || changes(raw) && raw % 5 == 2 && (time + 1) / 2 == 2;
    if is_hidden { MessageKind(24) } else { MessageKind::DEFAULT }
}

fn changes(raw: u64) -> bool {
    !raw.is_multiple_of(3)
}

fn text(raw: u64, time: i64) -> String {
    if changes(raw) { format!("{raw} as of {}", (time + 1) / 2) } else { "never changes".to_owned() }
}

fn span((low, high): Ends) -> Interval {
    Interval::new(id(low), if high == ABOVE { MessageId::MAX } else { id(high) }).unwrap()
}

/// The state of a message after all steps so far.
#[derive(Debug, PartialEq, Eq)]
struct Known {
    /// The text of the latest observation that shows it; `None` if a final deletion made it irrelevant.
    text: Option<(String, MessageKind)>,
    deletion: Option<DeletionKind>,
}

/// The coverage of an id: whether it proves absences, and the latest time of it.
type Cover = BTreeMap<u64, (bool, i64)>;

#[derive(Debug, Default)]
struct Model {
    known: BTreeMap<u64, Known>,
    cover: Cover,
    checked_at: Option<i64>,
    reason: bool,
}

impl Model {
    fn of(steps: &[Step]) -> Self {
        let mut model = Self::default();
        for raw in 1..=LAST {
            model.known.extend(known(steps, raw).map(|known| (raw, known)));
        }
        for step in steps {
            let before = model.cover.clone();
            match step {
                Step::Page { ends: Some(ends), time, evidence: true, .. } => {
                    model.cover(*ends, (true, *time));
                    model.checked_at = model.checked_at.max(Some(*time));
                }
                Step::Claim { ends, time } => {
                    for ends in ends {
                        model.cover(*ends, (false, *time));
                    }
                    if model.cover != before {
                        model.checked_at = model.checked_at.max(Some(*time));
                    }
                }
                Step::Note { time, reason } if Some(*time) >= model.checked_at => {
                    (model.checked_at, model.reason) = (Some(*time), *reason);
                }
                _ => {}
            }
        }
        model
    }

    /// Proof takes precedence over a claim, then the later time decides.
    fn cover(&mut self, (low, high): Ends, new: (bool, i64)) {
        for raw in low..=high {
            let stands = self.cover.entry(raw).or_insert(new);
            *stands = new.max(*stands);
        }
    }

    /// Returns the messages that are not deleted.
    fn present(&self) -> impl Iterator<Item = u64> {
        self.known.iter().filter(|(_, known)| known.deletion.is_none()).map(|(raw, _)| *raw)
    }

    /// Returns those of them that are shown to readers.
    fn shown(&self) -> impl Iterator<Item = u64> {
        let is_shown = |raw: &u64| self.known[raw].text.as_ref().is_some_and(|(_, kind)| kind.is_shown());
        self.present().filter(is_shown)
    }

    /// Returns the newest interval without a gap.
    fn run(&self) -> Option<Ends> {
        let high = *self.cover.keys().next_back()?;
        let low = (1..=high).rev().take_while(|raw| self.cover.contains_key(raw)).last()?;
        Some((low, high))
    }
}

/// Returns the combined effect of all steps on one message, in whatever order they came; only a final deletion of a
/// message that was not stored yet has none.
fn known(steps: &[Step], raw: u64) -> Option<Known> {
    let (mut seen, mut lacked, mut is_final) = (None, None, false);
    for step in steps {
        match step {
            Step::Page { time, shown, .. } if shown.contains(&raw) => seen = seen.max(Some(*time)),
            Step::Page { ends: Some((low, high)), time, evidence: true, .. } if (*low..=*high).contains(&raw) => {
                lacked = lacked.max(Some(*time));
            }
            Step::Deleted { id, .. } if *id == raw => is_final |= seen.is_some(),
            _ => {}
        }
    }
    let seen_at = seen?;
    let deletion =
        if is_final { Some(DeletionKind::Explicit) } else { (lacked > seen).then_some(DeletionKind::Inferred) };
    Some(Known { text: (!is_final).then(|| (text(raw, seen_at), kind(raw, seen_at))), deletion })
}

async fn act(store: &dyn Store, here: &Channel, random: &mut Random, before: &Model, after: &Model, step: &Step) {
    let page = match step {
        Step::Page { ends, time, shown, evidence } => {
            let origins = [Origin::Export, Origin::Page, Origin::Event];
            let messages = shown.iter().map(|raw| version(here, *raw, *time, random.pick(&origins)));
            let page = MessagePage::new(ends.map(span), at(*time), messages.collect()).unwrap();
            if *evidence { page } else { page.without_evidence() }
        }
        Step::Deleted { id: raw, time } => MessagePage::deleted(id(*raw), at(*time)),
        Step::Claim { ends, time } => {
            let claim =
                |ends: &Ends| Observation { interval: span(*ends), observed_at: at(*time), proves_absence: false };
            let mut unit = begin(store).await;
            unit.coverage().record(here.id, &ends.iter().map(claim).collect::<Vec<_>>()).await.unwrap();
            return unit.commit().await.unwrap();
        }
        Step::Note { time, reason } => {
            let mut unit = begin(store).await;
            let reason = reason.then(|| "truncated".to_owned());
            unit.coverage().note(here.id, at(*time), false, reason).await.unwrap();
            return unit.commit().await.unwrap();
        }
    };
    let outcome = put(store, here, &page).await;
    let present: [BTreeSet<u64>; 2] = [before.present().collect(), after.present().collect()];
    let changed = after.known.iter().filter(|(raw, known)| {
        known.deletion.is_none() && before.known.get(raw).is_some_and(|stored| stored != *known)
    });
    let gone = present[0].difference(&present[1]).count();
    let expected = [after.known.len() - before.known.len(), gone, changed.count()].map(|count| count as u64);
    assert_eq!([outcome.added, outcome.deleted, outcome.updated], expected, "added, deleted and updated by {step:?}");
}

async fn check(store: &dyn Store, here: &Channel, model: &Model) {
    let mut read = store.read().await.unwrap();
    let all = read.messages().list_stored(here.id, None, 1000).await.unwrap();
    let held: BTreeMap<u64, Known> = all
        .iter()
        .map(|stored| {
            let deletion = stored.deletion.map(|deletion| deletion.kind);
            let text = (stored.message.content.clone(), stored.message.kind);
            let text = (deletion != Some(DeletionKind::Explicit)).then_some(text);
            (stored.message.id.get(), Known { text, deletion })
        })
        .collect();
    assert_eq!(held, model.known);
    let mut lists = Vec::new();
    for with_restricted in [true, false] {
        let list = read.messages().list(here.id, MessageRange::Oldest, with_restricted, 100).await.unwrap();
        lists.push(list.messages.iter().map(|message| message.id.get()).collect::<Vec<_>>());
    }
    let shown: Vec<u64> = model.shown().collect();
    assert_eq!(lists, [model.present().collect(), shown.clone()]);
    let counted = stored(store, here).await.stats;
    let newest = shown.last().map(|raw| id(*raw).created_at());
    assert_eq!((counted.message_count, counted.last_activity_at), (shown.len() as u64, newest));

    let segments = read.coverage().segments(here.id).await.unwrap();
    for raw in 1..=ABOVE {
        let proof = model.cover.get(&raw).filter(|(proof, _)| *proof).map(|(_, time)| at(*time));
        assert_eq!((segments.absent_at(id(raw)), segments.confirmed_at(id(raw))), (proof, proof), "proof of {raw}");
        let covered = segments.segments().any(|segment| segment.interval().contains(id(raw)));
        assert_eq!(covered, model.cover.contains_key(&raw), "{raw}");
    }
    let rows: Vec<Interval> = segments.segments().map(|segment| segment.interval()).collect();
    assert!(rows.windows(2).all(|pair| !pair[0].touches(pair[1])), "touching segments are one: {rows:?}");

    let found = read.coverage().find(here.id).await.unwrap().unwrap();
    let run = model.run();
    let from_start = run.is_some_and(|(low, _)| low == 1);
    let oldest = model.known.keys().next().copied();
    let interval = run.map(|run| match oldest {
        Some(oldest) if from_start => span(run).since(id(oldest)),
        _ => span(run),
    });
    assert_eq!((found.interval, found.start_reached), (interval, from_start));
    let oldest_at = run.map(|(low, high)| model.cover.range(low..=high).map(|(_, (_, time))| *time).min().unwrap());
    assert_eq!(found.read_whole_at, oldest_at.filter(|_| from_start).map(at), "read whole");
    let reason = model.reason.then_some("truncated");
    assert_eq!((found.checked_at, found.reason.as_deref()), (model.checked_at.map(at), reason));
    assert_eq!(found.message_count, shown.len() as u64);
    let state = match (model.reason, run) {
        (false, Some((1, _))) => CoverageState::Complete,
        (_, Some(_)) => CoverageState::Partial,
        _ if !shown.is_empty() => CoverageState::Partial,
        (true, None) => CoverageState::Unreadable,
        (false, None) => CoverageState::Unknown,
    };
    assert_eq!(found.state(), state);
}

async fn a_store_does_what_the_model_does(store: &dyn Store) {
    for seed in 0..SEQUENCES {
        let (_, here) = one_channel(store).await;
        let mut random = Random(seed);
        let steps = steps(&mut random);
        let mut before = Model::default();
        for done in 1..=steps.len() {
            println!("seed {seed}, step {done}: {:?}", steps[done - 1]);
            let after = Model::of(&steps[..done]);
            act(store, &here, &mut random, &before, &after, &steps[done - 1]).await;
            check(store, &here, &after).await;
            before = after;
        }
    }
}
