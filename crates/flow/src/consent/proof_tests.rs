//! What an attempt is held against.

use super::*;
use uuid::Uuid;

const NUMBER: BlindIndex = BlindIndex([7; 16]);

fn at(minute: i64) -> Instant {
    Instant::from_ms(minute * 60_000)
}

fn line(seq: i64, act: &str, minute: i64) -> LedgerLine {
    LedgerLine { bix: NUMBER, channel: Channel::Sms, seq, act: act.to_owned(), at: at(minute) }
}

fn known(lines: Vec<LedgerLine>) -> Known {
    Known { ledger: HashMap::from([((NUMBER, Channel::Sms), lines)]), ..Known::default() }
}

fn attempt(kind: NoticeKind, template: &str, minute: i64, consent_seq: Option<i64>) -> ArmedAttempt {
    ArmedAttempt {
        id: AttemptId::from_uuid(Uuid::from_u128(1)),
        notice: NoticeId::from_uuid(Uuid::from_u128(2)),
        number: 1,
        kind,
        template: template.to_owned(),
        channel: Channel::Sms,
        bix: NUMBER,
        at: at(minute),
        consent_seq,
    }
}

fn wrong(attempt: &ArmedAttempt, known: &Known) -> Option<(Wrong, Option<i64>)> {
    judge(attempt, known).map(|(wrong, line)| (wrong, line.map(|line| line.seq)))
}

#[test]
fn a_reminder_needs_a_grant_that_stood_when_it_was_armed() {
    let reminder = |minute, seq| attempt(NoticeKind::Reminder, "reminder", minute, seq);
    let ledger = known(vec![line(1, "granted", 10), line(2, "withdrawn", 20), line(3, "restored", 30)]);
    assert_eq!(wrong(&reminder(5, None), &ledger), Some((Wrong::NoGrant, None)));
    assert_eq!(wrong(&reminder(15, Some(1)), &ledger), None);
    assert_eq!(wrong(&reminder(25, Some(1)), &ledger), Some((Wrong::AfterWithdrawal, Some(2))));
    assert_eq!(wrong(&reminder(35, Some(3)), &ledger), None);
    assert_eq!(wrong(&reminder(35, None), &known(Vec::new())), Some((Wrong::NoGrant, None)));
    assert_eq!(wrong(&reminder(35, None), &known(vec![line(1, "denied", 1)])), Some((Wrong::NoGrant, Some(1))));
    assert_eq!(wrong(&reminder(35, None), &known(vec![line(1, "nonsense", 1)])), Some((Wrong::NoGrant, Some(1))));
}

#[test]
fn within_one_millisecond_the_order_of_the_ledger_decides() {
    let ledger = known(vec![line(1, "granted", 10), line(2, "withdrawn", 20)]);
    let reminder = |seq| attempt(NoticeKind::Reminder, "reminder", 20, seq);
    assert_eq!(wrong(&reminder(Some(1)), &ledger), None, "armed, and then they opted out");
    assert_eq!(wrong(&reminder(None), &ledger), Some((Wrong::AfterWithdrawal, Some(2))));
    assert_eq!(wrong(&reminder(Some(2)), &ledger), Some((Wrong::AfterWithdrawal, Some(2))));
}

#[test]
fn an_opt_out_is_confirmed_once_and_soon() {
    let mut ledger = known(vec![line(1, "granted", 1), line(2, "withdrawn", 20)]);
    let confirmation = |minute| attempt(NoticeKind::Answer, "opt-out", minute, None);
    let own = confirmation(21);
    ledger.confirmations.insert(NUMBER, vec![(own.notice, own.at)]);
    assert_eq!(wrong(&own, &ledger), None);
    assert_eq!(wrong(&confirmation(25), &ledger), None, "another attempt of the same");
    assert_eq!(wrong(&confirmation(26), &ledger), Some((Wrong::ConfirmedLate, Some(2))));
    let second = ArmedAttempt { notice: NoticeId::from_uuid(Uuid::from_u128(3)), ..confirmation(22) };
    assert_eq!(wrong(&second, &ledger), Some((Wrong::ConfirmedTwice, Some(2))));
}

#[test]
fn who_wants_no_messages_is_answered_only_when_they_ask() {
    let mut ledger = known(vec![line(1, "granted", 1), line(2, "withdrawn", 20)]);
    let help = |minute| attempt(NoticeKind::Answer, "help", minute, None);
    assert_eq!(wrong(&help(40), &ledger), Some((Wrong::Unasked, Some(2))));
    ledger.texts.insert(NUMBER, vec![at(39)]);
    assert_eq!(wrong(&help(40), &ledger), None);
    assert_eq!(wrong(&help(38), &ledger), Some((Wrong::Unasked, Some(2))));
    assert_eq!(wrong(&help(100), &ledger), Some((Wrong::Unasked, Some(2))));
    assert_eq!(wrong(&help(15), &ledger), None, "before the opt-out");
}

#[test]
fn the_text_that_opts_out_asks_for_nothing_else() {
    let mut ledger = known(vec![line(1, "granted", 1), line(2, "withdrawn", 20)]);
    ledger.texts.insert(NUMBER, vec![at(19), at(20)]);
    for (template, found) in [
        ("please-use-link", Some((Wrong::Unasked, Some(2)))),
        ("confirmed", Some((Wrong::Unasked, Some(2)))),
        ("urgent", None),
        ("help", None),
    ] {
        assert_eq!(wrong(&attempt(NoticeKind::Answer, template, 21, None), &ledger), found, "{template}");
        assert_eq!(wrong(&attempt(NoticeKind::Answer, template, 19, None), &ledger), None, "{template} before it");
    }
    // Who never agreed and writes is answered.
    ledger.ledger.clear();
    assert_eq!(wrong(&attempt(NoticeKind::Answer, "please-use-link", 21, None), &ledger), None);
}
