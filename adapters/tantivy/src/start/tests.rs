use proptest::prelude::*;
use tantivy::query::EnableScoring;
use tantivy::schema::{Schema, TEXT};
use tantivy::{Index, TantivyDocument, doc};

use super::*;

/// The number of documents of the segment: many parts, and most words have more than one block.
const DOCS: DocId = 5_000;

/// Returns a word of the document with this number.
fn word(number: DocId) -> String {
    // Some words are in thousands of documents, others in a few.
    let spread = number.wrapping_mul(2_654_435_761) >> 16;
    match spread % 8 {
        0 => format!("ab{}", spread % 3),
        1 => format!("ab{spread}"),
        2 if number > DOCS / 2 => "abend".to_owned(),
        3 => format!("aa{}", spread % 50),
        _ => format!("b{}", spread % 7),
    }
}

/// Returns an index with one segment, and its field.
fn index() -> (Index, Field) {
    let mut schema = Schema::builder();
    let field = schema.add_text_field("body", TEXT);
    let index = Index::create_in_ram(schema.build());
    let mut writer = index.writer_with_num_threads::<TantivyDocument>(1, 20_000_000).unwrap();
    for number in 0..DOCS {
        writer.add_document(doc!(field => word(number))).unwrap();
    }
    writer.commit().unwrap();
    (index, field)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn visits_in_any_order_find_the_same_documents(
        start in prop::sample::select(vec!["a", "ab", "ab1", "abend", "b3", "c"]),
        part in prop::sample::select(vec![64, 192, 1 << 14]),
        visits in prop::collection::vec((0..DOCS + 10, 1..400_u32, 0..300_u32), 1..12),
    ) {
        let (index, field) = index();
        let searcher = index.reader().unwrap().searcher();
        let [reader] = searcher.segment_readers() else { panic!("there is one segment") };
        let query = StartQuery { part, ..StartQuery::new(field, start.to_owned()) };
        let weight = query.weight(EnableScoring::disabled_from_searcher(&searcher)).unwrap();
        let is_found = |number: &DocId| word(*number).starts_with(start);
        for (from, count, step) in visits {
            let mut scorer = weight.scorer(reader, 1.0).unwrap();
            prop_assert_eq!(scorer.doc(), (0..DOCS).find(is_found).unwrap_or(TERMINATED));
            let mut expected = (from..DOCS).find(is_found).unwrap_or(TERMINATED).max(scorer.doc());
            let mut doc = if scorer.doc() < from { scorer.seek(from) } else { scorer.doc() };
            for _ in 0..count {
                prop_assert_eq!(doc, expected);
                if doc == TERMINATED {
                    break;
                }
                // A step of zero is the next document.
                let next = doc + 1 + step;
                expected = (next..DOCS).find(is_found).unwrap_or(TERMINATED);
                doc = if step == 0 { scorer.advance() } else { scorer.seek(next) };
            }
        }
    }
}
