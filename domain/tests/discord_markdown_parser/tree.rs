//! A common form of the trees of both, without details that make no difference to a reader: the side of a block on
//! which a line break is, and the number of pieces of a text.

use domain::markup::{Block, CodeBlock, Inline, List, Style, TimeStyle};
use serde_json::Value;

/// A node of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Text(String),
    Other { name: String, detail: String, children: Vec<Node> },
}

fn node(name: &str, detail: impl Into<String>, children: Vec<Node>) -> Node {
    Node::Other { name: name.to_owned(), detail: detail.into(), children }
}

fn is_block(node: &Node) -> bool {
    matches!(node, Node::Other { name, .. } if ["quote", "heading", "subtext", "block", "list"].contains(&name.as_str()))
}

/// Adjacent texts joined, without blanks and breaks at both ends and beside blocks, and with single breaks.
fn tidy(nodes: Vec<Node>, inner: bool) -> Vec<Node> {
    let mut joined: Vec<Node> = Vec::new();
    for node in nodes {
        match (joined.last_mut(), node) {
            (Some(Node::Text(text)), Node::Text(more)) => text.push_str(&more),
            (_, node) => joined.push(node),
        }
    }
    let count = joined.len();
    let blocks: Vec<bool> = joined.iter().map(is_block).collect();
    let mut tidied = Vec::new();
    for (index, node) in joined.into_iter().enumerate() {
        let Node::Text(text) = node else {
            tidied.push(node);
            continue;
        };
        let mut text = text;
        while text.contains("\n\n") {
            text = text.replace("\n\n", "\n");
        }
        if (index == 0 && !inner) || index > 0 && blocks[index - 1] {
            text.drain(..text.len() - text.trim_start_matches(['\n', ' ']).len());
        }
        if (index + 1 == count && !inner) || blocks.get(index + 1) == Some(&true) {
            text.truncate(text.trim_end_matches(['\n', ' ']).len());
        }
        if !text.is_empty() {
            tidied.push(Node::Text(text));
        }
    }
    tidied
}

/// The package's tree.
pub(super) fn theirs(tree: &Value) -> Vec<Node> {
    list(tree, false)
}

fn list(tree: &Value, inner: bool) -> Vec<Node> {
    let one = |value: &Value| match value {
        Value::String(text) => Node::Text(text.clone()),
        other => {
            let name = other[0].as_str().unwrap();
            let inner = ["style", "link"].contains(&name);
            let detail = other[1].as_str().unwrap();
            let detail = if name == "block" { block_detail(detail) } else { detail.to_owned() };
            node(name, detail, list(&other[2], inner))
        }
    };
    tidy(tree.as_array().unwrap().iter().map(one).collect(), inner)
}

fn block_detail(detail: &str) -> String {
    let (language, text) = detail.split_once('\n').unwrap();
    format!("{language}\n{}", text.trim_matches('\n'))
}

/// Our tree.
pub(super) fn ours(blocks: &[Block<'_>]) -> Vec<Node> {
    let mut nodes = Vec::new();
    for (index, block) in blocks.iter().enumerate() {
        if index > 0 {
            nodes.push(Node::Text("\n".to_owned()));
        }
        match block {
            Block::Paragraph(content) => nodes.extend(content.iter().map(inline)),
            Block::Heading { level, content } => {
                nodes.push(node("heading", level.to_string(), inlines(content, false)));
            }
            Block::Subtext(content) => nodes.push(node("subtext", "", inlines(content, false))),
            Block::Quote(content) => nodes.push(node("quote", "", ours(content))),
            Block::Code(code) => nodes.push(code_block(code)),
            Block::List(List { items, .. }) => {
                nodes.push(node("list", "", items.iter().flat_map(|item| ours(item)).collect()));
            }
        }
    }
    tidy(nodes, false)
}

fn inlines(content: &[Inline<'_>], inner: bool) -> Vec<Node> {
    tidy(content.iter().map(inline).collect(), inner)
}

fn code_block(code: &CodeBlock<'_>) -> Node {
    node("block", format!("{}\n{}", code.language.unwrap_or_default(), code.text), Vec::new())
}

fn inline(inline: &Inline<'_>) -> Node {
    let leaf = |name: &str, detail: String| node(name, detail, Vec::new());
    match inline {
        Inline::Text(text) => Node::Text((*text).to_owned()),
        Inline::LineBreak => Node::Text("\n".to_owned()),
        Inline::Styled(style, content) => node("style", style_name(*style), inlines(content, true)),
        Inline::Code(text) => leaf("code", text.to_string()),
        Inline::CodeBlock(code) => code_block(code),
        Inline::Link(link) => {
            let label = link.label.as_deref().unwrap_or_default();
            node("link", format!("{}\n{}", link.url, link.title.as_deref().unwrap_or_default()), inlines(label, true))
        }
        Inline::Person(_) => leaf("user", String::new()),
        Inline::Channel(id) => leaf("channel", id.to_string()),
        Inline::Role(id) => leaf("role", id.to_string()),
        Inline::Emoji { name, id, animated } => {
            leaf("emoji", format!("{}:{name}:{id}", if *animated { "a" } else { "" }))
        }
        Inline::Time(moment, style) => {
            // A time beyond the possible dates is a time in the package, too; its clients call it invalid.
            let seconds = moment.map_or_else(|| "99999999999999".to_owned(), |moment| moment.seconds().to_string());
            leaf("time", format!("{seconds}:{}", time_style(*style)))
        }
        Inline::Command(name) => leaf("command", (*name).to_owned()),
        Inline::Navigation(page) => leaf("page", page.name().to_owned()),
        Inline::Everyone => leaf("everyone", String::new()),
        Inline::Here => leaf("here", String::new()),
    }
}

const fn style_name(style: Style) -> &'static str {
    match style {
        Style::Bold => "bold",
        Style::Italic => "italic",
        Style::Underline => "underline",
        Style::Strikethrough => "strikethrough",
        Style::Spoiler => "spoiler",
    }
}

const fn time_style(style: TimeStyle) -> &'static str {
    match style {
        TimeStyle::ShortTime => "t",
        TimeStyle::LongTime => "T",
        TimeStyle::ShortDate => "d",
        TimeStyle::LongDate => "D",
        TimeStyle::ShortDateTime => "f",
        TimeStyle::LongDateTime => "F",
        TimeStyle::CompactDateTime => "s",
        TimeStyle::CompactDateTimeSeconds => "S",
        TimeStyle::Relative => "R",
    }
}
