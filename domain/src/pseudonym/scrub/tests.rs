use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::{PseudonymKey, Pseudonymizer};
use super::{MessageScrub, Part};
use crate::tenant::TenantId;

const ID: &str = "80351110224678912";
const OTHER: &str = "184405311681986560";
const HASH: &str = "5afe0bad5afe0bad5afe0bad5afe0bad";

fn people() -> Pseudonymizer {
    Pseudonymizer::new(&PseudonymKey::new([1; 32]), TenantId(Uuid::nil()))
}

/// `value` as a part of a message that consists of it.
fn scrubbed(part: Part, value: Value) -> Value {
    let people = people();
    let mut scrub = people.message();
    scrub.learn(&value);
    scrub.value(part, value)
}

fn text(text: &str) -> String {
    people().text(text).into_owned()
}

fn full_width(text: &str) -> String {
    text.chars().map(|letter| char::from_u32(u32::from(letter) + 0xfee0).unwrap()).collect()
}

fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut written, byte| {
        write!(written, "%{byte:02X}").unwrap();
        written
    })
}

#[test]
fn people_in_a_text_become_pseudonyms() {
    let person = people().person(ID);
    for (text, scrubbed) in [
        (format!("hi <@{ID}> and <@!{ID}>!"), format!("hi <@{person}> and <@{person}>!")),
        ("@Anna and a@Ann stay".to_owned(), "@Anna and a@Ann stay".to_owned()),
        (format!("plain {ID} and <#{ID}> and <@&{ID}> stay"), format!("plain {ID} and <#{ID}> and <@&{ID}> stay")),
        (
            format!("https://cdn.discordapp.com/avatars/{ID}/{HASH}.png"),
            format!("https://cdn.discordapp.com/avatars/{person}"),
        ),
        ("<@> <@!> @ / <@1".to_owned(), "<@> <@!> @ / <@1".to_owned()),
    ] {
        assert_eq!(people().text(&text), scrubbed);
    }
}

#[test]
fn a_mention_is_one_in_any_spelling() {
    let person = people().person(ID);
    let wide = full_width(ID);
    for spelling in [
        format!("<@{ID}"),
        format!("<@{ID} >"),
        format!("<@ {ID}>"),
        format!("< @ ! {ID} >"),
        format!("<@{} {}>", &ID[..3], &ID[3..]),
        format!("<@!{} {}\u{a0}{} >", &ID[..3], &ID[3..5], &ID[5..]),
        format!("<@{}  {}>", &ID[..16], &ID[16..]),
        format!("<@!{ID}"),
        format!("<@{wide}>"),
        format!("＜＠{wide}＞"),
        format!("@{ID}"),
        format!("<@\u{200b}{ID}>"),
        percent(&format!("<@{ID}>")),
        percent(&percent(&format!("<@{ID}>"))),
        percent(&format!("<@{wide}>")),
        format!("<@{}>", ID.replace('8', "\u{668}").replace('0', "\u{660}")),
        format!("\\u003c@{ID}\\u003e"),
    ] {
        assert_eq!(text(&format!("a {spelling} b")), format!("a <@{person}> b").replace("> b", "> b"), "{spelling}");
    }
}

