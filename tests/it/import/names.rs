//! The file names that `DiscordChatExporter` chooses: spaces, brackets, commas, dashes and accents, and ids of
//! channels.

use std::fs;
use std::path::Path;

use serde_json::Value;
use walkdir::WalkDir;

use crate::program::{Installation, Server, examples};

/// Examples, and the names that the exporter gives such files.
const NAMES: [(&str, &str); 4] = [
    ("general.json", "Thimble Firmware - Workshop - general [1062073945395830961].json"),
    ("general-part-2.json", "Thimble Firmware - Workshop - general [1062073945395830961] [part 2].json"),
    (
        "build-log/nachtfalter.json",
        "Thimble Firmware - build-log - Nachtfalter – 34 keys on a café napkin [1498340538175329331].json",
    ),
    (
        "firmware-dev/debounce.json",
        "Thimble Firmware - firmware-dev - Debounce, once more with feeling [1479210526176453315].json",
    ),
];

/// Copies these examples, with their folders of files, to `to` under the names chosen by `name`.
fn copy(to: &Path, name: impl Fn((&'static str, &'static str)) -> &'static str) {
    let from = examples().join("thimble-firmware");
    for pair in NAMES {
        let (example, file) = (from.join(pair.0), to.join(name(pair)));
        let mut text = fs::read_to_string(&example).unwrap();
        for other in NAMES {
            let folder_of = |path: &str| format!("\"{}_Files/", path.rsplit('/').next().unwrap());
            text = text.replace(&folder_of(other.0), &folder_of(name(other)));
        }
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        let beside = |path: &Path| format!("{}_Files", path.to_str().unwrap());
        let Ok(copies) = fs::read_dir(beside(&example)) else { continue };
        fs::create_dir(beside(&file)).unwrap();
        for entry in copies {
            let entry = entry.unwrap();
            fs::copy(entry.path(), Path::new(&beside(&file)).join(entry.file_name())).unwrap();
        }
    }
}

/// Returns the messages of every channel as the API shows them, and the bytes of their files.
fn shown(server: &Server) -> Vec<(Value, Vec<Vec<u8>>)> {
    let channel = |slug: &str| {
        let page = server.get(&format!("/api/v1/tenants/thimble-firmware/channels/{slug}/messages?limit=100")).json();
        let attachments = page["items"].as_array().unwrap().iter();
        let attachments = attachments.flat_map(|message| message["attachments"].as_array().unwrap());
        let files = attachments.map(|file| server.get(file["url"].as_str().unwrap())).map(|answer| {
            assert_eq!(answer.status, 200);
            answer.body
        });
        let files = files.collect();
        (page, files)
    };
    ["general", "debounce-once-more-with-feeling", "nachtfalter-34-keys-on-a-caf%C3%A9-napkin"].map(channel).into()
}

#[test]
fn the_names_that_the_exporter_chooses_are_read() {
    let import = |name: fn((&'static str, &'static str)) -> &'static str| {
        let installation = Installation::new();
        let exports = installation.path("exports");
        copy(&exports, name);
        let (code, report) = installation.import(&[&exports], &[]);
        assert_eq!(code, 0, "{report}");
        let files = report["files"].as_array().unwrap();
        let mut added: Vec<_> = files.iter().map(|file| (file["status"].to_string(), file["added"].as_u64())).collect();
        added.sort_unstable();
        let coverage = installation.run(&["coverage", "thimble-firmware", "--json"]).stdout;
        let shown = shown(&installation.serve(&["--role", "web"]));
        (added, serde_json::from_slice::<Value>(&coverage).unwrap(), shown)
    };
    let plain = import(|(plain, _)| plain);
    let exported = import(|(_, exported)| exported);
    assert_eq!(exported, plain);
    assert!(plain.2.iter().all(|(_, files)| !files.is_empty()));
}

#[test]
fn every_tool_can_handle_the_names_of_the_examples() {
    for entry in WalkDir::new(examples()).min_depth(1) {
        let entry = entry.unwrap();
        let name = entry.file_name().to_str().unwrap();
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        assert!(name.bytes().all(is_plain) && !name.starts_with('-'), "{name}");
    }
}
