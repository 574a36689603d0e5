//! A guild whose objects identify a person in every field that Discord has for one. After a sync no byte of the
//! archive, of the media folder's names, of the logs, of a response or of a page contains an id, a name or a hash of a
//! person.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs;

use discord_simulator::{Act, ChannelPlan, Options, Simulator, kind};
use serde_json::{Map, Value, json};

use super::program::settings_of;
use crate::program::{ADMIN_KEY, Installation, Server};

/// The prefix of every id, name and hash of a person here.
const MARKS: [&str; 3] = ["917771000000", "zqx", "5afe0bad"];
/// A text that readers are shown, as proof that the search finds text that is there.
const CONTROL: &str = "the lantern is lit";

/// Creates people: each id, name and hash occurs in one place.
struct People(Cell<u64>);

impl People {
    fn next(&self) -> u64 {
        self.0.replace(self.0.get() + 1)
    }

    fn id(&self) -> String {
        format!("{}{:06}", MARKS[0], self.next())
    }

    fn number(&self) -> u64 {
        self.id().parse().unwrap()
    }

    fn name(&self) -> String {
        format!("{}{:06}q", MARKS[1], self.next())
    }

    fn hash(&self) -> String {
        format!("{}{:024x}", MARKS[2], self.next())
    }

    /// Returns a user as Discord shows one, with every possible field.
    fn user(&self) -> Value {
        json!({
            "id": self.id(), "username": self.name(), "global_name": self.name(), "discriminator": "0",
            "display_name": self.name(), "legacy_username": self.name(), "bot": false, "public_flags": 64,
            "avatar": self.hash(), "banner": format!("a_{}", self.hash()), "accent_color": 7,
            "avatar_decoration": self.hash(), "avatar_decoration_data": {"asset": format!("a_{}", self.hash()), "sku_id": self.id()},
            "collectibles": {"nameplate": {"asset": format!("nameplates/{}/", self.name()), "label": self.name(), "sku_id": self.id()}},
            "clan": {"identity_guild_id": self.id(), "identity_enabled": true, "tag": self.name(), "badge": self.hash()},
            "primary_guild": {"identity_guild_id": self.id(), "identity_enabled": true, "tag": self.name(), "badge": self.hash()},
            "email": format!("{}@example.org", self.name()), "phone": self.name(), "locale": "en-US",
        })
    }

    /// Returns a member of the guild.
    fn member(&self) -> Value {
        json!({
            "user": self.user(), "nick": self.name(), "avatar": self.hash(), "banner": self.hash(), "roles": [],
            "avatar_decoration_data": {"asset": self.hash(), "sku_id": self.id()}, "joined_at": "2024-01-01T00:00:00+00:00",
            "deaf": false, "mute": false, "pending": false, "flags": 0, "permissions": "0",
            "collectibles": {"nameplate": {"asset": self.name(), "label": self.name(), "sku_id": self.id()}},
        })
    }

    /// Returns addresses of people's pictures and profiles.
    fn addresses(&self) -> Vec<String> {
        let cdn = "https://cdn.discordapp.com";
        let avatar = || format!("avatars/{}/{}.png", self.id(), self.hash());
        let encoded = |text: String| text.replace('/', "%2F").replace(':', "%3A");
        vec![
            format!("{cdn}/{}?size=128", avatar()),
            format!("https://media.discordapp.net/{}", avatar()),
            format!("https://images-ext-1.discordapp.net/external/key/https/cdn.discordapp.com/{}", avatar()),
            format!("https://cards.example/rank.png?avatar={}", encoded(format!("{cdn}/{}", avatar()))),
            format!("{cdn}/banners/{}/a_{}.gif", self.id(), self.hash()),
            format!("{cdn}/guilds/320000000000000001/users/{}/avatars/{}.png", self.id(), self.hash()),
            format!("{cdn}/guilds/320000000000000001/users/{}/banners/{}.png", self.id(), self.hash()),
            format!("{cdn}/avatar-decorations/{}/{}.png", self.id(), self.hash()),
            format!("{cdn}/avatar-decoration-presets/a_{}.png", self.hash()),
            format!("{cdn}/clan-badges/320000000000000001/{}.png", self.hash()),
            format!("{cdn}/guild-tag-badges/320000000000000001/{}.png", self.hash()),
            format!("https://discord.com/users/{}", self.id()),
            format!("https://discord.com/Users/{}", self.id()),
            format!("https://discord.com/users%2F{}", self.id()),
        ]
    }

