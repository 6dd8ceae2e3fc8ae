//! A connection as a room sees it, and the transaction.

use std::sync::Arc;

use uuid::Uuid;

use super::{
    Backend, Db, Engine,
    error::{Failure, Fate, Need},
    load::Load,
    postgres::{self, Transaction},
    sql::{Length, Outcome, Sql},
    sqlite::Savepoint,
};
use crate::{
    clock::{Clock, Time},
    error::{Error, Result},
    id::Id,
};

/// What statements run on: the shared readers, or a transaction.
pub struct Conn {
    kind: Kind,
    /// Set by the first failed statement of a transaction: nothing more runs in it.
    fate: Option<Fate>,
}

enum Kind {
    Reader(Db),
    Sqlite(Savepoint),
    Postgres(Box<Transaction>),
    Ended,
}

/// A transaction: one instant, everything or nothing.
///
/// It is used wherever a [`Conn`] is, and adds the instant, new ids and notes.
pub struct Tx {
    conn: Conn,
    now: Time,
    clock: Clock,
    notes: Vec<Note>,
}

impl std::ops::Deref for Tx {
    type Target = Conn;
    fn deref(&self) -> &Conn {
        &self.conn
    }
}

impl std::ops::DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.conn
    }
}

/// What a transaction tells its own process once it is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note {
    /// The kind of change, a word that the listener knows.
    pub kind: &'static str,
    /// The user it concerns.
    pub user: Option<Uuid>,
    /// The session it concerns.
    pub session: Option<Uuid>,
}

impl Conn {
    /// Which engine serves.
    #[must_use]
    pub fn engine(&self) -> Engine {
        match &self.kind {
            Kind::Reader(db) => db.engine(),
            Kind::Sqlite(_) => Engine::Sqlite,
            Kind::Postgres(_) | Kind::Ended => Engine::Postgres,
        }
    }

    pub(super) fn reader(db: Db) -> Self {
        Self { kind: Kind::Reader(db), fate: None }
    }

    pub(super) async fn run(&mut self, statement: Sql) -> Result<Outcome, Failure> {
        if self.fate.is_some() {
            return Err(Failure::internal("a statement after a failed one"));
        }
        let outcome = match &mut self.kind {
            Kind::Reader(db) => return read(db, statement).await,
            Kind::Sqlite(savepoint) => savepoint.run(&statement),
            Kind::Postgres(transaction) => transaction.run(&statement).await,
            Kind::Ended => Err(Failure::internal("the transaction has ended")),
        };
        if let Err(failure) = &outcome {
            self.fate = Some(failure.fate);
        }
        outcome
    }
}

async fn read(db: &Db, statement: Sql) -> Result<Outcome, Failure> {
    postgres::refuse_lock(&statement)?;
    match &db.0.backend {
        Backend::Sqlite(sqlite) if statement.length == Length::Short => sqlite.read(&statement),
        Backend::Sqlite(_) => {
            let turn = Arc::clone(&db.0.turns).acquire_owned().await.map_err(Failure::internal)?;
            let db = db.clone();
            let task = tokio::task::spawn_blocking(move || {
                // Whoever asked may be gone: the statement goes on without him, and so does its turn.
                let _turn = turn;
                match &db.0.backend {
                    Backend::Sqlite(sqlite) => sqlite.read(&statement),
                    Backend::Postgres(_) => Err(Failure::internal("the engine has changed")),
                }
            });
            task.await.map_err(Failure::internal)?
        }
        Backend::Postgres(postgres) => postgres.read(&statement).await,
    }
}

impl Tx {
    pub(super) async fn begin(db: &Db, need: Need) -> Result<Self, Failure> {
        let conn = match &db.0.backend {
            Backend::Sqlite(sqlite) => Kind::Sqlite(sqlite.begin(need).await?),
            Backend::Postgres(postgres) => Kind::Postgres(Box::new(postgres.begin().await?)),
        };
        Ok(Self {
            conn: Conn { kind: conn, fate: None },
            now: db.0.clock.now(),
            clock: db.0.clock.clone(),
            notes: Vec::new(),
        })
    }

    /// The instant of this transaction.
    #[must_use]
    pub fn now(&self) -> Time {
        self.now
    }

    /// A new id. Later ids of one process are greater.
    ///
    /// # Errors
    /// `internal` when the system's random source fails.
    pub fn new_id<T>(&self) -> Result<Id<T>> {
        Id::new(&self.clock)
    }

    /// Tells this process something, once and only if this transaction is committed.
    pub fn note(&mut self, note: Note) {
        self.notes.push(note);
    }

    /// Runs text that is no prepared statement (schema changes).
    pub(super) async fn batch(&mut self, text: &str) -> Result<()> {
        let done = match &mut self.conn.kind {
            Kind::Sqlite(savepoint) => savepoint.batch(text),
            Kind::Postgres(transaction) => transaction.batch(text).await,
            Kind::Reader(_) | Kind::Ended => Err(Failure::internal("no transaction")),
        };
        done.map_err(|failure| {
            self.conn.fate = Some(failure.fate);
            failure.error
        })
    }

    /// Runs a statement of which nothing is read: on `PostgreSQL` together with what comes after it.
    pub(super) async fn send(&mut self, statement: Sql) -> Result<(), Failure> {
        let Kind::Postgres(transaction) = &mut self.conn.kind else { return self.conn.run(statement).await.map(drop) };
        if self.conn.fate.is_some() {
            return Err(Failure::internal("a statement after a failed one"));
        }
        transaction.send(statement).await.inspect_err(|failure| self.conn.fate = Some(failure.fate))
    }

    pub(super) async fn load(&mut self, load: &Load) -> Result<(), Failure> {
        if self.conn.fate.is_some() {
            return Err(Failure::internal("a statement after a failed one"));
        }
        let done = match &mut self.conn.kind {
            Kind::Sqlite(savepoint) => savepoint.conn().and_then(|conn| load.insert_each(conn)),
            Kind::Postgres(transaction) => transaction.load(load).await,
            Kind::Reader(_) | Kind::Ended => Err(Failure::internal("no transaction")),
        };
        done.inspect_err(|failure| self.conn.fate = Some(failure.fate))
    }

    pub(super) async fn commit(mut self) -> Result<Vec<Note>, Failure> {
        if let Some(fate) = self.conn.fate {
            let error = Error::internal("a failed statement was passed over");
            let failure = self.rollback(error).await;
            return Err(Failure { fate, error: failure.error });
        }
        match std::mem::replace(&mut self.conn.kind, Kind::Ended) {
            Kind::Sqlite(savepoint) => savepoint.commit().await?,
            Kind::Postgres(transaction) => transaction.commit().await?,
            Kind::Reader(_) | Kind::Ended => return Err(Failure::internal("no transaction")),
        }
        Ok(self.notes)
    }

    /// Rolls back and gives `error` its fate.
    pub(super) async fn rollback(mut self, error: Error) -> Failure {
        let fate = self.conn.fate.unwrap_or(Fate::Final);
        let undone = match std::mem::replace(&mut self.conn.kind, Kind::Ended) {
            Kind::Sqlite(savepoint) => savepoint.rollback().await,
            Kind::Postgres(transaction) => transaction.rollback().await,
            Kind::Reader(_) | Kind::Ended => Ok(()),
        };
        match undone {
            Ok(()) => Failure { fate, error },
            Err(failure) => failure,
        }
    }
}
