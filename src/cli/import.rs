//! `denizen import`.

use std::{
    fs::File,
    io::{self, BufReader, Read, Write},
    path::{Path, PathBuf},
};

use aws_lc_rs::digest;
use clap::Args;

use super::{Failure, alone::numbered, progress::Stream};
use crate::{
    access::Caller,
    app::App,
    error::{Error, Result},
    import::{
        BATCH, Conflict, Csv, Field, Journal, Mapping, Mode, Options, Passwords, Report, Roles, Source, default_hash,
        foreign::Table, run,
    },
    password::Password,
};

const EXAMPLES: &str = "\
Columns are told by their usual names; the mapping is shown, and --map overrules it. Addresses count as proved. Hashes
that another system made are kept, and renewed at the next sign-in. A killed import goes on when the same command is
given again. docs/import.md has the table of fields.

Examples:
  denizen import users.csv --dry-run
  denizen import users.csv --map mail=email --map nick=username --map comment=
  denizen import users.csv --default-password-file password.txt
  denizen import postgres://app:secret@db.example.com/app --on-conflict update";

/// Bring people in, from a CSV or from another service's database
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Import {
    /// A CSV file with a header, - for the standard input, or postgres://.. of a database with a table 'users'
    source: String,
    /// Which field a column holds, as column=field; column= leaves one out
    #[arg(long, value_name = "COLUMN=FIELD")]
    map: Vec<String>,
    /// Write nothing; tell what would be done, and what is wrong with which row
    #[arg(long)]
    dry_run: bool,
    /// What becomes of somebody who is here already, by address or external id
    #[arg(long, default_value = "skip", value_parser = ["skip", "update", "fail"])]
    on_conflict: String,
    /// The password of whoever brings none; others on this machine can see it while the command runs
    #[arg(long, value_name = "PASSWORD", conflicts_with = "default_password_file")]
    default_password: Option<String>,
    /// The same, read from the first line of a file
    #[arg(long, value_name = "FILE")]
    default_password_file: Option<PathBuf>,
    /// Do not ask for another password at the first sign-in
    #[arg(long)]
    keep_password: bool,
    /// Let roles above 'user' in
    #[arg(long)]
    allow_roles: bool,
    /// Rows that are written at once [default: 3000; 1000 beside a server, whose writers wait meanwhile]
    #[arg(long, value_name = "ROWS", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    batch: Option<u16>,
    /// Where the rejected rows go [default: the source with .rejects.csv]
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
}

/// A source of so many bytes brings tens of thousands of people.
const MANY: u64 = 2_000_000;

impl Import {
    pub(super) async fn run(self, app: &App, caller: &Caller, out: &mut impl Write) -> Result<(), Failure> {
        let (source, headers, length) = self.open().await?;
        let mapping = Mapping::new(&headers, &self.map)?;
        for (name, field) in mapping.columns() {
            let name: String = name.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
            eprintln!("  {name:<28} {}", field.map_or("(left out)", Field::as_str));
        }
        let options = self.options(app).await?;
        let journal = self.journal(app, &mapping, &options)?;
        let bar = Stream::new(length)?;
        let watch = |report: &Report| bar.at(report.position, report.rows, report.resumed);
        let (options_ref, journal_ref, batch) = (&options, &journal, self.batch.map(usize::from));
        let many = options.mode == Mode::Write && length.is_some_and(|length| length >= MANY);
        let report = numbered(app, many, async |usual, lead| {
            let options = &Options { batch: batch.unwrap_or(usual), lead, ..options_ref.clone() };
            Box::pin(run(app, caller, source, mapping, options, journal_ref, watch)).await
        })
        .await;
        drop(bar);
        let report = report?;
        tell(&report, &options, journal.rejects.as_deref(), out)?;
        if report.rejected > 0 {
            out.flush()?;
            return Err(Failure::Failed(format!("{} rows were rejected.", report.rejected)));
        }
        Ok(())
    }

    /// The source, its columns, and how long it is, where that is known.
    async fn open(&self) -> Result<(Source, Vec<String>, Option<u64>), Failure> {
        if self.is_database() {
            let (table, columns) = Table::open(&self.source).await?;
            let length = table.length;
            return Ok((Source::Foreign(table), columns, Some(length)));
        }
        let (input, length): (Box<dyn Read + Send>, _) = if self.source == "-" {
            (Box::new(io::stdin()), None)
        } else {
            let file = File::open(&self.source).map_err(|e| Failure::Usage(format!("{}: {e}.", self.source)))?;
            let length = file.metadata()?;
            // A pipe has none.
            (Box::new(file), length.is_file().then_some(length.len()))
        };
        let (csv, headers) = Csv::open(input)?;
        Ok((Source::Csv(Box::new(csv)), headers, length))
    }

