//! The compiled templates.

use crate::catalogue::{Catalogue, CatalogueError};
use crate::filters;
use kept_domain::Locale;
use rust_embed::RustEmbed;
use serde::Serialize;
use std::fmt::Display;
use std::sync::Arc;
use tera::{Context, ErrorKind, Tera};

/// The folder `/templates`, inside the binary.
#[derive(RustEmbed)]
#[folder = "../../templates"]
pub(crate) struct Files;

/// The values that one template needs: nothing more reaches it, nothing less compiles.
///
/// Dates and times are chrono types, already in the zone of the place; the template chooses the words with filters, so
/// that a context is the same in every language.
pub trait Template: Serialize {
    /// Path below `/templates/<locale>/` (`sms/reminder.txt`) or below `/templates/` (`web/patient/visit.html`).
    const NAME: &'static str;

    /// Values worth looking at: the usual, the longest, the empty. Tests render each in every language.
    fn samples() -> Vec<Self>
    where
        Self: Sized;
}

/// Something is wrong with a template or catalogue, or with how one is used. Holds no value of a context.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// A catalogue cannot be read.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// A template cannot be compiled. `problem` quotes the template.
    #[error("templates in language `{locale}` do not compile: {problem}")]
    Compile {
        /// Whose templates.
        locale: Locale,
        /// What the compiler says.
        problem: String,
    },
    /// A template cannot be rendered. `problem` quotes the template, not the values.
    #[error("template `{template}` in language `{locale}` cannot be rendered: {problem}")]
    Render {
        /// Which.
        template: &'static str,
        /// In which language.
        locale: Locale,
        /// What went wrong.
        problem: String,
    },
}

/// All templates and phrases in all languages, compiled. Cheap to clone.
#[derive(Clone)]
pub struct Renderer(Arc<Vec<Language>>);

struct Language {
    locale: Locale,
    tera: Tera,
    catalogue: Arc<Catalogue>,
}

impl std::fmt::Debug for Renderer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Renderer({} languages)", self.0.len())
    }
}

impl Renderer {
    /// Compiles every embedded template once per language; a few milliseconds.
    pub fn new() -> Result<Self, RenderError> {
        let languages = Locale::ALL.iter().map(|&locale| Language::compile(locale)).collect::<Result<_, _>>()?;
        Ok(Self(Arc::new(languages)))
    }

    /// Renders a text (`….txt`): nothing is escaped, blanks at the end are cut.
    pub fn text<T: Template>(&self, locale: Locale, context: &T) -> Result<String, RenderError> {
        const { assert!(ends_with(T::NAME, ".txt"), "a text's template is named ….txt") };
        let mut text = self.language(locale).render(context)?;
        text.truncate(text.trim_end().len());
        Ok(text)
    }

    /// Renders a web page or a part of one (`….html`): every value is HTML-escaped.
    pub fn page<T: Template>(&self, locale: Locale, context: &T) -> Result<String, RenderError> {
        const { assert!(ends_with(T::NAME, ".html"), "a page's template is named ….html") };
        self.language(locale).render(context)
    }

    /// One phrase of the catalogue, as plain text.
    pub fn phrase(&self, locale: Locale, key: &str, values: &[(&str, &dyn Display)]) -> Result<String, RenderError> {
        let language = self.language(locale);
        Ok(language.catalogue.phrase(key, values)?)
    }

    fn language(&self, locale: Locale) -> &Language {
        self.0.iter().find(|language| language.locale == locale).expect("`new` compiled every language there is")
    }
}

const fn ends_with(name: &str, ending: &str) -> bool {
    let (name, ending) = (name.as_bytes(), ending.as_bytes());
    if name.len() < ending.len() {
        return false;
    }
    let mut i = 0;
    while i < ending.len() {
        if name[name.len() - ending.len() + i] != ending[i] {
            return false;
        }
        i += 1;
    }
    true
}

impl Language {
    fn compile(locale: Locale) -> Result<Self, RenderError> {
        let catalogue = Arc::new(Catalogue::load(locale)?);
        let failed = |error: tera::Error| RenderError::Compile { locale, problem: error.to_string() };
        let mut tera = Tera::new();
        filters::register(&mut tera, locale, &catalogue);
        tera.global_context().insert("locale", locale.as_str());
        let own = format!("{locale}/");
        let mut files = Vec::new();
        for path in Files::iter() {
            let name = match path.strip_prefix(own.as_str()) {
                Some(name) => name,
                None if path.starts_with("web/") => path.as_ref(),
                None => continue,
            };
            if is_toml(name) {
                continue;
            }
            if let Some(source) = read(&path) {
                files.push((name.to_owned(), source));
            }
        }
        tera.add_raw_templates(files).map_err(failed)?;
        Ok(Self { locale, tera, catalogue })
    }

    fn render<T: Template>(&self, context: &T) -> Result<String, RenderError> {
        Context::from_serialize(context)
            .and_then(|context| self.tera.render(T::NAME, &context))
            .map_err(|error| RenderError::Render { template: T::NAME, locale: self.locale, problem: describe(&error) })
    }
}

pub(crate) fn is_toml(path: &str) -> bool {
    std::path::Path::new(path).extension().is_some_and(|extension| extension == "toml")
}

/// The text of an embedded file; `None` if there is no such file or it is not UTF-8 (which a test excludes).
pub(crate) fn read(path: &str) -> Option<String> {
    String::from_utf8(Files::get(path)?.data.into_owned()).ok()
}

/// What went wrong, without values: Tera prints the value itself only when a number is out of range.
fn describe(error: &tera::Error) -> String {
    match error.kind() {
        ErrorKind::OutOfRangeArgument { target_type, .. } => format!("a number is out of range for {target_type}"),
        kind => kind.to_string(),
    }
}
