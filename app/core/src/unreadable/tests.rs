use std::sync::{Arc, Mutex};

use domain::coverage::{Interval, Segments};
use domain::json::Json;
use domain::message::{Author, Message, MessageId, Origin, Version};
use domain::pseudonym::Pseudonym;
use domain::unreadable::UnreadableId;
use ports::mock::FakeUnitOfWork;
use serde_json::json;
use uuid::Uuid;

use super::*;

const CHANNEL: ChannelId = ChannelId(Uuid::nil());

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).unwrap()
}

fn interval(low: u64, high: u64) -> Interval {
    Interval::new(MessageId::new(low).unwrap(), MessageId::new(high).unwrap()).unwrap()
}

/// A page as of 20.
fn page(interval: Option<Interval>, ids: impl IntoIterator<Item = u64>) -> MessagePage {
    let author = Author { pseudonym: Pseudonym::new([7; 16]), bot: false, webhook: false };
    let version = Version { edited_at: None, observed_at: at(20), origin: Origin::Page };
    let message = |raw| Message::new(CHANNEL, MessageId::new(raw).unwrap(), author, String::new(), version);
    MessagePage::new(interval, at(20), ids.into_iter().map(message).collect()).unwrap()
}

fn odd(place: Interval, text: &str, seen: i64) -> Unreadable {
    Unreadable::shown(CHANNEL, place, "a message has no id", Some(Json::new(&json!(text))), at(seen))
}

fn refused(id: u64, seen: i64) -> Unreadable {
    Unreadable::refused(CHANNEL, MessageId::new(id).unwrap(), "error 1406".to_owned(), at(seen))
}

/// Returns the items that are dropped and recorded for a page, where `held` was recorded before and `proven` is proven
/// with it.
async fn kept(
    page: &MessagePage,
    found: &[Unreadable],
    held: Vec<Unreadable>,
    proven: &[(u64, u64, i64)],
) -> (Vec<UnreadableId>, Vec<Unreadable>) {
    let mut unit = FakeUnitOfWork::default();
    let span = page.span().unwrap();
    unit.unreadable.expect_list().withf(move |_, part| *part == span).return_once(move |_, _| Ok(held));
    let segment = |(low, high, millis)| Observation::new(interval(low, high), at(millis));
    let proven = Segments::new(proven.iter().copied().map(segment));
    unit.coverage.expect_segments().returning(move |_| Ok(proven.clone()));
    let gone = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::new(Mutex::new(Vec::new()));
    let (forgotten, stored) = (Arc::clone(&gone), Arc::clone(&kept));
    unit.unreadable.expect_delete_all().returning(move |_, ids| {
        forgotten.lock().unwrap().extend_from_slice(ids);
        Ok(())
    });
    unit.unreadable.expect_upsert_all().returning(move |_, all| {
        stored.lock().unwrap().extend_from_slice(all);
        Ok(all.len() as u64)
    });
    let outcome = PageOutcome { has_unreadable: true, ..PageOutcome::default() };
    record(&mut unit, CHANNEL, page, &outcome, found).await.unwrap();
    let taken = |list: &Mutex<_>| std::mem::take(&mut *list.lock().unwrap());
    (taken(&gone), std::mem::take(&mut *kept.lock().unwrap()))
}

#[tokio::test]
async fn what_a_page_shows_is_kept_and_stays_where_it_is_shown_again() {
    let found = [odd(interval(4, 8), "a", 20), odd(interval(4, 8), "b", 20)];
    let before = vec![odd(interval(4, 8), "a", 10)];
    let (gone, kept) = kept(&page(None, [3, 9]), &found, before, &[]).await;
    assert_eq!((gone, kept.as_slice()), (vec![], &found[..]));
}

#[tokio::test]
async fn what_was_kept_between_messages_and_is_not_shown_any_more_goes_though_something_else_is() {
    let found = [odd(interval(4, 8), "edited", 20)];
    let (inside, outside) = (odd(interval(4, 8), "a", 10), odd(interval(1, 5), "b", 10));
    let later = odd(interval(4, 8), "c", 30);
    let held = vec![inside.clone(), outside, later];
    let (gone, _) = kept(&page(None, [3, 9]), &found, held, &[]).await;
    assert_eq!(gone, [inside.id]);
}

#[tokio::test]
async fn what_later_looks_have_shown_whole_goes_with_the_last_of_them() {
    let held = odd(interval(4, 8), "a", 10);
    let half = page(Some(interval(1, 6)), [3, 6]);
    let (gone, kept_now) = kept(&half, &[], vec![held.clone()], &[(1, 6, 20)]).await;
    assert_eq!((gone, kept_now), (vec![], vec![]), "it may be the other half");
    let (gone, _) = kept(&half, &[], vec![held.clone()], &[(1, 6, 20), (7, 9, 19)]).await;
    assert_eq!(gone, [held.id]);
}

#[tokio::test]
async fn what_is_shown_at_the_end_of_a_page_says_all_of_its_place() {
    let found = [odd(interval(10, 12), "b", 20)];
    let held = odd(interval(10, 14), "a", 10);
    let unproven = page(None, [3, 9]);
    let mut unit = FakeUnitOfWork::default();
    unit.unreadable.expect_list().withf(|_, part| *part == interval(3, 12)).return_once(move |_, _| Ok(vec![held]));
    let above = Segments::new([Observation::new(interval(13, 30), at(19))]);
    unit.coverage.expect_segments().return_once(move |_| Ok(above));
    unit.unreadable.expect_delete_all().times(1).withf(|_, ids| ids.len() == 1).returning(|_, _| Ok(()));
    unit.unreadable.expect_upsert_all().times(1).returning(|_, _| Ok(1));
    record(&mut unit, CHANNEL, &unproven, &PageOutcome::default(), &found).await.unwrap();
}

#[tokio::test]
async fn a_page_that_proves_nothing_settles_nothing() {
    let held = odd(interval(4, 8), "a", 10);
    let (gone, _) = kept(&page(None, [3, 9]), &[], vec![held], &[(1, 9, 9)]).await;
    assert_eq!(gone, []);
}

#[tokio::test]
async fn a_refused_message_goes_once_it_is_stored() {
    let (stored, other) = (refused(3, 10), refused(5, 10));
    let found = [odd(interval(4, 8), "a", 20)];
    let held = vec![stored.clone(), other];
    let (gone, _) = kept(&page(None, [3, 9]), &found, held, &[]).await;
    assert_eq!(gone, [stored.id], "and the other one only when that part is proven");
}
