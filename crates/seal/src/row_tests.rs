//! Cells, their places, and the known answers of `tests/vectors`.

use super::*;
use crate::chain::{AuditRecord, ChainHash, ConsentRecord};
use crate::key_file::KeyRing;
use crate::link::LinkToken;
use crate::staff::Kdf;
use crate::{Blind, WrappedKeys};
use kept_domain::private::{ContactCol, ContactPrivate, LinkSecretCol, PatientCol, PatientPrivate, StaffCol};
use kept_domain::{BlindIndex, ConsentId, ImportId, Instant, PracticeId};
use proptest::prelude::*;
use serde_json::Value;

fn vectors(text: &str) -> Value {
    serde_json::from_str(text).expect("our vectors are JSON")
}

fn bytes<const N: usize>(hex_digits: &Value) -> [u8; N] {
    let mut out = [0; N];
    hex::decode_to_slice(hex_digits.as_str().expect("text"), &mut out).expect("hex of the right length");
    out
}

fn id(value: &Value) -> Uuid {
    value.as_str().expect("text").parse().expect("an id")
}

fn same_cell<C: Column>(keys: &PracticeKeys, salt: &Salt, row: Uuid, nonce: [u8; 12], case: &Value) {
    let place = Place::new(row, case["rev"].as_i64().expect("a number"));
    let plain: C::Plain = serde_json::from_value(case["plain"].clone()).expect("a value of the column");
    let version = keys.current_version();
    assert_eq!(hex::encode(keys.aad::<C>(place, version).as_bytes()), case["aad"]);
    assert_eq!(hex::encode(row_key(keys.current_dek(), salt, C::TABLE, row).as_bytes()), case["row_key"]);
    let cell = keys.seal_with_nonce::<C>(salt, place, &plain, nonce).expect("sealed");
    assert_eq!(hex::encode(cell.as_ciphertext()), case["cell"]);
    let opened = keys.open(salt, place, &cell).expect("opened");
    assert_eq!(serde_json::to_value(opened).expect("plain data"), case["plain"]);
}

#[test]
fn known_answers_of_rows() {
    let all = vectors(include_str!("../../../tests/vectors/row.json"));
    let practice = PracticeId::from_uuid(id(&all["practice"]));
    let salt = Salt(bytes(&all["salt"]));
    let row = id(&all["row"]);
    let cases = all["cases"].as_array().expect("a list");
    assert_eq!(cases.len(), 3);
    for case in cases {
        let version = u32::try_from(case["dek_version"].as_u64().expect("a number")).expect("small");
        let keys = PracticeKeys::fixed(practice, version, bytes(&all["dek"]), [0; 32]);
        match case["table"].as_str().expect("text") {
            "patients" => same_cell::<PatientCol>(&keys, &salt, row, bytes(&all["nonce"]), case),
            "contact_points" => same_cell::<ContactCol>(&keys, &salt, row, bytes(&all["nonce"]), case),
            "notices" => same_cell::<LinkSecretCol>(&keys, &salt, row, bytes(&all["nonce"]), case),
            other => panic!("no column of {other} is tested"),
        }
    }
}

#[test]
fn known_answers_of_blind_indexes() {
    let all = vectors(include_str!("../../../tests/vectors/blind.json"));
    let keys = PracticeKeys::fixed(PracticeId::from_uuid(Uuid::nil()), 1, [0; 32], bytes(&all["index_key"]));
    let kinds = [
        ("phone", Blind::Phone),
        ("email", Blind::Email),
        ("patient-key", Blind::PatientKey),
        ("appointment-key", Blind::AppointmentKey),
        ("name", Blind::Name),
        ("header", Blind::Header),
        ("staff-email", Blind::StaffEmail),
    ];
    for (word, kind) in kinds {
        let cases = all["cases"].as_array().expect("a list");
        let case = cases.iter().find(|case| case["kind"] == word).expect("a case of every kind");
        let index = keys.blind(kind, case["value"].as_str().expect("text"));
        assert_eq!(hex::encode(index.0), case["index"], "{word}");
    }
    let mac = keys.content_mac(all["content"].as_str().expect("text").as_bytes());
    assert_eq!(hex::encode(mac.0), all["content_mac"]);
}

