//! E-mail addresses as calendars write them.

use std::fmt;

/// Longest address that is read (RFC 5321 §4.5.3.1.3, without the angle brackets).
pub const MAX_LENGTH: usize = 254;
/// Longest part before the `@` (RFC 5321 §4.5.3.1.1).
const MAX_LOCAL: usize = 64;
/// Longest label of a domain (RFC 1035 §2.3.4).
const MAX_LABEL: usize = 63;

/// Words that calendars write where there is no address, in lower case without punctuation; also before an `@`, because some
/// systems insist on one.
const NO_ADDRESS: &[&str] = &[
    "",
    "na",
    "none",
    "no",
    "noemail",
    "nomail",
    "noaddress",
    "noreply",
    "donotreply",
    "unknown",
    "null",
    "nil",
    "declined",
    "refused",
    "tbd",
    "sincorreo",
    "noemailaddress",
    "notprovided",
];

/// A usable address. Private: it prints nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Email {
    address: String,
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(…)")
    }
}

impl Email {
    /// The address in lower case. (Case before the `@` matters to no mail server that people use.)
    pub fn as_str(&self) -> &str {
        &self.address
    }

    /// Gives up the text.
    pub fn into_string(self) -> String {
        self.address
    }
}

/// Why a text is no usable address. Carries nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum EmailError {
    /// Empty, or a word such as `none`, with or without an `@`.
    #[error("there is no e-mail address; enter one to write to this patient")]
    Missing,
    /// Not of the form `name@domain`, or of letters that not every mail server takes.
    #[error("this is not an e-mail address; enter one such as name@example.org")]
    NotAnAddress,
    /// Longer than an address may be.
    #[error("this e-mail address is too long; enter one address only")]
    TooLong,
}

/// Reads an address: `Ann@Example.org`, `mailto:ann@example.org`, with blanks around it. Only the plain form without quotes and
/// comments, in ASCII: what every mail server takes.
pub fn parse(raw: &str) -> Result<Email, EmailError> {
    let text = raw.trim();
    let text = text.strip_prefix("mailto:").unwrap_or(text).trim_matches(['<', '>']);
    let word =
        |text: &str| -> String { text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect() };
    if text.len() <= MAX_LENGTH && NO_ADDRESS.contains(&word(text).as_str()) {
        return Err(EmailError::Missing);
    }
    if text.len() > MAX_LENGTH {
        return Err(EmailError::TooLong);
    }
    let (local, domain) = text.rsplit_once('@').ok_or(EmailError::NotAnAddress)?;
    if !is_local(local) || !is_domain(domain) {
        return Err(EmailError::NotAnAddress);
    }
    if NO_ADDRESS.contains(&word(local).as_str()) {
        return Err(EmailError::Missing);
    }
    Ok(Email { address: text.to_ascii_lowercase() })
}

/// A dot-atom (RFC 5322 §3.2.3).
fn is_local(local: &str) -> bool {
    let atom = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
    };
    local.len() <= MAX_LOCAL && local.split('.').all(atom)
}

/// Two labels or more; the last is no number, so that an address of a host does not pass for a domain.
fn is_domain(domain: &str) -> bool {
    let label = |part: &str| {
        (1..=MAX_LABEL).contains(&part.len())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    let last = domain.rsplit('.').next().unwrap_or_default();
    domain.contains('.') && domain.split('.').all(label) && last.bytes().any(|b| b.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn usual_addresses_are_read_in_lower_case() {
        for (raw, read) in [
            ("Ann@Example.org", "ann@example.org"),
            (" <ann.b+visits@mail.example.co.uk> ", "ann.b+visits@mail.example.co.uk"),
            ("mailto:o'neil@example.org", "o'neil@example.org"),
            ("x@xn--bcher-kva.example", "x@xn--bcher-kva.example"),
        ] {
            assert_eq!(parse(raw).unwrap().as_str(), read, "{raw}");
        }
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        for (raw, error) in [
            ("", EmailError::Missing),
            ("n/a", EmailError::Missing),
            ("No e-mail", EmailError::Missing),
            ("none@none.com", EmailError::Missing),
            ("no-email@example.org", EmailError::Missing),
            ("ann", EmailError::NotAnAddress),
            ("ann@localhost", EmailError::NotAnAddress),
            ("ann@127.0.0.1", EmailError::NotAnAddress),
            ("ann@example..org", EmailError::NotAnAddress),
            (".ann@example.org", EmailError::NotAnAddress),
            ("ann@-example.org", EmailError::NotAnAddress),
            ("ann@example.org, bob@example.org", EmailError::NotAnAddress),
            ("ann\r\nbcc:x@example.org", EmailError::NotAnAddress),
            ("\"ann b\"@example.org", EmailError::NotAnAddress),
            ("ñandú@example.org", EmailError::NotAnAddress),
        ] {
            assert_eq!(parse(raw).unwrap_err(), error, "{raw}");
        }
        assert_eq!(parse(&format!("{}@example.org", "a".repeat(MAX_LENGTH))).unwrap_err(), EmailError::TooLong);
        assert_eq!(parse(&format!("{}@example.org", "a".repeat(MAX_LOCAL + 1))).unwrap_err(), EmailError::NotAnAddress);
    }

    #[test]
    fn an_address_is_never_printed() {
        assert_eq!(format!("{:?}", parse("ann@example.org").unwrap()), "Email(…)");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(raw in "\\PC{0,40}@?\\PC{0,40}") {
            if let Ok(email) = parse(&raw) {
                prop_assert!(email.as_str().is_ascii() && !email.as_str().contains(char::is_whitespace));
                prop_assert_eq!(&parse(email.as_str()).unwrap(), &email);
            }
        }
    }
}
