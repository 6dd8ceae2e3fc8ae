//! `denizen fake`.

use std::io::Write;

use clap::Args;

use super::{Failure, alone, progress::Progress};
use crate::{
    access::Caller,
    app::App,
    import::{
        BATCH, Conflict, Journal, Mapping, Mode, Options, Passwords, Report, Roles, Source,
        fake::{self, Crowd},
        run,
    },
    search::aside::FEW,
};

const EXAMPLES: &str = "\
They have addresses at fake.example, which nobody can have, and no passwords. The same seed makes the same people;
those who are here already are passed over.

Examples:
  denizen fake --users 1000
  DATA_DIR=/tmp/crowd denizen fake --users 1000000 --seed 7";

/// Make up people, for trying things out
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Fake {
    /// How many
    #[arg(long)]
    users: u64,
    /// What the random choices begin with
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Put them among real people
    #[arg(long)]
    force: bool,
}

impl Fake {
    pub(super) async fn run(self, app: &App, caller: &Caller, out: &mut impl Write) -> Result<(), Failure> {
        if !self.force {
            fake::must_be_free(app).await?;
        }
        let options = Options {
            conflict: Conflict::Skip,
            passwords: Passwords::MustChange,
            default_hash: None,
            roles: Roles::Refused,
            mode: Mode::Write,
            batch: BATCH,
            lead: None,
        };
        let progress = Progress::new("users")?;
        let crowd = Crowd::new(self.users, self.seed, app.db.clock().now());
        let mapping = Mapping::new(&["email".into()], &[])?;
        let journal = Journal::default();
        let (journal, progress_ref) = (&journal, &progress);
        let report = alone::numbered(app, self.users > FEW, async |batch, lead| {
            let (options, source) = (&Options { batch, lead, ..options }, Source::Fake(Box::new(crowd)));
            let watch = |report: &Report| progress_ref.at(report.rows, self.users);
            Box::pin(run(app, caller, source, mapping, options, journal, watch)).await
        })
        .await;
        drop(progress);
        let report = report?;
        writeln!(out, "{} people were made up; {} were here already.", report.created, report.skipped)?;
        Ok(())
    }
}
