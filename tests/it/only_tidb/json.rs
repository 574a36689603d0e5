//! JSON, which the server stores in its own format.

use domain::json::Json;
use domain::message::Message;
use domain::page::MessagePage;
use mysql_async::prelude::Queryable;
use serde_json::{Value, json};

use super::database;
use crate::contract::fixture::{at, held, message, one_channel, put};

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn json_that_the_server_rewrites_is_read_back_byte_for_byte() {
    let (database, mut connection) = database().await;
    let text = r#"{"b": 1.0, "a": 1e20, "": 1.10}"#;
    let raw: Option<String> = connection.exec_first("SELECT CAST(CAST(? AS JSON) AS CHAR)", (text,)).await.unwrap();
    assert_ne!(raw.as_deref(), Some(text), "the server has a form of its own");
    let store = database.store().await;
    let (_, here) = one_channel(&store).await;
    let values: Vec<Value> = vec![
        serde_json::from_str(text).unwrap(),
        json!({"z": 1, "a": {"y": [1.5, -0.0, 1e-7, 1e300], "x": null}, "": true, "é": "\u{0}\u{1f}\\\"/", "aa": "b"}),
        json!([u64::MAX, i64::MIN, 0, -1, 9_007_199_254_740_993_u64, 0.1, 1e21, 123_456_789.123_456_79]),
        json!("just text \u{10ffff}"),
        json!(null),
        json!({"10": 1, "9": 2, "A": 3, "a": 4, "b": {"10": 1, "9": 2}}),
    ];
    let messages: Vec<Message> = values
        .iter()
        .zip(1..)
        .map(|(value, raw)| Message { extra: Some(Json::new(value)), ..message(&here, raw, "", 1) })
        .collect();
    put(&store, &here, &MessagePage::new(None, at(1), messages.clone()).unwrap()).await;
    for (found, stored) in held(&store, &here).await.iter().zip(&messages) {
        let text = |message: &Message| message.extra.as_ref().map(|json| json.as_str().to_owned());
        assert_eq!(text(found), text(stored));
    }
    store.close().await;
}
