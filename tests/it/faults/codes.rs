//! Each error code of the server has its defined outcome, wherever it occurs.

use std::collections::HashSet;

use domain::channel::{Channel, ChannelKind};
use ports::error::StoreError;
use ports::store::Store;

use super::{
    Aborted, Backend, Duplicate, Kind, Missing, Refused, Rig, Throttled, TimedOut, TooLarge, Unavailable, kind,
};
use crate::contract::fixture::{at, channel, id, interval, page, tenant};
use crate::proxy::Fault;

/// The meaning of a code as the response to a statement, to the begin of a unit, and to its commit.
struct Meaning {
    codes: &'static [u16],
    statement: Kind,
    beginning: Kind,
    commit: Kind,
}

const fn same(kind: Kind, codes: &'static [u16]) -> Meaning {
    Meaning { codes, statement: kind, beginning: kind, commit: kind }
}

const MEANINGS: &[Meaning] = &[
    // Another writer won; the transaction is certainly rolled back. 1105 is recognised by its text.
    Meaning {
        codes: &[1020, 1105, 1205, 1213, 1412, 1615, 8002, 8005, 8022, 8027, 8028, 8113, 8147, 9007],
        statement: Aborted,
        beginning: Aborted,
        commit: Aborted,
    },
    // A part of the cluster did not respond, or a proxy in front lost the server: a commit may have happened.
    Meaning {
        codes: &[2006, 2013, 8055, 8120, 8229, 9001, 9002, 9003, 9004, 9005, 9006, 9008, 9012, 9013],
        statement: Aborted,
        beginning: Aborted,
        commit: Unavailable,
    },
    // Temporarily unavailable: the client should retry later.
    same(Unavailable, &[1040, 1053, 1180, 1203, 1927, 8501]),
    // A quota is used up: retry later, and not at once.
    same(Throttled, &[8252, 8253, 8254]),
    // Timed out or killed: an immediate retry would end the same way.
    same(TimedOut, &[1317, 1969, 3024]),
    // Larger than a unit or its memory allows: half of it may fit.
    same(TooLarge, &[8001, 8004, 8175, 8176, 9500]),
    // A value that does not fit: the rest may be stored without it.
    same(Refused, &[1048, 1264, 1265, 1366, 1406, 3140, 3819, 4025, 8025]),
    // A key that is checked late fails only at the commit.
    Meaning { codes: &[1062], statement: Backend, beginning: Backend, commit: Duplicate },
    // A missing parent, a row locked by another transaction, more than a statement may contain.
    same(Backend, &[1451, 1452, 3572, 1153, 1390]),
    // The server is misconfigured, the statement is wrong, or the data is.
    same(Backend, &[8248, 8249, 8250, 8251, 8143, 8130, 8200, 8216, 1235, 1064, 8003, 8138, 8139, 8140, 8141, 8223]),
    same(Backend, &[1044, 1045, 1142, 8121, 1049, 1054, 1146, 1227]),
];

fn each(meaning: impl Fn(&Meaning) -> Kind) -> Vec<(u16, Kind)> {
    let all: Vec<_> = MEANINGS.iter().flat_map(|row| row.codes.iter().map(|code| (*code, meaning(row)))).collect();
    let codes: HashSet<u16> = all.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes.len(), all.len(), "each code stands once");
    all
}

