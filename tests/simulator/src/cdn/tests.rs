use super::*;

const DAY_MS: u64 = 86_400_000;
const NOW: u64 = 1_795_132_800_000;

fn parts(query: &str) -> (String, String) {
    let field = |name: &str| query.split(['?', '&']).find_map(|pair| pair.strip_prefix(name)).unwrap().to_owned();
    (field("ex="), field("hm="))
}

#[test]
fn an_address_works_until_it_expires_and_only_for_its_path() {
    let (ex, hm) = parts(&sign("/attachments/1/2/a.png", NOW));
    assert!(is_signed("/attachments/1/2/a.png", &ex, &hm, NOW + DAY_MS));
    assert!(!is_signed("/attachments/1/2/a.png", &ex, &hm, NOW + 2 * DAY_MS));
    assert!(!is_signed("/attachments/1/2/b.png", &ex, &hm, NOW));
}

#[test]
fn a_file_is_as_long_as_it_says_and_always_the_same() {
    assert_eq!(file(77).len() as u64, file_size(77));
    assert_eq!(file(77), file(77));
}
