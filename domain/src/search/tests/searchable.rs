use proptest::prelude::*;
use serde_json::json;

use crate::channel::{Channel, ChannelKind};
use crate::json::Json;
use crate::message::{Attachment, Author, Message, MessageKind, Origin, Version};
use crate::pseudonym::Pseudonym;
use crate::search::{Feature, Highlight, MAX_TEXT, SearchDocument, SearchPlace, SearchQuery, SearchText};
use crate::snowflake::Id;
use crate::tenant::TenantId;
use crate::timestamp::Timestamp;

fn tenant() -> TenantId {
    TenantId(uuid::Uuid::nil())
}

fn channel(number: u64, kind: ChannelKind, name: &str) -> Channel {
    Channel::new(tenant(), Id::new(number).unwrap(), kind, name.to_owned())
}

fn message(content: &str) -> Message {
    let author = Author { pseudonym: Pseudonym::new([1; 16]), bot: false, webhook: false };
    let observed_at = Timestamp::from_millis(0).unwrap();
    let version = Version { edited_at: None, observed_at, origin: Origin::Page };
    Message::new(channel(5, ChannelKind::TEXT, "talk").id, Id::new(9).unwrap(), author, content.to_owned(), version)
}

fn file(name: &str) -> Attachment {
    Attachment {
        id: Id::new(3).unwrap(),
        filename: name.to_owned(),
        content_type: None,
        size_bytes: 1,
        width: None,
        height: None,
        description: None,
        spoiler: false,
        url: None,
        local_path: None,
        extra: None,
    }
}

fn document(message: &Message) -> SearchDocument {
    let talk = channel(5, ChannelKind::TEXT, "talk");
    SearchDocument::new(message, SearchPlace { channel: &talk, parent: None, thread: None })
}

fn finds(query: &str, message: &Message) -> bool {
    query.parse::<SearchQuery>().unwrap().matches(&document(message))
}

