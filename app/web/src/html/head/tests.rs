use super::super::markup::Names;
use super::{description, line, title};

#[test]
fn a_title_has_at_most_sixty_characters_and_its_content_first() {
    assert_eq!(title("general", None), "general");
    let long = "ж".repeat(80);
    let cut = title(&long, None);
    assert_eq!((cut.chars().count(), cut.ends_with('…')), (60, true));
}

#[test]
fn a_description_is_plain_and_short() {
    let names = Names::default();
    assert_eq!(description(["**Hello** `world`", "", "||the end||"], &names), "Hello world █████");
    let long = description(std::iter::repeat_n("word", 100), &names);
    assert_eq!((long.chars().count(), long.ends_with('…')), (160, true));
    assert_eq!(line("a\n b"), "a b");
}
