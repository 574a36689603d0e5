//! The responses and errors of the REST API.

use discord_simulator::{Act, BotChange, ChannelPlan, GuildSize, Options, Rights, Simulator, kind, ms_of};
use http::{Method, Request, header};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::client::{call, channel_of, exchange, get, get_json, guild, ids, walk_back};

#[tokio::test]
async fn a_wrong_or_missing_token_is_refused() {
    let (simulator, _) = channel_of(1).await;
    for token in [None, Some("Bot wrong"), Some("Bearer x")] {
        let mut request = Request::get("/api/v10/users/@me").header(header::HOST, "localhost");
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, token);
        }
        let reply = exchange(&simulator, request.body(Full::default()).unwrap()).await.unwrap();
        assert_eq!((reply.refusal(), reply.json()["message"].clone()), ((401, 0), json!("401: Unauthorized")));
    }
    for base in ["/api/v10", "/api/v9", "/api"] {
        assert_eq!(call(&simulator, Method::GET, &format!("{base}/users/@me"), Value::Null).await.status, 200);
    }
}

#[tokio::test]
async fn walking_back_and_walking_up_see_every_message_once() {
    let (simulator, channel) = channel_of(1_003).await;
    let expected: Vec<u64> = ids(&Value::Array(simulator.messages(channel, 0, usize::MAX))).into_iter().rev().collect();
    assert_eq!(expected.len(), 1_003);
    assert_eq!(walk_back(&simulator, channel, 100).await, expected);
    assert_eq!(walk_back(&simulator, channel, 7).await, expected);
    let (mut up, mut after): (Vec<u64>, u64) = (Vec::new(), 0);
    loop {
        let mut page = ids(&get_json(&simulator, &format!("/channels/{channel}/messages?after={after}")).await);
        let Some(highest) = page.iter().copied().max() else { break };
        assert!(page.iter().all(|id| *id > after));
        page.sort_unstable();
        up.extend(page);
        after = highest;
    }
    up.reverse();
    assert_eq!(up, expected);
}

#[tokio::test]
async fn pages_are_newest_first_but_for_messages_of_one_millisecond() {
    let (simulator, channel) = channel_of(2_000).await;
    let mut before = u64::MAX;
    let mut swapped = 0;
    loop {
        let path = format!("/channels/{channel}/messages?limit=100&before={before}");
        let page = ids(&get_json(&simulator, &path).await);
        for pair in page.windows(2) {
            assert!(ms_of(pair[0]) >= ms_of(pair[1]));
            swapped += usize::from(pair[0] < pair[1]);
        }
        let Some(lowest) = page.iter().copied().min() else { break };
        before = lowest;
    }
    assert!(swapped > 3, "{swapped}");
}

#[tokio::test]
async fn around_shows_both_sides_of_a_message() {
    let (simulator, channel) = channel_of(50).await;
    let all = ids(&Value::Array(simulator.messages(channel, 0, 50)));
    let mut page =
        ids(&get_json(&simulator, &format!("/channels/{channel}/messages?limit=5&around={}", all[20])).await);
    page.sort_unstable();
    assert_eq!(page, all[18..23]);
}

#[tokio::test]
async fn bad_queries_are_refused_with_the_name_of_the_field() {
    let (simulator, channel) = channel_of(5).await;
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("before=x", "before"),
        ("before=5&after=3", "before"),
    ] {
        let reply = get(&simulator, &format!("/channels/{channel}/messages?{query}")).await;
        assert_eq!(reply.refusal(), (400, 50035), "{query}");
        assert!(reply.json()["errors"][field]["_errors"][0]["code"].is_string(), "{query}");
    }
    assert_eq!(get(&simulator, "/nowhere").await.refusal(), (404, 0));
    let path = format!("/api/v10/channels/{channel}/messages");
    assert_eq!(call(&simulator, Method::DELETE, &path, Value::Null).await.status, 405);
}

