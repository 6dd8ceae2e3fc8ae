//! `SQLite`: one writer with group commit, and readers on the calling thread.
//!
//! A logical transaction is a savepoint inside one physical transaction; the first needs none, since until it ends it
//! is the whole. Whoever holds the writer runs his statements inline and passes the writer on; the committer, a thread
//! of its own, queues for the writer like everyone else (the mutex is fair), so it commits all who came before it at
//! one fsync and then answers them. A failed savepoint rolls back alone. Nothing is answered before the commit, a refusal
//! neither: it may rest on a neighbour's row.
//!
//! The closure of a transaction awaits only SQL, and SQL here never suspends: a transaction that began
//! ends in the same poll, so it cannot be cancelled half-way.

mod file;

use std::{
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags, ffi, types::ValueRef};
use tokio::sync::{Mutex as FairMutex, OwnedMutexGuard, oneshot};

pub use file::beside;
use file::{connect, make, uri};

use super::{
    Value, dialect,
    error::Failure,
    sql::{Outcome, Sql},
};
use crate::{
    error::{Error, Result},
    metrics::{Histogram, SIZES},
};

/// How long a transaction queues for the writer before it gives up.
const WRITER_TIMEOUT: Duration = Duration::from_secs(10);

/// What a writer may take that brings in many rows: pages that are changed twice in a transaction are then written once.
const WIDE_CACHE_KIB: i64 = 40 * 1_024;
const WIDE_LOG_PAGES: i64 = 40_000;

pub(super) struct Sqlite {
    /// What readers open: the path, or for one who only looks a URI.
    place: PathBuf,
    access: OpenFlags,
    /// Before the writer, so that it closes last and leaves one file: a reader cannot put the log into it.
    idle: Mutex<Vec<Connection>>,
    writer: Arc<FairMutex<Writer>>,
    committer: mpsc::Sender<()>,
    figures: Arc<Figures>,
}

/// What the writer did so far.
pub(super) struct Figures {
    pub transactions: AtomicU64,
    pub commits: AtomicU64,
    pub batches: Histogram,
}

impl Default for Figures {
    fn default() -> Self {
        Self { transactions: AtomicU64::new(0), commits: AtomicU64::new(0), batches: Histogram::new(SIZES) }
    }
}

/// The one connection that writes.
pub(super) struct Writer {
    conn: Connection,
    state: State,
    waiting: Vec<oneshot::Sender<Result<(), Arc<str>>>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    Open,
}

/// A logical transaction: the writer, held.
pub(super) struct Savepoint {
    writer: Option<OwnedMutexGuard<Writer>>,
    scope: Scope,
    committer: mpsc::Sender<()>,
}

/// What of the physical transaction a logical one can undo.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// All of it, since it came first and nobody joins before it ends.
    Whole,
    /// What it did itself.
    Own,
}

