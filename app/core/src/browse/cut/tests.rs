use std::collections::HashSet;

use super::MAX_PAGE_BYTES;
use crate::browse::tests::page_of;
use crate::browse::{After, Messages};

fn ids(page: &Messages) -> Vec<u64> {
    page.entries.iter().map(|entry| entry.message.id.get()).collect()
}

#[test]
fn a_page_that_fits_is_whole() {
    let mut page = page_of(10, 9);
    let kept = page.fitting(|_| MAX_PAGE_BYTES / 10);
    assert_eq!(kept, 0..10);
    let ends = (page.older, page.newer);
    page.cut(kept);
    assert_eq!((page.entries.len(), page.older, page.newer), (10, ends.0, ends.1));
}

#[test]
fn a_page_grows_from_what_was_asked_for() {
    let third = |_| MAX_PAGE_BYTES / 3;
    assert_eq!(page_of(10, 9).fitting(third), 7..10);
    assert_eq!(page_of(10, 0).fitting(third), 0..3);
    assert_eq!(page_of(10, 5).fitting(third), 4..7);
    assert_eq!(page_of(10, 5).fitting(|index| if index == 6 { MAX_PAGE_BYTES } else { 1 }), 0..6);
    assert_eq!(page_of(0, 0).fitting(third), 0..0);
}

#[test]
fn a_page_has_at_least_one_message_and_measures_each_once() {
    let mut seen = HashSet::new();
    let measure = |index| {
        assert!(seen.insert(index));
        MAX_PAGE_BYTES + 1
    };
    assert_eq!(page_of(3, 1).fitting(measure), 1..2);
}

#[test]
fn the_cursors_of_a_cut_page_name_its_own_ends() {
    let mut page = page_of(10, 5);
    page.cut(4..7);
    let ids = ids(&page);
    assert_eq!(ids.len(), 3);
    assert_eq!(page.older.map(domain::message::MessageId::get), ids.first().copied());
    assert_eq!(page.newer, page.entries.last().map(|entry| After::Message(entry.message.id)));
}
