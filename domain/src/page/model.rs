//! A slow and simple model of a channel, with which the plans of pages, and stores, are compared: after every step of a
//! random sequence both must agree.

use std::collections::{BTreeMap, BTreeSet};

use super::MessagePage;
use crate::channel::ChannelId;
use crate::coverage::{Interval, Observation};
use crate::message::{Author, Deletion, DeletionKind, Message, MessageId, MessageKind, Origin, Version};
use crate::pseudonym::Pseudonym;
use crate::timestamp::Timestamp;

/// Messages have the ids from 1 to this one.
pub const LAST: u64 = 24;
/// All ids above [`LAST`] are a single id in the model, up to the largest possible.
pub const ABOVE: u64 = LAST + 1;
/// Few enough times that many are equal.
const TIMES: u64 = 6;

/// `SplitMix64`: the same numbers for the same seed, on every machine.
#[derive(Debug)]
pub struct Random(pub u64);

impl Random {
    /// Returns a number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).expect("it is the index of an item")]
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn time(&mut self) -> i64 {
        1 + self.below(TIMES).cast_signed()
    }
}

/// The ids that an observation covers, both ends included; an end above [`LAST`] covers all ids above it.
pub type Ends = (u64, u64);

/// One observation of a channel.
#[derive(Debug, Clone)]
pub enum Step {
    /// A page.
    Page {
        /// The ids that it covers.
        ends: Option<Ends>,
        /// When it was observed.
        time: i64,
        /// The messages that it shows.
        shown: BTreeSet<u64>,
        /// Whether an absence is evidence.
        evidence: bool,
    },
    /// An explicit deletion.
    Deleted {
        /// The message.
        id: u64,
        /// When it was observed.
        time: i64,
    },
    /// Intervals that a source covers without proof of absences.
    Claim {
        /// The ids.
        ends: Vec<Ends>,
        /// When they were observed.
        time: i64,
    },
    /// A note.
    Note {
        /// Its time.
        time: i64,
        /// Whether it has a reason.
        reason: bool,
    },
}

/// The observation of the same channel by a step.
#[derive(Debug, Clone)]
pub enum Observed {
    /// A page, or an explicit deletion.
    Page(MessagePage),
    /// Claims of coverage.
    Claim(Vec<Observation>),
    /// A note of this time, with or without a reason.
    Note(Timestamp, Option<String>),
}

impl Step {
    /// Returns the observation; messages are reported by sources of any kind.
    pub fn observed(&self, channel: ChannelId, random: &mut Random) -> Observed {
        match self {
            Self::Page { ends, time, shown, evidence } => {
                let origins = [Origin::Export, Origin::Page, Origin::Event];
                let messages = shown.iter().map(|raw| version(channel, *raw, *time, random.pick(&origins))).collect();
                let page =
                    MessagePage::new(ends.map(span), at(*time), messages).expect("its messages ascend inside it");
                Observed::Page(if *evidence { page } else { page.without_evidence() })
            }
            Self::Deleted { id: raw, time } => Observed::Page(MessagePage::deleted(channel, [id(*raw)], at(*time))),
            Self::Claim { ends, time } => {
                let claim =
                    |ends: &Ends| Observation { interval: span(*ends), observed_at: at(*time), proves_absence: false };
                Observed::Claim(ends.iter().map(claim).collect())
            }
            Self::Note { time, reason } => Observed::Note(at(*time), reason.then(|| "truncated".to_owned())),
        }
    }
}

/// Returns a time of the model.
///
/// # Panics
/// If it is impossible.
#[must_use]
pub fn at(time: i64) -> Timestamp {
    Timestamp::from_millis(time).expect("it is small")
}

