//! `CommonMark` in which text that people wrote stays text.

/// A part of a document that is being written. Text that is [pushed](Text::push) is shown as it is: no character of it is
/// read as markup.
#[derive(Default)]
pub(super) struct Text {
    out: String,
    /// Whether it continues a line.
    continues: bool,
}

impl Text {
    /// Returns a text that continues a line.
    pub(super) fn inside() -> Self {
        Self { out: String::new(), continues: true }
    }

    /// Returns the `CommonMark` of a text on one line.
    pub(super) fn line(text: &str) -> String {
        let mut line = Self::default();
        line.push(&text.split_whitespace().collect::<Vec<_>>().join(" "));
        line.finish()
    }

    /// Adds a text that people wrote.
    pub(super) fn push(&mut self, text: &str) {
        let is_shown = |char: &char| !char.is_control() || matches!(char, '\r' | '\n' | '\t');
        let mut chars = text.chars().filter(is_shown).peekable();
        while let Some(char) = chars.next() {
            match char {
                '\r' if chars.peek() == Some(&'\n') => {}
                '\r' | '\n' => self.break_line(),
                // A line that begins with blanks can be code.
                ' ' | '\t' if self.is_at_start() => {}
                '\t' => self.out.push(' '),
                char => {
                    if self.is_markup(char, chars.peek().copied()) {
                        self.out.push('\\');
                    }
                    self.out.push(char);
                }
            }
        }
    }

    /// Returns whether a character could be read as markup here.
    fn is_markup(&self, char: char, next: Option<char>) -> bool {
        match char {
            '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '~' | '|' => true,
            // Between letters it is a letter, as in `snake_case`.
            '_' => {
                let before = self.out.chars().next_back();
                !(before.is_some_and(char::is_alphanumeric) && next.is_some_and(char::is_alphanumeric))
            }
            // A character reference.
            '&' => next.is_none_or(|next| next == '#' || next.is_ascii_alphabetic()),
            // A picture, if a link follows.
            '!' => next.is_none(),
            // A heading, at its start and at its end.
            '#' => self.is_at_start() || next.is_none_or(|next| next == '#'),
            // A list, or a line below a heading.
            '+' | '-' | '=' => self.is_at_start(),
            // The line below the head of a table.
            ':' => self.is_at_start() && next.is_none_or(|next| next == '-'),
            '.' | ')' => self.is_after_number(),
            _ => false,
        }
    }

    fn is_at_start(&self) -> bool {
        if self.out.is_empty() { !self.continues } else { self.out.ends_with('\n') }
    }

    /// Returns whether the line so far is a number, which a list could begin with.
    fn is_after_number(&self) -> bool {
        let (is_first, line) = self.out.rsplit_once('\n').map_or((true, &*self.out), |(_, line)| (false, line));
        !(line.is_empty() || is_first && self.continues) && line.bytes().all(|byte| byte.is_ascii_digit())
    }

    /// Adds markup of ours.
    pub(super) fn raw(&mut self, markup: &str) {
        self.out.push_str(markup);
    }

    /// Ends a line. Several ends of lines begin a paragraph.
    pub(super) fn break_line(&mut self) {
        let end = self.out.trim_end_matches([' ', '\t']).len();
        self.out.truncate(end);
        if self.out.ends_with("\n\n") || self.out.is_empty() && !self.continues {
            return;
        }
        self.out.push_str(if self.out.ends_with('\n') { "\n" } else { "  \n" });
    }

    /// Adds code within a line.
    pub(super) fn code(&mut self, code: &str) {
        let code: String = code.chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
        if code.is_empty() {
            return;
        }
        // Two pieces of code side by side would be one.
        if self.out.ends_with('`') {
            self.out.push(' ');
        }
        let fence = "`".repeat(longest_run(&code) + 1);
        let is_blank = code.bytes().all(|byte| byte == b' ');
        let touches = code.starts_with('`') || code.ends_with('`') || code.starts_with(' ') && code.ends_with(' ');
        let pad = if touches && !is_blank { " " } else { "" };
        self.out.extend([&fence, pad, &code, pad, &fence]);
    }

