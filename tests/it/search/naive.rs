//! Every query against a naive search, which compares each stored message with it.

use std::collections::BTreeSet;
use std::sync::Arc;

use app_core::browse::Audience;
use app_core::search::SearchRequest;
use domain::channel::{Channel, ChannelId, ChannelKind};
use domain::coverage::Interval;
use domain::message::{Message, MessageId, MessageKind};
use domain::page::MessagePage;
use domain::search::{SearchDocument, SearchPlace};
use domain::tenant::Tenant;
use domain::visibility::Visibility;
use ports::search::SearchSort;
use ports::store::Store;

use super::{World, cases, create, public, request};
use crate::contract::fixture::{at, channel, id, message, put, tenant, thread, upsert};

cases![the_pages_of_every_query_are_those_of_a_naive_search,];

/// Numbers from a seed.
pub(super) struct Numbers(pub(super) u64);

impl Numbers {
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % end
    }

    pub(super) fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[usize::try_from(self.below(all.len() as u64)).unwrap()]
    }
}

const WORDS: [&str; 20] = [
    "quick",
    "Naïve café",
    "Straße",
    "FUSSBALL",
    "İstanbul",
    "λόγος",
    "Ёлка",
    "محمد",
    "שלום",
    "किताब",
    "ภาษาไทย",
    "搜索引擎",
    "東京大学",
    "タワー",
    "한국어 검색",
    "👍🏽",
    "https://example.org/x",
    "<@07070707070707070707070707070707>",
    "**bold** text",
    "quicker",
];

const QUERIES: [&str; 26] = [
    "quick",
    "quick*",
    "-quick",
    "cafe",
    "strasse",
    "fußball",
    "istanbul",
    "λογοσ",
    "елка",
    "محمد",
    "שלום",
    "किताब",
    "ไทย",
    "搜索",
    "京",
    "タワー",
    "검색",
    "👍",
    "has:link",
    "host:example.org",
    "\"bold text\"",
    "\"東京 quick\"",
    "-has:link quick",
    "in:channel-2",
    "during:2015-01",
    "mentions:07070707070707070707070707070707 quick",
];

/// The naive search: every stored message is compared with the query.
async fn expected(
    store: &dyn Store,
    tenant: &Tenant,
    channels: &[Channel],
    audience: Audience,
    request: &SearchRequest,
) -> Vec<(MessageId, ChannelId)> {
    let mut read = store.read().await.unwrap();
    let mut matches = Vec::new();
    for channel in channels {
        let Some(channel) = read.channels().find(channel.id).await.unwrap() else { continue };
        let parent = match channel.parent_id {
            Some(id) => read.channels().find(id).await.unwrap(),
            None => None,
        };
        if audience == Audience::Public && !channel.is_public(parent.as_ref()) {
            continue;
        }
        let limit = request.channel.as_ref();
        let is = |channel: &Channel| limit.is_none_or(|limit| channel.slug.as_str() == limit);
        if !is(&channel) && !parent.as_ref().is_some_and(is) {
            continue;
        }
        for stored in read.messages().list_stored(channel.id, None, 1_000).await.unwrap() {
            let hidden = audience == Audience::Public && !stored.message.kind.is_shown();
            if stored.is_deleted() || hidden {
                continue;
            }
            let started = read.channels().find(ChannelId::of(tenant.id, stored.message.id.cast())).await.unwrap();
            let is_open =
                |thread: &Channel| thread.parent_id == Some(channel.id) && thread.visibility == Visibility::Public;
            let thread = started.filter(is_open);
            let parent = parent.as_ref().filter(|_| channel.kind.is_thread());
            let place = SearchPlace { channel: &channel, parent, thread: thread.as_ref() };
            if request.query.matches(&SearchDocument::new(&stored.message, place)) {
                matches.push((stored.message.id, channel.id));
            }
        }
    }
    matches.sort_unstable();
    matches
}

