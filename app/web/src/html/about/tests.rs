use std::collections::BTreeMap;

use domain::timestamp::Timestamp;

use super::*;

#[test]
fn a_whole_archive_and_one_with_gaps_say_so() {
    let at = Timestamp::from_millis(1_772_366_400_000).unwrap();
    let whole = Extent { channels: 1, threads: 2, messages: 1, complete: 3, since: Some(at), ..Extent::default() };
    assert_eq!(completeness(&whole), ["Everything is archived, each channel and thread from its start."]);
    assert!(content(&whole).starts_with("The public part of the archive has 1 channel, 2 threads and 1 message."));
    let day = time::day(at);
    assert!(content(&whole).ends_with(&format!(" begins on {day}.")), "{}", content(&whole));
    let incomplete = BTreeMap::from([(String::new(), 2), ("truncated".to_owned(), 1)]);
    let partial = Extent { complete: 1, incomplete, synced_at: Some(at), is_cut: true, ..whole };
    let expected = [
        "Of 4 channels and threads 1 are archived from their start. Of the others a part is missing, by the reason: \
         2 (not known), 1 (truncated)."
            .to_owned(),
        format!("The archive was last compared with its source on {day}."),
    ];
    assert_eq!(completeness(&partial), expected);
    assert!(content(&partial).contains("at least 2 threads and at least 1 message"), "{}", content(&partial));
    assert_eq!(completeness(&Extent::default()), ["Nothing was archived yet."]);
}
