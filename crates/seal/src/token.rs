//! Small sealed values that travel through a browser, and opaque session tokens.
//!
//! A sealed value is base64url of `1 | DEK version (4) | nonce (12) | ciphertext | tag (16)` under
//! `HKDF-SHA256(DEK, salt = none, info = purpose)`, with `purpose | practice | DEK version` as additional data:
//! a cookie is no form nonce, and neither works at another practice.

use crate::aead;
use crate::canonical::Canonical;
use crate::error::SealError;
use crate::practice::PracticeKeys;
use crate::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kept_domain::{Instant, LinkId};
use sha2::{Digest, Sha256};
use std::fmt;
use uuid::Uuid;
use zeroize::Zeroizing;

/// The format of a sealed value.
const FORMAT: u8 = 1;
/// The longest sealed value that is looked at, in characters: ours have fewer than 250.
const MAX_LEN: usize = 512;

const LEVEL_0: &str = "kept/v1/cookie/level-0";
const FORM: &str = "kept/v1/form";

/// What the level-0 cookie says: this browser holds this link's secret. It has no row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level0 {
    /// The link that was opened.
    pub link: LinkId,
    /// When.
    pub issued_at: Instant,
}

/// What a form may do, so that it can do nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormBinding<'a> {
    /// The link or the session that the page belongs to; two open tabs cannot cross.
    pub subject: Uuid,
    /// What the form does: a word of the program, e.g. `confirm:<appointment id>`.
    pub action: &'a str,
    /// Revision of what the page showed.
    pub revision: i64,
}

/// A form nonce that opened: record its hash until it expires; a second one of the same hash was sent before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsedNonce {
    /// For `used_nonces.nonce_hash`.
    pub hash: [u8; 32],
    /// For `used_nonces.expires_at_ms`.
    pub expires_at: Instant,
}

/// A sealed value from a browser is not good. Nothing of it is quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not one of ours, of another practice, or for another purpose.
    #[error("not a value of this practice")]
    NotOurs,
    /// Ours, but too old.
    #[error("expired")]
    Expired,
    /// A form of another page: of another link or for another action.
    #[error("the form belongs to another page")]
    OtherForm,
    /// The page showed a revision that is no longer the current one.
    #[error("what the page showed has changed since")]
    OtherRevision,
}

impl PracticeKeys {
    /// Seals the level-0 state for a cookie.
    pub fn seal_cookie(&self, state: &Level0) -> Result<String, SealError> {
        let mut plain = Vec::with_capacity(24);
        plain.extend_from_slice(state.link.as_uuid().as_bytes());
        plain.extend_from_slice(&state.issued_at.as_ms().to_be_bytes());
        self.seal_token(LEVEL_0, &plain)
    }

    /// Opens a level-0 cookie. How old it may be is the caller's rule.
    pub fn open_cookie(&self, cookie: &str) -> Result<Level0, TokenError> {
        let plain = self.open_token(LEVEL_0, cookie)?;
        let (link, rest) = plain.split_first_chunk::<16>().ok_or(TokenError::NotOurs)?;
        let issued: [u8; 8] = rest.try_into().map_err(|_| TokenError::NotOurs)?;
        Ok(Level0 {
            link: LinkId::from_uuid(Uuid::from_bytes(*link)),
            issued_at: Instant::from_ms(i64::from_be_bytes(issued)),
        })
    }

    /// A nonce for one showing of a form.
    pub fn seal_form(&self, binding: &FormBinding<'_>, expires_at: Instant) -> Result<String, SealError> {
        let mut plain = Vec::with_capacity(32 + binding.action.len());
        plain.extend_from_slice(binding.subject.as_bytes());
        plain.extend_from_slice(&binding.revision.to_be_bytes());
        plain.extend_from_slice(&expires_at.as_ms().to_be_bytes());
        plain.extend_from_slice(binding.action.as_bytes());
        self.seal_token(FORM, &plain)
    }

    /// Opens a form's nonce and checks that it is for this page, action and revision, and not expired.
    pub fn open_form(&self, nonce: &str, binding: &FormBinding<'_>, now: Instant) -> Result<UsedNonce, TokenError> {
        let plain = self.open_token(FORM, nonce)?;
        let (subject, rest) = plain.split_first_chunk::<16>().ok_or(TokenError::NotOurs)?;
        let (revision, rest) = rest.split_first_chunk::<8>().ok_or(TokenError::NotOurs)?;
        let (expires, action) = rest.split_first_chunk::<8>().ok_or(TokenError::NotOurs)?;
        let expires_at = Instant::from_ms(i64::from_be_bytes(*expires));
        if subject != binding.subject.as_bytes() || action != binding.action.as_bytes() {
            return Err(TokenError::OtherForm);
        }
        if i64::from_be_bytes(*revision) != binding.revision {
            return Err(TokenError::OtherRevision);
        }
        if now >= expires_at {
            return Err(TokenError::Expired);
        }
        // The sealed text has a random nonce of its own, so its hash names this one showing of the form. Base64 without
        // padding has one spelling for each value: the decoder refuses stray bits.
        Ok(UsedNonce { hash: Sha256::digest(nonce).into(), expires_at })
    }

    fn seal_token(&self, purpose: &str, plain: &[u8]) -> Result<String, SealError> {
        let version = self.current_version();
        let mut out = vec![FORMAT];
        out.extend_from_slice(&version.to_be_bytes());
        let key = token_key(self.current_dek(), purpose);
        aead::seal_into(&mut out, &key, aead::nonce()?, self.token_aad(purpose, version).as_bytes(), plain);
        Ok(URL_SAFE_NO_PAD.encode(out))
    }

