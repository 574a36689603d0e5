//! An import whose process is killed, or whose server goes, at random moments.

use std::io::Read;
use std::process::Child;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio::runtime::Handle;

use super::contents::Contents;
use super::{address_through, upstream};
use crate::program::{Installation, examples};
use crate::proxy::{Fault, Proxy};
use crate::server::Database;

/// The exit code of a process that panicked.
const PANICKED: i32 = 101;
/// How often it is ended.
const TIMES: usize = 20;

/// A number below `bound` that nobody chose, the same in every run.
fn random(round: usize, bound: u32) -> u32 {
    let hash = Sha256::digest(format!("round {round}"));
    u32::from_le_bytes(*hash.first_chunk().unwrap()) % bound
}

/// Who goes, and what becomes of the statement that was on its way.
#[derive(Debug, Clone, Copy)]
enum End {
    /// The process; the server still hears the statement.
    ProcessAfter,
    /// The process, and the statement with it.
    ProcessBefore,
    /// The server, before it heard the statement.
    ServerBefore,
    /// The server, after it heard the statement.
    ServerAfter,
}

const ENDS: [End; 4] = [End::ProcessAfter, End::ServerBefore, End::ProcessBefore, End::ServerAfter];

/// Lets an import come to its statement number `at`, and ends it there; tells how it ended, if it did so by itself.
fn end(installation: &Installation, proxy: &Proxy, at: u32, end: End) -> Option<i32> {
    let runtime = Handle::current();
    let met = proxy.met();
    let fault = if matches!(end, End::ServerAfter) { Fault::CutAfter } else { Fault::Stall };
    proxy.after(at, "", fault);
    let mut import = installation.command(&["import", "--json", examples().to_str().unwrap()]).spawn().unwrap();
    let met = runtime.block_on(async {
        tokio::select! {
            () = proxy.has_met(met + 1) => true,
            () = ended(&mut import) => false,
        }
    });
    if met {
        match end {
            End::ProcessAfter => {
                import.kill().unwrap();
                proxy.resume();
            }
            End::ProcessBefore => {
                import.kill().unwrap();
                runtime.block_on(proxy.cut());
            }
            End::ServerBefore | End::ServerAfter => runtime.block_on(proxy.close()),
        }
    }
    let output = import.wait_with_output().unwrap();
    assert_ne!(output.status.code(), Some(PANICKED));
    proxy.heal();
    proxy.resume();
    if met && matches!(end, End::ServerBefore | End::ServerAfter) {
        runtime.block_on(proxy.open());
    }
    output.status.code()
}

/// Waits for the end of a process: its standard error has one only then.
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
                // Farther and farther: what is stored already is passed over faster. For the first connection a process
                // waits longer than a case may.
                let at = 1 + random(round, 20 + 8 * u32::try_from(round).unwrap());
                ended.push((how, at, end(&installation, &proxy, at, how)));
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
}
