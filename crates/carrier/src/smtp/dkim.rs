//! Signs mail so that receivers know it for ours (DKIM, RFC 6376; Ed25519: RFC 8463).
//!
//! `relaxed/relaxed`, over what RFC 6376 §5.4.1 and RFC 8058 §4 ask for. No `t=` and no `x=`: nothing here asks a clock.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use sha2::{Digest, Sha256};
use std::fmt::{self, Write as _};

/// Headers that are signed where the message has them. `From` is named once more than it stands there, so that nobody adds a second.
const SIGNED: &[&str] = &[
    "From",
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Reply-To",
    "MIME-Version",
    "Content-Type",
    "Auto-Submitted",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
];
/// Characters of a line of the signature.
const LINE: usize = 72;

/// A key cannot be used, or a message cannot be signed. Holds nothing of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DkimError {
    /// Not a PEM file with one private key.
    #[error(
        "the DKIM key is not a private key in PEM form; make one with `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048`"
    )]
    NotPem,
    /// A kind or size of key that receivers do not take.
    #[error("the DKIM key is neither RSA of 2048 to 4096 bits nor Ed25519")]
    Unusable,
    /// The message has no end of its headers, or the machine no random numbers.
    #[error("the message cannot be signed")]
    NotSigned,
}

enum Key {
    Rsa(Box<RsaKeyPair>),
    Ed25519(Ed25519KeyPair),
}

/// A domain's signing key.
pub struct DkimKey {
    domain: String,
    selector: String,
    key: Key,
}

impl fmt::Debug for DkimKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DkimKey({}, {}, …)", self.domain, self.selector)
    }
}

impl DkimKey {
    /// Reads a private key: RSA (PKCS #8 or PKCS #1) or Ed25519 (PKCS #8). Its public half stands in the DNS at
    /// `<selector>._domainkey.<domain>`.
    pub fn from_pem(domain: &str, selector: &str, pem: &str) -> Result<Self, DkimError> {
        let (label, der) = decode(pem).ok_or(DkimError::NotPem)?;
        let rsa = |key| Key::Rsa(Box::new(key));
        let key = match label {
            "PRIVATE KEY" => RsaKeyPair::from_pkcs8(&der)
                .map(rsa)
                .or_else(|_| Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).map(Key::Ed25519)),
            "RSA PRIVATE KEY" => RsaKeyPair::from_der(&der).map(rsa),
            _ => return Err(DkimError::NotPem),
        };
        let key = key.map_err(|_| DkimError::Unusable)?;
        Ok(Self { domain: domain.to_owned(), selector: selector.to_owned(), key })
    }

    /// The domain to sign for: ours, unless the letter comes from another one that is not below it. A signature for another domain
    /// than the sender's proves nothing to who receives it (DMARC, RFC 7489 §3.1.1).
    fn domain_of<'a>(&'a self, other: Option<&'a str>) -> &'a str {
        let below = |other: &str| {
            let rest = other.to_ascii_lowercase();
            let rest = rest.strip_suffix(&self.domain.to_ascii_lowercase()).map(str::to_owned);
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        other.filter(|other| other.is_ascii() && !below(other)).unwrap_or(&self.domain)
    }

    /// The message with its signature in front. `other` is the domain of its sender, where it comes from another address than ours.
    pub fn sign(&self, other: Option<&str>, message: &[u8]) -> Result<Vec<u8>, DkimError> {
        let end = message.windows(4).position(|four| four == b"\r\n\r\n").ok_or(DkimError::NotSigned)?;
        let (head, rest) = message.split_at(end + 2);
        let body = rest.get(2..).unwrap_or_default();
        let head = std::str::from_utf8(head).map_err(|_| DkimError::NotSigned)?;
        let fields = fields(head);
        let mut data = String::new();
        let mut names: Vec<&str> = Vec::new();
        for (position, name) in SIGNED.iter().enumerate() {
            let nth = SIGNED.iter().take(position).filter(|earlier| *earlier == name).count();
            // Of several the last is signed first (RFC 6376 §5.4.2); one more than there are counts as empty.
            let found = fields.iter().rev().filter(|(field, _)| field.eq_ignore_ascii_case(name)).nth(nth);
            if let Some((field, value)) = found {
                data.push_str(&relaxed(field, value));
                data.push_str("\r\n");
            } else if nth == 0 {
                continue;
            }
            names.push(name);
        }
        let hash = STANDARD.encode(Sha256::digest(relaxed_body(body)));
        let algorithm = match self.key {
            Key::Rsa(_) => "rsa-sha256",
            Key::Ed25519(_) => "ed25519-sha256",
        };
        let value = format!(
            " v=1; a={algorithm}; c=relaxed/relaxed; d={}; s={};\r\n h={};\r\n bh={hash};\r\n b=",
            self.domain_of(other),
            self.selector,
            names.join(":\r\n  ")
        );
        data.push_str(&relaxed("DKIM-Signature", &value));
        let signature = STANDARD.encode(self.signature(data.as_bytes())?);
        let mut signed = format!("DKIM-Signature:{value}");
        for line in signature.as_bytes().chunks(LINE) {
            write!(signed, "\r\n  {}", String::from_utf8_lossy(line)).map_err(|_| DkimError::NotSigned)?;
        }
        signed.push_str("\r\n");
        let mut signed = signed.into_bytes();
        signed.extend_from_slice(message);
        Ok(signed)
    }

    fn signature(&self, data: &[u8]) -> Result<Vec<u8>, DkimError> {
        match &self.key {
            Key::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), data, &mut signature)
                    .map_err(|_| DkimError::NotSigned)?;
                Ok(signature)
            }
            // RFC 8463 §3: over the hash, not over the text.
            Key::Ed25519(key) => Ok(key.sign(&Sha256::digest(data)).as_ref().to_vec()),
        }
    }
}

