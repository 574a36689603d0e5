//! The requests that a copy to a server makes.

use std::sync::Arc;

use super::contents::checksums;
use super::{address_through, upstream};
use crate::program::{Installation, examples};
use crate::proxy::{Fault, Proxy};
use crate::server::Database;

/// Statements that a copy needs only if it finds data to copy.
const WORK: [&str; 4] = ["FOR UPDATE", "INTO messages", "INTO change_log ", "COMMIT"];

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_copy_of_what_is_copied_already_locks_nothing_and_one_edit_is_all_that_the_next_writes() {
    let database = Database::new().await;
    let proxy = Arc::new(Proxy::start(upstream(&database).await).await);
    let (through, direct) = (address_through(&proxy, &database), database.address());
    let copying = tokio::task::spawn_blocking(move || {
        let from = Installation::new();
        let (code, report) = from.import(&[&examples()], &[]);
        assert_eq!(code, 0, "{report}");
        let source = format!("sqlite:{}", from.database().display());
        let copy = || {
            let output = from.run(&["copy", "--json", "--from", &source, "--to", &through]);
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{said}{}", proxy.last_met());
        };
        copy();
        for words in WORK {
            proxy.next(words, Fault::Error(1142));
        }
        copy();
        assert_eq!(proxy.met(), 0, "{}", proxy.last_met());
        proxy.heal();

        let file = rusqlite::Connection::open(from.database()).unwrap();
        let edit = "UPDATE messages SET content = 'edited', digest = digest + 1, observed_at = observed_at + 1
            WHERE message_id = (SELECT MAX(message_id) FROM messages)";
        assert_eq!(file.execute(edit, []).unwrap(), 1);
        drop(file);
        // Storing a second page would fail.
        proxy.after(1, "INTO change_log ", Fault::Error(1142));
        copy();
        assert!(proxy.heal(), "one page is stored");
        assert_eq!(checksums(&direct), checksums(&source));
    });
    copying.await.unwrap();
}