#[tokio::test]
async fn what_the_bot_may_not_do_decides_what_it_is_told() {
    let simulator = guild(vec![
        ChannelPlan::new("Category", kind::CATEGORY, 0),
        ChannelPlan::new("hidden", kind::TEXT, 5).rights(Rights::Hidden),
        ChannelPlan::new("no-history", kind::TEXT, 5).rights(Rights::NoHistory),
        ChannelPlan::new("no-connect", kind::VOICE, 5).rights(Rights::NoConnect),
        ChannelPlan::new("voice", kind::VOICE, 5),
        ChannelPlan::new("forum", kind::FORUM, 0),
        ChannelPlan::new("staff", kind::TEXT, 5).rights(Rights::Staff),
    ])
    .await;
    let messages = async |name: &str| {
        let id = simulator.channel(name).unwrap();
        get(&simulator, &format!("/channels/{id}/messages")).await
    };
    assert_eq!(messages("hidden").await.refusal(), (403, 50001));
    assert_eq!(messages("no-connect").await.refusal(), (403, 50001));
    assert_eq!(messages("Category").await.refusal(), (400, 50024));
    assert_eq!(messages("forum").await.refusal(), (400, 50024));
    let silent = messages("no-history").await;
    assert_eq!((silent.status.as_u16(), silent.json()), (200, json!([])));
    assert_eq!(ids(&messages("voice").await.json()).len(), 5);
    assert_eq!(ids(&messages("staff").await.json()).len(), 5);
    assert_eq!(get(&simulator, "/channels/7/messages").await.refusal(), (404, 10003));
    assert_eq!(get(&simulator, "/guilds/7").await.refusal(), (404, 10004));
    let listed = ids(&get_json(&simulator, &format!("/guilds/{}/channels", simulator.guild_id())).await);
    assert!(!listed.contains(&simulator.channel("hidden").unwrap()));
    assert_eq!(listed.len(), 6);
    let hidden = simulator.channel("hidden").unwrap();
    assert_eq!(simulator.ledger(hidden).unwrap().unreadable, Some("no access"));
}

#[tokio::test]
async fn without_the_content_intent_bodies_are_empty_everywhere() {
    let (simulator, channel) = channel_of(300).await;
    simulator.act(Act::SetBot { change: BotChange { content: Some(false), ..BotChange::default() } }).unwrap();
    let page = get_json(&simulator, &format!("/channels/{channel}/messages?limit=100")).await;
    for message in page.as_array().unwrap() {
        assert_eq!(message["content"], "");
        for field in ["embeds", "attachments", "components"] {
            assert_eq!(message[field], json!([]));
        }
        assert!(message.get("poll").is_none());
    }
    let flags = get_json(&simulator, "/applications/@me").await["flags"].as_u64().unwrap();
    assert_eq!(flags & (1 << 18 | 1 << 19), 0);
}

#[tokio::test]
async fn single_messages_are_found_and_missing_ones_are_unknown() {
    let (simulator, channel) = channel_of(20).await;
    let all = ids(&Value::Array(simulator.messages(channel, 0, 20)));
    let one = get_json(&simulator, &format!("/channels/{channel}/messages/{}", all[7])).await;
    assert_eq!(one["id"], all[7].to_string());
    let missing = get(&simulator, &format!("/channels/{channel}/messages/{}", all[7] + 8)).await;
    assert_eq!(missing.refusal(), (404, 10008));
}

#[tokio::test]
async fn the_large_guild_has_every_kind_of_message() {
    let simulator = Simulator::start(Options::new(1, GuildSize::Large).manual_clock().unlimited()).await.unwrap();
    let general = simulator.channel("general").unwrap();
    let mut types = std::collections::BTreeSet::new();
    let mut fields = std::collections::BTreeSet::new();
    let mut flags = 0;
    let mut after = 0;
    for _ in 0..20 {
        let page = simulator.messages(general, after, 2_000);
        after = ids(&Value::Array(page.clone())).last().copied().unwrap();
        for message in page {
            types.insert(message["type"].as_u64().unwrap());
            flags |= message["flags"].as_u64().unwrap();
            fields.extend(message.as_object().unwrap().keys().cloned());
        }
    }
    for kind in [0, 6, 7, 8, 9, 10, 11, 12, 18, 19, 20, 23, 24, 46, 30, 44, 200] {
        assert!(types.contains(&kind), "type {kind} of {types:?}");
    }
    for field in [
        "poll",
        "message_snapshots",
        "sticker_items",
        "webhook_id",
        "interaction_metadata",
        "reactions",
        "mention_channels",
        "role_subscription_data",
        "field_of_tomorrow",
    ] {
        assert!(fields.contains(field), "{field}");
    }
    for bit in [1, 5, 13, 14, 15, 40] {
        assert_ne!(flags & 1 << bit, 0, "flag {bit}");
    }
}

