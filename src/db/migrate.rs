//! Migrations: the schema, step by step.
//!
//! On `PostgreSQL` nodes take turns by a lock row with a lease. The file of `SQLite` is locked while somebody writes: a
//! step and the record of it are one transaction, so whoever dies in it leaves nothing to wait for.
//!
//! A migration is either all schema or all data, never both: some distributed engines cannot mix them.
//! Its statements can be repeated (`if not exists`), so one that was interrupted is simply run again.
//! It only adds (expand), or takes away what no running version uses any more (contract); so an old and a
//! new version can serve side by side, and a database newer than this program is served.

use std::time::Duration;

use super::{Conn, Db, Engine, Tx, dialect, sql};
use crate::{
    clock::Time,
    error::{Error, Result},
    secret,
};

/// A step of the schema.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Its number; steps run in ascending order.
    pub version: i64,
    /// What it brings.
    pub name: &'static str,
    /// Its statements in `SQLite`'s words, and in `PostgreSQL`'s; the same text where one serves both.
    pub text: (&'static str, &'static str),
}

/// One migration and when it was applied here.
#[derive(Clone, Debug)]
pub struct Status {
    /// Its number.
    pub version: i64,
    /// What it brings.
    pub name: String,
    /// When, unless it is pending.
    pub applied_at: Option<Time>,
}

/// A holder that died is waited out for so long. A step may take longer: meanwhile the lease is renewed.
const LEASE: Duration = Duration::from_secs(30);
const RENEWAL: Duration = Duration::from_secs(5);
const LOCK_PAUSE: Duration = Duration::from_millis(250);
/// How often a node that waits says so, in tries.
const LOCK_WORD: u32 = 240;

const BOOKKEEPING: &str = "
create table if not exists schema_migrations (
    version {int} not null primary key, name {text} not null, checksum {bytes} not null, applied_at {time} not null
) {small_table};";
const LOCK: &str = "
create table if not exists schema_lock (
    name text not null primary key, owner bytea not null, expires_at timestamptz not null
);";

