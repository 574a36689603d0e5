//! A whole guild, and its parts that must stay hidden.

use std::collections::BTreeMap;

use discord_simulator::{
    Act, BotChange, ChannelPlan, GuildSize, Options, Overwrite, Rights, Subject, VIEW_CHANNEL, kind,
};
use domain::access::{Access, Denied, GuildChannel, GuildStructure};
use domain::message::MessageId;
use domain::visibility::Visibility;
use ports::guild::{FetchedPage, GoneItem, GuildError, GuildSource as _, MessageCursor};

use crate::world::{World, ids, true_ids};

/// Every thread of the guild, active first, then the archived ones of every channel.
async fn threads(world: &World, structure: &GuildStructure) -> BTreeMap<u64, GuildChannel> {
    let mut found = BTreeMap::new();
    let active = world.client.active_threads(&world.scope, structure).await.unwrap();
    found.extend(active.into_iter().map(|thread| (thread.channel.platform_id.get(), thread)));
    for parent in &structure.channels {
        for list in parent.archived_lists() {
            let mut cursor = None;
            loop {
                let page = world.client.archived_threads(&world.scope, parent, *list, cursor).await.unwrap();
                assert!(!page.incomplete);
                found.extend(page.threads.into_iter().map(|thread| (thread.channel.platform_id.get(), thread)));
                let Some(next) = page.next else { break };
                cursor = Some(next);
            }
        }
    }
    found
}

#[tokio::test(start_paused = true)]
async fn a_small_guild_read_through_the_port_is_what_the_ledger_says() {
    let world = World::start(Options::new(7, GuildSize::Small).unlimited()).await;
    let identity = world.client.identify().await.unwrap();
    assert!(identity.reads_content && identity.reads_members);
    let guilds = world.client.guilds().await.unwrap();
    assert_eq!(guilds.iter().map(|guild| guild.id).collect::<Vec<_>>(), [world.scope.guild]);
    let structure = world.structure().await;
    let threads = threads(&world, &structure).await;
    let seen: BTreeMap<u64, &GuildChannel> = structure
        .channels
        .iter()
        .map(|channel| (channel.channel.platform_id.get(), channel))
        .chain(threads.iter().map(|(id, thread)| (*id, thread)))
        .collect();
    let mut all: Vec<FetchedPage> = Vec::new();
    let mut total = 0;
    for id in world.simulator.channels() {
        let ledger = world.simulator.ledger(id).unwrap();
        match (ledger.unreadable, seen.get(&id)) {
            (None, Some(channel)) => {
                assert!(channel.holds_messages() && channel.access == Access::Readable);
                let pages = world.walk(channel, MessageCursor::Before(MessageId::MAX)).await;
                let held = ids(&pages);
                assert_eq!(held, true_ids(&world.simulator, id), "{}", channel.channel.name);
                assert_eq!(held.len() as u64, ledger.count);
                assert!(pages.last().unwrap().page.interval().unwrap().reaches_start());
                total += ledger.count;
                all.extend(pages);
            }
            (None, None) => panic!("channel {id} was not found"),
            (Some("holds no messages"), Some(channel)) => assert!(!channel.holds_messages()),
            (Some(reason), Some(channel)) => {
                let expected = match reason {
                    "no history" => Denied::History,
                    "no connect" => Denied::Connect,
                    _ => Denied::View,
                };
                assert_eq!(channel.access, Access::Denied(expected), "{reason}");
                let refused = world.newest(channel).await;
                assert_eq!(refused, Err(GuildError::Forbidden(expected)));
            }
            (Some(reason), None) => assert_eq!(reason, "no access"),
        }
    }
    assert!(total > 4000 && threads.len() > 50, "{total} {}", threads.len());
    assert_eq!(world.simulator.totals().by_status.keys().copied().collect::<Vec<_>>(), [200]);
    let everything = format!("{structure:?} {threads:?} {all:?}");
    let traces = world.simulator.traces_of_people();
    assert!(traces.len() > 300, "{}", traces.len());
    for trace in traces {
        assert!(!everything.contains(&trace), "{trace} is left");
    }
}

