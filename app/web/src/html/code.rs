//! Code blocks in the colours of their language.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use maud::{Markup, html};
use syntaxmate::{Catalog, HighlightStatus, PreparedLanguage, Scopes, Token, TokenizerOptions};

/// The most bytes of a block that are coloured: whole lines, and what follows is shown plain.
const MOST_BYTES: usize = 32 << 10;
/// The bytes of the longest line that is coloured. Rules search a line once for each of its parts.
const LONGEST_LINE: usize = 1 << 10;
/// The work that a page may spend on its code, in the units of [`Budget`].
const PAGE: u32 = 1 << 20;
/// The work between two polls of the tokenizer, which are sixteen searches.
const POLL: u32 = 256;
/// The work of a line on which a search was given up, which has cost the most that one may.
const DEGRADED: u32 = 1 << 16;
/// The work of the first block of a language on a page, whose rules can have to be loaded.
const LANGUAGE: u32 = 1 << 15;
/// The work of a block, beside that of its lines.
const BLOCK: u32 = 1 << 10;
/// The most languages that are kept in memory.
const KEPT: usize = 32;

/// The names of languages that differ from those of the grammars: names of highlight.js, which Discord takes, in order.
const ALIASES: &[(&str, &str)] = &[
    ("actionscript", "actionscript-3"),
    ("ado", "stata"),
    ("adoc", "asciidoc"),
    ("apacheconf", "apache"),
    ("arduino", "cpp"),
    ("arm", "asm"),
    ("armasm", "asm"),
    ("as", "actionscript-3"),
    ("atom", "xml"),
    ("avrasm", "asm"),
    ("bash", "shellscript"),
    ("c#", "csharp"),
    ("c++", "cpp"),
    ("cc", "cpp"),
    ("cjs", "javascript"),
    ("clj", "clojure"),
    ("cmake.in", "cmake"),
    ("cmd", "bat"),
    ("coffeescript", "coffee"),
    ("console", "shellsession"),
    ("cr", "crystal"),
    ("cs", "csharp"),
    ("cson", "coffee"),
    ("cts", "typescript"),
    ("cxx", "cpp"),
    ("delphi", "pascal"),
    ("django", "jinja-html"),
    ("dockerfile", "docker"),
    ("dos", "bat"),
    ("dpr", "pascal"),
    ("dts", "c"),
    ("edn", "clojure"),
    ("el", "emacs-lisp"),
    ("erl", "erlang"),
    ("f#", "fsharp"),
    ("f90", "fortran-free-form"),
    ("f95", "fortran-free-form"),
    ("fortran", "fortran-free-form"),
    ("freepascal", "pascal"),
    ("fs", "fsharp"),
    ("gawk", "awk"),
    ("gemspec", "ruby"),
    ("golang", "go"),
    ("gql", "graphql"),
    ("gradle", "groovy"),
    ("gyp", "python"),
    ("h", "c"),
    ("h++", "cpp"),
    ("hbs", "handlebars"),
    ("hh", "cpp"),
    ("hpp", "cpp"),
    ("hs", "haskell"),
    ("htm", "html"),
    ("htmlbars", "handlebars"),
    ("https", "http"),
    ("hx", "haxe"),
    ("hxx", "cpp"),
    ("ino", "cpp"),
    ("irb", "ruby"),
    ("jinja2", "jinja"),
    ("jl", "julia"),
    ("js", "javascript"),
    ("jsp", "html"),
    ("kt", "kotlin"),
    ("kts", "kotlin"),
    ("lazarus", "pascal"),
    ("lisp", "common-lisp"),
    ("mak", "make"),
    ("makefile", "make"),
    ("mathematica", "wolfram"),
    ("md", "markdown"),
    ("mips", "mipsasm"),
    ("mjs", "javascript"),
    ("mk", "make"),
    ("mkd", "markdown"),
    ("mkdown", "markdown"),
    ("ml", "ocaml"),
    ("mm", "objective-c"),
    ("mma", "wolfram"),
    ("mssql", "sql"),
    ("mts", "typescript"),
    ("mysql", "sql"),
    ("nasm", "asm"),
    ("nginxconf", "nginx"),
    ("nixos", "nix"),
    ("obj-c", "objective-c"),
    ("obj-c++", "objective-cpp"),
    ("objc", "objective-c"),
    ("objectivec", "objective-c"),
    ("osascript", "applescript"),
    ("pas", "pascal"),
    ("patch", "diff"),
    ("pde", "java"),
    ("pgsql", "sql"),
    ("php3", "php"),
    ("php4", "php"),
    ("php5", "php"),
    ("php6", "php"),
    ("php7", "php"),
    ("pl", "perl"),
    ("plist", "xml"),
    ("pluto", "lua"),
    ("pm", "perl"),
    ("podspec", "ruby"),
    ("postgres", "sql"),
    ("postgresql", "sql"),
    ("pp", "puppet"),
    ("processing", "java"),
    ("properties", "ini"),
    ("protobuf", "proto"),
    ("ps", "powershell"),
    ("ps1", "powershell"),
    ("pwsh", "powershell"),
    ("py", "python"),
    ("pycon", "python"),
    ("python-repl", "python"),
    ("qt", "qml"),
    ("rb", "ruby"),
    ("rkt", "racket"),
    ("rpy", "python"),
    ("rs", "rust"),
    ("rss", "xml"),
    ("scad", "openscad"),
    ("sh", "shellscript"),
    ("shell", "shellsession"),
    ("sqlite", "sql"),
    ("st", "smalltalk"),
    ("styl", "stylus"),
    ("sv", "system-verilog"),
    ("svg", "xml"),
    ("svh", "system-verilog"),
    ("tex", "latex"),
    ("tf", "terraform"),
    ("thor", "ruby"),
    ("tk", "tcl"),
    ("ts", "typescript"),
    ("tsql", "sql"),
    ("v", "verilog"),
    ("vbnet", "vb"),
    ("vbs", "vb"),
    ("vbscript", "vb"),
    ("vhd", "vhdl"),
    ("vim", "viml"),
    ("wl", "wolfram"),
    ("x86asm", "asm"),
    ("xhtml", "html"),
    ("xjb", "xml"),
    ("xsd", "xml"),
    ("yml", "yaml"),
    ("zsh", "shellscript"),
];

