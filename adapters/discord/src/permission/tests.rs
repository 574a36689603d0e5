use domain::access::{Access, Denied};
use domain::channel::ChannelKind;
use serde_json::json;

use super::{CONNECT, Member, Overwrite, READ_MESSAGE_HISTORY, VIEW_CHANNEL, access, rights};
use crate::payload::Fields;

const GUILD: u64 = 1;
const READS: u64 = VIEW_CHANNEL | READ_MESSAGE_HISTORY;

const fn role(id: u64, allow: u64, deny: u64) -> Overwrite {
    Overwrite { id, of_member: false, allow, deny }
}

fn read(value: serde_json::Value) -> Overwrite {
    Overwrite::read(Fields::of(value).unwrap()).unwrap()
}

#[test]
fn everyone_may_what_their_role_and_the_channel_say() {
    let all = Member::everyone(READS);
    assert_eq!(all.rights(GUILD, &[]), READS);
    assert_eq!(all.rights(GUILD, &[role(GUILD, 0, VIEW_CHANNEL)]), 0, "unseen is unread");
    assert_eq!(all.rights(GUILD, &[role(GUILD, 0, READ_MESSAGE_HISTORY)]), VIEW_CHANNEL);
    assert_eq!(Member::everyone(0).rights(GUILD, &[role(GUILD, READS, 0)]), READS);
    assert_eq!(all.rights(GUILD, &[role(7, 0, READS)]), READS, "another role's overwrite is not theirs");
    assert_eq!(Member::everyone(8).rights(GUILD, &[role(GUILD, 0, READS)]), u64::MAX, "administrators");
}

#[test]
fn roles_then_the_member_have_the_last_word() {
    let bot = Member { owner: false, id: Some(9), roles: vec![2, 3], base: READS, timed_out: false };
    let closed = role(GUILD, 0, VIEW_CHANNEL);
    assert_eq!(bot.rights(GUILD, &[closed]), 0);
    assert_eq!(bot.rights(GUILD, &[closed, role(2, VIEW_CHANNEL, 0)]), READS);
    assert_eq!(bot.rights(GUILD, &[role(2, VIEW_CHANNEL, 0), role(3, 0, VIEW_CHANNEL)]), READS, "allowing wins");
    let own = Overwrite { id: 9, of_member: true, allow: 0, deny: VIEW_CHANNEL };
    assert_eq!(bot.rights(GUILD, &[role(2, VIEW_CHANNEL, 0), own]), 0);
    assert_eq!(bot.rights(GUILD, &[role(9, 0, VIEW_CHANNEL)]), READS, "a role with the member's id is no member");
    let timed_out = Member { timed_out: true, base: READS | CONNECT, ..bot.clone() };
    assert_eq!(timed_out.rights(GUILD, &[]), READS);
    assert_eq!(Member { owner: true, ..bot }.rights(GUILD, &[closed]), u64::MAX);
}

#[test]
fn what_is_missing_is_named_and_voice_needs_a_connection() {
    assert_eq!(access(ChannelKind::TEXT, READS), Access::Readable);
    assert_eq!(access(ChannelKind::TEXT, 0), Access::Denied(Denied::View));
    assert_eq!(access(ChannelKind::TEXT, VIEW_CHANNEL), Access::Denied(Denied::History));
    assert_eq!(access(ChannelKind::VOICE, READS), Access::Denied(Denied::Connect));
    assert_eq!(access(ChannelKind::STAGE, READS | CONNECT), Access::Readable);
}

#[test]
fn overwrites_are_read_in_every_form_and_what_cannot_be_read_is_denied() {
    assert_eq!(read(json!({"id": "5", "type": 0, "allow": "1024", "deny": "0"})), role(5, 1024, 0));
    assert!(read(json!({"id": "5", "type": 1, "allow": "0", "deny": "0"})).of_member);
    assert!(read(json!({"id": "5", "type": "member", "allow": "0", "deny": "0"})).of_member);
    assert_eq!(read(json!({"id": "5", "type": 0, "allow": "all", "deny": "0"})), role(5, 0, u64::MAX));
    assert_eq!(read(json!({"id": "5", "type": 0})), role(5, 0, u64::MAX));
    assert_eq!(rights("36893488147419103233"), Some(1), "bits above the 64th have no meaning here");
}