    fn mentions(&self) -> String {
        let [one, two, three, four, five] = std::array::from_fn(|_| self.id());
        let addresses = self.addresses().join(" ");
        format!("{CONTROL} <@{one}> <@!{two}> <@{three} > <@ {four}> <@{five} {addresses}")
    }

    /// Returns an embed of a bot that shows a person.
    fn embed(&self, address: &str) -> Value {
        json!({
            "type": "rich", "title": self.name(), "url": format!("https://discord.com/users/{}", self.id()),
            "description": self.mentions(),
            "author": {"name": self.name(), "icon_url": address, "proxy_icon_url": address,
                       "url": format!("https://discord.com/users/{}", self.id())},
            "footer": {"text": self.name(), "icon_url": address, "proxy_icon_url": address},
            "thumbnail": {"url": address, "proxy_url": address, "width": 8, "height": 8, "placeholder": self.id()},
            "image": {"url": address, "proxy_url": address, "width": 8, "height": 8},
            "fields": [{"name": format!("<@{}>", self.id()), "value": self.mentions(), "inline": true}],
            "provider": {"name": "bot", "url": format!("https://discord.com/users/{}", self.id())},
            "made_for": self.id(),
        })
    }

    /// Returns undocumented fields that identify people.
    fn unknown(&self) -> Value {
        let id = self.id();
        json!({
            "mentioned_user_ids": [self.id(), self.number()], "participant_ids": [self.id()], "sent_by": self.id(),
            "created_by": self.number(), "by_user": {id: {"count": 2}}, "the_person": {"id": self.id(), "name": self.name()},
            "deep": [[{"a": {"b": [self.id(), {"c": self.number()}]}}]], "text": format!("see {} there", self.id()),
            "json": json!({"actor": self.id()}).to_string(), "whole": self.user(), "of_guild": self.member(),
            "link": format!("https://discord.com/users/{}", self.id()), "spotify": format!("spotify:{}", self.id()),
            "real": self.id().parse::<f64>().unwrap(),
        })
    }

    fn component(&self) -> Value {
        let id = || self.id();
        let option = || json!({"label": self.name(), "value": self.id(), "description": self.name()});
        json!([
            {"type": 1, "id": 1, "components": [{"type": 3, "id": 2, "custom_id": format!("pick:{}", id()),
                "options": [option(), option()], "values": [id()]}]},
            {"type": 1, "components": [{"type": 5, "custom_id": id(), "default_values": [{"id": id(), "type": "user"}],
                "resolved": {"users": {id(): self.user()}, "members": {id(): self.member()}}}]},
            {"type": 1, "components": [{"type": 2, "style": 5, "label": self.name(),
                "url": format!("https://discord.com/users/{}", id())}]},
            {"type": 9, "components": [{"type": 10, "content": self.mentions()}],
                "accessory": {"type": 11, "media": {"url": self.addresses()[0], "proxy_url": self.addresses()[1]},
                              "description": self.name()}},
            {"type": 12, "items": self.addresses().into_iter().map(|url| json!({"media": {"url": url}})).collect::<Value>()},
            {"type": 99, "made_by": id(), "value": id(), "nested": {id(): 1}},
        ])
    }

