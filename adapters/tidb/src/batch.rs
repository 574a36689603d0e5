//! Statements for many rows at once, in few sizes, so that a connection can cache all of them.

use std::fmt::Write;

use mysql_async::{Params, Value};

/// The numbers of rows in a statement; a page of Discord has at most 100 messages.
const SIZES: [usize; 10] = [1, 2, 4, 8, 16, 32, 64, 100, 128, MOST_ROWS];
/// The maximum number of rows in a statement.
const MOST_ROWS: usize = 256;

/// The maximum size in bytes of one statement's parameters, if it has more than one row; a packet may have four times
/// as many.
pub(crate) const MOST_BYTES: usize = 4 * 1024 * 1024;

/// Returns the size in bytes of the values of a row.
pub(crate) fn size<const N: usize>(row: &[Value; N]) -> usize {
    row.iter().map(|value| if let Value::Bytes(bytes) = value { bytes.len() } else { 8 }).sum()
}

/// Splits `rows` into pieces that each fit into a statement: within the limits of rows and of bytes.
pub(crate) fn pieces<T>(rows: &[T], bytes: impl Fn(&T) -> usize) -> impl Iterator<Item = &[T]> {
    let mut rest = rows;
    std::iter::from_fn(move || {
        let mut sum = 0;
        let fitting = rest.iter().take(MOST_ROWS).take_while(|row| {
            sum += bytes(row);
            sum <= MOST_BYTES
        });
        let (piece, left) = rest.split_at(fitting.count().max(1).min(rest.len()));
        rest = left;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Returns the number of rows of the statement for `count` rows: the next of the sizes. A statement that is safe to
/// repeat is filled up with one of its rows, so that few different statements are prepared.
pub(crate) fn padded_size(count: usize) -> usize {
    SIZES.into_iter().find(|size| *size >= count).unwrap_or(count)
}

/// Splits `keys` into pieces for a list of placeholders, each padded to one of the sizes with its last key.
pub(crate) fn padded<T: Clone>(keys: &[T]) -> impl Iterator<Item = Vec<T>> {
    keys.chunks(MOST_ROWS).map(|piece| {
        let mut keys = piece.to_vec();
        keys.resize(piece.len().next_power_of_two(), piece[piece.len() - 1].clone());
        keys
    })
}

/// Returns `insert`, then `rows` times `columns` placeholders, then `tail`.
pub(crate) fn insert_sql(insert: &str, columns: usize, rows: usize, tail: &str) -> String {
    let row = format!("({})", ["?"].repeat(columns).join(", "));
    let mut sql = insert.trim_end().to_owned();
    for index in 0..rows {
        let comma = if index == 0 { " " } else { ", " };
        write!(sql, "{comma}{row}").expect("a string takes any text");
    }
    sql.push_str(tail);
    sql
}

/// Returns `sql` with its values in the place of their names or placeholders, to be sent as a part of a longer text. The driver quotes
/// them for the mode of our sessions.
pub(crate) fn with_values(sql: &str, parameters: &Params) -> String {
    let values = match parameters {
        Params::Named(values) => values,
        Params::Positional(values) => return in_order(sql, values),
        Params::Empty => return sql.trim().to_owned(),
    };
    let mut parts = sql.trim().split(':');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|next: char| !next.is_ascii_alphanumeric() && next != '_').unwrap_or(part.len());
        let (name, rest) = part.split_at(end);
        let value = values.get(name.as_bytes()).expect("a statement names only values that it gets");
        text += &value.as_sql(false);
        text += rest;
    }
    text
}

/// Returns `sql` with its values in the place of its placeholders.
fn in_order(sql: &str, values: &[Value]) -> String {
    let mut parts = sql.trim().split('?');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for (part, value) in parts.zip(values) {
        text += &value.as_sql(false);
        text += part;
    }
    text
}

/// Returns `insert`, a statement up to `VALUES`, with its rows, then `tail`.
pub(crate) fn with_rows<const N: usize>(insert: &str, rows: &[[Value; N]], tail: &str) -> String {
    let rows: Vec<_> = rows.iter().map(|row| format!("({})", literals(row))).collect();
    format!("{} {} {}", insert.trim(), rows.join(", "), tail.trim())
}

/// Returns values as a list in the text of a statement, quoted like those of [`with_values`].
pub(crate) fn literals(values: &[Value]) -> String {
    values.iter().map(|value| value.as_sql(false)).collect::<Vec<_>>().join(", ")
}

/// Returns `sql` with `count` placeholders in the place of its only `(…)`.
pub(crate) fn list_sql(sql: &str, count: usize) -> String {
    sql.replace("(…)", &format!("({})", ["?"].repeat(count).join(", ")))
}

/// Returns `sql` `count` times, each with parameters of its own.
fn union_sql(sql: &str, count: usize) -> String {
    let part = format!("({})", sql.trim());
    [part.as_str()].repeat(count).join(" UNION ALL ")
}

/// Returns `sql` for `count` keys of `N` values: with all of them in the place of its only `(…)`, or else once for each.
pub(crate) fn keyed_sql<const N: usize>(sql: &str, count: usize) -> String {
    match N {
        _ if !sql.contains("(…)") => union_sql(sql, count),
        1 => list_sql(sql, count),
        _ => keys_sql(sql, count),
    }
}

/// Returns `sql` with `count` keys of a channel and a message in the place of its only `(…)`. A list of pairs would be
/// equivalent, but causes a scan of all rows on some releases.
pub(crate) fn keys_sql(sql: &str, count: usize) -> String {
    let key = "(channel_id = ? AND message_id = ?)";
    sql.replace("(…)", &[key].repeat(count).join(" OR "))
}

#[cfg(test)]
mod tests;
