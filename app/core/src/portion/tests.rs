use std::sync::Mutex;

use domain::coverage::Interval;
use domain::message::{Author, Message, Origin, Version};
use domain::page::PageOutcome;
use domain::pseudonym::Pseudonym;
use domain::timestamp::Timestamp;
use ports::mock::{FakeStore, FakeUnitOfWork};
use ports::store::Store;
use uuid::Uuid;

use super::*;

const CHANNEL: ChannelId = ChannelId(Uuid::nil());

fn id(raw: u64) -> MessageId {
    MessageId::new(raw).unwrap()
}

/// A page of everything up to 100 with these messages.
fn page(ids: impl IntoIterator<Item = u64>) -> MessagePage {
    let at = Timestamp::from_millis(1).unwrap();
    let author = Author { pseudonym: Pseudonym::new([7; 16]), bot: false, webhook: false };
    let version = Version { edited_at: None, observed_at: at, origin: Origin::Page };
    let messages = ids.into_iter().map(|raw| Message::new(CHANNEL, id(raw), author, String::new(), version)).collect();
    MessagePage::new(Some(Interval::up_to(id(100))), at, messages).unwrap()
}

/// The first and last id that a page proves, and its messages.
type Seen = (u64, u64, Vec<u64>);

/// Runs a store with the result `judge` on `whole`; returns its attempts, its commits and the result.
async fn store(
    whole: MessagePage,
    judge: impl Fn(&MessagePage) -> Result<(), StoreError> + Send + Sync + 'static,
) -> (Vec<Seen>, Vec<Seen>, Result<Stored<PageOutcome>, StoreError>) {
    let (tried, judge) = (Arc::new(Mutex::new(Vec::new())), Arc::new(judge));
    let units = (0..400).map(|_| {
        let mut unit = FakeUnitOfWork::default();
        let (tried, judge) = (Arc::clone(&tried), Arc::clone(&judge));
        unit.messages.expect_replace_interval().returning(move |_, page| {
            let interval = page.interval().unwrap();
            let ids = page.messages().iter().map(|message| message.id.get()).collect();
            let judged = judge(page);
            tried.lock().unwrap().push(((interval.low().get(), interval.high().get(), ids), judged.is_ok()));
            judged.map(|()| PageOutcome { added: page.messages().len() as u64, ..PageOutcome::default() })
        });
        unit
    });
    let at = FakeStore::new(units);
    let stored = in_portions(
        Arc::new(whole),
        |error: &StoreError| Some(error),
        |part| {
            let at = &at;
            async move {
                let mut unit = at.begin().await?;
                let outcome = unit.messages().replace_interval(CHANNEL, &part).await?;
                unit.commit().await?;
                Ok(outcome)
            }
        },
    )
    .await;
    let tried = std::mem::take(&mut *tried.lock().unwrap());
    let done: Vec<_> = tried.iter().filter(|(_, done)| *done).map(|(seen, _)| seen.clone()).collect();
    assert_eq!(at.committed() as usize, done.len(), "what failed is not committed");
    (tried.into_iter().map(|(seen, _)| seen).collect(), done, stored)
}

fn too_large() -> StoreError {
    StoreError::TooLarge("error 8004".into())
}

/// Rejects every page with one of these messages.
fn refusing(ids: &'static [u64]) -> impl Fn(&MessagePage) -> Result<(), StoreError> {
    move |page| {
        let refused = page.messages().iter().any(|message| ids.contains(&message.id.get()));
        if refused { Err(StoreError::Refused("error 1406".into())) } else { Ok(()) }
    }
}

#[tokio::test]
async fn what_fits_is_stored_at_once() {
    let (tried, _, stored) = store(page([3, 5, 9]), |_| Ok(())).await;
    assert_eq!((tried, stored.unwrap().outcomes.len()), (vec![(1, 100, vec![3, 5, 9])], 1));
}