#[tokio::test]
async fn replies_say_whether_the_message_is_gone_or_was_not_fetched() {
    let (simulator, channel) = channel_of(3_000).await;
    let (mut there, mut gone, mut absent) = (0, 0, 0);
    let mut before = u64::MAX;
    loop {
        let path = format!("/channels/{channel}/messages?limit=100&before={before}");
        let page = get_json(&simulator, &path).await;
        for message in page.as_array().unwrap().iter().filter(|message| message["type"] == 19) {
            match message.get("referenced_message") {
                None => absent += 1,
                Some(Value::Null) => gone += 1,
                Some(other) => {
                    assert_eq!(other["id"], message["message_reference"]["message_id"]);
                    assert!(other.get("referenced_message").is_none(), "nested once only");
                    there += 1;
                }
            }
        }
        let Some(lowest) = ids(&page).into_iter().min() else { break };
        before = lowest;
    }
    assert!(there > 100 && gone > 3 && absent > 3, "{there} {gone} {absent}");
}

#[tokio::test]
async fn reactions_are_listed_by_rising_user_id_and_kind() {
    let (simulator, channel) = channel_of(3_000).await;
    let messages = simulator.messages(channel, 0, 3_000);
    let (mut pages, mut bursts) = (0, 0);
    for message in &messages {
        let id = message["id"].as_str().unwrap();
        for reaction in message["reactions"].as_array().into_iter().flatten() {
            let emoji = &reaction["emoji"];
            let name = emoji["name"].as_str().unwrap_or("gone");
            if name == "⛷🏽" {
                continue;
            }
            let key = emoji["id"].as_str().map_or_else(|| name.to_owned(), |id| format!("{name}:{id}"));
            let key = percent_encoding::utf8_percent_encode(&key, percent_encoding::NON_ALPHANUMERIC);
            for (kind, count) in [(0, "normal"), (1, "burst")] {
                let total = reaction["count_details"][count].as_u64().unwrap();
                if total < 100 && (kind == 0 || total == 0) {
                    continue;
                }
                bursts += kind;
                let (mut found, mut after) = (Vec::new(), 0);
                loop {
                    let path = format!(
                        "/channels/{channel}/messages/{id}/reactions/{key}?limit=100&type={kind}&after={after}"
                    );
                    let page = ids(&get_json(&simulator, &path).await);
                    let Some(last) = page.last() else { break };
                    after = *last;
                    pages += 1;
                    found.extend(page);
                }
                assert!(found.is_sorted());
                assert_eq!(found.len() as u64, total);
            }
        }
    }
    assert!(pages > 3 && bursts > 0, "{pages} {bursts}");
    let id = messages[0]["id"].as_str().unwrap();
    let path = format!("/channels/{channel}/messages/{id}/reactions/%E2%9B%B7%F0%9F%8F%BD");
    assert_eq!(get(&simulator, &path).await.refusal(), (400, 10014));
}

#[tokio::test]
async fn poll_answers_name_as_many_voters_as_they_count() {
    let (simulator, channel) = channel_of(3_000).await;
    let mut polls = 0;
    for message in simulator.messages(channel, 0, 3_000).iter().filter(|m| m["poll"]["results"].is_object()) {
        let id = message["id"].as_str().unwrap();
        for count in message["poll"]["results"]["answer_counts"].as_array().unwrap() {
            let path = format!("/channels/{channel}/polls/{id}/answers/{}?limit=100", count["id"]);
            let voters = get_json(&simulator, &path).await;
            assert_eq!(voters["users"].as_array().unwrap().len() as u64, count["count"].as_u64().unwrap());
            polls += 1;
        }
    }
    assert!(polls > 5);
}

