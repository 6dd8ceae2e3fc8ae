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
mod reserve;
mod statement;

use std::{
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};
use tokio::sync::{Mutex as FairMutex, OwnedMutexGuard, oneshot};

pub use file::beside;
use file::{LOG_PAGES, connect, make, map, uri};
use reserve::Reserve;
use statement::run;
pub(super) use statement::{bind, failure};

use super::{
    error::{Failure, Fate, Need},
    sql::{Outcome, Sql},
};
use crate::{
    error::{Error, Result},
    metrics::{Gauge, Histogram, SIZES},
};

/// How long a transaction queues for the writer before it gives up.
const WRITER_TIMEOUT: Duration = Duration::from_secs(10);

/// What a writer may take that brings in many rows: pages that are changed twice in a transaction are then written once
/// to the log, and those that many transactions change go once into the file.
const WIDE_CACHE_KIB: i64 = 24 * 1_024;
const WIDE_LOG_PAGES: i64 = 262_144;

/// What undoes a savepoint.
const UNDO: [&str; 2] = ["rollback to t", "release t"];

pub(super) struct Sqlite {
    /// What readers open: the path, or for one who only looks a URI.
    place: PathBuf,
    access: OpenFlags,
    /// Before the writer, so that it closes last and leaves one file: a reader cannot put the log into it.
    idle: Mutex<Vec<Connection>>,
    is_mapped: AtomicBool,
    writer: Arc<FairMutex<Writer>>,
    /// Transactions that queue for the writer; the committer, which queues too, is none.
    pub waiting: Gauge,
    committer: mpsc::Sender<()>,
    figures: Arc<Figures>,
    pub reserve: Arc<Reserve>,
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
    waiting: Vec<oneshot::Sender<Result<(), Loss>>>,
    /// Whether what is in the log stays there: the file would grow by it.
    is_sparing: bool,
}