    fn interaction(&self) -> Value {
        json!({
            "id": "330000000000000009", "type": 2, "name": "roll", "user": self.user(), "member": self.member(),
            "authorizing_integration_owners": {"0": "320000000000000001", "1": self.id()}, "target_user": self.user(),
            "target_message_id": "330000000000000008", "command_type": 2,
            "triggering_interaction_metadata": {"id": "330000000000000007", "type": 3, "user": self.user(),
                "authorizing_integration_owners": {"1": self.id()}, "user_id": self.id()},
            "user_id": self.id(),
        })
    }

    fn poll(&self) -> Value {
        json!({
            "question": {"text": self.mentions()}, "expiry": null, "allow_multiselect": false, "layout_type": 1,
            "answers": [{"answer_id": 1, "poll_media": {"text": format!("<@{}>", self.id())}}],
            "results": {"is_finalized": false, "answer_counts": [
                {"id": 1, "count": 2, "me_voted": false, "voters": [self.id(), self.number()], "users": [self.user()]}]},
            "created_by": self.id(), "voters": {self.id(): [1]},
        })
    }

    /// Returns the fields of messages, one message for each set.
    fn messages(&self) -> Vec<Value> {
        let own = self.id();
        let mut messages = vec![
            json!({"author": self.user(), "member": self.member()}),
            json!({"mentions": [self.user(), {"id": self.id(), "username": self.name(), "member": self.member()}]}),
            json!({"content": self.mentions()}),
            json!({"interaction": self.interaction(), "interaction_metadata": self.interaction(), "type": 20}),
            json!({"activity": {"type": 3, "party_id": format!("spotify:{}", self.id()), "user": self.user()},
                   "application": {"id": self.id(), "name": self.name(), "icon": self.hash(), "bot": self.user()},
                   "application_id": self.id()}),
            json!({"activity_instance": {"id": format!("i-330000000000000001-{}", self.id()), "users": [self.id()]}}),
            json!({"webhook_id": self.id(),
                   "author": {"id": self.id(), "username": self.name(), "avatar": self.hash(), "bot": true}}),
            json!({"components": self.component()}),
            json!({"poll": self.poll()}),
            json!({"unknown": self.unknown(), self.id(): 1}),
            json!({"resolved": {"users": {self.id(): self.user()}, "members": {self.id(): self.member()},
                   "messages": {"330000000000000001": {"id": "330000000000000001", "author": self.user()}}}}),
            json!({"call": {"participants": [self.id()], "ended_timestamp": null}, "type": 3}),
            json!({"type": 1, "mentions": [self.user()]}),
            // Digits that equal no user's id in the message are text that a person typed, and remain.
            json!({"type": 7, "author": {"id": own, "username": self.name()}, "content": format!("{CONTROL} {own}")}),
            json!({"type": 25, "role_subscription_data": {"role_subscription_listing_id": "330000000000000001",
                   "tier_name": "gold", "total_months_subscribed": 2, "is_renewal": false, "user_id": self.id()}}),
            json!({"reactions": [{"emoji": {"id": null, "name": "👍"}, "count": 2, "me": false,
                   "users": [self.user(), self.id()], "burst_user_ids": [self.id()]}]}),
            json!({"sticker_items": [{"id": "330000000000000001", "name": "wave", "format_type": 1, "user": self.user()}]}),
            json!({"soundboard_sounds": [{"sound_id": "330000000000000001", "user_id": self.id(), "user": self.user()}]}),
            json!({"type": 19, "message_reference": {"type": 0, "message_id": "330000000000000001", "sent_by": self.id()},
                   "referenced_message": {"id": "330000000000000001", "author": self.user(), "mentions": [self.user()],
                                          "content": self.mentions()}}),
            json!({"message_reference": {"type": 1, "message_id": "330000000000000001"}, "message_snapshots": [{
                   "message": {"content": self.mentions(), "mentions": [self.user()], "author": self.user(),
                               "embeds": [self.embed(&self.addresses()[0])], "components": self.component(),
                               "attachments": [{"id": "330000000000000001", "filename": format!("rank-{}.png", self.id()),
                                                "url": format!("https://cdn.discordapp.com/attachments/1/2/rank-{}.png", self.id())}],
                               "unknown": self.unknown()}, "user_id": self.id()}]}),
            json!({"thread": {"id": "330000000000000002", "owner_id": self.id(), "member": self.member(),
                   "member_ids_preview": [self.id()]}}),
            json!({"type": 24, "content": "", "embeds": [{"type": "auto_moderation_message",
            "description": format!("<@{}>", self.id()), "author": {"name": self.name(), "icon_url": self.addresses()[0]},
            "fields": [
                {"name": "rule_name", "value": "rule", "inline": false},
                {"name": "interaction_user_id", "value": self.id(), "inline": false},
                {"name": "quarantine_user", "value": self.name(), "inline": false},
                {"name": "quarantine_user_action", "value": self.id(), "inline": false},
                {"name": "keyword_matched_content", "value": self.name(), "inline": false},
                {"name": "alert_actions_execution", "inline": false,
                 "value": json!({"v": 0, "actions": {"1": {"actor": self.id(), "ts": 7}}}).to_string()},
            ]}]}),
            json!({"purchase_notification": {"type": 0, "guild_product_purchase": {"user_id": self.id(), "product_name": "x"}},
                   "gift_info": {"gifter": self.user(), "emoji": null}, "shared_client_theme": {"created_by": self.id()},
                   "lobby_member": {"id": self.id(), "metadata": {"who": self.id()}}, "changelog": {"by": self.number()}}),
        ];
        messages.extend(self.addresses().iter().map(|address| json!({"embeds": [self.embed(address)]})));
        messages
    }

