//! Exports of one channel in any order: the archive must end up equal to a simple model.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use adapter_sqlite::SqliteStore;
use domain::channel::ChannelId;
use domain::message::MessageId;
use domain::tenant::{Platform, PlatformId, TenantId};
use ports::store::Store;
use serde_json::{Value, json};

use crate::program::Installation;
use crate::server::Database;

/// The number of orders.
const ORDERS: u64 = 20;
/// The number of messages in the channel at the time of the latest export.
const MESSAGES: u64 = 3_000;
const CHANNEL: &str = "810000000000001011";
/// The time at which the first message was sent, in milliseconds of Discord's epoch.
const FIRST: u64 = 1_704_067_200_000 - 1_420_070_400_000;

/// `SplitMix64`: the same numbers for the same seed, on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap()
    }
}

/// The id of a message: one a minute.
fn id(number: u64) -> u64 {
    (FIRST + number * 60_000) << 22
}

fn sent_at(number: u64) -> String {
    let minutes = number % 60;
    format!("2024-01-{:02}T{:02}:{minutes:02}:00+00:00", 1 + number / 1_440, number / 60 % 24)
}

/// Returns whether a message is in the channel in this month of 2026: messages are added and deleted.
fn exists(number: u64, month: u64) -> bool {
    let is_gone = number % 11 == 3 && month >= 4 || number % 13 == 5 && month >= 6;
    number < MESSAGES - (8 - month) * 100 && !is_gone
}

/// Returns the number of edits of a message, and the month of the last one.
fn edits(number: u64, month: u64) -> (u64, Option<u64>) {
    let edits = if number.is_multiple_of(4) { (month + number % 5) / 3 } else { 0 };
    (edits, (edits > 0).then(|| (3 * edits).saturating_sub(number % 5).max(1)))
}

fn text(number: u64, month: u64) -> String {
    format!("message {number}, edited {} times", edits(number, month).0)
}

fn message(number: u64, month: u64) -> String {
    let edited_at = edits(number, month).1.map(|month| format!("2026-{month:02}-01T00:00:00+00:00"));
    json!({"id": id(number).to_string(), "type": "Default", "timestamp": sent_at(number), "timestampEdited": edited_at,
        "content": text(number, month), "attachments": [], "embeds": [], "reactions": [], "mentions": [],
        "author": {"id": "810000000000000777", "name": "ada", "nickname": "Ada"}})
    .to_string()
}

/// One file of an export that was created on the first of a month.
#[derive(Clone)]
struct File {
    name: String,
    month: u64,
    /// The last message before its range, if the range starts after one.
    after: Option<u64>,
    has_range: bool,
    shown: BTreeSet<u64>,
    text: String,
}

impl File {
    fn new(name: &str, month: u64, is_in: impl Fn(u64) -> bool) -> Self {
        let shown: BTreeSet<u64> = (0..MESSAGES).filter(|number| exists(*number, month) && is_in(*number)).collect();
        let text = shown.iter().map(|number| message(*number, month)).collect::<Vec<_>>().join(",\n");
        Self { name: format!("{name}.json"), month, after: None, has_range: true, shown, text }
    }

    fn after(self, number: u64) -> Self {
        Self { after: Some(number), ..self }
    }

    fn write(&self, installation: &Installation, order: u64) -> PathBuf {
        let mut head = json!({"guild": {"id": guild(order), "name": format!("Order {order}"), "iconUrl": ""},
            "channel": {"id": CHANNEL, "type": "GuildTextChat", "name": "general"},
            "exportedAt": format!("2026-{:02}-01T00:00:00+00:00", self.month), "messageCount": self.shown.len()});
        if self.has_range {
            head["dateRange"] = json!({"after": self.after.map(sent_at), "before": null});
        }
        let head = head.to_string();
        let path = installation.path(&self.name);
        fs::write(&path, format!("{},\"messages\":[{}]}}", head.trim_end_matches('}'), self.text)).unwrap();
        path
    }
}

/// Three parts of one export.
fn parts(name: &str, month: u64) -> Vec<File> {
    let part = |number: u64| {
        let name = if number == 1 { name.to_owned() } else { format!("{name} [part {number}]") };
        File::new(&name, month, |message| message * 3 / MESSAGES + 1 == number)
    };
    (1..=3).map(part).collect()
}

