use crate::sql;

use super::WIDTHS;

fn columns(list: &str) -> Vec<&str> {
    list.split(',').map(str::trim).collect()
}

#[test]
fn a_plain_row_has_all_columns_but_the_rare_ones() {
    let (mut all, plain) = (columns(sql! {"{message}, digest"}), columns(sql! {"{plain_message}"}));
    assert_eq!((all.len(), plain.len()), WIDTHS);
    let rare: Vec<_> = all.drain(18..25).collect();
    assert_eq!(rare, ["stickers", "components", "snapshots", "poll", "extra", "sent_at", "deleted_at"]);
    assert_eq!(plain, all);
}
