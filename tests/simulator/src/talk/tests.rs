use std::collections::HashSet;

use super::*;

#[test]
fn a_round_has_every_scene_and_none_is_played_twice_in_a_row() {
    let mut script = Script::new(1);
    let scenes: Vec<usize> = (0..200).map(|_| script.next()).collect();
    assert!(scenes.windows(2).all(|two| two[0] != two[1]), "{scenes:?}");
    for round in scenes.chunks(SCENES.len()) {
        assert_eq!(round.iter().collect::<HashSet<_>>().len(), SCENES.len(), "{round:?}");
    }
    let mut same = Script::new(1);
    assert_eq!(scenes, (0..200).map(|_| same.next()).collect::<Vec<_>>());
}

#[test]
fn every_turn_is_about_a_message_that_was_said_before_and_is_still_there() {
    for scene in SCENES {
        let (mut said, mut deleted) = (0, HashSet::new());
        for line in scene {
            assert!(line.speaker < CAST);
            match line.turn {
                Turn::Say(_) => said += 1,
                Turn::Reply(to, _) => {
                    assert!(to < said && !deleted.contains(&to));
                    said += 1;
                }
                Turn::Delete(number) => assert!(number < said && deleted.insert(number)),
                Turn::Edit(number, _) | Turn::React(number, _) | Turn::Thread(number, _) => {
                    assert!(number < said && !deleted.contains(&number), "{}", line.text());
                }
            }
        }
    }
}
