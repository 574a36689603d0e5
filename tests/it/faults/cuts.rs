//! Connections that end in the middle of a unit, at each of its statements in turn.

use domain::page::PageOutcome;
use ports::error::StoreError;
use ports::store::Store;

use super::{Aborted, Rig, Unavailable, kind};
use crate::contract::fixture::page;
use crate::proxy::Fault;

/// Applies `fault` to every statement in turn of a unit that stores one message; passes the outcome of each to `look`,
/// with the previous content of the channel and the new id.
async fn at_every_statement(
    fault: Fault,
    look: impl AsyncFn(&Rig, &str, (Result<PageOutcome, StoreError>, u32), u64, &mut Vec<u64>),
) {
    let rig = Rig::new(1).await;
    rig.put(1).await.0.unwrap();
    let mut held = vec![1];
    let mut statements = Vec::new();
    for id in (10..).step_by(10) {
        rig.proxy.after((id / 10 - 1).try_into().unwrap(), "", fault);
        let done = rig.put(id).await;
        if rig.proxy.heal() {
            // There were no more statements.
            held.push(id);
            rig.holds(&held, "no fault was met").await;
            break;
        }
        let statement = rig.proxy.last_met();
        look(&rig, &statement, done, id, &mut held).await;
        rig.holds(&held, &format!("{fault:?} at {statement}")).await;
        statements.push(statement);
    }
    assert!(statements.len() > 4 && statements.last().unwrap().ends_with("COMMIT"), "{statements:#?}");
}

/// Ends the connection at every statement of a unit in turn. Only the failure at the commit reaches the caller; whether
/// that commit took effect is `happens`.
async fn ends_at_every_statement(fault: Fault, happens: bool) {
    at_every_statement(fault, async |rig, statement, (done, tries), id, held| {
        let why = format!("{fault:?} at {statement}");
        if statement.ends_with("COMMIT") {
            assert_eq!((kind(&done.unwrap_err()), tries), (Unavailable, 1), "{why}");
            held.extend(happens.then_some(id));
            rig.holds(held, &why).await;
            // Repeating a commit that may not have happened does no harm.
            let again = rig.put(id).await.0.unwrap();
            assert_eq!((again.added, again.unchanged), (u64::from(!happens), u64::from(happens)), "{why}");
            held.extend((!happens).then_some(id));
        } else {
            let begins = statement.contains("TRANSACTION");
            assert_eq!((done.unwrap().added, tries), (1, if begins { 1 } else { 2 }), "{why}");
            held.push(id);
        }
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_connection_that_ends_before_a_statement_is_passed_on_loses_and_doubles_nothing() {
    ends_at_every_statement(Fault::CutBefore, false).await;
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_connection_that_ends_before_the_answer_comes_loses_and_doubles_nothing() {
    ends_at_every_statement(Fault::CutAfter, true).await;
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_race_that_is_lost_at_any_statement_loses_and_doubles_nothing() {
    at_every_statement(Fault::Error(9007), async |_, statement, (done, tries), id, held| {
        assert_eq!((done.unwrap().added, tries), (1, 2), "{statement}");
        held.push(id);
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_unit_whose_connection_ended_does_nothing_more() {
    let rig = Rig::new(1).await;
    for fault in [Fault::CutBefore, Fault::CutAfter] {
        let page = page(&rig.channel, None, 1, [7], "a");
        let mut unit = rig.store.begin().await.unwrap();
        rig.proxy.next("INTO messages", fault);
        let error = unit.messages().replace_interval(rig.channel.id, &page).await.unwrap_err();
        assert_eq!(kind(&error), Aborted, "{error:?}");
        let error = unit.messages().replace_interval(rig.channel.id, &page).await.unwrap_err();
        assert_eq!(kind(&error), Aborted, "{error:?}");
        assert_eq!(kind(&unit.commit().await.unwrap_err()), Aborted);
        rig.holds(&[], "it was lost").await;
    }
}
