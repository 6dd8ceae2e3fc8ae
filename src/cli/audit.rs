//! `denizen audit`.

use std::io::Write;

use clap::Subcommand;

use super::{Failure, progress::Progress};
use crate::{
    app::App,
    event::{sequencer, verify},
};

const VERIFY: &str = "\
Each event carries a seal over itself and the seal before it, made with a key that is not in the database. So nobody \
who holds only the database can alter a numbered event, take one out or put one between others. He can write one that \
still waits for its number, and he can put a whole older copy in place: note the number of the head elsewhere, and see \
that it only grows.

Exit status 1 says that the log is broken, and how.

Examples:
  denizen audit verify";

/// Examine the log of every change
#[derive(Subcommand)]
pub enum Audit {
    /// Prove that no numbered event was altered, taken out, put between others or blanked
    #[command(after_long_help = VERIFY)]
    Verify,
}

impl Audit {
    pub(super) async fn run(self, app: &App, out: &mut impl Write) -> Result<(), Failure> {
        match self {
            Self::Verify => verify(app, out).await,
        }
    }
}

async fn verify(app: &App, out: &mut impl Write) -> Result<(), Failure> {
    // Events that a command wrote while no server ran have no numbers yet. With a server that is his work; on
    // PostgreSQL nobody can tell whether one runs.
    if let Ok(Some(_lock)) = app.lock() {
        sequencer::drain(&app.db, &app.keys).await?;
    }
    let progress = Progress::new("events")?;
    let report = verify::verify(&app.db, &app.keys, |read, of| progress.at(read.unsigned_abs(), of.unsigned_abs()));
    let report = report.await?;
    drop(progress);
    writeln!(out, "events   {}", report.events)?;
    writeln!(out, "erased   {}", report.erased)?;
    writeln!(out, "head     {}", report.head)?;
    if report.is_sound() {
        writeln!(out, "verdict  sound")?;
        return Ok(());
    }
    writeln!(out, "verdict  broken")?;
    report.faults.iter().try_for_each(|fault| writeln!(out, "  - {fault}"))?;
    if let more @ 1.. = report.fault_count - report.faults.len() {
        writeln!(out, "  and {more} more")?;
    }
    out.flush()?;
    Err(Failure::Failed(format!(
        "The log is not as it was written: {} faults. Keep a copy of the database as it is, and compare it with \
         your backups.",
        report.fault_count
    )))
}
