use std::collections::BTreeMap;

use super::*;
use crate::plan::ChannelPlan;

fn world(messages: u64) -> World {
    World::build(1, 50, &[ChannelPlan::new("general", kind::TEXT, messages)], "token", String::new())
}

fn general(world: &World) -> &Channel {
    world.channels.values().next().unwrap()
}

#[test]
fn a_page_skips_what_was_deleted_and_is_filled_up_behind_it() {
    let mut world = world(10);
    let ids: Vec<u64> = (0..10).map(|index| general(&world).line.id(index)).collect();
    let messages = BTreeMap::from([(ids[8], None), (ids[7], None), (ids[2], None)]);
    let overlay = Overlay { messages, ..Overlay::default() };
    world.overlays.insert(general(&world).id, overlay);
    let channel = general(&world);
    assert_eq!(world.page(channel, Cursor::Before(u64::MAX), 3), [ids[9], ids[6], ids[5]]);
    assert_eq!(world.page(channel, Cursor::After(ids[0]), 2), [ids[3], ids[1]]);
    assert!(world.find(channel, ids[8]).is_none());
}

#[test]
fn what_was_sent_live_is_listed_among_the_generated_messages() {
    let mut world = world(4);
    let channel = general(&world).clone();
    let mut late = world.find(&channel, channel.line.id(3)).unwrap();
    late.id = channel.line.id(3) + 8;
    let (changed, new) = (world.find(&channel, channel.line.id(1)).unwrap(), late.id);
    let messages = BTreeMap::from([(changed.id, Some(changed)), (new, Some(late))]);
    world.overlays.insert(channel.id, Overlay { messages, ..Overlay::default() });
    let ids: Vec<u64> = (0..4).map(|index| channel.line.id(index)).collect();
    let expected = [new, ids[3], ids[2], ids[1], ids[0]];
    assert_eq!(world.page(&channel, Cursor::Before(u64::MAX), 9), expected);
    assert_eq!(world.page(&channel, Cursor::After(0), 9), expected);
}
