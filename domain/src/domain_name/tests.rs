use super::{DomainName, DomainNameError};

#[test]
fn a_domain_is_a_name_in_the_dns_in_lower_case() {
    let label = "a".repeat(63);
    let longest = format!("{label}.{label}.{label}.{}", "b".repeat(61));
    for text in ["a.b", "community.example.org", "xn--bcher-kva.example", "1.2.example", "a-b.c--d.e", &longest] {
        assert_eq!(DomainName::new(text).unwrap().as_str(), text);
    }
    assert_eq!(DomainName::new("Otters.EXAMPLE.org").unwrap().as_str(), "otters.example.org");
}

#[test]
fn a_text_that_is_not_a_domain_is_refused_with_the_reason() {
    let label = "a".repeat(63);
    let refused = |text: &str| DomainName::new(text).unwrap_err();
    let given = |text: &str| text.chars().take(64).collect::<String>();
    for text in ["https://a.b", "a.b:80", "a.b/c", "a_b.c", "bücher.example", "a b.c", "[::1]", "a.b\n", "*.a.b"] {
        assert_eq!(refused(text), DomainNameError::Characters(given(text)), "{text}");
    }
    let long = format!("{label}.{label}.{label}.{}", "b".repeat(62));
    assert_eq!(refused(&long), DomainNameError::Long(given(&long)));
    for text in ["", ".", "a..b", ".a.b", "a.b.", "-a.b", "a-.b", "a.b-", &format!("{label}a.b")] {
        assert_eq!(refused(text), DomainNameError::Label(given(text)), "{text}");
    }
    for text in ["localhost", "127.0.0.1", "1.2", "a.0x7f", "7"] {
        assert_eq!(refused(text), DomainNameError::Name(given(text)), "{text}");
    }
}

#[test]
fn a_host_header_names_a_domain_in_any_form() {
    for text in ["a.example", "A.Example", "a.example.", "a.example:80", "A.EXAMPLE.:25000", "a.example:"] {
        assert_eq!(DomainName::of_authority(text), Some(DomainName::new("a.example").unwrap()), "{text}");
    }
    let long = "a.".repeat(200);
    for text in
        ["", "a.example..", "a.example:x", "a.example:80:80", "a.example/../x", "u@a.example", "[::1]:80", &long]
    {
        assert_eq!(DomainName::of_authority(text), None, "{text}");
    }
}
