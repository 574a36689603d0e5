//! Checks every statement and migration for a server for clauses that `TiDB` silently ignores or executes slowly, and
//! checks that a schema states explicitly what it must.

use std::fs;
use std::path::{Path, PathBuf};

use adapter_sql::lists::expand;

/// A statement and its location.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    /// The file relative to the adapter's folder, without its extension, such as `message/read`.
    pub(crate) file: String,
    /// The name of the constant.
    pub(crate) name: String,
    /// The text, with its lists of columns.
    pub(crate) sql: String,
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)
}

/// Returns a statement with its lists.
fn expanded(sql: &str) -> String {
    let (bytes, length) = expand::<8192>(sql);
    String::from_utf8(bytes[..length].to_vec()).unwrap()
}

/// Returns every SQL constant of the adapter.
pub(crate) fn statements() -> Vec<Statement> {
    let root = folder("adapters/tidb/src");
    let mut found = Vec::new();
    for entry in walkdir::WalkDir::new(&root).sort_by_file_name() {
        let path = entry.unwrap().into_path();
        if path.extension().is_none_or(|ending| ending != "rs") || path.ends_with("tests.rs") {
            continue;
        }
        let file = path.strip_prefix(&root).unwrap().with_extension("").to_str().unwrap().to_owned();
        let source = fs::read_to_string(&path).unwrap();
        for part in source.split("const ").skip(1) {
            let Some((name, rest)) = part.split_once(": ") else { continue };
            let Some((kind, rest)) = rest.split_once(" = ") else { continue };
            if !["&str", "&'static str", "Option<&'static str>"].contains(&kind) {
                continue;
            }
            let rest = rest.trim_start_matches("Some(").trim_start().trim_start_matches("sql! {");
            let Some(rest) = rest.strip_prefix("r\"") else { continue };
            let (sql, _) = rest.split_once('"').unwrap();
            found.push(Statement { file: file.clone(), name: name.to_owned(), sql: expanded(sql) });
        }
    }
    found
}

/// Returns every migration of a dialect, by file name.
pub(crate) fn migrations(dialect: &str) -> Vec<(String, String)> {
    let files = fs::read_dir(folder("migrations").join(dialect)).unwrap();
    let mut all: Vec<_> = files
        .map(|file| {
            let path = file.unwrap().path();
            (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(path).unwrap())
        })
        .collect();
    all.sort();
    all
}

/// Returns the words of a statement, separated by single blanks.
fn words(sql: &str) -> String {
    sql.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the faults of a statement.
fn faults(sql: &str) -> Vec<&'static str> {
    let sql = format!(" {} ", words(sql).to_ascii_uppercase());
    let mut found = Vec::new();
    for (words, fault) in [
        (" SKIP LOCKED", "SKIP LOCKED locks nothing"),
        (" FOR SHARE", "FOR SHARE is refused"),
        (" LOCK IN SHARE MODE", "LOCK IN SHARE MODE is refused"),
        (" OFFSET ", "OFFSET reads what it leaves out"),
        (" REPLACE INTO ", "REPLACE deletes the row and what belongs to it"),
        (" REPLACE (", "REPLACE deletes the row and what belongs to it"),
        (") AS NEW ", "a row alias is no syntax everywhere"),
        (" BATCH ON ", "BATCH is not atomic"),
    ] {
        if sql.contains(words) {
            found.push(fault);
        }
    }
    // Each part of a UNION orders its own rows.
    for part in sql.split(" UNION ALL ") {
        if part.contains(" LIMIT ") && !part.contains(" ORDER BY ") {
            found.push("LIMIT without ORDER BY takes any rows");
        }
    }
    let compared = sql.split(") ").zip(sql.split(") ").skip(1)).any(|(left, right)| {
        let row = left.rsplit('(').next().is_some_and(|inside| inside.contains(", "));
        let sign = ["< (", "> (", "<= (", ">= (", "= ("].iter().any(|sign| right.starts_with(sign));
        row && sign
    });
    if compared {
        found.push("a comparison of rows is a scan of all on some releases");
    }
    found
}