    /// Returns the fields of a channel or thread.
    fn channel(&self) -> Value {
        json!({
            "topic": self.mentions(), "owner_id": self.id(), "owner": self.member(), "application_id": self.id(),
            "recipients": [self.user()], "nicks": [{"id": self.id(), "nick": self.name()}],
            "linked_lobby": {"application_id": self.id(), "lobby_id": "330000000000000001", "linked_by": self.id()},
            "member_ids_preview": [self.id(), self.number()], "voice_states": [{"user_id": self.id(), "member": self.member()}],
            "member": {"user_id": self.id(), "id": "330000000000000001", "member": self.member()},
            "permission_overwrites": [{"id": self.id(), "type": 1, "allow": "1024", "deny": "0"}],
            "unknown": self.unknown(), self.id(): self.id(),
        })
    }
}

fn fields(value: Value) -> Map<String, Value> {
    let Value::Object(fields) = value else { panic!("fields") };
    fields
}

fn show(simulator: &Simulator, id: u64, raw: Value) {
    simulator.act(Act::Show { id, raw: fields(raw) }).unwrap();
}

fn id_of(made: &Value) -> u64 {
    made["id"].as_str().unwrap().parse().unwrap()
}

/// Fills the guild. Returns the ids of its messages and of its threads.
fn fill(simulator: &Simulator, people: &People) -> (Vec<u64>, Vec<u64>) {
    let [general, forum, other] = ["general", "forum", "other"].map(|name| simulator.channel(name).unwrap());
    let send = |raw: Value| {
        let act = Act::Send { channel_id: general, content: CONTROL.to_owned(), raw: fields(raw) };
        id_of(&simulator.act(act).unwrap())
    };
    let mut messages = Vec::new();
    for raw in people.messages() {
        let id = send(json!({}));
        show(simulator, id, raw);
        messages.push(id);
    }
    // A message that cannot be part of a page is kept aside.
    send(json!({"id": null, "author": people.user(), "mentions": [people.user()], "unknown": people.unknown()}));
    let file =
        (1_100_000_000_000_000_000_u64..1_100_000_000_000_001_000).find(|id| Simulator::file(*id).is_some()).unwrap();
    let name = format!("rank-{}.png", people.id());
    messages.push(send(json!({"attachments": [{
        "id": file.to_string(), "filename": name, "title": format!("rank-{}", people.id()), "content_type": "image/png",
        "size": Simulator::file(file).unwrap().len(), "url": format!("/attachments/{general}/{file}/{name}"),
        "description": people.mentions(), "clip_participants": [people.user()], "application": {"id": people.id()},
        "unknown": people.unknown(),
    }]})));
    let thread = |channel_id: u64| {
        let (name, content) = (format!("talk {channel_id}"), CONTROL.to_owned());
        let act = Act::CreateThread { channel_id, name, message_id: None, private: false, content };
        id_of(&simulator.act(act).unwrap())
    };
    let threads: Vec<u64> = [general, forum].map(thread).to_vec();
    for id in &threads {
        let mut raw = people.channel();
        raw["name"] = format!("talk of <@{}>", people.id()).into();
        raw["thread_metadata"] = json!({"archiver_id": people.id(), "locked_by": people.number()});
        show(simulator, *id, raw);
    }
    for id in [general, forum, other] {
        show(simulator, id, people.channel());
    }
    let mut raw = people.channel();
    raw["name"] = format!("room of <@{}>", people.id()).into();
    show(simulator, other, raw);
    show(
        simulator,
        simulator.guild_id(),
        json!({
            "tags": {"bot_id": people.id(), "integration_id": people.id()}, "owner_id": people.id(), "owner": people.member(),
            "members": [people.member()], "description": people.mentions(), "application_id": people.id(),
            "emojis": [{"id": "330000000000000001", "name": "lamp", "user": people.user(), "roles": []}],
            "stickers": [{"id": "330000000000000001", "name": format!("<@{}>", people.id()), "format_type": 1,
                          "description": people.mentions(), "tags": people.id(), "user": people.user()}],
            "presences": [{"user": people.user()}], "voice_states": [{"user_id": people.id()}],
        }),
    );
    (messages, threads)
}

