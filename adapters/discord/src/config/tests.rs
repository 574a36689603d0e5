use super::{ApiUrl, ClientConfig, ParseApiUrlError, ParseTokenError, Token};

#[test]
fn a_token_is_taken_with_and_without_its_word_and_never_printed() {
    for text in ["abc.DEF-1_2", "Bot abc.DEF-1_2", " abc.DEF-1_2\n"] {
        let token: Token = text.parse().unwrap();
        assert_eq!(token.header(), "Bot abc.DEF-1_2");
        assert!(token.header().is_sensitive());
        let shown = format!("{token:?} {:?} {:?}", token.header(), ClientConfig::new(token.clone()));
        assert!(!shown.contains("abc"), "{shown}");
    }
    for text in ["", " ", "a b", "a\nb", "ä", &"a".repeat(201)] {
        assert_eq!(text.parse::<Token>().unwrap_err(), ParseTokenError);
    }
}

#[test]
fn an_address_is_one_of_an_api() {
    let api: ApiUrl = "http://127.0.0.1:9/api/v10/".parse().unwrap();
    assert_eq!(api.join("/users/@me?a=b").unwrap(), "http://127.0.0.1:9/api/v10/users/@me?a=b");
    assert_eq!(ApiUrl::default().join("/x").unwrap(), "https://discord.com/api/v10/x");
    for text in ["", "discord.com/api", "ftp://a/b", "http://u:p@a/b", "http://a/b?c", "http://a/b#c", "http://"] {
        assert_eq!(text.parse::<ApiUrl>(), Err(ParseApiUrlError), "{text}");
    }
}

#[test]
fn a_fingerprint_tells_tokens_apart_and_shows_nothing_of_them() {
    let print = |text: &str| text.parse::<Token>().unwrap().fingerprint();
    assert_eq!(print("a.bot.token"), print("Bot a.bot.token"));
    assert_ne!(print("a.bot.token"), print("b.bot.token"));
    assert_eq!(print("a.bot.token").len(), 16);
    assert!(!print("a.bot.token").contains("bot"));
}
