//! Checks the direction of dependencies between packages, and the technologies that each may use.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The packages of the workspace, each with those that it may depend on. Tests of a package may also use [`TOOLS`].
const EDGES: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("ports", &["domain"]),
    ("adapter-dce", &["domain", "ports"]),
    ("adapter-discord", &["domain", "ports"]),
    ("adapter-image", &["domain", "ports"]),
    ("adapter-indexnow", &["ports"]),
    ("adapter-media", &["domain", "ports"]),
    ("adapter-s3", &["domain", "ports"]),
    ("adapter-sql", &["domain", "ports"]),
    ("adapter-sqlite", &["adapter-sql", "domain", "ports"]),
    ("adapter-tidb", &["adapter-sql", "domain", "ports"]),
    ("adapter-nodes", &["domain", "ports"]),
    ("adapter-tantivy", &["domain", "ports"]),
    ("app-core", &["domain", "ports"]),
    ("app-web", &["app-core", "domain", "ports"]),
    (
        "verta",
        &[
            "adapter-dce",
            "adapter-discord",
            "adapter-image",
            "adapter-indexnow",
            "adapter-media",
            "adapter-nodes",
            "adapter-s3",
            "adapter-sqlite",
            "adapter-tantivy",
            "adapter-tidb",
            "app-core",
            "app-web",
            "domain",
            "ports",
        ],
    ),
    ("ledger", &["domain", "ports"]),
    ("discord-simulator", &[]),
    (
        "bench",
        &[
            "adapter-dce",
            "adapter-discord",
            "adapter-sqlite",
            "adapter-tantivy",
            "adapter-tidb",
            "app-core",
            "app-web",
            "domain",
            "ledger",
            "ports",
        ],
    ),
];

/// The packages that tests may use: those that exist for tests alone, and the column lists of statements.
const TOOLS: &[&str] = &["adapter-sql", "discord-simulator", "ledger"];

const ASYNC: &[&str] = &["async-trait", "futures", "tokio", "tokio-util"];
const WEB: &[&str] = &["http", "http-body", "http-body-util", "hyper", "hyper-util", "maud"];
const CLIENT: &[&str] = &["http", "http-body", "http-body-util", "hyper", "hyper-rustls", "hyper-util"];
const FILES: &[&str] = &["flate2", "walkdir", "zip"];
const SQLITE: &[&str] = &["libsqlite3-sys", "rusqlite"];
const SERVER: &[&str] = &["mysql_async", "mysql_common"];
const INDEX: &[&str] = &["tantivy"];
const PICTURES: &[&str] = &["fast_image_resize", "image"];
const OBJECTS: &[&str] = &["object_store"];
const TERMINAL: &[&str] = &["clap", "indicatif", "tracing-subscriber"];

/// The technologies that only the named packages may use, directly or through another library; `verta` and the tests
/// may use all of them.
const TECHNOLOGIES: &[(&str, &[&[&str]])] = &[
    ("domain", &[]),
    ("ports", &[ASYNC]),
    ("adapter-dce", &[ASYNC, FILES]),
    ("adapter-discord", &[ASYNC, CLIENT]),
    // The library of the one format is that of the other's compression, too.
    ("adapter-image", &[ASYNC, PICTURES, &["flate2"]]),
    ("adapter-indexnow", &[ASYNC, CLIENT]),
    ("adapter-media", &[ASYNC]),
    ("adapter-s3", &[ASYNC, CLIENT, OBJECTS]),
    ("adapter-sql", &[ASYNC]),
    ("adapter-sqlite", &[ASYNC, SQLITE]),
    // The protocol can be compressed.
    ("adapter-tidb", &[ASYNC, SERVER, &["flate2"]]),
    ("adapter-nodes", &[ASYNC, CLIENT]),
    ("adapter-tantivy", &[ASYNC, INDEX]),
    ("app-core", &[ASYNC]),
    // A response can be compressed.
    ("app-web", &[ASYNC, WEB, &["flate2"]]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A package's dependencies by name: those of the library or program, and those of its tests.
#[derive(Default)]
struct Dependencies {
    normal: BTreeSet<String>,
    dev: BTreeSet<String>,
}

/// Returns the packages of the workspace by name, as their manifests describe them.
fn workspace() -> BTreeMap<String, Dependencies> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]).current_dir(root());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let package = |package: &Value| {
        let mut dependencies = Dependencies::default();
        for dependency in package["dependencies"].as_array().unwrap() {
            let is_dev = dependency["kind"] == "dev";
            let kind = if is_dev { &mut dependencies.dev } else { &mut dependencies.normal };
            kind.insert(dependency["name"].as_str().unwrap().to_owned());
        }
        (package["name"].as_str().unwrap().to_owned(), dependencies)
    };
    metadata["packages"].as_array().unwrap().iter().map(package).collect()
}

