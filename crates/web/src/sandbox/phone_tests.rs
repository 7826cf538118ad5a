//! The sandbox's memory, without a network: webhooks go nowhere and are given up.

use super::*;
use kept_flow::MovableClock;
use kept_flow::sandbox::Secret;

fn sandbox() -> Sandbox {
    let clock = Arc::new(MovableClock::still(Instant::from_ms(1_795_446_000_000)));
    // Whoever comes first installs the provider; the rest find it there.
    let _second = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    Sandbox::new(Caller::new(client, Secret::new([1; 32])), clock)
}

fn submission(to: &str) -> Submission {
    Submission {
        to: to.to_owned(),
        from: None,
        text: "Oak: Tue 9:15".to_owned(),
        validity_s: 60,
        status_url: "http://127.0.0.1:1/hooks/sandbox/oak/status".to_owned(),
        inbound_url: "http://127.0.0.1:1/hooks/sandbox/oak/inbound".to_owned(),
    }
}

fn lost() -> Switches {
    Switches { receipts: Receipts::Lost, ..Switches::default() }
}

#[tokio::test]
async fn one_key_is_one_text() {
    let sandbox = sandbox();
    sandbox.set_switches(lost());
    let first = sandbox.submit("k1", submission("+12025550143"));
    assert_eq!(sandbox.submit("k1", submission("+12025550143")), first);
    assert_eq!(sandbox.phones(), [("+12025550143".to_owned(), 1)]);
    assert_eq!(sandbox.taken("k1").as_deref(), Some("sandbox-k1"));
    assert_eq!(sandbox.taken("k2"), None);
    sandbox.quiet().await;
}

#[tokio::test]
async fn what_is_switched_on_happens() {
    let sandbox = sandbox();
    for (hand, expected) in [
        (Hand::Busy, Taking::Busy),
        (Hand::Broken, Taking::Broken),
        (Hand::OptedOut, Taking::Refused("opted-out")),
        (Hand::Unreachable, Taking::Refused("unreachable")),
        (Hand::TimeOut, Taking::Taken { id: "sandbox-k".to_owned(), slow: true }),
    ] {
        sandbox.set_switches(Switches { hand, ..lost() });
        assert_eq!(sandbox.submit("k", submission("+12025550143")), expected, "{hand}");
    }
    assert_eq!(sandbox.phones().len(), 1, "only the one that was taken");
}

#[tokio::test]
async fn memory_is_bounded() {
    let sandbox = sandbox();
    sandbox.set_switches(lost());
    for n in 0..MAX_NUMBERS + 10 {
        sandbox.submit(&n.to_string(), submission(&format!("+1{n:010}")));
    }
    assert_eq!(sandbox.phones().len(), MAX_NUMBERS);
    assert_eq!(sandbox.number("10000000000"), None, "the one that was silent longest is forgotten");
    for n in 0..MAX_TEXTS + 10 {
        sandbox.submit(&format!("more-{n}"), submission("+19999999999"));
    }
    let all = sandbox.conversations();
    let (number, phone) = all.first().unwrap();
    assert_eq!((number.as_str(), phone.texts.len(), phone.received), ("+19999999999", MAX_TEXTS, MAX_TEXTS + 10));
    for n in 0..=MAX_KEYS {
        sandbox.memory().remember_key(&format!("key-{n}"), "id");
    }
    let memory = sandbox.memory();
    assert_eq!((memory.keys.len(), memory.key_order.len()), (MAX_KEYS, MAX_KEYS));
}

#[tokio::test]
async fn who_never_got_a_text_cannot_answer() {
    assert_eq!(sandbox().reply("+12025550143", "1").await, Err(NotCalled::NoAnswer));
}