    fn open_token(&self, purpose: &str, text: &str) -> Result<Zeroizing<Vec<u8>>, TokenError> {
        if text.len() > MAX_LEN {
            return Err(TokenError::NotOurs);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| TokenError::NotOurs)?;
        let Some((&FORMAT, rest)) = bytes.split_first() else {
            return Err(TokenError::NotOurs);
        };
        let (version, rest) = rest.split_first_chunk::<4>().ok_or(TokenError::NotOurs)?;
        let version = u32::from_be_bytes(*version);
        let key = token_key(self.dek(version).ok_or(TokenError::NotOurs)?, purpose);
        aead::open(&key, self.token_aad(purpose, version).as_bytes(), rest).map_err(|_| TokenError::NotOurs)
    }

    fn token_aad(&self, purpose: &str, version: u32) -> Canonical {
        Canonical::new(purpose).uuid(self.practice.as_uuid()).bytes(&version.to_be_bytes())
    }
}

fn token_key(dek: &Secret, purpose: &str) -> Secret {
    dek.derive(&[], purpose.as_bytes())
}

/// An opaque secret of 256 bits: a session or a remembered device. The browser has the text, the database its hash.
pub struct OpaqueToken(Zeroizing<String>);

impl OpaqueToken {
    /// A new one, from the operating system.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let secret = Secret::generate()?;
        Ok(Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(secret.as_bytes()))))
    }

    /// For the cookie: 43 characters of base64url.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the database keeps.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(self.as_str())
    }
}

impl fmt::Debug for OpaqueToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpaqueToken(…)")
    }
}

/// SHA-256 of an opaque token's text, as stored in columns named `token_hash`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);

impl TokenHash {
    /// Of what a browser sent.
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kept_domain::PracticeId;
    use proptest::prelude::*;

    fn keys(practice: u128) -> PracticeKeys {
        PracticeKeys::fixed(PracticeId::from_uuid(Uuid::from_u128(practice)), 1, [7; 32], [8; 32])
    }

    fn binding(subject: u128, action: &str, revision: i64) -> FormBinding<'_> {
        FormBinding { subject: Uuid::from_u128(subject), action, revision }
    }

    #[test]
    fn a_cookie_opens_only_where_and_for_what_it_was_made() {
        let state = Level0 { link: LinkId::from_uuid(Uuid::from_u128(5)), issued_at: Instant::from_ms(1_000) };
        let cookie = keys(1).seal_cookie(&state).expect("sealed");
        assert_eq!(keys(1).open_cookie(&cookie), Ok(state));
        // The other practice has, on purpose, the same key here: its id alone must keep them apart.
        assert_eq!(keys(2).open_cookie(&cookie), Err(TokenError::NotOurs));
        assert_eq!(
            keys(1).open_form(&cookie, &binding(5, "", 0), Instant::from_ms(0)),
            Err(TokenError::NotOurs),
            "a cookie is no form nonce"
        );
    }

    #[test]
    fn a_form_is_bound_to_its_page_action_revision_and_time() {
        let keys = keys(1);
        let made = binding(5, "confirm", 3);
        let nonce = keys.seal_form(&made, Instant::from_ms(1_000)).expect("sealed");
        let at = |ms, other: &FormBinding<'_>| keys.open_form(&nonce, other, Instant::from_ms(ms));
        let used = at(999, &made).expect("good until it expires");
        assert_eq!(used.expires_at, Instant::from_ms(1_000));
        assert_eq!(at(999, &made), Ok(used), "the same showing has the same hash");
        assert_eq!(at(1_000, &made), Err(TokenError::Expired));
        assert_eq!(at(0, &binding(6, "confirm", 3)), Err(TokenError::OtherForm));
        assert_eq!(at(0, &binding(5, "cancel", 3)), Err(TokenError::OtherForm));
        assert_eq!(at(0, &binding(5, "confirm", 4)), Err(TokenError::OtherRevision));
        let again = keys.seal_form(&made, Instant::from_ms(1_000)).expect("sealed");
        assert_ne!(keys.open_form(&again, &made, Instant::from_ms(0)).expect("good").hash, used.hash);
    }

    #[test]
    fn an_opaque_token_is_found_by_its_hash_and_prints_nothing() {
        let token = OpaqueToken::generate().expect("random bytes");
        assert_eq!(token.as_str().len(), 43);
        assert_eq!(TokenHash::of(token.as_str()), token.hash());
        assert_eq!(format!("{token:?}"), "OpaqueToken(…)");
    }

    #[test]
    fn what_is_too_long_is_not_looked_at() {
        assert_eq!(keys(1).open_cookie(&"A".repeat(MAX_LEN + 1)), Err(TokenError::NotOurs));
    }

    proptest! {
        #[test]
        fn one_changed_character_is_caught(position in 0usize..68, replacement in "[A-Za-z0-9_-]") {
            let state = Level0 { link: LinkId::from_uuid(Uuid::from_u128(5)), issued_at: Instant::from_ms(1) };
            let cookie = keys(1).seal_cookie(&state).expect("sealed");
            let position = position % cookie.len();
            let mut changed = cookie.clone();
            changed.replace_range(position..=position, &replacement);
            prop_assume!(changed != cookie);
            prop_assert_eq!(keys(1).open_cookie(&changed), Err(TokenError::NotOurs));
        }

        #[test]
        fn no_input_panics(text in ".{0,80}") {
            prop_assert!(keys(1).open_cookie(&text).is_err());
        }
    }
}
