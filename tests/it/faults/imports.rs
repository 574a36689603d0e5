//! An import that meets faults repeatedly ends like one that meets none.

use std::process::Output;
use std::sync::Arc;

use super::contents::Contents;
use super::{address_through, upstream};
use crate::program::{Installation, examples};
use crate::proxy::{Fault, Proxy};
use crate::server::Database;

fn import(installation: &Installation) -> Output {
    installation.run(&["import", "--json", examples().to_str().unwrap()])
}

/// Imports the examples through faults, each of which recurs after a number of statements.
async fn import_through(faults: &'static [(u32, Fault)]) {
    let database = Database::new().await;
    let proxy = Arc::new(Proxy::start(upstream(&database).await).await);
    let installation = Installation::at(&address_through(&proxy, &database));
    let run = {
        let proxy = Arc::clone(&proxy);
        tokio::task::spawn_blocking(move || {
            // The migration runs without faults.
            assert!(installation.run(&["migrate"]).status.success());
            for (gap, fault) in faults {
                proxy.every(*gap, *fault);
            }
            import(&installation)
        })
    };
    let output = run.await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(proxy.met() > 10, "{} faults", proxy.met());
    Contents::of(&database).await.assert_eq(&Contents::undisturbed().await);
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn an_import_that_loses_races_again_and_again_is_done_in_one_run() {
    import_through(&[(53, Fault::Error(9007)), (59, Fault::Error(8028)), (61, Fault::Error(1213))]).await;
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn an_import_through_a_busy_cluster_is_done_in_one_run() {
    import_through(&[(53, Fault::Error(9005)), (59, Fault::Error(9003)), (61, Fault::Error(8120))]).await;
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn an_import_whose_connections_end_again_and_again_is_done_in_one_run() {
    import_through(&[(37, Fault::CutBefore), (41, Fault::CutAfter)]).await;
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn an_import_that_faults_end_is_finished_by_the_next() {
    let database = Database::new().await;
    let proxy = Arc::new(Proxy::start(upstream(&database).await).await);
    let installation = Installation::at(&address_through(&proxy, &database));
    let runs = tokio::task::spawn_blocking(move || {
        for skip in [120, 0, 90, 30, 60] {
            proxy.after(skip, "", Fault::Error(1142));
            let output = import(&installation);
            // A snapshot that cannot be released has already been read, so nothing is lost.
            if proxy.last_met() == "ROLLBACK" {
                assert_eq!(output.status.code(), Some(0));
                continue;
            }
            assert_eq!(output.status.code(), Some(1), "{skip}: {}", proxy.last_met());
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(said.contains("1142") && !said.contains("panicked"), "it says what the server said: {said}");
        }
        assert_eq!(import(&installation).status.code(), Some(0));
    });
    runs.await.unwrap();
    Contents::of(&database).await.assert_eq(&Contents::undisturbed().await);
}