impl Sqlite {
    /// Opens or creates the file, readable by its owner only.
    pub fn open(path: &Path) -> Result<Self> {
        if let Some(folder) = path.parent() {
            make(folder).map_err(|e| cannot_open(path, &e))?;
        }
        std::fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path)
            .map_err(|e| cannot_open(path, &e))?;
        let conn = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(|e| cannot_open(path, &e))?;
        Self::with(path.to_owned(), OpenFlags::SQLITE_OPEN_READ_ONLY, conn)
    }

    /// Opens a file that is there, for one who only looks: nothing is made or changed, writes are refused.
    ///
    /// With a log beside it somebody works on it, or died there. Without one it is read as it lies, since `SQLite` would
    /// make an empty log first.
    pub fn look(path: &Path) -> Result<Self> {
        std::fs::File::open(path).map_err(|e| cannot_open(path, &e))?;
        let options = if beside(path, "-wal").exists() { "mode=ro" } else { "immutable=1" };
        let access = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        let place = uri(path, options);
        let conn = connect(&place, access).map_err(|e| cannot_open(path, &e))?;
        Self::with(place, access, conn)
    }

    fn with(place: PathBuf, access: OpenFlags, conn: Connection) -> Result<Self> {
        let figures = Arc::new(Figures::default());
        let writer = Arc::new(FairMutex::new(Writer { conn, state: State::Idle, waiting: Vec::new() }));
        let (committer, wake) = mpsc::channel();
        let (queue, counted) = (Arc::downgrade(&writer), Arc::clone(&figures));
        std::thread::Builder::new()
            .name("commit".into())
            .spawn(move || {
                while wake.recv().is_ok() {
                    let Some(writer) = queue.upgrade() else { return };
                    commit(&mut writer.blocking_lock(), &counted);
                }
            })
            .map_err(Error::internal)?;
        Ok(Self { place, access, writer, committer, idle: Mutex::default(), figures })
    }

    /// Takes the writer and opens a savepoint.
    pub async fn begin(&self) -> Result<Savepoint, Failure> {
        let lock = tokio::time::timeout(WRITER_TIMEOUT, Arc::clone(&self.writer).lock_owned());
        let mut writer = lock.await.map_err(|_| Failure::unavailable("the writer stayed busy"))?;
        let (text, scope) = match writer.state {
            State::Idle => ("begin immediate", Scope::Whole),
            State::Open => ("savepoint t", Scope::Own),
        };
        writer.conn.execute_batch(text).map_err(|e| failure(&e))?;
        writer.state = State::Open;
        Ok(Savepoint { writer: Some(writer), scope, committer: self.committer.clone() })
    }

    /// Gives the writer more memory, and its log more room before it goes into the file.
    pub async fn widen(&self) -> Result<(), Failure> {
        let writer = self.writer.lock().await;
        let widened = writer.conn.pragma_update(None, "cache_size", -WIDE_CACHE_KIB);
        let widened = widened.and_then(|()| writer.conn.pragma_update(None, "wal_autocheckpoint", WIDE_LOG_PAGES));
        widened.map_err(|e| failure(&e))
    }

    /// Runs a read on the calling thread.
    pub fn read(&self, statement: &Sql) -> Result<Outcome, Failure> {
        let conn = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let conn = match conn {
            Some(conn) => conn,
            None => connect(&self.place, self.access).map_err(|e| failure(&e))?,
        };
        let outcome = run(&conn, statement);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(conn);
        outcome
    }

    /// What the writer did so far: `(logical transactions, physical commits)`.
    pub fn figures(&self) -> (u64, u64) {
        (self.figures.transactions.load(Ordering::Relaxed), self.figures.commits.load(Ordering::Relaxed))
    }

    /// How many transactions the commits carried.
    pub fn batches(&self) -> &Histogram {
        &self.figures.batches
    }

    /// The sizes of the file and of the write-ahead log, in bytes; 0 for what is not there, or only looked at.
    pub fn sizes(&self) -> (u64, u64) {
        let size = |path: &Path| path.metadata().map_or(0, |found| found.len());
        let mut wal = self.place.clone().into_os_string();
        wal.push("-wal");
        (size(&self.place), size(Path::new(&wal)))
    }
}

impl Savepoint {
    pub fn run(&mut self, statement: &Sql) -> Result<Outcome, Failure> {
        run(self.conn()?, statement)
    }

    pub fn conn(&self) -> Result<&Connection, Failure> {
        let writer = self.writer.as_ref().ok_or_else(|| Failure::internal("the transaction has ended"))?;
        Ok(&writer.conn)
    }

    pub fn batch(&self, text: &str) -> Result<(), Failure> {
        self.conn()?.execute_batch(text).map_err(|e| failure(&e))
    }

    /// Keeps the work and waits for the physical commit.
    pub async fn commit(mut self) -> Result<(), Failure> {
        if self.scope == Scope::Own {
            self.end("release t")?;
        }
        self.committed().await
    }

    /// Undoes the work and waits for the physical commit all the same.
    pub async fn rollback(mut self) -> Result<(), Failure> {
        if self.scope == Scope::Own {
            self.end("rollback to t; release t")?;
            return self.committed().await;
        }
        if let Some(mut writer) = self.writer.take() {
            writer.abandon("the transaction was undone");
        }
        Ok(())
    }

    fn end(&self, text: &str) -> Result<(), Failure> {
        self.batch(text).map_err(|failure| {
            // FULL or IOERR in a statement may have rolled everything back already; the drop tells the neighbours.
            let is_lost = self.writer.as_ref().is_some_and(|writer| writer.conn.is_autocommit());
            if is_lost { Failure::unavailable(failure.error) } else { failure }
        })
    }

    async fn committed(&mut self) -> Result<(), Failure> {
        let mut writer = self.writer.take().ok_or_else(|| Failure::internal("the transaction has ended"))?;
        let (answer, answered) = oneshot::channel();
        writer.waiting.push(answer);
        drop(writer);
        // The committer lives as long as the engine, which this transaction keeps alive.
        let _ = self.committer.send(());
        match answered.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(cause)) => Err(Failure::unavailable(cause)),
            Err(_) => Err(Failure::unavailable("the committer is gone")),
        }
    }
}

impl Drop for Savepoint {
    /// An unfinished transaction (an error in ending it, or a panic in its closure) leaves no trace.
    fn drop(&mut self) {
        if let Some(writer) = &mut self.writer {
            let is_undone = self.scope == Scope::Own && writer.conn.execute_batch("rollback to t; release t").is_ok();
            if !is_undone || writer.conn.is_autocommit() {
                writer.abandon("a transaction could not be undone");
            }
            let _ = self.committer.send(());
        }
    }
}

