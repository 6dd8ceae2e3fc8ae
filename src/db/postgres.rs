//! `PostgreSQL`: plain reads share a few pipelined connections, transactions take one from a pool.
//!
//! A statement is prepared once for each connection. A lost connection is tried again only where that is
//! safe: for reads, and for transactions that had not sent their commit.

mod lane;
mod transaction;
mod wire;

use std::{sync::atomic::Ordering, time::Duration};

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use tokio_postgres::{
    Client, Config, NoTls, Statement,
    config::SslMode,
    error::{Severity, SqlState},
};
use tokio_postgres_rustls::MakeRustlsConnect;

pub(super) use transaction::Transaction;

use self::lane::{Lane, Turn};
use super::{
    error::{Failure, Fate},
    sql::{Length, Lock, Outcome, Sql},
};
use crate::{
    error::{Error, Result},
    trust,
};

/// Connections that plain reads share.
const LANES: usize = 2;
/// The server gives a statement up after 5 s; a server that hangs is given up a little later. Neither is for migrations.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(6);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const POOL_TIMEOUT: Duration = Duration::from_secs(3);
/// Oldest major version the statements are written for.
pub const OLDEST: u32 = 15;

pub(super) struct Postgres {
    pool: Pool,
    lanes: [Lane; LANES],
    /// For reads that may take long: nobody waits behind them.
    slow: Box<[Lane]>,
    connector: Connector,
    pub schema: Option<String>,
}

#[derive(Clone)]
struct Connector {
    config: Config,
    /// Nothing where the settings want none: to read the system's roots takes longer than to connect.
    tls: Option<MakeRustlsConnect>,
}

impl Postgres {
    /// Prepares the pool; no connection is made yet. `slow` reads that may take long run at once.
    pub fn open(url: &str, schema: Option<&str>, pool_size: usize, slow: usize) -> Result<Self> {
        let mut config: Config =
            url.parse().map_err(|e| Error::unavailable(format!("DATABASE_URL cannot be read: {e}")))?;
        let path = schema.map(|schema| format!(" -c search_path={schema}")).unwrap_or_default();
        let given = config.get_options().unwrap_or_default().to_owned();
        // No statement here is long enough to be worth compiling, which alone would take 50 ms.
        config
            .options(format!(
                "-c statement_timeout=5000 -c lock_timeout=2000 -c idle_in_transaction_session_timeout=15000 \
                 -c timezone=UTC -c jit=off{path} {given}"
            ))
            .application_name("denizen")
            .connect_timeout(CONNECT_TIMEOUT)
            .keepalives_idle(Duration::from_secs(10))
            .tcp_user_timeout(ANSWER_TIMEOUT);
        // A read is one statement: it sees what is committed when it begins, and never stands in anybody's way. The
        // memory is for the numbers of a sieve, which are looked up in a table that must not be larger.
        let mut shared = config.clone();
        let options = config.get_options().unwrap_or_default();
        shared.options(format!(
            "{options} -c default_transaction_isolation=read\\ committed -c default_transaction_read_only=on \
             -c work_mem=64MB -c random_page_cost=1.1"
        ));
        let is_plain = config.get_ssl_mode() == SslMode::Disable;
        let tls = (!is_plain).then(trust::client).transpose()?.map(MakeRustlsConnect::new);
        let connector = Connector { config: shared, tls: tls.clone() };
        let how = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = match tls {
            Some(tls) => Manager::from_config(config, tls, how),
            None => Manager::from_config(config, NoTls, how),
        };
        let pool = Pool::builder(manager)
            .max_size(pool_size)
            .wait_timeout(Some(POOL_TIMEOUT))
            .create_timeout(Some(CONNECT_TIMEOUT))
            .runtime(Runtime::Tokio1)
            .post_create(Hook::async_fn(|client, _| {
                Box::pin(async move {
                    let version = client.query_one("show server_version_num", &[]).await.map_err(HookError::Backend)?;
                    let version: u32 = version.get::<_, &str>(0).parse().unwrap_or(0);
                    if version / 10_000 < OLDEST {
                        return Err(HookError::message(format!("PostgreSQL {OLDEST} or newer is needed")));
                    }
                    Ok(())
                })
            }))
            .build()
            .map_err(Error::internal)?;
        Ok(Self {
            pool,
            lanes: Default::default(),
            slow: std::iter::repeat_with(Lane::default).take(slow).collect(),
            connector,
            schema: schema.map(Into::into),
        })
    }

