use super::*;
use crate::renderer::Files;
use std::collections::{BTreeSet, HashSet};

fn catalogues() -> Vec<Catalogue> {
    Locale::ALL.iter().map(|&locale| Catalogue::load(locale).expect("the embedded catalogues are sound")).collect()
}

fn placeholders(phrase: &str) -> BTreeSet<&str> {
    parts(phrase).filter_map(|part| if let Part::Placeholder(name) = part { Some(name) } else { None }).collect()
}

#[test]
fn phrases_are_cut_at_placeholders_only() {
    let cut: Vec<_> = parts("{day} at {time}: {not one} {} {x").collect();
    assert_eq!(
        cut,
        [Part::Placeholder("day"), Part::Text(" at "), Part::Placeholder("time"), Part::Text(": {not one} {} {x")]
    );
    assert_eq!(parts("").count(), 0);
    assert_eq!(parts("é{ñ}").collect::<Vec<_>>(), [Part::Text("é{ñ}")]);
}

#[test]
fn all_languages_have_the_same_keys_and_placeholders() {
    let catalogues = catalogues();
    let (first, others) = catalogues.split_first().expect("there is a language");
    for other in others {
        let keys = |catalogue: &Catalogue| catalogue.iter().map(|(key, _)| key.to_owned()).collect::<BTreeSet<_>>();
        let (ours, theirs) = (keys(first), keys(other));
        let differing: Vec<_> = ours.symmetric_difference(&theirs).collect();
        assert!(differing.is_empty(), "only in one of {} and {}: {differing:?}", first.locale, other.locale);
        for (key, phrase) in first.iter() {
            let same = other.find(key, None).expect("the keys are the same");
            assert_eq!(
                placeholders(phrase),
                placeholders(same),
                "placeholders of `{key}` differ in `{}`",
                other.locale
            );
        }
    }
}

/// Keys that templates or code name. A key built from a value (`key="status." ~ status`) uses all that begin so.
struct Used {
    exact: BTreeSet<String>,
    beginnings: BTreeSet<String>,
}

fn keys_in_templates() -> Used {
    let mut used = Used { exact: BTreeSet::new(), beginnings: BTreeSet::new() };
    for path in Files::iter().filter(|path| !crate::renderer::is_toml(path)) {
        let source = read(&path).expect("every embedded file is UTF-8");
        for piece in source.split("key=\"").skip(1) {
            let (key, after) = piece.split_once('"').unwrap_or_else(|| panic!("{path}: a key has no end"));
            if after.trim_start().starts_with('~') {
                used.beginnings.insert(key.to_owned());
            } else {
                used.exact.insert(key.to_owned());
            }
        }
    }
    used
}

#[test]
fn every_key_a_template_names_exists() {
    let used = keys_in_templates();
    for catalogue in catalogues() {
        for key in &used.exact {
            let counted = catalogue.find(key, Some(true)).and_then(|_| catalogue.find(key, Some(false)));
            assert!(counted.is_ok(), "a template names `{key}`, which `{}` lacks", catalogue.locale);
        }
        for beginning in &used.beginnings {
            assert!(catalogue.iter().any(|(key, _)| key.starts_with(beginning)), "no key begins with `{beginning}`");
        }
    }
}

