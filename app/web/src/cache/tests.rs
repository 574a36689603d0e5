use app_core::browse::{Audience, Browse, ChannelView, Find, Topic, recorded};
use app_core::follow::Follower;
use domain::change::ChangePosition;
use domain::channel::{Channel, ChannelKind, ChannelSnowflake};
use domain::coverage::Interval;
use domain::message::{Author, Message, MessageId, Origin, Version};
use domain::pseudonym::Pseudonym;
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use ports::message::MessageList;
use ports::mock::{FakeStore, FakeUnitOfWork};
use uuid::Uuid;

use super::*;
use crate::response::{finish, with_type};

const TENANT: TenantId = TenantId(Uuid::nil());

/// The freshness of a follower that has read the log once.
async fn fresh() -> Freshness {
    let mut unit = FakeUnitOfWork::default();
    unit.changes.expect_position().return_once(|| Ok(ChangePosition::from_text("start".to_owned())));
    let mut follower = Follower::new(Arc::new(FakeStore::new([unit])), Vec::new());
    follower.step().await.unwrap();
    follower.freshness()
}

fn part(topic: Topic) -> Part {
    (topic, Interval::up_to(MessageId::MAX))
}

fn response(body: &'static str) -> Response<Body> {
    finish(with_type(StatusCode::OK, "text/plain", body), Audience::Public, true)
}

async fn lead(cache: &Arc<Cache>, target: &str) -> Lead {
    match cache.find(target, &[], &[], &fresh().await).await {
        Lookup::Miss(lead) => lead,
        Lookup::Hit(_) | Lookup::Bypass => panic!("there is a response, or one is being made"),
    }
}

async fn body(cache: &Arc<Cache>, target: &str) -> Option<Bytes> {
    match cache.find(target, &[], &[], &fresh().await).await {
        Lookup::Hit(hit) => Some(hit.response.into_body()),
        Lookup::Miss(_) | Lookup::Bypass => None,
    }
}

async fn put(cache: &Arc<Cache>, target: &str, text: &'static str, topic: Topic) {
    lead(cache, target).await.store(&response(text), "/", false, &Reads::of([part(topic)]));
}

#[tokio::test]
async fn a_response_is_kept_until_a_part_of_it_changes() {
    let cache = Arc::new(Cache::new(1 << 20));
    put(&cache, "/a", "a", Topic::Tenant(TENANT)).await;
    put(&cache, "/b", "b", Topic::Items(TENANT)).await;
    assert_eq!(body(&cache, "/a").await, Some(Bytes::from_static(b"a")));
    cache.touch(&[part(Topic::Tenant(TENANT))]);
    assert_eq!((body(&cache, "/a").await, body(&cache, "/b").await), (None, Some(Bytes::from_static(b"b"))));
    cache.reset();
    assert_eq!(body(&cache, "/b").await, None);
    assert_eq!(cache.counts.dropped.get(), 2);
}

#[tokio::test]
async fn a_response_is_not_kept_if_a_part_changed_while_it_was_made() {
    let cache = Arc::new(Cache::new(1 << 20));
    let (reads, made) = (Reads::of([part(Topic::Tenant(TENANT))]), response("old"));
    let late = lead(&cache, "/a").await;
    cache.touch(&[part(Topic::Tenant(TENANT))]);
    late.store(&made, "/", false, &reads);
    assert_eq!(body(&cache, "/a").await, None);
    let other = lead(&cache, "/a").await;
    cache.touch(&[part(Topic::Items(TENANT))]);
    other.store(&made, "/", false, &reads);
    assert_eq!(body(&cache, "/a").await, Some(Bytes::from_static(b"old")));
}

/// Returns what a page with a message was made of.
async fn reads_of(content: &'static str) -> Reads {
    let channel = Channel::new(TENANT, ChannelSnowflake::new(5).unwrap(), ChannelKind::PUBLIC_THREAD, "a".to_owned());
    let mut unit = FakeUnitOfWork::default();
    unit.messages.expect_list().return_once(|channel, _, _, _| {
        let author = Author { pseudonym: Pseudonym::new([7; 16]), bot: false, webhook: false };
        let observed_at = Timestamp::from_millis(1).unwrap();
        let version = Version { edited_at: None, observed_at, origin: Origin::Page };
        let message = Message::new(channel, MessageId::MIN, author, content.to_owned(), version);
        Ok(MessageList { messages: vec![message], ..MessageList::default() })
    });
    let browse = Browse::new(Arc::new(FakeStore::new([unit])));
    let view = ChannelView { channel, parent: None, public: true };
    let read = async { browse.open(Audience::Public).await.messages(&view, Find::Newest, 1).await.unwrap() };
    recorded(read).await.1
}

#[tokio::test(start_paused = true)]
async fn a_page_with_a_time_as_the_distance_from_now_is_kept_for_a_second() {
    let cache = Arc::new(Cache::new(1 << 20));
    let (relative, plain) = (reads_of("<t:1700000000:R>").await, reads_of("<t:1700000000:f>").await);
    for (target, is_page, reads) in [("/a", true, &relative), ("/b", false, &relative), ("/c", true, &plain)] {
        lead(&cache, target).await.store(&response("a"), "/", is_page, reads);
        assert!(body(&cache, target).await.is_some());
    }
    tokio::time::advance(RELATIVE_TIME).await;
    let mut kept = Vec::new();
    for target in ["/a", "/b", "/c"] {
        kept.push(body(&cache, target).await.is_some());
    }
    assert_eq!(kept, [false, true, true]);
}

