//! Every event is read, and a message is the same by an event and by a page.

use discord_simulator::{
    BotChange, ChannelPlan, GatewayFault, GuildSize, Options, READ_MESSAGE_HISTORY, VIEW_CHANNEL, kind,
};
use domain::access::{Access, Denied};
use domain::event::{Event, MessageChange};
use domain::message::{Message, MessageId, Origin, Version};
use domain::visibility::Visibility;
use ports::event::Received;
use ports::guild::{GuildSource as _, MessageCursor};
use serde_json::{Map, Value, json};

use super::{Live, counts};

impl Live {
    /// Acts, and returns the next event.
    async fn after(&mut self, act: Value) -> Event {
        self.act(&act);
        self.event().await
    }

    /// Acts, and returns the next change of messages, with its channel.
    async fn change(&mut self, act: Value) -> (u64, MessageChange) {
        match self.after(act).await {
            Event::Message { channel, change } => (channel.get(), change),
            other => panic!("{other:?}"),
        }
    }

    /// The messages of `general` as pages show them, ascending.
    async fn pages(&self) -> Vec<Message> {
        let general = self.world.channel("general").await;
        let pages = self.world.walk(&general, MessageCursor::After(MessageId::MIN)).await;
        pages.iter().flat_map(|fetched| fetched.page.messages()).cloned().collect()
    }
}

fn without_version(message: Message) -> Message {
    let version = Version { observed_at: message.id.created_at(), origin: Origin::Page, ..message.version };
    Message { version, ..message }
}

#[tokio::test(start_paused = true)]
async fn the_guild_comes_as_a_request_shows_it() {
    let live = Live::connect(Options::new(1, GuildSize::Small).unlimited(), super::ONE).await;
    let mut stream = live.stream.unwrap();
    let (structure, threads) = loop {
        if let Received::Event { event, .. } = stream.next().await.unwrap()
            && let Event::GuildAvailable { structure, threads } = *event
        {
            break (structure, threads);
        }
    };
    let mut requested = live.world.structure().await;
    let active = live.world.client.active_threads(&live.world.scope, &requested).await.unwrap();
    // Events show that a channel exists which the bot may not view; lists do not.
    assert!(requested.hidden.is_empty() && !structure.hidden.is_empty());
    requested.hidden.clone_from(&structure.hidden);
    let at = |at| move |channel: &mut domain::access::GuildChannel| channel.channel.observed_at = Some(at);
    requested.channels.iter_mut().for_each(at(structure.observed_at));
    requested.observed_at = structure.observed_at;
    assert_eq!(*structure, requested);
    let mut active = active;
    active.iter_mut().for_each(at(structure.observed_at));
    assert!(threads.len() > 10);
    assert_eq!(threads, active);
}

/// Sends again what the channels of a small guild contain: each kind of message, with all that Discord puts in them.
#[tokio::test(start_paused = true)]
async fn a_message_is_the_same_by_an_event_and_by_a_page() {
    let mut live = Live::of(Options::new(1, GuildSize::Small).unlimited()).await;
    let general = live.channel("general");
    let models = live.simulator().messages(general, 0, 400);
    let first = live.pages().await.last().unwrap().id;
    let own = ["id", "channel_id", "timestamp", "referenced_message", "thread", "reactions"];
    for model in &models {
        let raw = model.as_object().unwrap().clone().into_iter();
        let raw: Map<String, Value> = raw.filter(|(key, _)| !own.contains(&key.as_str())).collect();
        live.act(&json!({"op": "send", "channel_id": general, "content": "", "raw": raw}));
    }
    let mut received = Vec::new();
    while received.len() < models.len() {
        received.push(without_version(live.message().await));
    }
    received.retain(|message| message.flags & (1 << 6) == 0);
    let of_pages = |messages: Vec<Message>| -> Vec<Message> {
        messages.into_iter().filter(|message| message.id > first).map(without_version).collect()
    };
    assert_eq!(received, of_pages(live.pages().await));
    for message in &received {
        live.act(&json!({"op": "edit", "channel_id": general, "message_id": message.id.to_string()}));
    }
    let mut updated = Vec::new();
    while updated.len() < received.len() {
        if let Event::Message { change: MessageChange::Updated(patch), .. } = live.event().await {
            assert!(patch.is_whole);
            updated.push(without_version(patch.into_message().unwrap()));
        }
    }
    assert_eq!(updated, received);
    assert_eq!(live.stats().unreadable, 0);
}