#[tokio::test(start_paused = true)]
async fn names_of_roles_emoji_and_stickers_come_with_the_structure() {
    let world = World::start(Options::new(7, GuildSize::Small).unlimited()).await;
    let structure = world.structure().await;
    let (roles, emojis, stickers) = (structure.roles.unwrap(), structure.emojis.unwrap(), structure.stickers.unwrap());
    assert_eq!((roles.len(), emojis.len(), stickers.len()), (15, 20, 5));
    assert_eq!((roles[0].name.as_str(), roles[0].id.get()), ("@everyone", world.scope.guild.get()));
    assert!(roles.is_sorted_by_key(|role| role.position) && roles[2].color.is_some() && roles[1].color.is_none());
    assert!(emojis.iter().any(|emoji| emoji.animated) && emojis.is_sorted_by_key(|emoji| emoji.id));
    assert_eq!(stickers.iter().filter(|sticker| sticker.format == "lottie").count(), 1);
    assert!(structure.channels.is_sorted_by_key(|channel| (channel.channel.position, channel.channel.platform_id)));
    assert!(!structure.name.is_empty());
}

#[tokio::test(start_paused = true)]
async fn only_what_everyone_may_read_is_public() {
    let world = World::start(Options::new(7, GuildSize::Small).unlimited()).await;
    let structure = world.structure().await;
    let public = |name: &str| {
        let found = structure.channels.iter().find(|channel| channel.channel.name == name).unwrap();
        found.channel.is_public(None)
    };
    for name in ["welcome", "general", "announcements", "help", "lounge", "open-in-a-closed-category"] {
        assert!(public(name), "{name}");
    }
    for name in ["staff-room", "no-history", "locked-room", "Staff"] {
        assert!(!public(name), "{name}");
    }
    assert!(structure.channels.iter().all(|channel| channel.channel.name != "hidden"));
    let staff = structure.channels.iter().find(|channel| channel.channel.name == "staff-room").unwrap();
    let threads = threads(&world, &structure).await;
    let of_staff: Vec<_> =
        threads.values().filter(|thread| thread.channel.parent_id == Some(staff.channel.id)).collect();
    assert!(of_staff.len() >= 3);
    assert!(of_staff.iter().all(|thread| !thread.channel.is_public(Some(&staff.channel))));
    let dark = structure.channels.iter().find(|channel| channel.channel.name == "after-dark").unwrap();
    let inside = threads.values().find(|thread| thread.channel.parent_id == Some(dark.channel.id)).unwrap();
    assert!(dark.channel.nsfw && inside.channel.nsfw && !staff.channel.nsfw);
}

