use domain::media::ThumbnailWidth::{Narrow, Wide};
use domain::media::{FileContent, FileFormat};
use image::codecs::gif::GifEncoder;
use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngEncoder;
use image::{Frame, ImageEncoder, Rgb, RgbImage, Rgba, RgbaImage};

use super::*;

const RED: [u8; 3] = [220, 20, 20];
const BLUE: [u8; 3] = [20, 20, 220];

/// Returns a picture that is red in its left half, and blue in the right one.
fn two_halves(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, _| Rgb(if x < width / 2 { RED } else { BLUE }))
}

fn png(picture: &DynamicImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    picture.write_with_encoder(PngEncoder::new(&mut bytes)).unwrap();
    bytes
}

fn jpeg(picture: RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    DynamicImage::from(picture).write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, 95)).unwrap();
    bytes
}

/// Returns a JPEG as a telephone writes it: to be turned by 90 degrees, with the coordinates of its owner's home.
fn with_position(jpeg: &[u8]) -> Vec<u8> {
    let entry = |tag: u16, kind: u16, count: u32, value: u32| {
        [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value.to_le_bytes()].concat()
    };
    let mut exif = b"Exif\0\0II*\0\x08\0\0\0".to_vec();
    // The directory: orientation, and where that of the position is.
    exif.extend(2_u16.to_le_bytes());
    exif.extend(entry(0x0112, 3, 1, 6));
    exif.extend(entry(0x8825, 4, 1, 38));
    exif.extend(0_u32.to_le_bytes());
    // North, and a latitude of three fractions.
    exif.extend(2_u16.to_le_bytes());
    exif.extend(entry(1, 2, 2, u32::from(b'N')));
    exif.extend(entry(2, 5, 3, 68));
    exif.extend(0_u32.to_le_bytes());
    for number in [52_u32, 1, 31, 1, 1_234, 100] {
        exif.extend(number.to_le_bytes());
    }
    exif.extend(b"GPS of a home");
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], b"\xff\xe1", &length, &exif, &jpeg[2..]].concat()
}

fn made(bytes: &[u8], width: ThumbnailWidth) -> Option<Vec<u8>> {
    thumbnail(bytes, width).ok().flatten()
}

fn is_near(pixel: Rgb<u8>, color: [u8; 3]) -> bool {
    pixel.0.iter().zip(color).all(|(one, other)| one.abs_diff(other) < 40)
}

#[test]
fn a_photo_is_turned_and_says_nothing_of_where_it_was_taken() {
    let photo = with_position(&jpeg(two_halves(1200, 900)));
    let mut decoder = JpegDecoder::new(Cursor::new(&photo)).unwrap();
    assert_eq!(decoder.orientation().unwrap(), Orientation::Rotate90, "the picture of this test");
    let thumbnail = made(&photo, Narrow).unwrap();
    let content = FileContent::of(&thumbnail);
    assert_eq!((content.format, content.size), (FileFormat::Jpeg, Some((400, 533))));
    for hidden in [&b"Exif"[..], b"GPS", b"II*\0"] {
        assert!(!thumbnail.windows(hidden.len()).any(|bytes| bytes == hidden), "{hidden:?}");
    }
    let shown = image::load_from_memory(&thumbnail).unwrap().into_rgb8();
    // What was on the left is at the top.
    assert!(is_near(*shown.get_pixel(200, 50), RED) && is_near(*shown.get_pixel(200, 480), BLUE));
    assert!(thumbnail.len() < photo.len());
}

#[test]
fn a_small_picture_keeps_its_size_and_loses_its_metadata() {
    let photo = with_position(&jpeg(two_halves(300, 200)));
    let thumbnail = made(&photo, Wide).unwrap();
    assert_eq!(FileContent::of(&thumbnail).size, Some((200, 300)));
    assert!(!thumbnail.windows(4).any(|bytes| bytes == b"Exif"));
}

