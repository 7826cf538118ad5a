//! Pages of the patient's portal. Nothing here is private beyond what level 1 may show (see each type).

use crate::Template;
use crate::samples::Sampled;
use kept_domain::Locale;
use serde::Serialize;

/// What stands around every page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Frame {
    /// The practice's name (its alias before level 1); none when the address names no practice.
    pub practice: Option<String>,
    /// Phone to call, E.164.
    pub phone: Option<String>,
    /// The style sheet, written into the page.
    pub css: String,
    /// The script, written into the page where the page uses it.
    pub script: String,
    /// Whether nothing here is real.
    pub demo: bool,
}

impl Frame {
    fn sample() -> Self {
        Self {
            practice: Some("Oak Street Family Medicine".to_owned()),
            phone: Some("+14155550123".to_owned()),
            css: "body{margin:0}".to_owned(),
            script: "void 0".to_owned(),
            demo: false,
        }
    }
}

/// The public page that a link opens: the same bytes for everybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Front {
    /// Around it.
    pub frame: Frame,
    /// The practice's name in addresses.
    pub slug: String,
    /// Languages offered, the practice's own first.
    pub languages: Vec<Locale>,
    /// [`FrontSection`]s, rendered, one a language.
    pub sections: Vec<String>,
}

impl Template for Front {
    const NAME: &'static str = "web/patient/front.html";
    fn samples() -> Vec<Self> {
        vec![Self {
            frame: Frame::sample(),
            slug: "oak-street".to_owned(),
            languages: Locale::ALL.to_vec(),
            sections: vec!["<section lang=\"en\"></section>".to_owned()],
        }]
    }
}

/// The words of [`Front`] in one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FrontSection {
    /// The language, for the attribute `lang`.
    pub lang: Locale,
    /// What the practice is called on a lock screen.
    pub alias: String,
    /// Phone to call, E.164.
    pub phone: Option<String>,
}

impl Template for FrontSection {
    const NAME: &'static str = "web/patient/front-section.html";
    fn samples() -> Vec<Self> {
        [Some("+14155550123".to_owned()), None]
            .map(|phone| Self { lang: Locale::En, alias: "Oak Street".to_owned(), phone })
            .to_vec()
    }
}

/// Something went wrong: one sentence, the phone, what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProblemPage {
    /// Around it.
    pub frame: Frame,
    /// What happened, in a few words.
    pub title: String,
    /// One sentence with what to do.
    pub text: String,
}

impl Template for ProblemPage {
    const NAME: &'static str = "web/patient/problem.html";
    fn samples() -> Vec<Self> {
        let full = Self { frame: Frame::sample(), title: "A title".to_owned(), text: "A sentence.".to_owned() };
        let bare = Self { frame: Frame { practice: None, phone: None, demo: true, ..Frame::sample() }, ..full.clone() };
        vec![full, bare]
    }
}

/// Every page, for [`crate::samples::all`].
pub(crate) fn sampled() -> Vec<Sampled> {
    vec![Sampled::page::<Front>(), Sampled::page::<FrontSection>(), Sampled::page::<ProblemPage>()]
}
