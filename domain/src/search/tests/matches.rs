use proptest::prelude::*;

use super::model::{contains, index_finds, text};
use crate::channel::ChannelId;
use crate::message::Author;
use crate::pseudonym::Pseudonym;
use crate::search::{
    AuthorKind, ChannelKeys, Feature, FeatureSet, FileExtension, Filter, Highlight, HostName, Phrase, SearchDocument,
    SearchQuery, SearchText,
};
use crate::slug::ChannelSlug;
use crate::snowflake::Id;
use crate::timestamp::Timestamp;

const WORDS: [&str; 16] = [
    "quick",
    "Über",
    "naïve",
    "Straße",
    "İstanbul",
    "λόγος",
    "Ёлка",
    "محمد",
    "שלום",
    "नमस्ते",
    "ภาษาไทย",
    "搜索引擎",
    "タワー",
    "검색을",
    "👍🏽",
    "2024",
];

fn person(number: u8) -> Pseudonym {
    Pseudonym::new([number; 16])
}

fn channel(number: u64, slug: &str) -> ChannelKeys {
    let id = ChannelId(uuid::Uuid::from_u64_pair(7, number));
    ChannelKeys { id, platform_id: Id::new(number).unwrap(), slug: ChannelSlug::new(slug).unwrap() }
}

fn document(texts: &[&str]) -> SearchDocument {
    SearchDocument {
        channel: channel(20, "thread"),
        parent: Some(channel(10, "general")),
        author: Author { pseudonym: person(1), bot: false, webhook: false },
        mentions: vec![person(2)],
        sent_at: "2024-05-17T12:00:00Z".parse().unwrap(),
        pinned: false,
        features: FeatureSet::default(),
        hosts: Vec::new(),
        extensions: Vec::new(),
        texts: texts.iter().map(|text| SearchText::plain(text)).collect(),
    }
}