#[tokio::test(start_paused = true)]
async fn messages_change_and_vanish() {
    let mut live = Live::start().await;
    let general = live.channel("general");
    let sent = live.act(&json!({"op": "send", "channel_id": general, "content": "old"}));
    let id: MessageId = sent["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(live.message().await.id, id);
    let edit = json!({"op": "edit", "channel_id": general, "message_id": id.to_string(), "content": "new"});
    let (channel, MessageChange::Updated(patch)) = live.change(edit).await else { panic!() };
    assert_eq!((channel, patch.id, patch.content.as_deref()), (general, id, Some("new")));
    assert!(patch.edited_at.unwrap().is_some());
    let ids: Vec<u64> = live.pages().await.iter().take(3).map(|message| message.id.get()).collect();
    for (one, many) in [(&ids[..1], false), (&ids[1..], true)] {
        let delete = json!({"op": "delete", "channel_id": general, "message_ids": one, "bulk": many});
        let (_, MessageChange::Deleted(deleted)) = live.change(delete).await else { panic!() };
        assert_eq!(deleted.iter().map(|id| id.get()).collect::<Vec<_>>(), one);
    }
}

#[tokio::test(start_paused = true)]
async fn reactions_votes_and_pins_come_by_pseudonym() {
    let mut live = Live::start().await;
    let general = live.channel("general");
    let poll = json!({"question": {"text": "?"}, "answers": [{"answer_id": 1, "poll_media": {"text": "a"}}],
                      "expiry": null, "allow_multiselect": false, "layout_type": 1});
    let sent = live.act(&json!({"op": "send", "channel_id": general, "content": "x", "raw": {"poll": poll}}));
    let id = sent["id"].as_str().unwrap().to_owned();
    let message: MessageId = live.message().await.id;
    let user = 123_456_789_012_345_678_u64;
    let person = live.world.scope.people.person(&user.to_string());
    let react = |burst: bool, remove: bool| {
        json!({"op": "react", "channel_id": general, "message_id": id, "emoji": "🦀", "user_id": user, "burst": burst,
               "remove": remove})
    };
    let (channel, MessageChange::ReactionAdded(added)) = live.change(react(false, false)).await else { panic!() };
    assert_eq!((channel, added.message, added.person, added.burst), (general, message, person, false));
    assert_eq!(added.emoji.key(), "🦀");
    let (_, MessageChange::ReactionAdded(burst)) = live.change(react(true, false)).await else { panic!() };
    assert!(burst.burst);
    let (_, MessageChange::ReactionRemoved(removed)) = live.change(react(false, true)).await else { panic!() };
    assert_eq!(removed, added);
    let clear = json!({"op": "clear_reactions", "channel_id": general, "message_id": id, "emoji": "🦀"});
    let (_, MessageChange::ReactionsCleared { emoji, .. }) = live.change(clear).await else { panic!() };
    assert_eq!(emoji, Some(added.emoji));
    let clear = json!({"op": "clear_reactions", "channel_id": general, "message_id": id});
    let (_, cleared) = live.change(clear).await;
    assert_eq!(cleared, MessageChange::ReactionsCleared { message, emoji: None });
    let vote = |remove: bool| json!({"op": "vote", "channel_id": general, "message_id": id, "answer_id": 1, "user_id": user, "remove": remove});
    let (_, MessageChange::VoteAdded(added)) = live.change(vote(false)).await else { panic!() };
    assert_eq!((added.message, added.answer, added.person), (message, 1, person));
    let (_, removed) = live.change(vote(true)).await;
    assert_eq!(removed, MessageChange::VoteRemoved(added));
    live.act(&json!({"op": "pin", "channel_id": general, "message_id": id}));
    let mut changes = Vec::new();
    while !matches!(changes.last(), Some(MessageChange::PinsChanged)) {
        let Event::Message { change, .. } = live.event().await else { panic!() };
        changes.push(change);
    }
}

#[tokio::test(start_paused = true)]
async fn channels_and_threads_come_and_go() {
    let mut live = Live::start().await;
    let (general, help) = (live.channel("general"), live.channel("help"));
    let create = json!({"op": "create_channel", "name": "new", "type": kind::TEXT});
    let Event::ChannelUpserted(created) = live.after(create).await else { panic!() };
    assert_eq!((created.channel.name.as_str(), created.access), ("new", Access::Readable));
    let rename = json!({"op": "update_channel", "channel_id": general, "change": {"topic": "t", "nsfw": true}});
    let Event::ChannelUpserted(renamed) = live.after(rename).await else { panic!() };
    assert_eq!((renamed.channel.topic.as_deref(), renamed.channel.nsfw), (Some("t"), true));
    let post = json!({"op": "create_thread", "channel_id": help, "name": "post", "content": "first"});
    let Event::ThreadUpserted(post) = live.after(post).await else { panic!() };
    assert_eq!((post.channel.name.as_str(), post.access), ("post", Access::Readable));
    assert_eq!(post.channel.parent_id, Some(live.world.channel("help").await.channel.id));
    assert_eq!(live.message().await.content, "first");
    let id = post.channel.platform_id.get();
    let archive = json!({"op": "update_channel", "channel_id": id, "change": {"archived": true}});
    let Event::ThreadUpserted(archived) = live.after(archive).await else { panic!() };
    assert!(archived.channel.archived);
    let delete = json!({"op": "delete_channel", "channel_id": id});
    assert_eq!(live.after(delete).await, Event::ThreadDeleted(post.channel.platform_id));
    let thread = live.simulator().threads(general)[0];
    let nsfw = json!({"op": "update_channel", "channel_id": thread, "change": {"name": "renamed"}});
    let Event::ThreadUpserted(renamed) = live.after(nsfw).await else { panic!() };
    assert!(renamed.channel.nsfw, "the age gate of its channel is known from the event before");
    let delete = json!({"op": "delete_channel", "channel_id": general});
    assert_eq!(live.after(delete).await.channel().unwrap().get(), general);
}

#[tokio::test(start_paused = true)]
async fn case_88_a_channel_that_closes_is_hidden_and_comes_back_with_its_threads() {
    let mut live = Live::start().await;
    let (general, everyone) = (live.channel("general"), live.simulator().guild_id());
    let deny = |deny: u64| json!({"op": "set_overwrite", "channel_id": general, "id": everyone, "subject": "role", "deny": deny});
    let Event::ChannelUpserted(closed) = live.after(deny(READ_MESSAGE_HISTORY)).await else { panic!() };
    assert_eq!(closed.channel.visibility, Visibility::Private);
    assert_eq!(closed.access, Access::Denied(Denied::History));
    let Event::ChannelHidden(hidden) = live.after(deny(VIEW_CHANNEL)).await else { panic!() };
    assert_eq!(hidden.get(), general);
    let Event::ChannelUpserted(open) = live.after(deny(0)).await else { panic!() };
    assert_eq!((open.channel.name.as_str(), open.channel.visibility), ("general", Visibility::Public));
    let Event::ThreadsListed { parents, threads } = live.event().await else { panic!() };
    assert_eq!(parents.unwrap().iter().map(|id| id.get()).collect::<Vec<_>>(), [general]);
    assert_eq!(
        threads.iter().map(|thread| thread.channel.platform_id.get()).collect::<Vec<_>>(),
        live.simulator().threads(general)
    );
    assert!(threads.iter().all(|thread| thread.access == Access::Readable));
}

#[tokio::test(start_paused = true)]
async fn case_87_a_role_that_loses_a_right_closes_every_channel_at_once() {
    let mut live = Live::start().await;
    let everyone = live.simulator().guild_id();
    let set = |permissions: u64| json!({"op": "set_role", "role_id": everyone, "permissions": permissions});
    let Event::GuildChanged(closed) = live.after(set(0)).await else { panic!() };
    assert_eq!(closed.channels.len(), 2);
    assert!(closed.channels.iter().all(|channel| channel.channel.visibility == Visibility::Private));
    assert!(closed.channels.iter().all(|channel| channel.access == Access::Readable), "the bot's own role has it");
    assert_eq!((closed.name, closed.emojis, closed.stickers), (None, None, None));
    assert!(closed.roles.unwrap().len() > 10);
    let Event::GuildChanged(same) = live.after(set(0)).await else { panic!() };
    assert!(same.channels.is_empty());
    let Event::GuildChanged(open) = live.after(set(VIEW_CHANNEL | READ_MESSAGE_HISTORY)).await else { panic!() };
    assert!(open.channels.iter().all(|channel| channel.channel.visibility == Visibility::Public));
}

#[tokio::test(start_paused = true)]
async fn a_guilds_own_data_changes() {
    let mut live = Live::start().await;
    let before = live.world.structure().await;
    let created = live.act(&json!({"op": "create_role", "name": "new"}));
    let Event::GuildChanged(change) = live.event().await else { panic!() };
    assert_eq!(change.roles.unwrap().last().unwrap().name, "new");
    let Event::GuildChanged(change) = live.after(json!({"op": "delete_role", "role_id": created["id"]})).await else {
        panic!()
    };
    assert_eq!(change.roles, before.roles);
    let (emoji, sticker) = (before.emojis.unwrap().remove(0), before.stickers.unwrap().remove(0));
    let delete = |id: u64| json!({"op": "delete_expression", "id": id});
    let Event::GuildChanged(change) = live.after(delete(emoji.id.get())).await else { panic!() };
    assert!(change.emojis.is_some_and(|emojis| emojis.len() == 19 && !emojis.contains(&emoji)));
    let Event::GuildChanged(change) = live.after(delete(sticker.id.get())).await else { panic!() };
    assert!(change.stickers.is_some_and(|stickers| stickers.len() == 4 && !stickers.contains(&sticker)));
    let gate = json!({"op": "set_bot", "change": {"nsfw_level": 3}});
    let Event::GuildChanged(change) = live.after(gate).await else { panic!() };
    assert_eq!((change.name, change.channels.len()), (Some(before.name), 2));
    assert!(change.channels.iter().all(|channel| channel.channel.nsfw));
}

#[tokio::test(start_paused = true)]
async fn a_role_of_the_bot_opens_what_it_allows() {
    let plan = vec![ChannelPlan::new("general", kind::TEXT, 1), ChannelPlan::new("help", kind::FORUM, 0)];
    let mut live = Live::of(Options::planned(1, plan).unlimited()).await;
    let moderator = live.world.structure().await.roles.unwrap()[2].id;
    let give = json!({"op": "give_role", "role_id": moderator.to_string()});
    let Event::GuildChanged(change) = live.after(give).await else { panic!() };
    assert_eq!(change.channels.len(), 2);
    assert!(change.channels.iter().all(|channel| channel.manages_threads));
}

#[tokio::test(start_paused = true)]
async fn case_66_guild_unavailable_then_create_and_case_67_guild_delete_removed() {
    let mut live = Live::start().await;
    let set = |change: Value| json!({"op": "set_bot", "change": change});
    assert_eq!(live.after(set(json!({"unavailable": true}))).await, Event::GuildUnavailable);
    let back = live.after(set(json!({"unavailable": false}))).await;
    assert!(matches!(back, Event::GuildAvailable { .. }), "{back:?}");
    assert_eq!(live.after(set(json!({"removed": true}))).await, Event::GuildGone);
}

#[tokio::test(start_paused = true)]
async fn case_69_unknown_event_and_opcode_are_counted_and_change_nothing() {
    let mut live = Live::start().await;
    for _ in 0..2 {
        live.fault(&GatewayFault::UnknownOp);
        live.fault(&GatewayFault::UnknownEvent);
    }
    let guild_id = live.simulator().guild_id().to_string();
    let data = json!({"guild_id": guild_id, "channel_id": "5"});
    live.fault(&GatewayFault::Event { name: "MESSAGE_OF_TOMORROW".to_owned(), data });
    live.say("known");
    assert_eq!(live.contents("known").await, ["known"]);
    let stats = live.stats();
    assert_eq!((stats.unreadable, counts(&stats)["EVENT_OF_TOMORROW"]), (0, 2));
    assert_eq!(stats.unknown, 2 + 1, "an event without a guild is of no archive");
}

#[tokio::test(start_paused = true)]
async fn a_malformed_event_is_set_aside_and_the_stream_goes_on() {
    let mut live = Live::start().await;
    let (channel, guild) = (live.channel("general").to_string(), live.simulator().guild_id().to_string());
    let event = |name: &str, data: Value| GatewayFault::Event { name: name.to_owned(), data };
    let person = "184405311681986560";
    let in_channel = |mut data: Value| {
        data["channel_id"] = json!(channel);
        data["guild_id"] = json!(guild);
        data
    };
    live.fault(&event("MESSAGE_CREATE", in_channel(json!({"id": "none", "author": {"id": person}, "content": "x"}))));
    let Event::Message { change: MessageChange::Unreadable(entry), .. } = live.event().await else { panic!() };
    assert!(entry.message_id.is_none() && !entry.raw.unwrap().as_str().contains(person));
    let deep = (0..200).fold(json!(1), |inner, _| json!([inner]));
    live.fault(&event("MESSAGE_UPDATE", in_channel(json!({"id": "77", "embeds": deep}))));
    let Event::Message { change: MessageChange::Unreadable(entry), .. } = live.event().await else { panic!() };
    assert_eq!(entry.message_id.map(MessageId::get), Some(77));
    for (name, data) in [
        ("MESSAGE_DELETE", in_channel(json!({"id": []}))),
        ("MESSAGE_DELETE_BULK", in_channel(json!({"ids": [null, {}]}))),
        ("MESSAGE_REACTION_ADD", in_channel(json!({"message_id": "5", "emoji": 7, "user_id": person}))),
        ("MESSAGE_POLL_VOTE_ADD", in_channel(json!({"message_id": "5", "user_id": person}))),
        ("MESSAGE_CREATE", json!({"guild_id": guild, "id": "5"})),
        ("CHANNEL_UPDATE", json!({"guild_id": guild, "name": "no id"})),
        ("THREAD_CREATE", json!({"guild_id": guild, "id": "5", "type": 0})),
        ("GUILD_ROLE_UPDATE", json!({"guild_id": guild, "role": "none"})),
    ] {
        live.fault(&event(name, data));
    }
    live.say("after");
    assert_eq!(live.contents("after").await, ["after"]);
    assert_eq!((live.stats().unreadable, live.stats().reconnects), (10, 0));
}

#[tokio::test(start_paused = true)]
async fn a_guild_without_the_bots_roles_is_requested_whole() {
    let mut live = Live::start().await;
    let data = json!({"id": live.simulator().guild_id().to_string(), "name": "half", "channels": 5});
    live.fault(&GatewayFault::Event { name: "GUILD_CREATE".to_owned(), data });
    let Event::GuildAvailable { structure, threads } = live.event().await else { panic!() };
    let requested = live.world.structure().await;
    assert_eq!((structure.name, structure.channels.len(), threads.len()), (requested.name, 2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_message_for_one_user_alone_is_not_archived() {
    let mut live = Live::start().await;
    let general = live.channel("general");
    live.act(&json!({"op": "send", "channel_id": general, "content": "for one", "raw": {"flags": 64}}));
    live.say("for all");
    assert_eq!(live.contents("for all").await, ["for all"]);
}

/// A resumed session begins without the guild. Then its rights are requested when an event needs them, and all channels
/// count as changed.
#[tokio::test(start_paused = true)]
async fn the_rights_of_a_resumed_session_are_requested_when_they_are_needed() {
    let mut live = Live::start().await;
    live.close().await;
    live.resume();
    let asked = live.world.asked("/guilds/{g}");
    live.say("no rights needed");
    assert_eq!(live.contents("no rights needed").await, ["no rights needed"]);
    assert_eq!(live.world.asked("/guilds/{g}"), asked);
    let everyone = live.simulator().guild_id();
    let set = json!({"op": "set_role", "role_id": everyone, "permissions": 0});
    let Event::GuildChanged(change) = live.after(set).await else { panic!() };
    assert_eq!(change.channels.len(), 2);
    assert_eq!(live.world.asked("/guilds/{g}"), asked + 1);
    live.simulator()
        .act(discord_simulator::Act::SetBot { change: BotChange { nsfw_level: Some(1), ..BotChange::default() } })
        .unwrap();
    let Event::GuildChanged(_) = live.event().await else { panic!() };
    assert_eq!(live.world.asked("/guilds/{g}"), asked + 1, "and kept");
}
