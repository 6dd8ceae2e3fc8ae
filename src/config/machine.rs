//! What the machine gives: certificates, a user to run as, somebody who waits for the start.

use std::path::PathBuf;

use super::{Report, kind::Maybe, setting::settings, values::Values};

settings! {
    /// What the service takes from the machine that it runs on.
    Machine {
        /// The certificate for HTTPS, in PEM, followed by those that lead to the root. With it the service speaks TLS
        /// alone; without it, HTTP. A changed file is taken up within seconds.
        TLS_CERT => tls_cert: Option<PathBuf> as Maybe<PathBuf> = "";
        /// The key that belongs to `TLS_CERT`, in PEM and not encrypted.
        TLS_KEY => tls_key: Option<PathBuf> as Maybe<PathBuf> = "";
        /// The user that the process becomes, by name or number, when root starts it: after it has its port and its
        /// certificate, and before it does anything else.
        RUN_AS_USER => run_as_user: Option<String> as Maybe<String> = "";
        /// The group that it then has, by name or number; the user's own when it is left out.
        RUN_AS_GROUP => run_as_group: Option<String> as Maybe<String> = "";
        /// Where the service manager hears that the service is ready. systemd sets it by itself.
        NOTIFY_SOCKET => notify_socket: Option<PathBuf> as Maybe<PathBuf> = "";
    }
}

impl Machine {
    /// Some settings are worth nothing alone.
    pub(super) fn agree(values: &Values, report: &mut Report) {
        for (given, missing) in [
            (&Self::TLS_CERT, &Self::TLS_KEY),
            (&Self::TLS_KEY, &Self::TLS_CERT),
            (&Self::RUN_AS_GROUP, &Self::RUN_AS_USER),
        ] {
            values.must_have(missing, given, report);
        }
    }

    /// Whether the service speaks TLS.
    #[must_use]
    pub fn speaks_tls(&self) -> bool {
        self.tls_cert.is_some() && self.tls_key.is_some()
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Source};

    #[test]
    fn what_needs_another_setting_says_so() {
        for (given, missing) in [("TLS_CERT", "TLS_KEY"), ("TLS_KEY", "TLS_CERT"), ("RUN_AS_GROUP", "RUN_AS_USER")] {
            let refused = Config::load(&Source::of([(given, "x")])).unwrap_err();
            assert_eq!(refused.problems().len(), 1, "{refused}");
            assert!(refused.to_string().contains(&format!("{given} is set, which needs {missing}")), "{refused}");
        }
    }

    #[test]
    fn with_a_certificate_the_public_address_is_https() {
        let pair = [("TLS_CERT", "c"), ("TLS_KEY", "k")];
        let url = |more: &[(&str, &str)]| {
            let (config, warnings) = Config::load(&Source::of(pair.into_iter().chain(more.iter().copied()))).unwrap();
            (config.app.public_url.to_string(), warnings.len())
        };
        assert_eq!(url(&[]), ("https://127.0.0.1:8000".to_owned(), 0));
        assert_eq!(url(&[("PUBLIC_URL", "https://a.example")]), ("https://a.example".to_owned(), 0));
        assert_eq!(url(&[("PUBLIC_URL", "http://a.example")]), ("http://a.example".to_owned(), 1));
    }
}
