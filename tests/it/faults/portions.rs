//! A server that accepts less data at once than it is given, or rejects a value: everything else is stored all the
//! same.

use std::sync::Arc;

use mysql_async::prelude::Queryable;
use serde_json::Value;

use super::contents::{checksums, undisturbed_checksums};
use super::{address_through, upstream};
use crate::program::{Installation, examples};
use crate::proxy::{Fault, Proxy};
use crate::server::{Database, connect};

/// A message of the examples, and a text that occurs only in it.
const REFUSED: (&str, &str) = ("1478107061249384787", "What is the 212 bytes labelled *misc*?");
/// The number of messages in its file.
const OF_FILE: u64 = 36;

/// The addresses of a database, behind a proxy and without one.
struct Addresses {
    through: String,
    direct: String,
}

/// Runs `case` with an installation whose archive is an empty database behind a proxy.
async fn with_a_proxy(case: impl FnOnce(&Installation, &Proxy, &Addresses) + Send + 'static) -> Database {
    let database = Database::new().await;
    let proxy = Arc::new(Proxy::start(upstream(&database).await).await);
    let at = Addresses { through: address_through(&proxy, &database), direct: database.address() };
    let work = move || {
        let installation = Installation::at(&at.through);
        assert!(installation.run(&["migrate"]).status.success());
        case(&installation, &proxy, &at);
    };
    tokio::task::spawn_blocking(work).await.unwrap();
    database
}

/// Returns whether the proven coverage of `general` includes a message.
async fn proven(database: &Database, id: &str) -> bool {
    let mut connection = connect(database.url()).await;
    let sql = format!(
        "SELECT COUNT(*) FROM coverage_segments WHERE {id} BETWEEN low AND high AND channel_id IN
        (SELECT channel_id FROM channels WHERE name = 'general')"
    );
    let count: u64 = connection.query_first(sql).await.unwrap().unwrap();
    connection.disconnect().await.unwrap();
    count > 0
}

/// Returns the ids of the messages that are kept aside, and whether the server's code is recorded with them.
async fn kept_aside(database: &Database) -> Vec<(String, bool)> {
    let mut connection = connect(database.url()).await;
    let sql = "SELECT CAST(message_id AS CHAR), reason LIKE '%1406%' FROM unreadable_messages";
    let kept = connection.query(sql).await.unwrap();
    connection.disconnect().await.unwrap();
    kept
}

fn assert_no_content(text: &str) {
    assert!(!text.contains("labelled"), "{text}");
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn an_import_whose_pages_are_too_large_is_done_in_one_run() {
    with_a_proxy(|installation, proxy, at| {
        for (times, words, code) in
            [(3, "INTO messages", 8004), (2, "UPDATE channels SET fence", 9500), (2, "INTO reactions", 8175)]
        {
            proxy.next_times(times, words, Fault::Error(code));
        }
        let (code, report) = installation.import(&[&examples()], &[]);
        assert_eq!((code, proxy.met()), (0, 7), "{report}");
        assert_eq!(checksums(&at.direct), undisturbed_checksums());
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn an_import_stores_everything_but_the_message_that_the_server_refuses() {
    let database = with_a_proxy(|installation, proxy, _| {
        proxy.refuse_value("INTO messages", REFUSED.1, Fault::Error(1406));
        let output = installation.run(&["import", "--json", examples().to_str().unwrap()]);
        let (said, errors) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert_eq!(output.status.code(), Some(1), "{said}{errors}");
        assert_no_content(&said);
        assert_no_content(&errors);
        let report: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
        let files = report["files"].as_array().unwrap();
        let (partial, whole): (Vec<_>, Vec<_>) = files.iter().partition(|file| file["status"] == "partial");
        assert!(whole.len() == files.len() - 1 && whole.iter().all(|file| file["status"] == "ok"), "{report}");
        let told = partial[0]["error"].as_str().unwrap();
        assert!(told.contains(REFUSED.0) && told.contains("1406"), "{told}");
        assert_eq!((&partial[0]["read"], &partial[0]["added"]), (&(OF_FILE - 1).into(), &(OF_FILE - 1).into()));
        assert!(errors.lines().any(|line| line.contains(REFUSED.0) && line.contains("channel.id")), "{errors}");
    })
    .await;
    assert!(!proven(&database, REFUSED.0).await, "nothing proves the part that it stands in");
    assert!(proven(&database, "1482317889158517094").await, "what comes behind is proven");
    assert_eq!(kept_aside(&database).await, [(REFUSED.0.to_owned(), true)]);
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn what_the_server_refused_once_the_next_import_stores() {
    with_a_proxy(|installation, proxy, at| {
        for code in [1366, 8025] {
            proxy.refuse_value("INTO messages", REFUSED.1, Fault::Error(code));
            assert_eq!(installation.import(&[&examples()], &[]).0, 1, "{code}");
            proxy.heal();
        }
        let (code, report) = installation.import(&[&examples()], &[]);
        assert_eq!(code, 0, "{report}");
        let added: u64 = report["files"].as_array().unwrap().iter().filter_map(|file| file["added"].as_u64()).sum();
        assert_eq!(added, 1, "{report}");
        assert_eq!(checksums(&at.direct), undisturbed_checksums());
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_copy_to_a_server_goes_in_halves_and_names_the_channel_of_what_is_refused() {
    let database = with_a_proxy(|installation, proxy, at| {
        let from = Installation::new();
        assert_eq!(from.import(&[&examples()], &[]).0, 0);
        let source = format!("sqlite:{}", from.database().display());
        let copy = || {
            let output = installation.run(&["copy", "--json", "--from", &source, "--to", &at.through]);
            let text = |bytes| String::from_utf8(bytes).unwrap();
            (output.status.code(), text(output.stdout), text(output.stderr))
        };
        proxy.refuse_value("INTO messages", REFUSED.1, Fault::Error(3140));
        proxy.next_times(3, "SET message_count", Fault::Error(8004));
        let (code, said, errors) = copy();
        assert_eq!(code, Some(1), "{said}{errors}");
        assert_eq!(errors.matches("is not the same").count(), 1, "{errors}");
        assert!(errors.lines().any(|line| line.contains(REFUSED.0) && line.contains("3140")), "{errors}");
        assert_no_content(&errors);
        proxy.heal();
        let (code, said, errors) = copy();
        assert_eq!(code, Some(0), "{said}{errors}");
        assert_eq!(checksums(&at.direct), checksums(&source));
    })
    .await;
    assert!(proven(&database, REFUSED.0).await);
}