/// The choices of an order: the files of one command each.
fn commands() -> Vec<Vec<File>> {
    let all = |name: &str, month| File::new(name, month, |_| true);
    let mut commands = vec![
        vec![all("old", 2)],
        vec![all("middle", 5)],
        vec![all("newest", 8)],
        vec![File::new("filtered", 6, |number| number % 3 == 0)],
        vec![File::new("filtered early", 3, |number| number % 5 != 0)],
        vec![File::new("older", 3, |number| number < 1_000)],
        vec![File::new("newer", 6, |number| number > 1_800).after(1_800)],
        vec![File::new("newest part", 8, |number| number > 2_500).after(2_500)],
        vec![File::new("filtered range", 5, |number| (501..1_500).contains(&number) && number % 2 == 0).after(500)],
        vec![File { has_range: false, ..File::new("rangeless", 7, |number| number % 2 == 1) }],
        parts("parts", 4),
    ];
    commands.extend(parts("apart", 7).into_iter().map(|part| vec![part]));
    commands
}

fn guild(order: u64) -> String {
    (810_000_000_000_100_000 + order).to_string()
}

/// The state of the model after some imports.
#[derive(Default)]
struct Model {
    /// The month of the latest export that shows a message.
    seen: BTreeMap<u64, u64>,
    /// The month of the latest complete export that covers a message and lacks it.
    lacked: BTreeMap<u64, u64>,
    covered: Vec<(u64, u64)>,
}

impl Model {
    fn is_shown(&self, number: u64) -> bool {
        self.seen.get(&number).is_some_and(|seen| self.lacked.get(&number).is_none_or(|lacked| lacked <= seen))
    }

    fn import(&mut self, files: &[File], complete: bool) {
        let mut before: Option<&File> = None;
        for file in files {
            let ends = (file.shown.first().copied().unwrap(), file.shown.last().copied().unwrap());
            let is_later_part = file.name.contains("[part ");
            let low = match (file.after, before) {
                // The next id of which the exporter can be sure: that of a later millisecond.
                (Some(after), _) => (FIRST + after * 60_000 + 1) << 22,
                (None, Some(before)) => id(*before.shown.last().unwrap()) + 1,
                (None, None) if is_later_part => id(ends.0),
                (None, None) => 1,
            };
            let covered = (low, id(ends.1));
            let lacks = |number: &u64| (covered.0..=covered.1).contains(&id(*number)) && !file.shown.contains(number);
            let lacking: Vec<u64> = (0..MESSAGES).filter(lacks).collect();
            if file.has_range && complete {
                self.covered.push(covered);
                for number in &lacking {
                    let lacked = self.lacked.entry(*number).or_insert(file.month);
                    *lacked = file.month.max(*lacked);
                }
            } else if file.has_range && !lacking.iter().any(|number| self.is_shown(*number)) {
                self.covered.push(covered);
            }
            for number in &file.shown {
                let seen = self.seen.entry(*number).or_insert(file.month);
                *seen = file.month.max(*seen);
            }
            before = Some(file);
        }
    }

    /// Returns the newest interval that is covered without a gap.
    fn run(&self) -> Option<(u64, u64)> {
        let mut covered = self.covered.clone();
        covered.sort_unstable();
        covered.into_iter().fold(None, |run: Option<(u64, u64)>, (low, high)| match run {
            Some(run) if low <= run.1 + 1 => Some((run.0, run.1.max(high))),
            _ => Some((low, high)),
        })
    }
}

/// The messages of an order's channel, by id: the text, and whether it is shown.
async fn stored(store: &dyn Store, order: u64) -> BTreeMap<u64, (String, bool)> {
    let tenant = TenantId::of(Platform::Discord, &PlatformId::new(&guild(order)).unwrap());
    let channel = ChannelId::of(tenant, CHANNEL.parse().unwrap());
    let (mut read, mut found, mut after) = (store.read().await.unwrap(), BTreeMap::new(), None::<MessageId>);
    loop {
        let page = read.messages().list_stored(channel, after, 1_000).await.unwrap();
        let Some(last) = page.last() else { return found };
        after = Some(last.message.id);
        for stored in page {
            let is_shown = !stored.is_deleted();
            found.insert(stored.message.id.get(), (stored.message.content, is_shown));
        }
    }
}

