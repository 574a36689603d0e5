use super::*;

/// Returns the light and the dark value of a colour of the style sheet.
pub(super) fn values(name: &str) -> [Color; 2] {
    let (_, rest) = STYLE.split_once(&format!("{name}:light-dark(")).unwrap();
    let (light, dark) = rest.split_once(')').unwrap().0.split_once(',').unwrap();
    [light, dark].map(|color| color.parse().unwrap())
}

#[test]
fn all_text_can_be_read_on_every_ground() {
    for text in ["--text", "--muted", "--accent"] {
        for ground in ["--bg", "--soft", "--mark"] {
            for (text_color, ground_color) in values(text).into_iter().zip(values(ground)) {
                let contrast = text_color.contrast(ground_color);
                assert!(contrast >= LEAST_CONTRAST, "{text} on {ground}: {contrast}");
            }
        }
    }
}

#[test]
fn the_accent_of_a_tenant_can_be_read_in_both_themes() {
    for color in ["#ffffff", "#000000", "#ffdd00", "#5865f2", "#ff0000", "#00ff88", "#777777"] {
        let branding = Branding { accent_color: Some(color.parse().unwrap()), ..Branding::default() };
        let sheet = theme(&branding);
        let (_, pair) = sheet.split_once(":root{--accent:light-dark(").unwrap();
        let (light, dark) = pair.split_once(')').unwrap().0.split_once(',').unwrap();
        for ground in ["--bg", "--soft", "--mark"] {
            for (accent, ground) in [light, dark].into_iter().zip(values(ground)) {
                let accent: Color = accent.parse().unwrap();
                assert!(accent.contrast(ground) >= LEAST_CONTRAST, "{color} becomes {accent} on {ground}");
            }
        }
    }
    assert_eq!(theme(&Branding::default()), "");
}

#[test]
fn all_scripts_together_are_small() {
    let bytes: usize = [&*THEME_SCRIPT, &*SCRIPT, &*LIVE_SCRIPT].map(String::len).iter().sum();
    assert!(bytes < 15_000, "{bytes}");
    assert!(SCRIPT.starts_with("\"use strict\";\n(() => {\nconst root"), "{}", &SCRIPT[..60]);
}
