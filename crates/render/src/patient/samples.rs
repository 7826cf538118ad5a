//! Values of the portal's pages worth looking at: the usual, the longest, the empty.

use super::{
    AnotherTimePage, CancelPage, CardState, Choice, DonePage, Frame, Front, FrontSection, IdentifyPage,
    IdentifyProblem, NewLinkPage, PickPage, PickVisit, ProblemPage, Reached, Recorded, VisitCard, VisitPage,
    WishProblem, WishVisit, WishesPage,
};
use chrono::{NaiveDate, NaiveDateTime};
use kept_domain::Locale;

/// As `Template::samples`, apart from it so that `patient.rs` shows shapes only.
pub(super) trait Samples: Sized {
    fn samples() -> Vec<Self>;
}

fn start() -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2026, 11, 24).and_then(|day| day.and_hms_opt(9, 15, 0)).unwrap_or_default()
}

pub(crate) fn frame() -> Frame {
    Frame {
        practice: Some("Oak Street Family Medicine".to_owned()),
        slug: "oak-street".to_owned(),
        phone: Some("+14155550123".to_owned()),
        other_languages: vec![Locale::Es],
        here: Some("visit"),
        css: "body{margin:0}".to_owned(),
        script: "void 0".to_owned(),
        demo: false,
        idle_s: Some(900),
    }
}

fn bare_frame() -> Frame {
    Frame {
        practice: None,
        slug: String::new(),
        phone: None,
        other_languages: Vec::new(),
        here: None,
        demo: true,
        idle_s: None,
        ..frame()
    }
}

fn card(state: CardState) -> VisitCard {
    VisitCard {
        ordinal: 1,
        revision: 1,
        start: start(),
        practitioner: Some("Dr. María O'Neill".to_owned()),
        place: "Oak Street <North>".to_owned(),
        address: Some("12 Oak Street, Springfield".to_owned()),
        map_query: Some("12%20Oak%20Street".to_owned()),
        phone: Some("+14155550123".to_owned()),
        bring: Some("Your insurance card & a list of your medicines".to_owned()),
        state,
        moved: false,
        may_cancel: true,
        may_ask: true,
        change_until: start(),
        nonce: "nonce".to_owned(),
    }
}

fn bare_card(state: CardState) -> VisitCard {
    VisitCard {
        ordinal: 2,
        practitioner: None,
        address: None,
        map_query: None,
        phone: None,
        bring: None,
        moved: true,
        may_cancel: false,
        may_ask: false,
        ..card(state)
    }
}

impl Samples for Front {
    fn samples() -> Vec<Self> {
        let sections = vec!["<section lang=\"en\"></section>".to_owned()];
        vec![Self { frame: frame(), languages: Locale::ALL.to_vec(), sections }]
    }
}

impl Samples for FrontSection {
    fn samples() -> Vec<Self> {
        let full = Self {
            lang: Locale::En,
            alias: "Oak Street".to_owned(),
            phone: Some("+14155550123".to_owned()),
            reply: true,
        };
        vec![Self { phone: None, reply: false, ..full.clone() }, full]
    }
}

impl Samples for PickPage {
    fn samples() -> Vec<Self> {
        let visits = vec![PickVisit { ordinal: 1, start: Some(start()) }, PickVisit { ordinal: 2, start: None }];
        vec![Self { frame: frame(), visits }]
    }
}

impl Samples for IdentifyPage {
    fn samples() -> Vec<Self> {
        let problems =
            [None, Some(IdentifyProblem::Wrong), Some(IdentifyProblem::NotADate), Some(IdentifyProblem::Again)];
        problems
            .into_iter()
            .zip([5, 4, 1, 5])
            .map(|(problem, tries_left)| Self {
                frame: frame(),
                link: "0199".to_owned(),
                ordinal: 1,
                nonce: "nonce".to_owned(),
                may_remember: problem.is_none(),
                problem,
                tries_left,
            })
            .collect()
    }
}