/// Returns every name below a folder.
fn names(folder: &std::path::Path) -> String {
    let entries = walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap);
    entries.map(|entry| entry.path().display().to_string()).collect::<Vec<_>>().join("\n")
}

fn responses(server: &Server, tenant: &str, messages: &[u64], threads: &[u64]) -> Vec<(String, Vec<u8>)> {
    let api = "/api/v1/tenants/simulated";
    let mut paths: Vec<String> = ["", "/channels?limit=100", "/coverage"].map(|path| format!("{api}{path}")).to_vec();
    let channels = server.get(&paths[1]).json();
    let slugs =
        channels["items"].as_array().unwrap().iter().map(|channel| channel["slug"].as_str().unwrap().to_owned());
    let slugs: BTreeSet<String> = slugs.chain(threads.iter().map(u64::to_string)).collect();
    assert!(slugs.len() >= 5, "{slugs:?}");
    for slug in &slugs {
        paths.extend(["", "/messages", "/threads"].map(|path| format!("{api}/channels/{slug}{path}")));
        paths.push(format!("/simulated/{slug}"));
    }
    for id in messages {
        paths.extend([format!("{api}/messages/{id}"), format!("/simulated/general/{id}")]);
    }
    paths.extend(["/", "/simulated", "/robots.txt", "/sitemap.xml", "/metrics", "/readyz"].map(str::to_owned));
    let admin = "/api/v1/admin/tenants";
    paths.extend([admin.to_owned(), format!("{admin}/{tenant}"), format!("{admin}/{tenant}/jobs")]);
    let key = format!("Authorization: Bearer {ADMIN_KEY}\r\n");
    let mut read = Vec::new();
    for path in paths {
        for headers in ["", &key] {
            let answer = server.request("GET", &path, headers, b"");
            read.push((format!("{path} ({}, admin: {})", answer.status, !headers.is_empty()), answer.body));
        }
    }
    read
}

