//! The sandbox's phones: one page, in English, for whoever tries Kept.

use crate::Template;
use crate::samples::Sampled;
use chrono::{NaiveDate, NaiveDateTime};
use serde::Serialize;

/// A phone in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// E.164.
    pub number: String,
    /// Whose it is, in the demo.
    pub owner: Option<String>,
    /// Its page.
    pub path: String,
    /// Its newest text.
    pub last: String,
    /// When that came, in the practice's zone.
    pub at: Option<NaiveDateTime>,
    /// It is the one that is shown.
    pub open: bool,
}

/// Part of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Piece {
    /// Its characters.
    pub text: String,
    /// They are an address to tap.
    pub link: bool,
}

/// One text of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bubble {
    /// Written on this phone; else received.
    pub own: bool,
    /// When, in the practice's zone.
    pub at: NaiveDateTime,
    /// What it says.
    pub pieces: Vec<Piece>,
    /// What the carrier tells about it.
    pub receipt: Option<&'static str>,
}

/// Who has a phone, in the demo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Owner {
    /// Name.
    pub name: String,
    /// What the portal asks for.
    pub birth_date: NaiveDate,
}

/// The phone that is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OpenPhone {
    /// E.164.
    pub number: String,
    /// Its page; replies are posted there.
    pub path: String,
    /// Its number without the plus.
    pub digits: String,
    /// Whose it is.
    pub owner: Option<Owner>,
    /// The conversation, oldest first.
    pub texts: Vec<Bubble>,
}

/// One of the ways in which the carrier can behave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// Its word in the form.
    pub word: &'static str,
    /// Its words on the page.
    pub said: &'static str,
    /// It behaves so now.
    pub chosen: bool,
}

/// The page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Phones {
    /// Address of the style sheet.
    pub stylesheet: String,
    /// Address of the script that loads the page again when something happened.
    pub script: String,
    /// Its hash.
    pub integrity: String,
    /// Changes when something happened.
    pub stirs: u64,
    /// A reply was not taken.
    pub trouble: bool,
    /// The phones, the one with the newest text first.
    pub rows: Vec<Row>,
    /// Phones that are not listed.
    pub more: usize,
    /// The one that is shown.
    pub open: Option<OpenPhone>,
    /// What happens when a text is handed over.
    pub hand: Vec<Choice>,
    /// What becomes of receipts.
    pub receipts: Vec<Choice>,
}

impl Template for Phones {
    const NAME: &'static str = "web/sandbox/phones.html";
    fn samples() -> Vec<Self> {
        let at = NaiveDate::from_ymd_opt(2026, 11, 23).and_then(|day| day.and_hms_opt(10, 0, 0)).unwrap_or_default();
        let piece = |text: &str, link| Piece { text: text.to_owned(), link };
        let empty = Self {
            stylesheet: "/assets/sandbox.css".to_owned(),
            script: "/assets/sandbox.js".to_owned(),
            integrity: "sha256-AAAA".to_owned(),
            stirs: 0,
            trouble: false,
            rows: Vec::new(),
            more: 0,
            open: None,
            hand: vec![Choice { word: "take", said: "Take it", chosen: true }],
            receipts: vec![Choice { word: "lost", said: "Never say so", chosen: false }],
        };
        let number = "+18475550142".to_owned();
        let path = "/sandbox/phone/18475550142".to_owned();
        let full = Self {
            stirs: 7,
            trouble: true,
            rows: vec![Row {
                number: number.clone(),
                owner: Some("Maria Lopez".to_owned()),
                path: path.clone(),
                last: "Oak Street: visit Tue".to_owned(),
                at: Some(at),
                open: true,
            }],
            more: 3,
            open: Some(OpenPhone {
                number,
                path,
                digits: "18475550142".to_owned(),
                owner: Some(Owner { name: "Maria Lopez".to_owned(), birth_date: at.date() }),
                texts: vec![
                    Bubble {
                        own: false,
                        at,
                        pieces: vec![
                            piece("Oak Street: ", false),
                            piece("https://kept.example/oak/l#7m3k", true),
                            piece(" Reply 1 to confirm", false),
                        ],
                        receipt: Some("delivered"),
                    },
                    Bubble { own: true, at, pieces: vec![piece("<b>1</b>", false)], receipt: None },
                ],
            }),
            ..empty.clone()
        };
        vec![empty, full]
    }
}

/// This module's templates.
pub fn sampled() -> Vec<Sampled> {
    vec![Sampled::page::<Phones>()]
}
