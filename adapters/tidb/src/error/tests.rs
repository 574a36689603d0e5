use std::io;

use super::*;

fn server(code: u16, message: &str) -> Error {
    Error::Server(ServerError { code, state: "HY000".to_owned(), message: message.to_owned() })
}

fn lost() -> Error {
    Error::from(io::Error::from(io::ErrorKind::ConnectionReset))
}

fn name(error: &StoreError) -> &'static str {
    match error {
        StoreError::Aborted(_) => "aborted",
        StoreError::Unavailable(_) => "unavailable",
        StoreError::Backend(_) => "backend",
        StoreError::Duplicate { .. } => "duplicate",
        StoreError::TooLarge(_) => "too large",
        StoreError::Refused(_) => "refused",
        StoreError::Throttled(_) => "throttled",
        StoreError::TimedOut(_) => "timed out",
        StoreError::Missing { .. } | StoreError::Corrupt { .. } => "other",
    }
}

#[test]
fn a_lost_race_is_worth_another_try_wherever_it_is_told() {
    for code in LOST_RACE {
        assert_eq!(name(&store_error(&server(code, ""))), "aborted", "{code}");
        assert_eq!(name(&commit_error(&server(code, ""))), "aborted", "{code}");
    }
    let changed = server(UNKNOWN, "[tikv:1] Information schema is changed");
    assert_eq!(name(&commit_error(&changed)), "aborted");
    assert_eq!(name(&store_error(&server(UNKNOWN, "out of order"))), "backend");
}

#[test]
fn a_busy_cluster_aborts_a_statement_and_leaves_a_commit_open() {
    for code in CLUSTER_BUSY {
        assert_eq!(name(&store_error(&server(code, ""))), "aborted", "{code}");
        assert_eq!(name(&commit_error(&server(code, ""))), "unavailable", "{code}");
        assert_eq!(name(&begin_error(&server(code, ""))), "aborted", "{code}");
    }
}

#[test]
fn a_connection_lost_in_a_commit_leaves_open_what_happened() {
    assert_eq!(name(&store_error(&lost())), "aborted");
    assert_eq!(name(&commit_error(&lost())), "unavailable");
    assert_eq!(name(&begin_error(&lost())), "unavailable");
}

#[test]
fn a_server_that_does_not_serve_now_is_unavailable() {
    for code in NOT_SERVING {
        assert_eq!(name(&store_error(&server(code, ""))), "unavailable", "{code}");
        assert_eq!(name(&commit_error(&server(code, ""))), "unavailable", "{code}");
    }
}

#[test]
fn what_the_server_says_of_the_work_itself_is_told_apart() {
    let lists: [(&[u16], _); 4] =
        [(&TOO_LARGE, "too large"), (&REFUSED_VALUE, "refused"), (&THROTTLED, "throttled"), (&TIMED_OUT, "timed out")];
    for (codes, told) in lists {
        for code in codes {
            for error in [store_error, begin_error, commit_error].map(|of| of(&server(*code, ""))) {
                assert_eq!(name(&error), told, "{code}");
                assert!(!error.is_retryable(), "{code}: the same again would end likewise");
            }
        }
    }
}

#[test]
fn no_code_stands_in_two_lists() {
    let lists: [&[u16]; 7] =
        [&LOST_RACE, &CLUSTER_BUSY, &TOO_LARGE, &REFUSED_VALUE, &NOT_SERVING, &THROTTLED, &TIMED_OUT];
    let mut all = lists.concat();
    all.sort_unstable();
    let count = all.len();
    all.dedup();
    assert_eq!(all.len(), count);
}

#[test]
fn everything_else_is_a_fault_to_look_at() {
    for code in [1054, 1064, 1142, 1146, 1153, 1235, 1390, 1451, 8003, 8130, 8223, 8249] {
        assert_eq!(name(&store_error(&server(code, ""))), "backend", "{code}");
    }
}

#[test]
fn a_key_that_is_found_taken_at_the_commit_is_a_duplicate() {
    assert_eq!(name(&commit_error(&server(DUPLICATE_KEY, ""))), "duplicate");
    assert_eq!(name(&store_error(&server(DUPLICATE_KEY, ""))), "backend");
}

#[test]
fn a_text_that_quotes_a_value_is_left_out() {
    let told = store_error(&server(DUPLICATE_KEY, "Duplicate entry 'secret' for key 'PRIMARY'"));
    let StoreError::Backend(source) = told else { panic!("{told}") };
    assert_eq!(source.to_string(), "error 1062 (HY000)");
}
