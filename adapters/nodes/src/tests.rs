use std::sync::Arc;
use std::time::Duration;

use domain::change::ChangePosition;
use domain::channel::ChannelId;
use domain::message::MessageId;
use domain::search::ChannelRef;
use domain::slug::ChannelSlug;
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use ports::search::{
    Candidate, CandidateQuery, Candidates, IndexPosition, IndexState, MockSearchIndex, SearchError, SearchIndex,
    SearchScope, SearchSort,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use uuid::Uuid;

use super::*;

const KEY: &str = "a-key-of-these-tests";

fn tenant() -> TenantId {
    TenantId(Uuid::from_u128(7))
}

fn channel(number: u128) -> ChannelId {
    ChannelId(Uuid::from_u128(number))
}

fn position(text: &str, millis: i64) -> IndexPosition {
    let changes = ChangePosition::from_text(text.to_owned());
    IndexPosition { changes, as_of: Timestamp::from_millis(millis).unwrap() }
}

fn candidates(millis: i64) -> Candidates {
    let items = (1..=3_u32).map(|number| Candidate {
        score: u32::MAX,
        id: MessageId::new(u64::MAX >> number).unwrap(),
        channel: channel(number.into()),
    });
    Candidates { items: items.collect(), more: true, total: 9, exact: true, position: position("committed", millis) }
}

/// A query with every part.
fn query() -> CandidateQuery {
    let references = [
        ChannelRef::Id(channel(1)),
        ChannelRef::Number("1234567890123456789".parse().unwrap()),
        ChannelRef::Slug(ChannelSlug::new("geflüster").unwrap()),
    ];
    CandidateQuery {
        query: "\"quick fox\" -smart* from:\"Amber Otter 48213\" in:geflüster has:image 京都".parse().unwrap(),
        channels: references.into_iter().map(|reference| (reference, vec![channel(1), channel(2)])).collect(),
        scope: SearchScope::Channels(vec![channel(1), channel(3)]),
        within: Some(channel(4)),
        sort: SearchSort::Relevance,
        after: candidates(1).items.pop(),
        limit: 7,
        is_counted: true,
        time: Duration::from_millis(1_500),
    }
}

/// Returns an index that answers one search with `found`.
fn index(found: Result<Candidates, SearchError>) -> MockSearchIndex {
    let mut index = MockSearchIndex::new();
    index.expect_find().times(1).return_once(move |_, _| found);
    index
}

fn node(index: MockSearchIndex) -> SearchNode {
    SearchNode::new(Arc::new(index), |_| Some(position("reached", 20)))
}

/// The connections of a server.
#[derive(Default)]
struct Connections {
    open: usize,
    all: usize,
}

/// What a server does with requests.
enum Behaviour {
    Answers(SearchNode),
    Refuses,
    /// Never responds.
    Hangs(watch::Sender<Connections>),
    /// Responds by one byte now and then.
    Drips(watch::Sender<Connections>),
}

/// Starts a server; returns its address.
async fn serve(behaviour: Behaviour) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            match &behaviour {
                Behaviour::Answers(node) => answer(stream, node).await,
                Behaviour::Refuses => {
                    read(&mut stream).await;
                    reply(stream, "401 Unauthorized", b"{}").await;
                }
                Behaviour::Hangs(open) => drop(tokio::spawn(stall(stream, false, open.clone()))),
                Behaviour::Drips(open) => drop(tokio::spawn(stall(stream, true, open.clone()))),
            }
        }
    });
    address
}

/// Keeps a connection open until the other side closes it.
async fn stall(stream: TcpStream, drips: bool, connections: watch::Sender<Connections>) {
    connections.send_modify(|connections| {
        connections.open += 1;
        connections.all += 1;
    });
    let (mut from, mut to) = stream.into_split();
    let drip = async {
        let mut due = tokio::time::interval(Duration::from_millis(20));
        to.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n").await?;
        loop {
            due.tick().await;
            to.write_all(b" ").await?;
        }
    };
    let closed = async {
        let mut buffer = [0; 1_024];
        while from.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
    };
    tokio::select! {
        () = closed => {}
        failed = drip, if drips => drop::<std::io::Result<()>>(failed),
    }
    connections.send_modify(|connections| connections.open -= 1);
}

/// Reads a request; returns its head and its body.
async fn read(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut request = Vec::new();
    let (head, length) = loop {
        request.push(stream.read_u8().await.unwrap());
        if request.ends_with(b"\r\n\r\n") {
            let head = String::from_utf8(request).unwrap();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            break (head.clone(), length.parse().unwrap());
        }
    };
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    (head, body)
}

