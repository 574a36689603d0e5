use super::*;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).unwrap()
}

#[test]
fn waits_grow_until_a_file_is_given_up() {
    let (mut state, mut waits) = (FileState::seen(at(0)), Vec::new());
    while let Some(due) = state.due_at() {
        state = state.after_failure(due);
        waits.extend(state.due_at().map(|next| (next.as_millis() - due.as_millis()) / 60_000));
    }
    assert_eq!(waits, [10, 40, 160, 640, 2560], "minutes");
    assert_eq!(state, FileState::Failed);
    for ended in [FileState::Gone, FileState::Failed] {
        assert_eq!(ended.after_failure(at(1)), ended);
    }
}

#[test]
fn a_hash_reads_as_it_is_written() {
    let hash = ContentHash::new(std::array::from_fn(|index| u8::try_from(index * 8).unwrap()));
    assert_eq!(hash.to_string().parse(), Ok(hash));
    for wrong in ["", "0", &"0".repeat(63), &"A".repeat(64), &"é".repeat(32), &"g".repeat(64)] {
        assert_eq!(wrong.parse::<ContentHash>(), Err(ParseHashError), "{wrong}");
    }
}

#[test]
fn an_end_is_more_than_a_wait_and_bytes_are_more_than_any_end() {
    let stored = FileState::Stored { hash: ContentHash::new([1; 32]), size_bytes: 1, content: None };
    let ascending = [FileState::seen(at(1)), FileState::Failed, FileState::Gone, stored];
    for (index, state) in ascending.into_iter().enumerate() {
        assert!(state.replaces(None));
        for (other, held) in ascending.into_iter().enumerate() {
            assert_eq!(state.replaces(Some(held)), index > other, "{state:?} {held:?}");
        }
    }
}
