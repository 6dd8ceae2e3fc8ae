//! Where settings come from: the environment, `.env` and `denizen.toml`.

use std::{collections::BTreeMap, fmt, fs, io::ErrorKind, path::Path};

use super::{Report, dotenv, names};

/// A place that gives settings, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The environment of the process.
    Environment,
    /// `.env` in the working directory.
    DotEnv,
    /// `denizen.toml` in the working directory.
    Toml,
}

impl Place {
    /// The file that it is, if it is one.
    #[must_use]
    pub fn file(self) -> Option<&'static Path> {
        match self {
            Self::Environment => None,
            Self::DotEnv => Some(Path::new(".env")),
            Self::Toml => Some(Path::new("denizen.toml")),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Environment => "environment",
            Self::DotEnv => ".env",
            Self::Toml => "denizen.toml",
        })
    }
}

/// What one place gives: trimmed texts by the name of the setting, as the environment has it.
pub(super) struct Layer {
    pub place: Place,
    pub entries: BTreeMap<String, String>,
}

/// What a configuration is read from. The files are kept as text, so that [`super::Config::load`] can
/// report their mistakes together with all others.
#[derive(Default)]
pub struct Source {
    environment: BTreeMap<String, String>,
    dotenv: String,
    toml: String,
    unreadable: Vec<String>,
}

impl Source {
    /// The environment of this process, with `.env` and `denizen.toml` of the working directory.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the home of the environment")]
    pub fn from_process() -> Self {
        let mut source = Self::default();
        for (name, value) in std::env::vars_os() {
            match (name.into_string(), value.into_string()) {
                (Ok(name), Ok(value)) => {
                    source.environment.insert(name, value);
                }
                (Ok(name), Err(_)) if names::is_known(&name) => {
                    source.unreadable.push(format!("{name} (environment) is not UTF-8: set it to a plain text."));
                }
                _ => {}
            }
        }
        source.dotenv = source.file(Place::DotEnv);
        source.toml = source.file(Place::Toml);
        source
    }

    /// These variables as the environment, and no files.
    pub fn of<N: Into<String>, V: Into<String>>(environment: impl IntoIterator<Item = (N, V)>) -> Self {
        let environment = environment.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { environment, ..Self::default() }
    }

    /// The same with this text as `.env`.
    #[must_use]
    pub fn with_dotenv(self, text: impl Into<String>) -> Self {
        Self { dotenv: text.into(), ..self }
    }

    /// The same with this text as `denizen.toml`.
    #[must_use]
    pub fn with_toml(self, text: impl Into<String>) -> Self {
        Self { toml: text.into(), ..self }
    }

    fn file(&mut self, place: Place) -> String {
        let Some(path) = place.file() else { return String::new() };
        fs::read_to_string(path).unwrap_or_else(|e| {
            if e.kind() != ErrorKind::NotFound {
                self.unreadable.push(format!("{} cannot be read: {e}.", path.display()));
            }
            String::new()
        })
    }

    /// What each place gives, the strongest first.
    pub(super) fn layers(&self, report: &mut Report) -> Vec<Layer> {
        report.problems.extend_from_slice(&self.unreadable);
        let layer = |place, entries: BTreeMap<String, String>| Layer {
            place,
            entries: entries.into_iter().map(|(name, value)| (name, value.trim().to_owned())).collect(),
        };
        vec![
            layer(Place::Environment, self.environment.clone()),
            layer(Place::DotEnv, dotenv::parse(&self.dotenv, report)),
            layer(Place::Toml, toml(&self.toml, report)),
        ]
    }
}

/// Reads a flat `denizen.toml`. Keys are lower case and get the names they have in the environment.
fn toml(text: &str, report: &mut Report) -> BTreeMap<String, String> {
    let table: toml::Table = toml::from_str(text).unwrap_or_else(|e| {
        // The message alone: the excerpt that the error would show may hold a secret.
        let line = e.span().and_then(|span| text.get(..span.start)).map_or(1, |before| before.split('\n').count());
        report.problem(format!("denizen.toml, line {line}: {}.", e.message()));
        toml::Table::new()
    });
    let mut entries = BTreeMap::new();
    for (key, value) in table {
        match scalar(&value) {
            _ if key.contains(|c: char| c.is_ascii_uppercase()) => names::refuse_key(&key, report),
            Some(text) => {
                entries.insert(key.to_ascii_uppercase(), text);
            }
            None => report.problem(format!(
                "{key} in denizen.toml is a {}: the file is flat, one `name = value` for each setting.",
                value.type_str()
            )),
        }
    }
    entries
}

fn scalar(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        toml::Value::Array(items) => Some(items.iter().map(scalar).collect::<Option<Vec<_>>>()?.join(",")),
        toml::Value::Float(_) | toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toml_is_flat_and_its_mistakes_do_not_quote_it() {
        let mut report = Report::default();
        toml("\njwt_secret_key = hunter2", &mut report);
        toml("[server]\nport = 1", &mut report);
        assert!(report.problems[0].starts_with("denizen.toml, line 2: "), "{:?}", report.problems);
        assert!(!report.problems[0].contains("hunter2"), "{:?}", report.problems);
        assert!(report.problems[1].contains("server in denizen.toml is a table"), "{:?}", report.problems);
    }
}
