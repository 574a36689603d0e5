//! Generated messages in ten languages, generated queries, and a naive index.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use domain::change::ChangePosition;
use domain::channel::ChannelId;
use domain::message::{Author, MessageId};
use domain::pseudonym::{GeneratedName, Pseudonym};
use domain::search::{
    ChannelKeys, ChannelRef, Feature, FeatureSet, FileExtension, Filter, HostName, SearchDocument, SearchQuery,
    SearchText,
};
use domain::slug::ChannelSlug;
use domain::snowflake::Id;
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use ports::search::{
    COUNTED, Candidate, CandidateQuery, Candidates, IndexBatch, IndexPosition, IndexRange, IndexedMessage, SearchIndex,
    SearchScope, SearchSort,
};
use uuid::Uuid;

/// Words of ten languages, and pictures.
const WORDS: [&str; 11] = [
    "the quick brown fox naïve café don't node.js x86 quicker quickest question",
    "Straße STRASSE Fußball groß Maß Öl Fuß",
    "İstanbul ırmak Iğdır şeker çay",
    "Ὀδυσσεύς λόγος λόγου ΛΟΓΟΣ",
    "Ёлка ёлка йод Київ щука щукой",
    "مُحَمَّد محمد أهلا",
    "किताब नमस्ते हिन्दी",
    "สวัสดีครับ ภาษาไทย ที่นี่",
    "中文搜索 東京大学 搜索引擎 我们 京都",
    "とうきょうタワー カタカナ 日本語",
    "한국어 검색 안녕하세요 검색을 👍🏽 🇩🇪",
];

/// Numbers from a seed.
pub(super) struct Numbers(pub(super) u64);

impl Numbers {
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 16) % end as u64).unwrap()
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn word(&mut self) -> String {
        // A few languages are frequent.
        let language = self.below(WORDS.len()).min(self.below(WORDS.len()));
        let words: Vec<&str> = WORDS[language].split(' ').collect();
        let word = words[self.below(words.len())];
        if self.one_in(8) { format!("{word}{}", self.below(100)) } else { word.to_owned() }
    }

    fn text(&mut self) -> String {
        let separators = [" ", " ", " ", ", ", "", "-"];
        (0..self.below(9)).map(|_| self.word() + separators[self.below(separators.len())]).collect()
    }
}

pub(super) const TENANT: TenantId = TenantId(Uuid::from_u128(1));

pub(super) fn channel(number: u64) -> ChannelKeys {
    let slug = ChannelSlug::new(&format!("channel-{number}")).unwrap();
    ChannelKeys {
        id: ChannelId(Uuid::from_u64_pair(7, number * 977 % 100)),
        platform_id: Id::new(number).unwrap(),
        slug,
    }
}

fn person(number: usize) -> Pseudonym {
    Pseudonym::new([u8::try_from(number).unwrap(); 16])
}

/// A time, as a message's id: an hour later for each unit.
pub(super) fn id(hours: u64) -> MessageId {
    let start: Timestamp = "2024-02-27T00:00:00Z".parse().unwrap();
    let at = Timestamp::from_millis(start.as_millis() + i64::try_from(hours).unwrap() * 3_600_000).unwrap();
    MessageId::first_at(at)
}

pub(super) fn position(number: u64) -> IndexPosition {
    IndexPosition {
        changes: ChangePosition::from_text(format!("epoch.{number}")),
        as_of: Timestamp::from_millis(i64::try_from(number).unwrap()).unwrap(),
    }
}

