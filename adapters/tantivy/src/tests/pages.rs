use std::time::Duration;

use domain::coverage::Interval;
use ports::search::{
    CandidateQuery, IndexBatch, IndexRange, IndexState, SearchError, SearchIndex, SearchScope, SearchSort,
};
use proptest::prelude::*;
use tokio::runtime::Runtime;

use super::model::{CHANNELS, Model, Numbers, TENANT, all, channel, compare, id, message, position, query, request};
use crate::TantivyIndex;

const SORTS: [SearchSort; 3] = [SearchSort::Newest, SearchSort::Oldest, SearchSort::Relevance];

/// Returns changes to an index of 1,500 hours.
fn batch(numbers: &mut Numbers, puts: usize) -> IndexBatch {
    let mut batch = IndexBatch::default();
    if numbers.below(3) == 0 {
        let (low, length) = (numbers.below(1_500) as u64, numbers.below(300) as u64);
        let interval = Interval::new(id(low), id(low + length)).unwrap();
        batch.delete.push(IndexRange::Interval(channel(CHANNELS[numbers.below(8)]).id, interval));
    }
    if numbers.below(12) == 0 {
        batch.delete.push(IndexRange::Channel(channel(CHANNELS[numbers.below(8)]).id));
    }
    for _ in 0..puts {
        let at = id(numbers.below(1_500) as u64);
        let of = CHANNELS[numbers.below(8)];
        batch.put.push(message(numbers, at, of));
        // A thread's first message has the same id in two channels.
        if numbers.below(10) == 0 {
            batch.put.push(message(numbers, at, (of + 10) % 20));
        }
    }
    batch.put.retain(|message| CHANNELS.iter().any(|of| channel(*of).id == message.document.channel.id));
    batch
}

async fn built(index: &TantivyIndex) {
    let build = index.rebuild(TENANT).await.unwrap();
    build.finish(position(1)).await.unwrap();
}

/// Makes batches, deletions, merges and restarts in an order by `seed`, and compares the pages of queries with those of
/// the naive index.
fn pages_agree(seed: u64) {
    Runtime::new().unwrap().block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let mut index = TantivyIndex::new(folder.path().join("index"));
        let (mut numbers, mut model) = (Numbers(seed), Model::default());
        built(&index).await;
        for step in 2..14 {
            let puts = [3, 20, 120][numbers.below(3)];
            let changes = batch(&mut numbers, puts);
            model.apply(&changes);
            index.apply(TENANT, changes.clone(), position(step)).await.unwrap();
            if numbers.below(4) == 0 {
                // Twice is once.
                index.apply(TENANT, changes, position(step)).await.unwrap();
            }
            match numbers.below(6) {
                0 => index.purge(TENANT).await.unwrap(),
                1 => {
                    drop(index);
                    index = TantivyIndex::new(folder.path().join("index"));
                    assert_eq!(index.state(TENANT).await.unwrap(), IndexState::Ready(position(step)));
                }
                _ => {}
            }
            for _ in 0..12 {
                let limit = [1, 2, 7, 50, 200][numbers.below(5)];
                let mut request = request(query(&mut numbers), SORTS[numbers.below(3)], limit);
                if numbers.below(2) == 0 {
                    let roots = CHANNELS[..4].iter().filter(|_| numbers.below(3) > 0);
                    request.scope = SearchScope::Channels(roots.map(|of| channel(*of).id).collect());
                }
                if numbers.below(5) == 0 {
                    request.within = Some(channel(CHANNELS[numbers.below(8)]).id);
                }
                compare(&index, &model, request).await;
            }
        }
    });
}

