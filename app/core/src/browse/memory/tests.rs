use super::{from_memory, need_store};

#[tokio::test]
async fn work_that_needs_the_store_ends_before_it_is_read() {
    let mut is_read = false;
    let work = async {
        tokio::task::yield_now().await;
        need_store().await;
        is_read = true;
    };
    assert_eq!(from_memory(work).await, None);
    assert!(!is_read);
    let other = async {
        tokio::task::yield_now().await;
        5
    };
    assert_eq!(from_memory(other).await, Some(5));
    need_store().await;
}