/// The work that a page has left for the colours of its code. It is counted, and not measured in time, so that a page is
/// the same each time that it is made.
#[derive(Debug)]
pub(crate) struct Budget(Mutex<Left>);

#[derive(Debug)]
struct Left {
    work: u32,
    /// The languages of the blocks so far.
    languages: Vec<String>,
}

impl Default for Budget {
    fn default() -> Self {
        Self(Mutex::new(Left { work: PAGE, languages: Vec::new() }))
    }
}

impl Budget {
    fn left(&self) -> MutexGuard<'_, Left> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Spends work; returns whether there was enough left.
    fn spend(&self, work: u32) -> bool {
        let mut left = self.left();
        let is_enough = left.work >= work;
        left.work = left.work.saturating_sub(work);
        is_enough
    }

    /// Spends the work of loading a language, unless another block of the page had it.
    fn load(&self, id: &str) -> bool {
        if self.left().languages.iter().any(|known| known == id) {
            return true;
        }
        self.left().languages.push(id.to_owned());
        self.spend(LANGUAGE)
    }
}

/// Returns code with a `span` for each part in a colour of its own; plain if its language is unknown, and after the part
/// that the limits allow.
pub(super) fn render(language: Option<&str>, code: &str, budget: &Budget) -> Markup {
    let id = language.and_then(language_id).filter(|id| budget.load(id) && budget.spend(BLOCK));
    let Some(prepared) = id.and_then(prepared) else { return html! { (code) } };
    let parts = parts(&prepared, code, budget);
    html! {
        @for (class, part) in parts {
            @match class { Some(class) => span class=(class) { (part) }, None => (part) }
        }
    }
}

/// Returns the id of the language with a name.
fn language_id(name: &str) -> Option<String> {
    let name = name.to_ascii_lowercase();
    let catalog = Catalog::bundled();
    let known = |name: &str| catalog.canonical_language(name).map(str::to_owned);
    match ALIASES.binary_search_by_key(&name.as_str(), |(alias, _)| *alias) {
        Ok(index) => known(ALIASES[index].1),
        Err(_) => known(&name),
    }
}