impl Db {
    /// Brings the schema up to date; tells of each step that it applied.
    ///
    /// Safe on two nodes at once: one works and the other waits, or on `SQLite` does the next step.
    ///
    /// # Errors
    /// `conflict` when the schema holds somebody else's tables, or an applied step has another text;
    /// `database_unavailable`.
    pub async fn migrate(&self, steps: &[Migration]) -> Result<Vec<&'static str>> {
        // Two nodes on an empty database may make the same thing at once: one is refused, and all is well.
        if let Some(schema) = self.schema()
            && !self.has_schema(schema).await?
        {
            let made = self.batches(&format!("create schema if not exists {schema}")).await;
            if !self.has_schema(schema).await? {
                made?;
            }
        }
        let known = self.known().await?;
        if known.is_none() {
            self.refuse_foreign().await?;
            let made = self.batches(&self.bookkeeping()).await;
            if self.known().await?.is_none() {
                made?;
            }
        }
        let known = known.unwrap_or_default();
        if missing(steps, &known).next().is_none() {
            check(self.engine(), steps, &known)?;
            return Ok(Vec::new());
        }
        match self.engine() {
            Engine::Sqlite => self.apply_whole(steps, &known).await,
            Engine::Postgres => self.apply_in_turn(steps).await,
        }
    }

    /// Every step with the time at which it was applied.
    ///
    /// # Errors
    /// `database_unavailable`.
    pub async fn migrations(&self, steps: &[Migration]) -> Result<Vec<Status>> {
        let known = self.known().await?.unwrap_or_default();
        let when = |version| known.iter().find(|(known, ..)| *known == version).map(|known| known.2);
        Ok(steps
            .iter()
            .map(|step| Status { version: step.version, name: step.name.into(), applied_at: when(step.version) })
            .collect())
    }

    /// The names of the steps that are still to be applied. Changes nothing.
    ///
    /// # Errors
    /// As [`Db::migrate`].
    pub async fn pending(&self, steps: &[Migration]) -> Result<Vec<&'static str>> {
        let known = self.known().await?;
        if known.is_none() {
            self.refuse_foreign().await?;
        }
        let known = known.unwrap_or_default();
        check(self.engine(), steps, &known)?;
        Ok(missing(steps, &known).map(|step| step.name).collect())
    }

    /// Each step and the record of it in one transaction. Another process may have done it meanwhile.
    async fn apply_whole(&self, steps: &[Migration], known: &[Applied]) -> Result<Vec<&'static str>> {
        check(self.engine(), steps, known)?;
        let mut applied = Vec::new();
        for step in missing(steps, known) {
            let text = dialect::expand(self.engine(), step.text(self.engine()));
            let done = self.write(async |tx| {
                let is_known = sql("select count(*) from schema_migrations where version = $1").bind(step.version);
                if is_known.scalar::<i64>(tx).await? > 0 {
                    return Ok(false);
                }
                tx.batch(&text).await?;
                step.record(tx).await?;
                Ok(true)
            });
            if done.await? {
                applied.push(step.name);
            }
        }
        check(self.engine(), steps, &self.known().await?.unwrap_or_default())?;
        Ok(applied)
    }

    /// Under the lock.
    async fn apply_in_turn(&self, steps: &[Migration]) -> Result<Vec<&'static str>> {
        let owner = secret::random::<16>()?;
        self.lock(owner).await?;
        let applied = self.apply(steps, owner).await;
        self.write(async |tx| {
            sql("delete from schema_lock where name = 'migrate' and owner = $1").bind(owner).execute(tx).await
        })
        .await?;
        applied
    }

    async fn apply(&self, steps: &[Migration], owner: [u8; 16]) -> Result<Vec<&'static str>> {
        let known = self.known().await?.unwrap_or_default();
        check(self.engine(), steps, &known)?;
        let mut applied = Vec::new();
        for step in missing(steps, &known) {
            let text = dialect::expand(self.engine(), step.text(self.engine()));
            Box::pin(self.held(owner, self.alter(&text))).await?;
            self.write(async |tx| {
                if !take(tx, owner, tx.now()).await? {
                    return Err(taken_over());
                }
                step.record(tx).await
            })
            .await?;
            applied.push(step.name);
        }
        Ok(applied)
    }

    /// Waits for the lock, for as long as somebody works; a holder that died is waited out by its lease.
    async fn lock(&self, owner: [u8; 16]) -> Result<()> {
        for tries in 1.. {
            if self.write(async |tx| take(tx, owner, tx.now()).await).await? {
                break;
            }
            if tries % LOCK_WORD == 0 {
                tracing::info!("another node brings the database up to date; this one waits for it");
            }
            tokio::time::sleep(LOCK_PAUSE).await;
        }
        Ok(())
    }

    /// Does the work, which ends with the lease: while it lasts, that is renewed on another connection.
    async fn held<T>(&self, owner: [u8; 16], work: impl Future<Output = Result<T>>) -> Result<T> {
        let lost = async {
            loop {
                tokio::time::sleep(RENEWAL).await;
                // One that fails is made up for by the next.
                if let Ok(false) = self.write(async |tx| take(tx, owner, tx.now()).await).await {
                    return;
                }
            }
        };
        tokio::select! {
            done = work => done,
            () = lost => Err(taken_over()),
        }
    }

    /// The steps applied so far, or nothing when there is no bookkeeping yet.
    async fn known(&self) -> Result<Option<Vec<Applied>>> {
        if !has_table(&mut self.read(), self.engine(), "schema_migrations").await? {
            return Ok(None);
        }
        let rows = sql("select version, checksum, applied_at from schema_migrations order by version");
        rows.fetch_all(&mut self.read()).await.map(Some)
    }

    /// Asked first, because whoever may use a schema may not always make one.
    async fn has_schema(&self, schema: &str) -> Result<bool> {
        sql("select to_regnamespace($1) is not null").bind(schema).scalar(&mut self.read()).await
    }

    async fn refuse_foreign(&self) -> Result<()> {
        if !has_table(&mut self.read(), self.engine(), "users").await? {
            return Ok(());
        }
        // Ours are made after their bookkeeping: another node may have made both just now.
        if self.known().await?.is_some() {
            return Ok(());
        }
        Err(Error::new(crate::error::Code::Conflict).detail(
            "This database schema already holds a table 'users' that is not Denizen's. Set DATABASE_SCHEMA to a \
             schema of its own, then bring the people over with 'denizen import'.",
        ))
    }

    /// Changes the schema where no step does, for as long as it takes.
    ///
    /// # Errors
    /// `database_unavailable`.
    pub async fn alter(&self, text: &str) -> Result<()> {
        self.write(async |tx| tx.batch(text).await).await
    }

    fn bookkeeping(&self) -> String {
        match self.engine() {
            Engine::Sqlite => BOOKKEEPING.to_owned(),
            Engine::Postgres => format!("{BOOKKEEPING}{LOCK}"),
        }
    }

    async fn batches(&self, text: &str) -> Result<()> {
        self.alter(&dialect::expand(self.engine(), text)).await
    }
}