/// Responds with every code to the statement that contains these words, and checks the outcome for a unit and for a use
/// case.
async fn end_of_each(words: &str, meaning: impl Fn(&Meaning) -> Kind) {
    let rig = Rig::new(1).await;
    let mut held = Vec::new();
    for (code, expected) in each(meaning) {
        let why = format!("{code} at {words}");
        rig.proxy.next(words, Fault::Error(code));
        let error = rig.put_once(1).await.unwrap_err();
        assert_eq!(kind(&error), expected, "{why}: {error:?}");
        rig.holds(&held, &why).await;

        // A use case retries only if the transaction was certainly rolled back.
        let met = rig.proxy.met();
        rig.proxy.next(words, Fault::Error(code));
        let (done, tries) = rig.put(u64::from(code)).await;
        assert_eq!(rig.proxy.met(), met + 1, "{why}");
        match done {
            Ok(outcome) => {
                assert_eq!((expected, tries, outcome.added), (Aborted, 2, 1), "{why}");
                held.push(u64::from(code));
                held.sort_unstable();
            }
            Err(error) => assert_eq!((kind(&error), tries), (expected, 1), "{why}: {error:?}"),
        }
        rig.holds(&held, &why).await;
    }
    assert_eq!(rig.put(100_000).await.0.unwrap().added, 1, "the only connection is as good as new");
    held.push(100_000);
    rig.holds(&held, words).await;
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn each_code_at_a_statement_ends_as_it_should() {
    end_of_each("INTO messages", |meaning| meaning.statement).await;
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn each_code_at_the_commit_ends_as_it_should() {
    end_of_each("COMMIT", |meaning| meaning.commit).await;
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn each_code_at_the_beginning_of_a_unit_ends_as_it_should() {
    end_of_each("START TRANSACTION", |meaning| meaning.beginning).await;
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn each_code_in_a_snapshot_ends_as_it_should() {
    let rig = Rig::new(1).await;
    for (code, expected) in each(|meaning| meaning.statement) {
        let mut read = rig.store.read().await.unwrap();
        rig.proxy.next("FROM channels", Fault::Error(code));
        let error = read.channels().find(rig.channel.id).await.unwrap_err();
        assert_eq!(kind(&error), expected, "{code}: {error:?}");
        drop(read);
        let found = rig.store.read().await.unwrap().channels().find(rig.channel.id).await;
        assert_eq!(found.unwrap().as_ref(), Some(&rig.channel), "{code}");
    }
}

/// A rejection whose meaning depends on the place where it occurs.
#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_taken_key_and_a_missing_row_are_told_as_such() {
    let rig = Rig::new(1).await;
    let (known, new) = (&rig.channel, tenant());
    let theirs = channel(&new, 9, ChannelKind::TEXT);
    let child = Channel { parent_id: Some(theirs.id), ..channel(&new, 10, ChannelKind::TEXT) };

    rig.proxy.next("INSERT INTO tenants", Fault::Error(1062));
    let mut unit = rig.store.begin().await.unwrap();
    assert_eq!(kind(&unit.tenants().insert(&new).await.unwrap_err()), Duplicate);
    drop(unit);

    // A faster unit takes the slug that this unit found free; the next attempt sees the new owner.
    rig.proxy.next("INSERT INTO tenants", Fault::Error(1062));
    let mut unit = rig.store.begin().await.unwrap();
    assert_eq!(unit.tenants().find(new.id).await.unwrap(), None);
    assert_eq!(kind(&unit.tenants().insert(&new).await.unwrap_err()), Aborted);
    assert_eq!(kind(&unit.commit().await.unwrap_err()), Aborted, "nothing comes after");

    rig.proxy.next("INSERT INTO channels", Fault::Error(1062));
    let mut unit = rig.store.begin().await.unwrap();
    unit.tenants().insert(&new).await.unwrap();
    assert_eq!(kind(&unit.channels().upsert(&theirs).await.unwrap_err()), Aborted);
    drop(unit);

    for (made, what) in [(theirs.clone(), "tenant"), (child, "parent channel")] {
        rig.proxy.next("INSERT INTO channels", Fault::Error(1452));
        let mut unit = rig.store.begin().await.unwrap();
        unit.tenants().insert(&new).await.unwrap();
        let error = unit.channels().upsert(&made).await.unwrap_err();
        assert!(matches!(error, StoreError::Missing { what: told } if told == what), "{error}");
    }

    rig.proxy.next("INSERT INTO coverage", Fault::Error(1452));
    let mut unit = rig.store.begin().await.unwrap();
    let checked = unit.coverage().record_check(known.id, at(1), true, None).await;
    assert_eq!(kind(&checked.unwrap_err()), Missing);
    drop(unit);

    let mut read = rig.direct.read().await.unwrap();
    assert_eq!(read.tenants().find(new.id).await.unwrap(), None);
    assert_eq!(read.coverage().find(known.id).await.unwrap().unwrap().checked_at, None);
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_race_that_is_lost_eight_times_is_given_up() {
    let rig = Rig::new(1).await;
    rig.proxy.next_times(100, "COMMIT", Fault::Error(9007));
    let (done, tries) = rig.put(5).await;
    assert_eq!((kind(&done.unwrap_err()), tries), (Aborted, 8));
    rig.proxy.heal();
    rig.holds(&[], "it was given up").await;
    assert_eq!(rig.put(5).await.1, 1);
    rig.holds(&[5], "and can be done later").await;
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_rollback_that_is_refused_costs_the_connection_and_not_its_place() {
    let rig = Rig::new(1).await;
    let other = page(&rig.channel, interval(3, 3), 1, [3], "a");
    for code in [1105, 1317, 9005] {
        rig.proxy.next("ROLLBACK", Fault::Error(code));
        let mut unit = rig.store.begin().await.unwrap();
        unit.messages().replace_interval(rig.channel.id, &other).await.unwrap();
        drop(unit);
        let mut unit = rig.store.begin().await.unwrap();
        assert_eq!(unit.messages().find(rig.channel.id, id(3)).await.unwrap(), None, "{code}");
    }
    rig.holds(&[], "nothing was committed").await;
}
