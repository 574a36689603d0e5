use std::io::Read;

use domain::slug::TenantSlug;
use domain::tenant::{Branding, Platform, PlatformId, Tenant, TenantName};
use domain::timestamp::Timestamp;
use flate2::read::ZlibDecoder;

use super::{HEIGHT, WIDTH, png};

fn tenant(slug: &str, color: Option<&str>) -> Tenant {
    let (platform, name) = (PlatformId::new("1").unwrap(), TenantName::new("水の会").unwrap());
    let at = Timestamp::from_millis(0).unwrap();
    let tenant = Tenant::new(Platform::Discord, platform, TenantSlug::new(slug).unwrap(), name, at);
    let primary_color = color.map(|color| color.parse().unwrap());
    Tenant { branding: Branding { primary_color, ..Branding::default() }, ..tenant }
}

/// Returns the parts of a PNG file by name, after checking their sums.
fn parts(file: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut rest = file.strip_prefix(b"\x89PNG\r\n\x1a\n").unwrap();
    let mut parts = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        let (named, after) = after.split_at(4 + length);
        let (sum, after) = after.split_first_chunk::<4>().unwrap();
        let mut check = flate2::Crc::new();
        check.update(named);
        assert_eq!(u32::from_be_bytes(*sum), check.sum());
        parts.push(named.split_at(4));
        rest = after;
    }
    parts
}

#[test]
fn a_card_is_a_picture_of_its_size_in_the_colours_of_the_tenant() {
    let file = png(&tenant("water-works", Some("#102030")));
    let parts = parts(&file);
    let names: Vec<_> = parts.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, [b"IHDR", b"PLTE", b"IDAT", b"IEND"]);
    let head = [&WIDTH.to_be_bytes()[..], &HEIGHT.to_be_bytes()[..], &[8, 3, 0, 0, 0]].concat();
    assert_eq!(parts[0].1, head);
    assert_eq!(parts[1].1[..6], [0x10, 0x20, 0x30, 0xff, 0xff, 0xff]);
    let mut rows = Vec::new();
    ZlibDecoder::new(parts[2].1).read_to_end(&mut rows).unwrap();
    assert_eq!(rows.len(), (WIDTH as usize + 1) * HEIGHT as usize);
    assert!(rows.chunks(WIDTH as usize + 1).all(|row| row[0] == 0 && row[1..].iter().all(|place| *place < 3)));
    assert!(file.len() < 20_000, "{}", file.len());
}

#[test]
fn letters_can_be_read_on_every_ground_and_differ_by_tenant() {
    let light = png(&tenant("water-works", Some("#f0f0f0")));
    assert_eq!(parts(&light)[1].1[3..6], [0x1a, 0x1a, 0x1f]);
    assert_ne!(png(&tenant("water-works", None)), png(&tenant("fire-works", None)));
    assert_eq!(png(&tenant("water-works", None)), png(&tenant("water-wheels", None)));
    assert_ne!(png(&tenant("water", None)), png(&tenant("water-works", None)));
}