/// Rust code may name a key too (`renderer.phrase(locale, "…", …)`, or a key handed to a template in its context): then the
/// whole key stands in it as a literal, or its beginning up to a dot in a `format!("beginning.{…")`.
#[test]
fn no_phrase_is_left_over() {
    let used = keys_in_templates();
    let mut code = String::new();
    collect_code(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")), &mut code);
    // Everything between two quotation marks: the literals, and what stands between literals, which is no key.
    let literals: HashSet<&str> = code.split('"').collect();
    let begun: HashSet<&str> = literals.iter().filter_map(|literal| Some(literal.split_once('{')?.0)).collect();
    for (key, _) in catalogues()[0].iter() {
        let stem = key.strip_suffix(".one").or_else(|| key.strip_suffix(".other")).unwrap_or(key);
        let named = [key, stem].iter().any(|key| used.exact.contains(*key) || literals.contains(key));
        let built = used.beginnings.iter().any(|beginning| key.starts_with(beginning))
            || key.match_indices('.').any(|(dot, _)| begun.contains(&key[..=dot]));
        assert!(named || built, "nothing uses the phrase `{key}`");
    }
}

fn collect_code(folder: &std::path::Path, code: &mut String) {
    for entry in std::fs::read_dir(folder).expect("the crates' folder can be read") {
        let path = entry.expect("the crates' folder can be read").path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "assets" && name != "target" && name != "node_modules") {
                collect_code(&path, code);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            code.push_str(&std::fs::read_to_string(&path).expect("source files are UTF-8"));
        }
    }
}

fn small() -> Catalogue {
    let phrases = [("visits.one", "{n} visit"), ("visits.other", "{n} visits"), ("hello", "Hello {name}")];
    Catalogue { locale: Locale::En, phrases: phrases.map(|(key, phrase)| (key.to_owned(), phrase.to_owned())).into() }
}

#[test]
fn a_number_picks_the_form() {
    assert_eq!(small().phrase("visits", &[("n", &1)]).as_deref(), Ok("1 visit"));
    assert_eq!(small().phrase("visits", &[("n", &0)]).as_deref(), Ok("0 visits"));
}

#[test]
fn what_is_missing_is_an_error() {
    assert_eq!(small().phrase("hello", &[("name", &"Ana")]).as_deref(), Ok("Hello Ana"));
    assert!(matches!(small().phrase("hello", &[]), Err(CatalogueError::Unfilled { .. })));
    assert!(matches!(small().phrase("bye", &[]), Err(CatalogueError::Missing { .. })));
    assert!(matches!(small().phrase("visits", &[]), Err(CatalogueError::Missing { .. })));
}

#[test]
fn values_are_escaped_on_pages_and_only_there() {
    let mut tera = tera::Tera::new();
    let markup = [("name_html", "<b>{name}</b>"), ("name", "{name} & co")].map(|(k, p)| (k.to_owned(), p.to_owned()));
    let catalogue = std::sync::Arc::new(Catalogue { locale: Locale::En, phrases: markup.into() });
    crate::filters::register(&mut tera, Locale::En, &catalogue);
    let source = r#"{{ t(key="name_html", name=who) }} {{ t(key="name", name=who) }}"#;
    let context = tera::context! { who => "<i>'\"" };
    let page = tera.render_str(source, &context, true).expect("renders");
    assert_eq!(page, "<b>&lt;i&gt;&#39;&quot;</b> &lt;i&gt;&#39;&quot; &amp; co");
    let text = tera.render_str(source, &context, false).expect("renders");
    assert_eq!(text, "<b><i>'\"</b> <i>'\" & co");
}

/// "CANCEL" in a reply opts out; a text that asks for it would have people lose their reminders for calling off a visit (design
/// "Consent and opt-out": never print "reply CANCEL").
#[test]
fn no_text_asks_anybody_to_reply_cancel() {
    let mut texts = 0;
    for path in Files::iter().filter(|path| ["/sms/", "/email/", "/voice/"].iter().any(|folder| path.contains(folder)))
    {
        let source = read(&path).expect("every embedded file is UTF-8");
        texts += 1;
        for word in source.split(|c: char| !c.is_alphanumeric()) {
            assert!(!["CANCEL", "CANCELAR", "CANCELE"].contains(&word), "{path} shows the word {word}");
        }
        let folded = source.to_lowercase();
        for asked in ["reply cancel", "text cancel", "responda cancel", "envíe cancel"] {
            assert!(!folded.contains(asked), "{path} asks: {asked}");
        }
    }
    assert!(texts > 20, "only {texts} texts found");
}
