//! The authors of messages.

use super::inputs;
use crate::program::Installation;

#[test]
fn case_05_each_name_of_a_webhook_is_a_speaker() {
    let installation = Installation::new();
    let (code, report) = installation.import(&[&inputs("05-webhook-personas")], &[]);
    assert_eq!(code, 0, "{report}");
    let server = installation.serve(&[]);
    let page = server.get("/api/v1/tenants/lantern-works/channels/tavern/messages").json();
    let authors: Vec<&str> = (0..3).map(|at| page["items"][at]["author"]["id"].as_str().unwrap()).collect();
    assert_eq!(authors[0], authors[2], "one name");
    assert_ne!(authors[0], authors[1], "another name");
    let html = server.get("/lantern-works/tavern").text();
    assert_eq!(html.matches("class=\"message first\"").count(), 3, "a heading each");
    for trace in ["Aldwin", "Ember", "310000000000000055", "5afe0bad"] {
        assert!(!html.contains(trace) && !page.to_string().contains(trace), "{trace}");
    }
}