    fn is_database(&self) -> bool {
        self.source.starts_with("postgres://") || self.source.starts_with("postgresql://")
    }

    async fn options(&self, app: &App) -> Result<Options, Failure> {
        let policy = app.policy();
        let password = match (&self.default_password, &self.default_password_file) {
            (Some(password), _) => Some(password.clone()),
            (None, Some(path)) => {
                let text =
                    std::fs::read_to_string(path).map_err(|e| Failure::Usage(format!("{}: {e}.", path.display())))?;
                Some(text.lines().next().unwrap_or_default().to_owned())
            }
            (None, None) => None,
        };
        let mode = if self.dry_run { Mode::DryRun } else { Mode::Write };
        let default_hash = match password {
            Some(text) => {
                let password = Password::parse(&text).map_err(|rule| rule.error("default_password"))?;
                default_hash(app, &password, mode, "default_password").await?
            }
            None => None,
        };
        Ok(Options {
            conflict: Conflict::parse(&self.on_conflict).unwrap_or(Conflict::Skip),
            passwords: if self.keep_password { Passwords::Keep(policy) } else { Passwords::MustChange },
            default_hash,
            roles: if self.allow_roles { Roles::Allowed } else { Roles::Refused },
            mode,
            batch: BATCH,
            lead: None,
        })
    }

    /// The same source and the same options are the same import.
    fn journal(&self, app: &App, mapping: &Mapping, options: &Options) -> Result<Journal, Failure> {
        let rejects = self.rejects.clone().or_else(|| {
            let is_file = self.source != "-" && !self.is_database();
            is_file.then(|| PathBuf::from(format!("{}.rejects.csv", self.source)))
        });
        let rejects = rejects.filter(|_| options.mode == Mode::Write);
        if self.source == "-" {
            return Ok(Journal { id: None, rejects });
        }
        let mut digest = digest::Context::new(&digest::SHA256);
        if self.is_database() {
            digest.update(self.source.as_bytes());
        } else {
            let mut file = BufReader::with_capacity(1 << 16, File::open(&self.source)?);
            let mut buffer = vec![0; 1 << 16];
            loop {
                match file.read(&mut buffer)? {
                    0 => break,
                    read => digest.update(&buffer[..read]),
                }
            }
        }
        let keeps = matches!(options.passwords, Passwords::Keep(_));
        let given =
            format!("{:?}{:?}{:?}{keeps}{:?}", mapping.columns(), options.conflict, options.roles, app.policy());
        digest.update(given.as_bytes());
        digest.update(&[u8::from(options.default_hash.is_some())]);
        let id = digest.finish().as_ref().try_into().map_err(|_| Error::internal("a digest has 32 bytes"))?;
        Ok(Journal { id: Some(id), rejects })
    }
}

fn tell(report: &Report, options: &Options, rejects: Option<&Path>, out: &mut impl Write) -> Result<(), Failure> {
    if report.resumed > 0 {
        writeln!(out, "resumed   after row {}", report.resumed + 1)?;
    }
    let would = if options.mode == Mode::DryRun { "  (nothing was written)" } else { "" };
    writeln!(out, "rows      {}{would}", report.rows)?;
    writeln!(out, "created   {}", report.created)?;
    writeln!(out, "updated   {}", report.updated)?;
    writeln!(out, "skipped   {}", report.skipped)?;
    writeln!(out, "rejected  {}", report.rejected)?;
    for reject in report.rejects.iter().take(20) {
        for fault in &reject.faults {
            writeln!(out, "  row {}: {}: {} ({})", reject.row, fault.field, fault.message, fault.code)?;
        }
    }
    if report.rejected > 20 {
        writeln!(out, "  and {} more", report.rejected - 20)?;
    }
    match rejects {
        Some(path) if report.rejected > 0 => writeln!(out, "They are in {}.", path.display())?,
        Some(path) => drop(std::fs::remove_file(path)),
        None => {}
    }
    Ok(())
}
