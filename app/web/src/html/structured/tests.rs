use serde_json::json;

use super::blocks;

#[test]
fn no_text_ends_its_block() {
    let hostile = "</script><script>alert(1)</script><!-- \u{2028}\u{2029} & \" \\ \u{0}";
    let block = blocks(&[json!({"name": hostile})]).into_string();
    let inner = block.strip_prefix("<script type=\"application/ld+json\">").unwrap();
    let inner = inner.strip_suffix("</script>").unwrap();
    assert!(!inner.contains(['<', '>', '&', '\u{2028}', '\u{2029}', '\u{0}']), "{inner}");
    let read: serde_json::Value = serde_json::from_str(inner).unwrap();
    assert_eq!(read["name"], hostile);
}