#[tokio::test]
async fn what_is_too_large_goes_in_halves_oldest_first_and_leaves_no_id_between() {
    let judge = |page: &MessagePage| if page.messages().len() > 2 { Err(too_large()) } else { Ok(()) };
    let (tried, done, stored) = store(page([3, 5, 9, 12, 20]), judge).await;
    assert_eq!(tried.len(), 5);
    assert_eq!(done, [(1, 5, vec![3, 5]), (6, 9, vec![9]), (10, 100, vec![12, 20])]);
    let stored = stored.unwrap();
    assert_eq!(stored.outcomes.iter().map(|outcome| outcome.added).collect::<Vec<_>>(), [2, 1, 2]);
    assert_eq!(stored.refused, []);
}

#[tokio::test]
async fn a_message_that_is_refused_is_named_and_takes_no_other_with_it() {
    let (_, done, stored) = store(page([3, 5, 9, 12, 20]), refusing(&[9])).await;
    // The surroundings of the rejected message, 6 to 9, are not proven.
    assert_eq!(done, [(1, 5, vec![3, 5]), (10, 100, vec![12, 20])]);
    assert_eq!(stored.unwrap().refused, [Refusal { message_id: id(9), reason: "error 1406".to_owned() }]);
    let (_, done, stored) = store(page([3, 5, 9, 12]), refusing(&[3, 12])).await;
    assert_eq!(done, [(4, 5, vec![5]), (6, 9, vec![9])]);
    assert_eq!(stored.unwrap().refused.iter().map(|refused| refused.message_id.get()).collect::<Vec<_>>(), [3, 12]);
}

#[tokio::test]
async fn the_only_message_of_a_page_that_is_refused_is_named_after_one_try() {
    let (tried, done, stored) = store(page([9]), refusing(&[9])).await;
    assert_eq!((tried.len(), done.len(), stored.unwrap().refused.len()), (1, 0, 1));
}

#[tokio::test]
async fn a_page_that_takes_too_much_away_is_stored_in_halves_of_its_ids() {
    let judge = |page: &MessagePage| {
        let interval = page.interval().unwrap();
        if interval.high().get() - interval.low().get() >= 50 { Err(too_large()) } else { Ok(()) }
    };
    let (_, done, stored) = store(page([]), judge).await;
    assert_eq!(done, [(1, 50, vec![]), (51, 100, vec![])]);
    assert!(stored.unwrap().refused.is_empty());
}

#[tokio::test]
async fn a_message_that_is_too_large_by_itself_is_left_out() {
    let judge = |page: &MessagePage| if page.messages().is_empty() { Ok(()) } else { Err(too_large()) };
    let (_, done, stored) = store(page([9]), judge).await;
    let around: Vec<(u64, u64)> = done.iter().map(|(low, high, _)| (*low, *high)).collect();
    assert_eq!((around.first(), around.last().map(|last| last.1)), (Some(&(1, 7)), Some(100)), "{around:?}");
    assert!(around.iter().all(|(low, high)| !(*low..=*high).contains(&9)), "{around:?}");
    assert_eq!(stored.unwrap().refused.len(), 1);
}

#[tokio::test]
async fn a_store_that_takes_nothing_fails_after_few_tries_and_any_other_error_at_once() {
    let (tried, done, stored) = store(page([3, 5, 9]), |_| Err(too_large())).await;
    assert!(matches!(stored, Err(StoreError::TooLarge(_))), "{stored:?}");
    assert!(tried.len() < 20 && done.is_empty(), "{tried:?}");
    let (tried, _, stored) = store(page([]), |_| Err(StoreError::Refused("error 1406".into()))).await;
    assert!(matches!(stored, Err(StoreError::Refused(_))), "{stored:?}");
    assert_eq!(tried.len(), 1);
    let (tried, _, stored) = store(page([3, 5]), |_| Err(StoreError::Backend("disk".into()))).await;
    assert!(matches!(stored, Err(StoreError::Backend(_))), "{stored:?}");
    assert_eq!(tried.len(), 1);
}
