use super::*;

#[test]
fn a_page_loads_pictures_of_its_own_host_and_the_logo_alone() {
    let pictures = |logo: Option<&str>| {
        let policy = policy(logo).to_str().unwrap().to_owned();
        policy.split("; ").find_map(|rule| rule.strip_prefix("img-src ")).unwrap().to_owned()
    };
    for (logo, expected) in [
        (None, "'self'"),
        (Some("https://example.org/logo.png?a=b"), "'self' https://example.org"),
        (Some("http://example.org:8080/logo.png"), "'self' http://example.org:8080"),
        (Some("https://[2001:db8::1]/logo.png"), "'self' https://[2001:db8::1]"),
        (Some("https://*/logo.png"), "'self'"),
        (Some("https://a;b/logo.png"), "'self'"),
        (Some("https://user@example.org/logo.png"), "'self'"),
        (Some("/logo.png"), "'self'"),
    ] {
        assert_eq!(pictures(logo), expected, "{logo:?}");
    }
}
