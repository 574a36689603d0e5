use super::{Visibility, is_public};
use crate::channel::{Channel, ChannelKind};
use crate::snowflake::Id;
use crate::tenant::{Platform, PlatformId, TenantId};

fn channel(kind: ChannelKind, visibility: Visibility) -> Channel {
    let tenant = TenantId::of(Platform::Discord, &PlatformId::new("1").unwrap());
    Channel { visibility, ..Channel::new(tenant, Id::MIN, kind, "name".to_owned()) }
}

#[test]
fn unknown_is_private() {
    assert_eq!(Visibility::default(), Visibility::Private);
    assert!("secret".parse::<Visibility>().is_err());
}

#[test]
fn a_channel_stands_for_itself() {
    assert!(is_public(&channel(ChannelKind::TEXT, Visibility::Public), None));
    assert!(!is_public(&channel(ChannelKind::TEXT, Visibility::Private), None));
    let category = channel(ChannelKind::CATEGORY, Visibility::Private);
    assert!(is_public(&channel(ChannelKind::TEXT, Visibility::Public), Some(&category)));
}

#[test]
fn a_thread_follows_its_parent() {
    let thread = channel(ChannelKind::PUBLIC_THREAD, Visibility::Public);
    assert!(is_public(&thread, Some(&channel(ChannelKind::FORUM, Visibility::Public))));
    assert!(!is_public(&thread, Some(&channel(ChannelKind::FORUM, Visibility::Private))));
    assert!(!is_public(&thread, None), "an unknown parent");
}

#[test]
fn private_threads_and_direct_messages_are_never_public() {
    let parent = channel(ChannelKind::TEXT, Visibility::Public);
    assert!(!is_public(&channel(ChannelKind::PRIVATE_THREAD, Visibility::Public), Some(&parent)));
    assert!(!is_public(&channel(ChannelKind::DIRECT, Visibility::Public), None));
    assert!(!is_public(&channel(ChannelKind::GROUP_DIRECT, Visibility::Public), None));
}
