use mysql_async::params;

use super::*;

fn sizes(count: usize, bytes: usize) -> Vec<usize> {
    pieces(&vec![(); count], |()| bytes).map(<[()]>::len).collect()
}

#[test]
fn rows_are_cut_into_few_statements_of_few_sizes() {
    assert!(sizes(0, 1).is_empty());
    assert_eq!(sizes(1, 1), [1]);
    assert_eq!(sizes(100, 1), [100]);
    assert_eq!(sizes(1000, 1), [256, 256, 256, 232]);
    assert_eq!([1, 3, 23, 99, 100, 101, 232].map(padded_size), [1, 4, 32, 100, 100, 128, 256]);
}

#[test]
fn no_statement_of_many_rows_has_too_many_bytes() {
    assert_eq!(sizes(6, MOST_BYTES / 3), [3, 3]);
    assert_eq!(sizes(2, MOST_BYTES + 1), [1, 1]);
}

#[test]
fn a_statement_has_a_placeholder_for_every_value() {
    assert_eq!(insert_sql("INSERT INTO t (a, b) VALUES", 2, 2, " X"), "INSERT INTO t (a, b) VALUES (?, ?), (?, ?) X");
    assert_eq!(list_sql("DELETE FROM t WHERE a IN (…) X", 3), "DELETE FROM t WHERE a IN (?, ?, ?) X");
}

#[test]
fn a_list_of_keys_is_filled_up_with_its_last() {
    assert_eq!(padded(&[1, 2, 3]).collect::<Vec<_>>(), [[1, 2, 3, 3]]);
    assert_eq!(padded::<u8>(&[]).count(), 0);
    assert_eq!(padded(&[7; 300]).map(|keys| keys.len()).collect::<Vec<_>>(), [256, 64]);
}

#[test]
fn values_stand_in_the_place_of_their_names() {
    let time = Value::Date(2026, 11, 27, 0, 0, 0, 500_000);
    let parameters = params! { "a" => 7, "ab" => r"it's \ :a", "c" => None::<u64>, "time" => time };
    assert_eq!(
        with_values("\n    UPDATE t SET x = :ab, y = :c WHERE at = :time AND a IN (:a)\n", &parameters),
        r"UPDATE t SET x = 'it\'s \\ :a', y = NULL WHERE at = '2026-11-27 00:00:00.500000' AND a IN (7)"
    );
}

#[test]
fn rows_stand_behind_their_statement() {
    let rows = [[Value::from(1), Value::from("a'b")], [Value::from(2), Value::NULL]];
    assert_eq!(
        with_rows("INSERT INTO t (a, b)\n    VALUES\n", &rows, "\n    ON DUPLICATE KEY UPDATE b = VALUES(b)\n"),
        r"INSERT INTO t (a, b)
    VALUES (1, 'a\'b'), (2, NULL) ON DUPLICATE KEY UPDATE b = VALUES(b)"
    );
}