#[test]
fn no_address_of_a_person_keeps_an_id_or_a_hash() {
    let nested = |address: &str| percent(address).replace("%68%74%74%70%73", "https");
    let cdn = "https://cdn.discordapp.com";
    let avatar = format!("{cdn}/avatars/{ID}/{HASH}.png");
    for address in [
        avatar.clone(),
        format!("{avatar}?size=128"),
        format!("{cdn}/avatars/{ID}/a_{HASH}.gif"),
        format!("https://media.discordapp.net/avatars/{ID}/{HASH}.webp?size=64"),
        format!(
            "https://images-ext-1.discordapp.net/external/SIG/%3Fsize%3D256/https/cdn.discordapp.com/avatars/{ID}/{HASH}.png"
        ),
        format!("https://images-ext-2.discordapp.net/external/SIG/{}", nested(&avatar)),
        format!("https://cards.example/rank.png?avatar={}&level=3", percent(&avatar)),
        format!("https://cards.example/rank.png?avatar={}&level=3", percent(&percent(&avatar))),
        format!("{cdn}/banners/{ID}/{HASH}.png"),
        format!("{cdn}/guilds/100000000000000001/users/{ID}/avatars/{HASH}.png"),
        format!("{cdn}/guilds/100000000000000001/users/{ID}/banners/{HASH}.png"),
        format!("{cdn}/avatar-decorations/{ID}/{HASH}.png"),
        format!("{cdn}/avatar-decoration-presets/a_{HASH}.png"),
        format!("{cdn}/clan-badges/100000000000000001/{HASH}.png"),
        format!("{cdn}/guild-tag-badges/100000000000000001/{HASH}.png"),
        format!("HTTPS://CDN.DISCORDAPP.COM/AVATARS/{ID}/{}.PNG", HASH.to_uppercase()),
        format!("https:\\/\\/cdn.discordapp.com\\/avatars\\/{ID}\\/{HASH}.png"),
        format!("https://discord.com/users/{ID}"),
        format!("https://discord.com/Users/{ID}"),
        format!("https://discord.com/users%2F{ID}"),
        format!("discord://-/users/{ID}"),
        format!("https://cards.example/?user_id={ID}"),
        format!("https://discord.com/api/webhooks/{ID}/token"),
        format!("spotify:{ID}"),
        format!("{cdn}/avatars/{}/{HASH}.png", full_width(ID)),
        format!("{cdn}/avatars/{ID}\n{HASH}.png"),
        format!("{cdn}/avatars/{ID}/ \n/a_{HASH}.gif"),
        format!("{cdn}/assets/collectibles/nameplates/{HASH}/static.png"),
        format!("https://discord.com/channels/@me/{ID}"),
        format!("https://lookup.guru/{ID}"),
        format!("https://www.lookup.guru/{ID}"),
    ] {
        for place in [format!("see {address} here"), format!("[x]({address})"), address.clone()] {
            let scrubbed = text(&place);
            let plain = scrubbed.to_lowercase();
            let traces = [ID, HASH, &percent(ID).to_lowercase(), &full_width(ID)];
            assert!(traces.iter().all(|trace| !plain.contains(trace)), "{place}: {scrubbed}");
            assert_eq!(place.ends_with(" here"), scrubbed.ends_with(" here"), "{scrubbed}");
        }
        let hidden = scrubbed(Part::Hidden, json!({"a": {"deep": [address]}, address.as_str(): 1})).to_string();
        assert!(!hidden.contains(ID) && !hidden.to_lowercase().contains(HASH), "{hidden}");
    }
}

#[test]
fn addresses_of_other_things_stay() {
    for kept in [
        "https://cdn.discordapp.com/attachments/100000000000000001/100000000000000002/a.png",
        "https://cdn.discordapp.com/emojis/100000000000000001.png",
        "https://cdn.discordapp.com/icons/100000000000000001/5afe0bad5afe0bad5afe0bad5afe0bad.png",
        "https://discord.com/channels/100000000000000001/100000000000000002/100000000000000003",
        "https://example.org/avatars/alice.png",
        "<:spotify:100000000000000001> <a:user:100000000000000002>",
        "https://example.org/100%25/a%20b?c=d",
    ] {
        assert_eq!(text(kept), kept);
        assert_eq!(scrubbed(Part::Hidden, json!({ "a": kept })), json!({ "a": kept }));
    }
}

#[test]
fn a_mention_in_our_own_form_cannot_be_forged() {
    let own = people().person(ID);
    let wanted = format!("<\u{200b}@{own}> <\u{200b}@!{own}> <@{own}>");
    let given = format!("<@{own}> <@!{own}> <@{ID}>");
    assert_eq!(text(&given), wanted);
    assert_eq!(text(&given), text(&given), "stable");
    let embed = scrubbed(Part::Embed, json!([{"description": given, "fields": [{"name": given, "value": given}]}]));
    assert_eq!(embed[0]["description"], wanted);
    assert_eq!(embed[0]["fields"][0]["value"], wanted);
    assert_eq!(scrubbed(Part::Snapshot, json!([{"message": {"content": given}}]))[0]["message"]["content"], wanted);
    assert_eq!(scrubbed(Part::Poll, json!({"question": {"text": given}}))["question"]["text"], wanted);
}