fn query(text: &str) -> SearchQuery {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn finds(text: &str, document: &SearchDocument) -> bool {
    query(text).matches(document)
}

fn marked(text: &str, shown: &str) -> String {
    let chars: Vec<char> = shown.chars().collect();
    let mut all = String::new();
    let mut at = 0;
    for Highlight { from, to } in query(text).highlights(shown) {
        all.extend(&chars[at..from]);
        all.push('[');
        all.extend(&chars[from..to]);
        all.push(']');
        at = to;
    }
    all.extend(&chars[at..]);
    all
}

#[test]
fn all_terms_must_match_in_any_of_the_texts() {
    let document = document(&["The quick fox", "東京タワー"]);
    for found in ["quick", "QUICK 京タ", "\"quick fox\"", "qui*", "-dog", "quick -\"fox quick\"", "ー"] {
        assert!(finds(found, &document), "{found}");
    }
    for absent in ["quic", "quick dog", "\"fox quick\"", "-fox", "\"fox 東京\"", "京ワ", "ick*"] {
        assert!(!finds(absent, &document), "{absent}");
    }
}

#[test]
fn a_phrase_does_not_reach_into_the_next_text() {
    let document = document(&["one two", "", "東", "京 three"]);
    let tokens = document.tokens();
    for absent in ["two 東", "東京", "東 京", "one three"] {
        assert!(!finds(&format!("\"{absent}\""), &document), "{absent}");
        assert!(!index_finds(&tokens, &Phrase::new(absent).unwrap()), "{absent}");
    }
    let positions: Vec<u32> = tokens.iter().map(|token| token.position).collect();
    assert_eq!(positions, [0, 1, 3, 5, 6]);
}

#[test]
fn every_language_is_found() {
    for (text, found, absent) in [
        ("Un café très cher", &["CAFE", "tres", "\"café très\"", "ch*"][..], &["caf", "café cheri"][..]),
        ("Große Straße in Łódź", &["GROSSE", "strasse", "STRAẞE", "lodz"], &["stras", "gros"]),
        ("İstanbul'da ırmak", &["istanbul", "ISTANBUL", "IRMAK", "da"], &["tanbul"]),
        ("Ο Οδυσσέας είπε", &["ΟΔΥΣΣΕΑΣ", "οδυσσεας", "ειπε"], &["δυσσέας"]),
        ("Съешь ещё этих булок", &["ЕЩЕ", "ещё", "булок", "бул*"], &["було"]),
        ("قال مُحَمَّد أهلاً", &["محمد", "اهلا", "قا*"], &["حمد"]),
        ("שָׁלוֹם עולם", &["שלום", "\"שלום עולם\""], &["שלו"]),
        ("मुझे हिन्दी आती है", &["हिन्दी", "हिन्*"], &["हिन", "हन्दी"]),
        ("ฉันรักภาษาไทยมาก", &["ภาษา", "ไทย", "ษ", "รักภาษาไทย"], &["ไทยรัก", "ภษา"]),
        ("我喜欢搜索引擎。好", &["搜", "搜索", "索引", "喜欢搜索引擎", "\"擎 好\""], &["索搜", "擎好", "我搜"]),
        ("東京タワーへ行きたい", &["タワー", "ﾀﾜｰ", "京タ", "へ", "い"], &["タワ行", "京都"]),
        ("안녕하세요 검색을 합니다", &["안녕", "녕하", "검색", "을", "\u{1100}\u{1165}\u{11b7}색"], &["검을", "요검"]),
    ] {
        let document = document(&[text]);
        for wanted in found {
            assert!(finds(wanted, &document), "{wanted} in {text}");
        }
        for wanted in absent {
            assert!(!finds(wanted, &document), "{wanted} not in {text}");
        }
    }
}

#[test]
fn repeated_from_and_in_are_alternatives_and_negated_ones_are_not() {
    let document = document(&["hi"]);
    let (own, other) = (person(1), person(3));
    let name = own.name();
    for found in [
        format!("from:{own}"),
        format!("from:{other} from:{own}"),
        format!("from:\"{name}\" hi"),
        format!("-from:{other}"),
        format!("from:{own} -from:{other}"),
        "in:general in:nowhere".to_owned(),
        "in:thread".to_owned(),
        "in:10".to_owned(),
        format!("in:{}", document.channel.id),
        format!("mentions:{}", person(2)),
    ] {
        assert!(finds(&found, &document), "{found}");
    }
    for absent in [
        format!("from:{other}"),
        format!("from:{other} in:general"),
        format!("-from:{own}"),
        format!("-from:{other} -from:{own}"),
        format!("from:{own} -from:\"{name}\""),
        format!("in:nowhere from:{own}"),
        "in:thread -in:general".to_owned(),
        format!("mentions:{own}"),
    ] {
        assert!(!finds(&absent, &document), "{absent}");
    }
}

#[test]
fn filters_ask_for_what_a_message_is() {
    let mut document = document(&[""]);
    document.features = [Feature::Link, Feature::Image].into_iter().collect();
    document.hosts = vec![HostName::new("www.example.org").unwrap()];
    document.extensions = vec![FileExtension::new("png").unwrap()];
    document.pinned = true;
    for found in [
        "has:link has:image",
        "-has:poll",
        "host:example.org",
        "host:www.example.org",
        "ext:PNG",
        "pinned:true",
        "-pinned:false",
        "author:person",
        "-author:bot",
        "during:2024-05",
        "during:2024-05-17",
        "before:2024-05-18",
        "after:2024-05-16",
        "-before:2024-05-17",
        "-during:2023",
        "after:2023 before:2025",
    ] {
        assert!(finds(found, &document), "{found}");
    }
    for absent in [
        "has:poll",
        "-has:link",
        "host:ample.org",
        "-host:org",
        "ext:jpg",
        "-pinned:true",
        "pinned:false",
        "author:bot",
        "before:2024-05-17",
        "after:2024-05-17",
        "after:2024",
        "-during:2024",
    ] {
        assert!(!finds(absent, &document), "{absent}");
    }
    document.author.bot = true;
    assert!(finds("author:bot -author:webhook", &document));
    document.author.webhook = true;
    assert!(finds("author:webhook -author:bot -author:person", &document));
}

#[test]
fn the_ends_of_a_range_are_exact() {
    let mut document = document(&[""]);
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    for (sent, during, after) in [
        ("2024-04-30T23:59:59.999Z", false, false),
        ("2024-05-01T00:00:00.000Z", true, false),
        ("2024-05-31T23:59:59.999Z", true, false),
        ("2024-06-01T00:00:00.000Z", false, true),
    ] {
        document.sent_at = at(sent);
        assert_eq!(finds("during:2024-05", &document), during, "{sent}");
        assert_eq!(finds("after:2024-05", &document), after, "{sent}");
        assert_eq!(finds("before:2024-05", &document), !during && !after, "{sent}");
    }
}

#[test]
fn highlights_are_code_points_of_the_text() {
    for (text, shown, expected) in [
        ("uber", "Die Über-U\u{308}ber", "Die [Über]-[U\u{308}ber]"),
        ("strasse", "Straße STRASSE", "[Straße] [STRASSE]"),
        ("京", "東京京都", "東[京京]都"),
        ("東京 京都", "東京都", "[東京都]"),
        ("\"quick fox\"", "quick, fox quick", "[quick, fox] quick"),
        ("pre*", "prefix Präfix presto", "[prefix] Präfix [presto]"),
        ("เที่", "ไปเที่ยว", "ไป[เที่]ยว"),
        ("fi", "\u{fb01} ﬁn", "[\u{fb01}] ﬁn"),
        ("s* -quick", "quick Straße", "quick [Straße]"),
        ("has:link quick", "Quick", "[Quick]"),
        ("ไป กว", "ああ", "ああ"),
        ("ああ", "ああああ い あ", "[ああああ] い あ"),
        ("👍", "a👍🏽b", "a[👍]🏽b"),
        ("\"a b\" \"b c\"", "a b c", "[a b c]"),
    ] {
        assert_eq!(marked(text, shown), expected, "{text}");
    }
}

#[test]
fn a_hostile_text_is_searched_in_one_go() {
    let long = "あ".repeat(60_000);
    let wanted = format!("{}い", "あ".repeat(1_000));
    assert!(!finds(&wanted, &document(&[&long])));
    assert_eq!(query(&"あ".repeat(1_000)).highlights(&long), [Highlight { from: 0, to: 60_000 }]);
}

#[derive(Debug, Clone)]
enum Wanted {
    Text { text: String, is_prefix: bool },
    Other(String),
}

fn wanted() -> impl Strategy<Value = (bool, Wanted)> {
    let quoted = prop_oneof![text(), prop::sample::select(&WORDS[..]).prop_map(str::to_owned)];
    let quoted = quoted.prop_map(|text| text.chars().filter(|char| *char != '"').take(40).collect());
    let words = prop::sample::select(&WORDS[..]).prop_flat_map(|word| {
        let length = word.chars().count();
        (Just(word), 1..=length, any::<bool>(), any::<bool>()).prop_map(|(word, length, is_prefix, upper)| {
            let part: String = word.chars().take(length).collect();
            Wanted::Text { text: if upper { part.to_uppercase() } else { part }, is_prefix }
        })
    });
    let others = [
        "has:link",
        "has:file",
        "author:bot",
        "author:person",
        "pinned:true",
        "during:2024",
        "before:2024-05-17",
        "after:2024-05",
        "host:example.org",
        "ext:png",
        "in:general",
        "in:thread",
        "in:other",
    ];
    let people = (prop::sample::select(&["from", "mentions"][..]), 0..4_u8)
        .prop_map(|(operator, number)| Wanted::Other(format!("{operator}:{}", person(number))));
    let one = prop_oneof![
        2 => few_words().prop_map(|text| Wanted::Text { text, is_prefix: false }),
        2 => quoted.prop_map(|text| Wanted::Text { text, is_prefix: false }),
        4 => words,
        2 => prop::sample::select(others.to_vec()).prop_map(|text| Wanted::Other(text.to_owned())),
        2 => people,
    ];
    (prop::bool::weighted(0.25), one)
}

/// A text of so few different words that phrases of them are often in it, and often only across two texts.
fn few_words() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(&["Über", "straße", "搜索"][..]), 1..4).prop_map(|words| words.join(" "))
}

