//! The application: its name, its folder, its public address.

use std::{fmt, net::IpAddr, path::PathBuf};

use hyper::Uri;

use super::{
    Machine, Server,
    setting::{Kind, settings},
    values::Values,
};

settings! {
    /// What the service is called, where it keeps its files, and where users find it.
    App {
        /// The name that people see, in mails for example.
        APP_NAME => name: String = "denizen";
        /// The folder for what the service keeps: the SQLite database and a master key made at the first start.
        DATA_DIR => data_dir: PathBuf = "./data";
        /// The address under which users reach the service. It is the issuer (`iss`) of access tokens and the
        /// beginning of every link in a mail; changing it makes tokens that are out invalid.
        PUBLIC_URL => public_url: PublicUrl = "`http://HOST:PORT`, or https when `TLS_CERT` is set" from listening_address;
    }
}

fn listening_address(values: &Values) -> String {
    // What cannot be read is reported as HOST or PORT, not a second time here.
    let host = match IpAddr::parse(&values.text(&Server::HOST)) {
        Some(IpAddr::V6(host)) => format!("[{host}]"),
        Some(IpAddr::V4(host)) => host.to_string(),
        None => "localhost".to_owned(),
    };
    let scheme = if values.is_given(&Machine::TLS_CERT) { "https" } else { "http" };
    format!("{scheme}://{host}:{}", u16::parse(&values.text(&Server::PORT)).unwrap_or_default())
}

/// An absolute http or https URL without trailing slash, user, query or fragment: an issuer as RFC 8414,
/// section 2, has it, with http allowed for use behind a proxy and at home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(String);

impl PublicUrl {
    /// The URL. A path that begins with a slash can be appended.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Kind for PublicUrl {
    type Value = Self;
    fn parse(text: &str) -> Option<Self> {
        let url: Uri = text.parse().ok()?;
        let plain = !text.contains(['?', '#', '@']) && !text.ends_with('/');
        (plain && matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some_and(|host| !host.is_empty()))
            .then(|| Self(text.to_owned()))
    }
    fn show(value: &Self) -> String {
        value.0.clone()
    }
    fn allowed() -> String {
        "an http or https URL without trailing slash, query or fragment, such as `https://users.example.com`".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_an_issuer() {
        for good in ["https://users.example.com", "http://[::1]:8000", "http://localhost:0", "https://a.b/users"] {
            assert!(PublicUrl::parse(good).is_some(), "{good}");
        }
        for bad in ["", "users.example.com", "ftp://a", "https://", "https://a/", "https://a?b", "https://a#b"] {
            assert!(PublicUrl::parse(bad).is_none(), "{bad}");
        }
        assert!(PublicUrl::parse("https://me@a").is_none());
        assert!(PublicUrl::parse("/users").is_none());
    }
}