/// Why the physical transaction was lost.
type Loss = (Fate, Arc<str>);

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
        Self::with(path.to_owned(), OpenFlags::SQLITE_OPEN_READ_ONLY, conn, Reserve::beside(path))
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
        Self::with(place, access, conn, Reserve::beside(path))
    }

    fn with(place: PathBuf, access: OpenFlags, conn: Connection, reserve: Reserve) -> Result<Self> {
        let figures = Arc::new(Figures::default());
        let writer = Writer { conn, state: State::Idle, waiting: Vec::new(), is_sparing: false };
        let writer = Arc::new(FairMutex::new(writer));
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
        let reserve = Arc::new(reserve);
        let (idle, is_mapped, waiting) = (Mutex::default(), AtomicBool::new(false), Gauge::default());
        Ok(Self { place, access, idle, is_mapped, writer, waiting, committer, figures, reserve })
    }

    /// Takes the writer and opens a savepoint. While the reserve is given up, only for what it was given up for.
    pub async fn begin(&self, need: Need) -> Result<Savepoint, Failure> {
        let lock = tokio::time::timeout(WRITER_TIMEOUT, Arc::clone(&self.writer).lock_owned());
        let waits = self.waiting.up();
        let mut writer = lock.await.map_err(|_| Failure::unavailable("the writer stayed busy"))?;
        drop(waits);
        let is_short = self.reserve.is_out();
        if is_short && need == Need::Usual {
            return Err(Failure::unavailable("the disk is full"));
        }
        if writer.is_sparing != is_short {
            let pages = if is_short { 0 } else { LOG_PAGES };
            writer.conn.pragma_update(None, "wal_autocheckpoint", pages).map_err(|e| failure(&e))?;
            writer.is_sparing = is_short;
        }
        let (text, scope) = match writer.state {
            State::Idle => ("begin immediate", Scope::Whole),
            State::Open => ("savepoint t", Scope::Own),
        };
        execute(&writer.conn, text).map_err(|e| failure(&e))?;
        writer.state = State::Open;
        Ok(Savepoint { writer: Some(writer), scope, committer: self.committer.clone() })
    }

    /// Gives the writer more memory, and its log more room before it goes into the file.
    pub async fn widen(&self) -> Result<(), Failure> {
        let writer = self.writer.lock().await;
        let widened = writer.conn.pragma_update(None, "cache_size", -WIDE_CACHE_KIB);
        let widened = widened.and_then(|()| writer.conn.pragma_update(None, "wal_autocheckpoint", WIDE_LOG_PAGES));
        // What thousands of rows can undo does not fit into that.
        let widened = widened.and_then(|()| writer.conn.pragma_update(None, "temp_store", "file"));
        widened.map_err(|e| failure(&e))
    }

    /// Lets those who read from now on map the file.
    pub fn map(&self) {
        self.is_mapped.store(true, Ordering::Relaxed);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn reader(&self) -> rusqlite::Result<Connection> {
        let conn = connect(&self.place, self.access)?;
        if self.is_mapped.load(Ordering::Relaxed) {
            map(&conn)?;
        }
        Ok(conn)
    }

    /// Runs a read on the calling thread.
    pub fn read(&self, statement: &Sql) -> Result<Outcome, Failure> {
        let conn = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let conn = match conn {
            Some(conn) => conn,
            None => self.reader().map_err(|e| failure(&e))?,
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
            self.end(&["release t"])?;
        }
        self.committed().await
    }

    /// Undoes the work and waits for the physical commit all the same.
    pub async fn rollback(mut self) -> Result<(), Failure> {
        if self.scope == Scope::Own {
            self.end(&UNDO)?;
            return self.committed().await;
        }
        if let Some(mut writer) = self.writer.take() {
            writer.abandon(Fate::Final, "the transaction was undone");
        }
        Ok(())
    }

    fn end(&self, texts: &[&str]) -> Result<(), Failure> {
        let conn = self.conn()?;
        texts.iter().try_for_each(|text| execute(conn, text)).map_err(|e| {
            let failure = failure(&e);
            // FULL or IOERR in a statement may have rolled everything back already; the drop tells the neighbours.
            if conn.is_autocommit() { Failure::full(failure.error) } else { failure }
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
            Ok(Err((fate, cause))) => Err(Failure { fate, error: Error::unavailable(cause) }),
            Err(_) => Err(Failure::unavailable("the committer is gone")),
        }
    }
}

impl Drop for Savepoint {
    /// An unfinished transaction (an error in ending it, or a panic in its closure) leaves no trace.
    fn drop(&mut self) {
        if let Some(writer) = &mut self.writer {
            let undone = || UNDO.iter().try_for_each(|text| execute(&writer.conn, text));
            let is_undone = self.scope == Scope::Own && undone().is_ok();
            if !is_undone || writer.conn.is_autocommit() {
                writer.abandon(Fate::Final, "a transaction could not be undone");
            }
            let _ = self.committer.send(());
        }
    }
}

impl Writer {
    /// The physical transaction is lost: everyone in it is told so.
    fn abandon(&mut self, fate: Fate, cause: &str) {
        if !self.conn.is_autocommit() {
            let _ = self.conn.execute_batch("rollback");
        }
        self.state = State::Idle;
        let cause: Arc<str> = cause.into();
        for answer in self.waiting.drain(..) {
            let _ = answer.send(Err((fate, Arc::clone(&cause))));
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
        return writer.abandon(Fate::Full, "the database rolled the transaction back");
    }
    if let Err(e) = execute(&writer.conn, "commit") {
        tracing::error!(cause = %e, "commit failed");
        let fate = if failure(&e).fate == Fate::Full { Fate::Full } else { Fate::Final };
        return writer.abandon(fate, &e.to_string());
    }
    writer.state = State::Idle;
    figures.commits.fetch_add(1, Ordering::Relaxed);
    figures.transactions.fetch_add(writer.waiting.len() as u64, Ordering::Relaxed);
    figures.batches.observe(writer.waiting.len() as u64);
    for answer in writer.waiting.drain(..) {
        let _ = answer.send(Ok(()));
    }
}

/// Runs one of the few statements that begin and end a transaction, which are parsed once.
fn execute(conn: &Connection, text: &str) -> rusqlite::Result<()> {
    conn.prepare_cached(text)?.execute([]).map(drop)
}

fn cannot_open(path: &Path, cause: &dyn std::fmt::Display) -> Error {
    Error::unavailable(format!("cannot open the database {}: {cause}", path.display()))
}
