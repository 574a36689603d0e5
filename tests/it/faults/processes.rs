//! Two processes at once in one database.

use std::process::Output;

use serde_json::Value;

use super::contents::Contents;
use crate::program::{Installation, examples};
use crate::server::Database;

/// Starts the program twice at the same time and waits for both.
async fn twice(database: &Database, arguments: &'static [&'static str]) -> Vec<Output> {
    let installation = Installation::at(&database.address());
    let both = tokio::task::spawn_blocking(move || {
        let examples = examples();
        let mut arguments = arguments.to_vec();
        if arguments[0] == "import" {
            arguments.push(examples.to_str().unwrap());
        }
        let started = [(); 2].map(|()| installation.command(&arguments).spawn().unwrap());
        started.into_iter().map(|child| child.wait_with_output().unwrap()).collect()
    });
    both.await.unwrap()
}

fn assert_well(outputs: &[Output]) {
    for output in outputs {
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        assert!(!said.contains("ERROR") && !said.contains("panicked"), "{said}");
    }
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn two_processes_import_the_same_into_an_empty_database_at_once() {
    let expected = Contents::undisturbed().await;
    for _ in 0..4 {
        let database = Database::new().await;
        let outputs = twice(&database, &["import", "--json"]).await;
        assert_well(&outputs);
        for output in &outputs {
            let report: Value = serde_json::from_slice(&output.stdout).unwrap();
            for file in report["files"].as_array().unwrap() {
                assert!(["ok", "unchanged"].contains(&file["status"].as_str().unwrap()), "{file}");
            }
        }
        Contents::of(&database).await.assert_eq(&expected);
    }
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn two_processes_migrate_an_empty_database_at_once() {
    for _ in 0..4 {
        let database = Database::new().await;
        let outputs = twice(&database, &["migrate", "--json"]).await;
        assert_well(&outputs);
        assert_eq!(outputs[0].stdout, outputs[1].stdout, "both tell the same of every migration");
        let steps: Value = serde_json::from_slice(&outputs[0].stdout).unwrap();
        let steps = steps["items"].as_array().unwrap();
        assert!(steps.len() >= 6 && steps.iter().all(|step| step["applied_at"].is_string()), "{steps:?}");
    }
}
