//! Cookies: always `__Host-` (RFC 6265bis §4.1.3.2), so that no other host or path can set or read them.

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};

/// The value of a cookie, if the browser sent exactly one of that name.
pub(crate) fn read<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut found = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value);
    let first = found.next();
    if found.next().is_some() { None } else { first }
}

/// A `Set-Cookie` header. `max_age_s` of 0 removes the cookie; none ends with the browser.
///
/// `value` must be base64url, as all of ours are.
pub(crate) fn set(headers: &mut HeaderMap, name: &str, value: &str, max_age_s: Option<i64>) {
    let age = max_age_s.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
    let text = format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Strict{age}");
    headers.append(SET_COOKIE, HeaderValue::try_from(text).expect("names and values are base64url and hyphens"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doubled_cookie_is_no_cookie() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("a=1; __Host-x=good; b=2"));
        assert_eq!(read(&headers, "__Host-x"), Some("good"));
        headers.append(COOKIE, HeaderValue::from_static("__Host-x=planted"));
        assert_eq!(read(&headers, "__Host-x"), None);
        assert_eq!(read(&headers, "__Host-y"), None);
    }

    #[test]
    fn cookies_are_bound_to_the_host() {
        let mut headers = HeaderMap::new();
        set(&mut headers, "__Host-x", "abc", Some(900));
        assert_eq!(headers[SET_COOKIE], "__Host-x=abc; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=900");
    }
}
