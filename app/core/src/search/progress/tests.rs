use domain::change::ChangePosition;
use uuid::Uuid;

use super::*;

#[test]
fn an_index_without_changes_is_behind_since_its_first_build_began() {
    let (progress, tenant) = (IndexProgress::default(), TenantId(Uuid::nil()));
    let at = |millis| Timestamp::from_millis(millis).unwrap();
    assert_eq!(progress.oldest(), None);
    progress.begin(tenant, at(5));
    progress.end(tenant, false);
    progress.begin(tenant, at(7));
    assert_eq!(progress.oldest(), Some(at(5)));
    progress.reached(tenant, IndexPosition { changes: ChangePosition::from_text("1.1".to_owned()), as_of: at(9) });
    progress.begin(tenant, at(20));
    assert_eq!(progress.oldest(), Some(at(9)), "the index answers while it is built again");
    progress.forget(tenant);
    assert_eq!(progress.oldest(), None);
}
