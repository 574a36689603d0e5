use super::*;

#[test]
fn an_act_is_read_from_json_with_ids_as_text_or_numbers() {
    let text = r#"{"op":"delete","channel_id":"5","message_ids":["7",8],"bulk":true}"#;
    let act: Act = serde_json::from_str(text).unwrap();
    let Act::Delete { channel_id: 5, message_ids, bulk: true } = act else { panic!("{act:?}") };
    assert_eq!(message_ids, [7, 8]);
}

#[test]
fn an_act_with_a_misspelt_field_is_refused() {
    let text = r#"{"op":"update_channel","channel_id":5,"change":{"archvied":true}}"#;
    assert!(serde_json::from_str::<Act>(text).unwrap_err().to_string().contains("archvied"));
}