/// Answers one request on a connection.
async fn answer(mut stream: TcpStream, node: &SearchNode) {
    let (head, body) = read(&mut stream).await;
    assert!(head.starts_with(&format!("POST {PATH} HTTP/1.1\r\n")), "{head}");
    assert!(head.contains(&format!("authorization: Node {}\r\n", token(KEY.as_bytes()))), "{head}");
    let body = node.answer(&body).await.unwrap();
    reply(stream, "200 OK", &body).await;
}

async fn reply(mut stream: TcpStream, status: &str, body: &[u8]) {
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    stream.write_all(&[head.as_bytes(), body].concat()).await.ok();
}

fn nodes(addresses: &[String]) -> SearchNodes {
    SearchNodes::new(addresses, KEY.as_bytes()).unwrap()
}

#[tokio::test]
async fn a_query_and_its_candidates_arrive_as_they_were() {
    let mut index = MockSearchIndex::new();
    index.expect_find().times(1).return_once(|of, found| {
        let sent = query();
        assert!(of == tenant() && found.time <= sent.time && found.time > Duration::ZERO, "{found:?}");
        assert_eq!(CandidateQuery { time: sent.time, ..found }, sent);
        Ok(candidates(10))
    });
    let nodes = nodes(&[serve(Behaviour::Answers(node(index))).await]);
    let found = nodes.find(tenant(), query()).await.unwrap();
    assert_eq!(found, Candidates { position: position("reached", 20), ..candidates(10) });
}

#[tokio::test]
async fn a_commit_after_the_last_look_at_the_log_is_the_position() {
    let nodes = nodes(&[serve(Behaviour::Answers(node(index(Ok(candidates(30)))))).await]);
    assert_eq!(nodes.find(tenant(), query()).await.unwrap().position, position("committed", 30));
}

#[tokio::test]
async fn the_state_of_an_index_is_that_of_its_node() {
    for state in [IndexState::Ready(position("a", 1)), IndexState::Missing, IndexState::Outdated, IndexState::Damaged] {
        let mut index = MockSearchIndex::new();
        let of_node = state.clone();
        index.expect_state().times(1).return_once(|_| Ok(of_node));
        let nodes = nodes(&[serve(Behaviour::Answers(node(index))).await]);
        assert_eq!(nodes.state(tenant()).await.unwrap(), state);
    }
}

#[tokio::test]
async fn errors_of_an_index_arrive() {
    let of = async |error| {
        let nodes = nodes(&[serve(Behaviour::Answers(node(index(Err(error))))).await]);
        nodes.find(tenant(), query()).await.unwrap_err()
    };
    assert!(matches!(of(SearchError::Missing).await, SearchError::Missing));
    assert!(matches!(of(SearchError::Damaged("x".into())).await, SearchError::Missing));
    assert!(matches!(of(SearchError::TimedOut).await, SearchError::TimedOut));
    assert!(matches!(of(SearchError::Backend("x".into())).await, SearchError::Backend(_)));
}

#[tokio::test]
async fn a_node_that_cannot_answer_is_passed_over() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let unreachable = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let refuses = serve(Behaviour::Refuses).await;
    let mut builds = MockSearchIndex::new();
    builds.expect_find().returning(|_, _| Err(SearchError::Missing));
    let builds = serve(Behaviour::Answers(node(builds))).await;
    let mut found = MockSearchIndex::new();
    found.expect_find().times(4).returning(|_, _| Ok(candidates(10)));
    let answers = serve(Behaviour::Answers(node(found))).await;
    let nodes = nodes(&[unreachable, refuses, builds, answers]);
    // Each call begins with another node.
    for _ in 0..4 {
        assert_eq!(nodes.find(tenant(), query()).await.unwrap().items, candidates(10).items);
    }
}

#[tokio::test]
async fn a_node_that_is_behind_answers_where_no_other_does() {
    let behind = |times| {
        let mut index = MockSearchIndex::new();
        index.expect_find().times(times).returning(|_, _| Ok(candidates(10)));
        Behaviour::Answers(SearchNode::new(Arc::new(index), |_| None))
    };
    let alone = nodes(&[serve(behind(1)).await]);
    assert_eq!(alone.find(tenant(), query()).await.unwrap(), candidates(10));
    let current = serve(Behaviour::Answers(node(index(Ok(candidates(15)))))).await;
    let both = nodes(&[serve(behind(1)).await, current]);
    assert_eq!(both.find(tenant(), query()).await.unwrap().position, position("reached", 20));
}