    /// Adds a block of code, on lines of its own.
    pub(super) fn code_block(&mut self, language: Option<&str>, code: &str) {
        let end = self.out.trim_end_matches([' ', '\t']).len();
        self.out.truncate(end);
        if !self.is_at_start() {
            self.out.push('\n');
        }
        self.out.push_str(&fenced(language, code));
        self.out.push('\n');
    }

    /// Adds the content of a style, between two of its marks; each paragraph has its own.
    pub(super) fn styled(&mut self, mark: &str, content: &str) {
        for (index, paragraph) in content.split("\n\n").enumerate() {
            if index > 0 {
                self.out.push_str("\n\n");
            }
            let inner = paragraph.trim_matches([' ', '\n']);
            if inner.is_empty() {
                self.out.push_str(if self.is_at_start() { "" } else { paragraph });
                continue;
            }
            // A mark beside a blank is none.
            let start = paragraph.len() - paragraph.trim_start_matches([' ', '\n']).len();
            let (before, after) = (&paragraph[..start], &paragraph[start + inner.len()..]);
            self.out.push_str(if self.is_at_start() { "" } else { before });
            self.out.extend([mark, inner, mark, after]);
        }
    }

    /// Adds a link with a label that is markup already.
    pub(super) fn link(&mut self, label: &str, url: &str) {
        self.out.push_str(&link(label, url));
    }

    /// Adds an address as a link.
    pub(super) fn address(&mut self, url: &str) {
        let is_absolute = url.starts_with("https://") || url.starts_with("http://");
        if is_absolute && is_plain(url) {
            self.out.extend(["<", url, ">"]);
        } else {
            let mut label = Self::inside();
            label.push(url);
            self.out.push_str(&link(&label.finish(), url));
        }
    }

    /// Returns it with the blanks at its end.
    pub(super) fn into_content(self) -> String {
        self.out
    }

    /// Returns it without blanks at its end.
    pub(super) fn finish(mut self) -> String {
        let end = self.out.trim_end_matches([' ', '\t', '\n']).len();
        self.out.truncate(end);
        self.out
    }
}

/// Returns a link with a label that is markup already.
pub(super) fn link(label: &str, url: &str) -> String {
    if is_plain(url) { format!("[{label}]({url})") } else { format!("[{label}](<{}>)", destination(url)) }
}

/// Returns whether an address needs no brackets around it.
fn is_plain(url: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#@!$'*+,=%&".contains(&byte);
    !url.is_empty() && url.bytes().all(is_plain)
}

/// Returns an address as it is written between `<` and `>`.
fn destination(url: &str) -> String {
    let mut written = String::with_capacity(url.len());
    for char in url.chars() {
        match char {
            // A character reference, which ends in a semicolon.
            '&' if url.contains(';') => written.push_str("&amp;"),
            '<' | '>' | '\\' | '`' | '"' | '|' | '\0'..=' ' | '\x7F' => {
                written.extend(["%", &format!("{:02X}", u32::from(char))]);
            }
            char => written.push(char),
        }
    }
    written
}

/// Returns a block of code.
pub(super) fn fenced(language: Option<&str>, code: &str) -> String {
    let code = code.replace("\r\n", "\n").replace('\r', "\n");
    let fence = "`".repeat((longest_run(&code) + 1).max(3));
    format!("{fence}{}\n{code}\n{fence}", language.unwrap_or_default())
}

/// Returns the length of the longest run of backticks.
fn longest_run(code: &str) -> usize {
    code.split(|char| char != '`').map(str::len).max().unwrap_or_default()
}

/// Returns blocks inside another one: each line begins with `rest`, the first one with `first`.
pub(super) fn nested(blocks: &str, first: &str, rest: &str) -> String {
    let mut nested = String::with_capacity(blocks.len());
    for (index, line) in blocks.split('\n').enumerate() {
        let prefix = if index == 0 { first } else { rest };
        if index > 0 {
            nested.push('\n');
        }
        nested.push_str(if line.is_empty() { prefix.trim_end() } else { prefix });
        nested.push_str(line);
    }
    nested
}

/// Returns a quote of blocks.
pub(super) fn quoted(blocks: &str) -> String {
    nested(blocks, "> ", "> ")
}