/// Returns a message of channel 1 to 4 or of a thread, 11 to 14, whose parent is the channel. Thread 13 is private.
pub(super) fn message(numbers: &mut Numbers, id: MessageId, of: u64) -> IndexedMessage {
    let parent = (of > 10).then(|| channel(of - 10));
    let extensions = ["pdf", "png", "tar"];
    let hosts = ["example.org", "www.example.org", "другой.example"];
    let pick = |numbers: &mut Numbers, all: &[&'static str]| {
        all.iter().filter(|_| numbers.one_in(4)).copied().collect::<Vec<_>>()
    };
    let document = SearchDocument {
        channel: channel(of),
        parent: parent.clone(),
        author: Author { pseudonym: person(numbers.below(5)), bot: numbers.one_in(4), webhook: numbers.one_in(8) },
        mentions: (0..5).filter(|_| numbers.one_in(6)).map(person).collect(),
        sent_at: id.created_at(),
        pinned: numbers.one_in(6),
        features: Feature::ALL.into_iter().filter(|_| numbers.one_in(4)).collect::<FeatureSet>(),
        hosts: pick(numbers, &hosts).into_iter().filter_map(HostName::new).collect(),
        extensions: pick(numbers, &extensions).into_iter().filter_map(FileExtension::new).collect(),
        texts: (0..=numbers.below(3)).map(|_| SearchText::plain(&numbers.text())).collect(),
    };
    let root = (of != 13).then(|| parent.map_or(channel(of).id, |parent| parent.id));
    IndexedMessage { id, document, root, shown: !numbers.one_in(10) }
}

pub(super) const CHANNELS: [u64; 8] = [1, 2, 3, 4, 11, 12, 13, 14];

/// Returns a query of one to four terms that some documents match.
pub(super) fn query(numbers: &mut Numbers) -> SearchQuery {
    loop {
        let terms: Vec<String> = (0..=numbers.below(3)).map(|_| term(numbers)).collect();
        if let Ok(query) = terms.join(" ").parse() {
            return query;
        }
    }
}

fn term(numbers: &mut Numbers) -> String {
    let negated = if numbers.one_in(5) { "-" } else { "" };
    let part = |numbers: &mut Numbers, word: &str| {
        let chars: Vec<char> = word.chars().collect();
        let from = numbers.below(chars.len());
        let length = 1 + numbers.below(chars.len() - from);
        chars[from..from + length].iter().collect::<String>()
    };
    let word = numbers.word();
    let term = match numbers.below(22) {
        0..=4 => word,
        5 | 6 => part(numbers, &word),
        7 => format!("{}*", word.chars().take(1 + numbers.below(3)).collect::<String>()),
        8 | 9 => format!("\"{word} {}\"", numbers.word()),
        10 => {
            let next = numbers.word();
            format!("\"{word} {}\"", part(numbers, &next))
        }
        // A phrase whose last word goes on.
        11 => format!("{word}-{}*", numbers.word().chars().take(1).collect::<String>()),
        12 => format!("from:{}", person(numbers.below(5))),
        13 => format!("from:\"{}\"", GeneratedName::of(person(numbers.below(5)))),
        14 => format!("mentions:\"{}\"", GeneratedName::of(person(numbers.below(5)))),
        15 => format!("in:channel-{}", CHANNELS[numbers.below(8)]),
        16 => format!("in:{}", channel(CHANNELS[numbers.below(8)]).id),
        17 => format!("has:{}", Feature::ALL[numbers.below(9)].as_str()),
        18 => format!("{}:2024-0{}", ["before", "after", "during"][numbers.below(3)], 2 + numbers.below(3)),
        19 => format!("during:2024-02-2{}", 7 + numbers.below(3)),
        20 => ["pinned:true", "pinned:false", "author:bot", "author:person", "author:webhook"][numbers.below(5)]
            .to_owned(),
        _ => ["host:example.org", "host:www.example.org", "host:example", "ext:pdf", "ext:tar"][numbers.below(5)]
            .to_owned(),
    };
    format!("{negated}{term}")
}

/// The naive index: every message is compared with the query.
#[derive(Default)]
pub(super) struct Model(pub(super) BTreeMap<(MessageId, ChannelId), IndexedMessage>);

