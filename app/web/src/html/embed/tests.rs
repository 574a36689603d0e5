use serde_json::{Value, json};

use super::{Links, embeds, host};

fn page(list: &[Value]) -> String {
    let own = |url: &str| url.contains("/attachments/").then(|| "/abc/files/1".to_owned());
    embeds(list, &Links::default(), &own).into_string()
}

#[test]
fn a_gif_is_a_picture_alone() {
    let gif = json!({
        "url": "https://tenor.com/view/lantern-1234", "type": "gifv", "provider": {"name": "Tenor"},
        "thumbnail": {"url": "https://media.tenor.com/aaa/lantern.png", "width": 498, "height": 280},
        "video": {"url": "https://media.tenor.com/aaa/lantern.mp4", "width": 498, "height": 280},
    });
    let mut exported = gif.clone();
    exported.as_object_mut().unwrap().retain(|key, _| key != "type" && key != "provider");
    for gif in [gif, exported] {
        let page = page(&[gif]);
        assert!(page.contains("<a href=\"https://tenor.com/view/lantern-1234\""), "{page}");
        assert!(
            page.contains("<bdi>GIF</bdi>") && page.contains("media.tenor.com") && page.contains("498 × 280"),
            "{page}"
        );
        assert!(!page.contains("<img") && page.matches("<a ").count() == 1, "{page}");
    }
}

#[test]
fn a_linked_picture_is_a_picture_alone() {
    let url = "https://pictures.example/lamp.png";
    let page = page(&[json!({"url": url, "thumbnail": {"url": url, "width": 640, "height": 480}})]);
    assert!(page.contains("<bdi>lamp.png</bdi>") && page.contains("pictures.example"), "{page}");
    assert!(page.contains("640 × 480") && page.contains(&format!("href=\"{url}\"")), "{page}");
}

#[test]
fn a_picture_whose_bytes_are_here_is_shown() {
    let url = "https://cdn.discordapp.com/attachments/1/2/lamp.png";
    let page = page(&[json!({"title": "Lamp", "image": {"url": url, "width": 64, "height": 48}})]);
    assert!(
        page.contains("<img class=\"picture\" loading=\"lazy\" src=\"/abc/files/1\" width=\"64\" height=\"48\""),
        "{page}"
    );
}

#[test]
fn every_part_of_an_embed_is_shown() {
    let page = page(&[json!({
        "color": 0xFF_8800, "title": "A *title*", "url": "https://example.org/", "description": "**bold**",
        "timestamp": "2026-03-01T12:00:00.000000+00:00", "provider": {"name": "Lamps", "url": "https://lamps.example/"},
        "author": {"name": "Lamp <shop>", "url": "https://shop.example/"}, "footer": {"text": "the footer"},
        "fields": [{"name": "__Oil__", "value": "`olive`", "inline": true}, {"name": "Wick", "value": "x"}],
        "video": {"url": "https://video.example/a.mp4", "width": 16, "height": 9},
        "thumbnail": {"url": "https://pictures.example/small.png"},
        "images": [{"url": "https://pictures.example/a.png"}, {"url": "https://pictures.example/b.png"}],
        "image": {"url": "https://pictures.example/a.png"},
    })]);
    for part in [
        "fill=\"#ff8800\"",
        "A <em>title</em></a>",
        "<strong>bold</strong>",
        "1 March 2026 at 12:00 UTC",
        "<a href=\"https://lamps.example/\"",
        "<bdi>Lamp &lt;shop&gt;</bdi>",
        "<bdi>the footer</bdi>",
        "<div class=\"inline\"><dt><u>Oil</u></dt>",
        "<code>olive</code>",
        "<bdi>Video</bdi>",
        "small.png",
        "b.png",
        "pictures gallery",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert_eq!(page.matches("<bdi>a.png</bdi>").count(), 1, "{page}");
    assert!(!page.contains("style="), "{page}");
}

#[test]
fn embeds_of_one_address_are_a_gallery() {
    let url = "https://example.org/post";
    let picture = |name: &str| json!({"url": format!("https://pictures.example/{name}.png")});
    let gallery = page(&[
        json!({"url": url, "title": "Post", "image": picture("a")}),
        json!({"url": url, "image": picture("b")}),
        json!({"url": url, "title": "Post", "image": picture("c")}),
    ]);
    assert_eq!(gallery.matches("class=\"embed\"").count(), 1, "{gallery}");
    assert!(["a.png", "b.png", "c.png"].iter().all(|name| gallery.contains(name)), "{gallery}");
    let apart =
        page(&[json!({"url": url, "title": "Post"}), json!({"url": url, "title": "Other", "image": picture("b")})]);
    assert_eq!(apart.matches("class=\"embed\"").count(), 2, "what says something else is not dropped: {apart}");
}

#[test]
fn no_embed_is_an_empty_box() {
    for embed in
        [json!({}), json!({"color": 5}), json!({"type": "rich"}), json!({"thumbnail": null}), json!({"fields": []})]
    {
        assert_eq!(page(&[embed]), "");
    }
    let link = page(&[json!({"type": "link", "url": "https://example.org/"})]);
    assert!(link.contains("href=\"https://example.org/\""), "{link}");
    let beside = page(&[json!({"image": {"url": "general.json_Files/lamp-A1B2C.png", "width": 5, "height": 6}})]);
    assert!(beside.contains("<bdi>lamp-A1B2C.png</bdi>") && !beside.contains("href"), "{beside}");
    let hostile = page(&[json!({"url": "javascript:alert(1)", "image": {"url": "javascript:alert(1)"}})]);
    assert!(!hostile.contains("href"), "{hostile}");
}

#[test]
fn a_host_has_no_name_of_a_user() {
    assert_eq!(host("https://good.example@evil.example:8/a/b?c"), Some("evil.example:8"));
    assert_eq!(host("general.json_Files/a.png"), None);
}
