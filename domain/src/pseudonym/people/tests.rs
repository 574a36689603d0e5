use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use super::{AsItIs, Identity, KnownPeople};

fn id(id: &str) -> Identity<'_> {
    Identity::Id(Cow::Borrowed(id))
}

fn name(name: &str) -> Identity<'_> {
    Identity::Name(Cow::Borrowed(name))
}

fn known(people: &[(Identity<'_>, &[&str])]) -> KnownPeople {
    let mut known = KnownPeople::default();
    for (person, names) in people {
        known.add(person, names.iter().copied());
    }
    known
}

#[test]
fn the_longest_name_is_found() {
    let known = known(&[(id("1"), &["Sam", "Sam Oil", "Sam#0001"]), (id("2"), &["Sam Oiler"]), (id("3"), &["(she)"])]);
    for (text, found) in [
        ("Sam Oiler!", Some(("Sam Oiler", id("2")))),
        ("Sam Oil, hi", Some(("Sam Oil", id("1")))),
        ("Sam Oilers", Some(("Sam Oiler", id("2")))),
        ("Sam Oilerss", Some(("Sam", id("1")))),
        ("Sam#0001", Some(("Sam#0001", id("1")))),
        ("Samantha", None),
        ("Samさん", Some(("Sam", id("1")))),
        ("(she)x", Some(("(she)", id("3")))),
        (" Sam", None),
        ("", None),
    ] {
        assert_eq!(known.find(text), found, "{text}");
    }
    let mentioned: Vec<_> = known.mentioned("@Sam and @Sam Oil, @unknown @").collect();
    assert_eq!(mentioned, [("Sam", id("1")), ("Sam Oil", id("1"))]);
}

#[test]
fn a_shared_name_is_that_of_the_smallest_id_in_any_order() {
    let people = [id("20"), id("3"), id("18446744073709551615"), id("x"), name("Sam")];
    for first in 0..people.len() {
        let mut known = KnownPeople::default();
        for turn in 0..people.len() {
            known.add(&people[(first + turn) % people.len()], ["Sam"]);
        }
        assert_eq!(known.find("Sam"), Some(("Sam", id("3"))), "{first}");
    }
}

#[test]
fn a_person_without_an_id_is_held_once() {
    let mut known = KnownPeople::default();
    for _ in 0..1000 {
        known.add(&name("moth"), ["moth", "moth#1234"]);
        known.add(&id("user-7"), ["seven", "Seven"]);
    }
    assert_eq!(known.others.len(), 2);
    assert_eq!(known.find("moth#1234"), Some(("moth#1234", name("moth"))));
    assert_eq!(known.find("seven"), Some(("seven", id("user-7"))));
}

#[test]
fn groups_and_nothing_are_no_names() {
    let known = known(&[(id("1"), &["everyone", "here", ""])]);
    assert_eq!(known.mentioned("@everyone @here @").count(), 0);
}

#[test]
fn a_million_people_of_three_names_fit_in_200_mb() {
    let mut known = KnownPeople::default();
    for number in 0..1_000_000_u64 {
        let id = (310_000_000_000_000_000 + number).to_string();
        let names = [format!("person {number}"), format!("Nick {number}"), format!("person {number}#1234")];
        known.add(&self::id(&id), names.iter().map(String::as_str));
    }
    assert_eq!(known.names.iter().map(HashMap::len).sum::<usize>(), 3_000_000, "no two fingerprints are the same");
    // A table has a byte and a pair of numbers for each slot, of which at most 7 in 8 are filled. While it grows, one
    // of half the size exists beside it.
    let bytes = |table: &HashMap<u64, u64, BuildHasherDefault<AsItIs>>| {
        table.capacity() * 8 / 7 * (1 + size_of::<(u64, u64)>())
    };
    let all: usize = known.names.iter().map(bytes).sum();
    let growing = known.names.iter().map(bytes).max().unwrap_or_default() / 2;
    assert!(all + growing < 80 << 20, "{all} {growing}");
    assert!(known.others.is_empty());
    assert_eq!(known.find("Nick 999999!"), Some(("Nick 999999", id("310000000000999999"))));
}
