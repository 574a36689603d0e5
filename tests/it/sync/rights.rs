//! Content that the bot may not see, or no longer.

use discord_simulator::{Act, BotChange, ChannelChange, ChannelPlan, Fault, FaultRule, Rights, kind};
use domain::channel::Channel;
use domain::coverage::CoverageState;
use domain::job::JobState;
use domain::visibility::Visibility;

use super::backend::{Backend, cases};
use super::world::{MESSAGES, SyncOptions, World};

cases![
    no_history_permission,
    view_denied_403,
    voice_text_without_connect,
    a_hidden_channel_is_not_asked_for,
    a_channel_that_is_listed_as_hidden_is_hidden,
    category_forum_directory,
    permission_revoked_mid_backfill,
    channel_deleted_404_mid_backfill,
    content_intent_off_at_start,
    content_intent_lost_mid_run,
    channel_moves_category,
    type_0_to_5,
    two_channels_of_one_name_have_two_slugs,
];

/// Reads an open channel and one with these rights, whose messages are not requested; returns the reason recorded for
/// it.
async fn refused(backend: Backend, kind: u8, rights: Rights) -> String {
    let plan = vec![
        ChannelPlan::new("closed", kind, 50).rights(rights),
        ChannelPlan::new("open", discord_simulator::kind::TEXT, 50),
    ];
    let world = World::of(backend, plan).await;
    assert_eq!(world.sync().await.state, JobState::Done);
    world.assert_whole(world.id("open")).await;
    assert_eq!(world.asked(MESSAGES), 2, "only the open channel was asked for");
    assert_eq!(world.simulator.totals().by_status.keys().copied().collect::<Vec<_>>(), [200]);
    let coverage = world.coverage(world.id("closed")).await.unwrap();
    assert_eq!((coverage.state(), coverage.interval), (CoverageState::Unreadable, None), "it is not called empty");
    coverage.reason.unwrap()
}

async fn no_history_permission(backend: Backend) {
    assert_eq!(refused(backend, kind::TEXT, Rights::NoHistory).await, "no_history");
}

async fn voice_text_without_connect(backend: Backend) {
    for kind in [kind::VOICE, kind::STAGE] {
        assert_eq!(refused(backend, kind, Rights::NoConnect).await, "no_connect");
    }
}

async fn view_denied_403(backend: Backend) {
    let plan = ["closed", "one", "two"].map(|name| ChannelPlan::new(name, kind::TEXT, 250)).to_vec();
    let world = World::of(backend, plan).await;
    let closed = world.id("closed");
    world.simulator.fault(FaultRule::on(MESSAGES, 0, Fault::NoAccess).in_channel(closed));
    assert_eq!(world.sync().await.state, JobState::Done);
    let coverage = world.coverage(closed).await.unwrap();
    assert_eq!((coverage.state(), coverage.reason.as_deref()), (CoverageState::Unreadable, Some("no_permission")));
    assert_eq!(world.simulator.totals().by_status[&403], 1);
    for name in ["one", "two"] {
        world.assert_whole(world.id(name)).await;
    }
}

async fn a_hidden_channel_is_not_asked_for(backend: Backend) {
    let world = World::of(backend, vec![ChannelPlan::new("hidden", kind::TEXT, 50).rights(Rights::Hidden)]).await;
    assert_eq!(world.sync().await.state, JobState::Done);
    assert_eq!((world.coverage(world.id("hidden")).await, world.asked(MESSAGES)), (None, 0));
}

async fn a_channel_that_is_listed_as_hidden_is_hidden(backend: Backend) {
    let world = World::channel_of(backend, 50).await;
    let general = world.id("general");
    world.sync().await;
    let before = world.channel(general).await.unwrap();
    assert_eq!(before.visibility, Visibility::Public);
    world.change_bot(BotChange { lists_hidden: Some(true), ..BotChange::default() });
    world.close(general);
    assert_eq!(world.sync().await.state, JobState::Done);
    let after = world.channel(general).await.unwrap();
    assert!(after.observed_at > before.observed_at);
    let expected = Channel { visibility: Visibility::Private, observed_at: after.observed_at, ..before };
    assert_eq!(after, expected, "its name and all else stay");
    assert_eq!(world.coverage(general).await.unwrap().reason.as_deref(), Some("no_permission"));
    assert_eq!(world.asked("/channels/{c}"), 0, "it exists, so it is not requested");
}

