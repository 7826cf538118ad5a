//! The token in a mail's "no more mail" address: it can only opt out, and only the address that the mail went to.
//!
//! base64url of `1 | nonce (12) | ciphertext | tag (16)` under `HKDF-SHA256(index key, info = purpose)`, with
//! `purpose | practice` as additional data. Under the index key and not a data key, because mails outlive data keys.

use crate::aead;
use crate::canonical::Canonical;
use crate::error::SealError;
use crate::practice::PracticeKeys;
use crate::token::TokenError;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kept_domain::{BlindIndex, Locale};

/// The format of a token.
const FORMAT: u8 = 1;
/// The longest token that is looked at, in characters: ours have 63.
const MAX_LEN: usize = 128;
const PURPOSE: &str = "kept/v1/opt-out/email";

/// What a token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptOut {
    /// The address that opts out.
    pub bix: BlindIndex,
    /// Language of the mail.
    pub locale: Locale,
}

impl PracticeKeys {
    /// A token for the address of a mail.
    pub fn seal_opt_out(&self, opt_out: &OptOut) -> Result<String, SealError> {
        let mut plain = opt_out.bix.0.to_vec();
        plain.extend_from_slice(opt_out.locale.as_str().as_bytes());
        let key = self.index.derive(&[], PURPOSE.as_bytes());
        let mut out = vec![FORMAT];
        aead::seal_into(&mut out, &key, aead::nonce()?, self.opt_out_aad().as_bytes(), &plain);
        Ok(URL_SAFE_NO_PAD.encode(out))
    }

    /// Opens a token. It never expires: an opt-out is welcome at any time.
    pub fn open_opt_out(&self, token: &str) -> Result<OptOut, TokenError> {
        if token.len() > MAX_LEN {
            return Err(TokenError::NotOurs);
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| TokenError::NotOurs)?;
        let Some((&FORMAT, sealed)) = bytes.split_first() else {
            return Err(TokenError::NotOurs);
        };
        let key = self.index.derive(&[], PURPOSE.as_bytes());
        let plain = aead::open(&key, self.opt_out_aad().as_bytes(), sealed).map_err(|_| TokenError::NotOurs)?;
        let (bix, locale) = plain.split_first_chunk::<16>().ok_or(TokenError::NotOurs)?;
        let locale = std::str::from_utf8(locale).ok().and_then(|word| word.parse().ok()).ok_or(TokenError::NotOurs)?;
        Ok(OptOut { bix: BlindIndex(*bix), locale })
    }

    fn opt_out_aad(&self) -> Canonical {
        Canonical::new(PURPOSE).uuid(self.practice.as_uuid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kept_domain::PracticeId;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn keys(practice: u128, version: u8) -> PracticeKeys {
        let id = PracticeId::from_uuid(Uuid::from_u128(practice));
        PracticeKeys::fixed(id, version.into(), [version; 32], [8; 32])
    }

    const OUT: OptOut = OptOut { bix: BlindIndex([5; 16]), locale: Locale::Es };

    #[test]
    fn a_token_opens_at_its_practice_for_as_long_as_there_is_one() {
        let token = keys(1, 1).seal_opt_out(&OUT).expect("sealed");
        assert_eq!(token.len(), 63);
        assert_eq!(keys(1, 1).open_opt_out(&token), Ok(OUT));
        assert_eq!(keys(1, 2).open_opt_out(&token), Ok(OUT), "the data key was rotated");
        assert_eq!(keys(2, 1).open_opt_out(&token), Err(TokenError::NotOurs));
        assert!(keys(1, 1).open_cookie(&token).is_err(), "it is no cookie");
        assert_eq!(keys(1, 1).open_opt_out(&"A".repeat(MAX_LEN + 1)), Err(TokenError::NotOurs));
    }

    proptest! {
        #[test]
        fn one_changed_character_is_caught(position in 0usize..63, replacement in "[A-Za-z0-9_-]") {
            let token = keys(1, 1).seal_opt_out(&OUT).expect("sealed");
            let mut changed = token.clone();
            changed.replace_range(position..=position, &replacement);
            prop_assume!(changed != token);
            prop_assert_eq!(keys(1, 1).open_opt_out(&changed), Err(TokenError::NotOurs));
        }

        #[test]
        fn no_input_panics(text in ".{0,80}") {
            prop_assert!(keys(1, 1).open_opt_out(&text).is_err());
        }
    }
}