#[test]
fn what_is_no_person_stays() {
    for value in [
        json!({"role": {"id": "100000000000000001", "name": "Role", "color": null, "position": 3}}),
        json!({"emoji": {"id": "100000000000000001", "name": "thumbsup", "animated": false}}),
        json!({"inlineEmojis": [{"id": "100000000000000001", "name": "a", "imageUrl": "https://cdn.discordapp.com/emojis/100000000000000001.png"}]}),
        json!({"mention_roles": ["100000000000000001"], "applied_tags": ["100000000000000001"]}),
        json!({"channel_id": "100000000000000001", "guildId": "100000000000000002", "message_id": "100000000000000003"}),
        json!({"interaction": {"id": "100000000000000001", "name": "ask", "type": 2}}),
        json!({"mention_channels": [{"id": "100000000000000001", "guild_id": "100000000000000002", "name": "news"}]}),
        json!({"role_subscription_data": {"role_subscription_listing_id": "100000000000000001", "tier_name": "Gold"}}),
        json!({"permission_overwrites": [{"id": "100000000000000001", "type": 0, "allow": "1125899906842624000"}]}),
        json!({"flags": 1_u64 << 60, "rate_limit_per_user": 5, "position": 3, "float": 0.123_456_789_012_345_67}),
        json!({"text": "<#100000000000000001> <:a:100000000000000002> <a:b:100000000000000003> <@&100000000000000004>"}),
    ] {
        assert_eq!(scrubbed(Part::Hidden, value.clone()), value);
    }
}

/// A value with `canary` in a place where Discord or a program has put a person's id.
fn hostile(canary: &str) -> Vec<Value> {
    let number: u64 = canary.parse().unwrap();
    vec![
        json!({"activity": {"type": 3, "party_id": format!("spotify:{canary}")}}),
        json!({"activities": [{"party": {"id": format!("spotify:{canary}")}, "name": "x"}]}),
        json!({"member_ids_preview": [canary, number]}),
        json!({"thread_metadata": {"archiver_id": canary}}),
        json!({"linked_lobby": {"linked_by": canary, "lobby_id": canary}}),
        json!({"lobby_member": {"id": canary, "name": "realname"}}),
        json!({"mentioned_user_ids": [canary]}),
        json!({"participant_ids": [number]}),
        json!({"unknown": {canary: {"a": 1}, "b": {canary: canary}}}),
        json!({"sent_by": canary, "created_by": {"id": canary, "name": "realname"}}),
        json!({"created_by": "realname"}),
        json!({"later": {"id": canary, "name": "realname"}}),
        json!({"later": [[number]], "float": canary.parse::<f64>().unwrap()}),
        json!({"text": format!("rank-{canary}.png and x{canary}y")}),
        json!({"mentions": {"id": canary, "name": "realname"}}),
        json!({"content": {"a": canary, "by": {"id": canary}}}),
        json!({"alert_actions_execution": format!("{{\"actor\":\"{canary}\"}}")}),
        json!({"fields": [{"name": "interaction_user_id", "value": canary}, {"name": "quarantine_user", "value": canary}]}),
        json!({"resolved": {"users": {canary: {"id": canary, "username": "realname"}}, "members": {canary: {"nick": "realname"}}}}),
        json!({"author": {"name": "realname", "icon_url": format!("https://cdn.discordapp.com/avatars/{canary}/{HASH}.png")}}),
        json!({"permission_overwrites": [{"id": canary, "type": 1}, {"id": canary}]}),
        json!({"authorizing_integration_owners": {"0": "100000000000000001", "1": canary, "9": canary}}),
        json!({"application": {"id": canary, "name": "realname", "bot": {"id": canary}}}),
        json!({"userName": "realname", "user": {"nick": "realname"}, "owner_name": "realname", "avatar": HASH}),
        json!({"components": [{"type": 3, "options": [{"label": "realname", "value": canary, "description": "realname"}]}]}),
        json!({"components": [{"type": 2, "label": "realname", "url": format!("https://discord.com/users/{canary}")},
            {"type": 11, "media": {"url": format!("https://cdn.discordapp.com/avatars/{canary}/{HASH}.png")}, "description": "realname"}]}),
        json!({"u": {canary: {"name": "realname"}}, "v": {canary: "realname"}, "w": {canary: ["realname"]}}),
        json!({"nicknames": {canary: "realname"}, "people": [[canary, "realname"], [number, "realname"], ["realname", canary]]}),
        json!({"uploader": canary, "uploaderName": "realname"}),
        json!({"by": canary, "winnerName": "realname", "real_name": "realname"}),
        json!({"starter": canary, "starterName": "realname"}),
        json!({"user_id": canary, "name": "realname"}),
        json!({"user_id": canary, "interaction": {"id": number}, "role_id": canary}),
        json!({"user_profile": {"bio": "realname", "pronouns": "realname", "accent_color": 5}, "custom_status": "realname"}),
    ]
}

