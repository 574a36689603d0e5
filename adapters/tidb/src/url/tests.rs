use super::*;

fn parsed(text: &str) -> DatabaseUrl {
    text.parse().unwrap()
}

fn refused(text: &str) -> String {
    let error: DatabaseUrlError = text.parse::<DatabaseUrl>().unwrap_err();
    error.to_string()
}

#[test]
fn every_part_of_an_address_is_read() {
    let url =
        parsed("mysql://verta:secret@db.example.org:4001/archive?ssl-mode=VERIFY_IDENTITY&ssl-ca=/etc/a%20ca.pem");
    assert_eq!((url.host.as_str(), url.port), ("db.example.org", 4001));
    assert_eq!((url.user.as_str(), url.password.as_str(), url.database.as_str()), ("verta", "secret", "archive"));
    assert_eq!((url.tls, url.ca), (TlsMode::VerifyIdentity, Some(PathBuf::from("/etc/a ca.pem"))));
}

#[test]
fn what_an_address_leaves_out_has_a_default() {
    let url = parsed("mysql://root@127.0.0.1/verta");
    assert_eq!((url.port, url.password.as_str()), (4000, ""));
    assert_eq!((url.tls, url.ca), (TlsMode::Disabled, None));
}

#[test]
fn the_user_and_the_password_may_hold_any_character() {
    let url = parsed("mysql://a%40b:p%40ss%2Fw%3Ard%23%3F%25%C3%A9@tidb/verta");
    assert_eq!((url.user.as_str(), url.password.as_str()), ("a@b", "p@ss/w:rd#?%é"));
}

#[test]
fn a_number_of_the_sixth_version_loses_its_brackets() {
    assert_eq!(parsed("mysql://root@[::1]:4000/verta").host, "::1");
}

#[test]
fn printing_an_address_hides_the_password() {
    let url = parsed("mysql://verta:hunter2@tidb:4000/archive?ssl-mode=REQUIRED");
    assert_eq!(url.to_string(), "mysql://verta:***@tidb:4000/archive");
    assert!(!format!("{url:?}").contains("hunter2"));
}

#[test]
fn no_refusal_holds_the_password() {
    for text in [
        "mysql://verta:hunter2",
        "mysql://verta:hunter2#x@tidb/archive",
        "mysql://verta:hunter2@tidb/",
        "mysql://verta:hunter2@tidb:99999/archive",
        "mysql://verta:hunter2%FF@tidb/archive",
        "mysql://verta:hunter2@tidb/archive?pool_max=3",
        "postgres://verta:hunter2@tidb/archive",
        "verta:hunter2@tidb/archive",
    ] {
        assert!(!refused(text).contains("hunter2"), "{text} gave {}", refused(text));
    }
}

#[test]
fn a_missing_part_is_named() {
    assert!(refused("mysql://root@tidb:4000").contains("the database"));
    assert!(refused("mysql://tidb:4000/verta").contains("the user"));
    assert!(refused("mysql:///verta").contains("the host"));
}

#[test]
fn an_unknown_or_repeated_parameter_is_refused_by_its_name() {
    assert!(refused("mysql://root@tidb/verta?pool_max=3").contains("\"pool_max\""));
    assert!(refused("mysql://root@tidb/verta?require_ssl=true").contains("\"require_ssl\""));
    assert!(refused("mysql://root@tidb/verta?ssl-mode=DISABLED&ssl-mode=REQUIRED").contains("ssl-mode twice"));
}

#[test]
fn a_mode_that_may_go_on_in_plain_text_is_refused() {
    assert!(refused("mysql://root@tidb/verta?ssl-mode=PREFERRED").contains("PREFERRED"));
    assert!(refused("mysql://root@tidb/verta?ssl-mode=verify_ca").contains("\"verify_ca\""));
}

#[test]
fn an_authority_that_no_mode_asks_is_refused() {
    for mode in ["", "&ssl-mode=DISABLED", "&ssl-mode=REQUIRED"] {
        let text = format!("mysql://root@tidb/verta?ssl-ca=/ca.pem{mode}");
        assert!(refused(&text).contains("ssl-ca"), "{text}");
    }
    assert!(refused("mysql://root@tidb/verta?ssl-mode=VERIFY_CA&ssl-ca=").contains("without a path"));
}
