//! Each line: what it needs, what is said of what is missing, and that no secret is printed.

use super::*;
use crate::carriers::configured;
use std::collections::BTreeMap;

const TWILIO: &[(&str, &str)] = &[
    ("KEPT_CARRIER", "twilio"),
    ("KEPT_TWILIO_ACCOUNT", "AC0123456789abcdef0123456789abcdef"),
    ("KEPT_TWILIO_TOKEN", "tok-hunter2"),
    ("KEPT_TWILIO_SENDER", "+12025550100"),
];
const TELNYX: &[(&str, &str)] = &[
    ("KEPT_CARRIER", "telnyx"),
    ("KEPT_TELNYX_KEY", "KEY-hunter2"),
    ("KEPT_TELNYX_PUBLIC_KEY", "6iIV/RNlEu0ZzVMnPnqPsWJ+Nd1uUQjXwYvxsQBFWLo="),
    ("KEPT_TELNYX_SENDER", "40019a1b-1234-4321-8888-0123456789ab"),
];

const VONAGE: &[(&str, &str)] = &[
    ("KEPT_CARRIER", "vonage"),
    ("KEPT_VONAGE_KEY", "abcd1234"),
    ("KEPT_VONAGE_SECRET", "sec-hunter2"),
    ("KEPT_VONAGE_SIGNATURE_SECRET", "sig-hunter2"),
    ("KEPT_VONAGE_SENDER", "+12025550100"),
];

fn read(pairs: &[(&str, &str)], more: &[(&str, &str)]) -> Config {
    // The binary installs the provider at its start; in tests whoever comes first does.
    let _second = rustls::crypto::ring::default_provider().install_default();
    let pairs = pairs.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::read(None, &pairs.collect::<BTreeMap<_, _>>()).expect("it can be read")
}

fn said(pairs: &[(&str, &str)], more: &[(&str, &str)]) -> String {
    configured(&read(pairs, more)).expect_err("it must be refused").to_string()
}

#[test]
fn whole_settings_make_lines_in_their_order_and_print_no_secret() {
    let all: Vec<_> = TWILIO.iter().chain(TELNYX).chain(VONAGE).copied().collect();
    let config = read(&all, &[("KEPT_CARRIER", " telnyx , twilio,vonage ")]);
    assert_eq!(configured(&config).expect("set up").names(), ["telnyx", "twilio", "vonage"]);
    assert!(!format!("{config:?}").contains("hunter2"));
    for kind in config.carrier.iter() {
        let told = described(kind, &config);
        assert!(told.contains("/hooks/") && !told.contains("hunter2"), "{told}");
    }
    let key = [("KEPT_TWILIO_KEY", "SK0123456789abcdef0123456789abcdef"), ("KEPT_TWILIO_KEY_SECRET", "s")];
    configured(&read(TWILIO, &key)).expect("an API key");
    let service = [("KEPT_TWILIO_SENDER", "MG0123456789abcdef0123456789abcdef")];
    configured(&read(TWILIO, &service)).expect("a messaging service");
    configured(&read(TELNYX, &[("KEPT_TELNYX_SENDER", "+12025550100")])).expect("a number");
}

#[test]
fn what_is_missing_or_wrong_is_named_with_what_to_do() {
    for (name, value, expected) in [
        ("KEPT_TWILIO_ACCOUNT", "", "`twilio_account`: must be the account's SID"),
        ("KEPT_TWILIO_ACCOUNT", "SK0123456789abcdef0123456789abcdef", "AC and 32 digits"),
        ("KEPT_TWILIO_TOKEN", "", "Set it as KEPT_TWILIO_TOKEN"),
        ("KEPT_TWILIO_TOKEN", "tok\u{e9}", "copy it again"),
        ("KEPT_TWILIO_KEY", "key", "SK and 32 digits"),
        ("KEPT_TWILIO_KEY", "SK0123456789abcdef0123456789abcdef", "Set it as KEPT_TWILIO_KEY_SECRET"),
        ("KEPT_TWILIO_SENDER", "", "e.g. +12025550100"),
        ("KEPT_TWILIO_SENDER", "2025550100123", "e.g. +12025550100"),
        ("KEPT_TWILIO_SENDER", "MG12", "MG and 32 digits"),
        ("KEPT_TWILIO_URL", "http://api.twilio.com", "must be https://HOST"),
        ("KEPT_TWILIO_URL", "https://api.twilio.com/2010", "must be https://HOST"),
    ] {
        let told = said(TWILIO, &[(name, value)]);
        assert!(told.contains(expected) && !told.contains("hunter2"), "{told}");
    }
    for (name, value, expected) in [
        ("KEPT_TELNYX_KEY", " ", "Set it as KEPT_TELNYX_KEY"),
        ("KEPT_TELNYX_PUBLIC_KEY", "AAAA", "44 signs of base64"),
        ("KEPT_TELNYX_SENDER", "Oak Clinic", "id of a messaging profile"),
    ] {
        let told = said(TELNYX, &[(name, value)]);
        assert!(told.contains(expected) && !told.contains("hunter2"), "{told}");
    }
    for (name, value, expected) in [
        ("KEPT_VONAGE_KEY", "", "`vonage_key`: must be the account's API key"),
        ("KEPT_VONAGE_KEY", "abcd:1234", "letters and digits"),
        ("KEPT_VONAGE_SECRET", "", "Set it as KEPT_VONAGE_SECRET"),
        ("KEPT_VONAGE_SIGNATURE_SECRET", "", "Set it as KEPT_VONAGE_SIGNATURE_SECRET"),
        ("KEPT_VONAGE_SENDER", "OAKCLINIC", "or a short code"),
        ("KEPT_VONAGE_URL", "http://api.nexmo.com", "must be https://HOST"),
    ] {
        let told = said(VONAGE, &[(name, value)]);
        assert!(told.contains(expected) && !told.contains("hunter2"), "{told}");
    }
}

#[test]
fn a_described_gateway_says_where_its_description_is_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("gateway.toml");
    let file = path.to_str().expect("a plain path").to_owned();
    let own: Vec<(&str, &str)> = vec![("KEPT_CARRIER", "gateway"), ("KEPT_GATEWAY_FILE", &file)];
    assert!(said(&own, &[]).contains("cannot be read"));
    let write = |text: &str| std::fs::write(&path, text).expect("written");
    write("[submit]\nurl = \"https://sms.example.org/s\"\nform = { to = \"{to}\", text = \"{txt}\" }\n");
    let told = said(&own, &[]);
    assert!(told.contains("gateway.toml") && told.contains("`{txt}`"), "{told}");

    write(
        "[submit]\nurl = \"https://sms.example.org/s\"\nform = { to = \"{to}\", text = \"{text}\", key = \"{secret}\" }\n[webhook]\nscheme = \"secret\"\nheader = \"x-key\"\n",
    );
    assert!(said(&own, &[]).contains("KEPT_GATEWAY_SECRET"));
    let one = [("KEPT_GATEWAY_SECRET", "hunter2")];
    assert!(said(&own, &one).contains("KEPT_GATEWAY_WEBHOOK_SECRET"));
    let both = [one[0], ("KEPT_GATEWAY_WEBHOOK_SECRET", "hunter3")];
    assert_eq!(configured(&read(&own, &both)).expect("set up").names(), ["gateway"]);
    write(include_str!("../../../docs/gateway.example.toml"));
    configured(&read(&own, &both)).expect("the example of the documentation");
}