#[tokio::test]
async fn a_node_that_hangs_or_drips_is_overtaken_by_the_next_one_and_asked_last_then() {
    for stalls in [Behaviour::Hangs, Behaviour::Drips] {
        let mut index = MockSearchIndex::new();
        index.expect_find().times(3).returning(|_, _| Ok(candidates(10)));
        let answers = serve(Behaviour::Answers(node(index))).await;
        let (open, mut connections) = watch::channel(Connections::default());
        let nodes = nodes(&[serve(stalls(open)).await, answers]);
        // The turn of the node that stalls; that of the one that answers; and that of the first one, which is avoided.
        for _ in 0..3 {
            assert_eq!(nodes.find(tenant(), query()).await.unwrap().items, candidates(10).items);
        }
        connections.wait_for(|connections| connections.open == 0).await.unwrap();
    }
}

#[tokio::test]
async fn nodes_that_hang_and_drip_end_each_search_in_time_and_hold_no_connection() {
    let [(hanging, mut hung), (dripping, mut dripped)] = [(); 2].map(|()| watch::channel(Connections::default()));
    let nodes = nodes(&[serve(Behaviour::Hangs(hanging)).await, serve(Behaviour::Drips(dripping)).await]);
    let mut before = [0; 2];
    for is_known in [false, true] {
        let short = CandidateQuery { time: Duration::from_millis(200), ..query() };
        let all = futures::future::join_all((0..50).map(|_| nodes.find(tenant(), short.clone())));
        let found = tokio::time::timeout(Duration::from_secs(3), all).await.unwrap();
        assert!(found.iter().all(|found| matches!(found, Err(SearchError::Backend(_)))), "{found:?}");
        for (connections, before) in [&mut hung, &mut dripped].into_iter().zip(&mut before) {
            let all = connections.wait_for(|connections| connections.open == 0).await.unwrap().all;
            let calls = all - std::mem::replace(before, all);
            // Some connections are accepted after their calls have ended.
            assert_eq!(calls < 10, is_known, "{calls} calls");
        }
    }
}

#[tokio::test]
async fn the_longest_query_arrives_although_it_grows() {
    // Each character has six in JSON, and there is no blank between the terms.
    let text = format!("w{}{}", "\u{1}".repeat(978), "\"a\"".repeat(15));
    assert_eq!(text.chars().count(), 1_024);
    let scope: Vec<ChannelId> = (0..10_000).map(channel).collect();
    let sent = CandidateQuery { query: text.parse().unwrap(), scope: SearchScope::Channels(scope), ..query() };
    let expected = sent.clone();
    let mut index = MockSearchIndex::new();
    index.expect_find().times(1).return_once(move |_, found| {
        assert_eq!(CandidateQuery { time: expected.time, ..found }, expected);
        Ok(candidates(10))
    });
    let nodes = nodes(&[serve(Behaviour::Answers(node(index))).await]);
    nodes.find(tenant(), sent).await.unwrap();
}

#[tokio::test]
async fn the_reason_of_a_node_that_refuses_names_the_key() {
    let nodes = nodes(&[serve(Behaviour::Refuses).await]);
    let Err(SearchError::Backend(source)) = nodes.find(tenant(), query()).await else { panic!("it has an answer") };
    assert_eq!(source.to_string(), "the node has another admin key, and rejected the token");
}

#[test]
fn a_token_does_not_show_its_key() {
    let token = token(KEY.as_bytes());
    assert!(token.len() == 64 && !token.contains(KEY), "{token}");
    assert_ne!(token, super::token(b"another-key"));
}

#[tokio::test]
async fn a_process_with_nodes_changes_no_index() {
    let nodes = nodes(&["http://127.0.0.1:1".to_owned()]);
    assert!(!nodes.acquire().await.unwrap());
    assert!(matches!(nodes.remove(tenant()).await, Err(SearchError::Locked)));
    assert!(matches!(nodes.purge(tenant()).await, Err(SearchError::Locked)));
    assert!(matches!(nodes.rebuild(tenant()).await.map(drop), Err(SearchError::Locked)));
}

#[tokio::test]
async fn what_is_no_request_has_no_response() {
    let node = node(MockSearchIndex::new());
    let find = |change: fn(&mut CandidateQuery)| {
        let mut query = query();
        change(&mut query);
        let find = wire::Find::new(&query, Duration::ZERO);
        serde_json::to_string(&wire::Request::new(tenant(), wire::Call::Find(find))).unwrap()
    };
    let whole = find(|_| {});
    for body in [
        String::new(),
        "{}".to_owned(),
        whole[1..].to_owned(),
        whole.replacen("京都", "form:x", 1),
        whole.replacen("geflüster", "", 1),
        find(|query| query.limit = 0),
        find(|query| query.limit = 201),
    ] {
        assert_eq!(node.answer(body.as_bytes()).await, None, "{body}");
    }
    // A program with other words.
    let other = whole.replacen("tokenizer\":\"", "tokenizer\":\"x", 1);
    assert_eq!(node.answer(other.as_bytes()).await.unwrap(), b"\"failed\"");
}
