use super::{SolvedTags, SolvedTagsError};

#[test]
fn a_tag_is_compared_without_case_and_blanks() {
    let tags = SolvedTags::new([" Solved ", "ANSWERED", "solved", "Gelöst"]).unwrap();
    assert_eq!(tags.as_slice(), ["Solved", "ANSWERED", "Gelöst"]);
    assert!(["solved", "SOLVED ", "answered", "GELÖST"].iter().all(|name| tags.contains(name)));
    assert!(!tags.contains("solve") && !tags.contains("") && !SolvedTags::default().contains("solved"));
}

#[test]
fn a_list_and_its_names_are_bounded() {
    let names = |count: usize| (0..count).map(|number| number.to_string());
    assert_eq!(SolvedTags::new(names(20)).unwrap().as_slice().len(), 20);
    assert_eq!(SolvedTags::new(names(21)), Err(SolvedTagsError::Many));
    assert!(SolvedTags::new(["ж".repeat(50)]).is_ok());
    for wrong in ["ж".repeat(51), String::new(), "  ".to_owned()] {
        assert_eq!(SolvedTags::new([wrong]), Err(SolvedTagsError::Name));
    }
}
