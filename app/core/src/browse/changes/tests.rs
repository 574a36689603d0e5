use domain::change::ChangeKind;
use domain::channel::{Channel, ChannelId, ChannelKind, ChannelSnowflake};
use domain::coverage::Interval;
use domain::message::{Author, Deletion, Message, MessageId, MessageKind, Origin, StoredMessage, Version};
use domain::pseudonym::Pseudonym;
use domain::slug::TenantSlug;
use domain::tenant::{Platform, PlatformId, Tenant, TenantName};
use domain::timestamp::Timestamp;
use domain::visibility::Visibility;
use ports::mock::{FakeStore, FakeUnitOfWork};

use super::super::Browse;
use super::*;

fn now() -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000).unwrap()
}

fn tenant() -> Tenant {
    let (id, slug) = (PlatformId::new("1").unwrap(), TenantSlug::new("abc").unwrap());
    Tenant::new(Platform::Discord, id, slug, TenantName::new("Abc").unwrap(), now())
}

fn channel(raw: u64, visibility: Visibility) -> Channel {
    let snowflake = ChannelSnowflake::new(raw).unwrap();
    Channel { visibility, ..Channel::new(tenant().id, snowflake, ChannelKind::TEXT, format!("channel {raw}")) }
}

fn thread(of: &Channel, raw: u64) -> Channel {
    Channel { kind: ChannelKind::PUBLIC_THREAD, parent_id: Some(of.id), ..channel(raw, Visibility::Public) }
}

fn id(raw: u64) -> MessageId {
    MessageId::new(raw).unwrap()
}

fn stored(channel: ChannelId, raw: u64, kind: MessageKind, deleted: bool) -> StoredMessage {
    let author = Author { pseudonym: Pseudonym::new([7; 16]), bot: false, webhook: false };
    let version = Version { edited_at: None, observed_at: now(), origin: Origin::Page };
    let message = Message { kind, ..Message::new(channel, id(raw), author, format!("message {raw}"), version) };
    StoredMessage { message, deletion: deleted.then(now).map(Deletion::inferred) }
}

#[test]
fn a_subject_that_changed_twice_is_listed_once_and_where_it_changed_first() {
    let (one, two) = (channel(1, Visibility::Public).id, channel(2, Visibility::Public).id);
    let (only, many) = (Interval::only(id(5)), Interval::new(id(5), id(6)).unwrap());
    let kinds = [
        ChangeKind::Updated { channel: one, message: id(5) },
        ChangeKind::Created { channel: two, message: id(5) },
        ChangeKind::Channel { channel: one },
        ChangeKind::Created { channel: one, message: id(5) },
        ChangeKind::Files { channel: one, interval: only },
        ChangeKind::Files { channel: one, interval: many },
        ChangeKind::Page { channel: one, interval: many },
        ChangeKind::ChannelClosed { channel: one },
        ChangeKind::ChannelGone { channel: two },
        ChangeKind::Tenant,
        ChangeKind::GuildItems,
        ChangeKind::Deleted { channel: two, message: id(5) },
    ];
    let expected = [
        Subject::Message { channel: one, message: id(5), created: true },
        Subject::Message { channel: two, message: id(5), created: true },
        Subject::Channel { channel: one, closed: true },
        Subject::Interval { channel: one, interval: many },
    ];
    assert_eq!(Subject::of(&kinds), expected);
}

/// Returns the updates that `audience` sees of all kinds of changes to these channels, as short texts.
async fn seen(audience: Audience, channels: Vec<Channel>, messages: Vec<StoredMessage>) -> Vec<String> {
    let mut kinds = Vec::new();
    for Channel { id: channel, .. } in &channels {
        let channel = *channel;
        kinds.push(ChangeKind::Channel { channel });
        kinds.push(ChangeKind::Page { channel, interval: Interval::new(id(90), id(99)).unwrap() });
        kinds.extend((1..=4).map(|raw| ChangeKind::Created { channel, message: id(raw) }));
    }
    let mut unit = FakeUnitOfWork::default();
    let all = channels.clone();
    unit.channels
        .expect_find_all()
        .returning(move |ids| Ok(all.iter().filter(|channel| ids.contains(&channel.id)).cloned().collect()));
    unit.messages.expect_find_all().returning(move |keys| {
        let is_wanted = |stored: &&StoredMessage| keys.contains(&(stored.message.channel_id, stored.message.id));
        Ok(messages.iter().filter(is_wanted).cloned().collect())
    });
    let mut reading = Browse::new(std::sync::Arc::new(FakeStore::new([unit]))).open(audience).await;
    let updates = reading.updates(&tenant(), &Subject::of(&kinds)).await.unwrap();
    let name = |id: ChannelId| {
        channels.iter().find(|channel| channel.id == id).map_or_else(|| "?".to_owned(), |channel| channel.name.clone())
    };
    let text = |update| match update {
        Update::Created(view) => format!("{}: {} created", view.channel.channel.name, view.entry.message.id),
        Update::Updated(view) => format!("{}: {} updated", view.channel.channel.name, view.entry.message.id),
        Update::Deleted { channel, message } => format!("{}: {message} deleted", name(channel)),
        Update::Channel { view, interval } => {
            format!("{}{}", view.channel.name, if interval.is_some() { ": interval" } else { "" })
        }
        Update::Closed(channel) => format!("{} closed", name(channel)),
    };
    updates.into_iter().map(text).collect()
}

#[tokio::test]
async fn nothing_tells_of_what_the_client_cannot_read() {
    let (open, hidden) = (channel(1, Visibility::Public), channel(2, Visibility::Private));
    let (of_open, of_hidden) = (thread(&open, 3), thread(&hidden, 4));
    let channels = vec![open.clone(), hidden, of_open, of_hidden];
    let restricted = MessageKind(24);
    assert!(!restricted.is_shown());
    let mut messages = Vec::new();
    for channel in &channels {
        messages.push(stored(channel.id, 1, MessageKind::DEFAULT, false));
        messages.push(stored(channel.id, 2, MessageKind::DEFAULT, true));
        messages.push(stored(channel.id, 3, restricted, false));
        messages.push(stored(channel.id, 4, restricted, true));
    }
    let public = seen(Audience::Public, channels.clone(), messages.clone()).await;
    let expected = ["channel 1", "channel 3"]
        .into_iter()
        .flat_map(|channel| ["", ": interval", ": 1 created", ": 2 deleted"].map(|rest| format!("{channel}{rest}")));
    assert_eq!(public, expected.collect::<Vec<_>>());
    let admin = seen(Audience::Admin, channels, messages).await;
    assert!(admin.contains(&"channel 2: 3 created".to_owned()) && admin.contains(&"channel 4: 4 deleted".to_owned()));
}

#[tokio::test]
async fn a_closed_channel_is_named_unless_it_is_open_again() {
    for (visibility, expected) in [(Visibility::Private, true), (Visibility::Public, false)] {
        let channel = channel(1, visibility);
        let mut unit = FakeUnitOfWork::default();
        let found = channel.clone();
        unit.channels.expect_find_all().returning(move |_| Ok(vec![found.clone()]));
        let mut reading = Browse::new(std::sync::Arc::new(FakeStore::new([unit]))).open(Audience::Public).await;
        let subjects = Subject::of(&[
            ChangeKind::Channel { channel: channel.id },
            ChangeKind::ChannelClosed { channel: channel.id },
        ]);
        let updates = reading.updates(&tenant(), &subjects).await.unwrap();
        assert_eq!(updates.len(), 1);
        assert_eq!(matches!(updates[0], Update::Closed(id) if id == channel.id), expected);
    }
}