#[test]
fn no_id_or_name_is_left_in_what_readers_are_not_shown() {
    for value in hostile(OTHER) {
        let made = scrubbed(Part::Hidden, value.clone()).to_string();
        for trace in [OTHER, "realname", HASH, "18440531168198656"] {
            assert!(!made.contains(trace), "{trace}: {made} of {value}");
        }
    }
}

#[test]
fn what_programs_put_into_components_is_emptied() {
    let made = scrubbed(
        Part::Component,
        json!([{"type": 1, "components": [
            {"type": 3, "custom_id": format!("ban:{OTHER}"), "placeholder": "Who?", "options": [
                {"label": "realname", "value": OTHER, "description": "realname"},
                {"label": "Red", "value": "red", "emoji": {"id": "100000000000000001", "name": "r"}},
            ]},
            {"type": 5, "default_values": [{"id": OTHER, "type": "user"}], "values": [OTHER]},
            {"type": 4, "value": format!("typed {OTHER}"), "label": "Why?"},
            {"type": 2, "label": "realname", "url": format!("https://discord.com/users/{OTHER}")},
            {"type": 11, "media": {"url": format!("https://cdn.discordapp.com/avatars/{OTHER}/{HASH}.png"),
                "placeholder": "thumbhash"}, "description": "realname"},
            {"type": 10, "content": format!("<@{OTHER}> {OTHER}"), "later": OTHER},
        ]}]),
    );
    let said = made.to_string();
    for trace in [OTHER, "realname", HASH, "thumbhash"] {
        assert!(!said.contains(trace), "{trace}: {said}");
    }
    let inner = &made[0]["components"];
    assert_eq!(inner[0]["options"][1]["label"], "Red");
    assert_eq!(inner[0]["options"][1]["emoji"]["id"], "100000000000000001");
    assert_eq!((&inner[0]["placeholder"], &inner[2]["label"]), (&json!("Who?"), &json!("Why?")));
}

#[test]
fn polls_keep_their_words_and_lose_their_voters() {
    let poll = json!({
        "question": {"text": "Why?"},
        "answers": [{"answer_id": 1, "poll_media": {"text": "So", "emoji": {"id": "100000000000000001", "name": "a"}}}],
        "results": {"is_finalized": true, "answer_counts": [{"id": 1, "count": 2, "voters": [OTHER]}]},
    });
    let made = scrubbed(Part::Poll, poll.clone());
    assert_eq!((&made["question"], &made["answers"]), (&poll["question"], &poll["answers"]));
    assert_eq!(made["results"]["answer_counts"][0]["voters"], json!([people().person(OTHER).to_string()]));
}

