//! The documents that are made from the tables: `docs/configuration.md` and `.env.example`.

use std::fmt::Write;

use super::{
    SECTIONS, names,
    setting::{Setting, twin},
};

const INTRODUCTION: &str = "\
# Configuration

Denizen starts without any configuration. To change a setting, give it in one of three places; the first that
gives it counts:

1. the environment: `PORT=9000 denizen serve`
2. `.env` in the working directory: `PORT=9000`, one setting a line; `#` begins a comment, quotes are understood,
   `$` stands for itself
3. `denizen.toml` in the working directory: `port = 9000`, the same names in lower case, without tables

`denizen config` shows the effective settings and where each comes from. A value that is not allowed prevents the
start, and all of them are told at once. An unknown name prevents the start when it is in `denizen.toml`, and is
warned of when it is in `.env`, or in the environment and only a letter or two away from a known one.

An empty value is the same as none, except for the settings whose values below include nothing. Words are read in
any case; `true`, `yes` and `1` mean `on`, and `false`, `no` and `0` mean `off`. A secret can also come from a file:
`MASTER_KEY_FILE=/run/secrets/master_key`.

This page is generated from `src/config/`; `UPDATE_DOCS=1 cargo test --lib config` writes it anew.
";

/// The reference of all settings, in Markdown: `docs/configuration.md`.
#[must_use]
pub fn reference() -> String {
    let mut page = INTRODUCTION.to_owned();
    for section in SECTIONS {
        let _ = write!(page, "\n## {}\n\n{}\n\n", section.title, flow(section.about));
        page.push_str("| Setting | Default | Values | What it does |\n|---|---|---|---|\n");
        for setting in section.settings {
            let (name, default, allowed) = (setting.name, default(setting), (setting.allowed)());
            let _ = writeln!(page, "| `{name}` | {default} | {allowed} | {} |", meaning(setting));
        }
    }
    page.push_str("\n## Names without a use\n\n");
    page.push_str("These names are known from comparable services or belong to what is to come.\n\n");
    page.push_str("| Name | What becomes of it |\n|---|---|\n");
    for (name, why) in names::EXPECTED {
        let _ = match why {
            names::Why::NoEffect => writeln!(page, "| `{name}` | accepted, without effect |"),
            names::Why::Later(what) => {
                writeln!(page, "| `{name}` | a warning: this version does not have {what} yet |")
            }
        };
    }
    page
}

/// All settings with their defaults, commented out: `.env.example`.
#[must_use]
pub fn env_example() -> String {
    let mut page =
        comment("Copy this file to .env, and take the # away from what you change. Everything here is optional.");
    page += &comment("It is generated from src/config/; docs/configuration.md says more.");
    for section in SECTIONS {
        let _ = write!(page, "\n\n##### {}\n{}", section.title, comment(&flow(section.about)));
        for setting in section.settings {
            let _ = write!(page, "\n{}", comment(&meaning(setting)));
            page += &comment(&format!("Values: {}.", (setting.allowed)()));
            if setting.computed.is_some() {
                page += &comment(&format!("Default: {}.", setting.default));
            }
            let value = if setting.computed.is_some() { "" } else { setting.default };
            let _ = writeln!(page, "#{}={value}", setting.name);
        }
    }
    page
}

fn default(setting: &Setting) -> String {
    match (setting.computed, setting.default) {
        (Some(_), words) => words.to_owned(),
        (None, "") => "none".to_owned(),
        (None, text) => format!("`{text}`"),
    }
}

fn meaning(setting: &Setting) -> String {
    let mut text = flow(setting.about);
    if !setting.aliases.is_empty() {
        let _ = write!(text, " Also read as `{}`.", setting.aliases.join("`, `"));
    }
    if setting.secret {
        let _ = write!(text, " Secret; `{}` may name a file that holds it.", twin(setting.name));
    }
    text
}

/// The lines of a comment as one.
fn flow(about: &str) -> String {
    about.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A shell comment of at most 100 columns.
fn comment(text: &str) -> String {
    let (mut page, mut line) = (String::new(), String::from("#"));
    for word in text.split(' ') {
        if line.len() + 1 + word.len() > 100 {
            page += &line;
            page.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line += word;
    }
    page + &line + "\n"
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;
    use crate::config::{Config, Source};

    #[test]
    #[expect(clippy::disallowed_methods, reason = "UPDATE_DOCS is for whoever runs the tests, not a setting")]
    fn the_documents_in_the_checkout_are_current() {
        for (path, text) in [("docs/configuration.md", reference()), (".env.example", env_example())] {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
            if std::env::var_os("UPDATE_DOCS").is_some() {
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(&file, &text).unwrap();
            }
            let stored = fs::read_to_string(&file).unwrap_or_default();
            assert!(stored == text, "{path} is stale: run `UPDATE_DOCS=1 cargo test --lib config`");
        }
    }

    #[test]
    fn the_example_says_what_is_so_anyway() {
        let settings = |line: &&str| line.starts_with('#') && line[1..].starts_with(|c: char| c.is_ascii_uppercase());
        let example: Vec<_> = env_example().lines().filter(settings).map(|line| line[1..].to_owned()).collect();
        let (config, warnings) = Config::load(&Source::default().with_dotenv(example.join("\n"))).unwrap();
        assert_eq!(warnings, []);
        let values = |config: &Config| config.describe().into_iter().map(|l| (l.name, l.value)).collect::<Vec<_>>();
        assert_eq!(values(&config), values(&Config::load(&Source::default()).unwrap().0));
    }

    #[test]
    fn every_row_is_whole() {
        for section in SECTIONS {
            for setting in section.settings {
                let cells = format!("{}{}{}", default(setting), (setting.allowed)(), meaning(setting));
                assert!(!cells.contains('|'), "{} would break the table", setting.name);
                assert!(meaning(setting).ends_with('.'), "{} needs a sentence", setting.name);
            }
        }
    }
}
