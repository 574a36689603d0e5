//! Text with the colours of a terminal, as in code blocks of the language `ansi`.

use maud::{Markup, html};

/// The codes that Discord's clients support: bold, underline, 8 text colours and 8 background colours
/// (<https://support.discord.com/hc/en-us/articles/210298617-Markdown-Text-101>).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Pen {
    bold: bool,
    underline: bool,
    letters: Option<u8>,
    ground: Option<u8>,
}

impl Pen {
    fn after(self, code: u8) -> Self {
        match code {
            0 => Self::default(),
            1 => Self { bold: true, ..self },
            4 => Self { underline: true, ..self },
            30..=37 => Self { letters: Some(code), ..self },
            40..=47 => Self { ground: Some(code), ..self },
            _ => self,
        }
    }

    fn class(self) -> String {
        let codes = [self.bold.then_some(1), self.underline.then_some(4), self.letters, self.ground];
        let classes: Vec<String> = codes.into_iter().flatten().map(|code| format!("ansi-{code}")).collect();
        classes.join(" ")
    }
}

/// Returns the text with a `span` for each stretch in another colour.
pub(super) fn render(text: &str) -> Markup {
    html! {
        @for (pen, part) in parts(text) {
            @if pen == Pen::default() { (part) } @else { span class=(pen.class()) { (part) } }
        }
    }
}

/// Returns the text alone.
pub(crate) fn plain(text: &str) -> String {
    parts(text).into_iter().map(|(_, part)| part).collect()
}

fn parts(text: &str) -> Vec<(Pen, &str)> {
    let mut parts = Vec::new();
    let mut pen = Pen::default();
    let (mut rest, mut from) = (text, 0);
    while let Some(found) = rest[from..].find("\u{1b}[") {
        let at = from + found;
        let codes = &rest[at + 2..];
        let length = codes.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b';').count();
        if codes.as_bytes().get(length) != Some(&b'm') {
            from = at + 2;
            continue;
        }
        if at > 0 {
            parts.push((pen, &rest[..at]));
        }
        // No code at all is a reset, like 0.
        for code in codes[..length].split(';') {
            pen = if code.is_empty() { Pen::default() } else { code.parse().map_or(pen, |code| pen.after(code)) };
        }
        (rest, from) = (&codes[length + 1..], 0);
    }
    if !rest.is_empty() {
        parts.push((pen, rest));
    }
    parts
}

#[cfg(test)]
mod tests;
