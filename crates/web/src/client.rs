//! Who asks, as far as one client is told from another: for counting only, hashed before it is kept, and never logged.

use axum::extract::{ConnectInfo, FromRequestParts};
use http::HeaderMap;
use http::request::Parts;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The header in which a proxy says whom it speaks for. A client may send it too; the proxy's own word is the last.
const FORWARDED: &str = "x-forwarded-for";

/// A client's network address: of IPv6 the first 64 bits, which one household has. Prints nothing.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Client(String);

impl Client {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    fn of(peer: Option<IpAddr>, headers: &HeaderMap) -> Self {
        // Only what is near may speak for others: whoever comes from afar comes without a proxy of ours.
        let near = peer.is_none_or(is_near);
        let said = headers.get_all(FORWARDED).iter().next_back().and_then(|value| value.to_str().ok());
        let said = said.and_then(|list| list.rsplit(',').next()?.trim().parse::<IpAddr>().ok());
        let address = if near { said.or(peer) } else { peer };
        Self(address.map(network).unwrap_or_default())
    }
}

impl<S: Sync> FromRequestParts<S> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
        Ok(Self::of(peer, &parts.headers))
    }
}

/// This machine, or one of the same private network (RFC 1918, RFC 4193).
fn is_near(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(four) => four.is_loopback() || four.is_private(),
        IpAddr::V6(six) => six.is_loopback() || six.is_unique_local(),
    }
}

fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(four) => four.to_string(),
        IpAddr::V6(six) => {
            let [a, b, c, d, ..] = six.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn client(peer: &str, forwarded: &[&'static str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED, HeaderValue::from_static(value));
        }
        Client::of(peer.parse().ok(), &headers).0
    }

    #[test]
    fn only_a_proxy_of_ours_speaks_for_others() {
        assert_eq!(client("203.0.113.9", &["198.51.100.1"]), "203.0.113.9", "from afar");
        assert_eq!(client("127.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(client("10.1.2.3", &["6.6.6.6, 198.51.100.1"]), "198.51.100.1", "the last is the proxy's");
        assert_eq!(client("::1", &["6.6.6.6", "198.51.100.1"]), "198.51.100.1");
        assert_eq!(client("127.0.0.1", &[]), "127.0.0.1");
        assert_eq!(client("127.0.0.1", &["unknown"]), "127.0.0.1");
        assert_eq!(client("", &[]), "", "nobody knows: all of them are counted together");
    }

    #[test]
    fn a_household_is_one_client() {
        assert_eq!(client("2001:db8:1:2:3:4:5:6", &[]), client("2001:db8:1:2::9", &[]));
        assert_ne!(client("2001:db8:1:2::9", &[]), client("2001:db8:1:3::9", &[]));
        assert_eq!(client("::ffff:203.0.113.9", &[]), "203.0.113.9");
    }
}
