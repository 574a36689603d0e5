//! Texts in ten languages. The words of a language have the frequencies of a real one: a word is about as rare as its
//! rank is large (Zipf's law), and frequent words are short.

use domain::channel::ChannelId;
use domain::message::{Author, Message};
use domain::pseudonym::Pseudonym;
use domain::timestamp::Timestamp;

use crate::generate;

/// The number of words of a language.
pub(super) const WORDS: u64 = 60_000;

/// The number of authors.
const AUTHORS: u64 = 2_000;

/// What the words of a language are made of.
enum Parts {
    /// One character of each text.
    Pairs(&'static str, &'static str),
    /// One of so many characters from the first on, at this distance.
    Characters(u32, u32, u64),
}

/// A language.
pub(super) struct Language {
    /// Its share of the messages, in per cent.
    share: u64,
    parts: Parts,
    /// What is between two words.
    between: &'static str,
}

const fn language(share: u64, parts: Parts, between: &'static str) -> Language {
    Language { share, parts, between }
}

/// English.
pub(super) const ENGLISH: &Language = &LANGUAGES[0];
/// Chinese.
pub(super) const CHINESE: &Language = &LANGUAGES[1];

static LANGUAGES: [Language; 10] = [
    language(40, Parts::Pairs("tshwbdfglmnprkvj", "eaoiu"), " "),
    // Chinese.
    language(12, Parts::Characters(0x4E00, 7, 400), ""),
    // Japanese.
    language(10, Parts::Pairs("日本東京学生会社新聞語時間人水火", "のはをにがでともカナ"), ""),
    // Korean, without final consonants.
    language(8, Parts::Characters(0xAC00, 28, 380), " "),
    // Thai.
    language(5, Parts::Pairs("กขคงจชดตทนบปพมยรลวสห", "ะาิีุู"), ""),
    // Arabic.
    language(5, Parts::Pairs("بتجدرسصطعفقكلمنه", "اوي"), " "),
    // Russian.
    language(8, Parts::Pairs("бвгджзклмнпрстхч", "аеиоуыя"), " "),
    // German.
    language(5, Parts::Pairs("bdfghklmnprstwzß", "aeiouäöü"), " "),
    // Spanish.
    language(4, Parts::Pairs("bcdfglmnñprstvzh", "aeiouáéí"), " "),
    // Hindi.
    language(3, Parts::Pairs("कगचजटडतदनपबमयरलव", "ािीुूेो"), " "),
];

impl Parts {
    fn count(&self) -> u64 {
        match self {
            Self::Pairs(first, second) => (first.chars().count() * second.chars().count()) as u64,
            Self::Characters(_, _, count) => *count,
        }
    }

    fn push(&self, number: u64, to: &mut String) {
        match self {
            Self::Pairs(first, second) => {
                let length = second.chars().count() as u64;
                to.extend(at(first, number / length).chain(at(second, number % length)));
            }
            Self::Characters(first, step, _) => {
                to.extend(u32::try_from(number).ok().and_then(|number| char::from_u32(first + step * number)));
            }
        }
    }
}

fn at(text: &str, index: u64) -> impl Iterator<Item = char> {
    text.chars().skip(usize::try_from(index).unwrap_or(usize::MAX)).take(1)
}

impl Language {
    /// Returns the word with this rank. Every rank has a word of its own.
    pub(super) fn word(&self, mut rank: u64) -> String {
        let (count, mut word) = (self.parts.count(), String::new());
        loop {
            self.parts.push(rank % count, &mut word);
            rank /= count;
            if rank == 0 {
                return word;
            }
            rank -= 1;
        }
    }
}

/// Numbers that look like chance, and are the same in every run.
pub(super) struct Numbers(u64);

impl Numbers {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns the next number (Steele, Lea and Flood: `SplitMix64`).
    pub(super) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) const fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Returns a rank below `end`, as often as it is small.
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank")]
    pub(super) fn rank(&mut self, end: u64) -> u64 {
        let chance = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        ((((end + 1) as f64).ln() * chance).exp() as u64).saturating_sub(1).min(end - 1)
    }
}

/// Returns 3 to 30 words of a language.
fn text(numbers: &mut Numbers) -> String {
    let mut share = numbers.below(100);
    let language = LANGUAGES.iter().find(|language| {
        let is_it = share < language.share;
        share = share.wrapping_sub(language.share);
        is_it
    });
    let language = language.unwrap_or(ENGLISH);
    let mut text = String::new();
    for index in 0..3 + numbers.rank(28) {
        if index > 0 {
            text.push_str(language.between);
        }
        text.push_str(&language.word(numbers.rank(WORDS)));
    }
    text
}

/// Returns the index of the channel that has the message with this number, of so many.
pub(super) fn channel_of(number: u64, channels: u64) -> u64 {
    Numbers::new(number).rank(channels)
}

/// Returns an author by number.
pub(super) fn author(number: u64) -> Pseudonym {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&Numbers::new(number).next().to_be_bytes());
    Pseudonym::new(bytes)
}

/// Returns the message with this number, as an adapter creates it.
pub(super) fn message(channel: ChannelId, number: u64, observed_at: Timestamp) -> Message {
    let mut numbers = Numbers::new(number.wrapping_mul(3));
    let pseudonym = author(numbers.rank(AUTHORS));
    let author = Author { pseudonym, bot: false, webhook: false };
    Message { author, content: text(&mut numbers), ..generate::message(channel, number, observed_at) }
}
