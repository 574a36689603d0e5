use std::fmt::Write as _;

use syntaxmate::Catalog;

use super::{ALIASES, Budget, LONGEST_LINE, MOST_BYTES, PAGE, language_id, render};
use crate::html::LEAST_CONTRAST;
use crate::html::tests::values;

fn colored(language: &str, code: &str) -> String {
    render(Some(language), code, &Budget::default()).into_string()
}

/// Returns the text of a part of a page.
fn text(page: &str) -> String {
    let mut rest = page;
    let mut text = String::new();
    while let Some((before, after)) = rest.split_once('<') {
        text.push_str(before);
        rest = after.split_once('>').unwrap().1;
    }
    text.push_str(rest);
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

#[test]
fn code_has_the_colours_of_its_language() {
    for (language, code, part) in [
        ("rust", "fn main() { let x = 1; } // done", r#"<span class="k">fn</span>"#),
        ("rust", "fn main() { let x = 1; } // done", r#"<span class="c">// done</span>"#),
        ("python", "def f(a):\n    return 'b'\n", r#"<span class="s">&apos;b&apos;</span>"#),
        ("js", "const a = 5;", r#"<span class="n">5</span>"#),
        ("json", "{\"a\": true}", r#"<span class="n">true</span>"#),
        ("html", "<b>bold</b>", r#"<span class="k">b</span>"#),
        ("diff", "+new\n-old\n", r#"<span class="i">+new</span>"#),
        ("diff", "+new\n-old\n", r#"<span class="d">-old</span>"#),
        ("sql", "SELECT 1 FROM t", r#"<span class="k">SELECT</span>"#),
        ("c", "int main(void) { return 0; }", r#"<span class="k">return</span>"#),
        ("css", "a { color: red }", "<span class="),
        ("toml", "[a]\nb = 1\n", r#"<span class="n">1</span>"#),
        ("yaml", "a: true", r#"<span class="n">true</span>"#),
        ("sh", "if true; then echo 'a'; fi", r#"<span class="k">if</span>"#),
    ] {
        let page = colored(language, code).replace('\'', "&apos;");
        assert!(page.contains(part), "{language}: {page}");
        assert_eq!(text(&page).replace("&apos;", "'"), code, "{language}");
    }
}

#[test]
fn names_of_highlight_js_are_known_in_any_case_and_each_names_a_grammar() {
    assert!(ALIASES.is_sorted_by(|(one, _), (other, _)| one < other));
    let languages = Catalog::bundled();
    for (alias, id) in ALIASES {
        assert_eq!(languages.canonical_language(id), Some(*id), "{alias}");
    }
    for (name, id) in [
        ("RS", "rust"),
        ("py", "python"),
        ("Golang", "go"),
        ("c++", "cpp"),
        ("hpp", "cpp"),
        ("C#", "csharp"),
        ("cs", "csharp"),
        ("kt", "kotlin"),
        ("yml", "yaml"),
        ("bash", "shellscript"),
        ("console", "shellsession"),
        ("dockerfile", "docker"),
        ("html", "html"),
        ("svg", "xml"),
        ("md", "markdown"),
        ("tsx", "tsx"),
        ("patch", "diff"),
    ] {
        assert_eq!(language_id(name).as_deref(), Some(id), "{name}");
    }
}

#[test]
fn code_of_an_unknown_language_is_plain() {
    for language in [None, Some(""), Some("no-such-language"), Some("txt\" onclick=\"x")] {
        assert_eq!(render(language, "let a = <b>;", &Budget::default()).into_string(), "let a = &lt;b&gt;;");
    }
}

#[test]
fn what_is_typed_is_escaped_and_none_of_it_is_lost() {
    for language in ["html", "js", "rust", "php", "markdown", "diff", "c", "sh"] {
        for code in
            ["<script>alert(1)</script>", "'</span><b>\"&amp;", "\r\n\n\n<", "// <!--\r\n\u{2028}\0é日本語", "\n", ""]
        {
            let page = colored(language, code);
            assert!(!page.contains("<script") && !page.contains("<b>"), "{language}: {page}");
            assert_eq!(text(&page), code, "{language}");
        }
    }
}

#[test]
fn hostile_code_ends_within_the_budget_of_its_page() {
    let line = |part: &str| part.repeat(LONGEST_LINE / part.len() - 1) + "\n";
    let names = ["rust", "js", "cpp", "html", "markdown", "perl", "ruby", "tsx"];
    for part in ["(", "\"\\", "a<b<", "`${", "a.b::c<d>("] {
        let code = line(part).repeat(400_000 / LONGEST_LINE);
        let budget = Budget::default();
        for name in names {
            let page = render(Some(name), &code, &budget).into_string();
            assert_eq!(text(&page).len(), code.len(), "{name}");
        }
        assert!(budget.left().work < PAGE / 2, "{part}: it was spent");
    }
}

#[test]
fn lines_beyond_a_limit_are_plain() {
    let code = "let a = 1;\n".repeat(MOST_BYTES / 8);
    let page = colored("rust", &code);
    assert_eq!(text(&page), code);
    let rest = page.rsplit_once("</span>").unwrap().1;
    assert!(rest.len() > code.len() - MOST_BYTES, "{}", rest.len());
    let long = format!("let a = 1;\nlet b = \"{}\";\nlet c = 1;\n", "x".repeat(LONGEST_LINE));
    let page = colored("rust", &long);
    assert_eq!((page.matches("<span").count(), text(&page)), (2, long), "{page}");
}

#[test]
fn a_page_has_a_budget_for_all_of_its_code_and_for_its_languages() {
    let budget = Budget::default();
    let mut code = String::new();
    for number in 0..200 {
        writeln!(code, "let a{number} = {number};").unwrap();
    }
    let is_colored = |budget: &Budget| render(Some("rust"), &code, budget).into_string().contains("<span");
    let colored = (0..1_000).take_while(|_| is_colored(&budget)).count();
    assert!((3..100).contains(&colored), "{colored} blocks");
    assert_eq!(render(Some("rust"), "let a = 1;", &budget).into_string(), "let a = 1;");

    let budget = Budget::default();
    let languages = Catalog::bundled();
    let languages = languages.languages();
    let loaded = languages.iter().filter(|name| budget.load(name)).count();
    assert!((8..64).contains(&loaded), "{loaded} of {} languages", languages.len());
}

#[test]
fn the_colours_can_be_read_on_the_ground_of_code() {
    for class in ["c", "s", "n", "k", "f", "t", "i", "d"] {
        let letters = values(&format!("pre .{class}{{color"));
        for (letters, ground) in letters.into_iter().zip(values("--soft")) {
            let contrast = letters.contrast(ground);
            assert!(contrast >= LEAST_CONTRAST, "{class}: {contrast:.2}");
        }
    }
}