/// A deletion is the first operation of a writer, and a merge begins before it is committed.
#[test]
fn the_first_deletion_of_a_writer_is_in_every_segment_of_a_merge() {
    pages_agree(1_463_427_620_924_692_178);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default() })]

    /// Batches, deletions, merges and restarts in any order: the pages of every query are those of the naive index.
    #[test]
    fn pages_are_those_of_a_naive_index(seed in 1..u64::MAX) {
        pages_agree(seed);
    }

    /// An index that was changed and merged many times has the scores of one that was built at once.
    #[test]
    fn relevance_depends_on_the_documents_alone(seed in 1..u64::MAX) {
        Runtime::new().unwrap().block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let old = TantivyIndex::new(folder.path().join("old"));
            let new = TantivyIndex::new(folder.path().join("new"));
            let (mut numbers, mut model) = (Numbers(seed), Model::default());
            built(&old).await;
            for step in 2..12 {
                let changes = batch(&mut numbers, 60);
                model.apply(&changes);
                old.apply(TENANT, changes, position(step)).await.unwrap();
            }
            let mut build = new.rebuild(TENANT).await.unwrap();
            build.add(model.0.values().cloned().collect()).await.unwrap();
            build.finish(position(12)).await.unwrap();
            for _ in 0..40 {
                let query = query(&mut numbers);
                let limit = 1 + numbers.below(30);
                let (one, other) = (
                    all(&old, request(query.clone(), SearchSort::Relevance, limit)).await,
                    all(&new, request(query.clone(), SearchSort::Relevance, 200)).await,
                );
                let matches = model.matches(&request(query.clone(), SearchSort::Relevance, 1));
                let [one, other] = [one.0, other.0].map(|items| {
                    items.into_iter().filter(|item| matches.contains(&(item.id, item.channel))).collect::<Vec<_>>()
                });
                assert_eq!(one, other, "{query}");
            }
        });
    }
}

#[tokio::test]
async fn a_common_start_of_a_word_misses_no_word() {
    let folder = tempfile::tempdir().unwrap();
    let index = TantivyIndex::new(folder.path().to_owned());
    built(&index).await;
    let (mut numbers, mut model) = (Numbers(5), Model::default());
    let mut changes = IndexBatch::default();
    for at in 0..400_u64 {
        let mut one = message(&mut numbers, id(at), 1);
        let text = format!("start pre{at}fix end 京{}", char::from_u32(0x5000 + u32::try_from(at).unwrap()).unwrap());
        one.document.texts = vec![domain::search::SearchText::plain(&text)];
        changes.put.push(one);
    }
    model.apply(&changes);
    index.apply(TENANT, changes, position(2)).await.unwrap();
    for text in [
        "pre*",
        "\"start pre\"",
        "start-pre*",
        "\"京\"",
        "end-京*",
        "-pre*",
        "-京",
        "pre1*",
        "-start-pre*",
        "-start-pre1*",
    ] {
        for sort in SORTS {
            compare(&index, &model, request(text.parse().unwrap(), sort, 37)).await;
        }
    }
    let found = index.find(TENANT, request("start-pre*".parse().unwrap(), SearchSort::Newest, 200)).await.unwrap();
    assert_eq!((found.total, found.exact), (400, false));
    for (text, total) in [("start-pre12*", 11), ("start pre*", 400), ("-start-pre12*", 389)] {
        let found = index.find(TENANT, request(text.parse().unwrap(), SearchSort::Newest, 10)).await.unwrap();
        assert_eq!((found.total, found.exact), (total, true), "{text}");
    }
    let found = index.find(TENANT, request("\"京\"".parse().unwrap(), SearchSort::Newest, 200)).await.unwrap();
    assert_eq!((found.total, found.exact, found.more), (400, true, true));
}

