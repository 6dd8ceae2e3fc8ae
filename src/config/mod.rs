//! Configuration: every setting, declared once, read once.
//!
//! A section is a file; its table (`settings!`) gives each setting a name, a type, a default and a
//! sentence, and everything else is read from that table: parsing, `denizen config`, the reference and
//! `.env.example`. The environment outranks `.env`, which outranks `denizen.toml`, which outranks the
//! default. The invariant: a [`Config`] that exists is valid, so nobody checks a setting again. Nothing
//! outside this room reads the environment.
//!
//! Begin with [`Config::load`]; to add a setting, add a row to the table of its section.

mod app;
mod auth;
mod database;
mod dotenv;
mod kind;
mod log;
mod machine;
mod names;
mod payment;
mod reference;
mod secrets;
mod server;
mod setting;
mod source;
mod telemetry;
mod values;

use std::{
    fmt,
    path::{Path, PathBuf},
};

pub use app::{App, PublicUrl};
pub use auth::{Auth, Directory, PasswordPolicy, Registration};
pub use database::{Database, DatabaseUrl, Identifier};
pub use kind::Switch;
pub use log::{Level, Log, Sink};
pub use machine::Machine;
pub use payment::Payment;
pub use reference::{env_example, reference};
pub use secrets::{Algorithm, Secrets};
pub use server::{AllowedOrigins, Grace, Metrics, Server};
pub use setting::{Section, Setting};
pub use source::{Place, Source};
pub use telemetry::{Endpoint, Headers, Telemetry};
pub use values::{Origin, Values};

macro_rules! sections {
    ($($field:ident: $section:ident),+ $(,)?) => {
        /// The effective settings of this process, one field for each section.
        #[derive(Debug)]
        pub struct Config {
            $(#[doc = concat!("See [`", stringify!($section), "`].")] pub $field: $section,)+
            values: Values,
        }

        /// All sections, in the order of the reference.
        const SECTIONS: &[Section] = &[$($section::SECTION),+];

        impl Config {
            fn read(values: Values, report: &mut Report) -> Option<Self> {
                $(let $field = $section::read(&values, report);)+
                Some(Self { $($field: $field?,)+ values })
            }

            fn shown(&self) -> Vec<(&'static Setting, String)> {
                let mut shown = Vec::new();
                $(shown.extend(self.$field.shown());)+
                shown
            }
        }
    };
}

sections! {
    app: App,
    server: Server,
    machine: Machine,
    database: Database,
    secrets: Secrets,
    auth: Auth,
    payment: Payment,
    log: Log,
    telemetry: Telemetry,
}

impl Config {
    /// Reads all settings, and says what is odd about what was given.
    ///
    /// # Errors
    /// Every problem at once; each names its setting, what is wrong with it and what to do.
    pub fn load(source: &Source) -> Result<(Self, Vec<Warning>), ConfigError> {
        let mut report = Report::default();
        let layers = source.layers(&mut report);
        names::review(&layers, &mut report);
        let values = Values::resolve(&layers, &mut report);
        Secrets::agree(&values, &mut report);
        Machine::agree(&values, &mut report);
        Payment::agree(&values, &mut report);
        match Self::read(values, &mut report) {
            Some(config) if report.problems.is_empty() => {
                config.advise(&mut report);
                Ok((config, report.warnings))
            }
            _ => Err(ConfigError(report.problems)),
        }
    }

    /// Every setting with its effective value, for `denizen config`. Secrets are masked.
    #[must_use]
    pub fn describe(&self) -> Vec<Effective> {
        let of = |(setting, value): (&'static Setting, String)| Effective {
            name: setting.name,
            value,
            origin: self.values.origin(setting),
        };
        self.shown().into_iter().map(of).collect()
    }

    /// The files that hold secrets: `.env` and `denizen.toml` where one stands in them, and those that settings such as
    /// `SECRET_KEY_FILE` name.
    pub fn secret_files(&self) -> impl Iterator<Item = &Path> {
        self.values.secret_files().map(PathBuf::as_path)
    }

    /// Warns of what is valid, but hardly meant.
    fn advise(&self, report: &mut Report) {
        if !self.server.host.is_loopback() && self.values.origin(&App::PUBLIC_URL) == Origin::Default {
            report.warn(format!(
                "PUBLIC_URL is not set, so tokens and links name {}: set it to the address that users see.",
                self.app.public_url
            ));
        }
        if self.machine.speaks_tls() && self.app.public_url.as_str().starts_with("http:") {
            report.warn(format!(
                "PUBLIC_URL is {}, but TLS_CERT makes the service speak https alone: set it to what users see.",
                self.app.public_url
            ));
        }
    }
}

/// One line of `denizen config`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// The setting, as named in the environment.
    pub name: &'static str,
    /// Its value, masked when it is a secret; empty when it is not set.
    pub value: String,
    /// Where the value comes from.
    pub origin: Origin,
}

/// Something odd that does not prevent the start. It begins with the name it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning(String);

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// All that prevents the start. It is not the house's `Error`, because no client ever meets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(Vec<String>);

impl ConfigError {
    /// The problems one by one; each names its setting and what to do.
    #[must_use]
    pub fn problems(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("The configuration cannot be used:")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  - {problem}"))
    }
}

