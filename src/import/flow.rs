//! From the source to the database: reading, hashing and writing, each a batch or two ahead of the next.

use std::{
    fs::{File, OpenOptions},
    io::{Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::sync::mpsc;

use super::{
    Journal, Mapping, Mode, Options, REJECTS, Report, Source, batch,
    csv::{Cells, malformed, unreadable},
    hashing::hashing,
    rehearsal::Rehearsal,
    row::{Form, Row},
    store::{self, Progress},
};
use crate::{
    access::{Caller, Permission},
    app::App,
    error::{Code, Result},
    event::{self, Lead},
    search,
};

/// Rows that are written in one transaction where each costs a hash, so that a kill loses little.
const HASHED_ROWS: usize = 200;
/// Events that may wait for their numbers before the import waits too.
const BACKLOG: i64 = 20_000;
/// How often a batch is tried whose people came in by another door meanwhile.
const TRIES: usize = 5;
/// How long one batch is waited for before it is asked again who brings it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Rows that are written together.
pub(super) struct Batch {
    pub rows: Vec<Row>,
    /// How far the source was read for them, in bytes.
    pub position: u64,
}

/// Brings everybody in. `watch` hears of each batch. Whether the caller still may is asked before each.
///
/// # Errors
/// `forbidden`, `token_refused`; `malformed` when the source breaks off; `conflict` when somebody is here already and
/// [`super::Conflict::Fail`] was asked for. What was written until then stays, and the same import goes on from there.
pub async fn run(
    app: &App,
    caller: &Caller,
    source: Source,
    mapping: Mapping,
    options: &Options,
    journal: &Journal,
    mut watch: impl FnMut(&Report),
) -> Result<Report> {
    caller.must(Permission::UsersImport)?;
    let mut state = State::resume(app, journal, options).await?;
    let is_hashed = mapping.place(super::Field::Password).is_some() && options.mode == Mode::Write;
    let mut batches = reading(source, mapping, options.clone(), state.report.rows);
    if is_hashed {
        batches = hashing(app, batches, options.conflict);
    }
    while let Some((batch, caller)) = next(app, caller, &mut batches).await? {
        let outcome = state.settle(app, &caller, &batch.rows, options).await?;
        state.report.position = batch.position;
        let room = REJECTS.saturating_sub(state.report.rejects.len());
        state.report.rejects.extend(outcome.rejects.into_iter().take(room));
        watch(&state.report);
        if options.mode == Mode::Write {
            search::settle(&app.db).await?;
            wait_for_numbers(app).await?;
        }
    }
    if let (Some(id), Mode::Write) = (journal.id, options.mode) {
        app.db.write(async |tx| store::forget(tx, id).await).await?;
    }
    Ok(state.report)
}

/// The next batch, with whoever brings it as he stands now. A source may take hours: he may have lost the permission, or
/// his session, since he began.
async fn next(
    app: &App,
    caller: &Caller,
    batches: &mut mpsc::Receiver<Result<Batch>>,
) -> Result<Option<(Batch, Caller)>> {
    loop {
        let batch = tokio::time::timeout(PATIENCE, batches.recv()).await;
        let Ok(None) = batch else {
            let caller = app.bearers.again(&mut app.db.read(), caller).await?;
            caller.must(Permission::UsersImport)?;
            let Ok(Some(batch)) = batch else { continue };
            return Ok(Some((batch?, caller)));
        };
        return Ok(None);
    }
}

/// Where an import stands.
struct State {
    id: Option<[u8; 32]>,
    report: Report,
    rejects: Option<Rejects>,
    rehearsal: Rehearsal,
    /// Gone once a batch had to be written again: most often somebody else moved the log, and would do so again.
    lead: Option<Arc<Lead>>,
}

impl State {
    async fn resume(app: &App, journal: &Journal, options: &Options) -> Result<Self> {
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
        Ok(Self { id, report, rejects, rehearsal: Rehearsal::default(), lead: options.lead.clone() })
    }

    async fn settle(&mut self, app: &App, caller: &Caller, rows: &[Row], options: &Options) -> Result<batch::Outcome> {
        let outcome = match options.mode {
            Mode::DryRun => self.rehearsal.next(app, caller, rows, options).await?,
            Mode::Write => self.write(app, caller, rows, options).await?,
        };
        self.report = self.after(rows.len(), &outcome);
        if let Some(rejects) = &mut self.rejects {
            rejects.append(&outcome.lines)?;
        }
        Ok(outcome)
    }

    async fn write(&mut self, app: &App, caller: &Caller, rows: &[Row], options: &Options) -> Result<batch::Outcome> {
        let lead = self.lead.take();
        let (mut tries, attempts) = (0, AtomicU32::new(0));
        loop {
            tries += 1;
            let done = app
                .db
                .write(async |tx| {
                    let lead = lead.as_deref().filter(|_| attempts.fetch_add(1, Relaxed) == 0);
                    let outcome = batch::write(tx, caller, rows, options, lead).await?;
                    if let Some(id) = self.id {
                        store::save(tx, id, &self.progress(rows.len(), &outcome)).await?;
                    }
                    Ok(outcome)
                })
                .await;
            let Err(error) = done else {
                self.lead = lead.filter(|_| attempts.load(Relaxed) == 1);
                return done;
            };
            // Somebody took the address between the look-up and the write, or went: looked up again, that is known.
            let is_taken =
                matches!(error.code(), Code::EmailTaken | Code::UsernameTaken | Code::ExternalIdTaken | Code::NotFound);
            // A database that is away for a moment must not end hours of work.
            let is_away = matches!(error.code(), Code::DatabaseUnavailable) && self.id.is_some();
            if !(is_taken || is_away) || tries == TRIES {
                return Err(error);
            }
            if is_away {
                // Whether the batch was committed is not known: the row that tells of it is.
                let id = self.id.unwrap_or_default();
                tokio::time::sleep(Duration::from_secs(2)).await;
                let stored = store::progress(&mut app.db.read(), id).await?.map_or(0, |progress| progress.rows);
                if stored != i64::try_from(self.report.rows).unwrap_or(0) {
                    return Err(error);
                }
            }
        }
    }

    fn after(&self, rows: usize, outcome: &batch::Outcome) -> Report {
        let mut report = self.report.clone();
        report.rows += rows as u64;
        report.created += outcome.created;
        report.updated += outcome.updated;
        report.skipped += outcome.skipped;
        report.rejected += outcome.rejects.len() as u64;
        report
    }

    fn progress(&self, rows: usize, outcome: &batch::Outcome) -> Progress {
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

/// Reads the source on a thread of its own, from behind the rows that are done.
fn reading(source: Source, mapping: Mapping, options: Options, done: u64) -> mpsc::Receiver<Result<Batch>> {
    let (send, batches) = mpsc::channel(1);
    let is_hashed = mapping.place(super::Field::Password).is_some();
    let size = if is_hashed { options.batch.min(HASHED_ROWS) } else { options.batch };
    match source {
        Source::Csv(mut csv) => {
            tokio::task::spawn_blocking(move || {
                let mut left = done;
                loop {
                    let mut rows = Vec::with_capacity(size);
                    while rows.len() < size {
                        match csv.record() {
                            Ok(None) => break,
                            Ok(Some(_)) if left > 0 => left -= 1,
                            Ok(Some(cells)) => {
                                rows.push(Row::read(&mapping, &options, Form::Escaped, csv.number, cells));
                            }
                            Err(e) => return drop(send.blocking_send(Err(unreadable(&e)))),
                        }
                    }
                    if rows.is_empty() || send.blocking_send(Ok(Batch { rows, position: csv.position })).is_err() {
                        return;
                    }
                }
            });
        }
        Source::Fake(mut crowd) => {
            tokio::task::spawn_blocking(move || {
                loop {
                    let rows: Vec<_> = std::iter::from_fn(|| crowd.row()).take(size).collect();
                    if rows.is_empty() || send.blocking_send(Ok(Batch { rows, position: 0 })).is_err() {
                        return;
                    }
                }
            });
        }
        Source::Foreign(mut table) => {
            tokio::spawn(async move {
                let (mut number, mut rows) = (1, Vec::new());
                loop {
                    let page: Vec<Cells> = match table.page().await {
                        Ok(Some(page)) => page,
                        Ok(None) => break,
                        Err(error) => return drop(send.send(Err(error)).await),
                    };
                    for cells in page {
                        number += 1;
                        if number > done + 1 {
                            rows.push(Row::read(&mapping, &options, Form::Plain, number, cells));
                        }
                        if rows.len() == size {
                            let rows = std::mem::take(&mut rows);
                            if send.send(Ok(Batch { rows, position: table.position })).await.is_err() {
                                return;
                            }
                        }
                    }
                }
                if !rows.is_empty() {
                    let _ = send.send(Ok(Batch { rows, position: table.position })).await;
                }
            });
        }
    }
    batches
}

/// Waits while the log is far behind, so that neither it nor what reads it grows without end. Where nobody numbers it,
/// there is nothing to wait for.
async fn wait_for_numbers(app: &App) -> Result<()> {
    for _ in 0..500 {
        if !event::backlog_is_over(&mut app.db.read(), BACKLOG).await? {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
