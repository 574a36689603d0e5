use super::*;

fn color(text: &str) -> Color {
    text.parse().unwrap()
}

#[test]
fn contrasts_are_those_of_the_standard() {
    for (text, ground, expected) in [
        ("#000000", "#ffffff", 21.0),
        ("#777777", "#ffffff", 4.48),
        ("#5865f2", "#ffffff", 4.61),
        ("#123456", "#123456", 1.0),
    ] {
        let (text, ground) = (color(text), color(ground));
        let contrast = text.contrast(ground);
        assert!((contrast - expected).abs() < 0.005, "{text} on {ground}: {contrast}");
        assert!((contrast - ground.contrast(text)).abs() < f64::EPSILON);
    }
}

#[test]
fn a_readable_colour_stays_and_any_other_becomes_readable() {
    let (light, dark) = (color("#ffffff"), color("#17181c"));
    assert_eq!(color("#0b5394").readable_on(light, 4.5), color("#0b5394"));
    for red in (0..=255).step_by(15) {
        for green in (0..=255).step_by(15) {
            for blue in (0..=255).step_by(15) {
                let accent = Color(red << 16 | green << 8 | blue);
                for ground in [light, dark] {
                    assert!(accent.readable_on(ground, 4.5).contrast(ground) >= 4.5, "{accent} on {ground}");
                }
            }
        }
    }
    assert_eq!(color("#808080").readable_on(color("#777777"), 21.0), color("#000000"));
}

#[test]
fn a_colour_keeps_its_hue() {
    let yellow = color("#ffdd00").readable_on(color("#ffffff"), 4.5).rgb();
    let [_, red, green, blue] = yellow.to_be_bytes();
    assert!(red > green && green > blue && blue == 0, "{yellow:06x}");
}
