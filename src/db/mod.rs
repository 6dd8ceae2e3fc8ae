//! The engine room: one SQL text for an embedded `SQLite` file and for `PostgreSQL`.
//!
//! It sits on the drivers, because what every request costs is decided here. The invariant: what
//! [`Db::write`] returns, success or refusal, is true on disk; a transaction happens whole or not at all.
//!
//! - Reading: `sql!(..).bind(..).fetch_optional(&mut db.read())`.
//! - Writing: `db.write(async |tx| ..)` owns begin, commit and retries. The closure may run again, so it
//!   touches nothing but `tx`, and awaits nothing but SQL.
//! - What takes a right away is written by `db.withdraw(..)`: a full disk does not refuse it.
//! - What nobody reads the outcome of is sent: `sql!(..).bind(..).send(tx)`. On `PostgreSQL` it travels with the
//!   statement after it or with the commit, whose failure its own then is.
//! - Any failed statement poisons its transaction on both engines. Expected conflicts use `on conflict`;
//!   a broken unique index becomes the matching [`crate::error::Code`].
//!
//! Errors everywhere: `database_unavailable` when the engine cannot serve now, a conflict for a unique
//! index, `internal` for anything that is our mistake. Begin with [`Db`] and [`sql()`].

mod backup;
mod dialect;
mod error;
mod load;
mod meters;
pub mod grams;
mod migrate;
mod migrations;
mod postgres;
mod sql;
mod sqlite;
mod tx;
mod value;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

pub use backup::{Existing, backup};
pub use load::{Load, load};
pub use migrate::{Migration, Status};
pub use migrations::MIGRATIONS;
pub use postgres::OLDEST as OLDEST_POSTGRES;
pub use sql::{Sql, sql};
pub use sqlite::beside;
pub use tx::{Conn, Note, Tx};
pub use value::{Cells, FromValue, Record, Value};

use tokio::sync::Semaphore;

use self::{
    error::{Failure, Fate, Need},
    meters::Meters,
    postgres::Postgres,
    sqlite::Sqlite,
};
use crate::{
    clock::Clock,
    error::{Error, Result},
    metrics::Text,
    secret,
};

/// How often a transaction is tried in all. A row that many want at once (one account guessed in
/// parallel) costs a try for each that gets there first.
const TRIES: u32 = 12;

/// Which engine serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// The embedded file.
    Sqlite,
    /// A server.
    Postgres,
}

/// Where the database is.
#[derive(Clone, Debug)]
pub enum Place {
    /// A `SQLite` file, created when it is missing.
    Sqlite(PathBuf),
    /// A `PostgreSQL` server.
    Postgres {
        /// `postgres://user:password@host/database?sslmode=..`
        url: String,
        /// The schema that holds the tables; the server's default when absent.
        schema: Option<String>,
        /// Most connections that transactions take at once.
        pool_size: usize,
    },
}

/// The most connections of a node to a `PostgreSQL` server for reads that may take long.
const MOST_LANES: usize = 8;

/// The database. Copies share it.
#[derive(Clone)]
pub struct Db(Arc<Inner>);

struct Inner {
    backend: Backend,
    clock: Clock,
    meters: Meters,
    listener: std::sync::OnceLock<Listener>,
    /// Of those who read for long on this machine: one for each core, and one who stands ready. More at once would only be
    /// in each other's way, and in everybody's.
    turns: Arc<Semaphore>,
}

type Listener = Box<dyn Fn(&[Note]) + Send + Sync>;

enum Backend {
    Sqlite(Sqlite),
    Postgres(Box<Postgres>),
}

/// What the engine did and holds, for `/metrics` and `/db/status`.
#[derive(Clone, Copy, Debug)]
pub enum Figures {
    /// Logical transactions and the physical commits that carried them.
    Sqlite {
        /// Transactions answered.
        transactions: u64,
        /// Commits made.
        commits: u64,
    },
    /// The pool that transactions draw from.
    Postgres {
        /// Connections in use.
        busy: usize,
        /// Connections open.
        open: usize,
        /// Connections allowed.
        allowed: usize,
        /// Transactions that wait for one.
        waiting: usize,
    },
}