impl Model {
    pub(super) fn apply(&mut self, batch: &IndexBatch) {
        for range in &batch.delete {
            self.0.retain(|(id, channel), _| match range {
                IndexRange::Channel(all) => channel != all,
                IndexRange::Interval(of, interval) => channel != of || !interval.contains(*id),
            });
        }
        for message in &batch.put {
            self.0.insert((message.id, message.document.channel.id), message.clone());
        }
    }

    /// Returns the keys of the messages that match, ascending.
    pub(super) fn matches(&self, request: &CandidateQuery) -> Vec<(MessageId, ChannelId)> {
        let in_scope = |message: &IndexedMessage| match &request.scope {
            SearchScope::All => true,
            SearchScope::Channels(roots) => message.shown && message.root.is_some_and(|root| roots.contains(&root)),
        };
        let within = |message: &IndexedMessage| {
            let document = &message.document;
            let parent = document.parent.as_ref().map(|parent| parent.id);
            request.within.is_none_or(|channel| document.channel.id == channel || parent == Some(channel))
        };
        let is_match =
            |message: &IndexedMessage| in_scope(message) && within(message) && request.query.matches(&message.document);
        self.0.iter().filter(|(_, message)| is_match(message)).map(|(key, _)| *key).collect()
    }
}

/// Returns a request for the first page.
pub(super) fn request(query: SearchQuery, sort: SearchSort, limit: usize) -> CandidateQuery {
    let mut channels: HashMap<ChannelRef, Vec<ChannelId>> = HashMap::new();
    for term in query.terms() {
        if let Filter::In(reference) = &term.filter {
            let keys = CHANNELS.into_iter().map(channel).filter(|keys| keys.is_named_by(reference));
            channels.insert(reference.clone(), keys.map(|keys| keys.id).collect());
        }
    }
    CandidateQuery {
        query,
        channels,
        scope: SearchScope::All,
        within: None,
        sort,
        after: None,
        limit,
        is_counted: true,
        time: Duration::from_mins(10),
    }
}

/// Reads all pages of a request.
pub(super) async fn all(index: &dyn SearchIndex, mut request: CandidateQuery) -> (Vec<Candidate>, Candidates) {
    let mut items: Vec<Candidate> = Vec::new();
    loop {
        let page = index.find(TENANT, request.clone()).await.unwrap();
        assert!(page.items.len() <= request.limit, "{request:?}");
        assert!(page.items.len() == request.limit || !page.more, "a short page has no next one: {request:?}");
        items.extend(&page.items);
        if !page.more {
            return (items, page);
        }
        request.after = page.items.last().copied();
    }
}

/// Compares all pages of a request with the model.
pub(super) async fn compare(index: &dyn SearchIndex, model: &Model, request: CandidateQuery) {
    let (items, last) = all(index, request.clone()).await;
    let found: Vec<(MessageId, ChannelId)> = items.iter().map(|item| (item.id, item.channel)).collect();
    let unique: HashSet<_> = found.iter().collect();
    assert_eq!(unique.len(), found.len(), "repeated: {request:?}");
    let in_order = items.windows(2).all(|pair| {
        let (a, b) = (pair[0], pair[1]);
        match request.sort {
            SearchSort::Oldest => (a.id, a.channel) < (b.id, b.channel),
            SearchSort::Newest => (b.id, a.channel) < (a.id, b.channel),
            SearchSort::Relevance => (b.score, b.id, a.channel) < (a.score, a.id, b.channel),
        }
    });
    assert!(in_order, "{request:?}: {items:?}");
    let expected = model.matches(&request);
    let missing: Vec<_> = expected.iter().filter(|key| !unique.contains(key)).collect();
    assert!(missing.is_empty(), "{}: {missing:?} of {} are missing", request.query, expected.len());
    if last.exact {
        assert_eq!(found.len(), expected.len(), "{} finds too many", request.query);
        assert_eq!(last.total, (expected.len() as u64).min(COUNTED), "{}", request.query);
    }
}
