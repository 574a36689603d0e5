//! System messages of Discord.

use serde_json::{Value, json};

use super::compose::Draft;
use super::flag;
use super::mix::Kind;
use crate::moment::iso;
use crate::words;

/// The kinds that have no body, or one line: discovery, invites, subscriptions, stages, incidents.
const SILENT: [u64; 15] = [14, 15, 16, 17, 22, 25, 27, 28, 29, 31, 32, 36, 37, 38, 39];
/// The kinds that Discord's documentation does not list.
const UNDOCUMENTED: [u64; 9] = [30, 44, 47, 48, 55, 60, 63, 65, 200];

/// Fills a row that Discord itself wrote.
pub(super) fn fill_system(draft: &mut Draft, kind: Kind) {
    match kind {
        Kind::PollResult => poll_result(draft),
        Kind::Pin => {
            draft.set("type", json!(6));
            if let Some(id) = draft.earlier() {
                draft.refer(draft.channel.id, id);
            }
        }
        Kind::Join if draft.channel.thread.is_some() => membership(draft),
        Kind::Join => draft.set("type", json!(7)),
        Kind::Boost if draft.channel.thread.is_some() => {
            draft.set("type", json!(4));
            let name = words::sentence(&mut draft.draw, 3);
            draft.set("content", json!(name));
        }
        Kind::Boost => {
            let tier = draft.draw.below(4);
            draft.set("type", json!(8 + tier));
            draft.set("content", json!(if tier == 0 { "3" } else { "" }));
        }
        Kind::Follow => {
            draft.set("type", json!(12));
            draft.set("content", json!("Another guild #news"));
            let source = draft.elsewhere(0).to_string();
            draft.set("message_reference", json!({"type": 0, "channel_id": source, "guild_id": source}));
        }
        Kind::AutoModeration => auto_moderation(draft),
        Kind::Unknown => {
            let number = *draft.draw.pick(&UNDOCUMENTED);
            draft.set("type", json!(number));
            if number == 200 {
                draft.flags |= flag::UNDEFINED;
                draft.set("field_of_tomorrow", json!({"value": 7, "user_id": draft.world.people.id(3).to_string()}));
            }
        }
        _ => {
            let number = *draft.draw.pick(&SILENT);
            draft.set("type", json!(number));
            if (27..=31).contains(&number) {
                let topic = words::sentence(&mut draft.draw, 3);
                draft.set("content", json!(topic));
            }
            if number == 25 {
                draft.set(
                    "role_subscription_data",
                    json!({"role_subscription_listing_id": draft.world.born.bot_role().to_string(),
                           "tier_name": "Gold", "total_months_subscribed": 3, "is_renewal": false}),
                );
            }
        }
    }
}

fn membership(draft: &mut Draft) {
    let other = draft.draw.below(draft.world.people.count());
    draft.set("type", json!(1 + other % 2));
    draft.set("mentions", json!([draft.world.people.user(other)]));
}

fn poll_result(draft: &mut Draft) {
    draft.set("type", json!(46));
    if let Some(id) = draft.earlier() {
        draft.refer(draft.channel.id, id);
    }
    let total = draft.draw.below(40);
    let field = |name: &str, value: String| json!({"name": name, "value": value, "inline": false});
    let fields = [
        field("poll_question_text", words::sentence(&mut draft.draw, 4)),
        field("victor_answer_votes", (total / 2).to_string()),
        field("total_votes", total.to_string()),
    ];
    draft.set("embeds", json!([{"type": "poll_result", "fields": fields}]));
}

fn auto_moderation(draft: &mut Draft) {
    draft.set("type", json!(24));
    let flagged = words::chatter(&mut draft.draw);
    let embed: Value = json!({
        "type": "auto_moderation_message", "description": flagged, "timestamp": iso(draft.at_us),
        "fields": [{"name": "rule_name", "value": "Words", "inline": false},
                   {"name": "keyword", "value": "otter", "inline": false}],
    });
    draft.set("embeds", json!([embed]));
}
