//! `denizen migrate`.

use std::io::Write;

use clap::Args;

use super::{Failure, progress};
use crate::{app::App, config::Config, db::MIGRATIONS};

const EXAMPLES: &str = "\
It is safe beside servers that run: steps only add what an older version does not miss, or take away what none uses.

Examples:
  denizen migrate             before a new version is rolled out
  denizen migrate --status    what was applied, and when";

/// Bring the database up to date, as every start does
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Migrate {
    /// Change nothing; list the steps, and when each was applied
    #[arg(long)]
    status: bool,
}

impl Migrate {
    pub(super) async fn run(self, config: &Config, out: &mut impl Write) -> Result<(), Failure> {
        let db = App::database(config)?;
        if self.status {
            for step in db.migrations(MIGRATIONS).await? {
                let when = step.applied_at.map_or_else(|| "pending".to_owned(), |at| at.to_string());
                writeln!(out, "{:>4}  {:<30}  {when}", step.version, step.name)?;
            }
        } else {
            let applied = progress::waiting("bringing the database up to date", db.migrate(MIGRATIONS)).await?;
            applied.iter().try_for_each(|name| writeln!(out, "applied {name}"))?;
            writeln!(out, "The database is up to date.")?;
        }
        db.close();
        Ok(())
    }
}