fn documents() -> impl Strategy<Value = SearchDocument> {
    let words = prop::collection::vec(prop::sample::select(&WORDS[..]), 0..6).prop_map(|words| words.join(" "));
    let texts = prop::collection::vec(prop_oneof![text(), words, few_words()], 1..4);
    let times = prop::sample::select(&["2024-05-16T23:59:59.999Z", "2024-05-17T00:00:00Z", "2024-06-01T00:00:00Z"][..]);
    (texts, 0..4_u8, 0..4_u8, any::<[bool; 6]>(), times).prop_map(|(texts, author, mentioned, flags, time)| {
        let [bot, webhook, pinned, link, file, threaded] = flags;
        let mut features = FeatureSet::default();
        let mut all = document(&texts.iter().map(String::as_str).collect::<Vec<_>>());
        if link {
            features.insert(Feature::Link);
            all.hosts.extend(HostName::new("a.example.org"));
        }
        if file {
            features.insert(Feature::File);
            all.extensions.extend(FileExtension::new("png"));
        }
        all.parent = all.parent.filter(|_| threaded);
        let author = Author { pseudonym: person(author), bot, webhook };
        SearchDocument {
            author,
            mentions: vec![person(mentioned)],
            pinned,
            features,
            sent_at: time.parse().unwrap(),
            ..all
        }
    })
}

