//! Messages written by people, bots and webhooks.

use serde_json::{Value, json};

use super::compose::Draft;
use super::mix::Kind;
use super::parts::{buttons, components_v2, embed, file, poll};
use super::{Reply, flag};
use crate::moment::iso;
use crate::words;

/// Fills a row that a person wrote.
pub(super) fn fill(draft: &mut Draft, kind: Kind) {
    let text = words::chatter(&mut draft.draw);
    match kind {
        Kind::Exotic => {
            let text = words::exotic(&mut draft.draw);
            draft.set("content", json!(text));
        }
        Kind::Forward | Kind::ComponentsV2 | Kind::VoiceNote => {}
        _ => draft.set("content", json!(text)),
    }
    match kind {
        Kind::Reply => reply(draft),
        Kind::Files => {
            let count = if draft.draw.chance(20) { 10 } else { 1 + draft.draw.below(3) };
            let files: Vec<Value> = (0..count).map(|number| file(draft, number, false)).collect();
            draft.set("attachments", json!(files));
            if draft.draw.chance(500) {
                draft.set("content", json!(""));
            }
        }
        Kind::VoiceNote => {
            draft.flags |= flag::VOICE;
            let note = file(draft, 0, true);
            draft.set("attachments", json!([note]));
        }
        Kind::Embeds => {
            let count = if draft.draw.chance(30) { 10 } else { 1 };
            let embeds: Vec<Value> = (0..count).map(|_| embed(draft)).collect();
            draft.set("embeds", json!(embeds));
        }
        Kind::Webhook => webhook(draft),
        Kind::Crosspost => {
            webhook(draft);
            draft.flags |= flag::IS_CROSSPOST;
            let far = draft.elsewhere(7).to_string();
            draft.set("message_reference", json!({"type": 0, "channel_id": far, "message_id": far, "guild_id": far}));
            draft.set("mention_channels", json!([{"id": far, "name": "rules", "type": 0, "guild_id": far}]));
        }
        Kind::SlashCommand | Kind::ContextMenu => command(draft, kind),
        Kind::Sticker => {
            let (id, name) = draft.draw.pick(&draft.world.born.stickers);
            draft.set("sticker_items", json!([{"id": id.to_string(), "name": name, "format_type": 1}]));
        }
        Kind::Poll => poll(draft),
        Kind::Forward => forward(draft),
        Kind::ComponentsV2 => {
            draft.flags |= flag::COMPONENTS_V2;
            by_bot(draft);
            let components = components_v2(draft);
            draft.set("components", components);
        }
        Kind::Buttons => {
            by_bot(draft);
            let components = buttons(draft);
            draft.set("components", components);
        }
        _ => plain(draft),
    }
}

/// Adds mentions and edits.
fn plain(draft: &mut Draft) {
    if draft.channel.kind == crate::channel::kind::ANNOUNCEMENT && draft.draw.chance(300) {
        draft.flags |= flag::CROSSPOSTED;
    }
    if draft.draw.chance(60) {
        mention(draft);
    }
    if draft.draw.chance(40) {
        let edited = draft.at_us + 1000 * (1 + draft.draw.below(86_400_000)) + draft.draw.below(1000);
        draft.set("edited_timestamp", json!(iso(edited)));
    }
}

fn mention(draft: &mut Draft) {
    let text = draft.body["content"].as_str().unwrap_or_default().to_owned();
    let world = draft.world;
    let added = match draft.draw.below(8) {
        0 => {
            draft.set("mention_everyone", json!(true));
            "@everyone".to_owned()
        }
        1 => {
            let role = draft.draw.pick(&world.born.roles[3..]).id.to_string();
            draft.set("mention_roles", json!([role]));
            format!("<@&{role}>")
        }
        2 => format!("<#{}>", draft.channel.parent_id.unwrap_or(draft.channel.id)),
        3 => {
            let emoji = draft.draw.pick(&world.born.emojis);
            format!("<{}:{}:{}>", if emoji.animated { "a" } else { "" }, emoji.name, emoji.id)
        }
        4 => format!("<t:{}:R> </ask:{}>", draft.at_us / 1_000_000, world.bot.application_id),
        _ => {
            let other = draft.draw.below(world.people.count());
            draft.set("mentions", json!([world.people.user(other)]));
            let mark = if draft.draw.chance(100) { "!" } else { "" };
            format!("<@{mark}{}>", world.people.id(other))
        }
    };
    draft.set("content", json!(format!("{added} {text}")));
}