impl Db {
    /// Opens the database. Nothing is migrated yet: see [`Db::migrate`].
    ///
    /// # Errors
    /// `database_unavailable` when the file cannot be opened or the URL cannot be read.
    pub fn open(place: &Place, clock: Clock) -> Result<Self> {
        let backend = match place {
            Place::Sqlite(path) => Backend::Sqlite(Sqlite::open(path)?),
            Place::Postgres { url, schema, pool_size } => Backend::Postgres(Box::new(Postgres::open(
                url,
                schema.as_deref(),
                *pool_size,
                cores().clamp(2, MOST_LANES),
            )?)),
        };
        Ok(Self::with(backend, clock))
    }

    /// Opens the database for one who only looks: nothing is made, changed or migrated, and writes are refused.
    ///
    /// # Errors
    /// As [`Db::open`], and when there is no such file.
    pub fn look(place: &Place, clock: Clock) -> Result<Self> {
        let Place::Sqlite(path) = place else { return Self::open(place, clock) };
        let backend = Backend::Sqlite(Sqlite::look(path)?);
        Ok(Self::with(backend, clock))
    }

    fn with(backend: Backend, clock: Clock) -> Self {
        let turns = Arc::new(Semaphore::new(cores() + 1));
        Self(Arc::new(Inner { backend, clock, meters: Meters::default(), listener: std::sync::OnceLock::new(), turns }))
    }

    /// Which engine serves.
    #[must_use]
    pub fn engine(&self) -> Engine {
        match self.0.backend {
            Backend::Sqlite(_) => Engine::Sqlite,
            Backend::Postgres(_) => Engine::Postgres,
        }
    }

    /// The clock whose instants are stored here.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// What reads run on.
    #[must_use]
    pub fn read(&self) -> Conn {
        Conn::reader(self.clone())
    }

    /// Runs `work` in a transaction and commits it.
    ///
    /// `work` may run several times; only its last run counts. (It is cloned for each run: a closure that borrows
    /// what it needs is a copy, and the compiler can see that its future may move between threads.)
    ///
    /// # Errors
    /// What `work` fails with, after rolling back; `database_unavailable` when the commit did not succeed
    /// or is not known to have succeeded.
    pub fn write<T>(&self, work: impl AsyncFnOnce(&mut Tx) -> Result<T> + Clone) -> impl Future<Output = Result<T>> {
        self.transact(Need::Usual, work)
    }

    /// The same for what takes something away that somebody could misuse: a session, a key, an account's access. On a
    /// full disk `SQLite` gives up the space that it holds in reserve for it; other writes are refused until it has
    /// that space again.
    ///
    /// # Errors
    /// As [`Db::write`].
    pub fn withdraw<T>(&self, work: impl AsyncFnOnce(&mut Tx) -> Result<T> + Clone) -> impl Future<Output = Result<T>> {
        self.transact(Need::Reserve, work)
    }

    async fn transact<T>(&self, need: Need, work: impl AsyncFnOnce(&mut Tx) -> Result<T> + Clone) -> Result<T> {
        let mut open = self.0.meters.open(self.engine());
        loop {
            open.tries += 1;
            let tries = open.tries;
            let failure = match self.attempt(need, work.clone()).await {
                Ok((value, notes)) => {
                    self.tell(&notes);
                    open.end(Ok(()));
                    return Ok(value);
                }
                Err(failure) => failure,
            };
            let again = match failure.fate {
                Fate::Retry => true,
                Fate::Full => need == Need::Reserve && self.give_up_reserve(),
                Fate::Lost | Fate::Final => false,
            };
            if !again || tries == TRIES {
                open.end(Err(&failure.error));
                return Err(failure.error);
            }
            tracing::debug!(error = %failure.error, tries, "the transaction is tried again");
            tokio::time::sleep(pause(tries)).await;
        }
    }

    /// Calls `listener` with the notes of every transaction that this process commits, before the caller
    /// of [`Db::write`] learns of it. It must be quick. The first listener stays.
    pub fn listen(&self, listener: impl Fn(&[Note]) + Send + Sync + 'static) {
        let _ = self.0.listener.set(Box::new(listener));
    }

