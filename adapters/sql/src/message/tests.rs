use crate::sql;

use super::RowWidth;

fn columns(list: &str) -> Vec<&str> {
    list.split(',').map(str::trim).collect()
}

#[test]
fn each_width_begins_with_the_columns_of_the_narrower_ones_and_ends_with_the_digest() {
    let lists = [
        (RowWidth::Short, columns(sql! {"{short_message}"})),
        (RowWidth::Plain, columns(sql! {"{plain_message}"})),
        (RowWidth::Whole, columns(sql! {"{message}, digest"})),
    ];
    let whole = &lists[2].1;
    for (width, list) in &lists {
        assert_eq!(list.len(), width.columns(), "{width:?}");
        let (digest, others) = list.split_last().unwrap();
        assert_eq!((*digest, others), ("digest", &whole[..others.len()]), "{width:?}");
    }
}
