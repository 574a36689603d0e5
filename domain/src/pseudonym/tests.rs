use std::collections::HashSet;

use uuid::Uuid;

use super::{ADJECTIVES, ANIMALS, KeyCheck, Pseudonym, PseudonymKey, Pseudonymizer};
use crate::tenant::TenantId;

fn pseudonymizer(key: u8, tenant: u128) -> Pseudonymizer {
    Pseudonymizer::new(&PseudonymKey::new([key; 32]), TenantId(Uuid::from_u128(tenant)))
}

#[test]
fn a_person_has_one_pseudonym_a_tenant_and_key() {
    let one = pseudonymizer(1, 1).person("80351110224678912");
    assert_eq!(pseudonymizer(1, 1).person("80351110224678912"), one);
    assert_ne!(pseudonymizer(1, 2).person("80351110224678912"), one, "another tenant");
    assert_ne!(pseudonymizer(2, 1).person("80351110224678912"), one, "another key");
    assert_ne!(pseudonymizer(1, 1).person("80351110224678913"), one, "another person");
}

#[test]
fn each_name_of_a_webhook_is_one_speaker_and_never_a_person() {
    let people = pseudonymizer(1, 1);
    let knight = people.webhook("310000000000000055", "Ser Aldwin");
    assert_eq!(people.webhook("310000000000000055", " Ser Aldwin "), knight);
    assert_ne!(people.webhook("310000000000000055", "Old Ember"), knight, "another name");
    assert_ne!(people.webhook("310000000000000056", "Ser Aldwin"), knight, "another webhook");
    assert_ne!(pseudonymizer(2, 1).webhook("310000000000000055", "Ser Aldwin"), knight, "another key");
    let named = people.named("Ser Aldwin");
    assert_eq!(people.named("Ser Aldwin "), named);
    assert_ne!(people.named("80351110224678912"), people.person("80351110224678912"), "a name is not an id");
    assert!(![knight, people.person("310000000000000055"), people.person("Ser Aldwin")].contains(&named));
}

#[test]
fn a_pseudonym_is_read_back_from_its_digits() {
    let pseudonym = pseudonymizer(1, 1).person("1");
    assert_eq!(pseudonym.to_string().len(), 32);
    assert_eq!(pseudonym.to_string().parse(), Ok(pseudonym));
    for text in ["", "0123", "g0000000000000000000000000000000", "+0000000000000000000000000000000"] {
        assert!(text.parse::<Pseudonym>().is_err(), "{text}");
    }
}

#[test]
fn names_are_readable_and_drawn_from_different_words() {
    assert_eq!(
        Pseudonym::new([0, 46, 0, 0, 0xbc, 0x55, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).name().to_string(),
        "Amber Otter 48213"
    );
    assert_eq!(ADJECTIVES.iter().collect::<HashSet<_>>().len(), 64);
    assert_eq!(ANIMALS.iter().collect::<HashSet<_>>().len(), 64);
}

#[test]
fn a_key_is_64_hexadecimal_digits_and_never_printed() {
    let key: PseudonymKey = "0f".repeat(32).parse().unwrap();
    assert_eq!(key.0, [15; 32]);
    assert_eq!(format!("{key:?}"), "PseudonymKey(***)");
    let error = "secret".parse::<PseudonymKey>().unwrap_err();
    assert!(!error.to_string().contains("secret"));
}

#[test]
fn a_key_has_a_check_value_of_its_own() {
    let check = PseudonymKey::new([1; 32]).check();
    assert_eq!(PseudonymKey::new([1; 32]).check(), check);
    assert_ne!(PseudonymKey::new([2; 32]).check(), check);
    assert_eq!(check.to_string().len(), 16);
    assert_eq!(check.to_string().parse(), Ok(check));
    assert!("0123".parse::<KeyCheck>().is_err());
}
