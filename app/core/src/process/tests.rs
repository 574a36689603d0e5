use std::process::Command;

use domain::lease::Holder;

use super::{Process, describe};

/// `process` with other parts, by their index.
fn with(process: &Process, parts: &[(usize, &str)]) -> Holder {
    let mut all: Vec<_> = process.holder().as_str().split('/').collect();
    for (place, part) in parts {
        all[*place] = part;
    }
    Holder::new(&all.join("/")).unwrap()
}

#[test]
fn a_process_that_runs_is_not_gone_and_each_holder_is_another() {
    let (one, other) = (Process::current(), Process::current());
    assert_ne!(one.holder(), other.holder());
    assert!(!one.knows_gone(other.holder()) && !other.knows_gone(one.holder()));
    assert!(describe(one.holder()).contains(&std::process::id().to_string()));
    assert_eq!(describe(&Holder::new("another").unwrap()), "another process");
}

#[cfg(target_os = "linux")]
#[test]
fn a_process_that_has_ended_is_gone_and_so_is_one_whose_number_was_given_again() {
    let here = Process::current();
    let mut child = Command::new("true").spawn().unwrap();
    let number = child.id().to_string();
    child.wait().unwrap();
    assert!(here.knows_gone(&with(&here, &[(3, &number)])));
    assert!(here.knows_gone(&with(&here, &[(4, "1")])));
}

#[test]
fn a_process_of_another_machine_or_container_is_not_known_to_be_gone() {
    let here = Process::current();
    for elsewhere in [(1, "other-boot"), (2, "other-space"), (4, "-")] {
        assert!(!here.knows_gone(&with(&here, &[(3, "4194304"), elsewhere])), "{elsewhere:?}");
    }
    assert!(!here.knows_gone(&Holder::new("a/b").unwrap()));
}
