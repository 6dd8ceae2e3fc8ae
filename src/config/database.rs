//! The database: which engine, where, how many connections.

use std::{fmt, path::PathBuf};

use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::config::Host;

use super::{
    App,
    kind::{Count, Maybe},
    setting::{Kind, settings},
    values::Values,
};

settings! {
    /// Which database holds the users, and how many connections to it are kept.
    Database {
        /// The database. `sqlite:PATH` is a file: `sqlite:/var/lib/denizen.db`, or `sqlite:users.db` in the working
        /// directory. The spellings of SQLAlchemy are read too: `postgresql+asyncpg://`, and `sqlite+aiosqlite:///`
        /// with three slashes before a relative path and four before an absolute one.
        DATABASE_URL => url: DatabaseUrl = "SQLite in `DATA_DIR/denizen.db`" from file_in_data_dir;
        /// The PostgreSQL schema that holds the tables, for a database that is shared with others. When it is not
        /// set, PostgreSQL's own `search_path` decides.
        DATABASE_SCHEMA => schema: Option<Identifier> as Maybe<Identifier> = "";
        /// PostgreSQL connections for transactions. They are made when they are needed, and then kept.
        DB_POOL_SIZE => pool_size: usize as Count<1, 1000> = "10";
        /// Added to `DB_POOL_SIZE`, for settings of services that tell the two apart.
        DB_MAX_OVERFLOW => max_overflow: usize as Count<0, 1000> = "20";
    }
}

fn file_in_data_dir(values: &Values) -> String {
    format!("sqlite:{}/denizen.db", values.text(&App::DATA_DIR).trim_end_matches('/'))
}

/// Where the database is. Shown without its password.
#[derive(Clone)]
pub enum DatabaseUrl {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A `postgresql://` URL that [`tokio_postgres::Config`] reads.
    Postgres(SecretString),
}

impl Kind for DatabaseUrl {
    type Value = Self;
    const SECRET: bool = true;
    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once(':')?;
        match scheme {
            "sqlite" | "sqlite+aiosqlite" | "sqlite+pysqlite" => sqlite(rest),
            "postgres" | "postgresql" | "postgresql+asyncpg" | "postgresql+psycopg2" | "postgresql+psycopg" => {
                postgres(rest)
            }
            _ => None,
        }
    }
    fn show(value: &Self) -> String {
        value.to_string()
    }
    fn allowed() -> String {
        "`sqlite:PATH` or `postgresql://USER:PASSWORD@HOST:PORT/NAME`".to_owned()
    }
}

/// A file: neither in memory, which would lose users, nor with options, which are ours to choose.
fn sqlite(rest: &str) -> Option<DatabaseUrl> {
    let path = rest.strip_prefix("///").unwrap_or(rest);
    let file = !path.is_empty() && !path.starts_with("//") && !path.contains([':', '?']);
    file.then(|| DatabaseUrl::Sqlite(path.into()))
}

fn postgres(rest: &str) -> Option<DatabaseUrl> {
    let url = match rest.rsplit_once('?') {
        Some((before, options)) if !options.contains('@') => {
            format!("postgresql:{before}?{}", options.split('&').map(option).collect::<Vec<_>>().join("&"))
        }
        _ => format!("postgresql:{rest}"),
    };
    let known: tokio_postgres::Config = url.parse().ok()?;
    (!known.get_hosts().is_empty()).then(|| DatabaseUrl::Postgres(url.into()))
}

/// The options of libpq and asyncpg for TLS, in the words of our driver. Once TLS is used, the certificate and
/// the host's name are always checked, so `require` is no less than `verify-full`.
fn option(pair: &str) -> String {
    match pair.split_once('=') {
        Some(("sslmode" | "ssl", "verify-full" | "verify-ca" | "true")) => "sslmode=require".to_owned(),
        Some(("sslmode" | "ssl", "allow")) => "sslmode=prefer".to_owned(),
        Some(("ssl", mode)) => format!("sslmode={mode}"),
        _ => pair.to_owned(),
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = match self {
            Self::Sqlite(path) => return write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => url,
        };
        // Put together from its parts, so that no spelling of the password can slip through.
        let known: tokio_postgres::Config = url.expose_secret().parse().map_err(|_| fmt::Error)?;
        let user = known.get_user().map(|user| format!("{user}@")).unwrap_or_default();
        let hosts = known.get_hosts().iter().enumerate().map(|(n, host)| {
            let port = known.get_ports().get(n).or(known.get_ports().first()).unwrap_or(&5432);
            match host {
                Host::Tcp(name) if name.contains(':') => format!("[{name}]:{port}"),
                Host::Tcp(name) => format!("{name}:{port}"),
                #[cfg(unix)]
                Host::Unix(path) => path.display().to_string(),
            }
        });
        let hosts = hosts.collect::<Vec<_>>().join(",");
        write!(f, "postgresql://{user}{hosts}/{}", known.get_dbname().unwrap_or_default())
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A name that SQL takes without quotes, in lower case, so that quoting it changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identifier(String);

impl Identifier {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Kind for Identifier {
    type Value = Self;
    fn parse(text: &str) -> Option<Self> {
        let fits = text.len() <= 63
            && !text.starts_with("pg_")
            && text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        fits.then(|| Self(text.to_owned()))
    }
    fn show(value: &Self) -> String {
        value.0.clone()
    }
    fn allowed() -> String {
        "a name of at most 63 lower-case letters, digits and underscores that begins with neither a digit nor `pg_`"
            .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_both_engines_and_of_sqlalchemy() {
        for (given, shown) in [
            ("sqlite:data/a.db", "sqlite:data/a.db"),
            ("sqlite:/abs/a.db", "sqlite:/abs/a.db"),
            ("sqlite+aiosqlite:///./a.db", "sqlite:./a.db"),
            ("sqlite:////abs/a.db", "sqlite:/abs/a.db"),
            ("postgres://u:p@h/d", "postgresql://u@h:5432/d"),
            ("postgresql+asyncpg://u:p?q@h:1/d?ssl=require", "postgresql://u@h:1/d"),
            ("postgresql+psycopg2://u@[::1]:1/d?sslmode=verify-full", "postgresql://u@[::1]:1/d"),
            ("postgresql:///d?host=/run/pg&user=u&password=p", "postgresql://u@/run/pg/d"),
        ] {
            let url = DatabaseUrl::parse(given);
            assert_eq!(url.map(|url| url.to_string()).as_deref(), Some(shown), "{given}");
        }
        for bad in [
            "",
            "a.db",
            "sqlite:",
            "sqlite://",
            "sqlite::memory:",
            "sqlite:a.db?mode=ro",
            "mysql://h/d",
            "postgres:h",
            "postgres://h:x/d",
            "postgres://h/d?sslmode=maybe",
        ] {
            assert!(DatabaseUrl::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn identifiers_need_no_quotes() {
        assert!(Identifier::parse("users_2").is_some());
        for bad in ["2users", "Users", "a-b", "a;b", "pg_x", &"a".repeat(64)] {
            assert!(Identifier::parse(bad).is_none(), "{bad}");
        }
    }
}
