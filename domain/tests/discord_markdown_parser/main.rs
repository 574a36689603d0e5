//! Compares our parser of Discord's markup with the npm package discord-markdown-parser, which has the rules of
//! Discord's clients: on generated texts both return the same tree, except for differences with a name and a reason.
#![expect(clippy::unwrap_used, reason = "what helps a test may fail as a test does")]

mod corpus;
mod tree;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use domain::markup::parse;

use self::tree::{Node, ours, theirs};

/// The number of generated texts.
const TEXTS: usize = 30_000;

/// The differences between the two parsers, and why ours is right or as good.
struct Difference {
    name: &'static str,
    reason: &'static str,
    /// A text that has it.
    example: &'static str,
    /// The text without it: both then make the same tree.
    without: fn(&str) -> String,
}

const DIFFERENCES: [Difference; 13] = [
    Difference {
        name: "escapes in the title of a link",
        reason: "the package drops them in the address alone; Discord's clients drop them in both",
        example: r#"[z](https://example.org/ "t\*t")"#,
        without: |text| text.replace(r#""t\*t""#, "\"tt\""),
    },
    Difference {
        name: "lists",
        reason: "Discord's clients show lists; the package does not know them",
        example: "- one\n- two",
        without: without_lists,
    },
    Difference {
        name: "the guild's own pages",
        reason: "Discord documents `<id:customize>`; the package wants the number of a guild instead of `id`",
        example: "<id:customize>",
        without: |text| text.replace("<id:", "id:"),
    },
    Difference {
        name: "styles of times",
        reason: "Discord documents `s` and `S`; the package is older",
        example: "<t:1618953630:S>",
        without: |text| text.replace(":S>", ":T>").replace(":s>", ":t>"),
    },
    Difference {
        name: "masked links that do not lead to the web",
        reason: "Discord's clients make no link of another scheme or of a path, which could run a script",
        example: "[a](javascript:b)",
        without: |text| text.replace("](javascript:", "] (").replace("](/", "] ("),
    },
    Difference {
        name: "links without a text",
        reason: "a reader could not see them",
        example: "[](https://example.org/)",
        without: |text| text.replace("[](", "[a]("),
    },
    Difference {
        name: "parentheses in an address",
        reason: "Discord's clients keep one at the end that closes another of the same address",
        example: "https://example.org/a_(b)",
        without: |text| outside_links(text, &['(', ')']),
    },
    Difference {
        name: "brackets in brackets, and addresses in the text of a link",
        reason: "the package takes the longest text up to any `](`; in Discord's clients the bracket that closes it ends \
                 it, and a text with an address in it is no link, because it could lead elsewhere",
        example: "[https://example.org/](https://other.example/)",
        without: |text| outside_links(text, &['[', ']', '(', ')']),
    },
    Difference {
        name: "angle brackets around what is no address of the web",
        reason: "the package links any `<word:/word>`, even one that holds a mention; Discord's clients know a few \
                 schemes, of which a page links only http and https",
        example: "<steam://run/1>",
        without: without_false_angles,
    },
    Difference {
        name: "a quote or heading inside of a style",
        reason: "on a page a style ends with its paragraph",
        example: "**a\n> b**",
        without: without_blocks,
    },
    Difference {
        name: "code blocks without a text",
        reason: "there is nothing to show, so the backticks stay as they were typed",
        example: "```\n\n```",
        without: |text| text.replace("```", "==="),
    },
    Difference {
        name: "addresses without a host",
        reason: "an address whose host does not start with a letter or digit leads nowhere",
        example: "https://-_*",
        without: without_false_hosts,
    },
    Difference {
        name: "short ids",
        reason: "Discord's first ids have fewer than 17 digits",
        example: "<#1234567890>",
        without: |text| text.replace("<#1234567890>", "#"),
    },
];

fn each_line(text: &str, make: fn(&str) -> String) -> String {
    text.split('\n').map(make).collect::<Vec<_>>().join("\n")
}

fn without_lists(text: &str) -> String {
    let is_item = |line: &str| {
        let line = line.trim_start_matches(['>', ' ']);
        let digits = line.bytes().take_while(u8::is_ascii_digit).count();
        line.starts_with("- ") || line.starts_with("* ") || (digits > 0 && line[digits..].starts_with(". "))
    };
    let lines = text.split('\n');
    let lines = lines.map(|line| if is_item(line) { line.replacen(['-', '*', '.'], "x", 1) } else { line.to_owned() });
    lines.collect::<Vec<_>>().join("\n")
}

fn without_blocks(text: &str) -> String {
    each_line(text, |line| line.trim_start_matches(['>', '#', '-', ' ']).to_owned())
}

fn without_false_hosts(text: &str) -> String {
    let (mut made, mut rest) = (String::new(), text);
    while let Some(at) = rest.find("://") {
        made.push_str(&rest[..at]);
        rest = &rest[at + 3..];
        made.push_str(if rest.starts_with(char::is_alphanumeric) { "://" } else { "..." });
    }
    made + rest
}

/// `text` with a dot for each of `chars` outside of the corpus's masked links.
fn outside_links(text: &str, chars: &[char]) -> String {
    let (mut made, mut rest) = (String::new(), text);
    while let Some(first) = rest.chars().next() {
        // Directly after a bare address, without a blank between, it is a part of that address.
        let in_address =
            made.rsplit([' ', '\n', '<']).next().is_some_and(|word| word.contains("://") && !word.ends_with(')'));
        let link = corpus::MASKED_LINKS.iter().find(|link| !in_address && rest.starts_with(**link));
        let len = link.map_or(first.len_utf8(), |link| link.len());
        made.push_str(if link.is_none() && chars.contains(&first) { "." } else { &rest[..len] });
        rest = &rest[len..];
    }
    made
}

fn without_false_angles(text: &str) -> String {
    let starts = ["<https://", "<http://", "<@", "<#", "<:", "<a:", "<t:", "</"];
    let (mut made, mut rest) = (String::new(), text);
    while let Some(at) = rest.find('<') {
        made.push_str(&rest[..at]);
        rest = &rest[at..];
        let inside = rest[1..].split(['>', ' ']).next().unwrap_or_default();
        let is_whole = starts.iter().any(|start| rest.starts_with(start)) && !inside.contains(['<', '\n']);
        made.push(if is_whole { '<' } else { '.' });
        rest = &rest[1..];
    }
    made + rest
}

/// The trees that the package makes of `texts`.
fn package(texts: &[String]) -> Vec<Vec<Node>> {
    let folder = std::env::var("DISCORD_MARKDOWN_PARSER").expect("DISCORD_MARKDOWN_PARSER names npm's folder");
    let mut node = Command::new("node")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/discord_markdown_parser/parse.cjs"))
        .env("NODE_PATH", Path::new(&folder).join("node_modules"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node runs");
    let mut input = node.stdin.take().unwrap();
    let text = serde_json::to_vec(texts).unwrap();
    let writer = std::thread::spawn(move || input.write_all(&text).unwrap());
    let output = node.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    let trees: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    trees.iter().map(theirs).collect()
}

/// Whether both make the same tree of each text.
fn same(texts: &[String]) -> Vec<bool> {
    texts.iter().zip(package(texts)).map(|(text, theirs)| ours(&parse(text)) == theirs).collect()
}

#[test]
#[ignore = "needs node and the npm package discord-markdown-parser"]
fn generated_texts_are_read_like_the_package_reads_them() {
    let texts = corpus::texts(TEXTS);
    let different: Vec<&String> =
        texts.iter().zip(same(&texts)).filter(|(_, same)| !same).map(|(text, _)| text).collect();
    // Without one of the differences, or at last without all of them, both make the same tree.
    let ways = DIFFERENCES.len() + 1;
    let without = |text: &String| {
        let all = DIFFERENCES.iter().fold(text.clone(), |text, difference| (difference.without)(&text));
        DIFFERENCES.iter().map(|difference| (difference.without)(text)).chain([all]).collect::<Vec<_>>()
    };
    let cured = same(&different.iter().flat_map(|text| without(text)).collect::<Vec<_>>());
    let mut counts = vec![0; ways];
    let mut unexplained = Vec::new();
    for (text, cured) in different.iter().zip(cured.chunks(ways)) {
        match cured.iter().position(|same| *same) {
            Some(way) => counts[way] += 1,
            None => unexplained.push(*text),
        }
    }
    let names = DIFFERENCES.iter().map(|difference| (difference.name, difference.reason));
    for ((name, reason), count) in names.chain([("several at once", "see there")]).zip(&counts) {
        println!("{count:5} texts differ by: {name} ({reason})");
    }
    println!("{} of {TEXTS} texts have the same tree, {} have no reason", TEXTS - different.len(), unexplained.len());
    unexplained.sort_by_key(|text| (text.len(), text.as_str()));
    unexplained.dedup();
    unexplained.truncate(15);
    for text in &unexplained {
        println!("{text:?}\n  ours   {:?}\n  theirs {:?}", ours(&parse(text)), package(&[(*text).clone()])[0]);
    }
    assert!(unexplained.is_empty(), "these differ for no reason that has a name");
    assert!(different.len() * 5 < TEXTS, "most texts are to have the same tree");
}

#[test]
#[ignore = "needs node and the npm package discord-markdown-parser"]
fn every_named_difference_is_one() {
    let examples: Vec<String> = DIFFERENCES.iter().map(|difference| difference.example.to_owned()).collect();
    let cured: Vec<String> = DIFFERENCES.iter().map(|difference| (difference.without)(difference.example)).collect();
    for (difference, (example, cured)) in DIFFERENCES.iter().zip(same(&examples).into_iter().zip(same(&cured))) {
        assert!(!example, "{} is no difference any more", difference.name);
        assert!(cured, "{} is not all that the example has", difference.name);
    }
}
