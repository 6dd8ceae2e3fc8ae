//! Names: which ones are known, and what is said of the others.

use std::borrow::Cow;

use super::{
    Report, SECTIONS,
    setting::twin,
    source::{Layer, Place},
};

/// Why a name that is no setting is still expected.
#[derive(Clone, Copy)]
pub(super) enum Why {
    /// Comparable services have it; here there is nothing for it to do.
    NoEffect,
    /// A later version has a use for it.
    Later(&'static str),
}

/// The names that are no settings, but are expected. A star stands for any ending.
pub(super) const EXPECTED: &[(&str, Why)] = &[
    ("ENVIRONMENT", Why::NoEffect),
    ("MAX_REQUESTS", Why::NoEffect),
    ("MAX_REQUESTS_JITTER", Why::NoEffect),
    ("GUNICORN_MAX_REQUESTS", Why::NoEffect),
    ("GUNICORN_MAX_REQUESTS_JITTER", Why::NoEffect),
    ("REDIS_*", Why::Later("limits shared through Redis")),
    ("KEYCLOAK_*", Why::Later("the bridge to Keycloak")),
    ("RATE_LIMIT", Why::Later("rate limits")),
    ("SMTP_*", Why::Later("mail")),
    ("MAIL_*", Why::Later("mail")),
    ("SMS_*", Why::Later("text messages")),
];

/// The most edits that a slip makes.
const SLIP: usize = 2;

/// Whether a setting is read from this name.
pub(super) fn is_known(name: &str) -> bool {
    known().any(|known| known == name)
}

/// Says what is odd about the names that were given. An unknown name is fatal in `denizen.toml`, which is
/// ours alone, a warning in `.env`, which may be shared, and nothing in the environment unless it looks
/// like a slip.
pub(super) fn review(layers: &[Layer], report: &mut Report) {
    for layer in layers {
        for (name, value) in layer.entries.iter().filter(|(name, _)| !is_known(name)) {
            match (expected(name), layer.place) {
                (Some(Why::Later(what)), _) if !value.is_empty() => {
                    report.warn(format!("{name} is set, but this version does not have {what} yet."));
                }
                (Some(_), _) => {}
                (None, Place::Toml) => refuse_key(&name.to_ascii_lowercase(), report),
                (None, Place::DotEnv) => {
                    report
                        .warn(format!("{name} in .env is not a setting. The nearest is {}.", nearest(name, known()).1));
                }
                (None, Place::Environment) => {
                    if let Some(meant) = meant(name) {
                        report.warn(format!("{name} in the environment is not a setting. Is {meant} meant?"));
                    }
                }
            }
        }
    }
}

/// Reports a key of `denizen.toml` that is no setting.
pub(super) fn refuse_key(key: &str, report: &mut Report) {
    let nearest = nearest(key, known()).1.to_ascii_lowercase();
    report.problem(format!("{key} in denizen.toml is not a setting. The nearest is {nearest}."));
}

fn expected(name: &str) -> Option<Why> {
    let fits = |pattern: &str| pattern.strip_suffix('*').map_or(name == pattern, |start| name.starts_with(start));
    EXPECTED.iter().find(|(pattern, _)| fits(pattern)).map(|(_, why)| *why)
}

fn known() -> impl Iterator<Item = Cow<'static, str>> {
    SECTIONS.iter().flat_map(|section| section.settings).flat_map(|setting| {
        let twins = setting.names().filter(|_| setting.secret).map(|name| twin(name).into());
        setting.names().map(Cow::Borrowed).chain(twins)
    })
}

/// The setting that this name is a slip of. Each start asks it of all names in its environment, so it compares only those
/// whose lengths allow for a slip.
fn meant(name: &str) -> Option<Cow<'static, str>> {
    let (distance, nearest) = nearest(name, known().filter(|known| known.len().abs_diff(name.len()) <= SLIP));
    let most = if nearest.len() < 8 { 1 } else { SLIP };
    (distance <= most && !nearest.is_empty()).then_some(nearest)
}

/// Of these names the one with the fewest edits between, and their number. A swap of neighbours is one edit.
fn nearest(name: &str, names: impl Iterator<Item = Cow<'static, str>>) -> (usize, Cow<'static, str>) {
    let name = name.to_ascii_uppercase();
    names.map(|known| (strsim::osa_distance(&name, &known), known)).min().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Source};

    fn warnings(source: &Source) -> Vec<String> {
        Config::load(source).unwrap().1.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn only_slips_are_told_of_the_environment() {
        let usual = [("HOME", "/"), ("USER", "x"), ("PATH", "/bin"), ("HOSTNAME", "h"), ("LANG", "C"), ("TERM", "x")];
        assert_eq!(warnings(&Source::of(usual)), Vec::<String>::new());
        let slips = warnings(&Source::of([("PROT", "1"), ("DATABASE_ULR", "x"), ("port", "1")]));
        assert_eq!(slips.len(), 3, "{slips:?}");
        assert_eq!(slips[0], "DATABASE_ULR in the environment is not a setting. Is DATABASE_URL meant?");
    }

    #[test]
    fn any_unknown_name_is_told_of_dotenv() {
        let told = warnings(&Source::default().with_dotenv("LOGLEVEL=debug\nENVIRONMENT=production"));
        assert_eq!(told, ["LOGLEVEL in .env is not a setting. The nearest is LOG_LEVEL."]);
    }

    #[test]
    fn no_setting_is_said_to_be_without_a_use() {
        let settings: Vec<_> = super::known().filter(|name| super::expected(name).is_some()).collect();
        assert_eq!(settings, Vec::<String>::new(), "what is a setting does not belong on the list");
    }

    #[test]
    fn later_names_are_told_when_they_are_set() {
        let source = Source::of([("REDIS_HOST", "redis"), ("KEYCLOAK_URL", "")]).with_toml("rate_limit = 'off'");
        assert_eq!(
            warnings(&source),
            [
                "REDIS_HOST is set, but this version does not have limits shared through Redis yet.",
                "RATE_LIMIT is set, but this version does not have rate limits yet.",
            ]
        );
    }
}
