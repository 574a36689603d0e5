use domain::pseudonym::{PseudonymKey, Pseudonymizer};
use domain::tenant::{Platform, PlatformId, TenantId};
use serde_json::{Value, json};

use super::{Scrub, unsigned};

const USER: &str = "184405311681986560";

fn people() -> Pseudonymizer {
    let tenant = TenantId::of(Platform::Discord, &PlatformId::new("7").unwrap());
    Pseudonymizer::new(&PseudonymKey::new([7; 32]), tenant)
}

fn scrubbed(value: Value) -> Value {
    let people = people();
    Scrub { people: &people }.json(value).to_value()
}

#[test]
fn no_id_of_a_person_is_left_in_the_places_that_only_discord_has() {
    let hostile = json!({
        "authorizing_integration_owners": {"0": "100000000000000001", "1": USER},
        "application": {"id": USER, "name": "Their bot", "icon": "abc", "bot": {"id": USER, "username": "x"}},
        "application_id": USER,
        "webhook_id": USER.parse::<u64>().unwrap(),
        "resolved": {"users": {USER: {"id": USER, "username": "rosafinch"}}, "members": {USER: {"nick": "Some"}}},
        "permission_overwrites": [{"id": USER, "type": 1, "allow": "0", "deny": "0"}, {"id": USER}],
        "components": [{"type": 5, "custom_id": format!("ban:{USER}"), "default_values": [{"id": USER, "type": "user"}]}],
        "call": {"participants": [USER, USER], "ended_timestamp": null},
        "target_user_id": USER,
        "tomorrow": {"deep": [{"invited_user_id": USER, "user": {"id": USER, "username": "rosafinch"}}]},
        "interaction": {"user": {"id": USER}, "target_user": {"id": USER}, "member": {"id": USER, "roles": []}},
        "clip_participants": [{"id": USER}], "mentions": [{"id": USER, "bot": true}, 5],
        "url": format!("https://cdn.example/avatars/{USER}/a.png"),
        "text": format!("<@{USER}> and <@!{USER}>"),
    });
    let text = scrubbed(hostile).to_string();
    for trace in [USER, "rosafinch", "Some\"", "Their bot"] {
        assert!(!text.contains(trace), "{trace}: {text}");
    }
    assert!(text.contains(&people().person(USER).to_string()));
}

#[test]
fn what_is_no_persons_stays() {
    let kept = json!({
        "authorizing_integration_owners": {"0": "100000000000000001"},
        "permission_overwrites": [{"id": "100000000000000002", "type": 0, "allow": "1024", "deny": "0"}],
        "message_id": "100000000000000004", "guild_id": "100000000000000005",
        "flags": 1_u64 << 60,
        "unknown": {"type": 99, "value": 1_u64 << 50, "none": null, "list": [], "float": 1.5},
    });
    assert_eq!(scrubbed(kept.clone()), kept);
}

#[test]
fn a_person_of_whom_only_the_id_is_said_is_a_person() {
    let said = scrubbed(json!({"author": {"id": USER, "bot": true, "name": "x"}, "other": {"author": {"name": "x"}}}));
    let id = people().person(USER).to_string();
    assert_eq!(said, json!({"author": {"id": id, "bot": true}, "other": {"author": {}}}));
}

#[test]
fn what_speaks_of_the_reader_goes() {
    let poll = json!({"answer_counts": [{"id": 1, "count": 2, "me_voted": true}]});
    assert_eq!(scrubbed(poll), json!({"answer_counts": [{"id": 1, "count": 2}]}));
}

#[test]
fn addresses_lose_their_signature_and_nothing_else() {
    let bare = "https://cdn.discordapp.com/attachments/1/2/a.png";
    for (signed, expected) in [
        (format!("{bare}?ex=1&is=2&hm=3&"), bare.to_owned()),
        (format!("{bare}?ex=1&is=2&hm=3&=&format=webp&width=9"), format!("{bare}?format=webp&width=9")),
        (format!("{bare}?ex=1"), format!("{bare}?ex=1")),
        ("what? ex=1&is=2&hm=3".to_owned(), "what? ex=1&is=2&hm=3".to_owned()),
        ("https://example.org/?q=1".to_owned(), "https://example.org/?q=1".to_owned()),
    ] {
        assert_eq!(unsigned(signed), expected);
    }
}
