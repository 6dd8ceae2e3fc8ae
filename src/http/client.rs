//! Who is calling, as far as the network tells.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{ConnectInfo, FromRequestParts, Request},
    http::{HeaderMap, header::USER_AGENT, request::Parts},
};
use ipnet::IpNet;

use crate::error::{Error, Result};

const USER_AGENT_CHARS: usize = 512;

/// The caller's address and software.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The address of the nearest hop that is not a trusted proxy; an IPv4 address is never in IPv6 dress.
    pub ip: IpAddr,
    /// At most 512 characters, none of them a control character.
    pub user_agent: Option<String>,
}

impl Client {
    /// The network that counts as one client in limits: the address, or the /64 an IPv6 one lies in,
    /// since every household and every cloud tenant is given at least that much.
    #[must_use]
    pub fn net(&self) -> IpNet {
        match self.ip {
            IpAddr::V4(_) => self.ip.into(),
            IpAddr::V6(_) => IpNet::new_assert(self.ip, 64).trunc(),
        }
    }

    /// From a request whose connection is known; without one (no socket) the address is `0.0.0.0`.
    pub(super) fn of(request: &Request, trusted: &[IpNet]) -> Self {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map_or(IpAddr::from([0; 4]), |ConnectInfo(address)| address.ip());
        Self { ip: nearest_stranger(peer, request.headers(), trusted), user_agent: user_agent(request.headers()) }
    }
}

/// Each proxy appends whom it heard from, so the list is true from its right end as far as the trusted
/// proxies reach; what stands further left is the caller's own invention.
fn nearest_stranger(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |ip: &IpAddr| trusted.iter().any(|net| net.contains(ip));
    let mut nearest = peer.to_canonical();
    let lines = headers.get_all("x-forwarded-for").iter().rev();
    let mut hops = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    while is_trusted(&nearest) {
        match hops.next().and_then(address) {
            Some(hop) => nearest = hop,
            None => break,
        }
    }
    nearest
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1` or `[2001:db8::1]:80`: some proxies add a port.
fn address(hop: &[u8]) -> Option<IpAddr> {
    let hop = std::str::from_utf8(hop).ok()?.trim();
    let ip = hop.parse().or_else(|_| hop.parse::<SocketAddr>().map(|address| address.ip())).ok()?;
    Some(IpAddr::to_canonical(&ip))
}

fn user_agent(headers: &HeaderMap) -> Option<String> {
    let text = String::from_utf8_lossy(headers.get(USER_AGENT)?.as_bytes());
    Some(text.chars().filter(|c| !c.is_control()).take(USER_AGENT_CHARS).collect())
}

impl<S: Sync> FromRequestParts<S> for Client {
    type Rejection = Error;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        parts.extensions.get().cloned().ok_or_else(|| Error::internal("this route is not inside http::shell"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str]) -> Client {
        let mut request = Request::new(axum::body::Body::empty());
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 1)));
        for line in forwarded {
            request.headers_mut().append("x-forwarded-for", line.parse().unwrap());
        }
        request.headers_mut().insert(USER_AGENT, "a\tb".repeat(400).parse().unwrap());
        Client::of(&request, &["10.0.0.0/8".parse().unwrap()])
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        for (peer, forwarded, expected) in [
            ("192.0.2.9", ["203.0.113.1"].as_slice(), "192.0.2.9"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.1"], "203.0.113.1"),
            ("::ffff:10.0.0.1", &["::ffff:203.0.113.1"], "203.0.113.1"),
            ("10.0.0.1", &["1.1.1.1, 203.0.113.1 , 10.0.0.2"], "203.0.113.1"),
            ("10.0.0.1", &["1.1.1.1", "203.0.113.1:4711, 10.0.0.2"], "203.0.113.1"),
            ("10.0.0.1", &["[2001:db8::1]:80"], "2001:db8::1"),
            ("10.0.0.1", &["1.1.1.1, unknown"], "10.0.0.1"),
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ] {
            assert_eq!(client(peer, forwarded).ip.to_string(), expected, "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn one_household_is_one_client() {
        assert_eq!(client("2001:db8:1:2:3:4:5:6", &[]).net().to_string(), "2001:db8:1:2::/64");
        assert_eq!(client("192.0.2.9", &[]).net().to_string(), "192.0.2.9/32");
    }

    #[test]
    fn the_user_agent_is_short_and_harmless() {
        let agent = client("192.0.2.9", &[]).user_agent.unwrap();
        assert_eq!((agent.len(), &agent[..4]), (512, "abab"));
    }
}
