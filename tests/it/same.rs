//! An archive on a server gives the same responses as one in an SQLite file.

use serde_json::Value;

use crate::program::{Installation, Server, examples};
use crate::server::Database;

/// Returns every API response about the stored examples, by address, and every page of the site.
pub(crate) fn answers(server: &Server) -> Vec<(String, u16, String)> {
    const TENANT: &str = "/api/v1/tenants/thimble-firmware";
    let mut addresses = vec![
        "/".to_owned(),
        "/thimble-firmware".to_owned(),
        format!("{TENANT}/coverage"),
        format!("{TENANT}/messages/1"),
        format!("{TENANT}/channels?type=0"),
    ];
    let items = |address: &str| -> Vec<Value> { server.get(address).json()["items"].as_array().unwrap().clone() };
    let mut channels = items(&format!("{TENANT}/channels"));
    for parent in channels.clone() {
        let parent = parent["id"].as_str().unwrap();
        for query in
            ["sort=activity", "sort=created", "sort=created&archived=true", "sort=activity&archived=false&limit=2"]
        {
            addresses.push(format!("{TENANT}/channels/{parent}/threads?{query}"));
        }
        addresses.push(format!("{TENANT}/channels?parent={parent}"));
        channels.extend(items(&format!("{TENANT}/channels/{parent}/threads")));
    }
    for channel in &channels {
        let (id, slug) = (channel["id"].as_str().unwrap(), channel["slug"].as_str().unwrap());
        addresses.push(format!("{TENANT}/channels/{id}"));
        addresses.push(format!("/thimble-firmware/{}", escaped(slug)));
        let messages = format!("{TENANT}/channels/{id}/messages");
        addresses.extend([messages.clone(), format!("{messages}?at=1772366400&limit=7")]);
        let mut after = Some("0".to_owned());
        while let Some(id) = after {
            let address = format!("{messages}?after={id}&limit=20");
            let page = server.get(&address).json();
            for message in page["items"].as_array().unwrap() {
                let message = message["id"].as_str().unwrap();
                addresses.push(format!("{TENANT}/messages/{message}"));
                addresses.push(format!("{messages}?around={message}&limit=5"));
                addresses.push(format!("{messages}?before={message}&limit=3"));
            }
            after = page["newer"].as_str().map(str::to_owned);
            addresses.push(address);
        }
    }
    addresses
        .into_iter()
        .map(|address| {
            let answer = server.get(&address);
            (address, answer.status, answer.text())
        })
        .collect()
}

fn escaped(slug: &str) -> String {
    slug.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_server_answers_as_a_file_does() {
    let database = Database::new().await;
    let url = database.address();
    let compared = tokio::task::spawn_blocking(move || {
        let (file, server) = (Installation::new(), Installation::at(&url));
        for installation in [&file, &server] {
            let (code, report) = installation.import(&[&examples()], &[]);
            assert_eq!(code, 0, "{report}");
            assert_eq!(installation.import(&[&examples()], &[]).1["files"][0]["status"], "unchanged");
        }
        (answers(&file.serve(&[])), answers(&server.serve(&[])))
    });
    let (of_file, of_server) = compared.await.unwrap();
    assert!(of_file.len() > 400, "{} answers", of_file.len());
    for (expected, found) in of_file.iter().zip(&of_server) {
        assert_eq!(found, expected);
    }
    assert_eq!(of_file.len(), of_server.len());
}
