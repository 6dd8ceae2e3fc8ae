//! The effective text of each setting, and where it comes from.

use std::{borrow::Cow, collections::HashMap, fmt, fs};

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

/// What was given, by the name of the setting.
pub struct Values(HashMap<&'static str, (String, Origin)>);

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl Values {
    /// Takes each setting from the first of the layers that gives it.
    pub(super) fn resolve(layers: &[Layer], report: &mut Report) -> Self {
        let settings = SECTIONS.iter().flat_map(|section| section.settings);
        Self(
            settings
                .filter_map(|setting| {
                    layers.iter().find_map(|layer| look_up(setting, layer, report)).map(|given| (setting.name, given))
                })
                .collect(),
        )
    }

    /// Whether the setting was given anywhere.
    pub(super) fn is_given(&self, setting: &Setting) -> bool {
        self.0.contains_key(setting.name)
    }

    /// The effective text.
    pub(super) fn text(&self, setting: &Setting) -> Cow<'_, str> {
        match (self.0.get(setting.name), setting.computed) {
            (Some((text, _)), _) => text.as_str().into(),
            (None, Some(computed)) => computed(self).into(),
            (None, None) => setting.default.into(),
        }
    }

    /// Where the effective text comes from.
    pub(super) fn origin(&self, setting: &Setting) -> Origin {
        self.0.get(setting.name).map_or(Origin::Default, |(_, origin)| origin.clone())
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
    fn empty_is_off_where_that_means_something_and_absent_elsewhere() {
        let source = Source::of([("PORT", ""), ("LOG_FILE", "")]).with_dotenv("PORT=1\nLOG_FILE=x.log");
        let (config, _) = Config::load(&source).unwrap();
        assert_eq!((config.server.port, config.log.file), (1, None));
    }
}