/// Returns an id of the model.
///
/// # Panics
/// If it is 0.
#[must_use]
pub fn id(raw: u64) -> MessageId {
    MessageId::new(raw).expect("it is not 0")
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

/// Returns a random sequence of observations.
pub fn steps(random: &mut Random) -> Vec<Step> {
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
fn version(channel: ChannelId, raw: u64, time: i64, origin: Origin) -> Message {
    let edited_at = (raw.is_multiple_of(2) && changes(raw) && time > 2).then(|| at(if time > 4 { 4 } else { 2 }));
    let author = Author { pseudonym: Pseudonym::new([7; 16]), bot: false, webhook: false };
    let version = Version { edited_at, observed_at: at(time), origin };
    Message { kind: kind(raw, time), ..Message::new(channel, id(raw), author, text(raw, time), version) }
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

/// Returns the interval of these ends.
///
/// # Panics
/// If the first is the larger one.
#[must_use]
pub fn span((low, high): Ends) -> Interval {
    Interval::new(id(low), if high == ABOVE { MessageId::MAX } else { id(high) }).expect("the ends are in order")
}

/// The state of a message after all steps so far.
#[derive(Debug, PartialEq, Eq)]
pub struct Known {
    /// The text and type of the latest observation that shows it; `None` if a final deletion made it irrelevant.
    pub text: Option<(String, MessageKind)>,
    /// The kind of its deletion, if it is deleted.
    pub deletion: Option<DeletionKind>,
}

impl Known {
    /// Returns the state of a stored message.
    #[must_use]
    pub fn of(message: &Message, deletion: Option<Deletion>) -> Self {
        let deletion = deletion.map(|deletion| deletion.kind);
        let text = (deletion != Some(DeletionKind::Explicit)).then(|| (message.content.clone(), message.kind));
        Self { text, deletion }
    }
}

/// The coverage of each id: whether it proves absences, and the latest time of it.
pub type Cover = BTreeMap<u64, (bool, i64)>;

/// What a store must have after some steps: for each id, the outcome of all observations of it, whatever their order.
#[derive(Debug, Default)]
pub struct Model {
    /// The messages.
    pub known: BTreeMap<u64, Known>,
    /// The coverage.
    pub cover: Cover,
    /// The time of the coverage.
    pub checked_at: Option<i64>,
    /// Whether the coverage has a reason.
    pub reason: bool,
}

impl Model {
    /// Returns the model after `steps`.
    #[must_use]
    pub fn of(steps: &[Step]) -> Self {
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
    pub fn present(&self) -> impl Iterator<Item = u64> {
        self.known.iter().filter(|(_, known)| known.deletion.is_none()).map(|(raw, _)| *raw)
    }

    /// Returns those of them that are shown to readers.
    pub fn shown(&self) -> impl Iterator<Item = u64> {
        let is_shown = |raw: &u64| self.known[raw].text.as_ref().is_some_and(|(_, kind)| kind.is_shown());
        self.present().filter(is_shown)
    }

    /// Returns the number of messages that a step added, deleted and updated, between two states.
    #[must_use]
    pub fn changes_since(&self, before: &Self) -> [u64; 3] {
        let present = |model: &Self| model.present().collect::<BTreeSet<_>>();
        let updated = self.known.iter().filter(|(raw, known)| {
            known.deletion.is_none() && before.known.get(raw).is_some_and(|stored| stored != *known)
        });
        let deleted = present(before).difference(&present(self)).count();
        [self.known.len() - before.known.len(), deleted, updated.count()].map(|count| count as u64)
    }

    /// Returns the newest interval without a gap.
    #[must_use]
    pub fn run(&self) -> Option<Ends> {
        let high = *self.cover.keys().next_back()?;
        let low = (1..=high).rev().take_while(|raw| self.cover.contains_key(raw)).last()?;
        Some((low, high))
    }
}

/// Returns the combined effect of all steps on one message, in whatever order they came.
fn known(steps: &[Step], raw: u64) -> Option<Known> {
    let (mut seen, mut lacked, mut is_final) = (None, None, false);
    for step in steps {
        match step {
            Step::Page { time, shown, .. } if shown.contains(&raw) => seen = seen.max(Some(*time)),
            Step::Page { ends: Some((low, high)), time, evidence: true, .. } if (*low..=*high).contains(&raw) => {
                lacked = lacked.max(Some(*time));
            }
            Step::Deleted { id, .. } if *id == raw => is_final = true,
            _ => {}
        }
    }
    if is_final {
        return Some(Known { text: None, deletion: Some(DeletionKind::Explicit) });
    }
    let seen_at = seen?;
    let deletion = (lacked > seen).then_some(DeletionKind::Inferred);
    Some(Known { text: Some((text(raw, seen_at), kind(raw, seen_at))), deletion })
}
