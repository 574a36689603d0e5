//! The parts of messages: files, embeds, polls, components.

use serde_json::{Value, json};

use super::Users;
use super::compose::Draft;
use crate::cdn::file_size;
use crate::moment::{iso, ms_of, snowflake};
use crate::words;

/// Returns attachment `number`. Its address is a path; the renderer adds host and signature.
pub(super) fn file(draft: &mut Draft, number: u64, voice: bool) -> Value {
    const KINDS: [(&str, Option<&str>, bool); 7] = [
        ("png", Some("image/png"), true),
        ("jpg", Some("image/jpeg"), true),
        ("gif", Some("image/gif"), true),
        ("mp4", Some("video/mp4"), true),
        ("txt", Some("text/plain; charset=utf-8"), false),
        ("zip", Some("application/zip"), false),
        ("dat", None, false),
    ];
    let id = snowflake(ms_of(draft.id) - 500 + number, draft.draw.next() << 1);
    let (extension, content_type, visual) =
        if voice { ("ogg", Some("audio/ogg"), false) } else { *draft.draw.pick(&KINDS) };
    let spoiler = draft.draw.chance(60);
    let prefix = if spoiler && draft.draw.chance(500) { "SPOILER_" } else { "" };
    let name = format!("{prefix}{}.{extension}", words::name(&mut draft.draw, "_"));
    let path = format!("/attachments/{}/{id}/{name}", draft.channel.id);
    let mut object = json!({
        "id": id.to_string(), "filename": name, "size": file_size(id), "url": path, "proxy_url": path,
    });
    if let Some(content_type) = content_type {
        object["content_type"] = json!(content_type);
    }
    if visual {
        object["width"] = json!(320 + draft.draw.below(1600));
        object["height"] = json!(240 + draft.draw.below(1200));
        object["placeholder"] = json!("2PcNDYJ4d3eHiIiAh3d4h3iHeQ");
        object["placeholder_version"] = json!(1);
    }
    if voice {
        object["duration_secs"] = json!(1.5);
        object["waveform"] = json!("AAECAwQFBgc=");
    }
    if spoiler && prefix.is_empty() {
        object["flags"] = json!(8);
    }
    if draft.draw.chance(100) {
        object["description"] = json!(words::sentence(&mut draft.draw, 6));
        object["title"] = json!("Otter, by day");
    }
    object
}

/// Returns an embed: mostly of a link, sometimes one with every field.
pub(super) fn embed(draft: &mut Draft) -> Value {
    let draw = &mut draft.draw;
    let kind = *draw.pick(&["link", "article", "image", "video", "gifv", "rich", "rich", "kind_of_tomorrow"]);
    let url = format!("https://example.org/{}", draw.hex(8));
    let mut object = json!({"type": kind, "url": url});
    if kind == "image" {
        object["thumbnail"] = json!({"url": url, "proxy_url": url, "width": 640, "height": 480, "flags": 0});
        return object;
    }
    object["title"] = json!(words::sentence(draw, 4));
    object["description"] = json!(words::sentence(draw, 20));
    if draw.chance(500) {
        object["color"] = json!(draw.below(0xFF_FFFF));
        object["provider"] = json!({"name": "Example", "url": "https://example.org"});
    }
    if kind == "video" || kind == "gifv" {
        object["video"] = json!({"url": url, "width": 1280, "height": 720});
    }
    if kind == "rich" {
        let count = if draw.chance(50) { 25 } else { 2 };
        let fields: Vec<Value> = (0..count)
            .map(|number| {
                json!({"name": format!("Field {number}"), "value": words::sentence(draw, 5),
                                 "inline": number % 2 == 0})
            })
            .collect();
        object["fields"] = json!(fields);
        object["author"] = json!({"name": words::name(draw, " "), "url": url});
        object["footer"] = json!({"text": words::sentence(draw, 3)});
        object["timestamp"] = json!(iso(draft.at_us));
    }
    object
}

/// Adds a poll and its voters.
pub(super) fn poll(draft: &mut Draft) {
    let people = draft.world.people.count();
    let draw = &mut draft.draw;
    let count = 2 + draw.below(9);
    let votes: Vec<(u64, Users)> = (1..=count)
        .map(|answer| {
            let len = draw.below(12).min(people);
            (answer, Users::Block { first: draw.below(people - len + 1), len })
        })
        .collect();
    let answers: Vec<Value> = (1..=count)
        .map(|answer| {
            let mut media = json!({"text": words::sentence(draw, 2)});
            if draw.chance(300) {
                media["emoji"] = json!({"id": null, "name": words::emoji(draw)});
            }
            json!({"answer_id": answer, "poll_media": media})
        })
        .collect();
    let question = words::sentence(draw, 7);
    let expiry = (!draw.chance(100)).then(|| iso(draft.at_us - draft.at_us % 1000 + 86_400_000_000));
    let mut poll = json!({
        "question": {"text": question}, "answers": answers, "expiry": expiry, "allow_multiselect": draw.chance(300),
        "layout_type": 1,
    });
    if !draw.chance(200) {
        // The counts do not always list an answer without votes.
        let counts: Vec<Value> = votes
            .iter()
            .filter(|(_, users)| users.len() > 0)
            .map(|(answer, users)| json!({"id": answer, "count": users.len(), "me_voted": false}))
            .collect();
        poll["results"] = json!({"is_finalized": draw.chance(700), "answer_counts": counts});
    }
    draft.votes = votes;
    draft.set("poll", poll);
}

/// Returns a row of buttons and one with a menu.
pub(super) fn buttons(draft: &mut Draft) -> Value {
    let label = words::name(&mut draft.draw, " ");
    json!([
        {"type": 1, "id": 1, "components": [
            {"type": 2, "id": 2, "style": 1, "label": label, "custom_id": "a", "emoji": {"name": "🦦"}},
            {"type": 2, "id": 3, "style": 5, "label": "Read", "url": "https://example.org", "disabled": false}]},
        {"type": 1, "id": 4, "components": [
            {"type": 3, "id": 5, "custom_id": "b", "placeholder": "Choose", "min_values": 1, "max_values": 1,
             "disabled": false, "options": [{"label": "One", "value": "1"}, {"label": "Two", "value": "2"}]}]},
    ])
}

/// Returns text inside components, two levels deep, and occasionally an unknown component.
pub(super) fn components_v2(draft: &mut Draft) -> Value {
    let draw = &mut draft.draw;
    let image = format!("https://media.example.org/{}.png", draw.hex(8));
    let media = json!({"id": "1", "url": image, "proxy_url": image, "width": 640, "height": 480,
                       "content_type": "image/png", "loading_state": 2, "flags": 0});
    let mut text = |id: u64, words: u64| json!({"type": 10, "id": id, "content": words::sentence(draw, words)});
    let mut components = vec![
        text(1, 12),
        json!({"type": 17, "id": 2, "accent_color": 703_487, "spoiler": false, "components": [
            text(3, 5),
            {"type": 9, "id": 4, "components": [text(5, 8)],
             "accessory": {"type": 11, "id": 6, "media": media, "description": null, "spoiler": false}},
            {"type": 14, "id": 7, "divider": true, "spacing": 1},
            {"type": 12, "id": 8, "items": [{"media": media, "description": "A picture", "spoiler": true}]}]}),
    ];
    if draft.draw.chance(100) {
        components.push(json!({"type": 99, "id": 9, "content": "of tomorrow"}));
    }
    json!(components)
}
