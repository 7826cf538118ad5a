//! Every template with its samples, so that one test can render all of them in every language, and a designer can look
//! at them.
//!
//! A module with contexts lists them in a function and [`all`] joins these lists. A template file that nobody lists
//! fails a test.

use crate::{RenderError, Renderer, Template};
use kept_domain::Locale;

/// One template, with a way to render its samples.
#[derive(Debug, Clone, Copy)]
pub struct Sampled {
    /// [`Template::NAME`].
    pub name: &'static str,
    /// Renders every sample in a language.
    pub render: fn(&Renderer, Locale) -> Result<Vec<String>, RenderError>,
}

impl Sampled {
    /// A text's template.
    pub fn text<T: Template>() -> Self {
        Self {
            name: T::NAME,
            render: |renderer, locale| T::samples().iter().map(|c| renderer.text(locale, c)).collect(),
        }
    }

    /// A page's template.
    pub fn page<T: Template>() -> Self {
        Self {
            name: T::NAME,
            render: |renderer, locale| T::samples().iter().map(|c| renderer.page(locale, c)).collect(),
        }
    }
}

/// Every template that Kept renders.
pub fn all() -> Vec<Sampled> {
    [
        crate::demo::sampled(),
        crate::email::sampled(),
        crate::sms::sampled(),
        crate::messages::sampled(),
        crate::patient::sampled(),
        crate::people::sampled(),
        crate::plans::sampled(),
        crate::patient::stop_mail::sampled(),
        crate::report::sampled(),
        crate::sandbox::sampled(),
        crate::settings::sampled(),
        crate::staff::sampled(),
        crate::upload::sampled(),
        crate::visit::sampled(),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::renderer::Files;
    use std::collections::BTreeSet;

    #[test]
    fn every_template_renders_every_sample_in_every_language() {
        let all_languages = Renderer::new().expect("the embedded templates compile");
        for template in all() {
            for locale in Locale::ALL {
                let rendered = (template.render)(&all_languages, *locale).unwrap_or_else(|error| panic!("{error}"));
                assert!(!rendered.is_empty(), "{} has no samples", template.name);
                assert!(rendered.iter().all(|text| !text.trim().is_empty()), "{} renders nothing", template.name);
            }
        }
    }

    /// Layouts and parts (`layout.html`, `_….html`) are rendered through the templates that use them.
    #[test]
    fn every_template_file_has_a_context_in_every_language() {
        let listed: BTreeSet<String> = all().iter().map(|template| template.name.to_owned()).collect();
        let mut found = BTreeSet::new();
        for path in Files::iter() {
            let leaf = path.rsplit('/').next().unwrap_or_default();
            if leaf == "layout.html" || leaf.starts_with('_') || crate::renderer::is_toml(&path) {
                continue;
            }
            let name = path
                .split_once('/')
                .filter(|(first, _)| first.parse::<Locale>().is_ok())
                .map_or(&*path, |(_, rest)| rest);
            assert!(listed.contains(name), "{path} has no context in samples::all()");
            found.insert(name.to_owned());
            if name != path {
                for locale in Locale::ALL {
                    assert!(Files::get(&format!("{locale}/{name}")).is_some(), "{name} is missing in `{locale}`");
                }
            }
        }
        assert_eq!(found, listed, "a context has no template file");
    }
}
