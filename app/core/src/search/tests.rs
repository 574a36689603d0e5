use super::*;

/// Returns the excerpt with its matches in brackets and its spoilers between bars.
fn excerpt(query: &str, texts: &[&str]) -> String {
    let texts: Vec<SearchText> = texts.iter().map(|text| SearchText::rendered(text)).collect();
    let excerpt = Excerpt::new(&query.parse().unwrap(), &texts);
    let shown = |Piece { text, is_match, is_hidden }: &Piece| {
        let text = if *is_match { format!("[{text}]") } else { text.clone() };
        if *is_hidden { format!("|{text}|") } else { text }
    };
    excerpt.pieces.iter().map(shown).collect::<String>().trim().to_owned()
}

#[test]
fn an_excerpt_marks_what_matches() {
    assert_eq!(excerpt("fox naive", &["The Naïve fox, a fox"]), "The [Naïve] [fox], a [fox]");
    assert_eq!(excerpt("京", &["東京都"]), "東[京]都");
    assert_eq!(excerpt("has:image", &["The fox"]), "The fox");
}

#[test]
fn an_excerpt_is_of_the_first_text_that_matches() {
    assert_eq!(excerpt("fox", &["", "one", "the fox", "fox"]), "the [fox]");
    assert_eq!(excerpt("-fox", &["  ", "one", "two"]), "one");
    assert_eq!(excerpt("fox", &[]), "");
}

#[test]
fn an_excerpt_is_around_the_first_match() {
    let long = format!("{}fox{}", "ä ".repeat(500), " ö".repeat(500));
    let part = excerpt("fox", &[&long]);
    assert!(part.starts_with("…") && part.ends_with('…') && part.contains("[fox]"), "{part}");
    assert!(part.chars().count() < 300, "{}", part.chars().count());
    let words = excerpt("fox", &[&format!("{}the brown fox", "something ".repeat(9))]);
    assert!(words.starts_with("…something something"), "{words}");
    let after = excerpt("ö", &[&format!("{}ö", "ä ".repeat(20))]);
    assert!(after.starts_with("ä ä") && after.ends_with("[ö]"), "{after}");
}

#[test]
fn an_excerpt_keeps_spoilers_apart() {
    assert_eq!(excerpt("dies", &["at the end ||he dies there||, really"]), "at the end |he ||[dies]|| there|, really");
    assert_eq!(excerpt("end", &["the end ||he dies||"]), "the [end] |he dies|");
    assert_eq!(excerpt("\"end he\"", &["the end ||he dies||"]), "the [end ]|[he]|| dies|");
}
