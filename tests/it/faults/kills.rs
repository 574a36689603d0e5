//! An import or a copy whose process is killed, or whose server disconnects, midway.

use std::io::Read;
use std::process::{Child, Command};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio::runtime::Handle;

use super::contents::{Contents, checksums, undisturbed_checksums};
use super::{address_through, upstream};
use crate::program::{Installation, examples};
use crate::proxy::{Fault, Proxy};
use crate::server::Database;

/// The exit code of a process that panicked.
const PANICKED: i32 = 101;
/// The number of times that a run is ended.
const TIMES: usize = 20;

/// Returns a pseudo-random number below `bound`, the same in every run.
fn random(round: usize, bound: u32) -> u32 {
    let hash = Sha256::digest(format!("round {round}"));
    u32::from_le_bytes(*hash.first_chunk().unwrap()) % bound
}

/// The part that goes away, and the fate of the statement that was under way.
#[derive(Debug, Clone, Copy)]
enum End {
    /// The process is killed; the server still receives the statement.
    ProcessAfter,
    /// The process is killed, and the statement is lost with it.
    ProcessBefore,
    /// The server disconnects before it receives the statement.
    ServerBefore,
    /// The server disconnects after it received the statement.
    ServerAfter,
}

const ENDS: [End; 4] = [End::ProcessAfter, End::ServerBefore, End::ProcessBefore, End::ServerAfter];

/// The exit code of a process, and whether it reached the point at which it was to be ended.
type Ended = (Option<i32>, bool);

/// Runs an import or a copy up to the statement that contains `words` and comes after `at` others that do, and ends it
/// there.
fn end(work: &mut Command, proxy: &Proxy, (at, words): (u32, &str), end: End) -> Ended {
    let runtime = Handle::current();
    let met = proxy.met();
    let fault = if matches!(end, End::ServerAfter) { Fault::CutAfter } else { Fault::Stall };
    proxy.after(at, words, fault);
    let mut process = work.spawn().unwrap();
    let met = runtime.block_on(async {
        tokio::select! {
            () = proxy.has_met(met + 1) => true,
            () = ended(&mut process) => false,
        }
    });
    if met {
        match end {
            End::ProcessAfter => {
                process.kill().unwrap();
                proxy.resume();
            }
            End::ProcessBefore => {
                process.kill().unwrap();
                runtime.block_on(proxy.cut());
            }
            End::ServerBefore | End::ServerAfter => runtime.block_on(proxy.close()),
        }
    }
    let output = process.wait_with_output().unwrap();
    assert_ne!(output.status.code(), Some(PANICKED));
    proxy.heal();
    proxy.resume();
    if met && matches!(end, End::ServerBefore | End::ServerAfter) {
        runtime.block_on(proxy.open());
    }
    (output.status.code(), met)
}

/// Waits for the end of a process: only then does its standard error end.
async fn ended(process: &mut Child) {
    let mut errors = process.stderr.take().unwrap();
    tokio::task::spawn_blocking(move || errors.read_to_end(&mut Vec::new())).await.unwrap().unwrap();
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn an_import_that_is_ended_at_random_moments_and_then_finished_equals_a_clean_one() {
    let expected = Contents::undisturbed().await;
    let database = Database::new().await;
    let proxy = Arc::new(Proxy::start(upstream(&database).await).await);
    let installation = Installation::at(&address_through(&proxy, &database));
    let ending = {
        let proxy = Arc::clone(&proxy);
        tokio::task::spawn_blocking(move || {
            let mut ended = Vec::new();
            for round in 0..TIMES {
                let how = ENDS[round % ENDS.len()];
                // Each round goes further, because stored data is skipped faster. A process waits longer for its first
                // connection than a case may take.
                let at = 1 + random(round, 20 + 8 * u32::try_from(round).unwrap());
                let mut import = installation.command(&["import", "--json", examples().to_str().unwrap()]);
                ended.push((how, at, end(&mut import, &proxy, (at, ""), how).0));
            }
            (installation, ended)
        })
    };
    let (installation, ended) = ending.await.unwrap();
    assert!(ended.iter().all(|(_, _, code)| *code != Some(0)), "some were done before they were ended: {ended:?}");
    let finished = tokio::task::spawn_blocking(move || installation.import(&[&examples()], &[]));
    let (code, report) = finished.await.unwrap();
    assert_eq!(code, 0, "{report}");
    let added = |file: &serde_json::Value| file["added"].as_u64() > Some(0);
    assert!(report["files"].as_array().unwrap().iter().any(added), "nothing was left to finish: {ended:?}");
    Contents::of(&database).await.assert_eq(&expected);
    let address = database.address();
    let compared = tokio::task::spawn_blocking(move || assert_eq!(checksums(&address), undisturbed_checksums()));
    compared.await.unwrap();
}

/// The points at which a copy is ended, one after the other: each is a statement needed only for data that is not yet
/// copied, so that the copy is in the middle of it.
const MOMENTS: [(&str, End); 14] = [
    ("INSERT INTO tenants", End::ProcessAfter),
    ("INSERT INTO channels", End::ServerBefore),
    ("INSERT INTO channels", End::ProcessBefore),
    ("INTO messages", End::ServerAfter),
    ("INTO change_log ", End::ProcessAfter),
    ("INSERT INTO coverage_segments", End::ProcessBefore),
    ("COMMIT", End::ServerAfter),
    ("INTO messages", End::ProcessAfter),
    ("COMMIT", End::ProcessAfter),
    ("UPDATE channels", End::ServerBefore),
    ("COMMIT", End::ProcessBefore),
    ("INSERT INTO coverage_segments", End::ServerAfter),
    ("INTO messages", End::ProcessBefore),
    ("COMMIT", End::ServerBefore),
];

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_copy_that_is_ended_in_the_middle_again_and_again_and_then_finished_equals_its_source() {
    let database = Database::new().await;
    let proxy = Arc::new(Proxy::start(upstream(&database).await).await);
    let (through, direct) = (address_through(&proxy, &database), database.address());
    let copying = tokio::task::spawn_blocking(move || {
        let from = Installation::new();
        let (code, report) = from.import(&[&examples()], &[]);
        assert_eq!(code, 0, "{report}");
        assert!(Installation::at(&through).run(&["migrate"]).status.success());
        let source = format!("sqlite:{}", from.database().display());
        let copy = ["copy", "--json", "--from", &source, "--to", &through];
        for (words, how) in MOMENTS {
            let (code, met) = end(&mut from.command(&copy), &proxy, (0, words), how);
            assert!(met && code != Some(0), "{words}, {how:?}: it was not in the middle: {code:?}");
        }
        assert_ne!(checksums(&direct), undisturbed_checksums(), "nothing was left to finish");
        let finished = from.run(&copy);
        assert!(finished.status.success(), "{}", String::from_utf8_lossy(&finished.stderr));
        let report: serde_json::Value = serde_json::from_slice(&finished.stdout).unwrap();
        assert_eq!(report["channels"], undisturbed_checksums());
        assert_eq!(checksums(&direct), undisturbed_checksums());
    });
    copying.await.unwrap();
}