/// Returns the rules of a language, which stay in memory once they are loaded.
fn prepared(id: String) -> Option<PreparedLanguage> {
    static LOADED: LazyLock<Mutex<HashMap<String, PreparedLanguage>>> = LazyLock::new(Mutex::default);
    if let Some(found) = LOADED.lock().unwrap_or_else(PoisonError::into_inner).get(&id) {
        return Some(found.clone());
    }
    let made = PreparedLanguage::from_catalog(&Catalog::bundled(), &id).ok()?;
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if loaded.len() >= KEPT {
        loaded.clear();
    }
    loaded.insert(id, made.clone());
    Some(made)
}

/// Returns the parts of code, each with its class; neighbours of one class are one part.
fn parts<'a>(prepared: &PreparedLanguage, code: &'a str, budget: &Budget) -> Vec<(Option<&'static str>, &'a str)> {
    // A cache of lines would make the work of a line depend on those before it.
    let options = TokenizerOptions { max_line_bytes: LONGEST_LINE, line_cache_entries: 0 };
    let mut tokenizer = prepared.tokenizer(options);
    let mut state = tokenizer.initial_state();
    let mut spans: Vec<(Option<&'static str>, usize)> = Vec::new();
    let mut done = 0;
    for line in code.split_inclusive('\n') {
        let text = line.strip_suffix('\n').unwrap_or(line);
        if done + line.len() > MOST_BYTES || text.len() >= LONGEST_LINE {
            break;
        }
        // A search can visit the rest of the line for each of its bytes.
        let work = text.len() * (1 + text.len() / 64) + 64;
        if !budget.spend(u32::try_from(work).unwrap_or(u32::MAX)) {
            break;
        }
        let before = (spans.len(), spans.last().copied());
        let mut push = |class: Option<&'static str>, end: usize| match spans.last_mut() {
            Some((last, reached)) if *last == class => *reached = end,
            _ => spans.push((class, end)),
        };
        let sink = |token: Token| push(class(token.scopes()), done + token.range().end);
        let status = tokenizer.tokenize_line_with_interrupt(text, &mut state, sink, || !budget.spend(POLL));
        match status {
            Ok(HighlightStatus::Complete) => {}
            // What was found before the limit is right.
            Ok(HighlightStatus::Degraded) if budget.spend(DEGRADED) => {}
            Ok(HighlightStatus::Degraded) | Err(_) => {
                spans.truncate(before.0);
                if let (Some(last), Some(whole)) = (spans.last_mut(), before.1) {
                    *last = whole;
                }
                break;
            }
        }
        done += line.len();
        if text.len() < line.len() {
            spans.push((None, done));
        }
    }
    let mut parts = Vec::with_capacity(spans.len() + 1);
    let mut from = 0;
    for (class, end) in spans {
        let Some(part) = code.get(from..end).filter(|part| !part.is_empty()) else { continue };
        parts.push((class, part));
        from = end;
    }
    parts.extend(code.get(from..).filter(|rest| !rest.is_empty()).map(|rest| (None, rest)));
    parts
}

/// The classes of scopes by the beginnings of their names; of several that fit, the first one is meant.
const CLASSES: &[(&str, Option<&str>)] = &[
    ("comment", Some("c")),
    ("string", Some("s")),
    ("constant.character.escape", Some("n")),
    ("constant", Some("n")),
    ("keyword.operator", None),
    ("keyword", Some("k")),
    ("storage", Some("k")),
    ("variable.language", Some("k")),
    ("entity.name.tag", Some("k")),
    ("entity.name.function", Some("f")),
    ("support.function", Some("f")),
    ("entity.name.type", Some("t")),
    ("entity.name.class", Some("t")),
    ("entity.name.namespace", Some("t")),
    ("entity.other", Some("t")),
    ("support.type", Some("t")),
    ("support.class", Some("t")),
    ("markup.inserted", Some("i")),
    ("markup.deleted", Some("d")),
    ("markup.heading", Some("k")),
    ("meta.diff", Some("t")),
    // The code inside a string.
    ("meta.embedded", None),
    ("meta.interpolation", None),
    ("meta.template.expression", None),
];

/// Returns the class of a part with these scopes: that of the innermost one that has one.
fn class(scopes: Scopes<'_>) -> Option<&'static str> {
    let names: Vec<&str> = scopes.collect();
    let fits =
        |name: &str, start: &str| name.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    let of = |name: &&str| CLASSES.iter().find(|(start, _)| fits(name, start)).map(|(_, class)| *class);
    names.iter().rev().find_map(of).flatten()
}

#[cfg(test)]
mod tests;
