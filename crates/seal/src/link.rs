//! The secret of a link, and what the server keeps of it.
//!
//! `t` is 130 random bits written as 26 lower-case characters of Crockford's base32. The browser derives
//! `auth = HKDF-SHA256(ikm = t's 26 ASCII characters, salt = none, info = "kept/v1/link/auth")` and sends that; the database has
//! `SHA-256(auth)` only. So neither a request log nor the database holds what opens a link.

use crate::secret::hkdf;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Crockford's base32: no i, l, o (read as 1, 1, 0) and no u.
pub(crate) const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The secret of a link. Prints nothing; overwritten when dropped.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct LinkToken {
    text: [u8; LinkToken::LEN],
}

/// What was typed or pasted is not the secret of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not the code of a link: it has 26 letters and digits")]
pub struct BadLink;

impl LinkToken {
    /// Characters of `t`; five bits each.
    pub const LEN: usize = 26;

    /// A new secret, from the operating system.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new([0u8; Self::LEN]);
        getrandom::fill(bytes.as_mut_slice())?;
        // 32 divides 256, so the low five bits of a random byte are uniform.
        Ok(Self { text: bytes.map(|byte| ALPHABET[usize::from(byte & 31)]) })
    }

    /// Reads what a person pasted or a mail gateway mangled: a whole link or the code alone; `#` or `%23`;
    /// upper or lower case; spaces and hyphens anywhere; `o` for 0, `i` and `l` for 1.
    pub fn parse(input: &str) -> Result<Self, BadLink> {
        let code = input.rsplit('#').next().unwrap_or(input);
        let code = code.rsplit("%23").next().unwrap_or(code);
        let mut text = [0; Self::LEN];
        let mut filled = 0;
        for character in code.chars() {
            let symbol = match character.to_ascii_lowercase() {
                '-' => continue,
                space if space.is_whitespace() => continue,
                'o' => b'0',
                'i' | 'l' => b'1',
                other => u8::try_from(other).map_err(|_| BadLink)?,
            };
            if !ALPHABET.contains(&symbol) {
                return Err(BadLink);
            }
            *text.get_mut(filled).ok_or(BadLink)? = symbol;
            filled += 1;
        }
        if filled == Self::LEN { Ok(Self { text }) } else { Err(BadLink) }
    }

    /// The 26 characters, for the link itself and for [`kept_domain::private::LinkSecret`].
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text).expect("the alphabet is ASCII")
    }

    /// What the browser sends.
    pub fn auth(&self) -> LinkAuth {
        LinkAuth(*hkdf(&self.text, &[], b"kept/v1/link/auth"))
    }

    /// What the database keeps: [`LinkAuth::hash`] of [`LinkToken::auth`].
    pub fn auth_hash(&self) -> AuthHash {
        self.auth().hash()
    }
}

impl fmt::Debug for LinkToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkToken(…)")
    }
}

/// What a browser sends to show that it holds `t`: 32 bytes, in a form field as base64url without padding (43 characters).
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct LinkAuth([u8; 32]);

impl LinkAuth {
    /// Reads base64url without padding.
    pub fn parse(text: &str) -> Result<Self, BadLink> {
        let mut bytes = [0; 32];
        match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
            Ok(32) => Ok(Self(bytes)),
            _ => Err(BadLink),
        }
    }

    /// As the browser sends it.
    pub fn to_base64url(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(self.0))
    }

    /// What the database looks a link up by.
    pub fn hash(&self) -> AuthHash {
        AuthHash(Sha256::digest(self.0).into())
    }
}

impl fmt::Debug for LinkAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkAuth(…)")
    }
}

/// `SHA-256(auth)`, as stored in `links.auth_hash`. A look-up by it needs no constant time: it is no secret, and a
/// value that is close to it helps nobody to find `auth`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AuthHash(pub [u8; 32]);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn token(text: &str) -> LinkToken {
        LinkToken::parse(text).expect("a well-formed code")
    }

    #[test]
    fn what_gateways_and_people_do_to_a_link_is_undone() {
        let plain = token("0123456789abcdefghjkmnpqrs");
        for mangled in [
            "0123456789ABCDEFGHJKMNPQRS",
            "#0123456789abcdefghjkmnpqrs",
            "%230123456789abcdefghjkmnpqrs",
            "https://kept.example/riverside/l#0123456789abcdefghjkmnpqrs",
            "https://kept.example/riverside/l%230123456789abcdefghjkmnpqrs",
            "0123-4567-89ab-cdef-ghjk-mnpq-rs",
            " 01234 56789 abcde fghjk mnpqrs\n",
            "oI23456789abcdefghjkmnpqrs",
            "OL23456789abcdefghjkmnpqrs",
        ] {
            assert_eq!(token(mangled), plain, "{mangled}");
        }
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for wrong in [
            "",
            "#",
            "0123456789abcdefghjkmnpqr",
            "0123456789abcdefghjkmnpqrst",
            "0123456789abcdefghjkmnpqru",
            "0123456789abcdefghjkmnpqr!",
            "0123456789abcdefghjkmnpqrß",
            "٠١٢٣٤٥٦٧٨٩abcdefghjkmnpqrs",
        ] {
            assert_eq!(LinkToken::parse(wrong), Err(BadLink), "{wrong}");
        }
    }

    #[test]
    fn every_symbol_comes_up_and_nothing_is_printed() {
        let mut seen = std::collections::HashSet::new();
        for _ in 0..200 {
            let token = LinkToken::generate().expect("random bytes");
            assert_eq!(token.as_str().len(), 26);
            seen.extend(token.as_str().bytes());
            assert!(!format!("{token:?}{:?}", token.auth()).contains(token.as_str()));
        }
        // 5,200 draws from 32 symbols: one is missing with a chance of 32 · (31/32)^5200 < 10^-70.
        assert_eq!(seen.len(), 32);
    }

    proptest! {
        #[test]
        fn every_code_reads_back(symbols in proptest::collection::vec(0usize..32, 26)) {
            let text: String = symbols.iter().map(|&index| char::from(ALPHABET[index])).collect();
            let token = token(&text);
            prop_assert_eq!(token.as_str(), &text);
            prop_assert_eq!(self::token(&text.to_uppercase()).auth_hash(), token.auth_hash());
            let sent = token.auth().to_base64url();
            prop_assert_eq!(LinkAuth::parse(&sent).expect("what we wrote").hash(), token.auth_hash());
        }

        #[test]
        fn no_input_panics(input in ".{0,64}") {
            let _ = LinkToken::parse(&input);
            let _ = LinkAuth::parse(&input);
        }
    }
}