#[tokio::test(start_paused = true)]
async fn nsfw_level_3_guild_gates_every_channel() {
    let (world, general) = World::channel_of(3, Vec::new()).await;
    assert!(!general.channel.nsfw);
    let change = BotChange { nsfw_level: Some(3), ..BotChange::default() };
    world.simulator.act(Act::SetBot { change }).unwrap();
    assert!(world.channel("general").await.channel.nsfw);
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_is_hidden_and_one_that_is_gone_are_told_apart() {
    let world = World::of(vec![
        ChannelPlan::new("hidden", kind::TEXT, 3).rights(Rights::Hidden),
        ChannelPlan::new("general", kind::TEXT, 3),
    ])
    .await;
    let structure = world.structure().await;
    let find =
        async |id: u64| world.client.find_channel(&world.scope, &structure, id.to_string().parse().unwrap()).await;
    let hidden = world.simulator.channel("hidden").unwrap();
    assert_eq!(find(hidden).await, Err(GuildError::Forbidden(Denied::View)));
    let general = world.simulator.channel("general").unwrap();
    let found = find(general).await.unwrap();
    let mut listed = structure.channels[0].clone();
    assert!(found.channel.observed_at > listed.channel.observed_at, "each has the time of its own request");
    listed.channel.observed_at = found.channel.observed_at;
    assert_eq!(found, listed);
    world.simulator.act(Act::DeleteChannel { channel_id: general }).unwrap();
    assert_eq!(find(general).await, Err(GuildError::Gone(GoneItem::Channel)));
    let read = world.newest(&structure.channels[0]).await;
    assert_eq!(read, Err(GuildError::Gone(GoneItem::Channel)));
}

#[tokio::test(start_paused = true)]
async fn a_guild_that_the_bot_was_removed_from_is_gone() {
    let (world, _) = World::channel_of(3, Vec::new()).await;
    let change = BotChange { removed: Some(true), ..BotChange::default() };
    world.simulator.act(Act::SetBot { change }).unwrap();
    let gone = world.client.structure(&world.scope).await;
    assert_eq!(gone, Err(GuildError::Gone(GoneItem::Guild)));
}

#[tokio::test(start_paused = true)]
async fn history_that_is_taken_away_while_it_is_read_is_no_empty_channel() {
    let (world, general) = World::channel_of(150, Vec::new()).await;
    let first = world.newest(&general).await.unwrap();
    let channel_id = world.simulator.channel("general").unwrap();
    let everyone = Overwrite::role(world.simulator.guild_id(), 0, discord_simulator::READ_MESSAGE_HISTORY);
    let close =
        Act::SetOverwrite { channel_id, id: everyone.id, subject: Subject::Role, allow: 0, deny: everyone.deny };
    world.simulator.act(close).unwrap();
    let bot_role = world.structure().await.roles.unwrap()[1].id.get();
    let close = Act::SetOverwrite { channel_id, id: bot_role, subject: Subject::Role, allow: 0, deny: everyone.deny };
    world.simulator.act(close).unwrap();
    let second = world.fetch(&general, first.next.unwrap()).await;
    assert_eq!(second, Err(GuildError::Forbidden(Denied::History)));
    let again = world.channel("general").await;
    assert_eq!((again.access, again.channel.visibility), (Access::Denied(Denied::History), Visibility::Private));
    let asked = world.asked("/channels/{c}/messages");
    assert_eq!(world.newest(&again).await, Err(GuildError::Forbidden(Denied::History)));
    assert_eq!(world.asked("/channels/{c}/messages"), asked, "nothing is asked that cannot be answered");
}

#[tokio::test(start_paused = true)]
async fn a_channel_closed_to_the_bot_is_forbidden_and_the_others_go_on() {
    let (world, general) = World::channel_of(5, Vec::new()).await;
    let channel_id = world.simulator.channel("general").unwrap();
    let id = world.structure().await.roles.unwrap()[1].id.get();
    let close = Act::SetOverwrite { channel_id, id, subject: Subject::Role, allow: 0, deny: VIEW_CHANNEL };
    world.simulator.act(close).unwrap();
    assert_eq!(world.newest(&general).await, Err(GuildError::Forbidden(Denied::View)));
    assert_eq!(world.asked("/channels/{c}/messages"), 1);
    assert!(world.structure().await.channels.is_empty());
}

#[tokio::test(start_paused = true)]
async fn many_ends_at_once_share_a_look_at_the_rights() {
    let plan = (0..60).map(|number| ChannelPlan::new(&format!("c{number}"), kind::TEXT, 3)).collect();
    let world = World::of(plan).await;
    let structure = world.structure().await;
    let walks = structure.channels.iter().map(|channel| world.walk(channel, MessageCursor::Before(MessageId::MAX)));
    let pages = futures::future::join_all(walks).await;
    assert!(pages.iter().all(|pages| ids(pages).len() == 3 && pages.len() == 2));
    let asked = world.asked("/guilds/{g}/channels");
    assert!(asked <= 20, "{asked} requests for 60 ends");
}