    /// Runs a read on a shared connection; again when that was lost.
    pub async fn read(&self, statement: &Sql) -> Result<Outcome, Failure> {
        let lanes = if statement.length == Length::Long { &self.slow[..] } else { &self.lanes };
        let lane = lanes.iter().min_by_key(|lane| lane.busy.load(Ordering::Relaxed)).unwrap_or(&self.lanes[0]);
        let _turn = Turn::of(&lane.busy);
        let session = lane.session(&self.connector).await?;
        match session.run(statement).await {
            Err(failure) if session.client.is_closed() => {
                tracing::debug!(cause = %failure.error, "read again on a new connection");
                lane.session(&self.connector).await?.run(statement).await
            }
            outcome => outcome,
        }
    }

    /// Takes a connection.
    pub async fn begin(&self) -> Result<Transaction, Failure> {
        let client = self.pool.get().await.map_err(Failure::unavailable)?;
        Ok(Transaction::on(client))
    }

    /// `(connections of the pool in use, open, allowed; who waits for one)`.
    pub fn figures(&self) -> (usize, usize, usize, usize) {
        let status = self.pool.status();
        (status.size.saturating_sub(status.available), status.size, status.max_size, status.waiting)
    }

    /// Ends the idle connections, so that the server can stop.
    pub fn close(&self) {
        self.pool.close();
    }
}

impl Connector {
    async fn connect(&self) -> Result<Client, tokio_postgres::Error> {
        let Some(tls) = &self.tls else {
            let (client, connection) = self.config.connect(NoTls).await?;
            tokio::spawn(async move { report(connection.await) });
            return Ok(client);
        };
        let (client, connection) = self.config.connect(tls.clone()).await?;
        tokio::spawn(async move { report(connection.await) });
        Ok(client)
    }
}

fn report(ended: Result<(), tokio_postgres::Error>) {
    if let Err(e) = ended {
        tracing::warn!(cause = describe(&e), "a database connection was lost");
    }
}

async fn timely<T, E: Into<Failure>>(work: impl Future<Output = Result<T, E>>) -> Result<T, Failure> {
    match tokio::time::timeout(ANSWER_TIMEOUT, work).await {
        Ok(done) => done.map_err(Into::into),
        Err(_) => Err(Failure::unavailable("the database did not answer within 6 s")),
    }
}

fn check(prepared: &Statement, statement: &Sql) -> Result<(), Failure> {
    if prepared.params().len() == statement.binds.len() {
        return Ok(());
    }
    Err(Failure::internal(format!("{} binds do not fit: {}", statement.binds.len(), statement.text)))
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        failure(&error)
    }
}

fn failure(error: &tokio_postgres::Error) -> Failure {
    let cause = describe(error);
    let Some(server) = error.as_db_error() else {
        return if error.is_closed()
            || std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
        {
            Failure::unavailable(cause)
        } else {
            Failure::internal(cause)
        };
    };
    // The session is gone, whatever the reason (it was idle for too long, say, while this process did not run). That its
    // socket is closed comes to be known a little later.
    if matches!(server.parsed_severity(), Some(Severity::Fatal | Severity::Panic)) {
        return Failure { fate: Fate::Lost, error: Error::unavailable(cause) };
    }
    match server.code() {
        &SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED => Failure::retry(cause),
        &SqlState::UNIQUE_VIOLATION => Failure::unique(server.constraint().unwrap_or_default()),
        // Stopping, starting, out of something, too slow: not our mistake, and it passes.
        code if ["57", "53", "08", "58"].iter().any(|class| code.code().starts_with(class)) => {
            Failure::unavailable(cause)
        }
        &SqlState::LOCK_NOT_AVAILABLE | &SqlState::READ_ONLY_SQL_TRANSACTION => Failure::unavailable(cause),
        _ => Failure::internal(cause),
    }
}

/// The driver's own text says only which step failed; the reason is its source.
fn describe(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Reads never lock rows.
pub(super) fn refuse_lock(statement: &Sql) -> Result<(), Failure> {
    if statement.lock == Lock::None { Ok(()) } else { Err(Failure::internal("a row lock outside a transaction")) }
}