async fn category_forum_directory(backend: Backend) {
    let kinds =
        [("category", kind::CATEGORY), ("forum", kind::FORUM), ("media", kind::MEDIA), ("directory", kind::DIRECTORY)];
    let world = World::of(backend, kinds.map(|(name, kind)| ChannelPlan::new(name, kind, 0)).to_vec()).await;
    assert_eq!(world.sync().await.state, JobState::Done);
    assert_eq!(world.asked(MESSAGES), 0);
    for (name, _) in kinds {
        assert_eq!(world.channel(world.id(name)).await.unwrap().name, name);
    }
}

async fn permission_revoked_mid_backfill(backend: Backend) {
    let world = World::channel_of(backend, 350).await;
    let general = world.id("general");
    world.sync_when(100, || world.close(general)).await;
    let held = world.held(general).await;
    assert_eq!(held, world.true_ids(general).split_off(350 - held.len()), "what was read stays");
    assert!(!held.is_empty() && held.len() < 350);
    let coverage = world.coverage(general).await.unwrap();
    assert_eq!((coverage.state(), coverage.reason.as_deref()), (CoverageState::Partial, Some("no_permission")));
    assert_eq!(world.channel(general).await.unwrap().visibility, Visibility::Public);
    assert_eq!(world.simulator.totals().by_status[&403], 1, "it is not requested again");
    let asked = world.asked(MESSAGES);
    // The next run finds it missing from the list, and hides it.
    world.sync().await;
    assert_eq!(world.channel(general).await.unwrap().visibility, Visibility::Private);
    assert_eq!((world.asked(MESSAGES), world.held(general).await), (asked, held));
    let act = Act::RemoveOverwrite { channel_id: general, id: world.simulator.guild_id() };
    world.simulator.act(act).unwrap();
    world.sync().await;
    world.assert_whole(general).await;
    assert_eq!(world.coverage(general).await.unwrap().reason, None);
    assert_eq!(world.channel(general).await.unwrap().visibility, Visibility::Public);
}

async fn channel_deleted_404_mid_backfill(backend: Backend) {
    let world = World::channel_of(backend, 350).await;
    let general = world.id("general");
    let newest = world.true_ids(general).split_off(250);
    let remove = || drop(world.simulator.act(Act::DeleteChannel { channel_id: general }).unwrap());
    assert_eq!(world.sync_when(100, remove).await.state, JobState::Done);
    assert_eq!(world.held(general).await, newest);
    assert_eq!(world.coverage(general).await.unwrap().reason.as_deref(), Some("deleted"));
    assert_eq!(world.channel(general).await.unwrap().visibility, Visibility::Private, "no reader sees it");
    let asked = world.simulator.requests(0).len();
    assert_eq!(world.sync().await.state, JobState::Done);
    let again: Vec<&str> = world.simulator.requests(0).into_iter().skip(asked).map(|request| request.route).collect();
    assert!(!again.iter().any(|route| ["/channels/{c}", MESSAGES].contains(route)), "{again:?}");
}

async fn content_intent_off_at_start(backend: Backend) {
    let world = World::channel_of(backend, 50).await;
    world.change_bot(BotChange { content: Some(false), ..BotChange::default() });
    let job = world.sync().await;
    assert_eq!(job.state, JobState::Failed);
    assert!(job.error.unwrap().contains("message content"));
    assert_eq!((world.asked(MESSAGES), world.held(world.id("general")).await.len()), (0, 0));
}

