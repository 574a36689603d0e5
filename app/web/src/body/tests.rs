use super::{Change, Fields};

fn text(text: &str) -> Result<String, String> {
    text.parse().map_err(|error| format!("{error}"))
}

fn told(fields: &Fields) -> Vec<(String, String)> {
    fields.errors.iter().map(|error| (error.field.clone(), error.reason.clone())).collect()
}

#[test]
fn a_field_that_stands_twice_is_wrong_at_every_depth() {
    let mut fields = Fields::read(br#"{"a":"1","b":{"c":"2","c":"3"},"a":"4"}"#, &["a", "b"]).unwrap();
    assert_eq!(fields.required("a", text).unwrap(), "1");
    fields.part("b", &["c"], |inner| inner.optional("c", text));
    let expected = [("a", "given more than once"), ("b.c", "given more than once")];
    assert_eq!(told(&fields), expected.map(|(field, reason)| (field.to_owned(), reason.to_owned())));
}

#[test]
fn every_wrong_field_is_told_at_once() {
    let mut fields = Fields::read(br#"{"a":1,"x":null,"b":null,"c":[1]}"#, &["a", "b", "c", "d"]).unwrap();
    fields.required("a", text);
    fields.required("b", text);
    fields.part("c", &[], |_| ());
    fields.required("d", text);
    let expected = [
        ("x", "unknown field"),
        ("a", "expected a string"),
        ("b", "is missing"),
        ("c", "expected an object"),
        ("d", "is missing"),
    ];
    assert_eq!(told(&fields), expected.map(|(field, reason)| (field.to_owned(), reason.to_owned())));
}

#[test]
fn a_patch_keeps_what_is_absent_and_clears_what_is_null() {
    let mut fields = Fields::read(br#"{"a":null,"b":"2"}"#, &["a", "b", "c"]).unwrap();
    let changes = ["a", "b", "c"].map(|field| fields.change(field, text));
    assert_eq!(changes, [Change::Clear, Change::Set("2".to_owned()), Change::Keep]);
    assert!(fields.done().is_ok());
}
