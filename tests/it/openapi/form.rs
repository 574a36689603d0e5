//! The document by itself: `OpenAPI` 3.1, complete, without unused parts, and consistent with its own examples.

use std::collections::BTreeSet;

use serde_json::Value;

use super::document::Document;

/// The allowed and the required fields of each object of `OpenAPI` 3.1 that the document uses, except `x-` fields
/// (<https://spec.openapis.org/oas/v3.1.0>).
const OBJECTS: [(&str, &[&str], &[&str]); 14] = [
    ("document", &["openapi", "info", "tags", "servers", "paths", "components"], &["openapi", "info", "paths"]),
    ("info", &["title", "version", "summary", "license", "description"], &["title", "version"]),
    ("tag", &["name", "description"], &["name"]),
    ("server", &["url", "description"], &["url"]),
    (
        "components",
        &["securitySchemes", "parameters", "headers", "responses", "schemas"],
        &["securitySchemes", "parameters", "headers", "responses", "schemas"],
    ),
    ("path", &["parameters", "get", "post", "put", "patch", "delete", "options"], &[]),
    (
        "operation",
        &["operationId", "tags", "summary", "description", "security", "parameters", "requestBody", "responses"],
        &["tags", "summary", "security", "responses"],
    ),
    ("parameter", &["name", "in", "required", "description", "schema"], &["name", "in", "description", "schema"]),
    ("body", &["required", "content"], &["required", "content"]),
    ("response", &["description", "headers", "content"], &["description", "headers"]),
    ("header", &["required", "description", "schema"], &["description", "schema"]),
    ("media", &["schema", "example"], &["schema"]),
    ("reference", &["$ref"], &["$ref"]),
    ("security scheme", &["type", "scheme", "description"], &["type", "scheme"]),
];

/// Walks through the document as `OpenAPI` defines it.
struct Walk<'a> {
    document: &'a Document,
    schemas: Vec<(String, &'a Value)>,
    used: BTreeSet<String>,
}

impl<'a> Walk<'a> {
    fn new(document: &'a Document) -> Self {
        let mut walk = Self { document, schemas: Vec::new(), used: BTreeSet::new() };
        walk.whole();
        walk
    }

    fn whole(&mut self) {
        let document = &self.document.value;
        Self::shape("document", document, "the document");
        Self::shape("info", &document["info"], "info");
        Self::shape("components", &document["components"], "components");
        for tag in document["tags"].as_array().unwrap() {
            Self::shape("tag", tag, "a tag");
        }
        for server in document["servers"].as_array().unwrap() {
            Self::shape("server", server, "a server");
        }
        for (path, item) in document["paths"].as_object().unwrap() {
            Self::shape("path", item, path);
            self.parameters(&item["parameters"], path);
        }
        for operation in self.document.operations() {
            self.operation(operation.value, &format!("{} {}", operation.method, operation.path));
        }
        self.responses(&document["x-any-other-request"], "any other request");
        let part = |name: &str| document["components"][name].as_object().unwrap();
        for (name, scheme) in part("securitySchemes") {
            Self::shape("security scheme", scheme, name);
        }
        for (name, parameter) in part("parameters") {
            self.parameter(parameter, name);
        }
        for (name, header) in part("headers") {
            self.header(header, name);
        }
        for (name, response) in part("responses") {
            self.response(response, name);
        }
        for (name, schema) in part("schemas") {
            self.schema(schema, name);
        }
    }

    fn shape(object: &str, value: &Value, place: &str) {
        let (_, may, must) = OBJECTS.iter().find(|(name, ..)| *name == object).unwrap();
        let keys: BTreeSet<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
        let strange = keys.iter().find(|key| !may.contains(key) && !key.starts_with("x-"));
        assert_eq!(strange, None, "a {object} has an unknown field: {place}");
        let missing = must.iter().find(|key| !keys.contains(**key));
        assert_eq!(missing, None, "a {object} needs this: {place}");
    }

    /// Returns whether `value` is a reference, which must resolve within `part`.
    fn refers(&mut self, value: &Value, part: &str, place: &str) -> bool {
        let Some(to) = value["$ref"].as_str() else { return false };
        Self::shape("reference", value, place);
        assert!(to.starts_with(&format!("#/components/{part}/")), "{place}: {to}");
        self.document.resolve(value);
        self.used.insert(to.to_owned());
        true
    }

    fn operation(&mut self, value: &'a Value, place: &str) {
        Self::shape("operation", value, place);
        self.parameters(&value["parameters"], place);
        self.responses(&value["responses"], place);
        if let Some(body) = value.get("requestBody") {
            Self::shape("body", body, place);
            self.content(&body["content"], place);
        }
        for scheme in value["security"].as_array().unwrap() {
            self.used
                .extend(scheme.as_object().unwrap().keys().map(|name| format!("#/components/securitySchemes/{name}")));
        }
    }

    fn parameters(&mut self, value: &'a Value, place: &str) {
        for parameter in value.as_array().into_iter().flatten() {
            if !self.refers(parameter, "parameters", place) {
                self.parameter(parameter, place);
            }
        }
    }

    fn parameter(&mut self, value: &'a Value, place: &str) {
        Self::shape("parameter", value, place);
        assert!(["path", "query"].contains(&value["in"].as_str().unwrap()), "{place}");
        assert!(value["in"] == "query" || value["required"] == true, "{place}");
        self.schema(&value["schema"], place);
    }

    fn responses(&mut self, value: &'a Value, place: &str) {
        for (status, response) in value.as_object().unwrap() {
            assert!((200..600).contains(&status.parse::<u16>().unwrap()), "{place}: {status}");
            if !self.refers(response, "responses", place) {
                self.response(response, place);
            }
        }
    }

