//! What the bot may not see, or no longer.

use discord_simulator::{Act, BotChange, ChannelChange, ChannelPlan, Rights, Subject, VIEW_CHANNEL, kind};
use domain::coverage::CoverageState;
use domain::job::JobState;
use domain::visibility::Visibility;

use super::world::{MESSAGES, World};

/// Takes the right to view a channel from everybody.
fn close(world: &World, channel_id: u64) {
    let everybody = world.simulator.guild_id();
    let act = Act::SetOverwrite { channel_id, id: everybody, subject: Subject::Role, allow: 0, deny: VIEW_CHANNEL };
    world.simulator.act(act).unwrap();
}

fn change_bot(world: &World, change: BotChange) {
    world.simulator.act(Act::SetBot { change }).unwrap();
}

#[tokio::test(start_paused = true)]
async fn no_history_permission_voice_without_connect_and_view_denied() {
    let world = World::of(vec![
        ChannelPlan::new("silent", kind::TEXT, 50).rights(Rights::NoHistory),
        ChannelPlan::new("closed", kind::VOICE, 50).rights(Rights::NoConnect),
        ChannelPlan::new("hidden", kind::TEXT, 50).rights(Rights::Hidden),
        ChannelPlan::new("open", kind::TEXT, 50),
    ])
    .await;
    assert_eq!(world.sync().await.state, JobState::Done);
    for (name, reason) in [("silent", "no_history"), ("closed", "no_connect")] {
        let coverage = world.coverage(world.id(name)).await.unwrap();
        assert_eq!((coverage.state(), coverage.reason.as_deref()), (CoverageState::Unreadable, Some(reason)));
    }
    assert_eq!(world.coverage(world.id("hidden")).await, None);
    assert_eq!(world.held(world.id("open")).await, world.true_ids(world.id("open")));
    assert_eq!(world.asked(MESSAGES), 2, "only the open channel was asked for");
    assert_eq!(world.simulator.totals().by_status.keys().copied().collect::<Vec<_>>(), [200]);
}

#[tokio::test(start_paused = true)]
async fn category_forum_directory_are_not_asked_for_messages() {
    let kinds = [("category", kind::CATEGORY), ("forum", kind::FORUM), ("media", kind::MEDIA)];
    let world = World::of(kinds.map(|(name, kind)| ChannelPlan::new(name, kind, 0)).to_vec()).await;
    assert_eq!(world.sync().await.state, JobState::Done);
    assert_eq!(world.asked(MESSAGES), 0);
    for (name, _) in kinds {
        assert_eq!(world.channel(world.id(name)).await.unwrap().name, name);
    }
}

#[tokio::test(start_paused = true)]
async fn permission_revoked_mid_backfill() {
    let world = World::channel_of(350).await;
    let general = world.id("general");
    world.sync_when(100, || close(&world, general)).await;
    let held = world.held(general).await;
    assert_eq!(held, world.true_ids(general).split_off(350 - held.len()), "what was read stays");
    assert!(!held.is_empty() && held.len() < 350);
    let coverage = world.coverage(general).await.unwrap();
    assert_eq!((coverage.state(), coverage.reason.as_deref()), (CoverageState::Partial, Some("no_permission")));
    assert_eq!(world.channel(general).await.unwrap().visibility, Visibility::Public);
    let asked = world.asked(MESSAGES);
    // The next run finds it gone from the list, and hides it.
    world.sync().await;
    assert_eq!(world.channel(general).await.unwrap().visibility, Visibility::Private);
    assert_eq!((world.asked(MESSAGES), world.held(general).await), (asked, held));
    let act = Act::RemoveOverwrite { channel_id: general, id: world.simulator.guild_id() };
    world.simulator.act(act).unwrap();
    world.sync().await;
    assert_eq!(world.held(general).await, world.true_ids(general));
    let coverage = world.coverage(general).await.unwrap();
    assert_eq!((coverage.state(), coverage.reason), (CoverageState::Complete, None));
    assert_eq!(world.channel(general).await.unwrap().visibility, Visibility::Public);
}