/// Imports every order; returns the expectation of the model for each.
fn import_all(installation: &Installation, flags: &[&str]) -> Vec<Model> {
    let commands = commands();
    let mut models = Vec::new();
    for order in 0..ORDERS {
        let mut random = Random(order);
        let (mut model, mut left, mut done) = (Model::default(), (0..commands.len()).collect::<Vec<_>>(), Vec::new());
        for _ in 0..6 {
            done.push(left.swap_remove(random.below(left.len())));
        }
        // One of them once more.
        done.push(done[random.below(done.len())]);
        for index in &done {
            let files = &commands[*index];
            let paths: Vec<PathBuf> = files.iter().map(|file| file.write(installation, order)).collect();
            let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
            let (code, report) = installation.import(&paths, flags);
            assert_eq!(code, 0, "order {order} {done:?}, {index}: {report}");
            model.import(files, !flags.is_empty());
        }
        println!("order {order}: {:?}", done.iter().map(|index| &*commands[*index][0].name).collect::<Vec<_>>());
        check_coverage(installation, order, &model);
        models.push(model);
    }
    models
}

fn check_coverage(installation: &Installation, order: u64, model: &Model) {
    let output = installation.run(&["coverage", &format!("order-{order}"), "--json"]);
    let listed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let coverage = &listed["items"][0];
    let run = model.run();
    let from_start = run.is_some_and(|(low, _)| low == 1);
    let oldest = model.seen.keys().next().copied().map(id);
    let low = run.map(|(low, _)| oldest.filter(|_| from_start).unwrap_or(low).to_string());
    let high = run.map(|(_, high)| high.to_string());
    let state = if from_start { "complete" } else { "partial" };
    let count = (0..MESSAGES).filter(|number| model.is_shown(*number)).count();
    assert_eq!(coverage["state"], state, "order {order}: {coverage}");
    assert_eq!((&coverage["low"], &coverage["high"]), (&json!(low), &json!(high)), "order {order}: {coverage}");
    assert_eq!(coverage["message_count"], count, "order {order}: {coverage}");
}

async fn check_messages(store: &dyn Store, models: &[Model]) {
    for (order, model) in (0..).zip(models) {
        let expected: BTreeMap<u64, (String, bool)> = model
            .seen
            .iter()
            .map(|(number, month)| (id(*number), (text(*number, *month), model.is_shown(*number))))
            .collect();
        let stored = stored(store, order).await;
        let wrong = expected.iter().find(|(id, expected)| stored.get(id) != Some(expected));
        assert_eq!(wrong.map(|(id, expected)| (id, expected, stored.get(id))), None, "order {order}");
        assert_eq!(stored.len(), expected.len(), "order {order}");
    }
}

async fn in_a_file(flags: &'static [&'static str]) {
    let (installation, models) = tokio::task::spawn_blocking(move || {
        let installation = Installation::new();
        let models = import_all(&installation, flags);
        (installation, models)
    })
    .await
    .unwrap();
    check_messages(&SqliteStore::open(&installation.database(), 1).unwrap(), &models).await;
}

async fn on_a_server(flags: &'static [&'static str]) {
    let database = Database::new().await;
    let address = database.address();
    let models = tokio::task::spawn_blocking(move || import_all(&Installation::at(&address), flags)).await.unwrap();
    check_messages(&database.store().await, &models).await;
}

#[tokio::test]
async fn exports_in_any_order_come_to_what_the_model_says() {
    in_a_file(&[]).await;
}

#[tokio::test]
async fn complete_exports_in_any_order_come_to_what_the_model_says() {
    in_a_file(&["--complete"]).await;
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn exports_in_any_order_come_to_what_the_model_says_on_a_server() {
    on_a_server(&[]).await;
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn complete_exports_in_any_order_come_to_what_the_model_says_on_a_server() {
    on_a_server(&["--complete"]).await;
}
