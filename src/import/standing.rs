//! How far an import has come, and what it keeps of that: a row in the database, and the file of rejected rows.

use std::{
    fs::{File, OpenOptions},
    io::{Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::Arc,
};

use super::{
    Journal, Mode, Options, REJECTS, Report,
    batch::Outcome,
    csv::{malformed, unreadable},
    store::{self, Progress},
};
use crate::{app::App, db::Tx, error::Result, event::Lead};

/// Where an import stands.
pub(super) struct Standing {
    id: Option<[u8; 32]>,
    pub report: Report,
    rejects: Option<Rejects>,
    /// Gone once a batch had to be written again: most often somebody else moved the log, and would do so again.
    pub lead: Option<Arc<Lead>>,
}

impl Standing {
    /// Where an earlier try left it.
    pub async fn resume(app: &App, journal: &Journal, options: &Options) -> Result<Self> {
        let id = journal.id.filter(|_| options.mode == Mode::Write);
        let earlier = match id {
            Some(id) => store::progress(&mut app.db.read(), id).await?,
            None => None,
        };
        let rejects = journal.rejects.as_deref().map(|path| Rejects::open(path, earlier.as_ref())).transpose()?;
        let earlier = earlier.unwrap_or_default();
        let count = |n: i64| u64::try_from(n).unwrap_or(0);
        let report = Report {
            rows: count(earlier.rows),
            resumed: count(earlier.rows),
            created: count(earlier.created),
            updated: count(earlier.updated),
            skipped: count(earlier.skipped),
            rejected: count(earlier.rejected),
            ..Report::default()
        };
        Ok(Self { id, report, rejects, lead: options.lead.clone() })
    }

    /// Whether it could go on where it was broken off.
    pub fn is_kept(&self) -> bool {
        self.id.is_some()
    }

    /// Writes where it will stand behind a batch of so many rows, in the transaction of that batch.
    pub async fn save(&self, tx: &mut Tx, rows: usize, outcome: &Outcome) -> Result<()> {
        match self.id {
            Some(id) => store::save(tx, id, &self.progress(rows, outcome)).await,
            None => Ok(()),
        }
    }

    /// Whether the database says the same. It does not when a batch was committed whose answer got lost.
    pub async fn is_stored(&self, app: &App) -> Result<bool> {
        let Some(id) = self.id else { return Ok(false) };
        let stored = store::progress(&mut app.db.read(), id).await?.map_or(0, |progress| progress.rows);
        Ok(stored == i64::try_from(self.report.rows).unwrap_or(0))
    }

    /// A batch of so many rows is behind it.
    pub fn pass(&mut self, rows: usize, position: u64, outcome: Outcome) -> Result<()> {
        self.report = self.after(rows, &outcome);
        self.report.position = position;
        if let Some(rejects) = &mut self.rejects {
            rejects.append(&outcome.lines)?;
        }
        let room = REJECTS.saturating_sub(self.report.rejects.len());
        self.report.rejects.extend(outcome.rejects.into_iter().take(room));
        Ok(())
    }

    /// The import has come to its end.
    pub async fn end(self, app: &App) -> Result<Report> {
        if let Some(id) = self.id {
            app.db.write(async |tx| store::forget(tx, id).await).await?;
        }
        Ok(self.report)
    }

    fn after(&self, rows: usize, outcome: &Outcome) -> Report {
        let mut report = self.report.clone();
        report.rows += rows as u64;
        report.created += outcome.created;
        report.updated += outcome.updated;
        report.skipped += outcome.skipped;
        report.rejected += outcome.rejects.len() as u64;
        report
    }

    fn progress(&self, rows: usize, outcome: &Outcome) -> Progress {
        let after = self.after(rows, outcome);
        let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        Progress {
            rows: count(after.rows),
            created: count(after.created),
            updated: count(after.updated),
            skipped: count(after.skipped),
            rejected: count(after.rejected),
            rejects: outcome.lines.clone(),
            rejects_bytes: count(self.rejects.as_ref().map_or(0, |rejects| rejects.bytes)),
        }
    }
}

/// The file that rejected rows go to.
struct Rejects {
    file: File,
    bytes: u64,
}

impl Rejects {
    /// Begins it, or brings it to where the last batch left it. Only its owner may read what is personal in it.
    fn open(path: &Path, earlier: Option<&Progress>) -> Result<Self> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path);
        let file = file.map_err(|e| malformed(format!("{}: {e}.", path.display())))?;
        let bytes = earlier.map_or(0, |earlier| u64::try_from(earlier.rejects_bytes).unwrap_or(0));
        file.set_len(bytes).map_err(|e| unreadable(&e))?;
        let mut rejects = Self { file, bytes };
        rejects.append(earlier.map_or("row,field,code,reason,cells\n", |earlier| &earlier.rejects))?;
        Ok(rejects)
    }

    fn append(&mut self, lines: &str) -> Result<()> {
        self.file.seek(SeekFrom::Start(self.bytes)).map_err(|e| unreadable(&e))?;
        self.file.write_all(lines.as_bytes()).map_err(|e| unreadable(&e))?;
        self.bytes += lines.len() as u64;
        Ok(())
    }
}
