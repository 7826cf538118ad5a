//! A notice as a letter: headers, a text part, an HTML part.

use crate::{Mail, Outbound};
use kept_domain::NoticeId;
use lettre::address::AddressError;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message};

/// A letter, ready for the dialogue.
pub(super) struct Letter {
    pub(super) from: Address,
    pub(super) to: Address,
    /// In angle brackets.
    pub(super) message_id: String,
    pub(super) bytes: Vec<u8>,
}

/// Why a notice cannot be a letter; the word that is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoLetter {
    /// The receiver's address is none.
    To,
    /// The sender's address is none.
    From,
    /// There is no subject and no HTML part, or they do not fit together.
    Content,
}

impl NoLetter {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::To => "no-address",
            Self::From => "no-sender",
            Self::Content => "no-content",
        }
    }
}

/// The id of a notice's letter: the same on every attempt, so that receivers drop doubles.
pub(super) fn message_id(notice: NoticeId, domain: &str) -> String {
    format!("<{notice}@{domain}>")
}

/// Writes the letter. Nothing in it is asked of a random source or clock of ours; the library puts a boundary and the date.
pub(super) fn write(
    notice: &Outbound,
    mail: &Mail,
    from: &str,
    unsubscribe_address: Option<&str>,
) -> Result<Letter, NoLetter> {
    let address = |text: &str| -> Result<Address, AddressError> { text.parse() };
    let from = address(notice.from.as_deref().unwrap_or(from)).map_err(|_| NoLetter::From)?;
    let to = address(&notice.to).map_err(|_| NoLetter::To)?;
    let message_id = message_id(notice.key, from.domain());
    let mut letter = Message::builder()
        .from(Mailbox::new(Some(one_line(&mail.from_name)), from.clone()))
        .to(Mailbox::new(None, to.clone()))
        .subject(one_line(&mail.subject))
        .message_id(Some(message_id.clone()))
        // RFC 3834 §5, and what a well-known mail server asks for besides: no "out of office" comes back.
        .raw_header(header("Auto-Submitted", "auto-generated"))
        .raw_header(header("X-Auto-Response-Suppress", "All"));
    if let Some(url) = &mail.unsubscribe_url {
        // RFC 8058: the address works by POST, without a page between.
        let by_mail = unsubscribe_address.map(|address| format!(",\r\n <mailto:{address}?subject=unsubscribe>"));
        let ways = format!("<{url}>{}", by_mail.unwrap_or_default());
        letter = letter
            .raw_header(header("List-Unsubscribe", &ways))
            .raw_header(header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"));
    }
    let parts = MultiPart::alternative_plain_html(notice.text.clone(), mail.html.clone());
    let letter = letter.multipart(parts).map_err(|_| NoLetter::Content)?;
    Ok(Letter { from, to, message_id, bytes: letter.formatted() })
}

/// Words of a header. A line's end in them would begin another header; the library refuses it with a panic.
fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_control() || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// A header of our own words, folded by us: an address in it must not be taken apart by the library's folding.
fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::dangerous_new_pre_encoded(HeaderName::new_from_ascii_str(name), value.to_owned(), value.to_owned())
}
