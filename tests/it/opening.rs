//! The message of a start that fails: the fault, its location and the remedy, and never the password.

use std::net::TcpListener;
use std::time::Duration;

use adapter_tidb::url::DatabaseUrl;
use adapter_tidb::{MIGRATIONS, OpenError, OpenOptions, TidbStore};
use mysql_async::prelude::Queryable;

use crate::program::Installation;
use crate::server::{Database, connect};

/// The password in every address here.
const PASSWORD: &str = "a-password-that-is-never-shown";

async fn refused(url: &DatabaseUrl) -> OpenError {
    let options = OpenOptions { pool_size: 1, patience: Duration::ZERO };
    TidbStore::open(url, options).await.expect_err("it is refused")
}

/// Runs `verta migrate` on an address; returns the output of its failure.
async fn said(address: String) -> String {
    let run = move || Installation::at(&address).run(&["migrate"]);
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!said.contains(PASSWORD), "{said}");
    said
}

fn assert_says(said: &str, words: &[&str]) {
    for words in words {
        assert!(said.contains(words), "{words:?} is not in: {said}");
    }
}

#[tokio::test]
async fn an_absent_server_and_another_server_are_told_apart() {
    let address =
        |port: u16| format!("mysql://verta:{PASSWORD}@127.0.0.1:{port}/verta").parse::<DatabaseUrl>().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let told = refused(&address(free)).await;
    assert!(matches!(told, OpenError::Unreachable { .. }), "{told:?}");
    assert_says(&told.to_string(), &[&free.to_string(), "check the host and the port in DATABASE_URL"]);
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        use std::io::Write;
        for stream in listener.incoming() {
            stream.unwrap().write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").unwrap();
        }
    });
    let told = refused(&address(port)).await;
    assert!(matches!(told, OpenError::Protocol { .. } | OpenError::Unreachable { .. }), "{told:?}");
    assert_says(&told.to_string(), &[&port.to_string(), "check", "port", "DATABASE_URL"]);
    let told = refused(&"mysql://verta@no-such-host.invalid:4000/verta".parse().unwrap()).await;
    assert_says(&told.to_string(), &["no-such-host.invalid", "check the host"]);
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_wrong_user_password_or_database_is_named() {
    let database = Database::new().await;
    let DatabaseUrl { host, port, .. } = database.url();
    let at = |user: &str, database: &str| format!("mysql://{user}:{PASSWORD}@{host}:{port}/{database}");
    for user in ["root", "no_such_user"] {
        let told = said(at(user, "verta")).await;
        assert_says(&told, &[user, "check both in DATABASE_URL", "%XX"]);
    }
    let (address, name) = (database.address(), &database.url().database);
    let told = said(address.replace(name.as_str(), "no_such_database")).await;
    assert_says(
        &told,
        &["no database \"no_such_database\"", "CREATE DATABASE `no_such_database` CHARACTER SET utf8mb4"],
    );
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_schema_of_a_later_release_and_an_edited_one_are_named() {
    let database = Database::new().await;
    database.store().await.close().await;
    let mut connection = connect(database.url()).await;
    connection.query_drop("UPDATE migrations SET checksum = REVERSE(checksum) WHERE version = 3").await.unwrap();
    assert_says(&said(database.address()).await, &["0003_messages", "another version", "do not edit migrations"]);
    connection.query_drop("UPDATE migrations SET checksum = REVERSE(checksum) WHERE version = 3").await.unwrap();
    let later = "INSERT INTO migrations (version, name, checksum, applied_at)
                 SELECT 9999, '9999_later', checksum, applied_at FROM migrations WHERE version = 1";
    connection.query_drop(later).await.unwrap();
    assert_says(&said(database.address()).await, &["9999_later", "does not know", "or a later one"]);
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn two_processes_that_migrate_at_once_both_succeed() {
    let database = Database::new().await;
    let run =
        |address: String| tokio::task::spawn_blocking(move || Installation::at(&address).run(&["migrate", "--json"]));
    let (one, other) = tokio::join!(run(database.address()), run(database.address()));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert!(one.status.success() && other.status.success(), "{one:?} {other:?}");
    assert_eq!(one.stdout, other.stdout, "both tell the same steps");
    let mut connection = connect(database.url()).await;
    let steps: Vec<u32> = connection.query("SELECT version FROM migrations ORDER BY version").await.unwrap();
    assert_eq!(steps, MIGRATIONS.iter().map(|step| step.version).collect::<Vec<_>>());
}