type Applied = (i64, [u8; 32], Time);

impl Migration {
    fn text(&self, engine: Engine) -> &'static str {
        if engine == Engine::Sqlite { self.text.0 } else { self.text.1 }
    }

    /// Writes down that it is applied.
    async fn record(&self, tx: &mut Tx) -> Result<()> {
        let checksum = secret::sha256(&[self.text(tx.engine()).as_bytes()]);
        sql("insert into schema_migrations (version, name, checksum, applied_at) values ($1, $2, $3, $4)
             on conflict (version) do nothing")
        .bind(self.version)
        .bind(self.name)
        .bind(checksum)
        .bind(tx.now())
        .execute(tx)
        .await
        .map(drop)
    }
}

/// The steps that are still to be applied.
fn missing<'a>(steps: &'a [Migration], known: &[Applied]) -> impl Iterator<Item = &'a Migration> {
    steps.iter().filter(|step| !known.iter().any(|(version, ..)| *version == step.version))
}

fn check(engine: Engine, steps: &[Migration], known: &[Applied]) -> Result<()> {
    for step in steps {
        let applied = known.iter().find(|(version, ..)| *version == step.version);
        if applied.is_some_and(|(_, checksum, _)| *checksum != secret::sha256(&[step.text(engine).as_bytes()])) {
            return Err(Error::new(crate::error::Code::Conflict).detail(format!(
                "Migration {} '{}' was applied here with another text. This program and this database do not \
                 belong together: use the version that made it, or a newer one.",
                step.version, step.name
            )));
        }
    }
    Ok(())
}

fn taken_over() -> Error {
    Error::unavailable("another node took the migration over")
}

/// Takes the lock or keeps it; false when another node has it.
async fn take(tx: &mut Tx, owner: [u8; 16], now: Time) -> Result<bool> {
    let taken = sql("insert into schema_lock (name, owner, expires_at) values ('migrate', $1, $2)
                     on conflict (name) do update set owner = excluded.owner, expires_at = excluded.expires_at
                     where schema_lock.owner = $1 or schema_lock.expires_at < $3")
    .bind(owner)
    .bind(now + LEASE)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(taken == 1)
}

async fn has_table(conn: &mut Conn, engine: Engine, name: &'static str) -> Result<bool> {
    let query = match engine {
        Engine::Sqlite => sql("select count(*) from sqlite_schema where type = 'table' and name = $1"),
        Engine::Postgres => sql(
            "select count(*) from information_schema.tables where table_schema = current_schema() and table_name = $1",
        ),
    };
    Ok(query.bind(name).scalar::<i64>(conn).await? > 0)
}