    fn response(&mut self, value: &'a Value, place: &str) {
        Self::shape("response", value, place);
        for (name, header) in value["headers"].as_object().unwrap() {
            if !self.refers(header, "headers", place) {
                self.header(header, name);
            }
        }
        if let Some(content) = value.get("content") {
            self.content(content, place);
        }
    }

    fn header(&mut self, value: &'a Value, place: &str) {
        Self::shape("header", value, place);
        self.schema(&value["schema"], place);
    }

    fn content(&mut self, value: &'a Value, place: &str) {
        for (kind, media) in value.as_object().unwrap() {
            assert_eq!(kind.split('/').count(), 2, "{place}: {kind}");
            Self::shape("media", media, place);
            self.schema(&media["schema"], place);
            if let Some(example) = media.get("example") {
                let errors = self.document.errors(&media["schema"], example);
                assert!(errors.is_empty(), "{place}: {errors:#?}");
            }
        }
    }

    /// Visits a schema with everything in it.
    fn schema(&mut self, value: &'a Value, place: &str) {
        if let Some(to) = value["$ref"].as_str() {
            assert!(to.starts_with("#/components/schemas/"), "{place}: {to}");
            self.document.resolve(value);
            self.used.insert(to.to_owned());
        }
        self.schemas.push((place.to_owned(), value));
        for (name, inner) in value["properties"].as_object().into_iter().flatten() {
            self.schema(inner, &format!("{place}.{name}"));
        }
        for key in ["anyOf", "allOf", "oneOf"] {
            for inner in value[key].as_array().into_iter().flatten() {
                self.schema(inner, place);
            }
        }
        for inner in ["items", "not"].into_iter().filter_map(|key| value.get(key)) {
            self.schema(inner, place);
        }
    }
}

#[test]
fn the_document_is_openapi_and_everything_in_it_is_used() {
    let document = Document::read();
    let walk = Walk::new(&document);
    assert_eq!(document.value["openapi"], "3.1.0");
    for (part, all) in document.value["components"].as_object().unwrap() {
        for name in all.as_object().unwrap().keys() {
            assert!(walk.used.contains(&format!("#/components/{part}/{name}")), "{part}/{name} is not used");
        }
    }
    let tags: Vec<&Value> = document.value["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
    let mut names = BTreeSet::new();
    for operation in document.operations() {
        let place = format!("{} {}", operation.method, operation.path);
        assert!(operation.value["tags"].as_array().unwrap().iter().all(|tag| tags.contains(&tag)), "{place}");
        match operation.value["operationId"].as_str() {
            Some(name) => assert!(names.insert(name), "{name} occurs twice"),
            None => assert_eq!(operation.method, "options", "{place} has no name"),
        }
    }
}

#[test]
fn every_parameter_of_a_path_is_described_and_stands_in_it() {
    let document = Document::read();
    for (path, item) in document.paths() {
        let segments = path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
        let described = item["parameters"].as_array().into_iter().flatten();
        let described = described.map(|parameter| document.resolve(parameter)["name"].as_str().unwrap());
        assert!(segments.eq(described), "{path}");
    }
    for operation in document.operations() {
        let own = operation.value["parameters"].as_array().into_iter().flatten();
        let mut names = BTreeSet::new();
        for parameter in own.map(|parameter| document.resolve(parameter)) {
            assert_eq!(parameter["in"], "query", "{}", operation.path);
            assert!(names.insert(parameter["name"].as_str()), "{} occurs twice", parameter["name"]);
        }
    }
}

#[test]
fn every_schema_is_one_and_its_examples_are_valid() {
    let document = Document::read();
    let walk = Walk::new(&document);
    let mut examples = 0;
    for (place, schema) in &walk.schemas {
        if let Err(error) = jsonschema::draft202012::meta::validate(schema) {
            panic!("{place}: {error}");
        }
        let given = schema["examples"].as_array().into_iter().flatten();
        for example in given.chain(schema.get("default")) {
            let errors = document.errors(schema, example);
            assert!(errors.is_empty(), "{place}: {example}: {errors:#?}");
            examples += 1;
        }
    }
    assert!(examples > 40, "{examples}");
}

#[test]
fn an_object_of_ours_says_all_that_it_has() {
    let document = Document::read();
    // A field may be missing if only the key shows it, only some errors have it, or a client may omit it.
    let optional = [
        "Tenant.platform_id",
        "Tenant.retention",
        "Tenant.solved_tags",
        "Tenant.ai_training",
        "Problem.errors",
        "NewTenant.",
        "TenantPatch.",
        "BrandingPatch.",
        "ProfilePatch.",
        "RetentionPatch.",
        "SyncRequest.",
    ];
    let mut objects = 0;
    for (name, schema) in document.value["components"]["schemas"].as_object().unwrap() {
        let Some(fields) = schema["properties"].as_object().filter(|_| schema["type"] == "object") else { continue };
        let open = name == "ChannelFields";
        assert_eq!(schema.get("additionalProperties") == Some(&Value::Bool(false)), !open, "{name}");
        let required: BTreeSet<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for field in fields.keys().filter(|field| !required.contains(field.as_str())) {
            let place = format!("{name}.{field}");
            assert!(optional.iter().any(|known| place.starts_with(known)), "{place} may be missing");
        }
        assert!(required.iter().all(|field| fields.contains_key(*field)), "{name} needs a field that it does not have");
        objects += 1;
    }
    assert!(objects > 20, "{objects}");
    for name in ["Channel", "Thread"] {
        assert_eq!(document.value["components"]["schemas"][name]["unevaluatedProperties"], false, "{name}");
    }
}