/// The label and the bytes of the first block of a PEM text.
fn decode(pem: &str) -> Option<(&str, Vec<u8>)> {
    let (_, rest) = pem.split_once("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let (text, _) = rest.split_once("-----END ")?;
    let digits: String = text.split_whitespace().collect();
    Some((label, STANDARD.decode(digits).ok()?))
}

/// Header fields with their folded values.
fn fields(head: &str) -> Vec<(&str, String)> {
    let mut fields: Vec<(&str, String)> = Vec::new();
    for line in head.split("\r\n").filter(|line| !line.is_empty()) {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = fields.last_mut() {
                value.push_str("\r\n");
                value.push_str(line);
            }
        } else if let Some((name, value)) = line.split_once(':') {
            fields.push((name, value.to_owned()));
        }
    }
    fields
}

/// RFC 6376 §3.4.2, without the line's end.
fn relaxed(name: &str, value: &str) -> String {
    let words: Vec<&str> = value.split([' ', '\t', '\r', '\n']).filter(|word| !word.is_empty()).collect();
    format!("{}:{}", name.trim_end().to_ascii_lowercase(), words.join(" "))
}

/// RFC 6376 §3.4.4.
fn relaxed_body(body: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(body.len());
    let mut kept = 0;
    for line in body.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let mut blank = false;
        let start = out.len();
        for byte in line {
            if matches!(byte, b' ' | b'\t') {
                blank = true;
                continue;
            }
            if blank {
                out.push(b' ');
                blank = false;
            }
            out.push(*byte);
        }
        let empty = out.len() == start;
        out.extend_from_slice(b"\r\n");
        if !empty {
            kept = out.len();
        }
    }
    // Empty lines at the end do not count.
    out.truncate(kept);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::KeyPair as _;

    /// RFC 6376 §3.4.5, example 2.
    #[test]
    fn the_examples_of_the_rfc_are_canonical() {
        assert_eq!(relaxed("A", " X"), "a:X");
        assert_eq!(relaxed("B ", " Y\t\r\n\tZ  "), "b:Y Z");
        assert_eq!(relaxed_body(b" C \r\nD \t E\r\n\r\n\r\n"), b" C\r\nD E\r\n");
        assert_eq!(relaxed_body(b""), b"");
        assert_eq!(relaxed_body(b"\r\n\r\n"), b"");
        assert_eq!(relaxed_body(b"no end"), b"no end\r\n");
    }

    /// RFC 8463 appendix A: the key of the example, in PKCS #8.
    const ED25519: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----";

    #[test]
    fn a_signature_covers_the_headers_and_the_body() {
        let key = DkimKey::from_pem("example.org", "kept", ED25519).unwrap();
        let message = "From: Oak <oak@example.org>\r\nTo: a@example.net\r\nSubject: Visit\r\n  on Tuesday\r\nX-Other: 1\r\n\r\nHello\r\n";
        let signed = String::from_utf8(key.sign(None, message.as_bytes()).unwrap()).unwrap();
        assert!(signed.ends_with(message));
        let header = signed.strip_suffix(message).unwrap();
        let tags: String = header.split_whitespace().collect();
        assert!(
            tags.contains("a=ed25519-sha256;c=relaxed/relaxed;d=example.org;s=kept;h=From:From:To:Subject;bh="),
            "{tags}"
        );
        assert!(!tags.contains("X-Other"));
        let (unsigned, signature) = header.split_once(" b=").unwrap();
        let signature: String = signature.split_whitespace().collect();
        let data = format!(
            "from:Oak <oak@example.org>\r\nto:a@example.net\r\nsubject:Visit on Tuesday\r\n{}",
            relaxed("DKIM-Signature", &format!("{} b=", unsigned.strip_prefix("DKIM-Signature:").unwrap()))
        );
        let Key::Ed25519(pair) = &key.key else { panic!("an Ed25519 key") };
        let public = ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, pair.public_key().as_ref());
        public.verify(&Sha256::digest(data.as_bytes()), &STANDARD.decode(signature).unwrap()).unwrap();
        assert_eq!(key.sign(None, b"From: x\r\n"), Err(DkimError::NotSigned));
    }

    #[test]
    fn a_letter_is_signed_for_the_domain_it_comes_from() {
        let key = DkimKey::from_pem("example.org", "kept", ED25519).unwrap();
        for (from, domain) in [
            (None, "example.org"),
            (Some("example.org"), "example.org"),
            (Some("mail.Example.org"), "example.org"),
            (Some("oak.example"), "oak.example"),
            (Some("notexample.org"), "notexample.org"),
        ] {
            let signed = key.sign(from, b"From: x\r\n\r\nHello\r\n").unwrap();
            let signed = String::from_utf8(signed).unwrap();
            assert!(signed.contains(&format!(" d={domain}; s=kept;")), "{from:?}: {signed}");
        }
    }

    #[test]
    fn a_key_that_cannot_be_used_says_why_and_prints_nothing() {
        let read = |pem: &str| DkimKey::from_pem("example.org", "kept", pem).unwrap_err();
        assert_eq!(read(""), DkimError::NotPem);
        assert_eq!(read("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"), DkimError::NotPem);
        assert_eq!(read("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"), DkimError::Unusable);
        let key = DkimKey::from_pem("example.org", "kept", ED25519).unwrap();
        assert_eq!(format!("{key:?}"), "DkimKey(example.org, kept, …)");
    }
}