/// The same questions, asked one by one.
fn expected(document: &SearchDocument, negated: bool, wanted: &Wanted) -> bool {
    let found = match wanted {
        Wanted::Text { text, is_prefix } => document.texts.iter().any(|one| contains(one.as_str(), text, *is_prefix)),
        Wanted::Other(text) => {
            let (operator, value) = text.split_once(':').unwrap();
            let time = |day: &str| format!("{day}T00:00:00Z").parse::<Timestamp>().unwrap();
            match (operator, value) {
                ("from", who) => document.author.pseudonym.to_string() == who,
                ("mentions", who) => document.mentions.iter().any(|one| one.to_string() == who),
                ("has", "link") | ("host", _) => !document.hosts.is_empty(),
                ("has" | "ext", _) => !document.extensions.is_empty(),
                ("author", "bot") => document.author.bot && !document.author.webhook,
                ("author", _) => AuthorKind::of(&document.author) == AuthorKind::Person,
                ("pinned", _) => document.pinned,
                ("during", _) => true,
                ("before", _) => document.sent_at < time("2024-05-17"),
                ("after", _) => document.sent_at >= time("2024-06-01"),
                ("in", "general") => document.parent.is_some(),
                ("in", slug) => slug == "thread",
                other => panic!("{other:?}"),
            }
        }
    };
    found != negated
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_query_matches_what_its_terms_say(document in documents(), terms in prop::collection::vec(wanted(), 1..5)) {
        // A text without a letter is no term.
        let says = |wanted: &Wanted| match wanted {
            Wanted::Text { text, .. } => Phrase::new(text).is_some(),
            Wanted::Other(_) => true,
        };
        let terms: Vec<_> = terms.into_iter().filter(|(_, wanted)| says(wanted)).collect();
        if terms.is_empty() {
            return Ok(());
        }
        let written: Vec<String> = terms.iter().map(|(negated, wanted)| {
            let minus = if *negated { "-" } else { "" };
            match wanted {
                Wanted::Text { text, is_prefix: true } => format!("{minus}{text}*"),
                Wanted::Text { text, is_prefix: false } => format!("{minus}\"{text}\""),
                Wanted::Other(text) => format!("{minus}{text}"),
            }
        }).collect();
        let group = |(negated, wanted): &(bool, Wanted)| match wanted {
            Wanted::Other(text) if !negated => text.split_once(':').map(|(name, _)| name.to_owned()).filter(|name| name == "in" || name == "from"),
            _ => None,
        };
        let all = terms.iter().all(|term| match group(term) {
            None => expected(&document, term.0, &term.1),
            some => terms.iter().any(|other| group(other) == some && expected(&document, other.0, &other.1)),
        });
        let query = query(&written.join(" "));
        prop_assert_eq!(query.matches(&document), all, "{} in {:?}", query, document);
        // An index that has only the tokens agrees on every term with text.
        let tokens = document.tokens();
        for term in query.terms() {
            if let Filter::Text(phrase) = &term.filter {
                let alone: SearchQuery = term.source.trim_start_matches('-').parse().unwrap();
                prop_assert_eq!(index_finds(&tokens, phrase), alone.matches(&document), "{} in {:?}", term.source, document);
            }
        }
    }

    #[test]
    fn a_text_has_highlights_if_and_only_if_it_contains_a_phrase(document in documents(), terms in prop::collection::vec(wanted(), 1..4)) {
        let written: Vec<String> = terms.iter().filter_map(|(_, wanted)| match wanted {
            Wanted::Text { text, is_prefix } => Some(if *is_prefix { format!("{text}*") } else { format!("\"{text}\"") }),
            Wanted::Other(_) => None,
        }).collect();
        let Ok(query) = written.join(" ").parse::<SearchQuery>() else { return Ok(()) };
        for text in &document.texts {
            let parts = query.highlights(text.as_str());
            let alone = SearchDocument { texts: vec![text.clone()], ..document.clone() };
            let any = query.terms().iter().any(|term| term.source.parse::<SearchQuery>().unwrap().matches(&alone));
            prop_assert_eq!(!parts.is_empty(), any, "{} in {:?}", query, text);
            let length = text.as_str().chars().count();
            prop_assert!(parts.iter().all(|part| part.from < part.to && part.to <= length));
            prop_assert!(parts.windows(2).all(|pair| pair[0].to < pair[1].from));
            prop_assert_eq!(text.in_raw(&parts), parts, "a plain text is its own raw text");
        }
    }
}