#[tokio::test]
async fn totals_are_counted_to_a_thousand() {
    let folder = tempfile::tempdir().unwrap();
    let index = TantivyIndex::new(folder.path().to_owned());
    built(&index).await;
    let mut numbers = Numbers(9);
    for part in 0..3_u64 {
        let mut changes = IndexBatch::default();
        for at in 0..500_u64 {
            let mut one = message(&mut numbers, id(part * 500 + at), 1);
            one.document.texts = vec![domain::search::SearchText::plain("word")];
            changes.put.push(one);
        }
        index.apply(TENANT, changes, position(part + 2)).await.unwrap();
        let found = index.find(TENANT, request("word".parse().unwrap(), SearchSort::Oldest, 1)).await.unwrap();
        assert_eq!(found.total, ((part + 1) * 500).min(1_000));
        assert_eq!(found.position, position(part + 2));
    }
}

#[tokio::test]
async fn the_root_of_a_channel_is_that_of_its_documents() {
    let folder = tempfile::tempdir().unwrap();
    let index = TantivyIndex::new(folder.path().to_owned());
    built(&index).await;
    let mut numbers = Numbers(3);
    let put = vec![message(&mut numbers, id(1), 11), message(&mut numbers, id(2), 13), message(&mut numbers, id(3), 4)];
    index.apply(TENANT, IndexBatch { put, ..IndexBatch::default() }, position(2)).await.unwrap();
    let has_root = |of: u64, root: Option<u64>| {
        let index = index.clone();
        async move { index.has_root(TENANT, channel(of).id, root.map(|root| channel(root).id)).await.unwrap() }
    };
    assert!(has_root(11, Some(1)).await && has_root(13, None).await && has_root(4, Some(4)).await);
    assert!(!has_root(11, Some(2)).await && !has_root(11, None).await && !has_root(13, Some(3)).await);
    assert!(has_root(2, Some(3)).await);
    let delete = vec![IndexRange::Channel(channel(11).id)];
    index.apply(TENANT, IndexBatch { delete, ..IndexBatch::default() }, position(3)).await.unwrap();
    assert!(has_root(11, Some(2)).await);
}

#[tokio::test]
async fn a_search_ends_when_its_time_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let index = TantivyIndex::new(folder.path().to_owned());
    built(&index).await;
    let mut numbers = Numbers(9);
    let put: Vec<_> = (0..500_u64).map(|at| message(&mut numbers, id(at), 1)).collect();
    index.apply(TENANT, IndexBatch { put, ..IndexBatch::default() }, position(2)).await.unwrap();
    for sort in SORTS {
        let request = request("-zzzz".parse().unwrap(), sort, 10);
        let none = CandidateQuery { time: Duration::ZERO, ..request.clone() };
        let error = index.find(TENANT, none).await.unwrap_err();
        assert!(matches!(error, SearchError::TimedOut), "{error:?}");
        let uncounted = index.find(TENANT, CandidateQuery { is_counted: false, ..request }).await.unwrap();
        assert_eq!((uncounted.total, uncounted.exact, uncounted.items.len()), (0, false, 10));
    }
}

#[tokio::test]
async fn a_long_text_is_compared_by_its_start() {
    let folder = tempfile::tempdir().unwrap();
    let index = TantivyIndex::new(folder.path().to_owned());
    built(&index).await;
    let (mut numbers, mut model) = (Numbers(7), Model::default());
    let mut changes = IndexBatch::default();
    let long = "\u{54c8}".repeat(900);
    for (at, text) in
        [long.clone(), "\u{54c8}".repeat(40), "\u{54c8}".to_owned(), "a b ".repeat(100)].into_iter().enumerate()
    {
        let mut one = message(&mut numbers, id(at as u64), 1);
        one.document.texts = vec![domain::search::SearchText::plain(&text)];
        changes.put.push(one);
    }
    model.apply(&changes);
    index.apply(TENANT, changes, position(2)).await.unwrap();
    let many = (0..16).map(|_| format!("\"{}\"", "a b ".repeat(12))).collect::<Vec<_>>().join(" ");
    for text in [long.clone(), format!("-{long}"), many, format!("\"{}\"", "a b ".repeat(20))] {
        for sort in SORTS {
            compare(&index, &model, request(text.parse().unwrap(), sort, 3)).await;
        }
    }
}
