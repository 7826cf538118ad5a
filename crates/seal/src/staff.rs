//! How a staff password becomes two keys in the browser, so that the server never sees it.
//!
//! ```text
//! stretched = Argon2id(password in UTF-8, salt, memory, passes, lanes), 32 bytes (RFC 9106)
//! auth      = HKDF-SHA256(stretched, salt = none, info = "kept/v1/staff/auth")      → sent when signing in
//! unlock    = HKDF-SHA256(stretched, salt = none, info = "kept/v1/staff/unlock")    → never leaves the browser
//! verifier  = SHA-256("kept/v1/staff/verifier" | auth), length-prefixed             → stored
//! ```
//!
//! The browser normalises a typed password to NFKC first (NIST SP 800-63B §3.1.1.2); the ones made here are ASCII.
//! The derivation in this crate serves `kept init`, the demo and tests; it gives what `assets/src` gives (same vectors).

use crate::blind::Blind;
use crate::canonical::Canonical;
use crate::error::SealError;
use crate::link::ALPHABET;
use crate::practice::PracticeKeys;
use crate::secret::hkdf;
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Memory of the derivation, in KiB: 64 MiB.
pub const MEMORY_KIB: u32 = 64 * 1024;
/// Passes over the memory.
pub const PASSES: u32 = 3;
/// Lanes.
pub const LANES: u32 = 1;
/// Bytes of the salt (RFC 9106 §4).
pub const SALT_LEN: usize = 16;

/// Parameters of the browser's derivation, as stored in `staff.kdf` and told to the sign-in page:
/// `{"alg":"argon2id","salt":"<22 characters base64url>","m_kib":65536,"t":3,"p":1}`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kdf {
    /// Which derivation.
    pub alg: KdfAlgorithm,
    /// base64url without padding, 16 bytes.
    pub salt: String,
    /// Memory in KiB.
    pub m_kib: u32,
    /// Passes.
    pub t: u32,
    /// Lanes.
    pub p: u32,
}

/// The derivations there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum KdfAlgorithm {
    /// Argon2id, version 0x13 (RFC 9106).
    #[serde(rename = "argon2id")]
    Argon2id,
}

impl Kdf {
    /// Today's parameters with a new salt.
    pub fn fresh() -> Result<Self, SealError> {
        let mut salt = [0; SALT_LEN];
        getrandom::fill(&mut salt)?;
        Ok(Self::with_salt(&salt))
    }

    /// Parameters for an address that nobody has: always the same for one address, so that asking tells nothing
    /// about who works at the practice.
    pub fn decoy(keys: &PracticeKeys, email: &str) -> Self {
        let index = keys.blind(Blind::StaffEmail, email);
        Self::with_salt(&keys.index.mac(Canonical::new("kept/v1/staff/decoy").bytes(&index.0).as_bytes()))
    }

    fn with_salt(salt: &[u8; SALT_LEN]) -> Self {
        Self { alg: KdfAlgorithm::Argon2id, salt: URL_SAFE_NO_PAD.encode(salt), m_kib: MEMORY_KIB, t: PASSES, p: LANES }
    }

    /// Derives both branches, as the browser does. Takes about a tenth of a second and 64 MiB.
    pub fn derive(&self, password: &str) -> Result<Branches, SealError> {
        let salt =
            URL_SAFE_NO_PAD.decode(&self.salt).map_err(|_| SealError::Derivation("the salt is not base64url"))?;
        let params = Params::new(self.m_kib, self.t, self.p, Some(32))
            .map_err(|_| SealError::Derivation("the costs are outside Argon2's limits"))?;
        let mut stretched = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(password.as_bytes(), &salt, stretched.as_mut_slice())
            .map_err(|_| SealError::Derivation("Argon2 refused the password or the salt"))?;
        Ok(Branches {
            auth: AuthBranch(*hkdf(stretched.as_slice(), &[], b"kept/v1/staff/auth")),
            unlock: hkdf(stretched.as_slice(), &[], b"kept/v1/staff/unlock"),
        })
    }
}

/// Both halves of a derived password.
pub struct Branches {
    /// Signs in.
    pub auth: AuthBranch,
    /// Unwraps what is sealed to the person. The server has no use for it; it is here for vectors.
    pub unlock: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for Branches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Branches(…)")
    }
}

/// What a browser sends to sign in: 32 bytes, base64url without padding (43 characters).
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct AuthBranch([u8; 32]);

/// What was sent is no sign-in branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a derived password: 43 characters of base64url are expected")]
pub struct BadAuthBranch;

impl AuthBranch {
    /// Reads base64url without padding.
    pub fn parse(text: &str) -> Result<Self, BadAuthBranch> {
        let mut bytes = [0; 32];
        match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
            Ok(32) => Ok(Self(bytes)),
            _ => Err(BadAuthBranch),
        }
    }

    /// As the browser sends it.
    pub fn to_base64url(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(self.0))
    }

    /// What the server keeps.
    pub fn verifier(&self) -> Verifier {
        let input = Canonical::new("kept/v1/staff/verifier").bytes(&self.0);
        Verifier(Sha256::digest(input.as_bytes()).into())
    }
}

