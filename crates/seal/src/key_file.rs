//! The key file: the key-encryption keys, outside the database and its backups.
//!
//! Text, one key a line; lines that begin with `#` and blank lines are ignored. The first key is the primary one:
//! everything new is wrapped under it; the others still open what was wrapped under them.
//!
//! ```text
//! kept-kek-1 <key id, 16 hex digits> <key, 64 hex digits>
//! ```
//!
//! The id is derived from the key, so a damaged line is told from a wrong one.

use crate::secret::{Secret, hkdf};
use std::fmt::{self, Write as _};
use zeroize::Zeroizing;

/// The first word of a line that holds a key.
const LINE: &str = "kept-kek-1";

/// What stands above the key in a new file.
const HEADING: &str = "# Kept: the key that opens this practice's data. Without it the database is unreadable, for you too.\n\
     # Keep a copy away from the machine and away from the database's backups. Owner may read, nobody may write (0400).\n\
     # To change keys, put a new line above: the first key seals, all of them open.\n";

/// Names a key-encryption key without telling anything of it: 8 bytes of `HKDF(key, info = "kept/v1/kek/id")`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId(pub(crate) [u8; KeyId::LEN]);

impl KeyId {
    /// Bytes of an id.
    pub const LEN: usize = 8;

    fn of(key: &Secret) -> Self {
        let whole = hkdf(key.as_bytes(), &[], b"kept/v1/kek/id");
        let mut id = [0; Self::LEN];
        id.copy_from_slice(&whole[..Self::LEN]);
        Self(id)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// A key file cannot be used. No message quotes the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyFileError {
    /// No line holds a key.
    #[error("the key file holds no key; make one with `kept keys new`")]
    Empty,
    /// A line is not a key.
    #[error("line {line} of the key file is not a key: it should read `{LINE} ID KEY`, as `kept keys new` writes it")]
    NotAKey {
        /// Which line, from 1.
        line: usize,
    },
    /// A key and its id do not belong together.
    #[error(
        "line {line} of the key file is damaged: the key is not the one that its id {id} names; restore the file from its copy"
    )]
    Damaged {
        /// Which line, from 1.
        line: usize,
        /// The id on that line.
        id: String,
    },
    /// The same key stands there twice.
    #[error("line {line} of the key file repeats a key; remove it")]
    Repeated {
        /// Which line, from 1.
        line: usize,
    },
}

/// The text form of a [`KeyRing`].
pub struct KeyFile;

impl KeyFile {
    /// The text of a new file with one new key, and the key's id.
    pub fn generate() -> Result<(Zeroizing<String>, KeyId), getrandom::Error> {
        let key = Secret::generate()?;
        let id = KeyId::of(&key);
        // Sized beforehand: a buffer that grew would leave a copy of the key behind.
        let mut text = Zeroizing::new(String::with_capacity(HEADING.len() + 128));
        text.push_str(HEADING);
        let digits = Zeroizing::new(hex::encode(key.as_bytes()));
        writeln!(*text, "{LINE} {id} {}", *digits).expect("writing to a string cannot fail");
        Ok((text, id))
    }

    /// Reads a key file.
    pub fn parse(text: &str) -> Result<KeyRing, KeyFileError> {
        let mut keys: Vec<(KeyId, Secret)> = Vec::new();
        for (index, content) in text.lines().enumerate() {
            let content = content.trim();
            let line = index + 1;
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            let words: Vec<&str> = content.split_whitespace().collect();
            let &[LINE, id, digits] = words.as_slice() else {
                return Err(KeyFileError::NotAKey { line });
            };
            let mut key = Zeroizing::new([0; 32]);
            hex::decode_to_slice(digits, key.as_mut_slice()).map_err(|_| KeyFileError::NotAKey { line })?;
            let key = Secret::from_bytes(key);
            let derived = KeyId::of(&key);
            if derived.to_string() != id.to_ascii_lowercase() {
                // An id is 16 hex digits; anything else might be a misplaced secret and is not repeated.
                let shown = if id.len() == 2 * KeyId::LEN { id.to_owned() } else { "(unreadable)".to_owned() };
                return Err(KeyFileError::Damaged { line, id: shown });
            }
            if keys.iter().any(|(held, _)| *held == derived) {
                return Err(KeyFileError::Repeated { line });
            }
            keys.push((derived, key));
        }
        if keys.is_empty() { Err(KeyFileError::Empty) } else { Ok(KeyRing { keys }) }
    }
}

