//! A store compared with the model of a channel in the domain.

use std::collections::BTreeMap;

use domain::channel::Channel;
use domain::coverage::{CoverageState, Interval};
use domain::day::{Day, DayCounts};
use domain::message::StoredMessage;
use domain::page::model::{ABOVE, Known, Model, Observed, Random, Step, span, steps};
use ports::page::MessageRange;
use ports::store::{Repositories, Store};

use super::contract;
use super::fixture::{at, begin, id, one_channel, put, stored};

contract![a_store_does_what_the_model_does];

/// The number of sequences; the seed of a failing one is in its message.
const SEQUENCES: u64 = 40;

async fn act(store: &dyn Store, here: &Channel, random: &mut Random, before: &Model, after: &Model, step: &Step) {
    match step.observed(here.id, random) {
        Observed::Page(page) => {
            let outcome = put(store, here, &page).await;
            let counts = [outcome.added, outcome.deleted, outcome.updated];
            assert_eq!(counts, after.changes_since(before), "added, deleted and updated by {step:?}");
        }
        Observed::Claim(claims) => {
            let mut unit = begin(store).await;
            unit.coverage().record(here.id, &claims).await.unwrap();
            unit.commit().await.unwrap();
        }
        Observed::Note(at, reason) => {
            let mut unit = begin(store).await;
            unit.coverage().record_check(here.id, at, false, reason).await.unwrap();
            unit.commit().await.unwrap();
        }
    }
}

async fn check(store: &dyn Store, here: &Channel, model: &Model) {
    let mut read = store.read().await.unwrap();
    let all = read.messages().list_stored(here.id, None, 1000).await.unwrap();
    let known = |stored: &StoredMessage| (stored.message.id.get(), Known::of(&stored.message, stored.deletion));
    let held: BTreeMap<u64, Known> = all.iter().map(known).collect();
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

    check_days(&mut *read, here, &all).await;

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

/// Asserts that the counters of the days, which all ids of the model share, are those of the rows.
async fn check_days(read: &mut dyn Repositories, here: &Channel, all: &[StoredMessage]) {
    let shown = all.iter().filter(|stored| stored.is_shown()).map(|stored| DayCounts::of(&stored.message));
    let counts = shown.fold(DayCounts::default(), DayCounts::plus);
    let day = read.days().find(here.id, Day::of(id(1))).await.unwrap();
    assert_eq!(day.map_or(DayCounts::default(), |day| day.counts), counts);
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
