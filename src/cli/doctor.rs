//! `denizen doctor`.

use std::io::{self, IsTerminal, Write};

use clap::Args;
use serde_json::json;

use super::{Failure, progress};
use crate::{
    config::{Config, Source},
    doctor::{self, Finding, Level},
    error::Error,
};

const EXAMPLES: &str = "\
It examines the settings, the files that hold secrets, the data folder, the database, the keys, the clock and the \
address, with the same settings as the server. It changes nothing, so it may run beside a server, or where none starts.

Exit status: 0 all is well or only warnings, 1 there are faults.

Examples:
  denizen doctor
  denizen doctor --json | jq -r '.findings[] | select(.level != \"ok\") | .cure'";

/// Say what is wrong with this installation, and what to do about it
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Doctor {
    /// Print one JSON object instead
    #[arg(long)]
    json: bool,
}

impl Doctor {
    /// Needs no valid settings, so it begins with none, and has a runtime of its own.
    pub(super) fn run(&self, out: &mut impl Write) -> Result<(), Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::internal)?;
        let found =
            runtime.block_on(progress::waiting("examining", doctor::examine(Config::load(&Source::from_process()))));
        let count = |level| found.iter().filter(|finding| finding.level == level).count();
        let (faults, warnings) = (count(Level::Fault), count(Level::Warning));
        if self.json {
            let report = json!({"faults": faults, "warnings": warnings, "findings": found});
            writeln!(out, "{report}")?;
        } else {
            let paint = if io::stdout().is_terminal() { coloured } else { plain };
            found.iter().try_for_each(|finding| tell(finding, paint, out))?;
        }
        out.flush()?;
        if faults > 0 {
            return Err(Failure::Failed(format!("Faults: {faults}; warnings: {warnings}. Above is what to do.")));
        }
        Ok(())
    }
}

fn tell(finding: &Finding, paint: fn(Level) -> String, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}  {:<12}  {}", paint(finding.level), finding.topic, shown(&finding.text))?;
    finding.cure.iter().try_for_each(|cure| writeln!(out, "{:>23}  {}", "what to do:", shown(cure)))
}

fn plain(level: Level) -> String {
    let word = match level {
        Level::Ok => "ok",
        Level::Warning => "warning",
        Level::Fault => "fault",
    };
    format!("{word:<7}")
}

fn coloured(level: Level) -> String {
    let colour = match level {
        Level::Ok => 32,
        Level::Warning => 33,
        Level::Fault => 31,
    };
    format!("\x1b[{colour}m{}\x1b[0m", plain(level))
}

/// What a server or a file says does not drive the terminal.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
