//! Logging: how much, and where to.

use std::path::PathBuf;

use super::{
    kind::{Count, Switch, words},
    setting::{Kind, settings},
    values::Values,
};

settings! {
    /// How much is logged, and where to. A terminal gets lines for people, everything else JSON.
    Log {
        /// The least severe level that is logged. `warning` and `critical` are read as `warn` and `error`.
        LOG_LEVEL | GUNICORN_LOG_LEVEL => level: Level = "`info`, or `debug` when `DEBUG` or `DB_ECHO` is on" from level;
        /// The file that gets everything, as JSON, besides the streams below. Each day (UTC) begins a new one with the
        /// date in its name, such as `user_log.2030-01-31.log`; the name given here links to the newest.
        LOG_FILE => file: Option<PathBuf> as FileOrOff = "logs/user_log.log";
        /// For how many days `LOG_FILE`'s old files are kept; those of other names are left alone.
        LOG_KEEP_DAYS => keep_days: usize as Count<1, 36500> = "14";
        /// How much of the disk the files of `LOG_FILE` take together, in MiB. The oldest go first.
        LOG_KEEP_MB => keep_mb: usize as Count<1, 1_048_576> = "1024";
        /// At what size, in MiB, `LOG_FILE` begins another file within a day, such as `user_log.2030-01-31.1.log`. No
        /// more than half of `LOG_KEEP_MB` is used.
        LOG_ROTATE_MB => rotate_mb: usize as Count<1, 1_048_576> = "128";
        /// Where a line for each request goes; `-` is the standard output. Empty, the lines are not made at all.
        ACCESS_LOG => access: Sink = "-";
        /// Where everything else goes; `-` is the standard error.
        ERROR_LOG => error: Sink = "-";
        /// Short for `LOG_LEVEL=debug`. It changes nothing else.
        DEBUG => debug: Switch = "off";
        /// Short for `LOG_LEVEL=debug`, as in services built on SQLAlchemy.
        DB_ECHO => db_echo: Switch = "off";
    }
}

fn level(values: &Values) -> String {
    let debug = [Log::DEBUG, Log::DB_ECHO].iter().any(|s| Switch::parse(&values.text(s)) == Some(Switch::On));
    if debug { Level::Debug } else { Level::Info }.as_str().to_owned()
}

words! {
    /// The least severe level that is logged.
    Level {
        /// What failed.
        Error = "error" | "critical" | "fatal";
        /// What may need a look.
        Warn = "warn" | "warning";
        /// What happens.
        Info = "info";
        /// How it happens.
        Debug = "debug";
        /// Every step of it.
        Trace = "trace";
    }
}

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sink {
    /// Nowhere.
    Off,
    /// To the stream of the process.
    Terminal,
    /// To the end of this file.
    File(PathBuf),
}

impl Kind for Sink {
    type Value = Self;
    const TAKES_EMPTY: bool = true;
    fn parse(text: &str) -> Option<Self> {
        match text {
            "" => Some(Self::Off),
            "-" => Some(Self::Terminal),
            path => PathBuf::parse(path).map(Self::File),
        }
    }
    fn show(value: &Self) -> String {
        match value {
            Self::Off => String::new(),
            Self::Terminal => "-".to_owned(),
            Self::File(path) => path.display().to_string(),
        }
    }
    fn allowed() -> String {
        "`-`, a path, or nothing, which turns it off".to_owned()
    }
}

struct FileOrOff;

impl Kind for FileOrOff {
    type Value = Option<PathBuf>;
    const TAKES_EMPTY: bool = true;
    fn parse(text: &str) -> Option<Self::Value> {
        if text.is_empty() { Some(None) } else { PathBuf::parse(text).map(Some) }
    }
    fn show(value: &Self::Value) -> String {
        value.as_ref().map(PathBuf::show).unwrap_or_default()
    }
    fn allowed() -> String {
        "a path, or nothing, which turns it off".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Source};

    #[test]
    fn debug_is_a_level_unless_one_is_named() {
        let level = |pairs: &[(&str, &str)]| Config::load(&Source::of(pairs.to_vec())).unwrap().0.log.level;
        assert_eq!(level(&[("DEBUG", "true")]), Level::Debug);
        assert_eq!(level(&[("DB_ECHO", "1")]), Level::Debug);
        assert_eq!(level(&[("DEBUG", "true"), ("LOG_LEVEL", "WARNING")]), Level::Warn);
        assert_eq!(level(&[("DEBUG", "false")]), Level::Info);
    }
}
