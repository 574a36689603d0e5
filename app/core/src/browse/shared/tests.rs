use domain::channel::{ChannelId, ChannelSnowflake};
use domain::json::Json;
use domain::media::File;
use domain::message::{Attachment, AttachmentId, Author, Emoji, MessageId, Origin, Reaction, Reference, Version};
use domain::pseudonym::Pseudonym;
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::*;

fn message(raw: u64, content: &str) -> Message {
    let author = Author { pseudonym: Pseudonym::new([7; 16]), bot: false, webhook: false };
    let version = Version { edited_at: None, observed_at: Timestamp::from_millis(1).unwrap(), origin: Origin::Page };
    let channel = ChannelId::of(TenantId(Uuid::nil()), ChannelSnowflake::MIN);
    Message::new(channel, MessageId::new(raw).unwrap(), author, content.to_owned(), version)
}

fn attachment(raw: u64, url: Option<&str>) -> Attachment {
    Attachment {
        id: AttachmentId::new(raw).unwrap(),
        filename: "a.png".to_owned(),
        content_type: None,
        size_bytes: 1,
        width: None,
        height: None,
        description: None,
        spoiler: false,
        url: url.map(str::to_owned),
        local_path: None,
        extra: None,
    }
}

#[test]
fn a_message_of_a_list_has_the_states_of_its_files() {
    let url = Some("https://cdn.example.org/a.png");
    let mut messages = vec![message(1, "a"), message(2, "b"), message(3, "c")];
    messages[0].attachments = vec![attachment(1, url), attachment(2, None)];
    messages[2].attachments = vec![attachment(1, url)];
    let key = |message: &Message, raw| FileKey {
        channel: message.channel_id,
        message: message.id,
        attachment: AttachmentId::new(raw).unwrap(),
    };
    let due_at = Timestamp::from_millis(5).unwrap();
    let files = vec![
        File { key: key(&messages[2], 1), state: FileState::Failed },
        File { key: key(&messages[0], 1), state: FileState::Waiting { tries: 0, due_at } },
        // It is of no message of the list.
        File { key: key(&messages[1], 9), state: FileState::Gone },
    ];
    let expected = [
        // A file that is nowhere else is gone.
        vec![(key(&messages[0], 1), FileState::Waiting { tries: 0, due_at }), (key(&messages[0], 2), FileState::Gone)],
        vec![],
        vec![(key(&messages[2], 1), FileState::Failed)],
    ];
    let shown = listed(MessageList { messages, files, examined_to: None }, SharedMessage::new);
    assert_eq!(shown.iter().map(|message| message.files.clone()).collect::<Vec<_>>(), expected);
}

#[test]
fn a_form_of_a_shared_message_is_made_once() {
    let with_file = Message { attachments: vec![attachment(1, None)], ..message(1, "a") };
    let with_role = message(1, "<@&5>");
    for (message, is_kept) in [
        (SharedMessage::shared(with_file.clone(), vec![]), true),
        (SharedMessage::new(with_file, vec![]), false),
        (SharedMessage::shared(with_role, vec![]), false),
    ] {
        let first = message.written(Form::Json, "/a", || "first".into()).into_owned();
        let (same, form, path) = (
            message.written(Form::Json, "/a", || "second".into()).into_owned(),
            message.written(Form::First, "/a", || "form".into()).into_owned(),
            message.written(Form::Json, "/b", || "path".into()).into_owned(),
        );
        assert_eq!([first.as_str(), &form, &path], ["first", "form", "path"]);
        assert_eq!(same, if is_kept { "first" } else { "second" });
    }
}

#[test]
fn a_message_is_plain_if_it_refers_to_nothing() {
    let json = || Some(Json::new(&json!([{"a": 1}])));
    let plain = message(1, "`a` & **b** @everyone");
    let id = Some("5".parse().unwrap());
    let reaction = |id| Reaction { emoji: Emoji { id, name: None, animated: false }, count: 1, people: vec![] };
    let reference = Some(Reference { kind: 0, message_id: None, channel_id: None, guild_id: None });
    let is_plain = |message: Message| SharedMessage::from(message).is_plain;
    assert!(is_plain(plain.clone()));
    assert!(is_plain(Message {
        attachments: vec![attachment(1, None)],
        reactions: vec![reaction(None)],
        ..plain.clone()
    }));
    for other in [
        message(1, "<#5>"),
        message(1, "```rs\na\n```"),
        Message { reference, ..plain.clone() },
        Message { reactions: vec![reaction(id)], ..plain.clone() },
        Message { embeds: json(), ..plain.clone() },
        Message { components: json(), ..plain.clone() },
        Message { snapshots: json(), ..plain.clone() },
        Message { poll: json(), ..plain.clone() },
        Message { stickers: json(), ..plain },
    ] {
        assert!(!is_plain(other.clone()), "{other:?}");
    }
}
