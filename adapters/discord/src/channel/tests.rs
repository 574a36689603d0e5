use std::sync::Arc;

use domain::access::{Access, ArchivedList, Denied, GuildChannel};
use domain::channel::{ChannelId, ChannelKind, ForumTag};
use domain::pseudonym::{PseudonymKey, Pseudonymizer};
use domain::snowflake::Id;
use domain::tenant::{Platform, PlatformId, TenantId};
use domain::timestamp::Timestamp;
use domain::visibility::Visibility;
use ports::guild::GuildScope;
use serde_json::{Value, json};

use super::{Rights, Shown, channel, thread};
use crate::payload::Fields;
use crate::permission::{MANAGE_THREADS, Member, READ_MESSAGE_HISTORY, VIEW_CHANNEL};

const GUILD: &str = "100000000000000001";
const USER: &str = "184405311681986560";
const OBSERVED: Timestamp = Timestamp::from_millis(1_790_000_000_000).expect("a time");
const READS: u64 = VIEW_CHANNEL | READ_MESSAGE_HISTORY;

fn scope() -> GuildScope {
    let tenant = TenantId::of(Platform::Discord, &PlatformId::new(GUILD).unwrap());
    let people = Arc::new(Pseudonymizer::new(&PseudonymKey::new([7; 32]), tenant));
    GuildScope { tenant, guild: GUILD.parse().unwrap(), people, background: false }
}

fn rights(everyone: u64, bot: u64) -> Rights {
    let bot = Member { owner: false, id: Some(9), roles: vec![2], base: everyone | bot, timed_out: false };
    Rights { everyone: Member::everyone(everyone), bot, age_gated: false }
}

fn wire(more: &Value) -> Fields {
    let mut wire = json!({"id": "50", "type": 0, "name": "general", "permission_overwrites": [], "nsfw": false,
                          "position": 3, "parent_id": "40", "topic": null, "last_message_id": "60", "flags": 0,
                          "guild_id": GUILD});
    wire.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Fields::of(wire).unwrap()
}

fn shown_with(rights: &Rights, more: &Value) -> GuildChannel {
    match channel(&scope(), rights, OBSERVED, wire(more)) {
        Shown::Whole(channel) => *channel,
        other => panic!("{other:?}"),
    }
}

fn shown(more: &Value) -> GuildChannel {
    shown_with(&rights(READS, 0), more)
}

fn deny(id: &str, deny: u64) -> Value {
    json!({"id": id, "type": 0, "allow": "0", "deny": deny.to_string()})
}

fn a_thread(parent: Option<&GuildChannel>, more: &Value) -> GuildChannel {
    let mut wire = json!({"id": "60", "type": 11, "parent_id": "50", "name": "a thread", "guild_id": GUILD});
    wire.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    thread(&scope(), parent, OBSERVED, Fields::of(wire).unwrap()).unwrap()
}

#[test]
fn a_channel_says_what_it_is_where_it_stands_and_who_may_read_it() {
    let general = shown(&json!({"topic": format!("ask <@{USER}>"), "rate_limit_per_user": 5}));
    let scope = scope();
    assert_eq!(general.channel.id, ChannelId::of(scope.tenant, Id::new(50).unwrap()));
    assert_eq!(general.channel.parent_id, Some(ChannelId::of(scope.tenant, Id::new(40).unwrap())));
    assert_eq!(general.channel.topic, Some(format!("ask <@{}>", scope.people.person(USER))));
    assert_eq!((general.channel.position, general.last_message_id), (3, Id::new(60)));
    assert_eq!((general.channel.visibility, general.access), (Visibility::Public, Access::Readable));
    assert_eq!(general.channel.extra.unwrap().to_value(), json!({"rate_limit_per_user": 5}));
}

#[test]
fn a_channel_denied_to_everyone_is_private_and_so_is_an_unknown_kind() {
    for overwrites in [
        json!([deny(GUILD, VIEW_CHANNEL)]),
        json!([deny(GUILD, READ_MESSAGE_HISTORY)]),
        json!([{"id": GUILD, "type": 0, "allow": "x", "deny": "0"}]),
        json!([{"type": 0, "allow": "0", "deny": "0"}]),
        json!(["x"]),
        json!("x"),
        json!(null),
    ] {
        let found = shown(&json!({"permission_overwrites": overwrites}));
        assert_eq!(found.channel.visibility, Visibility::Private, "{overwrites}");
    }
    assert_eq!(shown(&json!({"type": 2})).channel.visibility, Visibility::Private, "voice needs a connection");
    assert_eq!(shown(&json!({"permission_overwrites": [deny("77", READS)]})).channel.visibility, Visibility::Public);
    let admins = shown_with(&rights(8, 0), &json!({"permission_overwrites": [deny(GUILD, READS)]}));
    assert_eq!(admins.channel.visibility, Visibility::Public, "@everyone is an administrator");
}

