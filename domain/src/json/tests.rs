use proptest::prelude::*;
use serde_json::{Value, json};

use super::Json;

#[test]
fn keys_are_sorted_and_whole_floats_are_whole() {
    let text = r#"{ "b": 1.0, "a": [1e3, -0.0, 1.5, 18446744073709551615, null, "é\u0000"], "": {"y":1,"x":2} }"#;
    let canonical = r#"{"":{"x":2,"y":1},"a":[1000,0,1.5,18446744073709551615,null,"é\u0000"],"b":1}"#;
    assert_eq!(Json::parse(text).unwrap().as_str(), canonical);
}

#[test]
fn a_float_beyond_64_bits_stays_a_float() {
    let read = Json::parse("100000000000000000000").unwrap();
    assert_eq!(read, Json::parse("1e20").unwrap());
    assert_eq!(Json::parse(read.as_str()).unwrap(), read);
}

#[test]
fn what_is_no_json_is_refused() {
    for text in ["", "{", "[1,]", "1e400", "{\"a\":1}x"] {
        assert!(Json::parse(text).is_err(), "{text}");
    }
    assert!(Json::parse(&"[".repeat(100_000)).is_err());
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(|float| json!(float)),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn canonical_once_is_canonical_for_good(value in any_value()) {
        let once = Json::new(&value);
        prop_assert_eq!(&Json::parse(once.as_str()).unwrap(), &once);
        prop_assert_eq!(Json::new(&once.to_value()), once);
    }
}