#[tokio::test(start_paused = true)]
async fn equal_requests_do_not_wait_for_a_response_that_is_not_stored() {
    let cache = Arc::new(Cache::new(1 << 20));
    let mut missing = response("a");
    *missing.status_mut() = StatusCode::NOT_FOUND;
    lead(&cache, "/a").await.store(&missing, "/", false, &Reads::default());
    assert!(matches!(cache.find("/a", &[], &[], &fresh().await).await, Lookup::Bypass));
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    lead(&cache, "/a").await.store(&response("a"), "/", false, &Reads::default());
    assert!(body(&cache, "/a").await.is_some(), "it is there now");
}

#[tokio::test]
async fn only_whole_public_and_traced_responses_are_kept() {
    let cache = Arc::new(Cache::new(1 << 20));
    let finish = |mut response: Response<Body>, change: fn(&mut Response<Body>)| {
        change(&mut response);
        response
    };
    let kept: [fn(&mut Response<Body>); 4] = [
        |response| *response.status_mut() = StatusCode::NOT_FOUND,
        |response| {
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        },
        |response| drop(response.headers_mut().remove(header::ETAG)),
        |response| *response.body_mut() = Body::Stream(futures::StreamExt::boxed(futures::stream::empty())),
    ];
    for (number, change) in kept.into_iter().enumerate() {
        let target = format!("/{number}");
        lead(&cache, &target).await.store(&finish(response("a"), change), "/", false, &Reads::default());
        assert_eq!(body(&cache, &target).await, None);
    }
    lead(&cache, "/a").await.store(&response("a"), "/", false, &Reads::default());
    assert!(body(&cache, "/a").await.is_some());
}

#[tokio::test]
async fn equal_requests_wait_for_one_response() {
    let cache = Arc::new(Cache::new(1 << 20));
    let first = lead(&cache, "/a").await;
    let others: Vec<_> = (0..3)
        .map(|_| {
            let cache = Arc::clone(&cache);
            tokio::spawn(async move { body(&cache, "/a").await })
        })
        .collect();
    tokio::task::yield_now().await;
    first.store(&response("a"), "/", false, &Reads::default());
    for other in others {
        assert_eq!(other.await.unwrap(), Some(Bytes::from_static(b"a")));
    }
    assert_eq!((cache.counts.misses.get(), cache.counts.hits.get()), (1, 3));
}

#[tokio::test]
async fn a_client_that_has_the_body_gets_none_even_after_its_eviction() {
    let cache = Arc::new(Cache::new(64 << 10));
    let whole = response("a");
    let tag = whole.headers()[header::ETAG].clone();
    lead(&cache, "/a").await.store(&whole, "/", false, &Reads::default());
    cache.shelf().drop_bodies();
    let known = cache.find("/a", &[], &[tag], &fresh().await).await;
    let Lookup::Hit(Hit { response, .. }) = known else { panic!("the tag is known") };
    assert_eq!((response.status(), response.body().len()), (StatusCode::NOT_MODIFIED, 0));
    assert!(!response.headers().contains_key(header::CONTENT_TYPE) && response.headers().contains_key(header::ETAG));
    assert_eq!(body(&cache, "/a").await, None, "the body is made again");
}

#[tokio::test]
async fn the_size_is_bounded_and_nothing_refers_to_what_is_gone() {
    let bytes = 256 << 10;
    let cache = Arc::new(Cache::new(bytes));
    for number in 0..2_000 {
        let reads = Reads::of([part(Topic::Tenant(TenantId(Uuid::from_u128(number))))]);
        lead(&cache, &format!("/{number}")).await.store(&response("a body"), "/", false, &reads);
    }
    let sizes = cache.shelf().sizes();
    assert!(sizes.bytes <= bytes as u64 && sizes.known > 10, "{} {}", sizes.bytes, sizes.known);
    assert_eq!(cache.shelf().topics() as u64, sizes.known);
    cache.reset();
    let shelf = cache.shelf();
    assert_eq!((shelf.topics(), shelf.sizes().bytes), (0, 0));
}

#[tokio::test]
async fn a_body_is_compressed_once_for_each_encoding() {
    let cache = Arc::new(Cache::new(1 << 20));
    let text: &'static str = Box::leak("text ".repeat(1_000).into_boxed_str());
    lead(&cache, "/a").await.store(&response(text), "/", false, &Reads::default());
    let before = cache.shelf().sizes().bytes;
    let mut made = Vec::new();
    for accepted in ["br, gzip", "br", "gzip", "identity"] {
        let found = cache.find("/a", &[HeaderValue::from_static(accepted)], &[], &fresh().await).await;
        let Lookup::Hit(Hit { response, .. }) = found else { panic!("it is stored") };
        let encoding = response.headers().get(header::CONTENT_ENCODING).map(|name| name.to_str().unwrap().to_owned());
        assert!(response.headers().get_all(header::VARY).iter().any(|name| name == "accept-encoding"), "{accepted}");
        made.push((encoding, response.into_body()));
    }
    assert_eq!(made[0].0.as_deref(), Some("br"));
    assert_eq!(
        (made[0].1.as_ptr(), made[2].0.as_deref(), made[3].0.as_deref()),
        (made[1].1.as_ptr(), Some("gzip"), None)
    );
    let forms = made[0].1.len() + made[2].1.len();
    assert_eq!(cache.shelf().sizes().bytes, before + forms as u64);
}
