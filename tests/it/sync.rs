//! Copying a guild from a simulated Discord: whatever happens meanwhile, the archive in the end equals the guild.

mod absent;
mod backend;
mod content;
mod doctor;
mod exposure;
mod faults;
mod files;
mod items;
mod kills;
mod leases;
mod limits;
mod live;
mod patrol;
mod people;
mod pictures;
mod posts;
mod program;
mod removals;
mod resume;
mod rights;
mod shown;
mod slow;
mod threads;
mod units;
mod walk;
mod window;
mod with;
mod worker;
mod world;

use discord_simulator::{GuildSize, Options};
use domain::coverage::CoverageState;
use domain::job::{JobKind, JobState};

use self::backend::{Backend, cases};
use self::world::{MESSAGES, SyncOptions, World};

cases![
    a_small_guild_is_held_as_the_ledger_says_and_a_second_run_changes_nothing,
    what_is_new_edited_and_deleted_of_late_is_found_by_the_next_run,
    a_full_run_repairs_what_changed_long_ago,
];

async fn a_small_guild_is_held_as_the_ledger_says_and_a_second_run_changes_nothing(backend: Backend) {
    let world = World::start(backend, Options::new(7, GuildSize::Small).unlimited()).await;
    let job = world.sync().await;
    assert_eq!((job.state, job.kind, job.error.as_deref()), (JobState::Done, JobKind::Incremental, None));
    let mut total = 0;
    for id in world.simulator.channels() {
        let ledger = world.simulator.ledger(id).unwrap();
        match ledger.unreadable {
            None => {
                world.assert_whole(id).await;
                total += ledger.count;
            }
            Some("holds no messages" | "no access") => {}
            Some(reason) => {
                let coverage = world.coverage(id).await.unwrap_or_else(|| panic!("channel {id} is not held"));
                assert_eq!(coverage.state(), CoverageState::Unreadable, "{reason}");
                assert_eq!(coverage.reason, Some(reason.replace(' ', "_")));
            }
        }
    }
    assert!(total > 4_000, "{total}");
    assert_eq!(job.progress.messages, total);
    assert!(job.progress.channels_done == job.progress.channels_total && job.progress.channels_total > 70);

    let (asked, changed) = (world.asked(MESSAGES), world.last_change().await);
    let again = world.sync().await;
    assert_eq!((again.state, again.progress.messages), (JobState::Done, 0));
    assert_eq!((world.asked(MESSAGES), world.changes_since(changed).await), (asked, vec![]));
    assert_ne!(again.id, job.id);
}

#[tokio::test(start_paused = true)]
async fn no_person_of_the_guild_is_in_any_byte_of_the_archive() {
    let world = World::start(Backend::Sqlite, Options::new(3, GuildSize::Small).unlimited()).await;
    assert_eq!(world.sync().await.state, JobState::Done);
    let traces = world.simulator.traces_of_people();
    assert!(traces.len() > 300, "{}", traces.len());
    let files: Vec<Vec<u8>> = world.files();
    assert!(files.iter().map(Vec::len).sum::<usize>() > 1_000_000);
    for trace in traces {
        let found = files.iter().any(|file| memchr::memmem::find(file, trace.as_bytes()).is_some());
        assert!(!found, "{trace} is left");
    }
}

async fn what_is_new_edited_and_deleted_of_late_is_found_by_the_next_run(backend: Backend) {
    let world = World::channel_of(backend, 250).await;
    let general = world.id("general");
    world.sync().await;
    // Recent messages: the generated ones are years old.
    for number in 0..150 {
        world.send(general, &format!("new {number}"));
    }
    world.sync().await;
    assert_eq!(world.held(general).await, world.true_ids(general));
    let recent = world.true_ids(general).split_off(250);
    world.edit(general, recent[10], "changed");
    world.delete(general, &[recent[20], recent[149]]);
    world.simulator.clock().advance(1_000);
    let job = world.sync().await;
    world.assert_whole(general).await;
    assert_eq!(world.find(general, recent[10]).await.unwrap().message.content, "changed");
    assert!(world.find(general, recent[20]).await.unwrap().is_deleted());
    assert!(job.progress.messages < 250, "what is old is not read again: {}", job.progress.messages);
}

async fn a_full_run_repairs_what_changed_long_ago(backend: Backend) {
    let world = World::channel_of(backend, 250).await;
    let general = world.id("general");
    world.sync().await;
    let ids = world.true_ids(general);
    world.edit(general, ids[3], "changed");
    world.delete(general, &[ids[4]]);
    world.sync().await;
    assert!(world.held(general).await.contains(&ids[4]), "an incremental run does not look there");
    let job = world.run(SyncOptions { full: true, ..SyncOptions::default() }).await;
    assert_eq!(job.kind, JobKind::Full);
    world.assert_whole(general).await;
    assert_eq!(world.find(general, ids[3]).await.unwrap().message.content, "changed");
    let job = world.store.read().await.unwrap().jobs().find(job.id).await.unwrap().unwrap();
    assert_eq!(job.state, JobState::Done);
}