async fn content_intent_lost_mid_run(backend: Backend) {
    let world = World::channel_of(backend, 350).await;
    let general = world.id("general");
    let off = || world.change_bot(BotChange { content: Some(false), ..BotChange::default() });
    let job = world.sync_when(100, off).await;
    assert_eq!(job.state, JobState::Failed);
    assert!(job.error.unwrap().contains("message content"), "the alarm");
    let held = world.held(general).await;
    assert_eq!(held, world.true_ids(general).split_off(250));
    let stored = async || {
        let mut stored = Vec::new();
        for id in &held {
            stored.push(world.find(general, *id).await.unwrap().message);
        }
        stored
    };
    let before = stored().await;
    // A full run over the stored messages fails as well, and clears no content.
    let job = world.run(SyncOptions { full: true, ..Default::default() }).await;
    assert_eq!(job.state, JobState::Failed);
    assert_eq!(stored().await, before);
    assert!(before.iter().filter(|message| !message.content.is_empty()).count() > 50);
    world.change_bot(BotChange { content: Some(true), ..BotChange::default() });
    assert_eq!(world.sync().await.state, JobState::Done);
    world.assert_whole(general).await;
}

/// Returns a stored channel before and after a change and another run.
async fn changed(
    backend: Backend,
    change: impl FnOnce(&World) -> ChannelChange,
) -> (World, [domain::channel::Channel; 2]) {
    let plan = vec![
        ChannelPlan::new("first", kind::CATEGORY, 0),
        ChannelPlan::new("general", kind::TEXT, 150),
        ChannelPlan::new("second", kind::CATEGORY, 0),
    ];
    let world = World::of(backend, plan).await;
    world.sync().await;
    let general = world.id("general");
    let before = world.channel(general).await.unwrap();
    let change = change(&world);
    world.simulator.act(Act::UpdateChannel { channel_id: general, change }).unwrap();
    let job = world.sync().await;
    assert_eq!((job.state, job.progress.messages), (JobState::Done, 0), "its history is not read again");
    assert_eq!(world.held(general).await, world.true_ids(general));
    let after = world.channel(general).await.unwrap();
    assert_eq!((after.id, after.slug.as_str()), (before.id, "general"));
    (world, [before, after])
}

async fn channel_moves_category(backend: Backend) {
    let to = |world: &World| ChannelChange {
        parent_id: Some(world.id("second")),
        name: Some("renamed".to_owned()),
        ..ChannelChange::default()
    };
    let (world, [before, after]) = changed(backend, to).await;
    let of = |name| Some(world.of_channel(world.id(name)));
    assert_eq!((before.parent_id, after.parent_id), (of("first"), of("second")));
    assert_eq!((before.name.as_str(), after.name.as_str()), ("general", "renamed"));
}

async fn type_0_to_5(backend: Backend) {
    let to = |kind| ChannelChange { kind: Some(kind), ..ChannelChange::default() };
    let (world, [before, after]) = changed(backend, |_| to(kind::ANNOUNCEMENT)).await;
    assert_eq!((before.kind.0, after.kind.0), (0, 5));
    let general = world.id("general");
    world.simulator.act(Act::UpdateChannel { channel_id: general, change: to(kind::TEXT) }).unwrap();
    world.sync().await;
    let again = world.channel(general).await.unwrap();
    assert!(again.observed_at > after.observed_at);
    assert_eq!(again, Channel { observed_at: again.observed_at, ..before });
}

async fn two_channels_of_one_name_have_two_slugs(backend: Backend) {
    let plan = vec![ChannelPlan::new("general", kind::TEXT, 5), ChannelPlan::new("general", kind::TEXT, 5)];
    let world = World::of(backend, plan).await;
    assert_eq!(world.sync().await.state, JobState::Done);
    let mut slugs = Vec::new();
    for id in world.simulator.channels() {
        slugs.push(world.channel(id).await.unwrap().slug.to_string());
    }
    slugs.sort();
    assert_eq!(slugs, ["general", "general-2"]);
}
