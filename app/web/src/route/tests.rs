use std::collections::BTreeSet;

use serde_json::Value;

use super::*;

/// An operation, as the table and the document both describe it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Operation {
    method: String,
    path: String,
    /// Whether the admin key is required, and whether it can be given.
    key: (bool, bool),
    captures: BTreeSet<String>,
    parameters: BTreeSet<String>,
}

fn of_table() -> impl Iterator<Item = Operation> {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let is_documented =
        |route: &&Route| Area::of(route.path) != Area::Pages && !route.path.starts_with("/api/internal/");
    ROUTES.iter().filter(is_documented).map(move |route| Operation {
        method: route.method.as_str().to_lowercase(),
        path: route.path.to_owned(),
        key: (route.access.needs_key(), route.access != Access::Health),
        captures: set(route.captures),
        parameters: set(route.parameters),
    })
}

fn of_document() -> Vec<Operation> {
    let document: Value = serde_norway::from_str(include_str!("../../openapi.yaml")).unwrap();
    let resolve = |value: &Value| match value.get("$ref").and_then(Value::as_str) {
        Some(to) => document.pointer(to.strip_prefix('#').unwrap()).unwrap().clone(),
        None => value.clone(),
    };
    let names = |of: &Value, place: &str| -> BTreeSet<String> {
        let all = of["parameters"].as_array().into_iter().flatten().map(resolve);
        all.filter(|one| one["in"] == place).map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        // The server adds OPTIONS to each public address.
        for (method, operation) in item.as_object().unwrap().iter().filter(|(key, _)| *key != "parameters") {
            if method == "options" {
                continue;
            }
            let ways = operation["security"].as_array().unwrap();
            let with_key = ways.iter().any(|way| way.get("admin").is_some());
            let without_key = ways.is_empty() || ways.iter().any(|way| way.as_object().unwrap().is_empty());
            operations.push(Operation {
                method: method.clone(),
                path: path.clone(),
                key: (!without_key, with_key),
                captures: &names(item, "path") | &names(operation, "path"),
                parameters: &names(item, "query") | &names(operation, "query"),
            });
        }
    }
    operations
}

#[test]
fn the_table_and_the_document_have_the_same_operations() {
    let (mut table, mut document): (Vec<_>, Vec<_>) = (of_table().collect(), of_document());
    table.sort();
    document.sort();
    assert_eq!(table, document);
    assert!(!table.is_empty());
}

#[test]
fn a_path_captures_the_parts_that_its_handler_takes() {
    for route in ROUTES {
        let inside = route.path.split('/').filter_map(captured).map(|(_, name, _)| name);
        assert_eq!(inside.collect::<Vec<_>>(), route.captures, "{}", route.path);
    }
}

#[test]
fn the_audience_of_a_route_is_that_of_its_area() {
    for route in ROUTES {
        let fits = match Area::of(route.path) {
            Area::Operations => matches!(route.access, Access::Health | Access::Operator | Access::Node),
            Area::Admin => route.access == Access::Admin,
            Area::PublicApi => route.access == Access::Reader,
            Area::Pages => matches!(route.access, Access::Public | Access::Reader),
        };
        assert!(fits, "{} {:?}", route.path, route.access);
        assert_eq!(route.access == Access::Health, crate::request::is_probe(route.path), "{}", route.path);
    }
}

#[test]
fn no_route_hides_another() {
    for (index, route) in ROUTES.iter().enumerate() {
        // An address of the route, with parts that no other route has by name.
        let path: Vec<String> = route.path.split('/').skip(1).filter(|part| !part.is_empty()).map(example).collect();
        let segments: Vec<&str> = path.iter().map(String::as_str).collect();
        let area = Area::of(route.path);
        let found = ROUTES.iter().position(|one| one.method == route.method && one.matched(area, &segments).is_some());
        assert_eq!(found, Some(index), "{}", route.path);
    }
}

fn example(part: &'static str) -> String {
    captured(part).map_or_else(|| part.to_owned(), |(before, name, after)| format!("{before}x-{name}{after}"))
}
