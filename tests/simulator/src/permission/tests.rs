use super::*;

const GUILD: u64 = 1;
const ME: u64 = 2;
const BASE: u64 = VIEW_CHANNEL | READ_MESSAGE_HISTORY;

#[test]
fn a_role_that_allows_beats_everyone_that_denies() {
    let overwrites = [Overwrite::role(GUILD, 0, VIEW_CHANNEL), Overwrite::role(7, VIEW_CHANNEL, 0)];
    assert_eq!(in_channel(BASE, &overwrites, GUILD, ME, &[7]), BASE);
    assert_eq!(in_channel(BASE, &overwrites, GUILD, ME, &[]), 0);
}

#[test]
fn the_members_own_overwrite_comes_last() {
    let own = Overwrite { id: ME, subject: Subject::Member, allow: 0, deny: READ_MESSAGE_HISTORY };
    let overwrites = [Overwrite::role(7, READ_MESSAGE_HISTORY, 0), own];
    assert_eq!(in_channel(BASE, &overwrites, GUILD, ME, &[7]), VIEW_CHANNEL);
}

#[test]
fn an_administrator_may_everything_everywhere() {
    let all = in_guild(0, [ADMINISTRATOR].into_iter());
    assert_eq!(in_channel(all, &[Overwrite::role(GUILD, 0, VIEW_CHANNEL)], GUILD, ME, &[]), ALL);
}

#[test]
fn who_cannot_view_can_do_nothing() {
    assert_eq!(in_channel(BASE, &[Overwrite::role(GUILD, 0, VIEW_CHANNEL)], GUILD, ME, &[]), 0);
}
