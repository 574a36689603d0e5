//! Threads: the lists that contain them, the paging of the lists, and the place of the first message.

use std::collections::BTreeSet;

use discord_simulator::{Archive, ChannelPlan, HISTORY_END_MS, Origin, Rights, ThreadPlan, iso, kind, parse_iso};
use serde_json::Value;

use crate::client::{channel_with, get, get_json, guild, ids};

fn thread() -> ThreadPlan {
    ThreadPlan::new(kind::PUBLIC_THREAD, Origin::Message, 2)
}

fn archive_us(thread: &Value) -> u64 {
    parse_iso(thread["thread_metadata"]["archive_timestamp"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn archived_threads_are_paged_by_time_strictly_before() {
    let (simulator, channel) = channel_with(600, vec![thread().archived(Archive::AfterLast); 250]).await;
    let path = format!("/channels/{channel}/threads/archived/public?limit=100");
    let (mut found, mut query, mut sizes) = (BTreeSet::new(), String::new(), Vec::new());
    loop {
        let page = get_json(&simulator, &format!("{path}{query}")).await;
        let threads = page["threads"].as_array().unwrap();
        assert!(threads.is_sorted_by(|one, other| archive_us(one) >= archive_us(other)));
        sizes.push(threads.len());
        found.extend(ids(&page["threads"]));
        if page["has_more"] == false {
            break;
        }
        query = format!("&before={}", iso(archive_us(threads.last().unwrap())).replace('+', "%2B"));
    }
    assert_eq!((found.len(), sizes), (250, vec![100, 100, 50]));
}

#[tokio::test]
async fn threads_archived_at_one_moment_are_lost_to_who_pages_by_time_alone() {
    let at = HISTORY_END_MS * 1000 + 7;
    let (simulator, channel) = channel_with(400, vec![thread().archived(Archive::At(at)); 150]).await;
    let path = format!("/channels/{channel}/threads/archived/public?limit=100");
    let first = get_json(&simulator, &path).await;
    assert_eq!((ids(&first["threads"]).len(), &first["has_more"]), (100, &Value::Bool(true)));
    let before = |us: u64| format!("{path}&before={}", iso(us).replace('+', "%2B"));
    let strictly = get_json(&simulator, &before(at)).await;
    assert_eq!((ids(&strictly["threads"]).len(), &strictly["has_more"]), (0, &Value::Bool(false)));
    let overlapping = get_json(&simulator, &before(at + 1)).await;
    assert_eq!(overlapping["threads"], first["threads"]);
    let mut found = BTreeSet::new();
    let mut max = u64::MAX;
    loop {
        let search = format!("/channels/{channel}/threads/search?archived=true&sort_by=creation_time&max_id={max}");
        let page = get_json(&simulator, &search).await;
        found.extend(ids(&page["threads"]));
        let Some(lowest) = ids(&page["threads"]).into_iter().min() else { break };
        max = lowest;
    }
    assert_eq!(found.len(), 150);
}

#[tokio::test]
async fn a_limit_of_one_is_refused_and_so_is_a_raw_plus() {
    let (simulator, channel) = channel_with(20, vec![thread().archived(Archive::AfterLast); 3]).await;
    for list in ["threads/archived/public", "users/@me/threads/archived/private"] {
        let path = format!("/channels/{channel}/{list}");
        assert_eq!(get(&simulator, &format!("{path}?limit=1")).await.refusal(), (400, 50035));
        assert_eq!(get(&simulator, &format!("{path}?limit=101")).await.refusal(), (400, 50035));
    }
    let path = format!("/channels/{channel}/threads/archived/public?before=2026-11-01T00:00:00");
    assert_eq!(get(&simulator, &format!("{path}+00:00")).await.refusal(), (400, 50035));
    assert_eq!(ids(&get_json(&simulator, &format!("{path}%2B00:00")).await["threads"]).len(), 3);
    assert_eq!(ids(&get_json(&simulator, &format!("{path}Z")).await["threads"]).len(), 3);
}

#[tokio::test]
async fn private_threads_show_to_members_and_the_joined_ones_are_paged_by_id() {
    let private = ThreadPlan::new(kind::PRIVATE_THREAD, Origin::Standalone, 3);
    let mut threads = vec![private.clone().joined().archived(Archive::AfterLast); 9];
    threads.extend([private.clone().archived(Archive::AfterLast), private.clone().joined(), private]);
    let (simulator, channel) = channel_with(100, threads).await;
    let path = format!("/channels/{channel}/users/@me/threads/archived/private?limit=4");
    let (mut found, mut before) = (Vec::new(), u64::MAX);
    loop {
        let page = get_json(&simulator, &format!("{path}&before={before}")).await;
        let listed = ids(&page["threads"]);
        assert!(listed.is_sorted_by(|one, other| one > other));
        assert_eq!(page["members"].as_array().unwrap().len(), listed.len());
        found.extend(listed.iter().copied());
        if page["has_more"] == false {
            break;
        }
        before = *listed.last().unwrap();
    }
    assert_eq!(found.len(), 9);
    let all = get(&simulator, &format!("/channels/{channel}/threads/archived/private")).await;
    assert_eq!(all.refusal(), (403, 50013), "needs MANAGE_THREADS");
    let active = get_json(&simulator, &format!("/guilds/{}/threads/active", simulator.guild_id())).await;
    assert_eq!(active["threads"].as_array().unwrap().len(), 1, "only the joined one is seen");
    let hidden = *simulator.threads(channel).last().unwrap();
    assert_eq!(get(&simulator, &format!("/channels/{hidden}/messages")).await.refusal(), (403, 50001));
}

#[tokio::test]
async fn the_first_message_is_in_the_parent_of_a_text_thread_and_in_a_forum_post_itself() {
    let post = ThreadPlan::new(kind::PUBLIC_THREAD, Origin::Post, 3);
    let orphan = ThreadPlan { starter_deleted: true, ..thread() };
    let simulator = guild(vec![
        ChannelPlan::new("general", kind::TEXT, 50).threads(vec![thread(), orphan]),
        ChannelPlan::new("forum", kind::FORUM, 0).threads(vec![post]),
    ])
    .await;
    let general = simulator.channel("general").unwrap();
    let [with_starter, without] = simulator.threads(general)[..] else { panic!("two threads") };
    let starter = get_json(&simulator, &format!("/channels/{general}/messages/{with_starter}")).await;
    assert_eq!(starter["thread"]["id"], with_starter.to_string());
    assert_eq!(starter["flags"].as_u64().unwrap() & 32, 32);
    let inside = get(&simulator, &format!("/channels/{with_starter}/messages/{with_starter}")).await;
    assert_eq!(inside.refusal(), (404, 10008));
    let rows = get_json(&simulator, &format!("/channels/{with_starter}/messages?after=0&limit=1")).await;
    assert_eq!((&rows[0]["type"], &rows[0]["referenced_message"]["id"]), (&21.into(), &starter["id"]));
    assert_eq!(get(&simulator, &format!("/channels/{general}/messages/{without}")).await.refusal(), (404, 10008));
    let rows = get_json(&simulator, &format!("/channels/{without}/messages?after=0&limit=1")).await;
    assert_eq!((&rows[0]["type"], &rows[0]["referenced_message"]), (&21.into(), &Value::Null));
    let post = simulator.threads(simulator.channel("forum").unwrap())[0];
    let first = get_json(&simulator, &format!("/channels/{post}/messages/{post}")).await;
    assert_eq!(first["id"], post.to_string());
}

#[tokio::test]
async fn a_standalone_thread_is_announced_in_its_parent() {
    let (simulator, channel) =
        channel_with(30, vec![ThreadPlan::new(kind::PUBLIC_THREAD, Origin::Standalone, 2)]).await;
    let thread = get_json(&simulator, &format!("/channels/{}", simulator.threads(channel)[0])).await;
    let rows = get_json(&simulator, &format!("/channels/{channel}/messages?limit=100")).await;
    let row = rows.as_array().unwrap().iter().find(|row| row["type"] == 18).unwrap();
    assert_eq!((&row["content"], &row["message_reference"]["channel_id"]), (&thread["name"], &thread["id"]));
}

#[tokio::test]
async fn lists_of_threads_need_the_right_parent_and_history() {
    let simulator = guild(vec![
        ChannelPlan::new("voice", kind::VOICE, 5),
        ChannelPlan::new("no-history", kind::TEXT, 5).rights(Rights::NoHistory),
    ])
    .await;
    let list = async |name: &str| {
        let id = simulator.channel(name).unwrap();
        get(&simulator, &format!("/channels/{id}/threads/archived/public")).await.refusal()
    };
    assert_eq!(list("voice").await, (400, 50024));
    assert_eq!(list("no-history").await, (403, 50001));
}
