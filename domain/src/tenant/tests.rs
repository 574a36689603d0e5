use super::{Color, LogoUrl, Platform, PlatformId, TenantError, TenantId, TenantName, TenantStatus};

#[test]
fn the_same_community_has_the_same_id_for_good() {
    let id = TenantId::of(Platform::Discord, &PlatformId::new("1505988963628879902").unwrap());
    assert_eq!(id.to_string(), "d064a960-119f-5074-b6bb-a02c4b34e27a");
    assert_ne!(id, TenantId::of(Platform::Discord, &PlatformId::new("1505988963628879903").unwrap()));
}

#[test]
fn a_name_has_1_to_255_characters() {
    assert_eq!(TenantName::new("  Über  ").unwrap().as_str(), "Über");
    for unseen in ["", " \n", "\0", "\0 \u{7f}"] {
        assert!(TenantName::new(unseen).is_err(), "{unseen:?}");
    }
    assert!(TenantName::new(&"é".repeat(255)).is_ok());
    assert!(TenantName::new(&"é".repeat(256)).is_err());
}

#[test]
fn a_color_is_six_hexadecimal_digits() {
    assert_eq!("#5865F2".parse::<Color>().unwrap().to_string(), "#5865f2");
    for text in ["", "#", "5865f2", "#5865f", "#5865f22", "#+865f2", "#gggggg", "red"] {
        assert!(text.parse::<Color>().is_err(), "{text}");
    }
}

#[test]
fn a_logo_is_a_web_address() {
    assert!(LogoUrl::new("https://example.org/logo.svg").is_ok());
    for text in ["", "javascript:alert(1)", "http://", "https:///x", "https://a b", "data:image/png;base64,AA"] {
        assert!(LogoUrl::new(text).is_err(), "{text}");
    }
}

#[test]
fn a_status_is_read_back_from_its_word() {
    for status in [TenantStatus::Active, TenantStatus::Maintenance, TenantStatus::Cancelled] {
        assert_eq!(status.as_str().parse(), Ok(status));
    }
    assert!("active".parse::<TenantStatus>().is_err());
}

#[test]
fn the_id_of_a_guild_is_a_snowflake() {
    for id in ["1", "1062073319232110600", "9223372036854775807"] {
        assert_eq!(PlatformId::guild(id), PlatformId::new(id), "{id}");
    }
    for id in [
        "",
        "0",
        "00",
        "01",
        "+1",
        "-1",
        " 1",
        "1 ",
        "1e3",
        "0x1f",
        "\u{0661}",
        "guild",
        "9223372036854775808",
        "99999999999999999999",
    ] {
        assert_eq!(PlatformId::guild(id), Err(TenantError::GuildId), "{id:?}");
    }
}
