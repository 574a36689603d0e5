//! The document, and its statements about addresses and responses.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

use crate::program::Answer;

/// The document as stored in the sources.
pub(super) const TEXT: &str = include_str!("../../../app/web/openapi.yaml");

/// Headers that belong to the connection and to the form of the body, and not to the response itself.
const OF_THE_CONNECTION: [&str; 5] = ["connection", "content-length", "content-type", "date", "transfer-encoding"];

/// One method of one address.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operation<'a> {
    pub(super) path: &'a str,
    /// In lowercase, as in the document.
    pub(super) method: &'a str,
    pub(super) value: &'a Value,
}

/// The document with the validators that were built from it so far.
pub(super) struct Document {
    pub(super) value: Value,
    validators: RefCell<HashMap<String, Rc<Validator>>>,
}

impl Document {
    pub(super) fn read() -> Self {
        Self { value: serde_norway::from_str(TEXT).unwrap(), validators: RefCell::default() }
    }

    /// Returns `value`, or the value that it refers to.
    pub(super) fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value.get("$ref").and_then(Value::as_str) {
            Some(to) => self.value.pointer(to.strip_prefix('#').unwrap()).unwrap_or_else(|| panic!("no {to}")),
            None => value,
        }
    }

    pub(super) fn paths(&self) -> &Map<String, Value> {
        self.value["paths"].as_object().unwrap()
    }

    pub(super) fn operations(&self) -> impl Iterator<Item = Operation<'_>> {
        self.paths().iter().flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().iter().filter(|(key, _)| *key != "parameters");
            methods.map(move |(method, value)| Operation { path, method, value })
        })
    }

    /// Returns the declared statuses of an operation.
    pub(super) fn statuses(operation: Operation<'_>) -> impl Iterator<Item = u16> {
        operation.value["responses"].as_object().unwrap().keys().map(|status| status.parse().unwrap())
    }

    /// Returns the query parameters of an operation.
    pub(super) fn query<'a>(&'a self, operation: Operation<'a>) -> Vec<&'a Value> {
        let all = operation.value["parameters"].as_array().into_iter().flatten();
        all.map(|parameter| self.resolve(parameter)).filter(|parameter| parameter["in"] == "query").collect()
    }

    /// Returns the violations of `schema` by `value`.
    pub(super) fn errors(&self, schema: &Value, value: &Value) -> Vec<String> {
        let key = schema.to_string();
        let known = self.validators.borrow().get(&key).cloned();
        let validator = known.unwrap_or_else(|| {
            let whole = json!({"allOf": [schema], "components": {"schemas": self.value["components"]["schemas"]}});
            let made = jsonschema::options()
                .with_draft(Draft::Draft202012)
                .should_validate_formats(true)
                .build(&whole)
                .unwrap_or_else(|error| panic!("{error}: {key}"));
            let made = Rc::new(made);
            self.validators.borrow_mut().insert(key, Rc::clone(&made));
            made
        });
        let told = |error: jsonschema::ValidationError<'_>| {
            format!("{} at {:?}", error.to_string().chars().take(300).collect::<String>(), error.instance_path())
        };
        validator.iter_errors(value).map(told).collect()
    }

    /// Checks a response against the entry of its status in `responses`; `context` describes the request.
    #[track_caller]
    pub(super) fn check(&self, responses: &Value, answer: &Answer, head: bool, context: &str) {
        let status = answer.status;
        let response = responses.get(status.to_string());
        let response = self.resolve(response.unwrap_or_else(|| panic!("{context}: {status} is not in the document")));
        self.check_headers(response, answer, &format!("{context}: {status}"));
        let kind = answer.header("content-type").map(|kind| kind.split(';').next().unwrap().trim());
        let Some(kinds) = response.get("content") else {
            assert_eq!((kind, answer.body.len()), (None, 0), "{context}: {status} has a body");
            return;
        };
        let schema = kind.and_then(|kind| kinds.get(kind)).map(|media| &media["schema"]);
        let schema = schema.unwrap_or_else(|| panic!("{context}: {status} is {kind:?}, not {kinds}"));
        if head {
            assert_eq!(answer.body.len(), 0, "{context}: {status} has a body");
            return;
        }
        let json = kind.is_some_and(|kind| kind.ends_with("json"));
        let body = if json { answer.json() } else { answer.text().into() };
        let errors = self.errors(schema, &body);
        assert!(errors.is_empty(), "{context}: {status}: {errors:#?}");
    }

    #[track_caller]
    fn check_headers(&self, response: &Value, answer: &Answer, context: &str) {
        let mut sent: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in answer.headers() {
            let values = sent.entry(name.to_ascii_lowercase()).or_default();
            *values = if values.is_empty() { value.to_owned() } else { format!("{values}, {value}") };
        }
        for (name, header) in response["headers"].as_object().into_iter().flatten() {
            let header = self.resolve(header);
            let Some(text) = sent.remove(&name.to_ascii_lowercase()) else {
                assert_ne!(header["required"], true, "{context}: no {name}");
                continue;
            };
            let number = text.parse::<u64>().ok().map(Value::from);
            let values = [Some(Value::from(text)), number];
            let fits = values.iter().flatten().any(|value| self.errors(&header["schema"], value).is_empty());
            assert!(fits, "{context}: {name} is {values:?}");
        }
        sent.retain(|name, _| !OF_THE_CONNECTION.contains(&name.as_str()));
        assert!(sent.is_empty(), "{context}: {sent:?} are not in the document");
    }
}
