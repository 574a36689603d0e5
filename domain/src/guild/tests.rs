use super::{GuildEmoji, GuildItems, GuildObservation, Role, RoleObservation, StoredItem};
use crate::timestamp::Timestamp;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).unwrap()
}

fn emoji(id: u64, name: &str) -> GuildEmoji {
    GuildEmoji { id: id.to_string().parse().unwrap(), name: name.to_owned(), animated: false }
}

fn held(id: u64, name: &str, observed: i64, deleted: Option<i64>) -> StoredItem<GuildEmoji> {
    StoredItem { item: emoji(id, name), observed_at: at(observed), deleted_at: deleted.map(at) }
}

fn items(observed: i64, emojis: &[StoredItem<GuildEmoji>]) -> GuildItems {
    GuildItems { observed_at: Some(at(observed)), emojis: emojis.to_vec(), ..GuildItems::default() }
}

fn changes(before: &GuildItems, shown: Option<&[GuildEmoji]>, millis: i64) -> Option<GuildItems> {
    before.after_observation(&GuildObservation {
        observed_at: at(millis),
        roles: None,
        emojis: shown,
        stickers: None,
        icons: &[],
    })
}

/// The stored items after an observation.
fn observe(before: &GuildItems, shown: &[GuildEmoji], millis: i64) -> GuildItems {
    apply(before, changes(before, Some(shown), millis))
}

fn apply(before: &GuildItems, changes: Option<GuildItems>) -> GuildItems {
    let Some(changes) = changes else { return before.clone() };
    let unchanged = |held: &&StoredItem<GuildEmoji>| changes.emojis.iter().all(|change| change.item.id != held.item.id);
    let mut emojis: Vec<_> = before.emojis.iter().filter(unchanged).chain(&changes.emojis).cloned().collect();
    emojis.sort_by_key(|held| held.item.id);
    GuildItems { observed_at: changes.observed_at.or(before.observed_at), emojis, ..GuildItems::default() }
}

#[test]
fn what_is_shown_is_held_and_what_is_not_stays_as_deleted() {
    let first = observe(&GuildItems::default(), &[emoji(1, "a"), emoji(2, "b")], 10);
    assert_eq!(first, items(10, &[held(1, "a", 10, None), held(2, "b", 10, None)]));
    let second = observe(&first, &[emoji(2, "renamed"), emoji(3, "c")], 20);
    let expected = [held(1, "a", 10, Some(20)), held(2, "renamed", 20, None), held(3, "c", 20, None)];
    assert_eq!(second, items(20, &expected));
    assert_eq!(observe(&second, &[emoji(1, "a")], 30).emojis[0], held(1, "a", 30, None), "what is shown again is back");
}

#[test]
fn the_same_look_again_changes_no_item() {
    let shown = [emoji(1, "a"), emoji(2, "b")];
    let after = observe(&observe(&GuildItems::default(), &shown, 10), &shown[..1], 20);
    for later in [20, 30] {
        assert_eq!(changes(&after, Some(&shown[..1]), later), Some(items(later, &[])));
    }
}

#[test]
fn a_list_that_was_not_to_be_had_deletes_nothing() {
    let before = observe(&GuildItems::default(), &[emoji(1, "a")], 10);
    assert_eq!(changes(&before, None, 20), Some(items(20, &[])));
    assert_eq!(changes(&before, Some(&[]), 20), Some(items(20, &[held(1, "a", 10, Some(20))])));
}

#[test]
fn an_earlier_look_that_is_stored_later_changes_nothing() {
    let later = observe(&GuildItems::default(), &[emoji(1, "new"), emoji(3, "made since")], 20);
    assert_eq!(changes(&later, Some(&[emoji(1, "old"), emoji(2, "gone since")]), 19), None);
}

#[test]
fn a_copy_brings_what_is_missing_and_what_changed_later() {
    let here = [held(1, "newer here", 30, None), held(2, "older here", 10, None), held(4, "here alone", 1, None)];
    let there = [held(1, "older there", 20, None), held(2, "older here", 10, Some(20)), held(3, "alone", 5, None)];
    let (target, copy) = (items(30, &here), items(20, &there));
    let after = apply(&target, target.after_copy(&copy));
    assert_eq!(after, items(30, &[here[0].clone(), there[1].clone(), there[2].clone(), here[2].clone()]));
    assert_eq!(after.after_copy(&copy), None);
    assert_eq!(GuildItems::default().after_copy(&copy), Some(copy.clone()));
    assert_eq!(items(19, &there).after_copy(&copy), Some(items(20, &[])));
    assert_eq!(copy.after_copy(&copy), None);
}

#[test]
fn a_file_changes_no_role_that_was_seen_since() {
    let role = |id: u64, name: &str| Role {
        id: id.to_string().parse().unwrap(),
        name: name.to_owned(),
        color: None,
        position: 1,
    };
    let observe = |id, name, observed| RoleObservation { role: role(id, name), observed_at: at(observed) };
    let held = |id, name, observed, deleted: Option<i64>| StoredItem {
        item: role(id, name),
        observed_at: at(observed),
        deleted_at: deleted.map(at),
    };
    let names = |items: Option<GuildItems>| -> Vec<(u64, String, i64)> {
        let roles = items.into_iter().flat_map(|items| items.roles);
        roles.map(|held| (held.item.id.get(), held.item.name, held.observed_at.as_millis())).collect()
    };
    let nothing = GuildItems::default();
    let expected = [(1, "newer".to_owned(), 7), (2, "b".to_owned(), 5)];
    for observations in [
        [observe(1, "older", 5), observe(1, "newer", 7), observe(2, "b", 5)],
        [observe(2, "b", 5), observe(1, "newer", 7), observe(1, "older", 5)],
    ] {
        assert_eq!(names(nothing.after_files(&observations)), expected);
    }
    // Role 1 was seen at 4 and was the same in the observation of 10; role 3 was deleted then.
    let synced = GuildItems {
        observed_at: Some(at(10)),
        roles: vec![held(1, "a", 4, None), held(3, "c", 4, Some(10))],
        ..GuildItems::default()
    };
    assert_eq!(synced.after_files(&[observe(1, "older", 7), observe(3, "older", 7), observe(1, "a", 12)]), None);
    assert_eq!(names(synced.after_files(&[observe(1, "new", 11), observe(2, "old", 3)])).len(), 2);
    assert_eq!(synced.after_files(&[]), None);
}
