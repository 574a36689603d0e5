use super::{Channel, ChannelKind};
use crate::snowflake::Id;
use crate::tenant::{Platform, PlatformId, TenantId};
use crate::visibility::Visibility;

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
    assert!(channel(ChannelKind::TEXT, Visibility::Public).is_public(None));
    assert!(!channel(ChannelKind::TEXT, Visibility::Private).is_public(None));
    let category = channel(ChannelKind::CATEGORY, Visibility::Private);
    assert!(channel(ChannelKind::TEXT, Visibility::Public).is_public(Some(&category)));
}

#[test]
fn a_thread_follows_its_parent() {
    let thread = channel(ChannelKind::PUBLIC_THREAD, Visibility::Public);
    assert!(thread.is_public(Some(&channel(ChannelKind::FORUM, Visibility::Public))));
    assert!(!thread.is_public(Some(&channel(ChannelKind::FORUM, Visibility::Private))));
    assert!(!thread.is_public(None), "an unknown parent");
}

#[test]
fn private_threads_and_direct_messages_are_never_public() {
    let parent = channel(ChannelKind::TEXT, Visibility::Public);
    assert!(!channel(ChannelKind::PRIVATE_THREAD, Visibility::Public).is_public(Some(&parent)));
    assert!(!channel(ChannelKind::DIRECT, Visibility::Public).is_public(None));
    assert!(!channel(ChannelKind::GROUP_DIRECT, Visibility::Public).is_public(None));
}
