use super::{role_ids, role_mentions};
use crate::snowflake::Id;

fn found(text: &str) -> Vec<u64> {
    role_mentions(text).into_iter().map(Id::get).collect()
}

#[test]
fn mentions_of_roles_are_found_in_any_text() {
    assert_eq!(found("<@&7> a <@&12>, <@5> <@&0> <@&x> <@&9 <@&7>"), [7, 12, 7]);
    assert_eq!(found("no mention"), [0; 0]);
    assert_eq!(
        found("# **<@&1>**\n> *<@&2>*\n- <@&3>\n  - ||<@&4>||\n-# [<@&5>](https://example.org)"),
        [1, 2, 3, 4, 5]
    );
}

#[test]
fn code_mentions_no_role() {
    assert_eq!(found("`<@&1>` <@&2>\n```\n<@&3>\n```"), [2]);
    assert_eq!(found("\\<@&1>"), [0; 0]);
}

#[test]
fn mentions_of_roles_are_found_in_json() {
    let json = r#"[{"description":"<@&7> and `<@&8>`","fields":[{"value":"<@&9>"}]}]"#;
    assert_eq!(role_ids(json).map(Id::get).collect::<Vec<_>>(), [7, 8, 9]);
}
