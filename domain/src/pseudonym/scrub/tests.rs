use std::borrow::Cow;

use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::{PseudonymKey, Pseudonymizer};
use super::MentionedPerson;
use crate::tenant::TenantId;

const ID: &str = "80351110224678912";

fn people() -> Pseudonymizer {
    Pseudonymizer::new(&PseudonymKey::new([1; 32]), TenantId(Uuid::nil()))
}

#[test]
fn people_in_a_text_become_pseudonyms() {
    let person = people().person(ID);
    let mentioned = [MentionedPerson { platform_id: ID.into(), names: vec![Cow::from("Ann & Co"), Cow::from("Ann")] }];
    for (text, scrubbed) in [
        (format!("hi <@{ID}> and <@!{ID}>!"), format!("hi <@{person}> and <@{person}>!")),
        ("@Ann & Co, @Ann.".to_owned(), format!("<@{person}>, <@{person}>.")),
        ("@Anna and a@Ann stay".to_owned(), "@Anna and a@Ann stay".to_owned()),
        (format!("plain {ID} and <#{ID}> stay"), format!("plain {ID} and <#{ID}> stay")),
        (
            format!("https://cdn.discordapp.com/avatars/{ID}/a.png"),
            format!("https://cdn.discordapp.com/avatars/{person}/a.png"),
        ),
        ("<@> <@!> @ / <@1".to_owned(), "<@> <@!> @ / <@1".to_owned()),
    ] {
        assert_eq!(people().text(&text, &mentioned), scrubbed);
    }
}

#[test]
fn what_is_no_person_stays() {
    for value in [
        json!({"id": "1", "name": "thumbsup", "code": "thumbsup", "isAnimated": false, "imageUrl": "x"}),
        json!({"id": "1", "name": "Role", "color": null, "position": 3}),
        json!({"name": "An embed's author", "url": "https://example.org"}),
    ] {
        assert_eq!(people().json(value.clone(), &[]), value);
    }
}

fn any_person() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({"id": ID, "name": "quill", "discriminator": "0000", "nickname": "Quill", "avatarUrl": "a"})),
        Just(json!({"id": ID, "username": "quill", "global_name": "Quill", "avatar": "a"})),
        Just(json!({"user_id": ID, "nick": "Quill", "displayName": "quill"})),
    ]
}

proptest! {
    #[test]
    fn a_person_is_found_at_any_depth_under_any_key(person in any_person(), keys in prop::collection::vec("[a-z]{1,8}", 0..8)) {
        let hidden = keys.into_iter().fold(person, |inner, key| json!({key: [inner]}));
        let scrubbed = people().json(hidden, &[]).to_string();
        prop_assert!(!scrubbed.contains(ID) && !scrubbed.to_lowercase().contains("\"quill\""), "{scrubbed}");
    }
}