#[tokio::test(start_paused = true)]
async fn channel_deleted_404_mid_backfill() {
    let world = World::channel_of(350).await;
    let general = world.id("general");
    let newest = world.true_ids(general).split_off(250);
    let remove = || drop(world.simulator.act(Act::DeleteChannel { channel_id: general }).unwrap());
    assert_eq!(world.sync_when(100, remove).await.state, JobState::Done);
    assert_eq!(world.held(general).await, newest);
    assert_eq!(world.coverage(general).await.unwrap().reason.as_deref(), Some("deleted"));
    let asked = world.simulator.requests(0).len();
    assert_eq!(world.sync().await.state, JobState::Done);
    let again: Vec<&str> = world.simulator.requests(0).into_iter().skip(asked).map(|request| request.route).collect();
    assert!(!again.iter().any(|route| ["/channels/{c}", MESSAGES].contains(route)), "{again:?}");
}

#[tokio::test(start_paused = true)]
async fn content_intent_off_at_start() {
    let world = World::channel_of(50).await;
    change_bot(&world, BotChange { content: Some(false), ..BotChange::default() });
    let job = world.sync().await;
    assert_eq!(job.state, JobState::Failed);
    assert!(job.error.unwrap().contains("message content"));
    assert_eq!((world.asked(MESSAGES), world.held(world.id("general")).await.len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn content_intent_lost_mid_run() {
    let world = World::channel_of(350).await;
    let general = world.id("general");
    let off = || change_bot(&world, BotChange { content: Some(false), ..BotChange::default() });
    let job = world.sync_when(100, off).await;
    assert_eq!(job.state, JobState::Failed);
    let held = world.held(general).await;
    assert_eq!(held, world.true_ids(general).split_off(250));
    for id in held {
        let content = world.find(general, id).await.unwrap().message;
        let empty = content.content.is_empty() && content.attachments.is_empty() && content.embeds.is_none();
        let shown = world.simulator.messages(general, id - 1, 1).remove(0);
        assert!(!empty || shown["content"] == "", "{id} was blanked");
    }
    change_bot(&world, BotChange { content: Some(true), ..BotChange::default() });
    assert_eq!(world.sync().await.state, JobState::Done);
    assert_eq!(world.held(general).await, world.true_ids(general));
}

#[tokio::test(start_paused = true)]
async fn token_refused_mid_run_ends_it() {
    let world = World::of(vec![
        ChannelPlan::new("one", kind::TEXT, 350),
        ChannelPlan::new("two", kind::TEXT, 350),
        ChannelPlan::new("three", kind::TEXT, 350),
    ])
    .await;
    let revoke = || change_bot(&world, BotChange { token_revoked: Some(true), ..BotChange::default() });
    let job = world.sync_when(100, revoke).await;
    assert_eq!(job.state, JobState::Failed);
    assert!(job.error.unwrap().contains("token"));
    assert!(world.simulator.totals().by_status[&401] <= 3);
}

#[tokio::test(start_paused = true)]
async fn channel_moves_category_and_type_0_to_5() {
    let world = World::of(vec![
        ChannelPlan::new("first", kind::CATEGORY, 0),
        ChannelPlan::new("general", kind::TEXT, 150),
        ChannelPlan::new("second", kind::CATEGORY, 0),
    ])
    .await;
    world.sync().await;
    let (general, second) = (world.id("general"), world.id("second"));
    let before = world.channel(general).await.unwrap();
    let change = ChannelChange {
        kind: Some(kind::ANNOUNCEMENT),
        parent_id: Some(second),
        name: Some("renamed".to_owned()),
        ..ChannelChange::default()
    };
    world.simulator.act(Act::UpdateChannel { channel_id: general, change }).unwrap();
    world.sync().await;
    let after = world.channel(general).await.unwrap();
    assert_eq!((after.id, after.slug.as_str(), after.name.as_str()), (before.id, "general", "renamed"));
    assert_eq!((after.kind.0, after.parent_id), (i32::from(kind::ANNOUNCEMENT), Some(world.of_channel(second))));
    assert_eq!(world.held(general).await, world.true_ids(general));
}

#[tokio::test(start_paused = true)]
async fn two_channels_of_one_name_have_two_slugs() {
    let world =
        World::of(vec![ChannelPlan::new("general", kind::TEXT, 5), ChannelPlan::new("general", kind::TEXT, 5)]).await;
    assert_eq!(world.sync().await.state, JobState::Done);
    let mut slugs = Vec::new();
    for id in world.simulator.channels() {
        slugs.push(world.channel(id).await.unwrap().slug.to_string());
    }
    slugs.sort();
    assert_eq!(slugs, ["general", "general-2"]);
}
