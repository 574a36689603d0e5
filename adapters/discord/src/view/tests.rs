use domain::pseudonym::{PseudonymKey, Pseudonymizer};
use domain::tenant::{Platform, PlatformId, TenantId};
use serde_json::{Value, json};

use super::{Listed, guild_emoji, named_role, sticker};
use crate::payload::Fields;
use crate::scrub::Scrub;

fn fields(value: Value) -> Fields {
    Fields::of(value).unwrap()
}

fn people() -> Pseudonymizer {
    let tenant = TenantId::of(Platform::Discord, &PlatformId::new("1").unwrap());
    Pseudonymizer::new(&PseudonymKey::new([1; 32]), tenant)
}

#[test]
fn names_of_roles_and_stickers_hold_no_id_of_a_person() {
    let people = people();
    let scrub = Scrub { people: &people };
    let role = json!({"id": "7", "name": "friends of <@80351110224678912>", "color": 0xE7_4C3C, "position": 3});
    let role = named_role(scrub, fields(role)).unwrap();
    assert!(role.name.starts_with("friends of <@") && !role.name.contains("80351110224678912"), "{}", role.name);
    assert_eq!((role.color.unwrap().to_string().as_str(), role.position), ("#e74c3c", 3));
    let colorless = named_role(scrub, fields(json!({"id": "7", "name": "a", "color": 0}))).unwrap();
    assert_eq!(colorless.color, None);
    let text = "by <@80351110224678912>";
    let sticker = sticker(scrub, fields(json!({"id": "8", "name": text, "format_type": 4, "description": text})));
    let sticker = sticker.unwrap();
    assert!(!format!("{sticker:?}").contains("80351110224678912"), "{sticker:?}");
    assert_eq!(sticker.format, "gif");
}

#[test]
fn a_list_that_cannot_be_read_whole_proves_nothing() {
    let good = json!({"id": "9", "name": "wave", "animated": true});
    let read = |guild: Value| Listed::take(&mut fields(guild), "emojis").read(guild_emoji);
    assert_eq!(read(json!({"emojis": []})), Some(vec![]));
    let twice = read(json!({"emojis": [{"id": "10", "name": "b"}, good, good]})).unwrap();
    assert_eq!(twice.iter().map(|emoji| emoji.id.get()).collect::<Vec<_>>(), [9, 10]);
    for broken in [json!({}), json!({"emojis": null}), json!({"emojis": "none"}), json!({"emojis": [good, 5]})] {
        assert_eq!(read(broken.clone()), None, "{broken}");
    }
    for broken in [json!({"name": "no id"}), json!({"id": "11"})] {
        assert_eq!(read(json!({"emojis": [good, broken]})), None, "{broken}");
    }
}
