//! Files of messages whose bytes, names and types differ, and pictures, as readers see them.

use std::fs;
use std::path::Path;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use serde_json::{Value, json};

use crate::program::{Answer, Installation, Server};

/// The export that these cases change.
const EXPORT: &str = "../../tests/it/real/16-files-beside-the-export/general.json";

/// Imports one message with these files beside its export: name and bytes.
fn imported(files: &[(&str, &[u8])]) -> Installation {
    imported_in(None, files)
}

/// Does the same in another channel.
fn imported_in(channel: Option<Value>, files: &[(&str, &[u8])]) -> Installation {
    let installation = Installation::new();
    let export = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(EXPORT)).unwrap();
    let mut export: Value = serde_json::from_slice(&export).unwrap();
    let folder = installation.path("export");
    fs::create_dir_all(folder.join("general.json_Files")).unwrap();
    let attachments = (1..).zip(files).map(|(id, (name, bytes))| {
        let path = format!("general.json_Files/{name}");
        fs::write(folder.join(&path), bytes).unwrap();
        json!({"id": id.to_string(), "url": path, "fileName": name, "fileSizeBytes": bytes.len()})
    });
    export["messages"][0]["attachments"] = attachments.collect();
    if let Some(channel) = channel {
        export["channel"] = channel;
    }
    fs::write(folder.join("general.json"), export.to_string()).unwrap();
    let (code, report) = installation.import(&[&folder], &[]);
    assert_eq!(code, 0, "{report}");
    installation
}

/// Returns the attachments of the message, as the API shows them.
fn attachments(server: &Server) -> Vec<Value> {
    let page = server.get("/api/v1/tenants/lantern-works/channels/general/messages").json();
    page["items"].as_array().unwrap().iter().flat_map(|one| one["attachments"].as_array().unwrap().clone()).collect()
}

/// Returns the path of a file.
fn path(file: &Value) -> &str {
    file["url"].as_str().unwrap()
}

/// Asserts that browsers save a response, whatever is in it.
fn assert_saved(answer: &Answer) {
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/octet-stream")));
    assert!(answer.header("content-disposition").unwrap().starts_with("attachment; "));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("content-security-policy"), Some("sandbox"));
}

#[test]
fn a_file_is_shown_as_its_bytes_and_not_as_its_name() {
    let html = b"<!DOCTYPE html><script>alert(document.domain)</script>";
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";
    let jpeg = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xd9";
    let installation = imported(&[("page.png", html), ("drawing.svg", svg), ("drawing.gif", svg), ("photo.png", jpeg)]);
    let server = installation.serve(&[]);
    let files = attachments(&server);
    for file in &files[..3] {
        assert_saved(&server.get(path(file)));
    }
    let photo = server.get(path(&files[3]));
    assert_eq!((photo.status, photo.header("content-type")), (200, Some("image/jpeg")));
    let page = server.get("/lantern-works/general").text();
    let shown: Vec<_> = files.iter().map(|file| page.contains(&format!("src=\"{}\"", path(file)))).collect();
    assert_eq!(shown, [false, false, false, true], "{page}");
}

