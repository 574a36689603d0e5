use proptest::prelude::*;
use serde_json::json;

use super::blocks;

proptest! {
    #[test]
    fn no_text_ends_its_block(hostile in "(?s)(</script>|<script>|<!--|-->|]]>|&lt;|[<>&\"\\\\'\u{2028}\u{2029}\u{0}]|.){0,40}") {
    let block = blocks(&[json!({"name": &hostile})]).into_string();
    let inner = block.strip_prefix("<script type=\"application/ld+json\">").unwrap();
    let inner = inner.strip_suffix("</script>").unwrap();
    let ends = ['<', '>', '&', '\u{2028}', '\u{2029}', '\u{0}'];
    prop_assert!(!inner.contains(ends), "{}", inner);
    let read: serde_json::Value = serde_json::from_str(inner).unwrap();
    prop_assert_eq!(&read["name"], &hostile);
    }
}