/// Returns the libraries of others in `Cargo.lock`, each with those that it depends on on any system.
fn libraries() -> BTreeMap<String, BTreeSet<String>> {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let mut libraries = BTreeMap::<String, BTreeSet<String>>::new();
    for package in lock.split("[[package]]").skip(1).filter(|package| package.contains("\nsource = ")) {
        let mut quoted = package.split('"').skip(1).step_by(2);
        let name = quoted.next().unwrap().to_owned();
        let dependencies = package.split_once("dependencies = [").map_or("", |(_, rest)| rest);
        // A dependency is a name, and its version where there are several.
        let names = dependencies.split('"').skip(1).step_by(2).filter_map(|text| text.split(' ').next());
        // Two versions of a library count as one.
        libraries.entry(name).or_default().extend(names.map(str::to_owned));
    }
    libraries
}

/// Returns a package's forbidden dependencies on others of the workspace.
fn forbidden_edges(name: &str, package: &Dependencies, ours: &BTreeSet<&str>) -> Vec<String> {
    let Some((_, allowed)) = EDGES.iter().find(|(known, _)| *known == name) else {
        return vec![format!("{name} is not in the list of packages and their edges")];
    };
    let wrong = |to: &str, also: &[&str]| ours.contains(to) && !allowed.contains(&to) && !also.contains(&to);
    let normal = package.normal.iter().filter(|to| wrong(to, &[]));
    let normal = normal.map(|to| format!("{name} depends on {to}"));
    let dev = package.dev.iter().filter(|to| wrong(to, TOOLS));
    normal.chain(dev.map(|to| format!("the tests of {name} depend on {to}"))).collect()
}

#[test]
fn packages_depend_on_each_other_in_one_direction() {
    let workspace = workspace();
    let ours: BTreeSet<&str> = workspace.keys().map(String::as_str).collect();
    let wrong = workspace.iter().flat_map(|(name, package)| forbidden_edges(name, package, &ours));
    assert_eq!(wrong.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn a_package_uses_the_technologies_of_its_layer_alone() {
    let (workspace, libraries) = (workspace(), libraries());
    let known: BTreeSet<&str> =
        [ASYNC, WEB, CLIENT, FILES, SQLITE, SERVER, INDEX, OBJECTS, TERMINAL].concat().into_iter().collect();
    let mut wrong = Vec::new();
    for (name, allowed) in TECHNOLOGIES {
        let Some(package) = workspace.get(*name) else { continue };
        let allowed = allowed.concat();
        let mut seen = BTreeSet::new();
        let mut open: Vec<(String, String)> = package.normal.iter().map(|to| (to.clone(), to.clone())).collect();
        while let Some((library, path)) = open.pop() {
            if known.contains(library.as_str()) && !allowed.contains(&library.as_str()) {
                wrong.push(format!("{name} uses {path}"));
            }
            if let Some(below) = libraries.get(&library).filter(|_| seen.insert(library)) {
                open.extend(below.iter().map(|to| (to.clone(), format!("{path} > {to}"))));
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
}

/// Pages are made from their arguments alone, so that they can also be written to files.
#[test]
fn pages_do_no_input_or_output() {
    const FORBIDDEN: [&str; 9] =
        ["async ", ".await", "http::", "std::fs", "std::net", "tokio", "ports::store", "Reading", "Instant"];
    let source = root().join("app/web/src");
    let folders = ["html", "markdown"].map(|name| walkdir::WalkDir::new(source.join(name)));
    let files = folders.into_iter().flatten().map(|entry| entry.unwrap().into_path());
    let roots = ["html.rs", "markdown.rs"].map(|name| source.join(name));
    let files: Vec<_> = files.filter(|path| path.is_file()).chain(roots).collect();
    assert!(files.len() > 8, "{files:?}");
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        for word in FORBIDDEN {
            assert!(!text.contains(word), "{} contains {word}", path.display());
        }
        let inside = text.lines().filter(|line| line.trim_start().starts_with("use crate::"));
        let outside: Vec<_> =
            inside.filter(|line| !line.contains("crate::address") && !line.contains("crate::html")).collect();
        assert_eq!(outside, [""; 0], "{}", path.display());
    }
}