    /// Makes the reserve of a `SQLite` file when it is not there: at first, and when space has returned. A server calls it
    /// all the time; as long as all is well it costs a look at the file.
    ///
    /// # Errors
    /// `database_unavailable` while there is no space.
    pub async fn tend(&self) -> Result<()> {
        let Backend::Sqlite(sqlite) = &self.0.backend else { return Ok(()) };
        if sqlite.reserve.is_kept() {
            return Ok(());
        }
        let reserve = Arc::clone(&sqlite.reserve);
        let made = tokio::task::spawn_blocking(move || reserve.tend()).await.map_err(Error::internal)?;
        made.map_err(|e| Error::unavailable(format!("there is no reserve: {e}")))
    }

    fn give_up_reserve(&self) -> bool {
        matches!(&self.0.backend, Backend::Sqlite(sqlite) if sqlite.reserve.release())
    }

    /// Lets readers map the file of `SQLite`, as suits a server: a search looks at thousands of rows, and without copying
    /// their pages takes half the time. What is mapped and was read counts as memory of this process until the system
    /// wants it.
    pub fn map(&self) {
        if let Backend::Sqlite(sqlite) = &self.0.backend {
            sqlite.map();
        }
    }

    /// Prepares for many rows, as one may who has the database to himself.
    ///
    /// # Errors
    /// Of the database.
    pub async fn widen(&self) -> Result<()> {
        match &self.0.backend {
            Backend::Sqlite(sqlite) => Ok(sqlite.widen().await?),
            Backend::Postgres(_) => self.write(async |tx| grams::widen(tx).await).await,
        }
    }

    /// Goes back from [`Db::widen`] to what suits all.
    ///
    /// # Errors
    /// Of the database.
    pub async fn narrow(&self) -> Result<()> {
        match &self.0.backend {
            // The process that widened it ends.
            Backend::Sqlite(_) => Ok(()),
            Backend::Postgres(_) => self.write(async |tx| grams::narrow(tx).await).await,
        }
    }

    /// What the engine did and holds.
    #[must_use]
    pub fn figures(&self) -> Figures {
        match &self.0.backend {
            Backend::Sqlite(sqlite) => {
                let (transactions, commits) = sqlite.figures();
                Figures::Sqlite { transactions, commits }
            }
            Backend::Postgres(postgres) => {
                let (busy, open, allowed, waiting) = postgres.figures();
                Figures::Postgres { busy, open, allowed, waiting }
            }
        }
    }

    /// Tells of the engine and of its transactions.
    pub fn tell_meters(&self, text: &mut Text) {
        self.0.meters.tell(text);
        match &self.0.backend {
            Backend::Sqlite(sqlite) => meters::sqlite(text, sqlite),
            Backend::Postgres(_) => meters::postgres(text, self.figures()),
        }
    }

    /// Ends the idle connections to a server.
    pub fn close(&self) {
        if let Backend::Postgres(postgres) = &self.0.backend {
            postgres.close();
        }
    }

    /// The schema that this program may have to make: a plain identifier.
    fn schema(&self) -> Option<&str> {
        match &self.0.backend {
            Backend::Sqlite(_) => None,
            Backend::Postgres(postgres) => postgres.schema.as_deref(),
        }
    }

    async fn attempt<T>(
        &self,
        need: Need,
        work: impl AsyncFnOnce(&mut Tx) -> Result<T>,
    ) -> Result<(T, Vec<Note>), Failure> {
        let begun = Instant::now();
        let tx = Tx::begin(self, need).await;
        self.0.meters.waited.time(begun.elapsed());
        let mut tx = tx?;
        match work(&mut tx).await {
            Ok(value) => tx.commit().await.map(|notes| (value, notes)),
            Err(error) => Err(tx.rollback(error).await),
        }
    }

    fn tell(&self, notes: &[Note]) {
        if let Some(listener) = self.0.listener.get().filter(|_| !notes.is_empty()) {
            listener(notes);
        }
    }
}

/// How many reads run at once on this machine.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

/// A pause that grows and differs from one caller to the next: 1-2 ms, 2-4 ms, .. at most 64-128 ms.
fn pause(tries: u32) -> Duration {
    let base = 1_000u64 << tries.clamp(1, 7).saturating_sub(1);
    let spread = secret::random::<2>().map_or(0, |bytes| u64::from(u16::from_be_bytes(bytes)));
    Duration::from_micros(base + base * spread / u64::from(u16::MAX))
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { fate: Fate::Final, error }
    }
}
