use super::*;

fn read(vars: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::from_vars(|name| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
}

fn refused(name: &str, value: &str) -> ConfigError {
    let error = read(&[(name, value)]).expect_err(value);
    assert_eq!(error.variable, name, "{value}");
    error
}

#[test]
fn without_any_variable_the_defaults_hold() {
    let config = read(&[]).unwrap();
    assert_eq!(config.store, StoreUrl::Sqlite("data/verta.db".into()));
    assert_eq!(config.pool_size, 10);
    assert!(config.admin_key.is_none() && config.pseudonym_key.is_none() && config.public_url.is_none());
    assert_eq!(config.bind, "127.0.0.1:25000".parse().unwrap());
    assert_eq!((config.log.as_str(), config.log_format), ("info", LogFormat::Text));
    assert_eq!(config.rate_limit, NonZeroU32::new(600));
    assert_eq!(config.cache_bytes, Some(64 << 20));
    let (usual, with_events) = (Some(Duration::from_hours(1)), Some(Duration::from_hours(6)));
    assert_eq!(config.sync_interval, SyncInterval { usual, with_events });
    assert!(config.trusted_proxies.is_empty());
}

#[test]
fn an_empty_variable_is_an_unset_one() {
    let empty: Vec<_> = SETTINGS.iter().map(|setting| (setting.name, "")).collect();
    assert_eq!(format!("{:?}", read(&empty).unwrap()), format!("{:?}", read(&[]).unwrap()));
}

#[test]
fn every_setting_of_the_table_is_read_and_no_other() {
    let asked = std::cell::RefCell::new(Vec::new());
    Config::from_vars(|name| {
        asked.borrow_mut().push(name.to_owned());
        None
    })
    .unwrap();
    assert_eq!(*asked.borrow(), SETTINGS.map(|setting| setting.name.to_owned()));
}

#[test]
fn every_setting_takes_what_it_should() {
    let key = "0123456789abcdef".repeat(4);
    let config = read(&[
        ("DATABASE_URL", "sqlite:///var/lib/verta/a.db"),
        ("DATABASE_POOL_SIZE", "3"),
        ("DISCORD_BOT_TOKEN", "a.bot.token"),
        ("DISCORD_API_URL", "http://127.0.0.1:9/api/v10"),
        ("SYNC_INTERVAL", "90m"),
        ("SYNC_FULL_INTERVAL", "2w"),
        ("SEARCH_URL", "http://search-1:25000, http://10.0.0.7/"),
        ("MEDIA_URL", "s3://needles/media?region=eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "an-id"),
        ("AWS_SECRET_ACCESS_KEY", "a-secret"),
        ("AWS_SESSION_TOKEN", "a-token"),
        ("ADMIN_API_KEY", "sixteen-letters!"),
        ("PSEUDONYM_KEY", &key),
        ("BIND", "[::1]:80"),
        ("PUBLIC_URL", "https://archive.example.org/"),
        ("INDEXNOW_KEY", "0123-abcd-XYZ"),
        ("INDEXNOW_URL", "http://127.0.0.1:9/indexnow"),
        ("LOG", "warn,app=debug"),
        ("LOG_FORMAT", "json"),
        ("RATE_LIMIT", "0"),
        ("CACHE_MIB", "0"),
        ("TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.7,::1"),
    ])
    .unwrap();
    assert_eq!(config.store, StoreUrl::Sqlite("/var/lib/verta/a.db".into()));
    assert_eq!(config.pool_size, 3);
    assert_eq!(config.bot_token.unwrap().as_str(), "a.bot.token");
    assert_eq!(config.api_url.as_deref(), Some("http://127.0.0.1:9/api/v10"));
    assert_eq!(config.search_nodes, ["http://search-1:25000", "http://10.0.0.7"]);
    assert_eq!(config.media, MediaUrl::Bucket("s3://needles/media?region=eu-central-1".to_owned()));
    assert_eq!(config.access_key_id.as_deref(), Some("an-id"));
    assert_eq!(config.secret_access_key.unwrap().as_str(), "a-secret");
    assert_eq!(config.session_token.unwrap().as_str(), "a-token");
    assert_eq!(config.admin_key.unwrap().as_bytes(), b"sixteen-letters!");
    assert!(config.pseudonym_key.is_some());
    assert_eq!(config.bind, "[::1]:80".parse().unwrap());
    assert_eq!(config.public_url.unwrap().as_str(), "https://archive.example.org");
    assert_eq!(config.index_key.unwrap().as_str(), "0123-abcd-XYZ");
    assert_eq!(config.index_url, "http://127.0.0.1:9/indexnow");
    assert_eq!((config.log.as_str(), config.log_format), ("warn,app=debug", LogFormat::Json));
    assert_eq!((config.rate_limit, config.cache_bytes), (None, None));
    let networks: Vec<_> = config.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(networks, ["10.0.0.0/8", "192.0.2.7/32", "::1/128"]);
}

#[test]
fn a_bad_value_names_its_variable() {
    let bad: [(&str, &[&str]); 15] = [
        (
            "DATABASE_URL",
            &["data.db", "postgres://x", "sqlite:", "sqlite:data/", "sqlite::memory:", "sqlite:a?mode=ro"],
        ),
        ("DATABASE_POOL_SIZE", &["0", "-1", "1001", "ten", "1.5"]),
        ("MEDIA_URL", &["data/media", "folder:", "https://needles/media", "s4://id:secret@needles"]),
        ("ADMIN_API_KEY", &["short", "fifteen-letters", "a key with blanks in it", "schlüssel-schlüssel"]),
        ("PSEUDONYM_KEY", &["abc", "g123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"]),
        ("BIND", &["25000", "localhost", "localhost:80", "127.0.0.1", "127.0.0.1:70000"]),
        (
            "PUBLIC_URL",
            &["archive.example.org", "ftp://a.b", "https://a/b", "https://a?b", "https://u:p@a", "https://"],
        ),
        (
            "SEARCH_URL",
            &["search-1:25000", "https://a", "http://a,", "http://u:p@a", "http://a/b", "http://a?b", "http://"],
        ),
        ("INDEXNOW_KEY", &["seven-7", "with_underscore", "with blanks", "schlüssel"]),
        ("INDEXNOW_URL", &["api.indexnow.org", "ftp://a/b", "https://u:p@a/b", "https://a/b#c", "https://"]),
        ("LOG", &["loud", "info,", "app=loud", "=info", "info debug"]),
        ("LOG_FORMAT", &["xml", "JSON"]),
        ("RATE_LIMIT", &["-1", "many", "4294967296"]),
        ("CACHE_MIB", &["-1", "64MiB", "100001"]),
        ("TRUSTED_PROXIES", &["proxy", "10.0.0.0/33", "10.0.0.1,,::1"]),
    ];
    for (name, values) in bad {
        for value in values {
            let error = refused(name, value);
            assert!(error.to_string().starts_with(&format!("{name}: ")), "{error}");
        }
    }
}

#[test]
fn no_secret_is_ever_shown() {
    let secrets = ["correct-horse-battery", &"5ec2e7".repeat(11)[..64], "mysql://u:hunter2@h/d"];
    let settings = [
        ("ADMIN_API_KEY", secrets[0]),
        ("PSEUDONYM_KEY", secrets[1]),
        ("DATABASE_URL", secrets[2]),
        ("INDEXNOW_KEY", "correct-horse"),
        ("AWS_SECRET_ACCESS_KEY", "hunter2"),
        ("AWS_SESSION_TOKEN", "hunter2"),
    ];
    let mut shown = format!("{:?}", read(&settings).unwrap());
    assert_eq!(shown.matches("***").count(), 6);
    for (name, value) in [
        ("ADMIN_API_KEY", "correct-horse-battery staple"),
        ("PSEUDONYM_KEY", &secrets[1][1..]),
        ("DATABASE_URL", "mysq://u:hunter2@h/d"),
        ("MEDIA_URL", "s4://u:hunter2@h/d"),
    ] {
        shown += &refused(name, value).to_string();
    }
    for secret in ["horse", "5ec2e7", "hunter2"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn an_interval_is_a_minute_or_more_or_off() {
    for (text, chosen) in [("0", None), ("2m", Some(Duration::from_mins(2))), ("1h", Some(Duration::from_hours(1)))] {
        let interval = read(&[("SYNC_INTERVAL", text)]).unwrap().sync_interval;
        assert_eq!(interval, SyncInterval { usual: chosen, with_events: chosen }, "a choice holds with events, too");
    }
    let full = |text| read(&[("SYNC_FULL_INTERVAL", text)]).unwrap().sync_full_interval;
    assert_eq!((full("0"), full("3d")), (None, Some(Duration::from_hours(72))));
    assert_eq!(read(&[]).unwrap().sync_full_interval, Some(Duration::from_hours(7 * 24)), "a week");
    assert_eq!(refused("SYNC_FULL_INTERVAL", "soon").variable, "SYNC_FULL_INTERVAL");
    assert_eq!(read(&[("SYNC_INTERVAL", "1m")]).unwrap().sync_interval.usual, Some(Duration::from_mins(1)));
    for bad in ["59s", "-1h", "1", "often", "999999h"] {
        assert!(refused("SYNC_INTERVAL", bad).reason.contains(bad), "{bad}");
    }
}