fn shown(raw: &str) -> String {
    SearchText::rendered(raw).as_str().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The raw text with the highlights of a query in brackets.
fn marked(query: &str, raw: &str) -> String {
    let text = SearchText::rendered(raw);
    let parts = query.parse::<SearchQuery>().unwrap().highlights(text.as_str());
    let mut chars: Vec<char> = raw.chars().collect();
    for Highlight { from, to } in text.in_raw(&parts).into_iter().rev() {
        chars.insert(to, ']');
        chars.insert(from, '[');
    }
    chars.into_iter().collect()
}

#[test]
fn the_text_is_as_shown() {
    let person = Pseudonym::new([1; 16]);
    assert_eq!(shown("# Title\n**bold**face ||spoiler||\n> quote\n- item"), "Title boldface spoiler quote item");
    assert_eq!(shown("see [the docs](https://example.org/x) and https://a.b/c"), "see the docs and https://a.b/c");
    assert_eq!(shown(&format!("hi <@{person}>")), format!("hi @{}", person.name()));
    assert_eq!(shown("<#123> <@&5> <t:0:R> x"), "x");
    assert_eq!(shown("a\nb\n**c\nd**"), "a b c d");
    assert_eq!(shown("<:blob:123> </ban:55> @everyone"), ":blob: /ban @everyone");
    assert_eq!(shown("```rust\nfn main() {}\n``` `a*b*`"), "fn main() {} a*b*");
    assert_eq!(shown("```ansi\n\u{1b}[31mred\u{1b}[0m text\n```"), "red text");
}

#[test]
fn highlights_are_offsets_in_the_content() {
    assert_eq!(marked("\"quick fox\"", "ü the **quick** fox"), "ü the **[quick]**[ fox]");
    assert_eq!(marked("boldface", "**bold**face"), "**[bold]**[face]");
    assert_eq!(marked("docs", "[the docs](https://docs.example)"), "[the [docs]](https://docs.example)");
    assert_eq!(marked("main", "```rust\nfn main() {}\n```"), "```rust\nfn [main]() {}\n```");
    assert_eq!(marked("blob", "<:blob:123>"), "<:[blob]:123>");
    assert_eq!(marked("otter", "otter"), "[otter]");
    let query: SearchQuery = "c b".parse().unwrap();
    let parts = query.highlights_in_content(&document(&message("a *b* c")));
    assert_eq!(parts, [Highlight { from: 3, to: 4 }, Highlight { from: 6, to: 7 }]);
    let person = Pseudonym::new([1; 16]);
    let name = person.name().to_string();
    let first = name.split(' ').next().unwrap();
    assert_eq!(marked(first, &format!("<@{person}> hi")), format!("<@{person}> hi"), "a name is not in the content");
}

#[test]
fn everything_that_a_message_says_is_found() {
    let mut all = message("hello **world**");
    all.embeds = Some(Json::new(&json!([{
        "type": "rich", "title": "embedtitle", "description": "a *embeddescription*", "url": "https://embed.example/x",
        "provider": {"name": "embedprovider"}, "author": {"name": "embedauthor", "url": "https://author.example"},
        "fields": [{"name": "fieldname", "value": "fieldvalue https://field.example"}],
        "footer": {"text": "embedfooter"}, "image": {"url": "https://cdn.example/i.png", "description": "embedalt"},
        "video": {"url": "https://v.example/"},
    }])));
    let mut picture = file("holiday_photo.PNG");
    picture.description = Some("filealt".to_owned());
    picture.extra = Some(Json::new(&json!({"title": "Ferienbild"})));
    all.attachments = vec![picture, file("song.mp3")];
    all.poll = Some(Json::new(&json!({
        "question": {"text": "pollquestion"}, "answers": [{"answer_id": 1, "poll_media": {"text": "pollanswer"}}],
    })));
    all.components = Some(Json::new(&json!([
        {"type": 17, "components": [
            {"type": 10, "content": "componenttext"},
            {"type": 9, "components": [{"type": 10, "content": "sectiontext"}],
             "accessory": {"type": 2, "label": "buttonlabel", "url": "https://button.example/"}},
            {"type": 1, "components": [{"type": 3, "placeholder": "selectplaceholder"}]},
            {"type": 12, "items": [{"media": {"url": "https://m.example/a"}, "description": "galleryalt"}]},
            {"type": 13, "name": "componentfile.pdf"},
        ]},
    ])));
    all.stickers = Some(Json::new(&json!([{"id": "1", "name": "stickername", "format": "png"}])));
    all.snapshots = Some(Json::new(&json!([{"message": {
        "content": "forwardtext", "attachments": [{"filename": "forwardfile.zip", "description": "forwardalt"}],
        "embeds": [{"description": "forwardembed"}], "sticker_items": [{"name": "forwardsticker"}],
        "components": [{"type": 10, "content": "forwardcomponent"}],
    }}])));
    all.extra = Some(Json::new(&json!({"interaction": {"id": "1", "type": 2, "name": "commandname",
        "user": {"id": "0".repeat(32), "pseudonym": "0".repeat(32)}}})));
    for word in [
        "hello",
        "world",
        "embedtitle",
        "embeddescription",
        "embedprovider",
        "embedauthor",
        "fieldname",
        "fieldvalue",
        "embedfooter",
        "embedalt",
        "ferienbild",
        "holiday",
        "photo",
        "filealt",
        "song",
        "pollquestion",
        "pollanswer",
        "componenttext",
        "sectiontext",
        "buttonlabel",
        "selectplaceholder",
        "galleryalt",
        "componentfile",
        "stickername",
        "forwardtext",
        "forwardfile",
        "forwardalt",
        "forwardembed",
        "forwardsticker",
        "forwardcomponent",
        "ext:png",
        "ext:mp3",
        "ext:pdf",
        "ext:zip",
        "host:embed.example",
        "host:author.example",
        "host:field.example",
        "host:button.example",
        "\"hello world\"",
    ] {
        assert!(finds(word, &all), "{word}");
    }
    for feature in Feature::ALL {
        assert!(finds(&format!("has:{}", feature.as_str()), &all), "{feature:?}");
    }
    let found = document(&message("plain"));
    assert_eq!(found.features.iter().count(), 0);
    assert_eq!(found.texts.len(), 1);
}

#[test]
fn titles_are_found_at_the_messages_that_show_them() {
    let forum = channel(4, ChannelKind::FORUM, "questions");
    let post = channel(9, ChannelKind::PUBLIC_THREAD, "How to search");
    let found = |message: &Message, place| {
        "\"how to search\" in:questions".parse::<SearchQuery>().unwrap().matches(&SearchDocument::new(message, place))
    };
    let place = SearchPlace { channel: &post, parent: Some(&forum), thread: None };
    assert!(found(&message("see title"), place));
    let mut reply = message("reply");
    reply.id = Id::new(10).unwrap();
    assert!(!found(&reply, place));
    let place = SearchPlace { channel: &forum, parent: None, thread: Some(&post) };
    assert!(found(&reply, place));
}

#[test]
fn a_system_message_is_found_by_its_content() {
    let mut renamed = message("new *name*");
    renamed.kind = MessageKind::CHANNEL_NAME_CHANGE;
    assert_eq!(document(&renamed).texts[0].as_str(), "new *name*");
    let mut result = message("");
    result.kind = MessageKind::POLL_RESULT;
    result.embeds = Some(Json::new(&json!([{"type": "poll_result", "fields": [
        {"name": "poll_question_text", "value": "tea or coffee"}, {"name": "total_votes", "value": "777"},
    ]}])));
    assert!(finds("coffee", &result));
    assert!(!finds("777", &result) && !finds("votes", &result));
}

#[test]
fn the_media_type_decides_what_a_file_is() {
    let mut one = message("");
    for (name, kind, feature) in [
        ("a.PNG", None, Feature::Image),
        ("a.bin", Some("image/avif"), Feature::Image),
        ("a.ogg", Some("VIDEO/ogg"), Feature::Video),
        ("a.ogg", Some(""), Feature::Sound),
    ] {
        one.attachments = vec![Attachment { content_type: kind.map(str::to_owned), ..file(name) }];
        let features: Vec<_> = document(&one).features.iter().collect();
        assert_eq!(features, [Feature::File, feature], "{name} {kind:?}");
    }
}

#[test]
fn the_texts_of_a_message_are_bounded() {
    let mut long = message(&"語 ".repeat(MAX_TEXT));
    long.attachments = vec![file("name.png")];
    let document = document(&long);
    let total: usize = document.texts.iter().map(|text| text.as_str().chars().count()).sum();
    assert!(total <= MAX_TEXT && document.texts.len() == 1, "{total}");
    assert!(!finds("name", &long));
    assert!(finds("ext:png", &long));
    let nested =
        (0..100).fold(json!({"type": 10, "content": "deep"}), |inner, _| json!({"type": 17, "components": [inner]}));
    let mut deep = message("");
    deep.components = Some(Json::new(&json!([nested])));
    assert!(!finds("deep", &deep));
}

proptest! {
    #[test]
    fn highlights_of_any_markup_are_in_the_content(
        raw in prop::collection::vec(prop_oneof![
            super::model::text(),
            prop::sample::select(&["**", "*", "__", "||", "`", "```\n", "\n> ", "\n- ", "[a](https://x.y)", "<#12>", "\\*", "<:e:1>"][..])
                .prop_map(str::to_owned),
        ], 0..8).prop_map(|parts| parts.concat()),
        word in prop::sample::select(&["quick", "a", "東", "한국", "x*", "ภาษา"][..]),
    ) {
        let text = SearchText::rendered(&raw);
        let query: SearchQuery = word.parse().unwrap();
        let chars: Vec<char> = raw.chars().collect();
        let parts = text.in_raw(&query.highlights(text.as_str()));
        prop_assert!(parts.windows(2).all(|pair| pair[0].to < pair[1].from));
        prop_assert!(parts.iter().all(|part| part.from < part.to && part.to <= chars.len()));
        // Each character that comes from the content is equal to it.
        let all = text.as_str().chars().enumerate().map(|(at, char)| (char, text.in_raw(&[Highlight { from: at, to: at + 1 }])));
        for (char, origin) in all {
            if let [Highlight { from, .. }] = origin[..] {
                prop_assert_eq!(chars[from], char);
            }
        }
    }
}

/// The parts of a text, those inside spoilers in brackets.
fn covered(text: &SearchText) -> String {
    let mut chars: Vec<char> = text.as_str().chars().collect();
    for part in text.hidden().iter().rev() {
        chars.insert(part.to, ']');
        chars.insert(part.from, '[');
    }
    chars.into_iter().collect::<String>().trim().to_owned()
}

#[test]
fn the_text_of_a_spoiler_is_found_and_hidden() {
    let all = |raw: &str| covered(&SearchText::rendered(raw));
    assert_eq!(all("the end: ||he **dies**|| ok"), "the end: [he dies] ok");
    assert_eq!(all("||a|| ||b||"), "[a] [b]");
    assert_eq!(all("> ||ü `x`||\nafter"), "[ü x]\n\nafter");
    assert_eq!(all("no spoiler"), "no spoiler");
    assert!(finds("dies", &message("||he dies||")));
    let long = format!("{}||{}||", "a".repeat(MAX_TEXT - 3), "b".repeat(9));
    let cut = document(&message(&long));
    assert_eq!(cut.texts[0].hidden(), [Highlight { from: MAX_TEXT - 3, to: MAX_TEXT }]);
    let cut = document(&message(&format!("{}||b||", "a".repeat(MAX_TEXT))));
    assert!(cut.texts[0].hidden().is_empty());
}

#[test]
fn what_describes_a_spoiler_is_hidden() {
    let mut all = message("");
    let mut picture = file("plot.png");
    picture.description = Some("the murderer".to_owned());
    let open = picture.clone();
    picture.spoiler = true;
    all.attachments = vec![picture, open];
    all.components = Some(Json::new(&json!([
        {"type": 17, "spoiler": true, "components": [{"type": 10, "content": "container"}]},
        {"type": 12, "items": [{"media": {}, "description": "medium", "spoiler": true}, {"description": "shown"}]},
    ])));
    all.snapshots = Some(Json::new(&json!([{"message": {
        "content": "||forwarded||", "attachments": [{"filename": "SPOILER_a.png", "description": "butler"}],
    }}])));
    let texts: Vec<String> = document(&all).texts.iter().map(covered).filter(|text| !text.is_empty()).collect();
    let expected =
        ["plot.png", "[the murderer]", "plot.png", "the murderer", "[container\n]", "[medium]", "shown", "[forwarded]"];
    assert_eq!(texts[..8], expected, "{texts:?}");
    assert_eq!(texts.last().unwrap(), "[butler]");
}