/// Returns a picture of this size and format.
fn picture(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    // Like a photo, it has no two pixels of one colour beside each other, which would make every file small.
    let pixel = |x: u32, y: u32| Rgb([x.wrapping_mul(y), x ^ y, x + y].map(|one| one.to_le_bytes()[0]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    DynamicImage::from(RgbImage::from_fn(width, height, pixel)).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Returns a JPEG that is to be turned by 90 degrees, with a position in its metadata.
fn photo(width: u32, height: u32) -> Vec<u8> {
    let bytes = picture(width, height, ImageFormat::Jpeg);
    // One entry: the orientation, 6. What is behind it stands for the directory of the position.
    let exif =
        b"\xff\xe1\0\x39Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0GPS 52.5200 N 13.4050 E";
    [&bytes[..2], exif, &bytes[2..]].concat()
}

/// Returns the size of a picture in pixels.
fn size(answer: &Answer) -> (u32, u32) {
    let picture = image::load_from_memory(&answer.body).unwrap();
    (picture.width(), picture.height())
}

#[test]
fn a_picture_has_thumbnails_that_are_made_once_and_stored() {
    let photo = photo(2000, 1000);
    let installation = imported(&[("photo.jpg", &photo), ("tiny.png", &picture(40, 30, ImageFormat::Png))]);
    let server = installation.serve(&[]);
    let files = attachments(&server);
    let thumbnail = &files[0]["thumbnail"];
    let url = thumbnail["url"].as_str().unwrap();
    assert_eq!((&thumbnail["width"], &thumbnail["height"]), (&json!(400), &json!(200)), "as its header says");
    assert_eq!(files[1]["thumbnail"], Value::Null, "{}", files[1]);
    let small = server.get(url);
    assert_eq!((small.status, small.header("content-type")), (200, Some("image/jpeg")));
    assert_eq!(small.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(small.header("content-security-policy"), Some("sandbox"));
    assert_eq!(small.header("cache-control"), Some("public, no-cache"));
    assert_eq!(size(&small), (400, 800), "turned");
    assert!(!small.body.windows(4).any(|bytes| bytes == b"Exif" || bytes == b"GPS "));
    let wide = server.get(&url.replace("/400", "/800"));
    assert_eq!((size(&wide), wide.header("etag") == small.header("etag")), ((800, 1600), false));
    let tag = format!("If-None-Match: {}\r\n", small.header("etag").unwrap());
    assert_eq!(server.request("GET", url, &tag, b"").status, 304);
    for wrong in ["/401", "/0400", "/x"] {
        assert_eq!(server.get(&url.replace("/400", wrong)).status, 404, "{wrong}");
    }
    // One that is smaller keeps its size.
    let tiny = path(&files[1]).rsplit_once('/').unwrap().0.to_owned() + "/thumbnail/800";
    assert_eq!(size(&server.get(&tiny)), (40, 30));
    let page = server.get("/lantern-works/general").text();
    let sources = format!("srcset=\"{url} 400w, {} 800w, {} 2000w\"", url.replace("/400", "/800"), path(&files[0]));
    assert!(page.contains(&sources), "{page}");
    assert_eq!(page.matches("srcset").count(), 1, "{page}");
    server.stop();
    // It is stored: the next process does not make it from the file.
    for file in stored(&installation).iter().filter(|file| !file.to_string_lossy().contains('-')) {
        fs::write(file, b"").unwrap();
    }
    let server = installation.serve(&[]);
    assert!(server.get(url).body == small.body);
    // A reader who may not read the message gets nothing of its picture.
    let database = rusqlite::Connection::open(installation.database()).unwrap();
    database.execute("UPDATE channels SET visibility = 'private'", []).unwrap();
    let hidden = server.get(url);
    assert_eq!((hidden.status, server.get(path(&files[0])).status), (404, 404));
    assert!(!hidden.body.windows(3).any(|bytes| bytes == b"\xff\xd8\xff"));
}

#[test]
fn a_forum_shows_the_first_picture_of_a_post() {
    // A post has the id of its first message.
    let post = json!({
        "id": "1235168840908800000", "type": "GuildPublicThread", "name": "A lamp", "topic": null,
        "categoryId": "330000000000000009", "category": "builds",
    });
    let (photo, later) = (photo(2000, 1000), picture(900, 600, ImageFormat::Png));
    let installation = imported_in(Some(post), &[("notes.txt", b"text"), ("photo.jpg", &photo), ("later.png", &later)]);
    let server = installation.serve(&[]);
    let thread = server.get("/api/v1/tenants/lantern-works/channels/a-lamp/messages").json();
    let thumbnail = &thread["items"][0]["attachments"][1]["thumbnail"]["url"];
    let page = server.get("/lantern-works/builds").text();
    let shown: Vec<&str> = page.split("<img class=\"thumb\" src=\"").skip(1).collect();
    assert_eq!(shown.len(), 1, "{page}");
    assert!(shown[0].starts_with(&format!("{}\" alt=\"\"", thumbnail.as_str().unwrap())), "{page}");
    assert_eq!(size(&server.get(thumbnail.as_str().unwrap())), (400, 800));
    // It is not shown before the reader has read that it is for adults.
    let database = rusqlite::Connection::open(installation.database()).unwrap();
    database.execute("UPDATE channels SET nsfw = 1 WHERE slug = 'builds'", []).unwrap();
    assert!(!server.get("/lantern-works/builds").text().contains("class=\"thumb\""));
}

/// Returns the stored files and thumbnails.
fn stored(installation: &Installation) -> Vec<std::path::PathBuf> {
    let files = walkdir::WalkDir::new(installation.path("data/media")).into_iter().map(Result::unwrap);
    files.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path).collect()
}

#[test]
fn a_bomb_is_shown_as_it_is_and_other_files_have_no_thumbnail() {
    let html = b"<!DOCTYPE html><script>alert(document.domain)</script>";
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg' width='900' height='900'><script>alert(1)</script></svg>";
    // A header of 16,000 times 16,000 pixels, a gigabyte, with one pixel behind it; the checksum is not what fails.
    let mut bomb = picture(1, 1, ImageFormat::Png);
    bomb[16..24].copy_from_slice(&[0, 0, 0x3e, 0x80, 0, 0, 0x3e, 0x80]);
    let damaged = &picture(900, 900, ImageFormat::Png)[..5_000];
    let moving = picture(900, 900, ImageFormat::Gif);
    let files = [
        ("bomb.png", &bomb[..]),
        ("page.png", html),
        ("drawing.svg", svg),
        ("half.png", damaged),
        ("moving.gif", &moving),
    ];
    let installation = imported(&files);
    let server = installation.serve(&[]);
    let files = attachments(&server);
    let thumbnail = |file: &Value| path(file).rsplit_once('/').unwrap().0.to_owned() + "/thumbnail/400";
    for index in [0, 3] {
        for _ in 0..2 {
            let answer = server.get(&thumbnail(&files[index]));
            let name = files[index]["filename"].as_str().unwrap();
            assert_eq!((answer.status, answer.header("location").unwrap()), (302, &*format!("../{name}")));
        }
        assert_eq!(server.get(path(&files[index])).status, 200);
    }
    let none: Vec<_> =
        stored(&installation).into_iter().filter(|file| file.to_string_lossy().ends_with("-400")).collect();
    assert_eq!(
        none.iter().map(|file| fs::metadata(file).unwrap().len()).collect::<Vec<_>>(),
        [0, 0],
        "both are remembered"
    );
    for file in &files[1..3] {
        assert_eq!((server.get(&thumbnail(file)).status, &file["thumbnail"]), (404, &Value::Null));
    }
    assert_eq!(size(&server.get(&thumbnail(&files[4]))), (400, 400));
    let page = server.get("/lantern-works/general").text();
    assert!(!page.contains(&format!("{} ", thumbnail(&files[4]))), "an animation moves on pages");
    assert!(server.peak_mib() < 400, "{} MiB", server.peak_mib());
}

#[test]
fn emoji_and_stickers_beside_an_export_are_pictures_of_our_own_address() {
    let png = |color: [u8; 3]| {
        let mut bytes = std::io::Cursor::new(Vec::new());
        let picture = DynamicImage::ImageRgb8(RgbImage::from_pixel(8, 8, Rgb(color)));
        picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    };
    let (wool, knit) = (png([200, 30, 30]), png([30, 30, 200]));
    let installation = Installation::new();
    let export = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(EXPORT)).unwrap();
    let mut export: Value = serde_json::from_slice(&export).unwrap();
    let emoji = |id: u64, name: &str, file: &str| {
        let path = format!("general.json_Files\\{file}");
        json!({"id": id.to_string(), "name": name, "code": name, "isAnimated": false, "imageUrl": path})
    };
    let message = &mut export["messages"][0];
    message["content"] = json!(":wool: and :lost: and :page:");
    message["inlineEmojis"] =
        json!([emoji(500, "wool", "Wool.png"), emoji(501, "lost", "lost.png"), emoji(502, "page", "page.png")]);
    message["stickers"] =
        json!([{"id": "503", "name": "Knit", "format": "Png", "sourceUrl": "general.json_Files/knit.png"}]);
    let folder = installation.path("export");
    fs::create_dir_all(folder.join("general.json_Files")).unwrap();
    for (name, bytes) in [("wool.png", &wool[..]), ("knit.png", &knit[..]), ("page.png", b"<html><script>1</script>")] {
        fs::write(folder.join("general.json_Files").join(name), bytes).unwrap();
    }
    fs::write(folder.join("general.json"), export.to_string()).unwrap();
    let import = |more: &[&str]| {
        let (code, report) = installation.import(&[&folder], more);
        assert_eq!(code, 0, "{report}");
    };
    import(&["--dry-run"]);
    import(&[]);
    let server = installation.serve(&[]);
    let page = server.get("/lantern-works/general").text();
    for (key, alt, bytes) in [("emoji/500", ":wool:", &wool), ("sticker/503", "Sticker: Knit", &knit)] {
        let path = format!("/lantern-works/files/picture/{key}");
        assert!(page.contains(&format!("src=\"{path}\" alt=\"{alt}\"")), "{page}");
        let shown = server.get(&path);
        assert_eq!((shown.status, shown.header("content-type"), &shown.body), (200, Some("image/png"), bytes));
    }
    assert!(page.contains(">:lost:</span>") && page.contains(">:page:</span>"), "{page}");
    assert_eq!(server.get("/lantern-works/files/picture/emoji/501").status, 404);
    let saved = server.get("/lantern-works/files/picture/emoji/502");
    assert_eq!((saved.status, saved.header("content-type")), (200, Some("application/octet-stream")));
    assert_eq!(saved.header("content-disposition"), Some("attachment"));
    drop(server);
    // The picture that was missing is there now.
    fs::write(folder.join("general.json_Files/lost.png"), &wool).unwrap();
    import(&[]);
    assert_eq!(installation.serve(&[]).get("/lantern-works/files/picture/emoji/501").body, wool);
}