/// Returns the faults of a migration.
fn schema_faults(sql: &str) -> Vec<String> {
    let mut found: Vec<String> = faults(sql).into_iter().map(str::to_owned).collect();
    for statement in sql.split(';').filter(|statement| words(statement).starts_with("CREATE TABLE")) {
        let (_, body) = statement.split_once('(').unwrap();
        let lines: Vec<String> = body.lines().map(words).filter(|line| !line.is_empty()).collect();
        let said = |part: &str| lines.iter().any(|line| line.contains(part));
        if !said("CLUSTERED */") {
            found.push("how the rows are ordered is not said".to_owned());
        }
        if !lines.last().is_some_and(|line| line.contains("CHARACTER SET") && line.contains("COLLATE")) {
            found.push("the table's collation is not said".to_owned());
        }
        for (index, line) in lines.iter().enumerate() {
            let constraint = line.starts_with("CONSTRAINT") || line.starts_with("REFERENCES");
            let goes_on = index > 0 && lines[index - 1].starts_with("CONSTRAINT");
            if line.contains("REFERENCES") && !constraint && !goes_on {
                found.push(format!("REFERENCES behind a column makes no foreign key: {line}"));
            }
            let Some((column, kind)) = line.split_once(' ') else { continue };
            let text = ["VARCHAR", "TEXT", "MEDIUMTEXT", "CHAR"].iter().any(|name| kind.starts_with(name));
            if text && !kind.contains("COLLATE") {
                found.push(format!("a text without a collation: {line}"));
            }
            if column.ends_with("_at") && !kind.starts_with("DATETIME(3)") {
                found.push(format!("a time is DATETIME(3): {line}"));
            }
            let ours = ["tenant_id", "channel_id", "parent_id", "job_id"].contains(&column);
            if ours && !kind.starts_with("VARCHAR(36)") {
                found.push(format!("an id of ours is VARCHAR(36): {line}"));
            }
        }
    }
    found
}

#[test]
fn no_statement_holds_what_tidb_leaves_out() {
    let all = statements();
    assert!(all.len() > 45, "{} statements", all.len());
    for Statement { file, name, sql } in all {
        assert_eq!(faults(&sql), [""; 0], "{file} {name}");
    }
}

#[test]
fn every_list_that_is_cut_ends_its_order_on_a_key() {
    let keys = [
        "change_id",
        "channel_id",
        "platform_id",
        "message_id",
        "job_id",
        "tenant_id",
        "low",
        "slug",
        "role_id",
        "emoji_id",
        "sticker_id",
        "picture_key",
        "unreadable_id",
        "attachment_id",
        "hash",
        "edited_at",
        "day",
        "domain",
        "first_day",
    ];
    for Statement { file, name, sql } in statements() {
        let sql = words(&sql);
        for part in sql.split(" ORDER BY ").skip(1) {
            let order = part.split(" LIMIT ").next().unwrap().split(')').next().unwrap();
            let last = order.split(", ").last().unwrap().split(' ').next().unwrap();
            let last = last.rsplit('.').next().unwrap();
            assert!(keys.contains(&last) || last == "version", "{file} {name} is ordered by {order}");
        }
    }
}

#[test]
fn a_schema_says_what_it_must() {
    for (file, sql) in migrations("tidb") {
        assert_eq!(schema_faults(&sql), [""; 0], "{file}");
    }
}

#[test]
fn both_dialects_have_the_same_migrations() {
    let names = |dialect| migrations(dialect).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names("tidb"), names("sqlite"));
    let tables = |dialect| {
        let mut found: Vec<_> = migrations(dialect)
            .iter()
            .flat_map(|(_, sql)| sql.split("CREATE TABLE IF NOT EXISTS ").skip(1).map(|rest| rest.split(' ').next()))
            .map(|name| name.unwrap().to_owned())
            .collect();
        found.sort();
        found
    };
    let mut of_sqlite = tables("sqlite");
    // SQLite numbers its changes itself.
    of_sqlite.push("change_counter".to_owned());
    of_sqlite.sort();
    assert_eq!(tables("tidb"), of_sqlite);
}

#[test]
fn what_must_not_stand_there_is_found() {
    for sql in [
        "SELECT a FROM t WHERE b = ? FOR UPDATE SKIP LOCKED",
        "SELECT a FROM t WHERE b = ? LOCK IN SHARE MODE",
        "SELECT a FROM t WHERE b = ? FOR SHARE",
        "SELECT a FROM t LIMIT 3",
        "SELECT a FROM t ORDER BY a LIMIT 3 OFFSET 4",
        "(SELECT a FROM t ORDER BY a LIMIT 1) UNION ALL (SELECT a FROM t LIMIT 1)",
        "REPLACE INTO t (a) VALUES (1)",
        "SELECT a FROM t WHERE (a, b) < (?, ?) ORDER BY a",
        "INSERT INTO t (a) VALUES (1) AS new ON DUPLICATE KEY UPDATE a = new.a",
    ] {
        assert_eq!(faults(sql).len(), 1, "{sql}: {:?}", faults(sql));
    }
    assert_eq!(faults("INSERT INTO t (a, b) VALUES (?, ?) ON DUPLICATE KEY UPDATE a = VALUES(a)"), [""; 0]);
    let column = |line: &str| {
        format!(
            "CREATE TABLE t (\n{line},\n a INT,\n PRIMARY KEY (a) /*T![clustered_index] CLUSTERED */\n) \
             DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;"
        )
    };
    assert_eq!(schema_faults(&column("b INT")), [""; 0]);
    for line in [
        "b INT REFERENCES other (a)",
        "made_at DATETIME",
        "name VARCHAR(9)",
        "channel_id VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin",
    ] {
        assert_eq!(schema_faults(&column(line)).len(), 1, "{line}");
    }
    assert_eq!(schema_faults("CREATE TABLE t (\n a INT,\n PRIMARY KEY (a)\n);").len(), 2);
}