/// Returns the surroundings of a person's mark in `bytes`, as text in any case or as an integer; `None` without one.
fn found(bytes: &[u8], people: u64) -> Option<String> {
    let lower = bytes.to_ascii_lowercase();
    let text = MARKS.iter().find_map(|mark| memchr::memmem::find(&lower, mark.as_bytes()));
    let number = || {
        let first = format!("{}000000", MARKS[0]).parse::<u64>().unwrap();
        let numbers = first..first + people;
        let (low, high) = (numbers.start.to_be_bytes(), (numbers.end - 1).to_be_bytes());
        let same = (0..8).take_while(|place| low[*place] == high[*place]).count();
        let is_one = |at: &usize| {
            let eight = bytes.get(*at..*at + 8).and_then(|eight| eight.try_into().ok());
            eight.is_some_and(|eight| numbers.contains(&u64::from_be_bytes(eight)))
        };
        memchr::memmem::find_iter(bytes, &low[..same]).find(is_one)
    };
    let at = text.or_else(number)?;
    let around = &bytes[at.saturating_sub(120)..(at + 80).min(bytes.len())];
    Some(String::from_utf8_lossy(around).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_person_of_a_synced_guild_is_in_any_byte_that_is_stored_logged_or_sent() {
    let plan = vec![
        ChannelPlan::new("general", kind::TEXT, 0),
        ChannelPlan::new("forum", kind::FORUM, 0),
        ChannelPlan::new("other", kind::TEXT, 3),
    ];
    let simulator = Simulator::start(Options::planned(5, plan).unlimited()).await.unwrap();
    let people = People(Cell::new(0));
    let (messages, threads) = fill(&simulator, &people);
    let made = people.next();
    assert!(made > 1_000, "{made}");
    tokio::task::spawn_blocking(move || {
        let installation = Installation::new();
        let guild = simulator.guild_id().to_string();
        assert!(installation.run(&["tenant", "create", &guild, "Simulated"]).status.success());
        let mut texts: Vec<(String, Vec<u8>)> = Vec::new();
        for flags in
            [&["sync", "simulated", "--json"][..], &["sync", "simulated", "--full"], &["coverage", "simulated"]]
        {
            let output =
                installation.command(flags).envs(settings_of(&simulator)).env("LOG", "trace").output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            texts.extend([(format!("{flags:?}"), output.stdout), (format!("log of {flags:?}"), output.stderr)]);
        }
        assert!(texts[1].1.len() > 10_000, "the log has every event");
        let server = installation.serve_with(&[], |command| {
            command.env("LOG", "trace");
        });
        let tenants =
            server.request("GET", "/api/v1/admin/tenants", &format!("Authorization: Bearer {ADMIN_KEY}\r\n"), b"");
        let tenant = tenants.json()["items"][0]["id"].as_str().unwrap().to_owned();
        let shown = responses(&server, &tenant, &messages, &threads);
        let is_shown = |path: &str| {
            let is_there = |(name, body): &(String, Vec<u8>)| {
                name.starts_with(path) && memchr::memmem::find(body, CONTROL.as_bytes()).is_some()
            };
            assert!(shown.iter().any(is_there), "{path}");
        };
        is_shown("/api/v1/tenants/simulated/channels/general/messages (200");
        is_shown("/simulated/general (200");
        texts.extend(shown);
        texts.push(("log of the server".to_owned(), server.stop().join("\n").into_bytes()));
        let media = names(&installation.path("data/media"));
        assert!(media.lines().count() > 2, "the file is stored: {media}");
        texts.push(("names of the media folder".to_owned(), media.into_bytes()));
        let folder = installation.path("data");
        let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
        let files: Vec<(String, Vec<u8>)> =
            files.map(|path| (path.display().to_string(), fs::read(path).unwrap())).collect();
        assert!(files.iter().any(|(_, bytes)| memchr::memmem::find(bytes, CONTROL.as_bytes()).is_some()));
        texts.extend(files);
        let found: Vec<String> =
            texts.iter().filter_map(|(place, bytes)| Some(format!("{place}: {}", found(bytes, made)?))).collect();
        assert!(found.is_empty(), "{} places:\n{}", found.len(), found.join("\n---\n"));
    })
    .await
    .unwrap();
}
