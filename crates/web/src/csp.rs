//! Content security policies (CSP level 3): nothing is allowed that a page does not name.

use std::fmt::Write as _;

/// What one page may do. The default page runs no script, loads nothing and posts forms to us only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Csp {
    scripts: Vec<String>,
    styles: Vec<String>,
    connect: bool,
    images: bool,
    wasm: bool,
    trusted_types: Option<&'static str>,
}

impl Csp {
    /// Nothing but forms to ourselves.
    pub fn new() -> Self {
        Self::default()
    }

    /// Allows the script with this source expression: `'sha256-…'` of an inline script, or of a file that the
    /// page loads with the same `integrity`.
    #[must_use]
    pub fn script(mut self, source: &str) -> Self {
        self.scripts.push(source.to_owned());
        self
    }

    /// Allows the style sheet with this source expression: `'sha256-…'` when inline, `'self'` for our files.
    #[must_use]
    pub fn style(mut self, source: &str) -> Self {
        self.styles.push(source.to_owned());
        self
    }

    /// Lets scripts fetch from ourselves (htmx, server-sent events).
    #[must_use]
    pub fn connect_self(mut self) -> Self {
        self.connect = true;
        self
    }

    /// Lets the page show our image files. Inline SVG needs no leave.
    #[must_use]
    pub fn images_self(mut self) -> Self {
        self.images = true;
        self
    }

    /// Lets scripts compile WebAssembly: only where staff derive keys from a password.
    #[must_use]
    pub fn wasm(mut self) -> Self {
        self.wasm = true;
        self
    }

    /// Names the one Trusted Types policy that scripts may make; without it none may, so that no string ever
    /// becomes markup.
    #[must_use]
    pub fn trusted_types(mut self, policy: &'static str) -> Self {
        self.trusted_types = Some(policy);
        self
    }

    /// The header's value.
    pub fn header(&self) -> String {
        let mut text = String::from("default-src 'none'");
        let mut scripts = self.scripts.clone();
        if self.wasm {
            scripts.push("'wasm-unsafe-eval'".to_owned());
        }
        let own = |allowed: bool| if allowed { vec!["'self'".to_owned()] } else { Vec::new() };
        for (directive, sources) in [
            ("script-src", scripts),
            ("style-src", self.styles.clone()),
            ("connect-src", own(self.connect)),
            ("img-src", own(self.images)),
        ] {
            if !sources.is_empty() {
                write!(text, "; {directive} {}", sources.join(" ")).expect("writing into a String cannot fail");
            }
        }
        text.push_str(
            "; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'",
        );
        write!(text, "; trusted-types {}", self.trusted_types.unwrap_or("'none'"))
            .expect("writing into a String cannot fail");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::Csp;

    #[test]
    fn a_page_that_asks_for_nothing_gets_nothing() {
        assert_eq!(
            Csp::new().header(),
            "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; \
             require-trusted-types-for 'script'; trusted-types 'none'"
        );
    }

    #[test]
    fn what_a_page_names_is_allowed_and_no_more() {
        let header =
            Csp::new().script("'sha256-x'").style("'self'").connect_self().wasm().trusted_types("htmx").header();
        assert_eq!(
            header,
            "default-src 'none'; script-src 'sha256-x' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; \
             form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; \
             trusted-types htmx"
        );
        assert!(!header.contains("unsafe-inline") && !header.contains("img-src"));
    }
}