#[test]
fn transparency_stays_and_only_that_costs_a_webp() {
    let half = |x| if x < 500 { 0 } else { 255 };
    let picture = |alpha: fn(u32) -> u8| {
        let picture = RgbaImage::from_fn(1000, 500, |x, _| Rgba([RED[0], RED[1], RED[2], alpha(x)]));
        made(&png(&picture.into()), Wide).unwrap()
    };
    let (clear, opaque) = (picture(half), picture(|_| 255));
    let content = FileContent::of(&clear);
    assert_eq!((content.format, content.size), (FileFormat::Webp, Some((800, 400))));
    let shown = image::load_from_memory(&clear).unwrap().into_rgba8();
    assert_eq!((shown.get_pixel(100, 200).0[3], shown.get_pixel(700, 200).0), (0, [RED[0], RED[1], RED[2], 255]));
    assert_eq!(FileContent::of(&opaque).format, FileFormat::Jpeg);
}

#[test]
fn an_animation_shows_its_first_frame() {
    let frame = |color: [u8; 3]| Frame::new(RgbaImage::from_pixel(900, 600, Rgba([color[0], color[1], color[2], 255])));
    let mut bytes = Vec::new();
    GifEncoder::new(&mut bytes).encode_frames([frame(RED), frame(BLUE)]).unwrap();
    let thumbnail = made(&bytes, Narrow).unwrap();
    let shown = image::load_from_memory(&thumbnail).unwrap().into_rgb8();
    assert_eq!(shown.dimensions(), (400, 267));
    assert!(is_near(*shown.get_pixel(200, 100), RED));
}

#[test]
fn sixteen_bits_per_colour_and_grey_are_pictures() {
    let gray = image::ImageBuffer::<image::Luma<u16>, _>::from_pixel(900, 900, image::Luma([30_000_u16]));
    let thumbnail = made(&png(&gray.into()), Narrow).unwrap();
    assert_eq!(FileContent::of(&thumbnail).size, Some((400, 400)));
}

/// Returns a PNG whose header promises this size, of one byte a pixel.
fn promised(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes).write_image(&[0], 1, 1, image::ExtendedColorType::L8).unwrap();
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let sum = crc(&bytes[12..29]).to_be_bytes();
    bytes[29..33].copy_from_slice(&sum);
    bytes
}

/// Returns the checksum of a part of a PNG.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 })
    })
}

#[test]
fn a_bomb_a_damaged_picture_and_another_format_have_no_thumbnail() {
    assert!(made(&promised(1, 1), Narrow).is_some(), "the header of this test");
    // A gigabyte, within the bounds of the sides; then a side beyond them.
    assert_eq!(made(&promised(16_384, 16_384), Narrow), None);
    assert_eq!(made(&promised(16_385, 1), Narrow), None);
    assert_eq!(made(&promised(u32::MAX >> 1, u32::MAX >> 1), Narrow), None);
    // A promise that is not kept.
    assert_eq!(made(&promised(900, 900), Narrow), None);
    let whole = png(&two_halves(900, 900).into());
    assert_eq!(made(&whole[..whole.len() / 2], Narrow), None);
    assert_eq!(made(b"<svg xmlns='http://www.w3.org/2000/svg' width='900' height='900'/>", Narrow), None);
    assert_eq!(made(b"<!DOCTYPE html><script>alert(1)</script>", Narrow), None);
    assert_eq!(made(b"", Narrow), None);
}

#[tokio::test]
async fn a_picture_that_fails_leaves_the_thumbnailer_as_it_was() {
    let thumbnailer = ImageThumbnailer;
    for _ in 0..3 {
        assert_eq!(thumbnailer.thumbnail(Bytes::from_static(b"GIF89a"), Narrow).await, None);
    }
    let picture = Bytes::from(png(&two_halves(500, 20).into()));
    let made = thumbnailer.thumbnail(picture, Narrow).await.unwrap();
    assert_eq!(FileContent::of(&made).size, Some((400, 16)));
}
