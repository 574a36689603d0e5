use adapter_sql::sql;

use super::{INSERT_PLAIN, RARE};

fn columns(list: &str) -> Vec<&str> {
    list.split(',').map(str::trim).collect()
}

#[test]
fn plain_rows_have_all_columns_but_the_rare_ones() {
    let mut all = columns(sql! {"{message}, digest"});
    let rare: Vec<_> = all.drain(RARE).collect();
    assert_eq!(rare, ["stickers", "components", "snapshots", "poll", "extra", "sent_at", "deleted_at"]);
    let (_, list) = INSERT_PLAIN.split_once('(').unwrap();
    assert_eq!(columns(list.split_once(')').unwrap().0), all);
}
