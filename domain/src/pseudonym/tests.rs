use std::collections::HashSet;

use uuid::Uuid;

use super::{ADJECTIVES, ANIMALS, Pseudonym, PseudonymKey, Pseudonymizer};
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
        Pseudonym::new([0, 46, 0, 0, 0x12, 0xd5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).name().to_string(),
        "Amber Otter 4821"
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
