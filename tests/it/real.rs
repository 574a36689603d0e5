//! Inputs that people reported, rebuilt with invented names, and the way Verta handles them.

mod absence;
mod case_16;
mod exports;
mod generations;
mod orders;
mod page;
mod speakers;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Returns the folder with the files of a case.
fn inputs(case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/it/real").join(case)
}

/// Returns the path of one of them.
fn read(case: &str, file: &str) -> Value {
    serde_json::from_slice(&fs::read(inputs(case).join(file)).unwrap()).unwrap()
}
