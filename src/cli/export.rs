//! `denizen export`.

use std::{
    fs::OpenOptions,
    io::{BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
};

use clap::{Args, ValueEnum};

use super::{Failure, progress::Progress};
use crate::{
    access::Caller,
    app::App,
    event::counters,
    import::export::{self, Export as Everybody, Whom},
};

const EXAMPLES: &str = "\
Cells that a spreadsheet would run as a formula begin with an apostrophe; 'denizen import' takes it away again.

Examples:
  denizen export users.csv
  denizen export --format jsonl - | jq -r .email
  denizen export --search 'location=lisbon&is_active=true&sort_by=last_name' lisbon.csv
  denizen export --format jsonl --with-hashes people.jsonl     for moving to another system";

/// Write everybody out, as CSV or JSON lines
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Export {
    /// The file to write, readable by its owner only; - for the standard output
    #[arg(default_value = "-")]
    file: PathBuf,
    /// What the lines are
    #[arg(long, value_enum, default_value = "csv")]
    format: Lines,
    /// Tell the hashes of passwords too, in JSON lines
    #[arg(long)]
    with_hashes: bool,
    /// Only whom this search finds, in its order: the query of 'GET /api/v1/users/search'
    #[arg(long, value_name = "QUERY", conflicts_with = "with_hashes")]
    search: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Lines {
    /// With a header
    Csv,
    /// A JSON object each
    Jsonl,
}

impl Export {
    pub(super) async fn run(self, app: &App, caller: &Caller, out: &mut impl Write) -> Result<(), Failure> {
        let format = match (self.format, self.with_hashes) {
            (Lines::Csv, true) => return Err(Failure::Usage("--with-hashes needs --format jsonl.".into())),
            (Lines::Csv, false) => export::Format::Csv,
            (Lines::Jsonl, false) => export::Format::Jsonl,
            (Lines::Jsonl, true) => export::Format::JsonlWithHashes,
        };
        let whom = match &self.search {
            Some(query) => Whom::found(app, caller, query)?,
            None => Whom::Everybody,
        };
        let everybody = Everybody::new(app.clone(), caller.clone(), format, whom).await?;
        if self.file.as_os_str() == "-" {
            return write(everybody, app, out).await.map(drop);
        }
        let file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&self.file)?;
        let mut file = BufWriter::with_capacity(1 << 16, file);
        let count = write(everybody, app, &mut file).await?;
        file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
        Ok(writeln!(out, "{count} users are in {}.", self.file.display())?)
    }
}

async fn write(mut everybody: Everybody, app: &App, out: &mut impl Write) -> Result<u64, Failure> {
    let total = counters::read(&mut app.db.read()).await?.total_users;
    let (progress, total) = (Progress::new("users")?, u64::try_from(total).unwrap_or(0));
    while let Some(lines) = everybody.next().await? {
        out.write_all(lines.as_bytes())?;
        progress.at(everybody.count, total);
    }
    out.flush()?;
    Ok(everybody.count)
}