#[tokio::test]
async fn pins_are_paged_by_the_moment_of_pinning() {
    let (simulator, channel) = channel_of(3_000).await;
    let (mut found, mut query) = (Vec::new(), String::new());
    loop {
        let page = get_json(&simulator, &format!("/channels/{channel}/messages/pins?limit=7{query}")).await;
        let items = page["items"].as_array().unwrap();
        found.extend(items.iter().map(|item| item["message"]["id"].as_str().unwrap().to_owned()));
        assert!(items.iter().all(|item| item["message"]["pinned"] == true));
        if page["has_more"] == false {
            break;
        }
        query = format!("&before={}", items.last().unwrap()["pinned_at"].as_str().unwrap().replace('+', "%2B"));
    }
    let pinned = simulator.messages(channel, 0, 3_000);
    let mut pinned: Vec<String> = pinned
        .iter()
        .filter(|message| message["pinned"] == true)
        .map(|message| message["id"].as_str().unwrap().to_owned())
        .collect();
    pinned.reverse();
    assert!(pinned.len() > 20);
    assert_eq!(found, pinned);
}

#[tokio::test]
async fn members_need_the_intent_and_come_by_rising_id() {
    let (simulator, _) = channel_of(1).await;
    let path = format!("/guilds/{}/members", simulator.guild_id());
    assert_eq!(get_json(&simulator, &path).await.as_array().unwrap().len(), 1, "the default limit is 1");
    let (mut found, mut after) = (Vec::new(), 0);
    loop {
        let page = get_json(&simulator, &format!("{path}?limit=50&after={after}")).await;
        let users: Vec<u64> =
            page.as_array().unwrap().iter().map(|m| m["user"]["id"].as_str().unwrap().parse().unwrap()).collect();
        let Some(last) = users.last() else { break };
        after = *last;
        found.extend(users);
    }
    assert!(found.is_sorted() && found.len() > 100);
    simulator.act(Act::SetBot { change: BotChange { members: Some(false), ..BotChange::default() } }).unwrap();
    assert_eq!(get(&simulator, &path).await.refusal(), (403, 50001));
}

#[tokio::test]
async fn an_address_of_a_file_expires_and_can_be_refreshed() {
    let (simulator, channel) = channel_of(400).await;
    let page = get_json(&simulator, &format!("/channels/{channel}/messages?limit=100")).await;
    let file = page.as_array().unwrap().iter().find_map(|message| message["attachments"].get(0)).unwrap();
    let url = file["url"].as_str().unwrap().to_owned();
    let host = format!("http://{}", simulator.address());
    let fetch = async |url: &str| {
        let request = Request::get(url.strip_prefix(&host).unwrap()).header(header::HOST, "localhost");
        exchange(&simulator, request.body(Full::default()).unwrap()).await.unwrap()
    };
    let got = fetch(&url).await;
    assert_eq!((got.status.as_u16(), got.body.len() as u64), (200, file["size"].as_u64().unwrap()));
    simulator.clock().advance(2 * 86_400_000);
    assert_eq!(fetch(&url).await.status, 404);
    let asked = json!({"attachment_urls": [url, "https://example.org/nothing"]});
    let fresh = call(&simulator, Method::POST, "/api/v10/attachments/refresh-urls", asked).await.json();
    let fresh = &fresh["refreshed_urls"];
    assert_eq!(fresh[1]["refreshed"], Value::Null);
    assert_eq!(fetch(fresh[0]["refreshed"].as_str().unwrap()).await.status, 200);
}

#[tokio::test]
async fn the_bot_learns_who_it_is_and_where_to_go() {
    let (simulator, _) = channel_of(1).await;
    let gateway = get_json(&simulator, "/gateway/bot").await;
    assert_eq!(gateway["url"], simulator.gateway_url());
    assert_eq!(gateway["session_start_limit"]["remaining"], 1000);
    let me = get_json(&simulator, "/users/@me").await;
    assert_eq!(me["bot"], true);
    let guilds = get_json(&simulator, "/users/@me/guilds").await;
    assert_eq!(ids(&guilds), [simulator.guild_id()]);
    assert_eq!(get_json(&simulator, &format!("/users/@me/guilds?after={}", simulator.guild_id())).await, json!([]));
    let roles = get_json(&simulator, &format!("/guilds/{}/roles", simulator.guild_id())).await;
    assert!(ids(&roles).contains(&simulator.guild_id()), "@everyone has the id of the guild");
}
