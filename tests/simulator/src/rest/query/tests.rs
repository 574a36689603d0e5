use super::*;

#[test]
fn a_raw_plus_is_a_space_and_an_encoded_one_is_a_plus() {
    let query = Query::parse("a=2026-01-01T00:00:00%2B00:00&b=2026-01-01T00:00:00+00:00");
    assert_eq!(query.moment("a").unwrap(), Some(1_767_225_600_000_000));
    assert_eq!(query.moment("b").unwrap_err().code, 50035);
}

#[test]
fn a_number_out_of_bounds_is_refused_with_its_name() {
    let query = Query::parse("limit=101");
    let error = query.number("limit", 50, 1, 100).unwrap_err();
    assert_eq!(error.json()["errors"]["limit"]["_errors"][0]["code"], "NUMBER_TYPE_MAX");
    assert!(Query::parse("limit=-1").number("limit", 50, 1, 100).is_err());
    assert_eq!(Query::parse("").number("limit", 50, 1, 100), Ok(50));
}

#[test]
fn a_repeated_name_has_all_its_values() {
    assert_eq!(Query::parse("c=1&c=2&d").all("c").collect::<Vec<_>>(), ["1", "2"]);
}
