use super::*;

#[test]
fn the_first_bytes_show_the_format() {
    let webm = [b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm".as_slice(), &[0; 300]].concat();
    let matroska = [b"\x1a\x45\xdf\xa3\xa3\x42\x86\x81\x01\x42\x82\x88matroska".as_slice(), &[0; 300]].concat();
    let cases: [(&[u8], FileFormat); 23] = [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", FileFormat::Png),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0", FileFormat::Jpeg),
        (b"GIF89a\x01\0\x01\0", FileFormat::Gif),
        (b"RIFF\x24\0\0\0WEBPVP8L", FileFormat::Webp),
        (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf", FileFormat::Avif),
        (b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2", FileFormat::Mp4),
        (b"\0\0\0\x18ftypM4A \0\0\x02\0isomiso2", FileFormat::Mp4),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", FileFormat::QuickTime),
        (&webm, FileFormat::Webm),
        (b"OggS\0\x02\0\0\0\0\0\0\0\0", FileFormat::Ogg),
        (b"ID3\x04\0\0\0\0\0\0", FileFormat::Mp3),
        (b"RIFF\x24\0\0\0WAVEfmt ", FileFormat::Wav),
        (b"fLaC\0\0\0\x22", FileFormat::Flac),
        (b"\xff\xf1\x50\x80", FileFormat::Aac),
        (&matroska, FileFormat::Other),
        (b"<!DOCTYPE html><script>alert(1)</script>", FileFormat::Other),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", FileFormat::Other),
        (b"<?xml version='1.0'?><svg/>", FileFormat::Other),
        (b"%PDF-1.7\n", FileFormat::Other),
        (b"PK\x03\x04", FileFormat::Other),
        (b"hello", FileFormat::Other),
        (b"\x89P", FileFormat::Other),
        (b"", FileFormat::Other),
    ];
    for (head, expected) in cases {
        assert_eq!(FileFormat::of(head), expected, "{}", head.escape_ascii());
        assert_eq!(expected.as_str().parse(), Ok(expected));
    }
    assert_eq!("svg".parse::<FileFormat>(), Err(ParseFormatError));
}

#[test]
fn a_picture_has_the_size_that_its_bytes_name() {
    let png = |width: u32, height: u32| {
        let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
        [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(), &size, b"\x08\x02\0\0\0"].concat()
    };
    // Metadata of 60,000 bytes come before the size.
    let segment = |marker: u8, bytes: &[u8]| {
        let length = u16::try_from(bytes.len() + 2).unwrap().to_be_bytes();
        [&[0xff, marker], length.as_slice(), bytes].concat()
    };
    let size_of_frame = segment(0xc0, b"\x08\x01\x2c\x01\x90\x03\x01\x22\0\x02\x11\x01\x03\x11\x01");
    let jpeg = [b"\xff\xd8".to_vec(), segment(0xe1, &vec![0; 60_000]), size_of_frame].concat();
    for (head, expected) in [
        (png(640, 480), Some((640, 480))),
        (png(u32::MAX, 1), Some((u32::MAX, 1))),
        (png(0, 480), None),
        (b"GIF89a\x40\x01\xf0\0\0\0\0".to_vec(), Some((320, 240))),
        (jpeg, Some((400, 300))),
        (b"\x89PNG\r\n\x1a\n".to_vec(), None),
        (b"<svg width='9' height='9'/>".to_vec(), None),
        (Vec::new(), None),
    ] {
        assert_eq!(FileContent::of(&head).size, expected, "{}", head[..head.len().min(32)].escape_ascii());
    }
}

#[test]
fn a_file_is_shown_by_its_bytes_whatever_its_sender_says() {
    for (format, said, shown) in [
        (FileFormat::Jpeg, Some("image/png"), Some("image/jpeg")),
        (FileFormat::Jpeg, None, Some("image/jpeg")),
        (FileFormat::Png, Some("image/apng"), Some("image/apng")),
        (FileFormat::Webm, Some("Audio/WebM; codecs=opus"), Some("audio/webm")),
        (FileFormat::Webm, Some("text/html"), Some("video/webm")),
        (FileFormat::Other, Some("image/png"), None),
        (FileFormat::Other, Some("image/svg+xml"), None),
    ] {
        assert_eq!(format.shown_as(said), shown, "{format:?} as {said:?}");
    }
}

#[test]
fn of_unknown_bytes_a_type_is_shown_that_runs_nothing() {
    assert_eq!(shown_as_said(" IMAGE/PNG ; a=b"), Some("image/png"));
    for said in ["", "image/svg+xml", "text/html", "application/pdf", "image/png2"] {
        assert_eq!(shown_as_said(said), None, "{said}");
    }
}