impl std::error::Error for ConfigError {}

/// What was found while reading.
#[derive(Default)]
struct Report {
    problems: Vec<String>,
    warnings: Vec<Warning>,
}

impl Report {
    fn problem(&mut self, text: impl Into<String>) {
        self.problems.push(text.into());
    }

    fn warn(&mut self, text: impl Into<String>) {
        self.warnings.push(Warning(text.into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(source: &Source) -> String {
        Config::load(source).unwrap_err().to_string()
    }

    #[test]
    fn nothing_given_is_a_valid_configuration() {
        let (config, warnings) = Config::load(&Source::default()).unwrap();
        assert_eq!(warnings, []);
        assert_eq!(config.server.address().to_string(), "127.0.0.1:8000");
        assert_eq!(config.app.public_url.as_str(), "http://127.0.0.1:8000");
        assert_eq!(config.database.url.to_string(), "sqlite:./data/denizen.db");
        assert_eq!(config.secrets.jwt_algorithm, Algorithm::EdDsa);
        assert!(config.describe().iter().all(|line| line.origin == Origin::Default));
    }

    #[test]
    fn the_environment_outranks_dotenv_outranks_toml() {
        let source = Source::of([("PORT", "1")])
            .with_dotenv("PORT=2\nHOST=127.0.0.2")
            .with_toml("port = 3\nhost = '127.0.0.3'\nworkers = 3\nallowed_origins = ['http://a', 'http://b']");
        let (config, warnings) = Config::load(&source).unwrap();
        assert_eq!((config.server.address().to_string(), config.server.workers), ("127.0.0.2:1".to_owned(), 3));
        assert_eq!(warnings, []);
        let origins: Vec<_> =
            config.describe().iter().map(|l| format!("{} {} {}", l.name, l.value, l.origin)).collect();
        for line in [
            "PORT 1 environment",
            "HOST 127.0.0.2 .env",
            "WORKERS 3 denizen.toml",
            "ALLOWED_ORIGINS http://a,http://b denizen.toml",
            "DB_POOL_SIZE 10 default",
        ] {
            assert!(origins.iter().any(|origin| origin == line), "{line} in {origins:?}");
        }
    }

    #[test]
    fn all_problems_are_told_at_once_and_secrets_are_not_repeated() {
        let source = Source::of([("PORT", "70000"), ("JWT_SECRET_KEY", "hunter2"), ("GUNICORN_WORKERS", "0")])
            .with_toml("prot = 1\nDATABASE_URL = 'mysql://u:hunter2@h/d'\ndatabase_url = 'mysql://u:hunter2@h/d'");
        let text = refused(&source);
        for part in [
            "PORT is \"70000\" (environment): set it to a port number from 0 to 65535",
            "JWT_SECRET_KEY (environment) is not accepted: set it to at least 32 bytes; `openssl rand -base64 48`",
            "WORKERS is \"0\" (environment, as GUNICORN_WORKERS)",
            "prot in denizen.toml is not a setting. The nearest is port.",
            "DATABASE_URL in denizen.toml is not a setting. The nearest is database_url.",
            "DATABASE_URL (denizen.toml) is not accepted: set it to",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains("hunter2"), "{text}");
    }

    #[test]
    fn hs256_follows_the_secret_and_needs_it() {
        let key = "0123456789abcdef0123456789abcdef";
        let (config, _) = Config::load(&Source::of([("SECRET_KEY", key)])).unwrap();
        assert_eq!(config.secrets.jwt_algorithm, Algorithm::Hs256);
        let (config, _) = Config::load(&Source::of([("SECRET_KEY", key), ("JWT_ALGORITHM", "EdDSA")])).unwrap();
        assert_eq!(config.secrets.jwt_algorithm, Algorithm::EdDsa);
        let text = refused(&Source::of([("JWT_ALGORITHM", "hs256"), ("PORT", "x")]));
        assert!(text.contains("needs JWT_SECRET_KEY") && text.contains("PORT"), "{text}");
    }

    #[test]
    fn no_secret_is_ever_shown() {
        let source = Source::of([
            ("MASTER_KEY", "aHVudGVyMmh1bnRlcjJodW50ZXIyaHVudGVyMnh4eHg="),
            ("SECRET_KEY", "hunter2hunter2hunter2hunter2hunter2"),
            ("DATABASE_URL", "postgres://ann:hunter2@db/app"),
        ]);
        let (config, _) = Config::load(&source).unwrap();
        let shown = format!("{config:?} {:?}", config.describe());
        assert!(!shown.contains("hunter2") && !shown.contains("aHVudGVy"), "{shown}");
        assert!(shown.contains("postgresql://ann@db:5432/app"), "{shown}");
    }

    #[test]
    fn an_open_address_without_a_public_url_is_warned_of() {
        let (_, warnings) = Config::load(&Source::of([("HOST", "::"), ("PORT", "80")])).unwrap();
        assert!(warnings[0].to_string().contains("http://[::]:80"), "{warnings:?}");
        let named = Source::of([("HOST", "0.0.0.0"), ("PUBLIC_URL", "https://users.example.com")]);
        assert_eq!(Config::load(&named).unwrap().1, []);
    }
}