#[test]
fn the_bot_reads_by_its_own_roles() {
    let closed = json!({"permission_overwrites": [deny(GUILD, VIEW_CHANNEL),
        {"id": "2", "type": 0, "allow": VIEW_CHANNEL.to_string(), "deny": "0"}]});
    let staff = shown(&closed);
    assert_eq!((staff.channel.visibility, staff.access), (Visibility::Private, Access::Readable));
    let hidden = shown(&json!({"permission_overwrites": [deny(GUILD, VIEW_CHANNEL)]}));
    assert_eq!(hidden.access, Access::Denied(Denied::View));
    assert_eq!(hidden.archived_lists(), &[]);
    let lists = |more: u64, kind: i32| shown_with(&rights(READS, more), &json!({"type": kind})).archived_lists();
    assert_eq!(lists(0, 0), &[ArchivedList::Public, ArchivedList::JoinedPrivate]);
    assert_eq!(lists(MANAGE_THREADS, 0), &[ArchivedList::Public, ArchivedList::Private]);
    assert_eq!((lists(MANAGE_THREADS, 15), lists(0, 2)), (&[ArchivedList::Public][..], &[][..]));
}

#[test]
fn obfuscated_channel_only_exists() {
    let more = json!({"flags": 1 << 17, "name": "___hidden___"});
    assert!(matches!(channel(&scope(), &rights(READS, 0), OBSERVED, wire(&more)), Shown::Hidden(id) if id.get() == 50));
    assert!(matches!(channel(&scope(), &rights(READS, 0), OBSERVED, wire(&json!({"id": null}))), Shown::Nothing));
}

#[test]
fn a_guild_that_is_age_gated_gates_all_of_it_and_a_thread_follows_its_parent() {
    let gated = Rights { age_gated: true, ..rights(READS, 0) };
    let general = shown_with(&gated, &json!({}));
    assert!(general.channel.nsfw && shown(&json!({"nsfw": true})).channel.nsfw && !shown(&json!({})).channel.nsfw);
    assert!(a_thread(Some(&general), &json!({})).channel.nsfw);
}

#[test]
fn a_thread_inherits_and_without_its_parent_it_is_private() {
    let general = shown(&json!({}));
    let metadata = json!({"archived": true, "locked": true, "archive_timestamp": null, "auto_archive_duration": 60});
    let more = json!({"thread_metadata": metadata, "owner_id": USER, "applied_tags": ["7", "8"], "flags": 2,
                      "member": {"id": "50"}});
    let made = a_thread(Some(&general), &more);
    assert!(made.channel.archived && made.channel.locked && made.channel.is_public(Some(&general.channel)));
    assert_eq!((made.access, made.channel.applied_tags.len()), (Access::Readable, 2));
    assert_eq!(
        made.channel.extra.unwrap().to_value(),
        json!({"thread_metadata": {"archive_timestamp": null, "auto_archive_duration": 60}, "flags": 2,
               "owner_id": scope().people.person(USER).to_string()})
    );
    let private = a_thread(Some(&general), &json!({"type": 12}));
    assert!(!private.channel.is_public(Some(&general.channel)));
    let staff = shown(&json!({"permission_overwrites": [deny(GUILD, VIEW_CHANNEL)]}));
    assert!(!a_thread(Some(&staff), &json!({})).channel.is_public(Some(&staff.channel)));
    let orphan = a_thread(None, &json!({}));
    assert_eq!((orphan.channel.visibility, orphan.access), (Visibility::Private, Access::Denied(Denied::View)));
    assert!(thread(&scope(), Some(&general), OBSERVED, wire(&json!({"type": 0}))).is_none());
}

#[test]
fn tags_of_a_forum_are_its_own_and_what_they_say_beyond_stays() {
    let tags = json!([{"id": "7", "name": "bug", "moderated": false, "emoji_id": null, "emoji_name": "🐛"},
                      {"id": "8", "name": "staff", "moderated": true, "emoji_id": "99", "emoji_name": null}]);
    let forum = shown(&json!({"type": 15, "available_tags": tags}));
    let expected = |id: &str, name: &str, emoji: &str| ForumTag {
        id: id.to_owned(),
        name: name.to_owned(),
        emoji: Some(emoji.to_owned()),
    };
    assert_eq!(forum.channel.tags, [expected("7", "bug", "🐛"), expected("8", "staff", "99")]);
    let rest = json!({"available_tags": [{"id": "8", "moderated": true, "emoji_id": "99"}]});
    assert_eq!(forum.channel.extra.as_ref().unwrap().to_value(), rest);
    assert!(!forum.holds_messages());
}

#[test]
fn an_unknown_kind_is_kept_and_not_read() {
    let odd = shown(&json!({"type": 300, "name": ""}));
    assert_eq!((odd.channel.kind, odd.channel.name.as_str()), (ChannelKind(300), "50"));
    assert!(!odd.holds_messages() && odd.archived_lists().is_empty());
    let overwrite = json!({"id": USER, "type": 1, "allow": "0", "deny": "0"});
    let kept = shown(&json!({"permission_overwrites": [overwrite]}));
    assert!(!format!("{kept:?}").contains(USER), "an overwrite of a person");
}