impl Samples for VisitPage {
    fn samples() -> Vec<Self> {
        let page = |visits| Self { frame: frame(), link: "0199".to_owned(), stopped: false, visits };
        let mut pages: Vec<Self> =
            CardState::ALL.iter().flat_map(|&state| [page(vec![card(state)]), page(vec![bare_card(state)])]).collect();
        pages.push(page(vec![card(CardState::Asked), bare_card(CardState::Accepted)]));
        pages.push(Self { stopped: true, ..page(vec![card(CardState::Asked)]) });
        pages
    }
}

impl Samples for CancelPage {
    fn samples() -> Vec<Self> {
        [false, true]
            .map(|too_long| Self {
                frame: frame(),
                link: "0199".to_owned(),
                visit: card(CardState::Asked),
                max_reason: 300,
                too_long,
                reason: if too_long { "Words </textarea>".to_owned() } else { String::new() },
            })
            .to_vec()
    }
}

impl Samples for AnotherTimePage {
    fn samples() -> Vec<Self> {
        [None, Some(WishProblem::Empty), Some(WishProblem::TooLong)]
            .map(|problem| Self {
                frame: frame(),
                link: "0199".to_owned(),
                visit: card(CardState::Accepted),
                days: ["monday", "tuesday"].map(|word| Choice { word, on: problem.is_some() }).to_vec(),
                parts: ["morning", "afternoon"].map(|word| Choice { word, on: false }).to_vec(),
                max_wish: 1000,
                problem,
                wish: String::new(),
            })
            .to_vec()
    }
}

impl Samples for DonePage {
    fn samples() -> Vec<Self> {
        CardState::ALL
            .iter()
            .flat_map(|&state| {
                let full = Self {
                    frame: frame(),
                    visit: card(state),
                    reading_hours: Some("Monday to Friday, 8 to 5".to_owned()),
                    waiting: 1,
                };
                let bare = Self { visit: bare_card(state), reading_hours: None, waiting: 0, ..full.clone() };
                [full, bare]
            })
            .collect()
    }
}

impl Samples for ProblemPage {
    fn samples() -> Vec<Self> {
        let page =
            |frame, back, ask| Self { frame, title: "A title".to_owned(), text: "A sentence.".to_owned(), back, ask };
        vec![page(frame(), true, false), page(frame(), false, true), page(bare_frame(), false, false)]
    }
}

impl Samples for NewLinkPage {
    fn samples() -> Vec<Self> {
        [false, true].map(|asked| Self { frame: Frame { idle_s: None, ..frame() }, asked }).to_vec()
    }
}

impl Samples for WishesPage {
    fn samples() -> Vec<Self> {
        let reached = |channel, allowed| Reached { channel, hint: "0142".to_owned(), allowed };
        let visit = |ordinal, muted| WishVisit { ordinal, start: start(), muted };
        let recorded = |act, how| Recorded { at: start(), act, how, channel: "sms" };
        let hows = ["import-column", "uploader-declared", "reply", "portal", "desk", "carrier", "email-link"];
        let acts = ["granted", "denied", "withdrawn", "restored"];
        let full = |said| Self {
            frame: Frame { here: Some("reminders"), ..frame() },
            link: "0193".to_owned(),
            said,
            languages: vec![("en", true), ("es", false)],
            channels: vec![("sms", true), ("email", false)],
            reached: vec![reached("sms", true), reached("email", true)],
            allowed: true,
            blocks: said == "again",
            sender: String::new(),
            visits: vec![visit(1, false), visit(2, true)],
            history: acts.iter().flat_map(|act| hows.iter().map(|how| recorded(*act, *how))).collect(),
        };
        let stopped = Self {
            allowed: false,
            languages: vec![("en", true)],
            channels: Vec::new(),
            reached: vec![reached("sms", false)],
            visits: Vec::new(),
            history: Vec::new(),
            ..full("stop")
        };
        let mixed = Self { reached: vec![reached("sms", false), reached("email", true)], ..full("stop-one") };
        let held = Self { sender: "+14155550199".to_owned(), ..full("again") };
        let nobody = Self { reached: Vec::new(), ..stopped.clone() };
        let said = ["", "language", "channel", "visit", "again"].map(full);
        said.into_iter().chain([stopped, mixed, held, nobody]).collect()
    }
}