#[test]
fn an_embed_of_a_person_shows_no_name() {
    let person = people().person(OTHER);
    let generated = person.name().to_string();
    let avatar = format!("https://cdn.discordapp.com/avatars/{OTHER}/{HASH}.png");
    let user = format!("https://discord.com/users/{OTHER}");
    for embed in [
        json!({"author": {"name": "realname#1234", "icon_url": avatar}, "description": "realname joined"}),
        json!({"author": {"name": "realname", "url": user}, "title": "Welcome, realname!"}),
        json!({"author": {"name": "realname", "icon_url": "x_Files/a.png", "proxy_icon_url": avatar}}),
        json!({"author": {"name": "realname"}, "thumbnail": {"url": avatar, "placeholder": HASH}}),
        json!({"author": {"name": "realname"}, "image": {"url": avatar}}),
        json!({"title": "realname", "url": user}),
        json!({"footer": {"text": "Requested by realname", "icon_url": avatar}}),
        json!({"thumbnail": {"url": avatar}, "footer": {"text": "realname"}}),
        json!({"author": {"name": "realname", "iconUrl": format!("x_Files/{HASH}-1A2B3.png")}}),
        json!({"author": {"name": "realname", "icon_url": "https://cdn.discordapp.com/embed/avatars/3.png"}}),
        json!({"author": {"name": "realname", "icon_url": "x_Files\\3-1A2B3.png"}}),
        json!({"author": {"name": "realname", "icon_url": avatar}, "fields": [{"name": "User", "value": "realname"}]}),
        json!({"title": "realname", "description": "realname joined", "thumbnail": {"url": avatar},
            "fields": [{"name": "realname", "value": "**realname**"}], "footer": {"text": "bye realname", "icon_url": "https://example.org/i.png"}}),
        json!({"title": "realname", "description": "realname joined", "image": {"url": avatar}}),
        json!({"title": "realname", "description": "realname joined", "images": [{"url": avatar}]}),
        json!({"title": "realname", "description": "realname joined", "author": {"icon_url": avatar}}),
        json!({"title": "realname", "description": "realname joined", "author": {"name": "", "icon_url": avatar}}),
        json!({"title": "realname", "description": "realname joined", "footer": {"icon_url": avatar}}),
        json!({"title": "realname", "description": "realname joined",
            "thumbnail": {"url": "https://cdn.discordapp.com/embed/avatars/3.png"}}),
        json!({"title": "User info for realname#1234", "description": "realname joined", "thumbnail": {"url": avatar}}),
        json!({"title": "realname's avatar", "description": "realname joined", "image": {"url": avatar}}),
        json!({"author": {"name": "realname"}, "description": "realname joined", "thumbnail": {"url": avatar}}),
        json!({"author": {"name": "realname (someone)", "icon_url": avatar}, "description": "realname joined"}),
        json!({"title": "Rank", "description": "realname", "footer": {"text": "Requested by realname", "icon_url": avatar}}),
        json!({"title": "Joined", "thumbnail": {"url": avatar}, "fields": [{"name": "Who", "value": "realname#0"}]}),
    ] {
        let made = scrubbed(Part::Embed, json!([embed.clone()])).to_string();
        for trace in [OTHER, "realname", HASH] {
            assert!(!made.contains(trace), "{trace}: {made} of {embed}");
        }
    }
    let whole = scrubbed(
        Part::Embed,
        json!([{"author": {"name": "realname", "icon_url": avatar, "url": user}, "description": format!("<@{OTHER}>"),
            "footer": {"text": format!("ID: {OTHER}")}, "color": 5, "timestamp": "2026-03-01T12:00:00Z"}]),
    );
    assert_eq!(
        whole,
        json!([{"author": {"name": generated}, "description": format!("<@{person}>"),
            "footer": {"text": format!("ID: {person}")}, "color": 5, "timestamp": "2026-03-01T12:00:00Z"}])
    );
}

#[test]
fn an_id_that_a_program_labels_as_a_persons_becomes_a_pseudonym() {
    let person = people().person(OTHER);
    for (text, label) in [
        (format!("User ID: {OTHER}"), ""),
        (format!("ID: {OTHER} | Message ID: {ID}"), ""),
        (format!("**ID:** `{OTHER}`"), ""),
        (format!("Member: {OTHER}"), ""),
        (format!("Banned quill#1234 ({OTHER}) in #general ({ID}), <#{ID}> ({ID})"), ""),
        (format!("Channel ID: {ID}\nAuthor ID: {OTHER}."), ""),
        (format!("UserID: {OTHER}, ChannelID: {ID}, AccountID: {OTHER}"), ""),
        (format!("User ID: __{OTHER}__"), ""),
        (OTHER.to_owned(), "User ID"),
        (format!("`{OTHER}`"), "Member"),
    ] {
        let made = scrubbed(Part::Embed, json!([{"fields": [{"name": label, "value": text}]}]));
        assert_eq!(made[0]["fields"][0]["value"], text.replace(OTHER, &person.to_string()));
        if label.is_empty() {
            assert_eq!(
                scrubbed(Part::Embed, json!([{"footer": {"text": text}}]))[0]["footer"]["text"],
                made[0]["fields"][0]["value"]
            );
            let component = scrubbed(Part::Component, json!([{"type": 10, "content": text}]));
            assert_eq!(component[0]["content"], made[0]["fields"][0]["value"]);
        }
    }
    for kept in [
        format!("Message ID: {ID}"),
        format!("#general ({ID}) and <@&{ID}> ({ID})"),
        format!("pi is 3.{ID} and {ID} is large"),
        format!("<:user:{ID}> https://example.org/user-id-{ID} Case ID: {ID}"),
    ] {
        assert_eq!(scrubbed(Part::Embed, json!([{"description": kept}]))[0]["description"], kept);
    }
    let mentioned = scrubbed(Part::Embed, json!([{"description": format!("User: <@!{OTHER}>, author: <@{OTHER}>")}]));
    assert_eq!(mentioned[0]["description"], format!("User: <@{person}>, author: <@{person}>"));
}

