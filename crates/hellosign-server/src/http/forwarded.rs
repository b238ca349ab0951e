//! Where a request came from, behind proxies.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Addresses of proxies: one, or a network in CIDR notation.
///
/// ```
/// use hellosign_server::ProxyNetwork;
///
/// let network: ProxyNetwork = "10.1.0.0/16".parse()?;
/// assert!("10.1.0.0/33".parse::<ProxyNetwork>().is_err());
/// # Ok::<(), hellosign_server::ProxyNetworkError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProxyNetwork(IpNet);

/// What is not a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither an address nor a network such as 10.1.0.0/16")]
pub struct ProxyNetworkError(String);

impl FromStr for ProxyNetwork {
    type Err = ProxyNetworkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network.map(Self).map_err(|_| ProxyNetworkError(text.to_owned()))
    }
}

impl fmt::Display for ProxyNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The address that a request came from: the connection's, unless that is a named proxy's. Each proxy appends
/// to `X-Forwarded-For` whom it got the request from, so the list is read from its end for as long as its
/// entries are named proxies' own; what stands before that anybody may have written.
pub(super) fn client_address(
    connected: SocketAddr,
    headers: &HeaderMap,
    proxies: &[ProxyNetwork],
) -> SocketAddr {
    let is_proxy = |address: IpAddr| {
        let address = address.to_canonical();
        proxies.iter().any(|ProxyNetwork(network)| network.contains(&address))
    };
    let mut client = connected;
    let lists = headers.get_all(X_FORWARDED_FOR).into_iter().rev();
    let mut entries = lists.flat_map(|list| list.to_str().unwrap_or_default().rsplit(','));
    while is_proxy(client.ip()) {
        match entries.next().and_then(|entry| address(entry.trim())) {
            Some(address) => client = address,
            None => break,
        }
    }
    client
}

/// An address with or without a port; brackets around one of IPv6 are optional without one.
fn address(entry: &str) -> Option<SocketAddr> {
    let without_brackets = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(entry);
    let alone = without_brackets.parse().map(|address: IpAddr| SocketAddr::new(address, 0));
    entry.parse().or(alone).ok()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn seen(connected: &str, forwarded: &[&'static str], proxies: &[&str]) -> String {
        let headers = forwarded.iter().map(|value| (X_FORWARDED_FOR, HeaderValue::from_static(value)));
        let mut map = HeaderMap::new();
        headers.for_each(|(name, value)| assert!(map.append(name, value) || map.len() == 1));
        let proxies: Vec<_> = proxies.iter().map(|proxy| proxy.parse().unwrap()).collect();
        client_address(SocketAddr::new(connected.parse().unwrap(), 1), &map, &proxies).ip().to_string()
    }

    #[test]
    fn nobody_is_believed_who_is_not_named() {
        assert_eq!(seen("192.0.2.1", &["198.51.100.1"], &[]), "192.0.2.1");
        assert_eq!(seen("192.0.2.1", &["198.51.100.1"], &["192.0.2.2", "10.0.0.0/8"]), "192.0.2.1");
    }

    #[test]
    fn a_proxy_is_believed_about_whom_it_got_the_request_from() {
        let proxies = ["10.0.0.0/8", "2001:db8::/48"];
        let seen = |connected: &str, forwarded: &[&'static str]| seen(connected, forwarded, &proxies);
        assert_eq!(seen("10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(seen("::ffff:10.0.0.1", &["198.51.100.1:1234"]), "198.51.100.1");
        assert_eq!(seen("2001:db8::1", &["[2001:db8:1::7]:99"]), "2001:db8:1::7");
        assert_eq!(seen("2001:db8::1", &["[2001:db8:1::7]"]), "2001:db8:1::7");
        assert_eq!(seen("10.0.0.1", &["198.51.100.1, 10.9.9.9"]), "198.51.100.1", "two proxies");
        assert_eq!(seen("10.0.0.1", &["198.51.100.1", "10.9.9.9"]), "198.51.100.1", "a header each");
    }

    #[test]
    fn what_a_client_wrote_itself_is_not_believed() {
        let seen = |forwarded: &[&'static str]| seen("10.0.0.1", forwarded, &["10.0.0.0/8"]);
        assert_eq!(seen(&["203.0.113.9, 198.51.100.1"]), "198.51.100.1");
        assert_eq!(seen(&["10.3.3.3, 198.51.100.1"]), "198.51.100.1", "not even as a proxy");
        assert_eq!(seen(&["203.0.113.9", "198.51.100.1"]), "198.51.100.1");
        assert_eq!(seen(&["198.51.100.1, unknown"]), "10.0.0.1");
        assert_eq!(seen(&["198.51.100.1,"]), "10.0.0.1");
        assert_eq!(seen(&["198.51.100.1; by=me"]), "10.0.0.1");
        assert_eq!(seen(&[]), "10.0.0.1");
    }
}