fn written(numbers: &mut Numbers, of: &Channel, raw: u64, observed_at: i64) -> Message {
    let text: Vec<&str> = (0..numbers.below(5)).map(|_| numbers.of(&WORDS)).collect();
    let mut message =
        message(of, raw, &text.join([" ", ", ", ""][usize::try_from(numbers.below(3)).unwrap()]), observed_at);
    if numbers.below(9) == 0 {
        message.kind = MessageKind(99);
    }
    message
}

async fn the_pages_of_every_query_are_those_of_a_naive_search(store: Arc<dyn Store>) {
    let mut world = World::new(store);
    let of = tenant();
    let mut channels: Vec<Channel> = (1..=3).map(|raw| public(channel(&of, raw, ChannelKind::TEXT))).collect();
    channels.push(channel(&of, 4, ChannelKind::TEXT));
    channels.push(thread(&channels[0], 40));
    channels.push(Channel { kind: ChannelKind::PRIVATE_THREAD, ..thread(&channels[0], 60) });
    let tenant = create(&*world.store, &channels.iter().collect::<Vec<_>>()).await;
    let mut numbers = Numbers(0x5eed);
    for step in 1..=10_i64 {
        for _ in 0..=numbers.below(2) {
            let here = channels[usize::try_from(numbers.below(channels.len() as u64)).unwrap()].clone();
            let low = (1 + numbers.below(300)) << 22;
            let ids: BTreeSet<u64> = (0..numbers.below(60)).map(|_| low + (numbers.below(100) << 22)).collect();
            // A thread's opener is in two channels.
            let interval = Interval::new(id(low), id(low + (100 << 22))).filter(|_| numbers.below(2) == 0);
            let opener = interval.is_none().then_some(40);
            let ids = opener.into_iter().chain(ids);
            let messages = ids.map(|raw| written(&mut numbers, &here, raw, step)).collect();
            let page = MessagePage::new(interval, at(step), messages).unwrap();
            put(&*world.store, &here, &page).await;
        }
        if numbers.below(2) == 0 {
            let at = usize::try_from(numbers.below(3)).unwrap();
            let stored = world.store.read().await.unwrap().channels().find(channels[at].id).await.unwrap();
            let mut changed = stored.unwrap();
            changed.visibility =
                if changed.visibility == Visibility::Public { Visibility::Private } else { Visibility::Public };
            changed.observed_at = Some(crate::contract::fixture::at(step + 100));
            upsert(&*world.store, &[&changed]).await;
        }
        if step == 5 {
            world = world.restarted();
        }
        world.indexer.settle().await.unwrap();
        for query in QUERIES {
            let audience = if numbers.below(2) == 0 { Audience::Public } else { Audience::Admin };
            let sort = [SearchSort::Newest, SearchSort::Oldest, SearchSort::Relevance]
                [usize::try_from(numbers.below(3)).unwrap()];
            let limit = [1, 3, 25, 50][usize::try_from(numbers.below(4)).unwrap()];
            let channel =
                (numbers.below(6) == 0).then(|| channels[3].slug.to_string()).filter(|_| audience == Audience::Admin);
            let request = SearchRequest { sort, limit, channel, ..request(query) };
            let wanted = expected(&*world.store, &tenant, &channels, audience, &request).await;
            let found = world.all(&tenant, audience, request.clone()).await;
            let in_order = found.windows(2).all(|pair| match sort {
                SearchSort::Newest => (pair[1].0, pair[0].1) < (pair[0].0, pair[1].1),
                SearchSort::Oldest => (pair[0].0, pair[0].1) < (pair[1].0, pair[1].1),
                SearchSort::Relevance => pair[0].2.score >= pair[1].2.score,
            });
            assert!(in_order, "{query}");
            let mut found: Vec<_> = found.into_iter().map(|(id, channel, _)| (id, channel)).collect();
            found.sort_unstable();
            assert_eq!(found, wanted, "step {step}: {query} {audience:?} {sort:?}");
        }
    }
}