#[test]
fn known_answers_of_links() {
    for case in vectors(include_str!("../../../tests/vectors/link.json")).as_array().expect("a list") {
        let token = LinkToken::parse(case["t"].as_str().expect("text")).expect("a code");
        assert_eq!(*token.auth().to_base64url(), *case["auth"].as_str().expect("text"));
        assert_eq!(hex::encode(token.auth_hash().0), case["auth_hash"]);
    }
}

#[test]
fn known_answers_of_staff_passwords() {
    for case in vectors(include_str!("../../../tests/vectors/staff.json")).as_array().expect("a list") {
        let kdf: Kdf = serde_json::from_value(case["kdf"].clone()).expect("parameters");
        let branches = kdf.derive(case["password"].as_str().expect("text")).expect("derived");
        assert_eq!(*branches.auth.to_base64url(), *case["auth"].as_str().expect("text"));
        assert_eq!(hex::encode(branches.auth.verifier().0), case["verifier"]);
        assert_eq!(hex::encode(*branches.unlock), hex_of_base64url(&case["unlock"]));
    }
}

fn hex_of_base64url(value: &Value) -> String {
    use base64::Engine as _;
    let text = value.as_str().expect("text");
    hex::encode(base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).expect("base64url"))
}

#[test]
fn known_answers_of_chains() {
    let all = vectors(include_str!("../../../tests/vectors/chain.json"));
    let practice = PracticeId::from_uuid(id(&all["practice"]));
    let mut previous = ChainHash::GENESIS;
    for entry in all["audit"].as_array().expect("a list") {
        let record = AuditRecord {
            practice,
            seq: entry["seq"].as_i64().expect("a number"),
            at: Instant::from_ms(entry["at_ms"].as_i64().expect("a number")),
            act: entry["act"].as_str().expect("text"),
            actor: entry["actor"].as_str().expect("text"),
            detail: entry["detail"].as_str().expect("text"),
        };
        previous = previous.next(&record.canonical());
        assert_eq!(previous.to_string(), entry["hash"]);
    }
    let consent = &all["consent"];
    let record = ConsentRecord {
        practice,
        seq: 1,
        id: ConsentId::from_uuid(id(&consent["id"])),
        bix: BlindIndex([0; 16]),
        channel: "sms",
        act: "granted",
        basis: "import-column",
        wording: "v1",
        locale: None,
        staff: None,
        import: Some(ImportId::from_uuid(id(&consent["import"]))),
        at: Instant::from_ms(consent["at_ms"].as_i64().expect("a number")),
    };
    assert_eq!(ChainHash::GENESIS.next(&record.canonical()).to_string(), consent["hash"]);
}

fn ring() -> KeyRing {
    KeyRing::ephemeral().expect("random bytes")
}

fn practice(number: u128) -> PracticeId {
    PracticeId::from_uuid(Uuid::from_u128(number))
}

fn contact(value: &str) -> ContactPrivate {
    ContactPrivate { value: value.to_owned() }
}

/// Takes a cell for one of another column, as a thief who writes to the database would.
#[expect(clippy::disallowed_methods, reason = "moving a ciphertext to another column is what the test is about")]
fn moved<C: Column>(cell: &Sealed<impl Column>) -> Sealed<C> {
    Sealed::from_ciphertext(cell.as_ciphertext().to_vec())
}

