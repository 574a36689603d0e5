use super::*;

fn counts(size: GuildSize) -> (usize, usize, u64) {
    let plan = size.plan(1);
    let threads = plan.iter().map(|channel| channel.threads.len()).sum();
    let messages = plan.iter().map(|c| c.messages + c.threads.iter().map(|thread| thread.messages).sum::<u64>()).sum();
    (plan.len(), threads, messages)
}

#[test]
fn every_size_holds_exactly_what_it_promises() {
    assert_eq!(counts(GuildSize::Small), (26, 60, 5_000));
    assert_eq!(counts(GuildSize::Large), (300, 3_000, 1_000_000));
    assert_eq!(counts(GuildSize::Huge), (500, 20_000, 10_000_000));
}

#[test]
fn no_category_has_more_than_fifty_channels() {
    for size in [GuildSize::Large, GuildSize::Huge] {
        let plan = size.plan(1);
        let longest = plan.split(|channel| channel.kind == kind::CATEGORY).map(<[ChannelPlan]>::len).max();
        assert!(longest <= Some(50), "{longest:?}");
    }
}
