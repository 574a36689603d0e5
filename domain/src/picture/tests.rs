use std::time::Duration;

use super::*;
use crate::guild::{GuildEmoji, Sticker};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).unwrap()
}

fn emoji(id: u64, animated: bool) -> GuildEmoji {
    GuildEmoji { id: Id::new(id).unwrap(), name: "wool".to_owned(), animated }
}

#[test]
fn a_key_has_one_form() {
    for text in ["emoji/1", "sticker/9223372036854775807", "icon/5", "role/7"] {
        assert_eq!(text.parse::<PictureKey>().unwrap().to_string(), text);
    }
    for text in
        ["", "emoji", "emoji/", "emoji/0", "emoji/01", "avatar/1", "emoji/1/2", "Emoji/1", "emoji/9223372036854775808"]
    {
        assert_eq!(text.parse::<PictureKey>(), Err(ParsePictureError), "{text}");
    }
}

#[test]
fn the_name_of_a_file_leads_to_no_other_path() {
    for text in ["1.webp", "a_0f.png", "0-9.gif"] {
        assert_eq!(text.parse::<PictureName>().unwrap().as_str(), text);
    }
    let long = format!("{}.png", "a".repeat(81));
    for text in ["", "a", ".png", "a.", "../a.png", "a/b.png", "a.b.png", "a?.png", "ä.png", &long] {
        assert_eq!(text.parse::<PictureName>(), Err(ParsePictureError), "{text}");
    }
}

#[test]
fn an_observation_requests_what_is_new_and_what_changed() {
    let emojis = [emoji(1, false), emoji(2, true)];
    let sticker = |id, format: &str| Sticker {
        id: Id::new(id).unwrap(),
        name: "purl".to_owned(),
        format: format.to_owned(),
        description: None,
    };
    let stickers = [sticker(3, "apng"), sticker(4, "lottie"), sticker(5, "gif"), sticker(6, "9")];
    let (guild, role) = (PictureKey::guild_icon(Id::new(7).unwrap()), PictureKey::role_icon(Id::new(8).unwrap()));
    let shown = |guild_hash: Option<&str>, role_hash: Option<&str>| {
        vec![SeenIcon::new(guild, guild_hash), SeenIcon::new(role, role_hash)]
    };
    let observe = |stored: &[Picture], icons: &[SeenIcon], now| {
        let (emojis, stickers) = (Some(&emojis[..]), Some(&stickers[..]));
        let observation = GuildObservation { observed_at: at(1), roles: None, emojis, stickers, icons };
        Picture::after_observation(stored, &observation, at(now))
    };
    let first = observe(&[], &shown(Some("a_1f"), None), 1);
    let names: Vec<String> = first.iter().map(|one| format!("{} {}", one.key, one.name.as_str())).collect();
    let expected = ["emoji/1 1.webp", "emoji/2 2.gif", "sticker/3 3.png", "sticker/4 4.json", "sticker/5 5.gif"];
    assert_eq!(names, [&expected[..], &["icon/7 a_1f.png"]].concat());
    assert!(first.iter().all(|one| one.state == FileState::seen(at(1))));
    assert_eq!(observe(&first, &shown(Some("a_1f"), None), 2), []);
    // A new icon has a new name, and one that was removed is gone.
    let changed = observe(&first, &shown(Some("2e"), Some("3d")), 3);
    let names: Vec<String> = changed.iter().map(|one| format!("{} {}", one.key, one.name.as_str())).collect();
    assert_eq!(names, ["icon/7 2e.png", "role/8 3d.png"]);
    let removed = observe(&changed, &shown(None, Some("../x")), 4);
    let icons: Vec<_> = removed.iter().filter(|one| one.key.kind != PictureKind::Emoji).cloned().collect();
    let gone: Vec<_> = icons.iter().filter(|one| one.state == FileState::Gone).map(|one| one.key).collect();
    assert_eq!(gone, [guild, role]);
    // An emoji that the platform did not have is not requested again, and an icon that came back is.
    let mut all = first.clone();
    for picture in &mut all {
        picture.state = FileState::Gone;
    }
    let again: Vec<_> = observe(&all, &shown(Some("a_1f"), None), 5).into_iter().map(|one| one.key).collect();
    assert_eq!(again, [guild]);
}

#[test]
fn a_failed_picture_is_due_again_like_a_file() {
    let picture = Picture::waiting(SeenPicture::emoji(Id::new(1).unwrap(), false), at(0));
    assert_eq!(picture.state.after_failure(at(0)).due_at(), Some(at(0).plus(Duration::from_mins(10))));
}
