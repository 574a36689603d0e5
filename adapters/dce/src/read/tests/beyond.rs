//! Files that the exporter does not write, or not yet, and files of direct messages.

use domain::channel::ChannelKind;
use domain::message::MessageKind;
use serde_json::json;

use super::person;
use super::versions::{document, extra, message, one, read};

#[test]
fn what_no_release_has_written_yet_is_kept() {
    let (summary, messages) = read(&{
        let mut document = document(
            &json!({"type": "GuildHologram", "slowmode": 5}),
            &[message(&json!({
                "type": "Hologram", "flags": 64, "poll": {"question": "?"}, "empty": "", "none": null,
                "attachments": [{"id": "5", "url": "https://example.org/a", "fileName": "a", "fileSizeBytes": 1, "width": 3}, "odd"],
                "stickers": [{"id": "6", "name": "s", "format": "Png", "sourceUrl": "https://cdn.discordapp.com/stickers/6.png", "tags": "x"}],
                "reactions": [{"emoji": {"id": "", "name": "👍", "burst": true}, "count": 1, "burstCount": 1}, "odd"],
                "reference": {"type": "Default", "messageId": "5", "why": "w"},
                "isPinned": "maybe", "timestampEdited": "yesterday",
            }))],
        );
        document["guild"]["boosts"] = 3.into();
        document["exporter"] = "3.0".into();
        document
    });
    assert_eq!(summary.channel.kind, ChannelKind::UNNUMBERED);
    let form = json!({"type": "GuildHologram", "slowmode": 5, "guild": {"boosts": 3}, "exporter": "3.0"});
    assert_eq!(summary.channel.extra.unwrap().to_value(), form);
    let message = &messages[0];
    assert_eq!(message.kind, MessageKind::UNNUMBERED);
    assert_eq!(message.attachments[0].extra.as_ref().unwrap().as_str(), r#"{"width":3}"#);
    assert_eq!(
        extra(message),
        json!({
            "type": "Hologram", "flags": 64, "poll": {"question": "?"}, "empty": "", "attachments": ["odd"],
            "stickers": [{"id": "6", "tags": "x"}],
            "reactions": [
                {"emoji": {"id": "", "name": "👍", "burst": true}, "burst": true, "burstCount": 1},
                {"emoji": null, "reaction": "odd"},
            ],
            "reference": {"type": "Default", "messageId": "5", "why": "w"},
            "isPinned": "maybe", "timestampEdited": "yesterday",
        })
    );
}

#[test]
fn direct_messages_tell_no_name() {
    for (kind, name) in [("DirectTextChat", "Direct message"), ("DirectGroupTextChat", "Group direct message")] {
        let channel =
            json!({"type": kind, "name": "quill, ember", "topic": "quill", "categoryId": "0", "category": "Private"});
        let mut direct = document(&channel, &[]);
        direct["guild"] = json!({"id": "0", "name": "Direct Messages", "iconUrl": "i"});
        let channel = read(&direct).0.channel;
        assert_eq!((channel.name.as_str(), channel.topic, channel.parent, channel.extra), (name, None, None, None));
    }
}

#[test]
fn a_file_of_discordless_lacks_what_it_may_lack() {
    let message = one(&json!({"embeds": [{"title": "t"}], "author": {"id": "9", "name": "n", "isBot": false}}));
    assert_eq!((message.author.pseudonym, message.embeds.unwrap().as_str()), (person("9"), r#"[{"title":"t"}]"#));
}