impl fmt::Debug for AuthBranch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthBranch(…)")
    }
}

/// What the server keeps of a password, in `staff.verifier`: it recognises the sign-in branch and opens nothing.
#[derive(Clone, Copy)]
pub struct Verifier(pub [u8; 32]);

impl Verifier {
    /// A stored verifier; `None` when it has not 32 bytes.
    pub fn from_stored(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Whether this branch is the one, compared in constant time.
    pub fn accepts(&self, auth: &AuthBranch) -> bool {
        self.0.ct_eq(&auth.verifier().0).into()
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier(…)")
    }
}

/// Groups of four characters in a password made here.
const PASSWORD_GROUPS: usize = 5;

/// A password for a first sign-in: 100 random bits as five groups of four of Crockford's base32, which has no
/// letter that is read as a digit.
pub fn first_password() -> Result<Zeroizing<String>, SealError> {
    let mut bytes = Zeroizing::new([0u8; 4 * PASSWORD_GROUPS]);
    getrandom::fill(bytes.as_mut_slice())?;
    let mut password = Zeroizing::new(String::with_capacity(5 * PASSWORD_GROUPS));
    for (index, byte) in bytes.iter().enumerate() {
        if index > 0 && index % 4 == 0 {
            password.push('-');
        }
        password.push(char::from(ALPHABET[usize::from(byte & 31)]));
    }
    Ok(password)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kept_domain::PracticeId;
    use uuid::Uuid;

    fn cheap() -> Kdf {
        Kdf { m_kib: 64, t: 1, ..Kdf::fresh().expect("random bytes") }
    }

    #[test]
    fn the_right_password_signs_in_and_no_other() {
        let kdf = cheap();
        let verifier = kdf.derive("correct horse").expect("derived").auth.verifier();
        let again = kdf.derive("correct horse").expect("derived").auth;
        assert!(verifier.accepts(&AuthBranch::parse(&again.to_base64url()).expect("what we wrote")));
        assert!(!verifier.accepts(&kdf.derive("correct horsf").expect("derived").auth));
        assert!(!verifier.accepts(&cheap().derive("correct horse").expect("derived").auth), "another salt");
    }

    #[test]
    fn the_two_branches_differ_and_print_nothing() {
        let branches = cheap().derive("correct horse").expect("derived");
        assert_ne!(&branches.auth.0, &*branches.unlock);
        assert_eq!(
            format!("{branches:?} {:?} {:?}", branches.auth, branches.auth.verifier()),
            "Branches(…) AuthBranch(…) Verifier(…)"
        );
    }

    #[test]
    fn a_stranger_gets_the_same_parameters_each_time() {
        let keys = PracticeKeys::fixed(PracticeId::from_uuid(Uuid::nil()), 1, [1; 32], [2; 32]);
        let decoy = Kdf::decoy(&keys, "nobody@example.org");
        assert_eq!(decoy, Kdf::decoy(&keys, "Nobody@example.org "));
        assert_ne!(decoy, Kdf::decoy(&keys, "somebody@example.org"));
        let real = Kdf::fresh().expect("random bytes");
        assert_eq!((decoy.salt.len(), decoy.m_kib, decoy.t, decoy.p), (real.salt.len(), real.m_kib, real.t, real.p));
    }

    #[test]
    fn parameters_are_stored_as_the_browser_reads_them() {
        let kdf = Kdf::with_salt(&[0; SALT_LEN]);
        let json = serde_json::to_string(&kdf).expect("plain data");
        assert_eq!(json, r#"{"alg":"argon2id","salt":"AAAAAAAAAAAAAAAAAAAAAA","m_kib":65536,"t":3,"p":1}"#);
        assert_eq!(serde_json::from_str::<Kdf>(&json).expect("what we wrote"), kdf);
        assert!(serde_json::from_str::<Kdf>(r#"{"alg":"pbkdf2","salt":"","m_kib":1,"t":1,"p":1}"#).is_err());
    }

    #[test]
    fn broken_parameters_are_an_error_and_no_panic() {
        for broken in
            [Kdf { salt: "*".into(), ..cheap() }, Kdf { salt: String::new(), ..cheap() }, Kdf { t: 0, ..cheap() }]
        {
            assert!(matches!(broken.derive("x"), Err(SealError::Derivation(_))));
        }
    }

    #[test]
    fn a_first_password_is_long_and_new_each_time() {
        let one = first_password().expect("random bytes");
        assert_eq!(one.len(), 24);
        assert!(one.chars().all(|c| c == '-' || c.is_ascii_lowercase() || c.is_ascii_digit()));
        assert_ne!(*one, *first_password().expect("random bytes"));
    }
}
