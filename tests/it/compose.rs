//! The promises of `compose.yml`: one release, ports open to this machine only, and grants that are exactly sufficient.

use std::process::Output;

use mysql_async::prelude::Queryable;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_norway::Value;

use crate::program::{Installation, examples};
use crate::server::{Database, IMAGE, connect};

/// The grants of a user who migrates, and of one who only runs the program.
const GRANTS: [&str; 2] =
    ["SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES", "SELECT, INSERT, UPDATE, DELETE"];

fn file(name: &str) -> String {
    std::fs::read_to_string(format!("{}/../../{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn compose() -> Value {
    let mut value: Value = serde_norway::from_str(&file("compose.yml")).unwrap();
    value.apply_merge().unwrap();
    value
}

/// The script that the first start of a data folder executes.
fn init() -> Vec<String> {
    let compose = compose();
    let sql = compose["configs"]["init"]["content"].as_str().unwrap();
    sql.split_inclusive(";\n").map(|statement| statement.trim().trim_end_matches(';').to_owned()).collect()
}

#[test]
fn one_release_and_ports_for_this_machine_alone() {
    let compose = compose();
    let mut images = 0;
    for (name, service) in compose["services"].as_mapping().unwrap() {
        if let Some(image) = service["image"].as_str() {
            let (of, tag) = image.split_once(':').unwrap();
            assert_eq!(tag, IMAGE.1, "{name:?}");
            images += usize::from(of == IMAGE.0);
        }
        for port in service["ports"].as_sequence().into_iter().flatten() {
            assert!(port.as_str().unwrap().starts_with("127.0.0.1:"), "{name:?}: {port:?}");
        }
    }
    assert_eq!(images, 3);
    let of_cluster = |name: &str| compose["services"][name]["profiles"][0].as_str() == Some("cluster");
    assert!(["pd", "tikv0", "tikv1", "tikv2", "tidb0", "tidb1"].into_iter().all(of_cluster));
    assert!(!of_cluster("tidb") && !of_cluster("verta"));
}

#[test]
fn a_search_node_is_optional_and_fits_the_web_process() {
    let compose = compose();
    let (node, web) = (&compose["services"]["search"], &compose["services"]["verta"]);
    assert_eq!(node["profiles"][0].as_str(), Some("search"));
    assert_eq!(node["command"], serde_norway::from_str::<Value>(r#"["serve", "--role", "search"]"#).unwrap());
    assert!(node.get("ports").is_none(), "it is in the network of the services alone");
    for setting in ["DATABASE_URL", "ADMIN_API_KEY", "PSEUDONYM_KEY"] {
        assert!(node["environment"][setting].is_string(), "{setting}");
        assert_eq!(node["environment"][setting], web["environment"][setting], "{setting}");
    }
    assert_eq!(node["volumes"], web["volumes"], "snapshots are in the folder of files");
    assert!(node["environment"].get("SEARCH_URL").is_none() && web["environment"]["SEARCH_URL"].is_string());
    assert!(file("compose.yml").contains("SEARCH_URL=http://search:25000"), "its address is written down");
}

#[test]
fn the_grants_are_written_down_alike() {
    let (init, readme) = (init(), file("README.md"));
    for (user, grants) in ["verta_migrate", "verta_app"].into_iter().zip(GRANTS) {
        assert!(init.contains(&format!("GRANT {grants} ON verta.* TO '{user}'@'%'")), "{user}");
    }
    assert!(readme.contains(&format!("`{}`", GRANTS[0])), "README names the grants");
    assert!(!init.iter().any(|statement| statement.contains("GRANT ALL")));
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn the_users_may_do_what_they_are_for_and_no_more() {
    let database = Database::new().await;
    let name = database.url().database.clone();
    let (address, users) = (database.address(), ["migrate", "app"].map(|role| format!("{role}_{}", &name[11..27])));
    // Every character that has a special meaning in a URL.
    let password = "p@s:s/w%r#d?é'";
    let mut connection = connect(database.url()).await;
    let version: String = connection.query_first("SELECT VERSION()").await.unwrap().unwrap();
    // MariaDB matches its anonymous user at localhost before a user at any host.
    let host = if version.contains("MariaDB") { "localhost" } else { "%" };
    for statement in init().iter().filter(|statement| !statement.starts_with("ALTER USER 'root'")) {
        let statement = statement
            .replace("verta_migrate", &users[0])
            .replace("verta_app", &users[1])
            .replace("@'%'", &format!("@'{host}'"))
            .replace(" verta.*", &format!(" {name}.*"))
            .replace("EXISTS verta ", &format!("EXISTS {name} "))
            .replace("${TIDB_MIGRATE_PASSWORD:?set it in .env}", &password.replace('\'', "''"))
            .replace("${TIDB_APP_PASSWORD:?set it in .env}", &password.replace('\'', "''"));
        connection.query_drop(&statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    let as_user = |user: &str| {
        let (_, rest) = address.split_once('@').unwrap();
        Installation::at(&format!("mysql://{user}:{}@{rest}", utf8_percent_encode(password, NON_ALPHANUMERIC)))
    };
    let (migrating, running) = (as_user(&users[0]), as_user(&users[1]));
    tokio::task::spawn_blocking(move || {
        let refused = running.run(&["migrate"]);
        assert_eq!(refused.status.code(), Some(1));
        assert!(said(&refused).contains("may not apply it"), "{}", said(&refused));
        assert!(!said(&refused).contains(password) && !said(&refused).contains("p%40s"), "no password is told");
        assert!(migrating.run(&["migrate"]).status.success());
        let migrated = running.run(&["migrate"]);
        assert!(migrated.status.success(), "nothing is left to do: {}", said(&migrated));
        assert_eq!(running.import(&[&examples()], &[]).0, 0);
        assert_eq!(running.serve(&[]).get("/thimble-firmware").status, 200);
        assert!(running.run(&["tenant", "delete", "thimble-firmware"]).status.success());
    })
    .await
    .unwrap();
    for user in users {
        connection.query_drop(format!("DROP USER '{user}'@'{host}'")).await.unwrap();
    }
}
