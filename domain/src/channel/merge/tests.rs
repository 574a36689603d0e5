use proptest::prelude::*;

use crate::channel::{Channel, ChannelKind, ChannelStats};
use crate::slug::ChannelSlug;
use crate::snowflake::Id;
use crate::tenant::{Platform, PlatformId, TenantId};
use crate::timestamp::Timestamp;
use crate::visibility::Visibility;

fn at(millis: i64) -> Option<Timestamp> {
    Timestamp::from_millis(millis)
}

fn observed(name: &str, millis: i64) -> Channel {
    let tenant = TenantId::of(Platform::Discord, &PlatformId::new("7").unwrap());
    let channel = Channel::new(tenant, Id::new(9).unwrap(), ChannelKind::TEXT, name.to_owned());
    Channel { observed_at: at(millis), visibility: Visibility::Public, ..channel }
}

#[test]
fn an_older_observation_changes_nothing() {
    let stored = observed("new", 5);
    assert_eq!(observed("old", 4).after_observation(Some(&stored)), None);
    assert_eq!(observed("new", 9).after_observation(Some(&stored)), None, "nothing to write");
    assert_eq!(observed("newer", 5).after_observation(Some(&stored)).unwrap().name, "newer");
    let unversioned = Channel { observed_at: None, ..stored };
    assert_eq!(observed("old", 4).after_observation(Some(&unversioned)).unwrap().name, "old");
}

#[test]
fn the_slug_and_the_stats_stay() {
    let stats = ChannelStats { message_count: 3, ..ChannelStats::default() };
    let stored = Channel { slug: ChannelSlug::from_name("first"), stats, ..observed("first", 1) };
    let after = observed("second", 2).after_observation(Some(&stored)).unwrap();
    assert_eq!((after.slug, after.stats, after.name.as_str()), (stored.slug, stats, "second"));
}

#[test]
fn an_export_that_is_older_than_the_messages_only_adds_the_parent() {
    let stored = observed("new", 5);
    let parent = Some(observed("parent", 1).id);
    let export = Channel { parent_id: parent, ..observed("old", 6) };
    let after = export.after_export(Some(&stored), at(7));
    assert_eq!(after, Channel { parent_id: parent, ..stored.clone() });
    assert_eq!(export.after_export(Some(&stored), at(6)).name, "old");
    let same = Channel { observed_at: at(9), ..stored.clone() };
    assert_eq!(same.after_export(Some(&stored), None), same, "the version rises, whatever the order of the exports");
    assert_eq!(stored.after_export(Some(&same), None), same);
}

#[test]
fn an_older_listing_does_not_show_a_concealed_channel_again() {
    let concealed = observed("a", 1).concealed(at(5).unwrap()).unwrap();
    assert_eq!(observed("a", 4).after_observation(Some(&concealed)), None);
    assert_eq!(observed("a", 6).after_observation(Some(&concealed)), Some(observed("a", 6)));
    assert_eq!(concealed.concealed(at(9).unwrap()), None);
}

proptest! {
    #[test]
    fn the_order_of_listings_does_not_matter(order in Just((1..=8).collect::<Vec<i64>>()).prop_shuffle()) {
        let mut stored: Option<Channel> = None;
        for millis in order {
            let shown = observed(&format!("name {millis}"), millis);
            stored = shown.after_observation(stored.as_ref()).or(stored);
        }
        let stored = stored.unwrap();
        prop_assert_eq!((stored.name.as_str(), stored.observed_at), ("name 8", at(8)));
    }
}
