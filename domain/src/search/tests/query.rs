use std::fmt::Write as _;

use proptest::prelude::*;

use crate::pseudonym::{GeneratedName, Pseudonym};
use crate::search::{
    AuthorKind, ChannelRef, Feature, FeatureSet, FileExtension, Filter, HostName, MAX_CHARACTERS, MAX_TERMS, Operator,
    PersonRef, Phrase, QueryError, QueryProblem, SearchQuery, TimeRange,
};
use crate::slug::ChannelSlug;
use crate::snowflake::Id;
use crate::timestamp::Timestamp;

fn query(text: &str) -> SearchQuery {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn error(text: &str) -> QueryError {
    text.parse::<SearchQuery>().expect_err(text)
}

fn only(text: &str) -> Filter {
    let query = query(text);
    assert_eq!(query.terms().len(), 1, "{text}");
    query.terms()[0].filter.clone()
}

fn words(text: &str) -> Filter {
    Filter::Text(Phrase::new(text).unwrap())
}

fn range(from: Option<&str>, until: Option<&str>) -> Filter {
    let time = |day: Option<&str>| day.map(|day| format!("{day}T00:00:00Z").parse::<Timestamp>().unwrap());
    Filter::Sent(TimeRange { from: time(from), until: time(until) })
}

#[test]
fn words_and_phrases_are_terms() {
    let query = query("  Hello \"big World\" -bad pre* -\"not this\" “so nicht„ ");
    let terms: Vec<_> = query.terms().iter().map(|term| (term.negated, term.filter.clone(), term.at)).collect();
    assert_eq!(
        terms,
        [
            (false, words("hello"), 2),
            (false, words("big world"), 8),
            (true, words("bad"), 20),
            (false, Filter::Text(Phrase::prefix("pre").unwrap()), 25),
            (true, words("not this"), 30),
            (false, words("so nicht"), 42),
        ]
    );
    assert_eq!(query.to_string(), "Hello \"big World\" -bad pre* -\"not this\" “so nicht„");
    assert_eq!(query.without(0), "\"big World\" -bad pre* -\"not this\" “so nicht„");
}

#[test]
fn a_query_that_excludes_what_it_demands_is_contradictory() {
    for text in
        ["foo -FOO", "bar \"a b\" -\"a b\"", "pre* -pre*", "-has:image foo has:image", "pinned:true -pinned:true"]
    {
        assert!(query(text).is_contradictory(), "{text}");
    }
    // A message by another of the authors can match.
    let same = format!("from:{0} from:{1} -from:{0}", "0".repeat(32), "1".repeat(32));
    for text in ["foo -bar", "foo -fo*", "-foo -foo", "foo foo", "has:image -has:video", "in:a in:b -in:a", &same] {
        assert!(!query(text).is_contradictory(), "{text}");
    }
}

#[test]
fn what_is_no_operator_is_text() {
    for text in ["https://example.org/a", "std::vec", "12:30", "他说:你好", ":smile:", "C++:", "a.b:c"] {
        assert_eq!(only(text), words(text), "{text}");
    }
    assert_eq!(only("\"from:x\""), words("from x"));
    assert_eq!(query("rock & roll - ...").terms().len(), 2);
    assert_eq!(query("say\"hi there\"now").terms().len(), 3);
}

#[test]
fn the_longest_query_without_blanks_is_no_longer_when_it_is_written() {
    let text = format!("{}{}", "w".repeat(MAX_CHARACTERS - 45), "\"a\"".repeat(MAX_TERMS - 1));
    let query = query(&text);
    assert_eq!((query.terms().len(), query.to_string()), (MAX_TERMS, text));
    assert_eq!(query.without(1).chars().count(), MAX_CHARACTERS - 2, "a blank in the place of a phrase");
}

#[test]
fn every_operator_has_its_values() {
    let person = Pseudonym::new([0xab; 16]);
    let name = GeneratedName::of(person);
    let hex = person.to_string();
    let pseudonym = PersonRef::Pseudonym(person);
    assert_eq!(only(&format!("from:{hex}")), Filter::From(pseudonym));
    assert_eq!(only(&format!("FROM:{}", hex.to_uppercase())), Filter::From(pseudonym));
    assert_eq!(only(&format!("from:\"{name}\"")), Filter::From(PersonRef::Name(name)));
    assert_eq!(
        only(&format!("mentions:\"@{}\"", name.to_string().to_lowercase())),
        Filter::Mentions(PersonRef::Name(name))
    );
    let slug = |text| Filter::In(ChannelRef::Slug(ChannelSlug::new(text).unwrap()));
    assert_eq!(only("in:general"), slug("general"));
    assert_eq!(only("in:#General"), slug("general"));
    assert_eq!(only("in:Private-talk"), slug("Private-talk"));
    assert_eq!(only("in:日本語"), slug("日本語"));
    assert_eq!(
        only("in:381870553235193857"),
        Filter::In(ChannelRef::Number(Id::new(381_870_553_235_193_857).unwrap()))
    );
    assert!(matches!(only("in:6ba7b810-9dad-51d1-80b4-00c04fd430c8"), Filter::In(ChannelRef::Id(_))));
    assert_eq!(only("in:007"), slug("007"));
    for feature in Feature::ALL {
        assert_eq!(only(&format!("has:{}", feature.as_str())), Filter::Has(feature));
    }
    assert_eq!(only("Has:Snapshot"), Filter::Has(Feature::Forward));
    for kind in AuthorKind::ALL {
        assert_eq!(only(&format!("author:{}", kind.as_str())), Filter::Author(kind));
    }
    assert_eq!(only("pinned:true"), Filter::Pinned(true));
    assert_eq!(only("pinned:false"), Filter::Pinned(false));
    assert_eq!(only("host:Example.ORG"), Filter::Host(HostName::new("example.org").unwrap()));
    assert_eq!(only("ext:.PDF"), Filter::Extension(FileExtension::new("pdf").unwrap()));
    assert!(query("-has:link").terms()[0].negated);
}

#[test]
fn dates_are_half_open_ranges_in_utc() {
    assert_eq!(only("during:2024"), range(Some("2024-01-01"), Some("2025-01-01")));
    assert_eq!(only("during:2024-02"), range(Some("2024-02-01"), Some("2024-03-01")));
    assert_eq!(only("during:2024-12"), range(Some("2024-12-01"), Some("2025-01-01")));
    assert_eq!(only("during:2024-02-29"), range(Some("2024-02-29"), Some("2024-03-01")));
    assert_eq!(only("before:2024-05"), range(None, Some("2024-05-01")));
    assert_eq!(only("after:2024-05"), range(Some("2024-06-01"), None));
    assert_eq!(only("after:2024-12-31"), range(Some("2025-01-01"), None));
    assert_eq!(only("during:9999"), range(Some("9999-01-01"), None));
    let Filter::Sent(never) = only("after:9999") else { panic!() };
    assert!(!never.contains(Timestamp::from_millis(253_402_000_000_000).unwrap()));
    for wrong in ["2023-02-29", "2024-13", "24", "2024-5", "2024-05-1", "0000", "2024-05-01T10:00", "2024/05", "-2024"]
    {
        assert!(format!("during:{wrong}").parse::<SearchQuery>().is_err(), "{wrong}");
    }
}

#[test]
fn errors_name_the_place_and_what_is_expected() {
    let place = |text: &str| {
        let error = error(text);
        (error.at, error.length)
    };
    assert_eq!(place("größe form:x"), (6, 5));
    assert_eq!(
        error("größe form:x").to_string(),
        "unknown operator \"form:\" (did you mean \"from:\"?); to search for the text, put it in quotes (at character 7)"
    );
    assert!(error("xyzzy:1").to_string().contains("expected from:, in:, mentions:"));
    assert_eq!(place("a -has:imgae"), (7, 5));
    assert_eq!(
        error("a -has:imgae").to_string(),
        "\"imgae\" is not a value of \"has:\" (did you mean \"image\"?): expected link, embed, file, image, video, \
         sound, sticker, poll or forward (at character 8)"
    );
    assert_eq!(place("from: x"), (5, 0));
    assert!(error("from: x").to_string().starts_with("\"from:\" has no value: expected a generated name in quotes"));
    assert_eq!(place("from:\"\""), (5, 0));
    assert_eq!(place("ab \"cd"), (3, 3));
    assert_eq!(place("in:\"cd"), (3, 3));
    assert!(error("\"").to_string().contains("not closed"));
    assert_eq!(
        error("ext:tar.gz").problem.to_string(),
        "\"tar.gz\" is not a value of \"ext:\": expected the extension of a file, such as pdf"
    );
    for empty in ["", "   ", "-", "...", "\"\"", "*", "-\"…\""] {
        assert_eq!(error(empty).problem, QueryProblem::Empty, "{empty:?}");
    }
}

#[test]
fn a_misspelt_operator_has_a_suggestion() {
    let suggested = |text: &str| match error(text).problem {
        QueryProblem::UnknownOperator { suggestion, .. } => suggestion,
        other => panic!("{text}: {other:?}"),
    };
    for (text, operator) in [
        ("form:x", Operator::From),
        ("frm:x", Operator::From),
        ("menions:x", Operator::Mentions),
        ("mention:x", Operator::Mentions),
        ("befor:2024", Operator::Before),
        ("dring:2024", Operator::During),
        ("autor:bot", Operator::Author),
        ("hsa:link", Operator::Has),
        ("hots:a.b", Operator::Host),
        ("ext_:a", Operator::Ext),
        ("exts:a", Operator::Ext),
        ("channel:x", Operator::In),
        ("User:x", Operator::From),
        ("pined:true", Operator::Pinned),
    ] {
        assert_eq!(suggested(text), Some(operator), "{text}");
    }
    assert_eq!(suggested("c:drive"), None);
    assert_eq!(suggested(&format!("{}:x", "f".repeat(1_000))), None);
    let values = [("has:images", "image"), ("has:photo", "image"), ("author:human", "person"), ("pinned:yes", "true")];
    for (text, value) in values {
        assert!(error(text).to_string().contains(&format!("did you mean \"{value}\"?")), "{text}");
    }
}

#[test]
fn a_query_is_bounded() {
    let words = |count: usize| {
        (0..count).fold(String::new(), |mut all, at| {
            write!(all, "w{at} ").unwrap();
            all
        })
    };
    assert_eq!(query(&words(MAX_TERMS)).terms().len(), MAX_TERMS);
    let many = error(&format!("{}is:x", words(MAX_TERMS)));
    assert!(matches!(many.problem, QueryProblem::UnknownOperator { .. }), "the first error is reported");
    let many = error(&words(MAX_TERMS + 1));
    assert_eq!((many.problem, many.at, many.length), (QueryProblem::TooManyTerms, 54, 3));
    assert!("語".repeat(MAX_CHARACTERS).parse::<SearchQuery>().is_ok());
    assert_eq!(error(&"語".repeat(MAX_CHARACTERS + 1)).problem, QueryProblem::TooLong);
    assert_eq!(error(&" ".repeat(10_000_000)).at, MAX_CHARACTERS);
}

#[test]
fn hosts_are_in_their_domains() {
    let host = |text: &str| HostName::of_address(text);
    let www = host("https://User@WWW.Example.org:8080/x?y").unwrap();
    assert_eq!(www.as_str(), "www.example.org");
    assert_eq!(www.domains().collect::<Vec<_>>(), ["www.example.org", "example.org", "org"]);
    assert!(www.domains().all(|domain| www.is_in(&HostName::new(domain).unwrap())));
    assert!(!www.is_in(&HostName::new("ample.org").unwrap()));
    assert!(!HostName::new("example.org").unwrap().is_in(&www));
    for wrong in ["https://", "https:///x", "ftp://example.org", "https://[::1]/", "example.org", "http://a..b/"] {
        assert_eq!(host(wrong), None, "{wrong}");
    }
}

#[test]
fn a_set_of_features_contains_what_was_added() {
    let set: FeatureSet = [Feature::Forward, Feature::Link].into_iter().collect();
    assert_eq!(set.iter().collect::<Vec<_>>(), [Feature::Link, Feature::Forward]);
    assert!(!set.contains(Feature::Embed));
}

#[test]
fn extensions_are_the_part_after_the_last_dot() {
    let extension = |name: &str| FileExtension::of_file(name).map(|extension| extension.as_str().to_owned());
    assert_eq!(extension("a.tar.GZ").as_deref(), Some("gz"));
    for none in ["a", ".bashrc", "a.", "a.b c"] {
        assert_eq!(extension(none), None, "{none}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_generated_name_is_read_as_it_is_written(bytes in any::<[u8; 16]>()) {
        let person = Pseudonym::new(bytes);
        let text = person.name().to_string();
        let name: GeneratedName = text.parse().unwrap();
        prop_assert_eq!(name, GeneratedName::of(person));
        prop_assert_eq!(name.to_string(), text.clone());
        prop_assert!(PersonRef::Name(text.to_uppercase().parse().unwrap()).names(person));
    }

    #[test]
    fn any_text_is_a_query_or_an_error_in_it(text in any::<String>(), parts in prop::collection::vec(prop::sample::select(&[
        "from:", "in:", "has:", "link", "\"", "-", "*", " ", "foo", "語", ":", "“", "2024", "during:", "é", "\u{301}",
    ][..]), 0..20)) {
        for text in [text, parts.concat()] {
            match text.parse::<SearchQuery>() {
                Ok(query) => {
                    let again = query.to_string().parse::<SearchQuery>().unwrap();
                    let filters = |query: &SearchQuery| query.terms().iter().map(|term| (term.negated, term.filter.clone())).collect::<Vec<_>>();
                    prop_assert_eq!(filters(&again), filters(&query));
                    prop_assert_eq!(again.to_string(), query.to_string());
                    prop_assert!(query.to_string().chars().count() <= text.chars().count());
                }
                Err(error) => {
                    prop_assert!(error.at + error.length <= text.chars().count(), "{:?}", error);
                    prop_assert!(!error.to_string().is_empty());
                }
            }
        }
    }
}