#[test]
fn a_link_to_a_person_in_the_text_of_a_program_shows_no_name() {
    let generated = people().person(OTHER).name().to_string();
    let user = format!("https://discord.com/users/{OTHER}");
    let link = format!("see [**realname**]({user}) and [docs](https://example.org/a)");
    let said = format!(
        "see [{generated}](https://discord.com/users/{}) and [docs](https://example.org/a)",
        people().person(OTHER)
    );
    let embed = json!([{"title": "realname left", "description": link, "fields": [{"name": "a", "value": link}]}]);
    let made = scrubbed(Part::Embed, embed);
    assert_eq!((&made[0]["description"], &made[0]["fields"][0]["value"]), (&json!(said), &json!(said)));
    assert_eq!(made[0]["title"], format!("{generated} left"));
    assert_eq!(scrubbed(Part::Component, json!([{"type": 10, "content": link}]))[0]["content"], said);
    assert!(text(&link).contains("realname"), "what people typed stays");
}

#[test]
fn a_title_that_is_prose_stays_beside_a_picture_of_a_person() {
    let avatar = format!("https://cdn.discordapp.com/avatars/{OTHER}/{HASH}.png");
    for title in ["A title that is longer than any name of a person", "Two\nlines"] {
        let embed = json!([{"title": title, "thumbnail": {"url": avatar}, "description": "Level 5"}]);
        assert_eq!(scrubbed(Part::Embed, embed), json!([{"title": title, "description": "Level 5"}]));
    }
    let embed = json!([{"title": "Level up", "author": {"name": "realname", "icon_url": avatar}}]);
    assert_eq!(scrubbed(Part::Embed, embed)[0]["title"], "Level up");
}

#[test]
fn an_embed_of_no_person_stays() {
    let embed = json!([{
        "title": "News", "url": "https://example.org/a", "description": "typed 184405311681986560",
        "author": {"name": "An author", "url": "https://example.org", "icon_url": "https://example.org/i.png"},
        "thumbnail": {"url": "https://example.org/5afe0bad5afe0bad5afe0bad5afe0bad.png", "width": 3},
        "footer": {"text": "A footer", "icon_url": "https://cdn.discordapp.com/icons/100000000000000001/abc.png"},
        "fields": [{"name": "a", "value": "b", "inline": true}], "type": "rich", "color": 5,
    }]);
    assert_eq!(scrubbed(Part::Embed, embed.clone()), embed);
}

#[test]
fn an_alert_of_a_filter_has_no_name() {
    let alert = json!([{"type": "auto_moderation_message", "description": "realname", "fields": [
        {"name": "quarantine_user", "value": OTHER}, {"name": "interaction_user_id", "value": OTHER},
        {"name": "block_profile_update_type", "value": "nickname_update"}, {"name": "keyword_matched_content", "value": "realname"},
        {"name": "channel_id", "value": "100000000000000001"}, {"name": "decision_reason", "value": "x"},
        {"name": "alert_actions_execution", "value": format!("{{\"actor\":\"{OTHER}\"}}")}]}]);
    let made = scrubbed(Part::Embed, alert);
    let said = made.to_string();
    assert!(!said.contains(OTHER) && !said.contains("realname"), "{said}");
    assert!(said.contains("100000000000000001") && said.contains(&people().person(OTHER).to_string()), "{said}");
}

#[test]
fn ids_of_people_in_a_message_are_replaced_in_all_of_its_texts() {
    let people = people();
    let mut scrub = people.message();
    scrub.learn(&json!({"author": {"id": OTHER, "username": "x"}, "content": format!("<@{ID}>")}));
    let (one, other) = (people.person(ID), people.person(OTHER));
    assert_eq!(
        scrub.text(&format!("{ID} is not {OTHER} or 184405311681986561")),
        format!("{one} is not {other} or 184405311681986561")
    );
    let made = scrub.value(Part::Embed, json!([{"footer": {"text": format!("ID: {OTHER}")}}]));
    assert_eq!(made, json!([{"footer": {"text": format!("ID: {other}")}}]));
    assert_eq!(
        scrub.hidden_text("rank-184405311681986561.png"),
        format!("rank-{}.png", people.person("184405311681986561"))
    );
}