impl Writer {
    /// The physical transaction is lost: everyone in it is told so.
    fn abandon(&mut self, cause: &str) {
        if !self.conn.is_autocommit() {
            let _ = self.conn.execute_batch("rollback");
        }
        self.state = State::Idle;
        let cause: Arc<str> = cause.into();
        for answer in self.waiting.drain(..) {
            let _ = answer.send(Err(Arc::clone(&cause)));
        }
    }
}

/// Commits the physical transaction and answers all that waited for it.
fn commit(writer: &mut Writer, figures: &Figures) {
    if writer.state == State::Idle {
        return;
    }
    if writer.conn.is_autocommit() {
        // FULL or IOERR in a statement has rolled everything back already.
        return writer.abandon("the database rolled the transaction back");
    }
    if let Err(e) = writer.conn.execute_batch("commit") {
        tracing::error!(cause = %e, "commit failed");
        return writer.abandon(&e.to_string());
    }
    writer.state = State::Idle;
    figures.commits.fetch_add(1, Ordering::Relaxed);
    figures.transactions.fetch_add(writer.waiting.len() as u64, Ordering::Relaxed);
    figures.batches.observe(writer.waiting.len() as u64);
    for answer in writer.waiting.drain(..) {
        let _ = answer.send(Ok(()));
    }
}

fn run(conn: &Connection, statement: &Sql) -> Result<Outcome, Failure> {
    let mut prepared = conn.prepare_cached(&statement.text).map_err(|e| failure(&e))?;
    let mut used = 0;
    for index in 1..=prepared.parameter_count() {
        // `$2` may be the first parameter that SQLite sees: go by the name.
        let number = prepared.parameter_name(index).and_then(|name| name[1..].parse::<usize>().ok()).unwrap_or(0);
        let value = number.checked_sub(1).and_then(|n| statement.binds.get(n)).ok_or_else(|| binds(statement))?;
        used = used.max(number);
        bind(&mut prepared, index, value).map_err(|e| failure(&e))?;
    }
    if used != statement.binds.len() {
        return Err(binds(statement));
    }
    let width = prepared.column_count();
    let mut rows = Vec::new();
    let mut cursor = prepared.raw_query();
    while let Some(row) = cursor.next().map_err(|e| failure(&e))? {
        let mut cells = Vec::with_capacity(width);
        for n in 0..width {
            cells.push(cell(row.get_ref(n).map_err(|e| failure(&e))?)?);
        }
        rows.push(cells);
    }
    drop(cursor);
    let affected = if width == 0 { conn.changes() } else { rows.len() as u64 };
    Ok(Outcome { rows, affected })
}

fn binds(statement: &Sql) -> Failure {
    Failure::internal(format!("{} binds do not fit: {}", statement.binds.len(), statement.text))
}

pub(super) fn bind(prepared: &mut rusqlite::Statement<'_>, index: usize, value: &Value) -> rusqlite::Result<()> {
    match value {
        Value::Null => prepared.raw_bind_parameter(index, rusqlite::types::Null),
        Value::Bool(v) => prepared.raw_bind_parameter(index, v),
        Value::Int(v) => prepared.raw_bind_parameter(index, v),
        Value::Text(v) => prepared.raw_bind_parameter(index, v),
        Value::Bytes(v) => prepared.raw_bind_parameter(index, v),
        Value::Uuid(v) => prepared.raw_bind_parameter(index, v.as_bytes().as_slice()),
        Value::Time(v) => prepared.raw_bind_parameter(index, v.micros()),
        Value::Json(v) => prepared.raw_bind_parameter(index, serde_json::to_string(v).unwrap_or_default()),
    }
}

fn cell(value: ValueRef<'_>) -> Result<Value, Failure> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(v) => Value::Int(v),
        ValueRef::Text(v) => {
            Value::Text(std::str::from_utf8(v).map_err(|_| Failure::internal("stored text is not UTF-8"))?.to_owned())
        }
        ValueRef::Blob(v) => Value::Bytes(v.to_vec()),
        ValueRef::Real(_) => return Err(Failure::internal("a real number where none is stored")),
    })
}

fn cannot_open(path: &Path, cause: &dyn std::fmt::Display) -> Error {
    Error::unavailable(format!("cannot open the database {}: {cause}", path.display()))
}

pub(super) fn failure(error: &rusqlite::Error) -> Failure {
    let Some(code) = error.sqlite_error() else { return Failure::internal(error) };
    match (code.code, code.extended_code) {
        (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => Failure::retry(error),
        (_, ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY) => match error {
            rusqlite::Error::SqliteFailure(_, Some(message)) => Failure::unique(&dialect::unique_index(message)),
            _ => Failure::internal(error),
        },
        (
            ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::OutOfMemory
            | ErrorCode::PermissionDenied,
            _,
        ) => Failure::unavailable(error),
        _ => Failure::internal(error),
    }
}
