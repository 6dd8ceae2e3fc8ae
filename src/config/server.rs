//! The web server: where it listens, how much of the machine it takes, whom it trusts.

use std::{
    net::{IpAddr, SocketAddr},
    thread,
    time::Duration,
};

use hyper::Uri;
use ipnet::IpNet;

use super::{
    kind::{Count, Seconds, words},
    setting::{Kind, settings},
    values::Values,
};

settings! {
    /// Where the service listens, how much of the machine it takes, and whom it trusts.
    Server {
        /// The address to listen on.
        HOST => host: IpAddr = "127.0.0.1";
        /// The port to listen on; `0` takes any free one.
        PORT => port: u16 = "8000";
        /// Threads that serve requests.
        WORKERS | GUNICORN_WORKERS => workers: usize as Count<1, 1024> = "the number of cores" from cores;
        /// Threads that hash passwords. Each one keeps a core busy while people sign in.
        THREADS | GUNICORN_THREADS => threads: usize as Count<1, 1024> = "the number of cores" from cores;
        /// How long a request may take, from the end of its head to its answer.
        REQUEST_TIMEOUT | GUNICORN_TIMEOUT => request_timeout: Duration as Seconds<1, 3600> = "30";
        /// How long a stop may take. Open requests have three quarters of it at least, and all but 2.5 s of a long one;
        /// what is left is for the log and for the end of threads.
        GRACEFUL_TIMEOUT | GUNICORN_GRACEFUL_TIMEOUT => graceful_timeout: Duration as Seconds<0, 3600> = "30";
        /// The web origins whose scripts may call the service (CORS). With `*` any origin may, but never with
        /// cookies or other credentials.
        ALLOWED_ORIGINS => allowed_origins: AllowedOrigins = "";
        /// The proxies whose `X-Forwarded-For` is believed. Everybody else's is ignored.
        TRUSTED_PROXIES => trusted_proxies: Vec<IpNet> as Networks = "";
        /// Who may read `/metrics`: everybody, whoever shows a token that permits it, or nobody.
        METRICS => metrics: Metrics = "open";
    }
}

impl Server {
    /// Where to listen.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }

    /// What each part of a stop may take; together they take `GRACEFUL_TIMEOUT`.
    #[must_use]
    pub fn grace(&self) -> Grace {
        Grace::of(self.graceful_timeout)
    }
}

/// How long the last events may take to get their numbers: another node would take over after as long.
const LOG_GRACE: Duration = Duration::from_millis(1_500);
/// How long a statement may take that nobody waits for any more.
const THREAD_GRACE: Duration = Duration::from_secs(1);

/// How the time of a stop is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grace {
    /// For open requests.
    pub requests: Duration,
    /// For numbering the last events.
    pub log: Duration,
    /// For threads that still work.
    pub threads: Duration,
}

impl Grace {
    fn of(whole: Duration) -> Self {
        let (log, threads) = (LOG_GRACE.min(whole * 3 / 20), THREAD_GRACE.min(whole / 10));
        Self { requests: whole.saturating_sub(log + threads), log, threads }
    }
}

fn cores(_: &Values) -> String {
    thread::available_parallelism().map_or(1, usize::from).min(1024).to_string()
}

words! {
    /// Who may read the metrics.
    Metrics {
        /// Everybody.
        Open = "open";
        /// Whoever shows a token that permits it.
        Token = "token";
        /// Nobody.
        Off = "off";
    }
}

/// The web origins (RFC 6454) whose scripts may call the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// All of them, never with credentials.
    Any,
    /// These and no others, in lower case, as browsers send them.
    These(Vec<String>),
}

impl Kind for AllowedOrigins {
    type Value = Self;
    const TAKES_EMPTY: bool = true;
    fn parse(text: &str) -> Option<Self> {
        if text == "*" { Some(Self::Any) } else { list(text, origin).map(Self::These) }
    }
    fn show(value: &Self) -> String {
        match value {
            Self::Any => "*".to_owned(),
            Self::These(origins) => origins.join(","),
        }
    }
    fn allowed() -> String {
        "a comma-separated list of origins without path, such as `https://app.example.com`, `*` alone, or nothing"
            .to_owned()
    }
}

fn origin(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    let url: Uri = text.parse().ok()?;
    let (scheme, authority) = (url.scheme_str()?, url.authority()?);
    let bare = format!("{scheme}://{authority}") == text && !text.contains(['@', '*']);
    (bare && matches!(scheme, "http" | "https")).then_some(text)
}

/// A list of networks; a plain address is a network of one.
struct Networks;

impl Kind for Networks {
    type Value = Vec<IpNet>;
    const TAKES_EMPTY: bool = true;
    fn parse(text: &str) -> Option<Vec<IpNet>> {
        list(text, |item| item.parse().ok().or_else(|| item.parse::<IpAddr>().ok().map(IpNet::from)))
    }
    fn show(value: &Vec<IpNet>) -> String {
        value.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    }
    fn allowed() -> String {
        "a comma-separated list of IP addresses and networks, such as `10.0.0.0/8`, or nothing".to_owned()
    }
}

fn list<T>(text: &str, item: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    text.split(',').map(str::trim).filter(|text| !text.is_empty()).map(item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_have_no_path_and_no_star_among_them() {
        let these = AllowedOrigins::parse("https://App.example.com, http://localhost:3000,").unwrap();
        assert_eq!(AllowedOrigins::show(&these), "https://app.example.com,http://localhost:3000");
        assert_eq!(AllowedOrigins::parse("*"), Some(AllowedOrigins::Any));
        for bad in ["https://a,*", "https://a/", "https://*.a", "a.example.com", "null", "ws://a"] {
            assert_eq!(AllowedOrigins::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_parts_of_a_stop_are_its_whole() {
        for whole in [0, 1, 4, 30, 3_600].map(Duration::from_secs) {
            let Grace { requests, log, threads } = Grace::of(whole);
            assert_eq!(requests + log + threads, whole);
            assert!(requests >= whole * 3 / 4);
        }
    }

    #[test]
    fn networks() {
        let nets = Networks::parse("10.0.0.0/8, ::1").unwrap();
        assert_eq!(Networks::show(&nets), "10.0.0.0/8,::1/128");
        assert_eq!(Networks::parse("10.0.0.0/33"), None);
    }
}
