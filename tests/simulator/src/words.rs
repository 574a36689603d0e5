//! Invented text: names, sentences and the strings that break careless software.

use crate::random::Draw;

const ADJECTIVES: [&str; 24] = [
    "amber", "brisk", "calm", "dusty", "early", "faint", "gentle", "hollow", "ivory", "jolly", "keen", "lunar",
    "mellow", "nimble", "oaken", "pale", "quiet", "rapid", "silver", "tidal", "umber", "vivid", "wild", "young",
];
const NOUNS: [&str; 28] = [
    "otter", "falcon", "harbor", "lantern", "meadow", "comet", "badger", "willow", "compass", "glacier", "raven",
    "ember", "canyon", "thistle", "beacon", "heron", "pebble", "sparrow", "cedar", "orchid", "walrus", "anchor",
    "maple", "lynx", "prairie", "cobalt", "fjord", "quartz",
];
const WORDS: [&str; 48] = [
    "the", "build", "works", "again", "after", "we", "moved", "every", "server", "to", "another", "map", "and", "then",
    "seldom", "could", "find", "that", "page", "so", "please", "read", "this", "before", "you", "ask", "about", "new",
    "release", "notes", "with", "better", "lighting", "in", "tunnels", "maybe", "tomorrow", "I", "think", "it", "is",
    "fine", "when", "they", "answer", "question", "slowly", "naïve",
];
const EMOJI: [&str; 12] = ["👍", "🎉", "❤️", "😂", "👀", "🔥", "✅", "🦦", "👩‍👩‍👧‍👦", "🏴‍☠️", "🇳🇱", "⛷🏽"];

/// Returns two words joined by `between`.
pub(crate) fn name(draw: &mut Draw, between: &str) -> String {
    format!("{}{between}{}", draw.pick(&ADJECTIVES), draw.pick(&NOUNS))
}

/// Returns a Unicode emoji.
pub(crate) fn emoji(draw: &mut Draw) -> &'static str {
    EMOJI[draw.index(EMOJI.len())]
}

/// Returns `count` words with a capital and a full stop.
pub(crate) fn sentence(draw: &mut Draw, count: u64) -> String {
    let mut text = String::new();
    for index in 0..count.max(1) {
        let word = *draw.pick(&WORDS);
        if index == 0 {
            text.extend(word.chars().take(1).flat_map(char::to_uppercase));
            text.extend(word.chars().skip(1));
        } else {
            text.push(' ');
            text.push_str(word);
        }
    }
    text.push('.');
    text
}

/// Returns text as a person types it: most lines short, some long, some with markup.
pub(crate) fn chatter(draw: &mut Draw) -> String {
    let length = match draw.below(20) {
        0..=9 => 1 + draw.below(6),
        10..=16 => 6 + draw.below(16),
        17 | 18 => 25 + draw.below(50),
        _ => 90 + draw.below(110),
    };
    let text = sentence(draw, length);
    match draw.below(24) {
        0 => format!("**{text}**"),
        1 => format!("> {text}\n{}", sentence(draw, 4)),
        2 => format!("```rust\nfn {}() {{}}\n```", draw.pick(&NOUNS)),
        3 => format!("||{text}||"),
        4 => format!("# {text}\n- {}\n- {}", sentence(draw, 3), sentence(draw, 3)),
        5 => format!("{text} {}", emoji(draw)),
        6 => format!("[{}](https://example.org/{}) {text}", draw.pick(&NOUNS), draw.hex(6)),
        _ => text,
    }
}

/// Returns text at the limits: 4000 emoji, two directions, control characters, unpaired marks.
pub(crate) fn exotic(draw: &mut Draw) -> String {
    match draw.below(6) {
        0 => "🦦".repeat(4000),
        1 => "שלום \u{202E}desrever\u{202C} مرحبا".to_owned(),
        2 => "before\u{1}\u{2400}\u{7F}\u{FEFF}after\u{200B}".to_owned(),
        3 => format!("{}\u{301}\u{302}\u{303}", sentence(draw, 3)),
        4 => "<script>alert(1)</script> & \"quotes\" 'single' \\ backslash `tick`".to_owned(),
        _ => "\u{10FFFF}\u{FFFD} ﷽ 𝒳 \r\n\ttab".to_owned(),
    }
}
