//! Every limit of the web side, in one place, each with its reason.

use std::time::Duration;

/// Body of a form. The longest one is a request for another time: 1,000 characters, at worst 12 bytes each when
/// percent-encoded UTF-8, beside a dozen short fields.
pub const FORM_BODY_BYTES: usize = 16 * 1024;

/// A request that takes longer has lost its patient; the database's own waits are shorter.
pub const REQUEST_TIME: Duration = Duration::from_secs(30);

/// How long a browser may keep an asset whose name holds its content's hash: a year, the longest that RFC 9111 caches honour.
pub const ASSET_MAX_AGE_S: u32 = 31_536_000;

/// How long browsers must insist on https (RFC 6797): two years.
pub const HSTS_MAX_AGE_S: u32 = 63_072_000;

/// How long the first, public page of a practice may be kept by the browser, in seconds. It holds nothing private and
/// changes with the practice's phone or name.
pub const FRONT_PAGE_MAX_AGE_S: u32 = 300;

/// How long the public facts of a practice (name, phone, languages) are used without being read again.
pub const PRACTICE_FACTS_FRESH: Duration = Duration::from_mins(1);
