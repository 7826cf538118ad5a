//! Scripts and style sheets: embedded when built, named by their content when served.
//!
//! `assets/dist` is built from `assets/src` by `npm run build` and committed, so that building Kept needs no Node.

use crate::limits::ASSET_MAX_AGE_S;
use crate::state::WebState;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{StatusCode, header};
use rust_embed::RustEmbed;
use std::borrow::Cow;
use std::collections::BTreeMap;

#[derive(RustEmbed)]
#[folder = "assets/dist"]
struct Dist;

/// Every asset, by its name in `assets/dist`.
#[derive(Debug)]
pub struct Assets {
    by_name: BTreeMap<String, Asset>,
    by_path: BTreeMap<String, String>,
}

#[derive(Debug)]
struct Asset {
    content: Cow<'static, [u8]>,
    url: String,
    hash: String,
}

/// An asset that is written into the page.
#[derive(Debug, Clone, Copy)]
pub struct Inline<'a> {
    /// Its text.
    pub text: &'a str,
    /// Its source expression for the policy: `'sha256-…'`.
    pub source: &'a str,
}

impl Assets {
    /// Reads and names all of them.
    pub fn load() -> Self {
        let mut by_name = BTreeMap::new();
        let mut by_path = BTreeMap::new();
        for name in Dist::iter() {
            let Some(file) = Dist::get(&name) else { continue };
            let digest = file.metadata.sha256_hash();
            let (stem, extension) = name.rsplit_once('.').unwrap_or((&name, ""));
            let served = format!("{stem}.{}.{extension}", hex::encode(&digest[..8]));
            let url = format!("/assets/{served}");
            by_path.insert(served, name.to_string());
            let hash = format!("'sha256-{}'", STANDARD.encode(digest));
            by_name.insert(name.to_string(), Asset { content: file.data, url, hash });
        }
        Self { by_name, by_path }
    }

    fn get(&self, name: &'static str) -> &Asset {
        self.by_name.get(name).expect("a test asks for every asset that the code names")
    }

    /// Where an asset is served: `/assets/staff.0123456789abcdef.css`.
    pub fn url(&self, name: &'static str) -> &str {
        &self.get(name).url
    }

    /// An asset's source expression for the policy: `'sha256-…'`. A script loaded by address needs it as
    /// [`Assets::integrity`] too.
    pub fn source(&self, name: &'static str) -> &str {
        &self.get(name).hash
    }

    /// An asset's value for the attribute `integrity`: `sha256-…`.
    pub fn integrity(&self, name: &'static str) -> &str {
        self.get(name).hash.trim_matches('\'')
    }

    /// A text asset to write into a page.
    pub fn inline(&self, name: &'static str) -> Inline<'_> {
        let asset = self.get(name);
        let text = std::str::from_utf8(&asset.content).expect("esbuild writes UTF-8");
        Inline { text, source: &asset.hash }
    }
}

pub(crate) fn routes() -> Router<WebState> {
    Router::new().route("/assets/{name}", get(serve))
}

async fn serve(State(state): State<WebState>, Path(name): Path<String>) -> Response {
    let assets = &state.assets;
    let asset = assets.by_path.get(&name).and_then(|own| assets.by_name.get(own));
    let Some(asset) = asset else {
        let mut response = Response::new(Body::from("There is no such file. Load the page again.\n"));
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    };
    let kind = match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("wasm") => "application/wasm",
        Some("woff2") => "font/woff2",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    };
    let mut response = Response::new(Body::from(asset.content.clone().into_owned()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
    let caching = format!("public, max-age={ASSET_MAX_AGE_S}, immutable");
    headers.insert(header::CACHE_CONTROL, http::HeaderValue::try_from(caching).expect("digits and words"));
    response
}

#[cfg(test)]
mod tests {
    use super::Assets;

    #[test]
    fn inline_assets_cannot_close_their_element() {
        let assets = Assets::load();
        for name in assets.by_name.keys().filter(|name| name.starts_with("patient")) {
            let text = String::from_utf8(assets.by_name[name].content.to_vec()).unwrap().to_lowercase();
            assert!(!text.contains("</script") && !text.contains("</style") && !text.contains("<!--"), "{name}");
        }
        for name in ["patient.css", "patient.js"] {
            assert!(assets.by_name.contains_key(name), "{name}");
        }
        assert!(assets.url("patient.js").starts_with("/assets/patient."));
        assert!(assets.integrity("patient.js").starts_with("sha256-"));
        assert_eq!(assets.inline("patient.js").source, assets.source("patient.js"));
    }
}