fn is_tampered<T>(result: &Result<T, SealError>) -> bool {
    matches!(result, Err(SealError::Tampered { .. }))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_cell_moved_anywhere_does_not_open(
        value in ".{0,40}", salt: [u8; 32], other_salt: [u8; 32], row: u128, other_row: u128, rev in 1i64..1000, step in 1i64..5,
    ) {
        prop_assume!(row != other_row && salt != other_salt);
        let ring = ring();
        let (keys, _) = PracticeKeys::create(&ring, practice(1)).expect("keys");
        let (rotated, _) = keys.rotate(&ring).expect("rotated");
        let salt = Salt(salt);
        let place = Place::new(Uuid::from_u128(row), rev);
        let cell: Sealed<ContactCol> = keys.seal(&salt, place, &contact(&value)).expect("sealed");
        prop_assert_eq!(&keys.open(&salt, place, &cell).expect("at home").value, &value);
        prop_assert_eq!(&rotated.open(&salt, place, &cell).expect("old versions still open").value, &value);

        let elsewhere = Place::new(Uuid::from_u128(other_row), rev);
        prop_assert!(is_tampered(&keys.open(&salt, elsewhere, &cell)), "row");
        prop_assert!(is_tampered(&keys.open(&salt, Place { rev: rev + step, ..place }, &cell)), "newer revision");
        prop_assert!(is_tampered(&keys.open(&salt, Place { rev: rev - step, ..place }, &cell)), "older revision");
        prop_assert!(is_tampered(&keys.open::<PatientCol>(&salt, place, &moved(&cell))), "table");
        prop_assert!(is_tampered(&keys.open::<StaffCol>(&salt, place, &moved(&cell))), "table");
        prop_assert!(is_tampered(&keys.open(&Salt(other_salt), place, &cell)), "salt");

        let mut version = cell.as_ciphertext().to_vec();
        version[4] = 2;
        #[expect(clippy::disallowed_methods, reason = "a cell that names another key version is what the test is about")]
        let version = Sealed::<ContactCol>::from_ciphertext(version);
        let unknown = matches!(keys.open(&salt, place, &version), Err(SealError::UnknownVersion { version: 2, .. }));
        prop_assert!(unknown, "a version the practice has not");
        prop_assert!(is_tampered(&rotated.open(&salt, place, &version)), "another version");
    }

    #[test]
    fn a_changed_byte_is_caught(at: usize, flip in 1u8..=255) {
        let (keys, _) = PracticeKeys::create(&ring(), practice(1)).expect("keys");
        let place = Place::new(Uuid::from_u128(7), 1);
        let cell: Sealed<ContactCol> = keys.seal(&Salt([1; 32]), place, &contact("+14155550100")).expect("sealed");
        let mut changed = cell.as_ciphertext().to_vec();
        let at = at % changed.len();
        changed[at] ^= flip;
        #[expect(clippy::disallowed_methods, reason = "a damaged cell is what the test is about")]
        let changed = Sealed::<ContactCol>::from_ciphertext(changed);
        prop_assert!(keys.open(&Salt([1; 32]), place, &changed).is_err());
    }

    #[test]
    fn no_length_panics(bytes in proptest::collection::vec(any::<u8>(), 0..48)) {
        let (keys, _) = PracticeKeys::create(&ring(), practice(1)).expect("keys");
        #[expect(clippy::disallowed_methods, reason = "arbitrary bytes are what the test is about")]
        let cell = Sealed::<ContactCol>::from_ciphertext(bytes);
        prop_assert!(keys.open(&Salt([1; 32]), Place::new(Uuid::nil(), 1), &cell).is_err());
    }
}

#[test]
fn columns_of_one_table_and_practices_of_one_key_are_kept_apart() {
    let place = Place::new(Uuid::from_u128(7), 1);
    let salt = Salt([1; 32]);
    // The same keys on purpose: the bound place alone must tell.
    let here = PracticeKeys::fixed(practice(1), 1, [5; 32], [6; 32]);
    let there = PracticeKeys::fixed(practice(2), 1, [5; 32], [6; 32]);
    let secret = kept_domain::private::LinkSecret { t: "0".repeat(26) };
    let cell: Sealed<LinkSecretCol> = here.seal(&salt, place, &secret).expect("sealed");
    assert!(here.open(&salt, place, &cell).is_ok());
    assert!(is_tampered(&there.open(&salt, place, &cell)), "practice");
    let body = here.open::<kept_domain::private::NoticeBodyCol>(&salt, place, &moved(&cell));
    assert!(is_tampered(&body), "column of the same row");
}

#[test]
fn a_nonce_never_repeats() {
    let (keys, _) = PracticeKeys::create(&ring(), practice(1)).expect("keys");
    let place = Place::new(Uuid::from_u128(7), 1);
    let mut seen = std::collections::HashSet::new();
    for _ in 0..1000 {
        let cell: Sealed<ContactCol> = keys.seal(&Salt([1; 32]), place, &contact("x")).expect("sealed");
        assert!(seen.insert(cell.as_ciphertext()[5..17].to_vec()));
    }
}

