//! The roles that a text mentions.

use super::{Block, Inline, parse};
use crate::guild::RoleId;

/// Returns the roles that a message's text mentions, in its order, with repetitions. As in Discord, code mentions
/// nothing.
#[must_use]
pub fn role_mentions(text: &str) -> Vec<RoleId> {
    let mut roles = Vec::new();
    // Few texts mention a role, and only those have to be parsed.
    if text.contains("<@&") {
        in_blocks(&parse(text), &mut roles);
    }
    roles
}

/// Returns the roles that the texts in a JSON document mention, in its order, with repetitions; those in code, too.
pub fn role_ids(json: &str) -> impl Iterator<Item = RoleId> {
    json.split("<@&").skip(1).filter_map(|rest| rest.split_once('>')?.0.parse().ok())
}

fn in_blocks(blocks: &[Block<'_>], roles: &mut Vec<RoleId>) {
    for block in blocks {
        match block {
            Block::Paragraph(content) | Block::Heading { content, .. } | Block::Subtext(content) => {
                in_line(content, roles);
            }
            Block::Quote(blocks) => in_blocks(blocks, roles),
            Block::List(list) => list.items.iter().for_each(|item| in_blocks(item, roles)),
            Block::Code(_) => {}
        }
    }
}

fn in_line(inlines: &[Inline<'_>], roles: &mut Vec<RoleId>) {
    for inline in inlines {
        match inline {
            Inline::Role(number) => roles.extend(RoleId::new(*number)),
            Inline::Styled(_, content) => in_line(content, roles),
            Inline::Link(link) => in_line(link.label.as_deref().unwrap_or_default(), roles),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
