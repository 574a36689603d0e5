use super::*;
use crate::media::FileFormat;

#[test]
fn a_text_is_plain_and_has_a_largest_length() {
    let text = |text: &str| Description::new(text).map(|text| text.as_str().to_owned());
    assert_eq!(text("  one\n\ntwo \n three 🧵 "), Ok("one\n\ntwo \n three 🧵".to_owned()));
    assert_eq!(text(&"🧵".repeat(1_000)), Ok("🧵".repeat(1_000)));
    for wrong in ["", " \n ", "a\u{0}b", "a\u{1b}[31mb", "tab\there", "a\r\nb", &"a".repeat(1_001)] {
        assert_eq!(text(wrong), Err(ProfileError::Text(1_000)), "{wrong:?}");
    }
    assert_eq!(Footer::new(&"a".repeat(501)), Err(ProfileError::Text(500)));
    let parts = Description::new("one\ntwo\n\n\n\nthree").unwrap();
    assert_eq!(parts.paragraphs().collect::<Vec<_>>(), ["one\ntwo", "three"]);
}

#[test]
fn a_link_has_a_label_and_leads_to_an_https_address() {
    let link = Link::new(" Our forum 🧵 ", "https://forum.example/a?b=c#d").unwrap();
    assert_eq!((link.label(), link.url()), ("Our forum 🧵", "https://forum.example/a?b=c#d"));
    for wrong in ["", " ", "two\nlines", &"a".repeat(101)] {
        assert_eq!(Link::new(wrong, "https://a.example"), Err(ProfileError::Label), "{wrong:?}");
    }
    let long = format!("https://a.example/{}", "a".repeat(2_031));
    for wrong in [
        "http://a.example",
        "javascript:alert(1)",
        "https://",
        "https:///a",
        "https://user@a.example",
        "https://a b",
        "https://ä.example",
        "https://a.example/\"onclick=",
        "https://a.example/<b>",
        &long,
    ] {
        assert_eq!(Link::new("a", wrong), Err(ProfileError::Address), "{wrong}");
    }
    let ten = vec![link.clone(); 10];
    assert_eq!(Links::new(ten.clone()).unwrap().as_slice(), ten);
    assert_eq!(Links::new(vec![link; 11]), Err(ProfileError::Many));
}

#[test]
fn a_contact_is_an_e_mail_or_https_address() {
    for (text, address) in [
        (" archive+team@mail.example.org ", "mailto:archive+team@mail.example.org"),
        ("https://example.org/contact?x=1", "https://example.org/contact?x=1"),
    ] {
        assert_eq!(Contact::new(text).unwrap().address(), address);
    }
    let long = format!("{}@example.org", "a".repeat(243));
    for wrong in [
        "",
        "archive",
        "@example.org",
        "a@b",
        "a@b@example.org",
        "a b@example.org",
        "a@-b.org",
        "a@b..org",
        "a?subject=x@example.org",
        "a%40b@example.org",
        "http://example.org",
        "mailto:a@example.org",
        &long,
    ] {
        assert_eq!(Contact::new(wrong), Err(ProfileError::Contact), "{wrong}");
    }
}

#[test]
fn the_format_of_an_icon_is_that_of_its_bytes() {
    for (bytes, format) in [
        (&b"\x89PNG\r\n\x1a\n...."[..], Some(FileFormat::Png)),
        (b"\xff\xd8\xff\xe0", Some(FileFormat::Jpeg)),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", Some(FileFormat::Webp)),
        (b"GIF89a", Some(FileFormat::Gif)),
        (b"GIF87a", Some(FileFormat::Gif)),
        (b"RIFF\x00\x00\x00\x00WAVE", None),
        (b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>", None),
        (b"<!doctype html>", None),
        (b"", None),
    ] {
        assert_eq!(IconKind::of(bytes), format.and_then(IconKind::new), "{bytes:?}");
    }
    for name in ["png", "jpeg", "webp", "gif"] {
        assert_eq!(name.parse::<IconKind>().unwrap().as_str(), name);
    }
    assert!("svg".parse::<IconKind>().is_err() && "mp4".parse::<IconKind>().is_err());
}
