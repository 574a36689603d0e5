use serde_json::{Value, json};

use super::{Interaction, InteractionKind};
use crate::channel::ChannelId;
use crate::json::Json;
use crate::message::{Author, Message, MessageId, MessageKind, Origin, Version};
use crate::pseudonym::Pseudonym;
use crate::timestamp::Timestamp;

const USER: Pseudonym = Pseudonym::new([0xab; 16]);

fn author(bot: bool) -> Author {
    Author { pseudonym: USER, bot, webhook: false }
}

fn interaction(kind: MessageKind, extra: &Value) -> Option<Interaction> {
    let version = Version { edited_at: None, observed_at: Timestamp::from_millis(0).unwrap(), origin: Origin::Page };
    let id = MessageId::new(1 << 40).unwrap();
    let message = Message::new(ChannelId(uuid::Uuid::nil()), id, author(true), String::new(), version);
    Message { kind, extra: Some(Json::new(extra)), ..message }.interaction()
}

fn by_user(kind: InteractionKind, name: Option<&str>) -> Interaction {
    Interaction { kind, name: name.map(str::to_owned), user: author(false) }
}

fn user() -> Value {
    json!({"bot": false, "id": USER.to_string()})
}

#[test]
fn an_export_names_command_and_person() {
    let extra = json!({"interaction": {"id": "9", "name": "weather today", "user": user()}});
    let slash = interaction(MessageKind::CHAT_INPUT_COMMAND, &extra);
    assert_eq!(slash, Some(by_user(InteractionKind::SlashCommand, Some("weather today"))));
    let menu = interaction(MessageKind::CONTEXT_MENU_COMMAND, &extra);
    assert_eq!(menu, Some(by_user(InteractionKind::ContextMenuCommand, Some("weather today"))));
}

#[test]
fn discord_names_them_in_two_places() {
    let both = json!({
        "interaction_metadata": {"id": "9", "type": 2, "user": user()},
        "interaction": {"id": "9", "type": 2, "name": "ask", "user": user()},
    });
    let command = interaction(MessageKind::CHAT_INPUT_COMMAND, &both);
    assert_eq!(command, Some(by_user(InteractionKind::SlashCommand, Some("ask"))));
    let target =
        json!({"interaction_metadata": {"type": 2, "name": "Quote", "user": user(), "target_message_id": "7"}});
    let menu = interaction(MessageKind::REPLY, &target);
    assert_eq!(menu, Some(by_user(InteractionKind::ContextMenuCommand, Some("Quote"))));
    let button = json!({"interaction_metadata": {"type": 3, "user": user(), "interacted_message_id": "7"}});
    assert_eq!(interaction(MessageKind::DEFAULT, &button), Some(by_user(InteractionKind::Component, None)));
    let form = json!({"interaction_metadata":
        {"type": 5, "user": user(), "triggering_interaction_metadata": {"type": 2, "name": "report"}}});
    assert_eq!(interaction(MessageKind::DEFAULT, &form), Some(by_user(InteractionKind::Modal, Some("report"))));
}

#[test]
fn what_names_no_person_is_none() {
    for extra in [
        json!({}),
        json!({"interaction": 7}),
        json!({"interaction": {"name": "ask"}}),
        json!({"interaction": {"name": "ask", "user": {"id": "12"}}}),
        json!({"note": "\"interaction"}),
    ] {
        assert_eq!(interaction(MessageKind::CHAT_INPUT_COMMAND, &extra), None, "{extra}");
    }
}

#[test]
fn a_title_has_the_ending_of_its_file_once() {
    for (title, filename, shown) in [
        ("Чертёж лампы №1", "1.pdf", "Чертёж лампы №1.pdf"),
        ("plan.PDF", "1.pdf", "plan.PDF"),
        ("v1.2", "a.tar.gz", "v1.2.gz"),
        ("plan", "plan", "plan"),
        ("plan", ".hidden", "plan"),
    ] {
        assert_eq!(crate::message::with_ending(title.to_owned(), filename), shown);
    }
}
