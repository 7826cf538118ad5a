//! Configuration: what is read, what goes before what, and what is refused with which words.

use super::*;

fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn file(text: &str) -> Result<Config, ConfigError> {
    Config::read(Some((Path::new("kept.toml"), text)), &BTreeMap::new())
}

#[test]
fn the_embedded_defaults_are_good_and_say_what_each_setting_means() {
    let config = Config::defaults();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    config.check_served().expect("the default address is this machine");
    let table: toml::Table = DEFAULT_FILE.parse().expect("TOML");
    for name in table.keys() {
        let at = DEFAULT_FILE.find(&format!("\n{name} = ")).expect("each setting stands on its own line");
        let above = DEFAULT_FILE[..at].lines().last().expect("something stands above");
        assert!(above.starts_with("# "), "`{name}` has no remark above it");
    }
}

#[test]
fn each_name_of_the_default_file_is_a_setting() {
    let table: toml::Table = DEFAULT_FILE.parse().expect("TOML");
    for name in table.keys() {
        let mut without = table.clone();
        without.remove(name);
        let said = without.try_into::<Config>().expect_err("nothing would read it").to_string();
        assert!(said.contains(name.as_str()), "{said}");
    }
}

#[test]
fn variables_go_before_the_file_and_the_file_before_the_defaults() {
    let text = "listen = \"127.0.0.1:1\"\ndatabase_connections = 3\nkey_file = \"from-file\"\n";
    let environment = variables(&[
        ("KEPT_LISTEN", "127.0.0.1:2"),
        ("KEPT_DATABASE_URL", "postgres://u:hunter2@h/db"),
        ("KEPT_DATABASE_CONNECTIONS", " 5 "),
        ("KEPT_TEST_POSTGRES_URL", "ignored"),
        ("KEPT_CONFIG", "ignored"),
    ]);
    let config = Config::read(Some((Path::new("kept.toml"), text)), &environment).expect("good");
    assert_eq!(config.listen.port(), 2);
    assert_eq!(config.database_connections, 5);
    assert_eq!(config.key_file, Path::new("from-file"));
    assert_eq!(config.log_format, LogFormat::Human);
    assert!(!format!("{config:?}").contains("hunter2"), "Debug shows the database's password");
}

#[test]
fn what_is_unknown_or_of_the_wrong_kind_is_refused_with_its_name() {
    let said = |result: Result<Config, ConfigError>| result.expect_err("refused").to_string();
    assert!(said(file("databse_url = \"sqlite:x\"")).contains("`databse_url` is unknown"));
    assert!(said(file("database_connections = \"5\"")).contains("`database_connections` must be a whole number"));
    assert!(said(file("database_connections = 0")).contains("1 to 1000"));
    assert!(said(file("listen = ")).contains("line 1"));
    assert!(said(file("log_format = \"xml\"")).contains("xml"));
    assert!(said(file("log = \"info,kept=loud\"")).contains("`log`"));
    assert!(said(file("metrics_listen = \"9464\"")).contains("ADDRESS:PORT"));
    let environment = |name, value| said(Config::read(None, &variables(&[(name, value)])));
    assert!(environment("KEPT_DATABASE", "sqlite:x").contains("KEPT_DATABASE is unknown"));
    assert!(environment("KEPT_DATABASE_CONNECTIONS", "many").contains("must be a whole number"));
}

#[test]
fn a_wrong_database_address_is_refused_without_its_password() {
    let environment = variables(&[("KEPT_DATABASE_URL", "mysql://root:hunter2@h/db")]);
    let said = Config::read(None, &environment).expect_err("refused").to_string();
    assert!(said.contains("sqlite:PATH"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
    let text = "database_url = \"mysql://root:hunter2@h/db\"\n";
    assert!(!file(text).expect_err("refused").to_string().contains("hunter2"));
}

#[test]
fn the_public_address_is_bare_ours_and_safe() {
    let url = |text: &str| file(&format!("public_url = \"{text}\""));
    assert_eq!(url("https://kept.example.org/").expect("good").public_url, "https://kept.example.org");
    for (text, word) in [
        ("kept.example.org", "must be an address"),
        ("ftp://kept.example.org", "https://"),
        ("https://u:p@kept.example.org", "bare"),
        ("https://kept.example.org/?a=1", "bare"),
        ("https://kept.example.org/#a", "bare"),
        ("https://kept.example.org/sub", "path"),
        ("https://bit.ly", "shortener"),
        ("https://go.TinyURL.com.", "shortener"),
    ] {
        let said = url(text).expect_err(text).to_string();
        assert!(said.contains(word), "{text}: {said}");
    }
    // Its own host that merely ends alike is nobody's shortener.
    assert!(url("https://habit.ly").is_ok());
}

#[test]
fn plain_http_is_served_on_this_machine_only() {
    for (text, fine) in [
        ("http://127.0.0.1:8080", true),
        ("http://[::1]:8080", true),
        ("http://localhost", true),
        ("http://phone.localhost:8080", true),
        ("https://kept.example.org", true),
        ("http://kept.example.org", false),
        ("http://192.168.1.10:8080", false),
        ("http://localhost.example.org", false),
    ] {
        let config = file(&format!("public_url = \"{text}\"")).expect(text);
        assert_eq!(config.check_served().is_ok(), fine, "{text}");
    }
}