#[test]
fn wrapped_keys_come_back_and_go_nowhere_else() {
    let ring = ring();
    let (keys, wrapped) = PracticeKeys::create(&ring, practice(1)).expect("keys");
    let place = Place::new(Uuid::from_u128(7), 1);
    let cell: Sealed<ContactCol> = keys.seal(&Salt([1; 32]), place, &contact("x")).expect("sealed");
    let again = PracticeKeys::unwrap(&ring, practice(1), &wrapped).expect("unwrapped");
    assert!(again.open(&Salt([1; 32]), place, &cell).is_ok());
    assert_eq!(again.blind(Blind::Phone, "1"), keys.blind(Blind::Phone, "1"));

    let wrong = PracticeKeys::unwrap(&self::ring(), practice(1), &wrapped).expect_err("another key file");
    assert!(matches!(wrong, SealError::WrongKeyFile { .. }));
    assert!(
        wrong.to_string().contains(&ring.primary_id().to_string()),
        "the message names the key to look for: {wrong}"
    );

    let damaged = |wrapped: &WrappedKeys, practice_number| {
        matches!(PracticeKeys::unwrap(&ring, practice(practice_number), wrapped), Err(SealError::KeyDamaged { .. }))
    };
    assert!(damaged(&wrapped, 2), "moved to another practice");
    let mut other_version = wrapped.clone();
    other_version.deks[0].version = 2;
    assert!(damaged(&other_version, 1), "named another version");
    let swapped = WrappedKeys { index: wrapped.deks[0].wrapped.clone(), deks: wrapped.deks.clone() };
    assert!(damaged(&swapped, 1), "one kind for the other");
    assert!(damaged(&WrappedKeys { deks: Vec::new(), ..wrapped.clone() }, 1), "none stored");
    assert!(damaged(&WrappedKeys { index: Vec::new(), ..wrapped.clone() }, 1), "empty");
}

#[test]
fn a_new_first_key_wraps_again_and_the_old_one_may_go() {
    let old_text = crate::KeyFile::generate().expect("random bytes").0;
    let new_text = crate::KeyFile::generate().expect("random bytes").0;
    let old = crate::KeyFile::parse(&old_text).expect("a key file");
    let both = crate::KeyFile::parse(&format!("{}{}", *new_text, *old_text)).expect("a key file");
    let new = crate::KeyFile::parse(&new_text).expect("a key file");
    let (_, wrapped) = PracticeKeys::create(&old, practice(1)).expect("keys");
    let keys = PracticeKeys::unwrap(&both, practice(1), &wrapped).expect("the old key is still there");
    let again = keys.wrap(&both).expect("wrapped");
    assert!(PracticeKeys::unwrap(&new, practice(1), &again).is_ok());
    assert!(PracticeKeys::unwrap(&new, practice(1), &wrapped).is_err());
}

#[test]
fn nothing_secret_is_printed() {
    let (keys, _) = PracticeKeys::create(&ring(), practice(1)).expect("keys");
    let plain = PatientPrivate { given: None, family: None, name: "Ann".into(), birth_date: None, external_id: None };
    let cell: Sealed<PatientCol> = keys.seal(&Salt([1; 32]), Place::new(Uuid::nil(), 1), &plain).expect("sealed");
    assert_eq!(format!("{keys:?}"), format!("PracticeKeys({}, version 1, …)", practice(1)));
    assert!(!format!("{cell:?}{plain:?}").contains("Ann"));
}

/// The price of keeping every row under a key of its own: about 3 µs. It says nothing in an unoptimised build or beside other
/// work, hence: `cargo test --release -p kept-seal -- --ignored`.
#[test]
#[ignore = "measures; run it alone and optimised"]
fn row_key_and_seal_of_200_bytes_take_microseconds() {
    const ROUNDS: u32 = 50_000;
    let (keys, _) = PracticeKeys::create(&ring(), practice(1)).expect("keys");
    let value = contact(&"x".repeat(188));
    let start = std::time::Instant::now();
    for number in 0..ROUNDS {
        let place = Place::new(Uuid::from_u128(number.into()), 1);
        let cell: Sealed<ContactCol> = keys.seal(&Salt([1; 32]), place, &value).expect("sealed");
        assert_eq!(cell.as_ciphertext().len(), 5 + 12 + 200 + 16);
    }
    let each = start.elapsed() / ROUNDS;
    println!("row key and seal of 200 B: {each:?}");
    assert!(each < std::time::Duration::from_micros(12), "{each:?} to derive a row key and seal 200 B");
}
