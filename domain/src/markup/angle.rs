//! Markup between `<` and `>`: mentions, emoji, times, addresses without a preview.

use super::link::is_address;
use super::{Inline, Link, Moment, Navigation, TimeStyle};
use crate::snowflake::Id;

/// The maximum length of such markup, addresses included; Discord's longest message has 4,000 characters.
const LONGEST: usize = 2_100;

/// The maximum number of digits of a time.
const LONGEST_SECONDS: usize = 17;

/// Parses the markup that starts with the `<` at the start of `text`; returns it with its length, both brackets
/// included.
pub(super) fn parse(text: &str) -> Option<(Inline<'_>, usize)> {
    let bytes = text.as_bytes();
    let close = 1 + bytes.iter().skip(1).take(LONGEST).position(|&byte| matches!(byte, b'<' | b'>' | b'\n'))?;
    if bytes[close] != b'>' {
        return None;
    }
    inner(text.get(1..close)?).map(|inline| (inline, close + 1))
}

fn inner(text: &str) -> Option<Inline<'_>> {
    let (first, rest) = text.split_at_checked(1)?;
    match first {
        "@" => match rest.strip_prefix('&') {
            Some(role) => number(role).map(Inline::Role),
            None => person(rest.strip_prefix('!').unwrap_or(rest)),
        },
        "#" => number(rest).and_then(Id::new).map(Inline::Channel),
        ":" => emoji(rest, false),
        "a" => emoji(rest.strip_prefix(':')?, true),
        "t" => time(rest.strip_prefix(':')?),
        "/" => command(rest),
        "i" => navigation(rest.strip_prefix("d:")?),
        "h" => is_address(text).then_some(Inline::Link(Link { url: text.into(), label: None, title: None })),
        _ => None,
    }
}

fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn person(text: &str) -> Option<Inline<'_>> {
    text.parse().map(Some).ok().or_else(|| number(text).map(|_| None)).map(Inline::Person)
}

fn emoji(text: &str, animated: bool) -> Option<Inline<'_>> {
    let (name, id) = text.split_once(':')?;
    let is_name =
        (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name.then_some(Inline::Emoji { name, id: number(id)?, animated })
}

fn time(text: &str) -> Option<Inline<'static>> {
    let (seconds, style) = text.split_once(':').unwrap_or((text, "f"));
    let style = match style {
        "t" => TimeStyle::ShortTime,
        "T" => TimeStyle::LongTime,
        "d" => TimeStyle::ShortDate,
        "D" => TimeStyle::LongDate,
        "f" => TimeStyle::ShortDateTime,
        "F" => TimeStyle::LongDateTime,
        "s" => TimeStyle::CompactDateTime,
        "S" => TimeStyle::CompactDateTimeSeconds,
        "R" => TimeStyle::Relative,
        _ => return None,
    };
    let digits = seconds.strip_prefix('-').unwrap_or(seconds);
    if digits.is_empty() || digits.len() > LONGEST_SECONDS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(Inline::Time(seconds.parse().ok().and_then(Moment::from_seconds), style))
}

fn command(text: &str) -> Option<Inline<'_>> {
    let (name, id) = text.split_once(':')?;
    let is_name = !name.is_empty() && name.chars().all(|char| char.is_alphanumeric() || "-_' ".contains(char));
    number(id)?;
    is_name.then_some(Inline::Command(name))
}

fn navigation(text: &str) -> Option<Inline<'static>> {
    let page = match text.split_once(':') {
        Some(("linked-roles", role)) => number(role).map(|_| Navigation::LinkedRoles)?,
        Some(_) => return None,
        None => match text {
            "customize" => Navigation::Customize,
            "browse" => Navigation::Browse,
            "guide" | "home" => Navigation::Guide,
            "linked-roles" => Navigation::LinkedRoles,
            _ => return None,
        },
    };
    Some(Inline::Navigation(page))
}
