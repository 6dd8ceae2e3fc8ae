//! `denizen config`.

use std::io::Write;

use clap::Args;

use super::Failure;
use crate::config::{self, Effective};

const EXAMPLES: &str = "\
Each line is a name, its value and where that comes from. The environment outranks .env, which outranks denizen.toml, \
which outranks the default; both files are looked for in the working directory. Secrets are masked, and each may come \
from a file: MASTER_KEY_FILE for MASTER_KEY.

Settings that cannot be used are told all at once, with exit status 2.

Examples:
  denizen config                          the settings in force
  denizen config --reference              what each setting means
  denizen config --env-example > .env     a file to begin with
  denizen doctor                          whether what they lead to is well";

/// Show the settings in force and where each comes from
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Config {
    /// Print the reference of all settings instead, in Markdown
    #[arg(long)]
    reference: bool,
    /// Print a .env file with all defaults instead
    #[arg(long, conflicts_with = "reference")]
    env_example: bool,
}

impl Config {
    /// The document asked for, which is the same whatever the settings are.
    pub(super) fn document(&self) -> Option<String> {
        match self {
            Self { reference: true, .. } => Some(config::reference()),
            Self { env_example: true, .. } => Some(config::env_example()),
            _ => None,
        }
    }
}

/// Name, value and origin of every setting, aligned.
pub(super) fn show(config: &config::Config, out: &mut impl Write) -> Result<(), Failure> {
    let lines = config.describe();
    let width = |of: fn(&Effective) -> usize| lines.iter().map(of).max().unwrap_or_default();
    let (name, value) = (width(|line| line.name.len()), width(|line| line.value.chars().count()));
    for line in &lines {
        writeln!(out, "{:<name$}  {:<value$}  {}", line.name, line.value, line.origin)?;
    }
    Ok(())
}