#[test]
fn long_texts_are_read_once() {
    for unit in [
        "<",
        "<@",
        "<@ ",
        "/avatars/",
        "%",
        "%25",
        "%2",
        "<@1844053116819865",
        "184405311681986560/",
        "\\u00",
        "@!",
        "https://",
        "a/",
        "_",
        "users/%",
        "=184405311681986561",
        ":184405311681986561",
        "\\184405311681986561",
        "avatars/184405311681986561 ",
        "(184405311681986561)",
        "ID: ",
    ] {
        let long = unit.repeat(200_000 / unit.len());
        let view = super::view::view(&long);
        assert!(view.len() <= long.len());
        // Quadratic time would be some 10^10 steps for each of them.
        let made = people().text(&long).into_owned();
        assert!(!made.is_empty());
        assert!(!scrubbed(Part::Hidden, json!([long])).is_null());
        assert!(!scrubbed(Part::Embed, json!([{"fields": [{"name": long, "value": long}]}])).is_null());
    }
}

fn any_person() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({"id": ID, "name": "quill", "discriminator": "0000", "nickname": "Quill", "avatarUrl": "a"})),
        Just(json!({"id": ID, "username": "quill", "global_name": "Quill", "avatar": "a"})),
        Just(json!({"user_id": ID, "nick": "Quill", "displayName": "quill"})),
    ]
}

/// A text, key or number with an id or a hash of a person.
fn any_text() -> impl Strategy<Value = String> {
    let spelling = prop_oneof![
        Just(ID.to_owned()),
        Just(format!("<@{ID}>")),
        Just(format!("<@! {ID}")),
        Just(full_width(&format!("<@{ID}>"))),
        Just(format!("https://cdn.discordapp.com/avatars/{ID}/{HASH}.png?size=64")),
        Just(percent(&format!("https://cdn.discordapp.com/avatars/{ID}/{HASH}.png"))),
        Just(format!("https://discord.com/users/{ID}")),
        Just(format!("spotify:{ID}")),
        Just(format!("https://cdn.discordapp.com/guilds/100000000000000001/users/{ID}/avatars/{HASH}.png")),
    ];
    ("[ -~]{0,6}", spelling, "[ -/:-~]{0,6}").prop_map(|(before, spelling, after)| {
        // Digits and words right before an id make it another one, or that of another item.
        let before: String =
            before.chars().filter(|letter| !letter.is_ascii_digit() && !"#&:%\\/".contains(*letter)).collect();
        format!("{before}{spelling}{after}")
    })
}

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0_u64..1 << 40).prop_map(Value::from),
        any_text().prop_map(Value::from),
        Just(json!(ID.parse::<u64>().unwrap())),
        any_person(),
        "[a-z <@>/]{0,12}".prop_map(Value::from),
    ];
    let key = prop_oneof![
        "[a-z_]{1,8}",
        any_text(),
        prop::sample::select(
            &[
                "users",
                "author",
                "name",
                "id",
                "value",
                "label",
                "url",
                "icon_url",
                "footer",
                "text",
                "fields",
                "embeds",
                "components",
                "title",
                "thumbnail",
                "party",
                "interaction"
            ][..]
        )
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(key.clone(), inner, 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// A scrub that takes values that were scrubbed before.
fn again(people: &Pseudonymizer) -> MessageScrub<'_> {
    MessageScrub { fresh: false, ..people.message() }
}

proptest! {
    #[test]
    fn a_person_is_found_at_any_depth_under_any_key(person in any_person(), keys in prop::collection::vec("[a-z]{1,8}", 0..8)) {
        let hidden = keys.into_iter().fold(person, |inner, key| json!({key: [inner]}));
        let scrubbed = people().json(hidden).to_string();
        prop_assert!(!scrubbed.contains(ID) && !scrubbed.to_lowercase().contains("\"quill\""), "{scrubbed}");
    }

    #[test]
    fn no_canary_is_left_at_any_depth_and_twice_is_once(value in anything()) {
        for part in [Part::Hidden, Part::Embed, Part::Component, Part::Poll, Part::Snapshot] {
            let once = scrubbed(part, json!([value.clone(), {"user_id": ID}]));
            let said = once.to_string();
            for trace in [ID, HASH, &full_width(ID), &percent(ID)] {
                prop_assert!(!said.contains(trace), "{:?}: {} left in {} of {}", part, trace, said, value);
            }
            let people = people();
            prop_assert_eq!(&again(&people).value(part, once.clone()), &once, "{:?} of {}", part, value);
        }
    }
}
