//! The effective text of each setting, and where it comes from.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap},
    fmt, fs,
    path::PathBuf,
};

use super::{
    Report, SECTIONS,
    kind::MASK,
    setting::{Kind, Setting, twin},
    source::{Layer, Place},
};

/// Where the effective value of a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was not given.
    Default,
    /// It was given by its own name.
    Given(Place),
    /// It was given by this other name: an alias, or the name of a secret's file.
    As(Place, String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Given(place) => place.fmt(f),
            Self::As(place, name) => write!(f, "{place}, as {name}"),
        }
    }
}

/// What was given.
pub struct Values {
    /// By the name of the setting.
    given: HashMap<&'static str, (String, Origin)>,
    secret_files: BTreeSet<PathBuf>,
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl Values {
    /// Takes each setting from the first of the layers that gives it.
    pub(super) fn resolve(layers: &[Layer], report: &mut Report) -> Self {
        let settings = SECTIONS.iter().flat_map(|section| section.settings);
        let mut look_up = |setting| layers.iter().find_map(|layer| look_up(setting, layer, report));
        let given = settings.filter_map(|setting| Some((setting.name, look_up(setting)?))).collect();
        Self { given, secret_files: secret_files(layers) }
    }

    /// The files that hold secrets, also those that a stronger place overrules.
    pub(super) fn secret_files(&self) -> impl Iterator<Item = &PathBuf> {
        self.secret_files.iter()
    }

    /// Whether the setting was given anywhere.
    pub(super) fn is_given(&self, setting: &Setting) -> bool {
        self.given.contains_key(setting.name)
    }

    /// Reports a setting that was given without the one that it is worth nothing without.
    pub(super) fn must_have(&self, missing: &Setting, beside: &Setting, report: &mut Report) {
        if self.is_given(beside) && !self.is_given(missing) {
            let (given, missing) = (beside.name, missing.name);
            report.problem(format!("{given} is set, which needs {missing}: set both of them, or neither."));
        }
    }

    /// The effective text.
    pub(super) fn text(&self, setting: &Setting) -> Cow<'_, str> {
        match (self.given.get(setting.name), setting.computed) {
            (Some((text, _)), _) => text.as_str().into(),
            (None, Some(computed)) => computed(self).into(),
            (None, None) => setting.default.into(),
        }
    }

    /// Where the effective text comes from.
    pub(super) fn origin(&self, setting: &Setting) -> Origin {
        self.given.get(setting.name).map_or(Origin::Default, |(_, origin)| origin.clone())
    }

    /// The effective value; reports a text that is not allowed.
    pub(super) fn read<K: Kind>(&self, setting: &Setting, report: &mut Report) -> Option<K::Value> {
        let text = self.text(setting);
        let value = K::parse(&text);
        if value.is_none() {
            let (name, origin, allowed) = (setting.name, self.origin(setting), (setting.allowed)());
            report.problem(if setting.secret {
                format!("{name} ({origin}) is not accepted: set it to {allowed}.")
            } else {
                format!("{name} is {text:?} ({origin}): set it to {allowed}.")
            });
        }
        value
    }
}

fn look_up(setting: &Setting, layer: &Layer, report: &mut Report) -> Option<(String, Origin)> {
    let origin = |name: &str| {
        if name == setting.name { Origin::Given(layer.place) } else { Origin::As(layer.place, name.to_owned()) }
    };
    setting.names().find_map(|name| {
        let plain = layer.entries.get(name).filter(|text| setting.takes_empty || !text.is_empty());
        let twin = twin(name);
        let path = layer.entries.get(&twin).filter(|path| setting.secret && !path.is_empty());
        match (plain, path) {
            (Some(_), Some(_)) => {
                report.problem(format!("{name} and {twin} are both set ({}): keep one of them.", layer.place));
                None
            }
            (Some(text), None) => Some((text.clone(), origin(name))),
            (None, Some(path)) => match fs::read_to_string(path) {
                Ok(text) => Some((text.trim().to_owned(), origin(&twin))),
                Err(e) => {
                    let place = layer.place;
                    report.problem(format!("{twin} is {path:?} ({place}): the file cannot be read: {e}."));
                    None
                }
            },
            (None, None) => None,
        }
    })
}

fn secret_files(layers: &[Layer]) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    let secrets = SECTIONS.iter().flat_map(|section| section.settings).filter(|setting| setting.secret);
    for name in secrets.flat_map(Setting::names) {
        for layer in layers {
            // The path of a SQLite file, which stands where a server's password may, is no secret.
            let is_secret = |text: &String| !text.is_empty() && !text.starts_with("sqlite");
            files.extend(
                layer.entries.get(name).filter(|text| is_secret(text)).and(layer.place.file()).map(PathBuf::from),
            );
            files.extend(layer.entries.get(&twin(name)).filter(|path| !path.is_empty()).map(PathBuf::from));
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use crate::config::{Config, Source};

    #[test]
    fn secrets_come_from_files_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key").display().to_string();
        let source = Source::of([("SECRET_KEY_FILE", path.as_str())]);
        assert!(Config::load(&source).unwrap_err().to_string().contains("SECRET_KEY_FILE"));

        std::fs::write(&path, " 0123456789abcdef0123456789abcdef\n").unwrap();
        let (config, _) = Config::load(&source).unwrap();
        let key = config.secrets.jwt_secret_key.as_ref().unwrap();
        assert_eq!(key.expose_secret(), "0123456789abcdef0123456789abcdef");
        let line = config.describe().into_iter().find(|line| line.name == "JWT_SECRET_KEY").unwrap();
        assert_eq!(line.origin.to_string(), "environment, as SECRET_KEY_FILE");

        let both = Source::of([("JWT_SECRET_KEY", "x"), ("JWT_SECRET_KEY_FILE", &path)]);
        assert!(Config::load(&both).unwrap_err().to_string().contains("keep one of them"));
    }

    #[test]
    fn files_with_secrets_are_known() {
        let files = |source: Source| {
            let (config, _) = Config::load(&source).unwrap();
            config.secret_files().map(|path| path.display().to_string()).collect::<Vec<_>>()
        };
        let key = "0123456789abcdef0123456789abcdef";
        assert_eq!(files(Source::of([("SECRET_KEY", key)]).with_dotenv("PORT=1\nMASTER_KEY=")), Vec::<String>::new());
        let plain = Source::default().with_dotenv("DATABASE_URL=sqlite:./x.db").with_toml("port = 1");
        assert_eq!(files(plain), Vec::<String>::new());
        let overruled = Source::of([("SECRET_KEY", key)]).with_dotenv(format!("JWT_SECRET_KEY={key}"));
        let both = overruled.with_toml("database_url = 'postgres://ann:hunter2@db/app'");
        assert_eq!(files(both), [".env", "denizen.toml"]);
    }

    #[test]
    fn empty_is_off_where_that_means_something_and_absent_elsewhere() {
        let source = Source::of([("PORT", ""), ("LOG_FILE", "")]).with_dotenv("PORT=1\nLOG_FILE=x.log");
        let (config, _) = Config::load(&source).unwrap();
        assert_eq!((config.server.port, config.log.file), (1, None));
    }
}