/// The key-encryption keys in use: never empty; the first wraps, all unwrap.
#[derive(Clone)]
pub struct KeyRing {
    keys: Vec<(KeyId, Secret)>,
}

impl KeyRing {
    /// A ring with one new key that is written nowhere: for a demo or a test whose data end with the process.
    pub fn ephemeral() -> Result<Self, getrandom::Error> {
        let key = Secret::generate()?;
        Ok(Self { keys: vec![(KeyId::of(&key), key)] })
    }

    /// Id of the key that new practice keys are wrapped under.
    pub fn primary_id(&self) -> KeyId {
        self.keys[0].0
    }

    /// Ids of all keys, the primary one first.
    pub fn ids(&self) -> impl Iterator<Item = KeyId> {
        self.keys.iter().map(|(id, _)| *id)
    }

    pub(crate) fn primary(&self) -> (KeyId, &Secret) {
        let (id, key) = &self.keys[0];
        (*id, key)
    }

    pub(crate) fn find(&self, wanted: KeyId) -> Option<&Secret> {
        self.keys.iter().find(|(id, _)| *id == wanted).map(|(_, key)| key)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ids()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_reads_back_and_names_its_key() {
        let (text, id) = KeyFile::generate().expect("random bytes");
        let ring = KeyFile::parse(&text).expect("what we wrote");
        assert_eq!(ring.primary_id(), id);
        assert_eq!(ring.ids().count(), 1);
        assert_eq!(format!("{ring:?}"), format!("[KeyId({id})]"));
    }

    #[test]
    fn the_first_key_is_the_primary_one() {
        let (old, old_id) = KeyFile::generate().expect("random bytes");
        let (new, new_id) = KeyFile::generate().expect("random bytes");
        let ring = KeyFile::parse(&format!("{}\n{}", *new, *old)).expect("two keys");
        assert_eq!(ring.ids().collect::<Vec<_>>(), [new_id, old_id]);
        assert_eq!(ring.primary_id(), new_id);
    }

    #[test]
    fn every_damage_is_told_apart_and_quotes_nothing() {
        let (text, id) = KeyFile::generate().expect("random bytes");
        let key_line = text.lines().last().expect("a line with the key").to_owned();
        let digits = key_line.rsplit(' ').next().expect("the digits").to_owned();
        let flipped = if digits.starts_with('0') { digits.replacen('0', "1", 1) } else { format!("0{}", &digits[1..]) };
        let cases = [
            (String::new(), KeyFileError::Empty),
            ("# only a remark\n".to_owned(), KeyFileError::Empty),
            (digits.clone(), KeyFileError::NotAKey { line: 1 }),
            (key_line.replace(LINE, "kept-kek-9"), KeyFileError::NotAKey { line: 1 }),
            (key_line[..key_line.len() - 1].to_owned(), KeyFileError::NotAKey { line: 1 }),
            (format!("{LINE} {id} {flipped}"), KeyFileError::Damaged { line: 1, id: id.to_string() }),
            (format!("{LINE} {digits} {digits}"), KeyFileError::Damaged { line: 1, id: "(unreadable)".to_owned() }),
            (format!("\n{key_line}\n{key_line}\n"), KeyFileError::Repeated { line: 3 }),
        ];
        for (text, expected) in cases {
            let error = KeyFile::parse(&text).expect_err("a damaged file");
            assert!(!error.to_string().contains(&digits), "the message repeats the key");
            assert_eq!(error, expected);
        }
    }
}