fn reply(draft: &mut Draft) {
    draft.set("type", json!(19));
    let channel_id = draft.channel.id;
    let Some(id) = draft.earlier() else {
        draft.refer(channel_id, channel_id);
        draft.reply = Reply::Gone;
        return;
    };
    draft.refer(channel_id, id);
    draft.reply = match draft.draw.below(20) {
        0 => Reply::Gone,
        1 => Reply::Absent,
        _ => Reply::To { channel_id, id },
    };
    if draft.reply == Reply::Gone {
        // The id of a deleted message must not be that of an existing one.
        draft.refer(channel_id, id ^ 0x8);
    }
}

fn webhook(draft: &mut Draft) {
    let id = draft.world.born.webhook_id().to_string();
    let name = words::name(&mut draft.draw, " ");
    let avatar = draft.draw.chance(500).then(|| draft.draw.hex(32));
    draft.set(
        "author",
        json!({"id": id, "username": name, "global_name": null, "avatar": avatar, "discriminator": "0000", "bot": true,
               "public_flags": 0, "flags": 0, "primary_guild": null}),
    );
    if draft.draw.chance(400) {
        draft.set("application_id", json!(id));
    }
    draft.set("webhook_id", json!(id));
}

/// Makes one of the guild's bots the author.
fn by_bot(draft: &mut Draft) -> u64 {
    let bots = draft.world.people.count() / 40;
    let number = draft.draw.below(bots.max(1)) * 40 + 3;
    draft.set("author", draft.world.people.user(number));
    draft.world.people.id(number)
}

fn command(draft: &mut Draft, kind: Kind) {
    let application = by_bot(draft).to_string();
    let slash = kind == Kind::SlashCommand;
    draft.set("type", json!(if slash { 20 } else { 23 }));
    draft.set("application_id", json!(application));
    draft.set("webhook_id", json!(application));
    let caller = draft.draw.below(draft.world.people.count());
    let user = draft.world.people.user(caller);
    let id = (draft.id - (900 << 22)).to_string();
    let mut metadata = json!({
        "id": id, "type": 2, "user": user,
        "authorizing_integration_owners": {"0": draft.world.born.id.to_string()},
    });
    if !slash && let Some(target) = draft.earlier() {
        metadata["target_message_id"] = json!(target.to_string());
        draft.refer(draft.channel.id, target);
        draft.reply = Reply::To { channel_id: draft.channel.id, id: target };
    }
    draft.set("interaction_metadata", metadata);
    draft.set("interaction", json!({"id": id, "type": 2, "name": "ask", "user": user}));
}

fn forward(draft: &mut Draft) {
    draft.flags |= flag::HAS_SNAPSHOT;
    let far = draft.elsewhere(11).to_string();
    draft.set(
        "message_reference",
        json!({"type": 1, "channel_id": far, "message_id": far, "guild_id": draft.world.born.id.to_string()}),
    );
    let text = words::chatter(&mut draft.draw);
    let files = if draft.draw.chance(300) { json!([file(draft, 0, false)]) } else { json!([]) };
    let sent = iso(draft.at_us - 1_000_000 * (60 + draft.draw.below(100_000)));
    draft.set(
        "message_snapshots",
        json!([{"message": {"type": 0, "content": text, "embeds": [], "attachments": files, "timestamp": sent,
                            "edited_timestamp": null, "flags": 0, "mentions": [], "mention_roles": [],
                            "components": []}}]),
    );
}
