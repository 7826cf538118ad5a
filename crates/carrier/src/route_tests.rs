//! The choice between two lines, in every state that they and a notice can be in.

use super::*;
use crate::sandbox::{SandboxCarrier, Secret, Settings};
use crate::{AnyCarrier, Outbound, Sure};
use kept_domain::NoticeId;

const LIFE: Duration = Duration::from_hours(24);

fn line(name: &'static str, key_life: Option<Duration>, channel: Channel) -> Line {
    // Whoever comes first installs the provider; the rest find it there.
    let _second = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    // Nobody listens there: a submission is refused at once, and certainly not taken.
    let settings = Settings { name, key_life, ..Settings::new("http://127.0.0.1:1/".to_owned(), Secret::new([7; 32])) };
    Line::new(AnyCarrier::Sandbox(SandboxCarrier::new(client, settings)), channel, 0)
}

fn two(key_life: Option<Duration>) -> Carriers {
    let email = line("mail", None, Channel::Email);
    Carriers::new(vec![email, line("first", key_life, Channel::Sms), line("second", key_life, Channel::Sms)])
}

fn past(line: &str, not_taken: bool) -> Past<'_> {
    Past { line, not_taken, not_asked: false, age: Duration::from_mins(1) }
}

/// The line's name, `-` for none, `?` for doubt.
fn chosen(carriers: &Carriers, past: &[Past<'_>]) -> &'static str {
    match carriers.route(Channel::Sms, past) {
        Route::Through(line) => line.name(),
        Route::Nowhere => "-",
        Route::Doubtful => "?",
    }
}

/// Makes a line rest by failing on it.
async fn break_down(carriers: &Carriers, name: &str) {
    let notice = Outbound {
        key: NoticeId::from_uuid(uuid::Uuid::from_u128(7)),
        to: "+12025550143".to_owned(),
        from: None,
        text: "Oak".to_owned(),
        mail: None,
        valid_for: Duration::from_mins(1),
        status_url: String::new(),
        inbound_url: String::new(),
    };
    for _ in 0..crate::BREAKER_FAILURES {
        let outcome = carriers.by_name(name).unwrap().submit(&notice).await;
        assert!(matches!(outcome, crate::Outcome::Retry { sure: Sure::NotTaken, .. }), "{outcome:?}");
        assert!(outcome.may_change_line());
    }
}

#[test]
fn the_second_line_is_for_what_the_first_certainly_did_not_take() {
    let carriers = two(Some(LIFE));
    assert_eq!(chosen(&carriers, &[]), "first");
    assert_eq!(chosen(&carriers, &[past("first", true)]), "second");
    assert_eq!(chosen(&carriers, &[past("first", true), past("second", true)]), "first", "round again");
    let paced = Past { not_asked: true, ..past("first", true) };
    assert_eq!(chosen(&carriers, &[paced]), "first", "waiting for a turn is no reason to change");
    assert_eq!(chosen(&Carriers::default(), &[]), "-");
    assert!(carriers.another("first", Channel::Sms, &[]));
    assert!(!carriers.another("first", Channel::Sms, &[past("second", true)]), "it had its try");
    assert!(!carriers.another("mail", Channel::Email, &[]));
}

#[test]
fn what_may_have_been_taken_stays_with_its_line() {
    let carriers = two(Some(LIFE));
    assert_eq!(chosen(&carriers, &[past("first", false)]), "first");
    assert_eq!(chosen(&carriers, &[past("second", false), past("first", true)]), "second", "though it failed since");
    assert_eq!(chosen(&carriers, &[past("first", true), past("second", false)]), "second");
    assert_eq!(chosen(&carriers, &[past("first", false), past("second", false)]), "?");
    assert_eq!(chosen(&carriers, &[past("gone", false)]), "?", "its line is not set up any more");
    assert_eq!(chosen(&carriers, &[past("mail", false)]), "?", "it carries something else now");
    for (age, expected) in [(LIFE.saturating_sub(Duration::from_millis(1)), "first"), (LIFE, "?")] {
        assert_eq!(chosen(&carriers, &[Past { age, ..past("first", false) }, past("first", false)]), expected);
    }
    assert_eq!(chosen(&two(None), &[past("first", false)]), "?", "a carrier without keys is never asked twice");
}

#[tokio::test]
async fn a_line_that_rests_is_passed_over_but_never_for_what_it_may_have() {
    let carriers = two(Some(LIFE));
    break_down(&carriers, "first").await;
    assert_eq!(chosen(&carriers, &[]), "second");
    assert!(!carriers.another("second", Channel::Sms, &[]), "there is no other just now");
    assert_eq!(chosen(&carriers, &[past("second", true)]), "second", "rather than one that rests");
    assert_eq!(chosen(&carriers, &[past("first", false)]), "first");
    break_down(&carriers, "second").await;
    assert_eq!(chosen(&carriers, &[]), "first", "both rest: the preferred one is asked first");
}
